# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule MemoryMonitor do
  @moduledoc """
  What each process asks of the kernel's memory management: mmap, munmap and brk, at their entry. Mappings smaller than
  16 KiB are left out; more given back than was taken counts down to 0 and no further.
  """
  use Honey, license: "Dual BSD/GPL"

  @min_length 16_384
  @size 10_240
  @mmap 1
  @munmap 2
  @brk 3

  defstruct :memory_stats do
    field(:current_bytes, :u64)
    field(:peak_bytes, :u64)
    field(:total_mapped, :u64)
    field(:total_unmapped, :u64)
    field(:mmaps, :u64)
    field(:munmaps, :u64)
    field(:brks, :u64)
  end

  defstruct :memory_event do
    field(:time_ns, :u64)
    field(:pid, :u32)
    field(:operation, :u32)
    field(:address, :u64)
    field(:length, :u64)
  end

  defmap(:memory_by_pid, :bpf_hash, key_type: :u32, value_type: :memory_stats, max_entries: @size)
  # Where the program break of a process was last asked to be.
  defmap(:program_break, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: @size)
  defmap(:events, :bpf_ringbuf, max_entries: 1_048_576)

  @sec "tracepoint/syscalls/sys_enter_mmap"
  def trace_mmap(ctx) do
    if ctx.len < @min_length, do: return(0)
    stats = stats_of(current_pid()) || return(0)
    grow(stats, ctx.len)
    stats.mmaps = stats.mmaps + 1
    emit_event(@mmap, ctx.addr, ctx.len)
  end

  @sec "tracepoint/syscalls/sys_enter_munmap"
  def trace_munmap(ctx) do
    if ctx.len < @min_length, do: return(0)
    stats = stats_of(current_pid()) || return(0)
    shrink(stats, ctx.len)
    stats.munmaps = stats.munmaps + 1
    emit_event(@munmap, ctx.addr, ctx.len)
  end

  @sec "tracepoint/syscalls/sys_enter_brk"
  def trace_brk(ctx) do
    stats = stats_of(current_pid()) || return(0)
    stats.brks = stats.brks + 1
    # Asking for 0 is a question, not a change.
    if ctx.brk == 0, do: return(0)
    emit_event(@brk, ctx.brk, move_break(stats, ctx.brk))
  end

  # Gives how far the break moves.
  defp move_break(stats, wanted) do
    last = map_lookup_elem(:program_break, current_pid()) || wanted
    map_update_elem(:program_break, current_pid(), wanted)

    if wanted > last do
      grow(stats, wanted - last)
      wanted - last
    else
      shrink(stats, last - wanted)
      last - wanted
    end
  end

  defp current_pid, do: get_current_pid_tgid() >>> 32

  defp stats_of(pid), do: Honey.Map.entry(:memory_by_pid, pid, %memory_stats{})

  defp grow(stats, length) do
    stats.total_mapped = stats.total_mapped + length
    stats.current_bytes = stats.current_bytes + length
    stats.peak_bytes = max(stats.peak_bytes, stats.current_bytes)
  end

  defp shrink(stats, length) do
    stats.total_unmapped = stats.total_unmapped + length
    stats.current_bytes = stats.current_bytes - min(length, stats.current_bytes)
  end

  defp emit_event(operation, address, length) do
    Honey.Ring.emit(:events, %memory_event{
      time_ns: ktime_get_ns(),
      pid: current_pid(),
      operation: operation,
      address: address,
      length: length
    })
  end
end
