# SPDX-License-Identifier: Apache-2.0
"""Finds the temporaries that no person would write: values that can stand where their only reader is.

A local of the compiler's own (it has no name) that is read once is folded into its reader if the value is the same
there:

* a value of constants and of locals that never change is the same everywhere;
* any other one is only moved into the very next statement. If it is an effect, it must be the first thing there to be
  evaluated, always to be evaluated, and nothing evaluated beside it may read memory that it writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from honey.emit.operators import is_call
from honey.emit.spelling import is_array
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import locals_written
from honey.ir.walk import Node, blocks_of, children, root_place, uses, walk
from honey.records import dataclass, field

_SILENT = (n.MapLookup, n.CoreRead, n.RingReserve, n.PacketAt)
"""Effects that change no memory that an expression can read."""


def folded_locals(function: n.Function, may_raise: frozenset[str]) -> dict[int, n.Expr | n.Effect]:
    """The values to be written where their local is read, by the local's id; calls in ``may_raise`` stay put."""
    fold = _Fold(uses(function.body) - _said_once(function), _changing(function), may_raise)
    fold.block(function.body, loop_depth=0)
    return fold.values


def _said_once(function: n.Function) -> Counter[int]:
    """Reads that C has only once: the larger of two is a test and a value here, and a call of a function there."""
    tests = [node.condition for node in walk(function.body) if isinstance(node, n.Select) and is_call(node)]
    return uses(tests)


def _changing(function: n.Function) -> frozenset[int]:
    """Locals that are written after their declaration."""
    uninitialised = {node.local.id for node in walk(function.body) if isinstance(node, n.Let) and node.value is None}
    return locals_written(function.body) | uninitialised


@dataclass(slots=True)
class _Fold:
    count: Counter[int]
    changing: frozenset[int]
    may_raise: frozenset[str]
    values: dict[int, n.Expr | n.Effect] = field(default_factory=dict)
    stable: dict[int, int] = field(default_factory=dict)
    """Values that are the same everywhere: local to the depth of loops where it is declared."""

    def block(self, block: n.Block, loop_depth: int) -> None:
        """Decide about the locals that ``block`` declares, inner blocks included."""
        waiting: n.Local | None = None
        waiting_value: n.Expr | n.Effect | None = None
        for statement in block:
            if waiting is not None and waiting_value is not None and self._fits(statement, waiting, waiting_value):
                self.values[waiting.id] = waiting_value
            waiting = None
            self._keep_in_loop(statement, loop_depth)
            if isinstance(statement, n.Let) and statement.value is not None and self._candidate(statement.local):
                if self._is_stable(statement.value):
                    self.values[statement.local.id] = statement.value
                    self.stable[statement.local.id] = loop_depth
                elif not (isinstance(statement.value, n.Call) and statement.value.function in self.may_raise):
                    waiting, waiting_value = statement.local, statement.value
            for inner in blocks_of(statement):
                self.block(inner, loop_depth + isinstance(statement, n.For))

    def _candidate(self, local: n.Local) -> bool:
        return (
            not local.name
            and self.count[local.id] == 1
            and local.id not in self.changing
            and not is_array(local.type)
            and not isinstance(local.type, t.Struct)
        )

    def _keep_in_loop(self, statement: n.Stmt, depth: int) -> None:
        """What is computed before a loop is not computed again in it."""
        for node in _own_reads(statement):
            if self.stable.get(node.local.id, depth) != depth:
                self.values.pop(node.local.id, None)

    def _is_stable(self, value: n.Expr | n.Effect) -> bool:
        if not isinstance(value, n.Expr):
            return False
        for node in walk(value):
            if isinstance(node, (n.DerefPlace, n.AddressOf)):
                return False
            if isinstance(node, n.LocalPlace) and (node.local.id in self.changing or self._moved(node.local)):
                return False
        return True

    def _moved(self, local: n.Local) -> bool:
        """Whether the local is itself written where it is read, so that its reader cannot go further."""
        return local.id in self.values and local.id not in self.stable

    def _fits(self, statement: n.Stmt, local: n.Local, value: n.Expr | n.Effect) -> bool:
        """Whether ``value`` may be written where ``statement``, the next one, reads ``local``."""
        roots = _roots(statement)
        if not roots or not uses(roots[-1])[local.id] or not _read_as_value(roots[-1], local):
            return False
        *places, holder = roots
        effects = [node for node in self._all_nodes(value) if isinstance(node, n.Effect)]
        first = _evaluated_first(holder) if effects else holder
        return bool(uses(first)[local.id]) and all(_undisturbed(effect, first, places) for effect in effects)

    def _all_nodes(self, value: n.Expr | n.Effect) -> Iterator[Node]:
        """The value's nodes, and those of what has been folded into it."""
        for node in walk(value):
            yield node
            if isinstance(node, n.LocalPlace) and node.local.id in self.values:
                yield from self._all_nodes(self.values[node.local.id])


def _undisturbed(effect: n.Effect, beside: Node, places: list[Node]) -> bool:
    """Whether what is evaluated beside ``effect``, and the place of the result, read no memory that it may write."""
    if isinstance(effect, _SILENT):
        return True
    written = locals_written((n.Eval(effect),))
    if any(isinstance(node, n.LocalPlace) and node.local.id in written for node in walk([beside, *places])):
        return False
    if isinstance(effect, n.ProbeRead) and isinstance(root_place(effect.target), n.LocalPlace):
        return True
    if isinstance(effect, n.HelperCall) and all(isinstance(getattr(arg, "type", None), t.Int) for arg in effect.args):
        return True
    return not any(isinstance(node, n.DerefPlace) for node in walk(beside))


def _own_reads(statement: n.Stmt) -> Iterator[n.LocalPlace]:
    for root in _roots(statement):
        for node in walk(root):
            if isinstance(node, n.LocalPlace):
                yield node


def _roots(statement: n.Stmt) -> list[Node]:
    """What a statement itself evaluates; the value comes last."""
    match statement:
        case n.Let(_, value) | n.Return(value):
            return [value] if value is not None else []
        case n.Assign(place, value):
            return [place, value]
        case n.Eval(effect):
            return [effect]
        case n.If(condition):
            return [condition]
        case _:
            return []


def _evaluated_first(node: Node) -> Node:
    """The part of an expression that is evaluated before anything is decided."""
    while True:
        match node:
            case n.Binary(n.BinaryOp.LAND | n.BinaryOp.LOR, left, _):
                node = left
            case n.Select(condition):
                node = condition
            case n.Unary(n.UnaryOp.NOT, operand):
                node = operand
            case _:
                return node


def _read_as_value(root: Node, local: n.Local) -> bool:
    """Whether ``local`` is read for its value, not stored under a map's key or the like, where C needs its address."""
    for node in walk(root):
        if isinstance(node, (n.FieldPlace, n.IndexPlace)) and node.base == n.LocalPlace(local):
            return False
        if isinstance(node, (n.AddressOf, n.ProbeRead)) and n.LocalPlace(local) in children(node):
            return False
        stored = [getattr(node, name, None) for name in ("key", "value")] if isinstance(node, n.Effect) else []
        if any(isinstance(item, n.Read) and item.place == n.LocalPlace(local) for item in stored):
            return isinstance(node, n.AtomicAdd)
    return True
