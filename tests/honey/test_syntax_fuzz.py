# SPDX-License-Identifier: Apache-2.0
"""No input makes the parser crash: whatever the bytes are, they end in a tree or in a diagnostic.

`HONEY_FUZZ_EXAMPLES` raises the number of examples for the nightly run.
"""

from __future__ import annotations

from random import Random

from fuzzing import HERE, all_tokens, examples, mutated, snippets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honey.diagnostics.render import as_json, render_all
from honey.syntax.parse import parse
from honey.syntax.source import SourceFile

MODULE = (HERE / "elixir" / "module.ex").read_bytes()
TOKENS = all_tokens()
PIECES = sorted(set(TOKENS))

fuzz = settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def survives(data: bytes) -> None:
    """Parses `data`; with errors, shows them. Each error lies inside the source."""
    source = SourceFile("fuzz.ex", data)
    file, diagnostics = parse(source)
    assert file.span.end == len(data)
    for diagnostic in diagnostics:
        assert diagnostic.span is not None
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(data)
        assert 1 <= diagnostic.span.line <= source.line_count
    render_all(diagnostics)
    as_json(diagnostics)


@fuzz
@given(st.binary(max_size=200))
def test_arbitrary_bytes(data: bytes) -> None:
    survives(data)


@fuzz
@given(st.text(max_size=200))
def test_arbitrary_text(text: str) -> None:
    survives(text.encode(errors="surrogatepass"))


@fuzz
@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_arbitrary_tokens(pieces: list[str]) -> None:
    survives("".join(pieces).encode())


@fuzz
@given(st.lists(st.sampled_from("()[]{}<>\"'#~,.:;|&@%\\\n doefnd0a"), max_size=80))
def test_arbitrary_delimiters(pieces: list[str]) -> None:
    survives("".join(pieces).encode())


@fuzz
@given(st.integers(0, len(MODULE)), st.integers(0, len(MODULE)))
def test_a_module_cut_off_at_both_ends(left: int, right: int) -> None:
    survives(MODULE[min(left, right) : max(left, right)])


@fuzz
@given(st.integers(0))
def test_a_mutated_module(seed: int) -> None:
    survives(mutated(MODULE.decode(), Random(seed), TOKENS).encode())


@fuzz
@given(st.data())
def test_a_module_with_other_bytes_in_it(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(MODULE)))
    length = data.draw(st.integers(0, 5))
    survives(MODULE[:at] + data.draw(st.binary(max_size=5)) + MODULE[at + length :])


@fuzz
@given(st.integers(0))
def test_mutated_expressions(seed: int) -> None:
    random = Random(seed)
    survives(mutated("\n".join(random.choices(snippets(), k=3)), random, TOKENS).encode())
