# SPDX-License-Identifier: Apache-2.0
"""Programs as Elixir developers write them, on packets: the kernel gives what the interpreter gives.

What is new in them is text, arrays as lists, functions as values, and fields of the context that are written.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_runs import can_load, run_in_kernel, run_in_simulator

from honey import compiler
from honey.syntax.source import SourceFile

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(can_load()), reason=f"programs are not loaded: {can_load()}"),
]

PACKETS = [
    *(bytes([i * 7 % 256, 3, i, 200 + i]) * 20 for i in range(8)),
    bytes(80),
    b"python3 -c hello" * 5,
    b"py" + bytes(78),
    b"pyx" + bytes(57),
]

_HEAD = """
defmodule Idioms do
  use Honey, license: "Dual BSD/GPL"
  alias Honey.{Net, Packet}

  defstruct :head do
    field(:n, {:array, :u8, 16})
    field(:w, {:array, :u32, 8})
    field(:name, :string, size: 16)
  end

  defstruct :text do
    field(:s, :string, size: 64)
  end

  defmap(:heads, :bpf_hash, key_type: {:string, 16}, value_type: :head, max_entries: 64)
  defmap(:numbers, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 64)
"""

SOURCES = {
    "arrays": """
  @sec "xdp"
  def main(ctx) do
    head = Packet.at(ctx, 0, :head) || return(1)
    bpf_map_update_elem(:heads, head.name, head)
    found = Enum.find_index(head.n, &(&1 == 3)) || 99
    many = Enum.count(head.n, &(&1 > 100))

    sum =
      case bpf_map_lookup_elem(:heads, head.name) do
        nil ->
          0

        entry ->
          for x <- entry.n, do: entry.w[0] = entry.w[0] + x
          for x <- entry.w, do: entry.w[1] = entry.w[1] + x
          Enum.sum(entry.n)
      end

    byte_size(head.name) + found * 100 + many * 10_000 + sum * 1_000_000 &&& 0x7FFFFFFF
  end
""",
    "functions": """
  @sec "xdp"
  def main(ctx) do
    head = Packet.at(ctx, 0, :head) || return(1)
    n = head.w[0] &&& 0xF
    scale = if n > 5, do: fn x -> x * n end, else: &(&1 + head.w[1])
    add = adder(head.n[2])

    pick = fn
      x when x > 1000 -> add.(x)
      0 -> scale.(7)
      x -> x
    end

    total = Enum.reduce([head.w[0], head.w[1], 0, n], 0, fn x, acc -> acc + pick.(x) end)
    Enum.each(1..4, fn i -> Honey.Map.add(:numbers, i, n) end)
    update(n, 3, fn old -> old * 2 + head.n[3] end)
    last = bpf_map_lookup_elem(:numbers, n) || 0
    total + last &&& 0x7FFFFFFF
  end

  defp adder(k), do: fn x -> x + k end
  defp update(key, initial, fun), do: Honey.Map.update(:numbers, key, initial, fun)
""",
    "text": """
  @sec "xdp"
  def main(ctx) do
    text = Packet.at(ctx, 0, :text) || return(1)
    size = byte_size(text.s)

    kind =
      case text.s do
        "py" <> rest when rest == "x" -> 5
        "python" <> ("3 " <> rest) -> byte_size(rest)
        "py" <> rest -> byte_size(rest) + 100
        other -> byte_size(other) + 200
      end

    copy = %text{s: text.s}
    last = if size > 0 and size < 64, do: copy.s[size - 1], else: 0
    size + kind * 10_000 + if(size in 11..39, do: 1000, else: 2000) + last * 7
  end
""",
    "context": """
  @sec "tc"
  def main(ctx) do
    first = Packet.at(ctx, 0, :u32) || return(0)
    key = first &&& 7
    head = bpf_map_lookup_elem(:heads, "x") || if(key > 3, do: %head{w: [key, 2, 3, 4, 5, 6, 7, 8]})
    ctx.mark = key * 3

    if head do
      head.w[1] = head.w[1] + Packet.length(ctx)
      for {x, i} <- Enum.with_index(head.w), do: head.w[i] = x * 2
      ctx.cb[1] = head.w[3]
    end

    ctx.priority = if head, do: head.w[1], else: 0

    with {:ok, v} <- checked(first), x = v * 2, true <- x > 3 do
      ctx.tc_index = x
    else
      {:error, r} when is_integer(r) -> ctx.tc_index = r
      _ -> ctx.queue_mapping = 3
    end

    ctx.mark + ctx.cb[1] + ctx.priority + ctx.tc_index * 1000 + ctx.queue_mapping * 100_000
  end

  defp checked(0), do: {:error, :zero}
  defp checked(n) when rem(n, 3) == 0, do: {:error, 5}
  defp checked(n), do: {:ok, n &&& 3}
""",
}


@pytest.mark.parametrize("passes", [[], None], ids=["plain", "optimised"])
@pytest.mark.parametrize("name", SOURCES)
def test_the_kernel_gives_what_the_interpreter_gives(name: str, passes: list[str] | None, tmp_path: Path) -> None:
    source = SourceFile.from_text(f"{_HEAD}{SOURCES[name]}end\n", f"{name}.ex")
    done = compiler.compile_source(source, tmp_path / "program.bpf.o", passes)
    assert done.output is not None, done
    program = compiler.translate(source, passes).program
    assert program is not None
    events = [("main", packet) for packet in PACKETS]
    kernel, simulated = run_in_kernel(Path(done.output), events), run_in_simulator(program, events)
    assert len({run.value for run in simulated.runs}) > 3
    assert kernel == simulated
