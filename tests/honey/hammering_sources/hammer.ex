# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule Hammer do
  use Honey, license: "Dual BSD/GPL"
  import Honey.BpfHelpers

  defstruct :frame do
    field(:key, :u32)
  end

  defstruct :pair do
    field(:left, :u64)
    field(:right, :u64)
  end

  defmap(:added, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 1024)
  defmap(:counted, :bpf_hash, key_type: :u32, value_type: :pair, max_entries: 1024)

  @sec "tc"
  def add(ctx) do
    frame = Honey.Packet.at(ctx, 0, :frame)
    if frame == nil, do: return(0)
    Honey.Map.add(:added, frame.key, 1)
    2
  end

  @sec "tc"
  def count(ctx) do
    frame = Honey.Packet.at(ctx, 0, :frame)
    if frame == nil, do: return(0)
    pair = bpf_map_lookup_elem(:counted, frame.key)

    if pair do
      bpf_map_update_elem(:counted, frame.key, %{pair | left: pair.left + 1})
    else
      bpf_map_update_elem(:counted, frame.key, %pair{left: 1})
    end

    2
  end

  @sec "tc"
  def step_left(ctx) do
    frame = Honey.Packet.at(ctx, 0, :frame)
    if frame == nil, do: return(0)
    pair = bpf_map_lookup_elem(:counted, frame.key)
    if pair, do: bpf_map_update_elem(:counted, frame.key, %{pair | left: pair.left * 5 + 1})
    2
  end

  @sec "tc"
  def step_right(ctx) do
    frame = Honey.Packet.at(ctx, 0, :frame)
    if frame == nil, do: return(0)
    pair = bpf_map_lookup_elem(:counted, frame.key)
    if pair, do: bpf_map_update_elem(:counted, frame.key, %{pair | right: pair.right * 5 + 1})
    2
  end

  @sec "tc"
  def grow(ctx) do
    frame = Honey.Packet.at(ctx, 0, :frame)
    if frame == nil, do: return(0)
    pair = bpf_map_lookup_elem(:counted, frame.key)

    if pair do
      more = if pair.left < 1_000_000_000, do: 1, else: 0
      bpf_map_update_elem(:counted, frame.key, %{pair | left: pair.left + more})
    end

    2
  end
end
