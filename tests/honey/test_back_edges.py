# SPDX-License-Identifier: Apache-2.0
"""Loops that kernels before 6.7 refuse for how their instructions are laid out."""

from __future__ import annotations

from pathlib import Path

import pytest

from honey import compiler
from honey.emit import clang
from honey.emit.back_edges import falls_back
from honey.syntax.source import SourceFile

FALLS = "r0 = 0; goto 2f; 1: r0 += 1; 2: if r0 > 5 goto 3f; goto 1b; 3:"
BEGINS_IN_THE_MIDDLE = "r0 = 0; goto 2f; 1: r0 += 1; goto 2f; 2: if r0 > 5 goto 3f; goto 1b; 3:"
CLOSED_BY_JUMP = "r0 = 0; 1: r0 += 1; if r0 < 5 goto 1b; goto 2f; 2:"
NO_LOOP = "if r1 > 5 goto 1f; r0 = 1; 1: r0 = 2;"

#: clang 14 does.
ADDS_OFTEN = """
defmodule Often do
  use Honey, license: "GPL"
  defmap :counts, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 8
  @sec "tc"
  def count(ctx) do
    Enum.each(1..256, fn turn -> Honey.Map.add(:counts, ctx.len, turn) end)
    0
  end
end
"""


def object_of(folder: Path, *functions: str) -> bytes:
    """An object with these functions, one behind the other in a section."""
    text = "".join(
        f'__attribute__((section("tc"))) int f{number}(void *ctx) {{ asm volatile("{lines}" ::: "r0"); return 0; }}\n'
        for number, lines in enumerate(functions)
    )
    outcome = clang.compile_c(text, folder / "object.o")
    assert isinstance(outcome, clang.Compiled), outcome
    return (folder / "object.o").read_bytes()


@pytest.mark.parametrize(
    ("lines", "refused"), [(FALLS, True), (BEGINS_IN_THE_MIDDLE, False), (CLOSED_BY_JUMP, False), (NO_LOOP, False)]
)
def test_a_loop_must_be_closed_by_a_jump(lines: str, refused: bool, tmp_path: Path) -> None:
    assert falls_back(object_of(tmp_path, lines)) is refused
    assert falls_back(object_of(tmp_path, NO_LOOP, lines, CLOSED_BY_JUMP)) is refused


def test_a_loop_that_clang_would_let_fall_back_is_compiled_in_another_way(tmp_path: Path) -> None:
    done = compiler.compile_source(SourceFile.from_text(ADDS_OFTEN), tmp_path / "done.o")
    assert done.output is not None
    assert not falls_back((tmp_path / "done.o").read_bytes())
