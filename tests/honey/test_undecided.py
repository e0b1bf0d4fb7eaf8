# SPDX-License-Identifier: Apache-2.0
"""Comparisons whose outcome kernels before 6.4 do not know, and then refuse what is looked at with the number."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_back_edges import object_of
from test_programs import FOLDER, read

from honey import compiler
from honey.emit.undecided import compares_constants

READ = "r2 = *(u64 *)(r1 + 0);"
KNOWN_IN_PART = f"{READ} r2 &= 1; r2 += 28; r3 = 27; if r3 > r2 goto 1f; r2 = 26; 1: r0 = r2;"
COMPARED_BEFORE = f"{READ} if r2 > 30 goto 1f; r3 = 27; if r3 > r2 goto 1f; r2 = 26; 1: r0 = r2;"
FROM_AFAR = f"r3 = 27; {READ} r2 += 3; goto 2f; 1: r3 = 0; goto 3f; 2: if r3 > r2 goto 1b; 3: r0 = r3;"
ONE_OF_TWO = f"{READ} r2 += 3; r3 = 27; if r1 > 5 goto 1f; r3 = r10; 1: if r3 > r2 goto 2f; r0 = 1; 2:"
AS_READ = f"{READ} r2 &= 15; r3 = 5; if r3 > r2 goto 1f; r2 = 26; 1: r0 = r2;"
THE_OTHER_WAY = f"{READ} r2 &= 1; r2 += 28; if r2 > 26 goto 1f; r0 = 1; 1:"
TWO_NUMBERS = f"{READ} r2 += 28; r3 = *(u64 *)(r1 + 8); r3 += 5; if r3 > r2 goto 1f; r0 = 1; 1:"


@pytest.mark.parametrize(
    ("lines", "undecided"),
    [
        (KNOWN_IN_PART, True),
        (COMPARED_BEFORE, True),
        (FROM_AFAR, True),
        (ONE_OF_TWO, False),
        (AS_READ, False),
        (THE_OTHER_WAY, False),
        (TWO_NUMBERS, False),
    ],
)
def test_a_constant_is_not_compared_from_a_register(lines: str, undecided: bool, tmp_path: Path) -> None:
    assert compares_constants(object_of(tmp_path, lines)) is undecided
    assert compares_constants(object_of(tmp_path, THE_OTHER_WAY, lines)) is undecided


@pytest.mark.parametrize("passes", [[], None], ids=["plain", "optimised"])
def test_a_histogram_is_compiled_in_another_way(passes: list[str] | None, tmp_path: Path) -> None:
    source = read(FOLDER / "histograms.case").file
    done = compiler.compile_source(source, tmp_path / "done.o", passes)
    assert done.output is not None
    assert done.program is not None
    assert compiler.calculates_addresses(done.program)
    assert not compares_constants((tmp_path / "done.o").read_bytes())
