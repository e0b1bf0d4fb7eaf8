# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule DropUdp do
  @moduledoc """
  A small firewall at the driver: UDP over IPv4 to port 3000 is dropped, to port 3001 it is sent on to port 3000 with a
  checksum that is right again, and all else passes.

  Up to two VLAN tags and IP options are stepped over. A fragment other than the first has no ports: it passes. IPv6 and
  whatever ends before its headers do pass too.
  """
  use Honey, license: "Dual BSD/GPL"
  alias Honey.{Net, Packet}

  @dropped_port 3000
  @rewritten_port 3001
  @fragment_offset 0x1FFF

  @passed 0
  @dropped 1
  @rewritten 2
  defmap(:verdicts, :bpf_array, key_type: :u32, value_type: :u64, max_entries: 3)

  @sec "xdp"
  def drop_udp(ctx) do
    udp = udp_header(ctx) || return(count(@passed, :XDP_PASS))

    case Net.ntohs(udp.dest) do
      @dropped_port -> count(@dropped, :XDP_DROP)
      @rewritten_port -> rewrite(udp)
      _ -> count(@passed, :XDP_PASS)
    end
  end

  defp rewrite(udp) do
    changed = Net.checksum_replace(udp.check, udp.dest, Net.htons(@dropped_port))

    # A checksum of 0 means that there is none, so one that becomes 0 is written as its other zero.
    if udp.check != 0, do: udp.check = if(changed == 0, do: 0xFFFF, else: changed)
    udp.dest = Net.htons(@dropped_port)
    count(@rewritten, :XDP_PASS)
  end

  defp count(verdict, action) do
    Honey.Map.add(:verdicts, verdict, 1)
    action
  end

  # The UDP header behind up to two VLAN tags, or nil where there is none that can be looked at.
  defp udp_header(ctx) do
    eth = Packet.at(ctx, 0, :ethhdr) || return(nil)
    if eth.h_proto == Net.htons(:ETH_P_IP), do: return(udp_behind(ctx, 14))
    outer = tag(ctx, eth.h_proto, 14) || return(nil)
    if outer.h_vlan_encapsulated_proto == Net.htons(:ETH_P_IP), do: return(udp_behind(ctx, 18))
    inner = tag(ctx, outer.h_vlan_encapsulated_proto, 18) || return(nil)
    if inner.h_vlan_encapsulated_proto == Net.htons(:ETH_P_IP), do: udp_behind(ctx, 22)
  end

  defp tag(ctx, proto, offset) do
    tagged = proto == Net.htons(:ETH_P_8021Q) or proto == Net.htons(:ETH_P_8021AD)
    if tagged, do: Packet.at(ctx, offset, :vlan_hdr)
  end

  defp udp_behind(ctx, offset) do
    ip = Packet.at(ctx, offset, :iphdr) || return(nil)
    later_fragment = (Net.ntohs(ip.frag_off) &&& @fragment_offset) != 0
    if ip.ihl < 5 or ip.protocol != :IPPROTO_UDP or later_fragment, do: return(nil)
    Packet.at(ctx, offset + ip.ihl * 4, :udphdr)
  end
end
