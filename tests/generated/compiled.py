# SPDX-License-Identifier: Apache-2.0
"""Compiles generated programs with and without optimisation, and compares what became of their runs."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from kernel_runs import Trace, run_in_kernel, run_in_simulator
from loaded_objects import loaded
from program_text import RUNNABLE, Generated

from harness.agent.errors import AgentError
from honey import compiler
from honey.diagnostics.render import render
from honey.emit.back_edges import falls_back
from honey.emit.instructions import functions
from honey.emit.undecided import compares_constants
from honey.ir.nodes import Program
from honey.syntax.source import SourceFile

HANDLERS = 4
"""Handlers in a module: clang's start is paid once for all of them."""

_SIDES: tuple[tuple[str, list[str] | None], ...] = (("optimised", None), ("unoptimised", []))
_BEYOND_LIMITS = {"HNY0800", "HNY0801"}
"""More stack than there is, or more work than the verifier does: the compiler says so."""


def modules(few: int) -> settings:
    """How many modules a property is tried on: ``few``, the same in each plain run and without minutes of shrinking.

    The nightly run asks for a number of handlers in ``HONEY_GENERATED_EXAMPLES``; it draws new ones, and shrinks.
    """
    asked = os.environ.get("HONEY_GENERATED_EXAMPLES")
    phases = (Phase.generate,) if asked is None else (Phase.generate, Phase.shrink)
    count = few if asked is None else max(1, int(asked) // HANDLERS)
    return settings(
        max_examples=count, phases=phases, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )


def packets() -> list[bytes]:
    """Packets for each handler, the same in every run: empty, full, short, random."""
    chance = random.Random(5)
    few = (0, 1, 2, 3, 7, 8, 255)
    return [
        bytes(64),
        chance.randbytes(70),
        bytes([255] * 64),
        bytes(range(20, 34)),
        bytes(chance.choice(few) for _ in range(120)),
    ]


def compiled(generated: Generated, folder: Path) -> tuple[Program, dict[str, Path]] | None:
    """The IR as analysed, and both objects; ``None`` for a program that is beyond a limit, and says so.

    Of what only older kernels refuse, the objects are looked through for loops that fall back, and for comparisons of
    constants in registers.
    """
    source = SourceFile.from_text(generated.text)
    checked = compiler.check(source)
    errors = [found for found in checked.diagnostics if found.is_error]
    if errors and all(found.code in _BEYOND_LIMITS for found in errors):
        return None
    assert checked.program is not None, "\n".join(render(found) for found in errors)
    outputs = {name: folder / f"{name}.bpf.o" for name, _ in _SIDES}
    with ThreadPoolExecutor(len(_SIDES)) as pool:
        done = [pool.submit(compiler.compile_source, source, outputs[name], passes) for name, passes in _SIDES]
    for one in done:
        assert one.result().problem is None, str(one.result().problem)
        if one.result().output is None:
            assert {found.code for found in one.result().diagnostics if found.is_error} <= _BEYOND_LIMITS
            return None
    for (name, output), one in zip(outputs.items(), done, strict=True):
        assert not falls_back(output.read_bytes()), f"{name}: kernels before 6.7 refuse a loop"
        program = one.result().program
        if program is not None and compiler.calculates_addresses(program):
            undecided = compares_constants(output.read_bytes()) and not _jumps_on_less(output.read_bytes())
            assert not undecided, f"{name}: kernels before 6.4 do not decide a comparison"
    return checked.program, outputs


def _jumps_on_less(elf: bytes) -> bool:
    """Whether clang was asked for the jumps that leave few constants to compare with; those it leaves are harmless."""
    operations = {op for insns, _ in functions(elf) for op, *_ in insns}
    return any(op & 7 in (5, 6) and 0xA0 <= op & 0xF0 <= 0xD0 for op in operations)


@contextmanager
def refusals_shown(name: str) -> Iterator[None]:
    """What the verifier refuses fails the test with its words."""
    try:
        yield
    except AgentError as problem:
        raise AssertionError(f"{name}: {problem}\n{problem.log}") from None


def load(outputs: dict[str, Path]) -> None:
    """Loads both objects; the verifier's words if it refuses one."""
    for name, path in outputs.items():
        with refusals_shown(name), loaded(path):
            pass


def traces(generated: Generated, program: Program, outputs: dict[str, Path]) -> dict[str, Trace]:
    """What the interpreter and both objects made of the same packets."""
    assert all(section in RUNNABLE for _, section in generated.handlers)
    events = [(handler, packet) for packet in packets() for handler, _ in generated.handlers]
    found = {"interpreter": run_in_simulator(program, events)}
    for name, path in outputs.items():
        with refusals_shown(name):
            found[name] = run_in_kernel(path, events)
    return found
