# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule NetworkMonitor do
  @moduledoc "Counts the traffic that each process asks for, seen from the entry of the socket system calls."
  use Honey, license: "Dual BSD/GPL"
  alias Honey.BpfHelpers
  alias Honey.Net

  @max_flows 10_240

  defstruct :traffic_key do
    field(:pid, :u32)
    field(:protocol, :u8)
    field(:port, :u16)
    field(:ip, :be32)
  end

  defstruct :traffic_stats do
    field(:bytes_sent, :u64)
    field(:bytes_recv, :u64)
    field(:packets_sent, :u64)
    field(:packets_recv, :u64)
    field(:last_update_ns, :u64)
  end

  defmap(:traffic_map, :bpf_hash,
    key_type: :traffic_key,
    value_type: :traffic_stats,
    max_entries: @max_flows
  )

  defmap(:protocol_totals, :bpf_hash, key_type: :u8, value_type: :u64, max_entries: 256)
  defmap(:pid_stats, :bpf_hash, key_type: :u32, value_type: :traffic_stats, max_entries: 10_240)
  # Written by the user space that judges the traffic, never here.
  defmap(:anomaly_map, :bpf_hash, key_type: :traffic_key, value_type: :u64, max_entries: 1024)

  @sec "tracepoint/syscalls/sys_enter_sendto"
  def trace_sendto(ctx) do
    pid = current_pid()
    if pid == 0 or ctx.len == 0, do: return(0)
    book_sent(%traffic_key{pid: pid, protocol: :IPPROTO_UDP}, ctx.addr, ctx.len)
  end

  @sec "tracepoint/syscalls/sys_enter_recvfrom"
  def trace_recvfrom(ctx) do
    pid = current_pid()
    if pid == 0, do: return(0)
    book_received(%traffic_key{pid: pid, protocol: :IPPROTO_UDP}, max(ctx.size, 1))
  end

  @sec "tracepoint/syscalls/sys_enter_sendmsg"
  def trace_sendmsg(ctx) do
    pid = current_pid()
    if pid == 0, do: return(0)
    bytes = message_bytes(ctx.msg)
    header = BpfHelpers.probe_read_user(ctx.msg, :msghdr)
    book_sent(%traffic_key{pid: pid, protocol: :IPPROTO_TCP}, header && header.msg_name, bytes)
  end

  @sec "tracepoint/syscalls/sys_enter_recvmsg"
  def trace_recvmsg(ctx) do
    bytes = message_bytes(ctx.msg)
    pid = current_pid()
    if pid == 0, do: return(0)
    book_received(%traffic_key{pid: pid, protocol: :IPPROTO_TCP}, bytes)
  end

  defp current_pid, do: BpfHelpers.get_current_pid_tgid() >>> 32

  # The bytes a message asks for; a header that is missing or tells nothing counts as one byte.
  defp message_bytes(nil), do: 1
  defp message_bytes(msg), do: max(BpfHelpers.core_read(msg, :msghdr, [:msg_iter, :count]), 1)

  defp book_sent(key, address, bytes) do
    peer = address && BpfHelpers.probe_read_user(address, :sockaddr_in)

    if peer && peer.sin_family == :AF_INET do
      key.ip = peer.sin_addr.s_addr
      key.port = Net.ntohs(peer.sin_port)
    end

    Honey.Map.update(:protocol_totals, key.protocol, bytes, fn total -> total + bytes end)
    now = BpfHelpers.ktime_get_ns()
    add_sent(:traffic_map, key, bytes, now)
    add_sent(:pid_stats, key.pid, bytes, now)
    0
  end

  defp book_received(key, bytes) do
    Honey.Map.update(:protocol_totals, key.protocol, bytes, fn total -> total + bytes end)
    now = BpfHelpers.ktime_get_ns()
    add_received(:traffic_map, key, bytes, now)
    add_received(:pid_stats, key.pid, bytes, now)
    0
  end

  defp add_sent(map, key, bytes, now) do
    stats = BpfHelpers.map_lookup_elem(map, key)

    if stats do
      stats.bytes_sent = stats.bytes_sent + bytes
      stats.packets_sent = stats.packets_sent + 1
      stats.last_update_ns = now
    else
      first = %traffic_stats{bytes_sent: bytes, packets_sent: 1, last_update_ns: now}
      BpfHelpers.map_update_elem(map, key, first)
    end
  end

  defp add_received(map, key, bytes, now) do
    stats = BpfHelpers.map_lookup_elem(map, key)

    if stats do
      stats.bytes_recv = stats.bytes_recv + bytes
      stats.packets_recv = stats.packets_recv + 1
      stats.last_update_ns = now
    else
      first = %traffic_stats{bytes_recv: bytes, packets_recv: 1, last_update_ns: now}
      BpfHelpers.map_update_elem(map, key, first)
    end
  end
end
