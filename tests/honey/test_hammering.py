# SPDX-License-Identifier: Apache-2.0
"""All CPUs at one entry: which changes none may lose, and which the C that does the same may lose as well.

Every verdict holds whatever the order in which the CPUs come: nothing here depends on a race being met.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hammering import at_once, cpus, numbers, put, remove, runner
from loaded_objects import loaded

from harness.agent.load import LoadedSide
from honey import compiler
from honey.emit.clang import Compiled, compile_c
from honey.syntax.source import SourceFile

pytestmark = pytest.mark.kernel

DATA = Path(__file__).with_name("hammering_sources")
TIMES = 100_000
SHARED = 7
M64 = (1 << 64) - 1


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``hammering_sources`` as objects, with the C of each beside it."""
    folder = tmp_path_factory.mktemp("hammering")
    for name in ("hammer", "forgetful"):
        source = SourceFile(f"{name}.ex", (DATA / f"{name}.ex").read_bytes())
        done = compiler.compile_source(source, folder / f"{name}.bpf.o")
        assert done.output is not None, (done.diagnostics, done.problem)
        assert done.c is not None
        (folder / f"{name}.c").write_text(done.c.text)
    written = compile_c((DATA / "hammer.bpf.c").read_text(), folder / "c.bpf.o", clang=shutil.which("clang"))
    assert isinstance(written, Compiled), written
    return folder


@pytest.fixture
def honey(compiled: Path) -> Iterator[LoadedSide]:
    with loaded(compiled / "hammer.bpf.o") as side:
        yield side


@pytest.fixture
def c(compiled: Path) -> Iterator[LoadedSide]:
    with loaded(compiled / "c.bpf.o") as side:
        yield side


@pytest.fixture
def forgetful(compiled: Path) -> Iterator[LoadedSide]:
    with loaded(compiled / "forgetful.bpf.o") as side:
        yield side


def steps(times: int) -> int:
    """What ``times`` steps of ``n * 5 + 1`` make of 0: another number for every step that is lost."""
    number = 0
    for _ in range(times):
        number = (number * 5 + 1) & M64
    return number


def entry(side: LoadedSide, name: str, key: int) -> list[int]:
    found = numbers(side, name, key)
    assert found is not None, f"{name}[{key}] is lost"
    return found


def test_adding_loses_none(honey: LoadedSide) -> None:
    at_once([runner(honey, "add", SHARED, TIMES) for _ in cpus()])
    assert entry(honey, "added", SHARED) == [TIMES * len(cpus())]


def test_adding_loses_none_while_the_entry_is_made(honey: LoadedSide) -> None:
    for key in range(200):  # the race is at the very start of each
        at_once([runner(honey, "add", key, 20) for _ in cpus()])
        assert entry(honey, "added", key) == [20 * len(cpus())], key


def test_counting_in_place_loses_none(honey: LoadedSide) -> None:
    """``count + 1`` stored again becomes an atomic add; the C that writes ``++`` may lose some."""
    put(honey, "counted", SHARED, [0, 0])
    at_once([runner(honey, "count", SHARED, TIMES) for _ in cpus()])
    assert entry(honey, "counted", SHARED) == [TIMES * len(cpus()), 0]


@pytest.mark.parametrize("handler", ["add", "count", "step_left"])
def test_each_cpu_keeps_what_it_does_to_an_entry_of_its_own(honey: LoadedSide, handler: str) -> None:
    name = "added" if handler == "add" else "counted"
    keys = list(range(len(cpus())))
    for key in keys:
        put(honey, name, key, [0] if handler == "add" else [0, 0])
    at_once([runner(honey, handler, key, TIMES) for key in keys])
    expected = steps(TIMES) if handler == "step_left" else TIMES
    assert [entry(honey, name, key)[0] for key in keys] == [expected] * len(keys)


def test_what_one_cpu_changes_is_not_undone_by_another_that_changes_the_rest(honey: LoadedSide, c: LoadedSide) -> None:
    """Each field has one writer. In place, no step is lost. The C that stores its copy again puts old fields back."""
    kept = {}
    for side in (honey, c):
        put(side, "counted", SHARED, [0, 0])
        at_once([runner(side, "step_left", SHARED, TIMES), runner(side, "step_right", SHARED, TIMES)])
        kept[side.name, id(side)] = entry(side, "counted", SHARED)
    ours, theirs = kept.values()
    assert ours == [steps(TIMES), steps(TIMES)]
    print(f"the C that stores its copy again keeps {'all' if theirs == ours else 'not all'} of the steps")


@pytest.mark.parametrize("language", ["honey", "c"])
def test_a_change_that_depends_on_what_was_there_loses_no_more_than_the_c_may(
    language: str, request: pytest.FixtureRequest
) -> None:
    """Load, compute, store: no program without a lock keeps them all. The bounds are the same for both."""
    side: LoadedSide = request.getfixturevalue(language)
    put(side, "counted", SHARED, [0, 0])
    at_once([runner(side, "grow", SHARED, TIMES) for _ in cpus()])
    grown, other = entry(side, "counted", SHARED)
    assert 1 <= grown <= TIMES * len(cpus())
    assert other == 0


def test_entries_that_stay_are_whole_while_others_are_deleted(honey: LoadedSide) -> None:
    """User space deletes one key again and again; the keys beside it lose nothing and are not written to."""
    beside = [1, 2, 3]
    for key in beside:
        put(honey, "counted", key, [0, 0])

    def delete() -> None:
        for _ in range(TIMES // 10):
            remove(honey, "counted", SHARED)

    at_once(
        [
            delete,
            runner(honey, "count", SHARED, TIMES),
            *(runner(honey, "count", key, TIMES) for key in beside),
        ]
    )
    assert [entry(honey, "counted", key) for key in beside] == [[TIMES, 0]] * len(beside)
    left = numbers(honey, "counted", SHARED)
    assert left is None or 1 <= left[0] <= TIMES


def test_no_entry_is_torn_where_the_program_itself_deletes(forgetful: LoadedSide, compiled: Path) -> None:
    """The pass keeps away from such a map: entries are replaced at once, so both fields come from one change."""
    assert re.search(r"bpf_map_update_elem\(&pairs, [^,]+, &copy,", (compiled / "forgetful.c").read_text())
    beside = [1, 2]
    for key in beside:
        put(forgetful, "pairs", key, [0, 0])
    at_once(
        [
            runner(forgetful, "forget", SHARED, TIMES),
            runner(forgetful, "count_both", SHARED, TIMES),
            runner(forgetful, "count_both", SHARED, TIMES),
            *(runner(forgetful, "count_both", key, TIMES) for key in beside),
        ]
    )
    assert [entry(forgetful, "pairs", key) for key in beside] == [[TIMES, TIMES]] * len(beside)
    left = numbers(forgetful, "pairs", SHARED)
    assert left is None or left[0] == left[1]
