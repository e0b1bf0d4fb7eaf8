# SPDX-License-Identifier: Apache-2.0
"""A handler gives back what programs of its kind may: the verifier refuses a cgroup program that may give 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import root_place, walk
from honey.ir.widths import bits_of
from honey.kernel.results import ZERO, allowed

if TYPE_CHECKING:
    from honey.analysis.errors import Report


def check(program: n.Program, report: Report) -> None:
    """Reports the values that may be outside of what is allowed."""
    for function in program.functions:
        limits = allowed(function.section) if function.section is not None else None
        if limits is None or limits == ZERO:
            continue
        locals_ = _Bits(program).of(function)
        for node in walk(function.body):
            if isinstance(node, n.Return) and not _within(node.value, limits, locals_):
                _report(function, node, limits, report)


def _within(value: n.Expr | None, limits: tuple[int, int], locals_: dict[int, int]) -> bool:
    low, high = limits
    if isinstance(value, n.Const) or value is None:
        return value is not None and low <= value.value <= high
    bits = bits_of(value, locals_)
    return low == 0 and bits is not None and (1 << bits) - 1 <= high


def _report(function: n.Function, left: n.Return, limits: tuple[int, int], report: Report) -> None:
    low, high = limits
    assert function.section is not None
    values = f"{low}" if low == high else f"{low} or {high}" if high == low + 1 else f"{low} to {high}"
    span = left.span or function.span
    if span is not None:
        mistake = report.mistake(
            "HNY0611",
            f'a "{function.section.kind}" program must give {values}, and this may be something else',
            span,
            help=f"end with `{low}`" if low == high else f"choose: `if ..., do: {high}, else: {low}`",
        )
        report.add(mistake.diagnostic)


class _Bits:
    """How many bits the numbers in functions can have, as far as what is stored in locals tells."""

    def __init__(self, program: n.Program) -> None:
        self._functions = {function.name: function for function in program.functions}
        self._results: dict[str, int | None] = {}

    def of(self, function: n.Function) -> dict[int, int]:
        """The bits of locals by id; those that may be anything are left out."""
        stored: dict[int, list[n.Expr | n.Effect | None]] = {}
        for node in walk(function.body):
            match node:
                case n.Let(local, value) if value is not None:
                    stored.setdefault(local.id, []).append(value)
                case n.Assign(n.LocalPlace(local), value):
                    stored.setdefault(local.id, []).append(value)
                case n.AddressOf(place) | n.ProbeRead(_, place) | n.AtomicAdd(place):
                    base = root_place(place)
                    if isinstance(base, n.LocalPlace):
                        stored.setdefault(base.local.id, []).append(None)
        known: dict[int, int] = {}
        changed = True
        while changed:
            changed = False
            for number, values in stored.items():
                found = [self._bits(value, known) for value in values]
                if number not in known and all(bits is not None for bits in found):
                    known[number] = max(bits for bits in found if bits is not None)
                    changed = True
        return known

    def _bits(self, value: n.Expr | n.Effect | None, known: dict[int, int]) -> int | None:
        if isinstance(value, n.Call):
            return self._result(value.function)
        if isinstance(value, n.Expr):
            return bits_of(value, known)
        return None

    def _result(self, name: str) -> int | None:
        if name not in self._results:
            self._results[name] = None
            function = self._functions[name]
            if isinstance(function.result, t.Int | t.Bool):
                known = self.of(function)
                values = [node.value for node in walk(function.body) if isinstance(node, n.Return)]
                found = [bits_of(value, known) if value is not None else None for value in values]
                if all(bits is not None for bits in found):
                    self._results[name] = max((bits for bits in found if bits is not None), default=0)
        return self._results[name]
