# SPDX-License-Identifier: Apache-2.0
"""What is valid in Elixir as well gives what Elixir gives: Elixir itself is asked.

`elixir/*.txt` are cases written by hand; others are generated. Each runs in Elixir, in the interpreter of the IR with
and without optimisation, once more with its numbers known when it is compiled, and in the kernel.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from elixir_expressions import case as write
from elixir_oracle import ELIXIR, FOLDER, INPUTS, Case, Found, by_elixir, honey_module, packet, read, result
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kernel_runs import can_load, run_in_kernel, run_in_simulator

from honey import compiler
from honey.diagnostics.render import render
from honey.syntax.source import SourceFile

pytestmark = pytest.mark.skipif(ELIXIR is None, reason="elixir is not installed: nobody to ask what it gives")

FILES = sorted(FOLDER.glob("*.txt"))
BATCH = 50
"""Cases in a module: clang's start is paid once for all of them."""
EXAMPLES = 40
"""Cases in a generated batch: Elixir's start is paid once for all of them."""

Known = tuple[int, int, int] | None
of_a_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@cache
def asked() -> dict[str, tuple[Case, Found]]:
    """All cases written by hand, with what Elixir makes of them; it is asked once."""
    cases = [case for path in FILES for case in read(path)]
    return {case.name: (case, found) for case, found in zip(cases, by_elixir(cases), strict=True)}


def of_file(path: Path) -> list[tuple[Case, Found]]:
    """Those of one file."""
    return [asked()[case.name] for case in read(path)]


def compiled(cases: Sequence[Case], known: Sequence[Known], passes: list[str] | None) -> compiler.Compiled:
    source = SourceFile.from_text(honey_module(cases, known), "cases.ex")
    done = compiler.translate(source, passes)
    lines = source.data.decode().splitlines()
    problems = [render(found) for found in done.diagnostics if found.is_error]
    assert done.program is not None, "\n".join([*problems, *lines])
    return done


def told(case: Case, known: Known) -> str:
    return f"{case.name}{'' if known is None else f' with {known} known'}:\n{case.body}\n{case.definitions}"


def differences(
    cases: Sequence[tuple[Case, Found]], known: Sequence[Known], values: Sequence[Sequence[int | None]]
) -> list[str]:
    """Where Honey's ``values`` are not Elixir's; numbers that 64 bits do not hold are left out."""
    found = []
    for (case, elixir), inputs, got in zip(cases, known, values, strict=True):
        wanted = [elixir.values[INPUTS.index(inputs)]] if inputs is not None else list(elixir.values)
        if any(one not in (other, "overflow") for one, other in zip(wanted, got, strict=True)):
            found.append(f"{told(case, inputs)}\n  Elixir: {wanted}\n  Honey:  {list(got)}")
    return found


def events_of(known: Sequence[Known]) -> list[list[tuple[str, bytes]]]:
    return [
        [(f"case_{number}", packet(values)) for values in (INPUTS if inputs is None else (inputs,))]
        for number, inputs in enumerate(known)
    ]


def agree(cases: Sequence[tuple[Case, Found]], known: Sequence[Known], passes: list[str] | None) -> None:
    """The interpreter comes to what Elixir comes to."""
    program = compiled([case for case, _ in cases], known, passes).program
    assert program is not None
    values = [[result(run.packet) for run in run_in_simulator(program, events).runs] for events in events_of(known)]
    problems = differences(cases, known, values)
    assert not problems, "\n\n".join(problems)


def agree_in_kernel(cases: Sequence[tuple[Case, Found]], folder: Path) -> None:
    """The kernel comes to what Elixir comes to."""
    known = [None] * len(cases)
    source = SourceFile.from_text(honey_module([case for case, _ in cases], known), "cases.ex")
    done = compiler.compile_source(source, folder / "cases.bpf.o")
    assert done.output is not None, done
    events = events_of(known)
    runs = iter(run_in_kernel(Path(done.output), [event for some in events for event in some]).runs)
    values = [[result(next(runs).packet) for _ in some] for some in events]
    problems = differences(cases, known, values)
    assert not problems, "\n\n".join(problems)


def batches(cases: list[tuple[Case, Found]]) -> list[list[tuple[Case, Found]]]:
    return [cases[at : at + BATCH] for at in range(0, len(cases), BATCH)]


def accepted(path: Path) -> list[tuple[Case, Found]]:
    """The cases of a file that Honey has."""
    return [(case, found) for case, found in of_file(path) if not case.refused]


def with_numbers(cases: list[tuple[Case, Found]]) -> tuple[list[tuple[Case, Found]], list[Known]]:
    """Each case with one of the inputs for which it gives something."""
    chosen, known = [], list[Known]()
    for number, (case, found) in enumerate(cases):
        fitting = [inputs for inputs, value in zip(INPUTS, found.values, strict=True) if isinstance(value, int)]
        if fitting:
            chosen.append((case, found))
            known.append(fitting[number % len(fitting)])
    return chosen, known


def test_elixir_takes_all_cases() -> None:
    assert len(asked()) > 700
    assert [f"{case.name} {found.refusal}" for case, found in asked().values() if found.refusal] == []


@of_a_file
@pytest.mark.parametrize(
    "passes", [pytest.param([], id="plain", marks=pytest.mark.slow), pytest.param(None, id="optimised")]
)
def test_cases_give_what_elixir_gives(path: Path, passes: list[str] | None) -> None:
    for cases in batches(accepted(path)):
        agree(cases, [None] * len(cases), passes)


@of_a_file
def test_known_numbers_change_nothing(path: Path) -> None:
    for cases in batches(accepted(path)):
        agree(*with_numbers(cases), None)


@of_a_file
def test_what_is_not_there_is_refused(path: Path) -> None:
    for case, _ in of_file(path):
        if case.refused:
            checked = compiler.check(SourceFile.from_text(honey_module([case], [None]), "case.ex"))
            assert not checked.ok, f"is there now: take the mark away from {told(case, None)}"


@of_a_file
@pytest.mark.kernel
@pytest.mark.skipif(bool(can_load()), reason=f"programs are not loaded: {can_load()}")
def test_the_kernel_gives_what_elixir_gives(path: Path, tmp_path: Path) -> None:
    for cases in batches(accepted(path)):
        agree_in_kernel(cases, tmp_path)


# ---------------------------------------------------------------- generated cases

_BEYOND = {"HNY0200", "HNY0605", "HNY0107", "HNY0800", "HNY0801"}
"""Values of several kinds where one is wanted, and what is too much for the verifier: the compiler says so."""


def generated(seed: int) -> Case:
    """The case of a seed: a case takes more decisions than hypothesis makes at once."""
    body, definitions = write(random.Random(seed).randrange, 3)
    return Case(f"generated from {seed}", body, "\n".join(definitions), checked=True)


def tried(few: int) -> settings:
    """``few`` batches, the same in each plain run; the nightly run draws new ones, as many cases as it is told."""
    asked_for = os.environ.get("HONEY_GENERATED_EXAMPLES")
    count = few if asked_for is None else max(few, int(asked_for) // EXAMPLES)
    phases = (Phase.generate,)
    return settings(max_examples=count, phases=phases, deadline=None, suppress_health_check=list(HealthCheck))


def had(cases: list[Case]) -> list[Case]:
    """Those that Honey has: it may refuse values of several kinds."""
    kept = []
    for case in cases:
        checked = compiler.check(SourceFile.from_text(honey_module([case], [None]), "case.ex"))
        codes = {found.code for found in checked.diagnostics if found.is_error}
        assert codes <= _BEYOND, f"{codes}\n{told(case, None)}"
        if not codes:
            kept.append(case)
    assert len(kept) > len(cases) * 0.8
    return kept


@tried(2)
@given(st.lists(st.integers(0, 1 << 32), min_size=EXAMPLES, max_size=EXAMPLES, unique=True))
def test_generated_cases_give_what_elixir_gives(seeds: list[int]) -> None:
    cases = had([generated(seed) for seed in seeds])
    answers = list(zip(cases, by_elixir(cases), strict=True))
    assert [found.refusal for _, found in answers if found.refusal] == []
    agree(answers, [None] * len(answers), None)
    agree(*with_numbers(answers), None)


@pytest.mark.slow
@pytest.mark.kernel
@pytest.mark.skipif(bool(can_load()), reason=f"programs are not loaded: {can_load()}")
@tried(10)
@given(st.lists(st.integers(0, 1 << 32), min_size=EXAMPLES, max_size=EXAMPLES, unique=True))
def test_the_kernel_gives_what_elixir_gives_for_generated_cases(seeds: list[int]) -> None:
    cases = had([generated(seed) for seed in seeds])
    answers = list(zip(cases, by_elixir(cases), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        agree_in_kernel(answers, Path(folder))
