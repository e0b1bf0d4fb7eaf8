# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule Forgetful do
  use Honey, license: "Dual BSD/GPL"
  import Honey.BpfHelpers

  defstruct :frame do
    field(:key, :u32)
  end

  defstruct :pair do
    field(:left, :u64)
    field(:right, :u64)
  end

  defmap(:pairs, :bpf_hash, key_type: :u32, value_type: :pair, max_entries: 1024)

  @sec "tc"
  def count_both(ctx) do
    frame = Honey.Packet.at(ctx, 0, :frame)
    if frame == nil, do: return(0)
    pair = bpf_map_lookup_elem(:pairs, frame.key)

    if pair do
      count = pair.left + 1
      bpf_map_update_elem(:pairs, frame.key, %{pair | left: count, right: count})
    else
      bpf_map_update_elem(:pairs, frame.key, %pair{left: 1, right: 1})
    end

    2
  end

  @sec "tc"
  def forget(ctx) do
    frame = Honey.Packet.at(ctx, 0, :frame)
    if frame == nil, do: return(0)
    bpf_map_delete_elem(:pairs, frame.key)
    2
  end
end
