# SPDX-License-Identifier: Apache-2.0
"""What analysis makes of a source does what the language page says: against an evaluator of the syntax tree."""

from __future__ import annotations

from compiled import modules, packets
from hypothesis import event, given
from kernel_runs import Run, Trace, run_in_simulator
from program_text import RUNNABLE, Generated, programs
from source_evaluator import Machine
from source_values import Unspecified

from honey import compiler
from honey.diagnostics.render import render
from honey.ir.verify import verify
from honey.syntax.source import SourceFile

_ETHERNET = 14


def evaluated(machine: Machine, events: list[tuple[str, bytes]], sections: dict[str, str]) -> Trace:
    """The trace of ``events`` (handler, packet) by the evaluator."""
    trace = Trace()
    for handler, packet in events:
        socket = sections[handler] == "socket"
        value, after = machine.run(handler, packet[_ETHERNET:] if socket else packet)
        trace.runs.append(Run(handler, value, b"" if socket else after))
    for name, store in machine.maps.items():
        trace.maps[name] = sorted((key, bytes(value)) for key, value in store.entries.items())
    trace.records.update(machine.rings)
    return trace


def agrees(generated: Generated) -> None:
    """The interpreter of the IR and the evaluator of the syntax tree come to the same."""
    source = SourceFile.from_text(generated.text)
    checked = compiler.check(source)
    errors = [found for found in checked.diagnostics if found.is_error]
    if errors and all(found.code in ("HNY0800", "HNY0801") for found in errors):
        return
    assert checked.program is not None, "\n".join(render(found) for found in errors)
    verify(checked.program)
    events = [(handler, packet) for packet in packets() for handler, _ in generated.handlers]
    found = run_in_simulator(checked.program, events)
    try:
        meant = evaluated(Machine(compiler.parse(source)[0]), events, dict(generated.handlers))
    except Unspecified:
        event("the language leaves it open")
        return
    assert found == meant


@modules(100)
@given(programs(sections=RUNNABLE))
def test_the_ir_means_what_the_source_says(generated: Generated) -> None:
    agrees(generated)
