# SPDX-License-Identifier: Apache-2.0
"""No combination of what the language has makes analysis crash, or give IR that is ill formed.

The cases of ``tests/programs`` and the examples of the catalogue are spliced: expressions and lines of one stand in
another. Most of the outcome is wrong, and must be told so; the rest must be well-formed IR.
"""

from __future__ import annotations

import re
from functools import cache
from random import Random

from fuzzing import examples, programs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honey.compiler import check
from honey.ir.verify import verify
from honey.syntax.source import SourceFile

_EXPRESSION = re.compile(
    r"[\w.]+\([^()\n]*\)|%\w+\{[^}\n]*\}|\{[^{}\n]*\}|\[[^\[\]\n]*\]|:\w+|@\w+|[\w.]+|\"[^\"\n]*\""
)
_DECLARATION = ("def", "use", "@", "end", "#", "field")


@cache
def pieces() -> tuple[list[str], list[str]]:
    """Expressions and lines of all programs."""
    expressions = sorted({piece for text in programs() for piece in _EXPRESSION.findall(text)})
    lines = [line for text in programs() for line in text.split("\n")]
    return expressions, [line for line in lines if line.strip() and not line.strip().startswith(_DECLARATION)]


def spliced(random: Random) -> str:
    """A program with one to three parts of others."""
    text = random.choice(programs())
    expressions, lines = pieces()
    for _ in range(random.choice((1, 1, 2, 3))):
        what = random.randrange(3)
        if what == 0:
            body = max(text.find("def main"), 0)
            places = [match for match in _EXPRESSION.finditer(text) if match.start() > body]
            if places:
                place = random.choice(places)
                text = text[: place.start()] + random.choice(expressions) + text[place.end() :]
            continue
        mine = text.split("\n")
        at = random.randrange(len(mine))
        mine[at : at + what - 1] = [random.choice(lines)]
        text = "\n".join(mine)
    return text


def survives(text: str) -> bool:
    """Checks ``text``; whether it was accepted. Anything but a diagnostic or well-formed IR is an exception."""
    checked = check(SourceFile.from_text(text, "fuzz.ex"))
    if checked.program is None:
        assert any(diagnostic.is_error for diagnostic in checked.diagnostics)
        return False
    verify(checked.program)
    return True


@settings(max_examples=examples(1500), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**40))
def test_spliced_programs(seed: int) -> None:
    survives(spliced(Random(seed)))


def test_splicing_leaves_some_programs_that_compile() -> None:
    accepted = sum(survives(spliced(Random(seed))) for seed in range(600))
    assert 3 < accepted < 500
