# SPDX-License-Identifier: Apache-2.0
"""A record that was reserved in a ring buffer is submitted or discarded on every way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.ir.open_records import OpenRecords

if TYPE_CHECKING:
    from honey.analysis.errors import Report
    from honey.ir.nodes import Program


def check(program: Program, report: Report) -> None:
    """Reports the ways out that would keep a record; the verifier refuses a program that has one."""
    for function in program.functions:
        for left, record in OpenRecords.of(function).returns:
            span = record.reserved.span or function.span
            if span is None:
                continue
            line = f", at line {left.span.line}" if left.span is not None else ""
            mistake = report.mistake(
                "HNY0508",
                f"this record may be neither submitted nor discarded when {function.name} ends{line}",
                span,
                help="call `bpf_ringbuf_submit(record)` or `bpf_ringbuf_discard(record)` before every way out",
            )
            report.add(mistake.diagnostic)
