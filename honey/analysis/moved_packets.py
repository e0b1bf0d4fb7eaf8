# SPDX-License-Identifier: Apache-2.0
"""What was found in a packet is not used after a helper that may have moved the packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.ir.stale_packets import StalePackets

if TYPE_CHECKING:
    from honey.analysis.errors import Report
    from honey.ir.nodes import Program


def check(program: Program, report: Report) -> None:
    """Reports the uses; the verifier refuses a program that has one."""
    for function, statement, moved in StalePackets.of(program).uses:
        span = statement.span or function.span
        if span is None:
            continue
        line = f" at line {moved.statement.span.line}" if moved.statement.span is not None else ""
        mistake = report.mistake(
            "HNY0706",
            f"a part of the packet is used that was found before {moved.name}{line}, which may move the packet",
            span,
            help="call `Honey.Packet.at` again behind it, or bind the fields to names before it",
        )
        report.add(mistake.diagnostic)
