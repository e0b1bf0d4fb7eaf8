# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule NetworkMonitor do
  @moduledoc "Counts the traffic that each process asks for, at the entry of the socket system calls."
  use Honey, license: "Dual BSD/GPL"
  alias Honey.BpfHelpers
  alias Honey.Net

  @max_entries 10_240

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

  defmap(:traffic_map, :bpf_hash, key_type: :traffic_key, value_type: :traffic_stats, max_entries: @max_entries)
  defmap(:protocol_totals, :bpf_hash, key_type: :u8, value_type: :u64, max_entries: 256)
  defmap(:pid_stats, :bpf_hash, key_type: :u32, value_type: :traffic_stats, max_entries: @max_entries)
  # Written by the user space that judges the traffic, never here.
  defmap(:anomaly_map, :bpf_hash, key_type: :traffic_key, value_type: :u64, max_entries: 1024)

  @sec "tracepoint/syscalls/sys_enter_sendto"
  def trace_sendto(ctx) do
    pid = BpfHelpers.get_current_pid_tgid() >>> 32
    if pid == 0 || ctx.len == 0, do: return(0)
    key = %traffic_key{pid: pid, protocol: :IPPROTO_UDP}

    if ctx.addr do
      peer = BpfHelpers.probe_read_user(ctx.addr, :sockaddr_in)

      if peer && peer.sin_family == :AF_INET do
        key.port = Net.ntohs(peer.sin_port)
        key.ip = peer.sin_addr.s_addr
      end
    end

    book_sent(key, ctx.len)
  end

  @sec "tracepoint/syscalls/sys_enter_recvfrom"
  def trace_recvfrom(ctx) do
    pid = BpfHelpers.get_current_pid_tgid() >>> 32
    if pid == 0, do: return(0)
    book_received(%traffic_key{pid: pid, protocol: :IPPROTO_UDP}, max(ctx.size, 1))
  end

  @sec "tracepoint/syscalls/sys_enter_sendmsg"
  def trace_sendmsg(ctx) do
    pid = BpfHelpers.get_current_pid_tgid() >>> 32
    if pid == 0, do: return(0)
    key = %traffic_key{pid: pid, protocol: :IPPROTO_TCP}
    header = BpfHelpers.probe_read_user(ctx.msg, :msghdr)

    if header && header.msg_name do
      peer = BpfHelpers.probe_read_user(header.msg_name, :sockaddr_in)

      if peer && peer.sin_family == :AF_INET do
        key.port = Net.ntohs(peer.sin_port)
        key.ip = peer.sin_addr.s_addr
      end
    end

    book_sent(key, message_bytes(ctx.msg))
  end

  @sec "tracepoint/syscalls/sys_enter_recvmsg"
  def trace_recvmsg(ctx) do
    pid = BpfHelpers.get_current_pid_tgid() >>> 32
    if pid == 0, do: return(0)
    book_received(%traffic_key{pid: pid, protocol: :IPPROTO_TCP}, message_bytes(ctx.msg))
  end

  defp message_bytes(msg), do: max(BpfHelpers.core_read(msg, :msghdr, [:msg_iter, :count]), 1)

  defp book_sent(key, bytes), do: book(key, bytes, %traffic_stats{bytes_sent: bytes, packets_sent: 1})
  defp book_received(key, bytes), do: book(key, bytes, %traffic_stats{bytes_recv: bytes, packets_recv: 1})

  defp book(key, bytes, change) do
    Honey.Map.add(:protocol_totals, key.protocol, bytes)
    now = BpfHelpers.ktime_get_ns()
    flow = Honey.Map.add(:traffic_map, key, change)
    if flow, do: flow.last_update_ns = now
    process = Honey.Map.add(:pid_stats, key.pid, change)
    if process, do: process.last_update_ns = now
    0
  end
end
