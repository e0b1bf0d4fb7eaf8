# SPDX-License-Identifier: Apache-2.0
"""What the compiler accepts, the verifier accepts, and three ways of running it lead to one result."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from compiled import compiled, load, modules, traces
from hypothesis import event, given
from kernel_runs import can_load
from program_tests import dense_in_tests
from program_text import OTHERS, RUNNABLE, Generated, programs

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(can_load()), reason=f"generated programs are not loaded: {can_load()}"),
    pytest.mark.filterwarnings("ignore:The recursion limit will not be reset"),
]


@modules(60)
@given(programs(sections=RUNNABLE))
def test_three_ways_lead_to_one_result(generated: Generated) -> None:
    _runs_alike(generated)


@modules(25)
@given(dense_in_tests())
def test_tests_close_to_each_other_lead_to_one_result(generated: Generated) -> None:
    _runs_alike(generated)


def _runs_alike(generated: Generated) -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = compiled(generated, Path(folder))
        if done is None:
            event("beyond a limit")
            return
        found = traces(generated, *done)
    assert found["unoptimised"] == found["interpreter"], "the emitted C does not do what the IR says"
    assert found["optimised"] == found["unoptimised"], "an optimisation changes what the program does"


@modules(25)
@given(programs(sections=OTHERS, trace=True))
def test_the_verifier_accepts_what_the_compiler_accepts(generated: Generated) -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = compiled(generated, Path(folder))
        if done is not None:
            load(done[1])
