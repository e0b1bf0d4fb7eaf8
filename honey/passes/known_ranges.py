# SPDX-License-Identifier: Apache-2.0
"""Drops tests and masks that numbers pass whatever they are.

| what | becomes | because |
|---|---|---|
| ``offset <= 16383`` with ``offset = 14 + ihl * 4`` | true | such a sum stays below |
| ``offset & 16383`` of the same | ``offset`` | no bit above the mask can be set |
| ``header = null``, ``header = packet(...)`` | ``header = packet(...)`` | nobody sees the first value |

A parameter is as small as the largest argument of all calls. Proof obligation: `honey.ir.widths` bounds each number by
the bits that it can need in any run, and the result is the same for all numbers of so many bits. The verifier must be
able to follow, because packet offsets are among the numbers: it loses track at a division, so nothing is known of
what comes out of one here. The value that is given up is an expression, and the next statement replaces it unseen.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import locals_written
from honey.ir.walk import Node, map_blocks, pick, rewrite_block, uses, walk
from honey.ir.widths import bits_of
from honey.passes.constant_folding import fold_block
from honey.passes.references import calls_of
from honey.passes.rewriting import each_function, with_body
from honey.records import dataclass, field, replace

_LESS = {n.BinaryOp.LT: 0, n.BinaryOp.LE: 1}
_MORE = {n.BinaryOp.GE: 0, n.BinaryOp.GT: 1}
_CANDIDATES = {*_LESS, *_MORE, n.BinaryOp.AND}
_BINARIES = frozenset((n.Binary,))
_LOSES_TRACK = {n.BinaryOp.DIV, n.BinaryOp.MOD}


def run(program: n.Program) -> n.Program:
    """``program`` without tests of what is known to be small."""
    if not any(_is_candidate(node) for function in program.functions for node in pick(function.body, _BINARIES)):
        return program
    known = _Known(program)

    def rule(function: n.Function) -> n.Function:
        if not any(_is_candidate(node) for node in pick(function.body, _BINARIES)):
            return function
        body = _decided(function.body, known.of(function))
        if body is function.body:
            return function
        return with_body(function, map_blocks(fold_block(body), _without_first_values))

    return each_function(program, rule)


def _is_candidate(node: Node) -> bool:
    """Whether ``node`` is a test or a mask that may be superfluous."""
    return isinstance(node, n.Binary) and node.op in _CANDIDATES and isinstance(node.right, n.Const)


@dataclass(slots=True)
class _Known:
    """How many bits locals and parameters can need."""

    program: n.Program
    calls: dict[str, list[tuple[n.Function, n.Call]]] = field(default_factory=dict)
    locals: dict[str, dict[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.calls = calls_of(self.program)

    def of(self, function: n.Function) -> dict[int, int]:
        """Bits by local id; a local that is not in the result may have any."""
        if function.name not in self.locals:
            self.locals[function.name] = {}  # where functions call each other in a circle, nothing is known
            self.locals[function.name] = self._found(function)
        return self.locals[function.name]

    def _found(self, function: n.Function) -> dict[int, int]:
        written = locals_written(function.body)
        found: dict[int, int] = {}
        for at, param in enumerate(function.params):
            bits = self._of_parameter(function, at)
            if bits is not None and param.id not in written:
                found[param.id] = bits
        for node in walk(function.body):
            if isinstance(node, n.Let) and isinstance(node.value, n.Expr) and node.local.id not in written:
                bits = _bits(node.value, found)
                if bits is not None:
                    found[node.local.id] = bits
        return found

    def _of_parameter(self, function: n.Function, at: int) -> int | None:
        calls = self.calls.get(function.name, [])
        if function.section is not None or not calls or not isinstance(function.params[at].type, t.Int):
            return None
        most = 0
        for caller, call in calls:
            bits = _bits(call.args[at], self.of(caller))
            if bits is None:
                return None
            most = max(most, bits)
        return most


def _bits(expr: n.Expr, known: dict[int, int]) -> int | None:
    divided = any(isinstance(node, n.Binary) and node.op in _LOSES_TRACK for node in walk(expr))
    return bits_of(expr, known) if isinstance(expr.type, t.Int) and not divided else None


def _decided(body: n.Block, known: dict[int, int]) -> n.Block:
    """The body with tests that always turn out alike, and without masks that mask nothing."""

    def rule(node: Node) -> Node:
        if not isinstance(node, n.Binary) or not isinstance(node.right, n.Const):
            return node
        value, bits = node.right.value, None
        if node.op in _LESS or node.op in _MORE or node.op is n.BinaryOp.AND:
            bits = _bits(node.left, known)
        if bits is None:
            return node
        largest = (1 << bits) - 1
        if node.op in _LESS and largest < value + _LESS[node.op]:
            return n.Const(1, t.BOOL)
        if node.op in _MORE and largest < value + _MORE[node.op]:
            return n.Const(0, t.BOOL)
        return node.left if node.op is n.BinaryOp.AND and value & largest == largest else node

    return rewrite_block(body, rule)


def _without_first_values(block: n.Block) -> n.Block:
    """The block where a local is not given a value that the next statement replaces."""
    out: list[n.Stmt] = []
    for statement in block:
        before = out[-1] if out else None
        match before, statement:
            case n.Let(local, value), n.Assign(n.LocalPlace(target), new) if local == target:
                if not isinstance(value, n.Effect) and not uses(new)[local.id]:
                    out[-1] = replace(before, value=new)
                    continue
            case _:
                pass
        out.append(statement)
    return block if len(out) == len(block) else tuple(out)
