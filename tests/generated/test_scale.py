# SPDX-License-Identifier: Apache-2.0
"""The compiler's work grows with the source, not faster: counted in calls of functions, so that no clock matters."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from counting import calls_of

from honey import compiler
from honey.syntax.source import SourceFile

_LINEAR = 2.3
"""The most that twice the source may take; 2 is linear, n log n gives 2.2."""

_HEAD = """defmodule Large do
  use Honey, license: "Dual BSD/GPL"
  alias Honey.BpfHelpers

  defmap(:counts, :bpf_hash, key_type: :u64, value_type: :u64, max_entries: 1024)
"""


def _handlers(count: int) -> str:
    """A module with ``count`` handlers of ten lines."""
    one = """
  @sec "tracepoint/syscalls/sys_enter_sendto"
  def handler{0}(ctx) do
    if ctx.len > {0} do
      Honey.Map.add(:counts, {0}, ctx.len)
    end

    key = ctx.fd + {0}
    BpfHelpers.bpf_map_update_elem(:counts, key, {0})
    0
  end
"""
    return _HEAD + "".join(one.format(number) for number in range(count)) + "end\n"


def _functions(count: int) -> str:
    """``count`` functions, ten of them called by each handler: long handlers are the subject of ``_body``."""
    one = """
  defp step{0}(x) do
    y = x * {0} + 1
    if y > 1000, do: return(y - 1000)
    y
  end
"""
    handlers = []
    for first in range(0, count, 10):
        calls = "".join(f"    x = step{number}(x)\n" for number in range(first, first + 10))
        head = f'\n  @sec "tracepoint/syscalls/sys_enter_sendto"\n  def main{first}(ctx) do\n    x = ctx.len\n'
        handlers.append(f"{head}{calls}    x\n  end\n")
    return _HEAD + "".join(one.format(number) for number in range(count)) + "".join(handlers) + "end\n"


def _body(count: int) -> str:
    """A handler of ``count`` times five statements, one after the other."""
    one = """    x = x + {0}
    y = if x > {0}, do: x, else: {0}
    Honey.Map.add(:counts, {0}, y)
    if y == {0}, do: return({0})
    x = x &&& y
"""
    text = "".join(one.format(number) for number in range(count))
    handler = (
        f'\n  @sec "tracepoint/syscalls/sys_enter_sendto"\n  def main(ctx) do\n    x = ctx.len\n{text}    x\n  end\n'
    )
    return _HEAD + handler + "end\n"


def _calls(text: str) -> int:
    """How many function calls compiling to C takes."""
    source = SourceFile.from_text(text)
    made: list[compiler.Compiled] = []
    count = calls_of(lambda: made.append(compiler.to_c(source)))
    assert made[0].c is not None, made[0].diagnostics[:3]
    return count


@pytest.mark.parametrize(
    ("make", "few"),
    [(_handlers, 100), (_functions, 100), (_body, 40)],
    ids=["handlers", "functions", "statements"],
)
def test_twice_the_source_is_twice_the_work(make: Callable[[int], str], few: int) -> None:
    _calls(make(few))  # what is loaded once is loaded now
    once, twice = _calls(make(few)), _calls(make(2 * few))
    assert twice <= _LINEAR * once, (once, twice)


@pytest.mark.slow
def test_a_thousand_handlers_and_ten_thousand_lines() -> None:
    text = _handlers(1000)
    assert text.count("\n") > 10_000
    assert _calls(text) <= 10 * _LINEAR / 2 * _calls(_handlers(100))
