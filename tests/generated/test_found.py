# SPDX-License-Identifier: Apache-2.0
"""Programs that generated ones were shrunk to: each was accepted by the compiler, and then refused or run wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiled import compiled, traces
from kernel_runs import can_load
from program_text import Generated

from honey import compiler
from honey.syntax.source import SourceFile

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(can_load()), reason=f"programs are not loaded: {can_load()}"),
]

_HEAD = """
defmodule Found do
  use Honey, license: "Dual BSD/GPL", trace: false
  alias Honey.BpfHelpers

  defstruct :bytes do
    field(:list, {:array, :u8, 4})
    field(:count, :s32)
  end

  defstruct :tight, packed: true do
    field(:first, :u32)
    field(:second, :u64)
  end

  defmap(:numbers, :bpf_hash, key_type: :u32, value_type: :u32, max_entries: 8)
  defmap(:large, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 8)
  defmap(:values, :bpf_array, value_type: :bytes, max_entries: 2)
  defmap(:packed, :bpf_array, value_type: :tight, max_entries: 2)
  defmap(:events, :bpf_ringbuf, max_entries: 4096)
"""

_FOUND = {
    "an atom chosen when the program runs is bound to a name": """
    a = if ctx.len > 40, do: :sent, else: :received
    b = a
    if b == :sent, do: 1, else: 2
""",
    "a truth value is a function's only use of bool": """
    flag(ctx.len > 40)
""",
    "clang knows that the test of an index always holds, and the verifier does not": """
    entry = BpfHelpers.bpf_map_lookup_elem(:values, 0) || return(1)
    entry.list[2 >>> ctx.len] = 7
    entry.list[0]
""",
    "a load from the context and one from a map end two branches": """
    BpfHelpers.bpf_map_lookup_elem(:numbers, 5, ctx.len)
""",
    "clang would test a division by a product of 128 bits": """
    x = BpfHelpers.bpf_map_lookup_elem(:large, ctx.len, 7)
    y = BpfHelpers.bpf_map_lookup_elem(:large, 1, 3)
    if y != 0 and div(x * y, y) != x, do: 1, else: 2
""",
    "clang would test the largest number's quotient by a product of 128 bits": """
    x = BpfHelpers.bpf_map_lookup_elem(:large, ctx.len, 7)
    y = BpfHelpers.bpf_map_lookup_elem(:large, 1, 3)
    if y != 0 and div(0xFFFFFFFFFFFFFFFF, y) < x, do: 1, else: 2
""",
    "nothing is added to 32 bits": """
    BpfHelpers.bpf_map_update_elem(:numbers, 1, 1)
    Honey.Map.add(:numbers, 1, 0)
    Honey.Map.add(:numbers, 1, ctx.len - ctx.len)
    0
""",
    "a field that is not aligned is added to": """
    Honey.Map.add(:packed, 0, %tight{first: 1, second: ctx.len})
    0
""",
    "an exception between reserving a record and submitting it": """
    record = BpfHelpers.bpf_ringbuf_reserve(:events, :bytes)

    if record do
      record.list[0] = 1
      record.list[1] = 2
      record.list[2] = 3
      record.list[3] = 4
      record.count = div(100, ctx.len - 64) + divided(ctx.len - 70)
      BpfHelpers.bpf_ringbuf_submit(record)
    end

    1
""",
    "an element of a packet's bytes by a number that the packet gives": """
    index = Honey.Packet.at(ctx, 0, :u8) || return(9)
    header = Honey.Packet.at(ctx, 20, :bytes) || return(9)
    header.list[index &&& 3] = header.list[index] + 1
    for i <- 0..3, do: header.list[i] = header.list[i] + index
    header.list[1]
""",
    "an offset that the packet gives": """
    offset = Honey.Packet.at(ctx, 0, :u16) || return(9)
    value = Honey.Packet.at(ctx, offset, :u32) || return(8)
    value &&& 255
""",
    "both of two look-ups find nothing": """
    a = BpfHelpers.bpf_map_lookup_elem(:numbers, 1)
    b = BpfHelpers.bpf_map_lookup_elem(:numbers, 2)
    if a == nil && b == nil, do: 7, else: 3
""",
    "one of two look-ups finds something": """
    a = BpfHelpers.bpf_map_lookup_elem(:numbers, 1)
    b = BpfHelpers.bpf_map_lookup_elem(:values, 1)
    if a || b, do: 7, else: 3
""",
    "one test of a look-up after the other, with one outcome": """
    a = BpfHelpers.bpf_map_lookup_elem(:numbers, 1)
    b = BpfHelpers.bpf_map_lookup_elem(:values, 1)
    if a, do: return(7)
    if b, do: return(7)
    3
""",
    "a look-up that finds nothing, and then a number that is 0": """
    x = BpfHelpers.bpf_map_lookup_elem(:large, 1, ctx.len) * ctx.len

    case BpfHelpers.bpf_map_lookup_elem(:large, x) do
      nil -> div(ctx.len, x)
      _ -> 1
    end

    ctx.len
""",
    "the default of a look-up is a look-up": """
    a = BpfHelpers.bpf_map_lookup_elem(:numbers, 1)
    b = BpfHelpers.bpf_map_lookup_elem(:numbers, 2, a)
    if b == nil, do: 7, else: b
""",
    "a function is called with a reference into a map, and one into a packet": """
    entry = BpfHelpers.bpf_map_lookup_elem(:values, 0) || return(1)
    header = Honey.Packet.at(ctx, 20, :bytes) || return(9)
    bumped(entry) + bumped(header) + header.count
""",
    "the index of a store changes what is stored": """
    entry = BpfHelpers.bpf_map_lookup_elem(:values, 0) || return(1)
    entry.count = 5
    entry.list[bumped(entry)] = entry.count
    entry.list[1]
""",
}

_FUNCTIONS = """
  defp flag(true), do: 1
  defp flag(_), do: 2

  defp divided(x), do: div(100, x)

  defp bumped(entry) do
    entry.count = entry.count + 1
    1
  end
"""


@pytest.mark.parametrize("name", _FOUND)
def test_found(name: str, tmp_path: Path) -> None:
    text = f'{_HEAD}{_FUNCTIONS}\n  @sec "tc"\n  def main(ctx) do\n{_FOUND[name]}  end\nend\n'
    generated = Generated(text, (("main", "tc"),))
    done = compiled(generated, tmp_path)
    assert done is not None
    found = traces(generated, *done)
    assert found["interpreter"] == found["unoptimised"] == found["optimised"]


def test_the_value_of_a_store_is_fixed_before_its_place(tmp_path: Path) -> None:
    text = f'{_HEAD}{_FUNCTIONS}\n  @sec "tc"\n  def main(ctx) do\n'
    text += _FOUND["the index of a store changes what is stored"] + "  end\nend\n"
    generated = Generated(text, (("main", "tc"),))
    done = compiled(generated, tmp_path)
    assert done is not None
    assert {run.value for run in traces(generated, *done)["interpreter"].runs} == {5}


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        ("if record do\n      BpfHelpers.bpf_ringbuf_discard(record)\n    end", True),
        ("if record == nil, do: return(1)\n    BpfHelpers.bpf_ringbuf_submit(record)", True),
        ("if record do\n      record.count = 1\n    end", False),
        ("if record && ctx.len > 3 do\n      BpfHelpers.bpf_ringbuf_submit(record)\n    end", False),
        ("if ctx.len > 3, do: return(1)\n    if record, do: BpfHelpers.bpf_ringbuf_submit(record)", False),
    ],
)
def test_a_record_is_given_back(body: str, accepted: bool, tmp_path: Path) -> None:
    text = f'{_HEAD}\n  @sec "tc"\n  def main(ctx) do\n'
    text += f"    record = BpfHelpers.bpf_ringbuf_reserve(:events, :bytes)\n    {body}\n    0\n  end\nend\n"
    checked = compiler.check(SourceFile.from_text(text))
    assert [found.code for found in checked.diagnostics if found.is_error] == ([] if accepted else ["HNY0508"])
    if accepted:
        done = compiled(Generated(text, (("main", "tc"),)), tmp_path)
        assert done is not None
