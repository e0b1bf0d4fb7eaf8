# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule DiskMonitor do
  @moduledoc """
  Reads and writes of each process: bytes from the return value, number and latency, per (process, operation) and per
  process. A call that failed is not booked.
  """
  use Honey, license: "Dual BSD/GPL"

  @size 10_240

  defstruct :io_key do
    field(:pid, :u32)
    field(:operation, :u32)
  end

  defstruct :io_stats do
    field(:bytes, :u64)
    field(:operations, :u64)
    field(:total_ns, :u64)
    field(:min_ns, :u64)
    field(:max_ns, :u64)
  end

  # When the call that a thread is in began.
  defmap(:started, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: @size)

  defmap(:io_by_operation, :bpf_hash, key_type: :io_key, value_type: :io_stats, max_entries: @size)

  defmap(:io_by_pid, :bpf_hash, key_type: :u32, value_type: :io_stats, max_entries: @size)

  for {call, operation} <- [read: 0, write: 1, pread64: 2, pwrite64: 3, readv: 4, writev: 5] do
    @sec "tracepoint/syscalls/sys_enter_#{call}"
    def unquote(:"enter_#{call}")(_ctx), do: enter()
    @sec "tracepoint/syscalls/sys_exit_#{call}"
    def unquote(:"exit_#{call}")(ctx), do: leave(unquote(operation), ctx.ret)
  end

  defp enter do
    map_update_elem(:started, get_current_pid_tgid(), ktime_get_ns())
    0
  end

  defp leave(operation, bytes) do
    thread = get_current_pid_tgid()
    start = map_lookup_elem(:started, thread) || return(0)
    latency = ktime_get_ns() - start
    map_delete_elem(:started, thread)
    if bytes < 0, do: return(0)
    pid = thread >>> 32
    add(:io_by_operation, %io_key{pid: pid, operation: operation}, bytes, latency)
    add(:io_by_pid, pid, bytes, latency)
    0
  end

  defp add(map, key, bytes, latency) do
    stats = Honey.Map.entry(map, key, %io_stats{min_ns: latency}) || return(nil)
    stats.bytes = stats.bytes + bytes
    stats.operations = stats.operations + 1
    stats.total_ns = stats.total_ns + latency
    if latency < stats.min_ns, do: stats.min_ns = latency
    if latency > stats.max_ns, do: stats.max_ns = latency
  end
end
