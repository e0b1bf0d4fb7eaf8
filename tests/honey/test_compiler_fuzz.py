# SPDX-License-Identifier: Apache-2.0
"""No source makes the compiler crash: truncated and mutated programs end in C or in a diagnostic.

`HONEY_FUZZ_EXAMPLES` raises the number of examples for the nightly run.
"""

from __future__ import annotations

from random import Random

import pytest
from fuzzing import ROOT, all_tokens, examples, mutated
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honey.compiler import to_c
from honey.diagnostics.catalogue import catalogue, module_of
from honey.diagnostics.render import render_all
from honey.syntax.source import SourceFile

PORTS = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "honey" / "ports").glob("*.ex"))]
EXAMPLES = [module_of(text) for entry in catalogue().values() for text in (entry.wrong, entry.right) if text]
SEEDS = PORTS + EXAMPLES
TOKENS = all_tokens()

fuzz = settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def survives(text: str) -> None:
    """Compiles `text` to C: there is C exactly if there is no error. An `InternalError` fails the test."""
    done = to_c(SourceFile.from_text(text, "fuzz.ex"))
    render_all(done.diagnostics)
    assert (done.c is None) == any(diagnostic.is_error for diagnostic in done.diagnostics)


@pytest.mark.parametrize("text", SEEDS, ids=range(len(SEEDS)))
def test_the_sources_to_start_from_survive(text: str) -> None:
    survives(text)


@fuzz
@given(st.sampled_from(SEEDS), st.integers(0))
def test_mutated_programs(text: str, seed: int) -> None:
    survives(mutated(text, Random(seed), TOKENS))


@fuzz
@given(st.sampled_from(SEEDS), st.integers(0))
def test_programs_with_names_and_values_exchanged(text: str, seed: int) -> None:
    """Mutations with the program's own tokens stay closer to what analysis has to judge."""
    survives(mutated(text, Random(seed), text.replace("(", " ( ").replace(")", " ) ").split()))


@fuzz
@given(st.sampled_from(SEEDS), st.integers(0))
def test_programs_with_lines_lost_and_exchanged(text: str, seed: int) -> None:
    random = Random(seed)
    lines = text.split("\n")
    for _ in range(random.choice((1, 1, 2))):
        at = random.randrange(len(lines))
        if random.random() < 0.5 and len(lines) > 1:
            del lines[at]
        else:
            other = random.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
    survives("\n".join(lines))


@fuzz
@given(st.sampled_from(SEEDS), st.floats(0, 1))
def test_truncated_programs(text: str, part: float) -> None:
    survives(text[: int(len(text) * part)])
