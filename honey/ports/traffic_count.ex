# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule TrafficCount do
  @moduledoc "Packets and bytes by source MAC address; the least recently seen one makes room for a new one."
  use Honey, license: "Dual BSD/GPL"

  defstruct :mac do
    field(:address, {:array, :u8, 6})
  end

  defstruct :traffic do
    field(:packets, :u64)
    field(:bytes, :u64)
  end

  defmap(:traffic_by_mac, :bpf_lru_hash, key_type: :mac, value_type: :traffic, max_entries: 1024)

  @sec "xdp"
  def count_traffic(ctx) do
    eth = Honey.Packet.at(ctx, 0, :ethhdr)
    if eth == nil, do: return(:XDP_PASS)
    now = %traffic{packets: 1, bytes: Honey.Packet.length(ctx)}
    Honey.Map.add(:traffic_by_mac, %mac{address: eth.h_source}, now)
    :XDP_PASS
  end
end
