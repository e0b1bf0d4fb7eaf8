# SPDX-License-Identifier: Apache-2.0
"""How much stack a program needs: eBPF has 512 bytes for a handler and all functions that it is in at a time.

What lies in memory is counted (structs, arrays, text, what a helper fills); numbers are taken to be in registers.
Blocks that are never active together share their space, as clang lets them.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.analysis.errors import Report
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import copied
from honey.ir.walk import blocks_of, root_place, walk

LIMIT = 512
"""``MAX_BPF_STACK`` of the kernel: bytes for all frames of a call chain."""


def check(program: n.Program, report: Report) -> None:
    """Reports the handlers that need more than there is."""
    functions = {function.name: function for function in program.functions}
    for handler in program.handlers:
        needed = _chain(handler, functions)
        if needed > LIMIT and handler.span is not None:
            largest = sorted(_locals(handler), key=lambda local: -local.type.size)[:3]
            named = ", ".join(f"{local.name or 'a value'} ({local.type.size})" for local in largest)
            report.add(
                report.mistake(
                    "HNY0800",
                    f"{handler.name} needs about {needed} bytes of stack, eBPF has {LIMIT}",
                    handler.span,
                    help="keep large values in a map (a `:bpf_percpu_array` with one entry), or read less at a time",
                    notes=(f"the largest values are {named}",) if named else (),
                ).diagnostic
            )


def _locals(function: n.Function) -> Iterator[n.Local]:
    for node in walk(function.body):
        if isinstance(node, n.Let):
            yield node.local


def _chain(function: n.Function, functions: dict[str, n.Function]) -> int:
    called = {node.function for node in walk(function.body) if isinstance(node, n.Call)}
    deepest = max((_chain(functions[name], functions) for name in called if name in functions), default=0)
    return _frame(function) + deepest


def _frame(function: n.Function) -> int:
    copies = sum(_rounded(array.type.size) for array in copied(function))
    return _block(function.body, _addressed(function)) + copies


def _rounded(size: int) -> int:
    return -(-size // 8) * 8


def _addressed(function: n.Function) -> set[int]:
    """Locals whose address is taken."""
    found: set[int] = set()
    for node in walk(function.body):
        places: list[n.Place] = []
        match node:
            case n.AddressOf(place) | n.ProbeRead(_, place):
                places = [place]
            case n.HelperCall(_, args):
                places = [arg for arg in args if isinstance(arg, n.LocalPlace | n.FieldPlace | n.IndexPlace)]
        for place in places:
            root = root_place(place)
            if isinstance(root, n.LocalPlace):
                found.add(root.local.id)
    return found


def _block(block: n.Block, addressed: set[int]) -> int:
    own, inner = 0, 0
    for statement in block:
        if isinstance(statement, n.Let):
            type_ = statement.local.type
            if isinstance(type_, t.Struct | t.Array | t.Chars) or statement.local.id in addressed:
                own += _rounded(type_.size)
        for part in blocks_of(statement):
            inner = max(inner, _block(part, addressed))
    return own + inner
