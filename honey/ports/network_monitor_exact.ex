# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule NetworkMonitorExact do
  @moduledoc """
  The traffic that processes really cause: bytes from the return values of the socket system calls, the protocol from
  the socket itself, the peer from the address that was given or, for a connected socket, from the socket. A call that
  failed is not booked.
  """
  use Honey, license: "Dual BSD/GPL"
  alias Honey.Net

  @size 10_240
  # Of one sendmmsg or recvmmsg.
  @max_messages 64

  defstruct :flow do
    field(:pid, :u32)
    field(:family, :u16)
    field(:port, :u16)
    field(:protocol, :u8)
    field(:address, {:array, :be32, 4})
  end

  defstruct :traffic do
    field(:bytes_sent, :u64)
    field(:bytes_recv, :u64)
    field(:packets_sent, :u64)
    field(:packets_recv, :u64)
    field(:last_update_ns, :u64)
  end

  # What the exit of a call must know of its entry: the socket, and the address or the message headers.
  defstruct :call do
    field(:name, :ptr)
    field(:fd, :u32)
  end

  defmap(:calls, :bpf_hash, key_type: :u32, value_type: :call, max_entries: @size)
  defmap(:flows, :bpf_hash, key_type: :flow, value_type: :traffic, max_entries: @size)

  defmap(:traffic_by_pid, :bpf_hash, key_type: :u32, value_type: :traffic, max_entries: @size)

  @sec "tracepoint/syscalls/sys_enter_sendto"
  def enter_sendto(ctx), do: enter(ctx.fd, ctx.addr)
  @sec "tracepoint/syscalls/sys_exit_sendto"
  def exit_sendto(ctx), do: leave_single(ctx.ret, :sent, :address)

  @sec "tracepoint/syscalls/sys_enter_recvfrom"
  def enter_recvfrom(ctx), do: enter(ctx.fd, ctx.addr)
  @sec "tracepoint/syscalls/sys_exit_recvfrom"
  def exit_recvfrom(ctx), do: leave_single(ctx.ret, :received, :address)

  @sec "tracepoint/syscalls/sys_enter_sendmsg"
  def enter_sendmsg(ctx), do: enter(ctx.fd, ctx.msg)
  @sec "tracepoint/syscalls/sys_exit_sendmsg"
  def exit_sendmsg(ctx), do: leave_single(ctx.ret, :sent, :header)

  @sec "tracepoint/syscalls/sys_enter_recvmsg"
  def enter_recvmsg(ctx), do: enter(ctx.fd, ctx.msg)
  @sec "tracepoint/syscalls/sys_exit_recvmsg"
  def exit_recvmsg(ctx), do: leave_single(ctx.ret, :received, :header)

  @sec "tracepoint/syscalls/sys_enter_sendmmsg"
  def enter_sendmmsg(ctx), do: enter(ctx.fd, ctx.mmsg)
  @sec "tracepoint/syscalls/sys_exit_sendmmsg"
  def exit_sendmmsg(ctx), do: leave_many(ctx.ret, :sent)

  @sec "tracepoint/syscalls/sys_enter_recvmmsg"
  def enter_recvmmsg(ctx), do: enter(ctx.fd, ctx.mmsg)
  @sec "tracepoint/syscalls/sys_exit_recvmmsg"
  def exit_recvmmsg(ctx), do: leave_many(ctx.ret, :received)

  defp enter(fd, name) do
    map_update_elem(:calls, get_current_pid_tgid(), %call{name: name, fd: fd})
    0
  end

  defp leave_single(ret, direction, kind) do
    call = finished_call()
    if call == nil or ret < 0, do: return(0)
    book(socket_of(call.fd), direction, given_name(kind, call.name), ret)
  end

  # The address that a call was given: itself, or in the message's header.
  defp given_name(:address, name), do: name

  defp given_name(:header, name) do
    header = probe_read_user(name, :user_msghdr)
    header && header.msg_name
  end

  defp leave_many(ret, direction) do
    call = finished_call()
    if call == nil, do: return(0)
    sk = socket_of(call.fd)

    for i <- 0..(@max_messages - 1) do
      if i >= ret, do: return(0)
      message = probe_read_user(call.name + i * sizeof(:mmsghdr), :mmsghdr)
      if message == nil, do: return(0)
      book(sk, direction, message.msg_hdr.msg_name, message.msg_len)
    end

    0
  end

  # The call that the thread is leaving, which is forgotten.
  defp finished_call, do: Honey.Map.pop(:calls, get_current_pid_tgid())

  # The sock behind a file descriptor of the current task.
  defp socket_of(fd) do
    files = core_read(get_current_task(), :task_struct, [:files, :fdt, :fd])
    file = probe_read_kernel(files + fd * 8, :u64)
    socket = core_read(file || 0, :file, [:private_data])
    core_read(socket, :socket, [:sk])
  end

  defp book(sk, direction, name, bytes) do
    pid = get_current_pid_tgid() >>> 32
    family = core_read(sk, :sock, [:__sk_common, :skc_family])

    flow = %flow{
      pid: pid,
      family: family,
      protocol: core_read(sk, :sock, [:sk_protocol])
    }

    if family == :AF_INET do
      given = name && probe_read_user(name, :sockaddr_in)

      if given && given.sin_family == :AF_INET do
        flow.address = [given.sin_addr.s_addr, 0, 0, 0]
        flow.port = Net.ntohs(given.sin_port)
      else
        flow.address = [core_read(sk, :sock, [:__sk_common, :skc_daddr]), 0, 0, 0]
        flow.port = connected_port(sk)
      end
    end

    if family == :AF_INET6 do
      given = name && probe_read_user(name, :sockaddr_in6)

      if given && given.sin6_family == :AF_INET6 do
        flow.address = given.sin6_addr.in6_u.u6_addr32
        flow.port = Net.ntohs(given.sin6_port)
      else
        path = [:__sk_common, :skc_v6_daddr, :in6_u, :u6_addr32]
        flow.address = core_read(sk, :sock, path)
        flow.port = connected_port(sk)
      end
    end

    now = ktime_get_ns()
    add(:flows, flow, direction, bytes, now)
    add(:traffic_by_pid, pid, direction, bytes, now)
    0
  end

  defp connected_port(sk),
    do: Net.ntohs(core_read(sk, :sock, [:__sk_common, :skc_dport]))

  defp add(map, key, :sent, bytes, now) do
    traffic = map_lookup_elem(map, key)

    if traffic do
      traffic.bytes_sent = traffic.bytes_sent + bytes
      traffic.packets_sent = traffic.packets_sent + 1
      traffic.last_update_ns = now
    else
      first = %traffic{bytes_sent: bytes, packets_sent: 1, last_update_ns: now}
      map_update_elem(map, key, first)
    end
  end

  defp add(map, key, :received, bytes, now) do
    traffic = map_lookup_elem(map, key)

    if traffic do
      traffic.bytes_recv = traffic.bytes_recv + bytes
      traffic.packets_recv = traffic.packets_recv + 1
      traffic.last_update_ns = now
    else
      first = %traffic{bytes_recv: bytes, packets_recv: 1, last_update_ns: now}
      map_update_elem(map, key, first)
    end
  end
end
