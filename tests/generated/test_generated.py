# SPDX-License-Identifier: Apache-2.0
"""What the compiler accepts, the verifier accepts, and three ways of running it lead to one result."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from compiled import compiled, examples, load, traces
from hypothesis import HealthCheck, Phase, event, given, settings
from kernel_runs import can_load
from program_text import OTHERS, RUNNABLE, Generated, programs

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(can_load()), reason=f"generated programs are not loaded: {can_load()}"),
    pytest.mark.filterwarnings("ignore:The recursion limit will not be reset"),
]

_SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
_QUICK = settings(_SETTINGS, derandomize=True, phases=(Phase.generate,))
"""The same programs in every run, and no minutes of shrinking: the nightly run draws others, and shrinks."""


def _three_ways(generated: Generated) -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = compiled(generated, Path(folder))
        if done is None:
            event("beyond the stack")
            return
        found = traces(generated, *done)
    assert found["unoptimised"] == found["interpreter"], "the emitted C does not do what the IR says"
    assert found["optimised"] == found["unoptimised"], "an optimisation changes what the program does"


@settings(_QUICK, max_examples=examples(150))
@given(programs(sections=RUNNABLE))
def test_three_ways_lead_to_one_result(generated: Generated) -> None:
    _three_ways(generated)


@settings(_QUICK, max_examples=examples(40))
@given(programs(sections=OTHERS, trace=True))
def test_the_verifier_accepts_what_the_compiler_accepts(generated: Generated) -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = compiled(generated, Path(folder))
        if done is not None:
            load(done[1])


@pytest.mark.slow
@settings(_SETTINGS, max_examples=examples(1000), phases=(Phase.generate, Phase.shrink))
@given(programs(sections=RUNNABLE))
def test_thousands_lead_to_one_result(generated: Generated) -> None:
    _three_ways(generated)
