# SPDX-License-Identifier: Apache-2.0
"""Where the value of an expression goes: into a result, back to the caller, or nowhere; and blocks of expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from honey.analysis.errors import Left, Mistake, Poisoned
from honey.analysis.storage import Join
from honey.analysis.values import NEVER, NIL, POISON, NeverValue, Value
from honey.ir import nodes as n
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from honey.analysis.lowering import Lowering

    Construct = Callable[["Lowering", ast.Call, "Sink"], None]


class Sink(Protocol):
    """Takes the values that the branches of a construct end with."""

    name: str

    def take_value(self, fl: Lowering, value: Value, span: Span) -> None:
        """The current branch ends with ``value``."""

    def spoil(self, fl: Lowering) -> None:
        """The current branch ends with a mistake, which has been reported."""

    def result(self, fl: Lowering) -> Value:
        """After the construct: its value."""


class Discard:
    """Nobody wants the value."""

    name = ""

    def take_value(self, fl: Lowering, value: Value, span: Span) -> None:
        """Nothing is done with it."""

    def spoil(self, fl: Lowering) -> None:
        """Nobody would have used the value."""

    def result(self, fl: Lowering) -> Value:
        """nil, or nothing if the program has left."""
        return NEVER if fl.left else NIL


class Tail:
    """The value is that of the function: each branch gives it back by itself."""

    name = ""

    def take_value(self, fl: Lowering, value: Value, span: Span) -> None:
        """Leaves the function."""
        value = fl.settled(value)
        if not fl.left:
            fl.give_back(value, span)

    def spoil(self, fl: Lowering) -> None:
        """The function gives back what nobody can make sense of."""
        fl.spoilt = True

    def result(self, fl: Lowering) -> Value:
        """Nothing comes back."""
        del fl
        return NEVER


def evaluate(fl: Lowering, node: ast.Node, sink: Sink) -> None:
    """Evaluates ``node``, and hands its value, or those of its branches, to ``sink``."""
    from honey.analysis.control import CONSTRUCTS

    match node:
        case ast.Block(exprs=()):
            sink.take_value(fl, NIL, node.span)
        case ast.Block(exprs=exprs):
            _sequence(fl, exprs, sink)
        case ast.Call(target=None, name=name) if name in CONSTRUCTS and (name, len(node.args)) not in _own(fl):
            CONSTRUCTS[name](fl, node, sink)
        case _:
            value = fl.value(node, sink.name)
            if not isinstance(value, NeverValue):
                sink.take_value(fl, value, node.span)


def _own(fl: Lowering) -> Container[tuple[str, int]]:
    return fl.unit.module.functions


def _sequence(fl: Lowering, exprs: tuple[ast.Node, ...], sink: Sink) -> None:
    for node in exprs[:-1]:
        if fl.left:
            _never_reached(fl, node)
            return
        attempt(fl, node, Discard())
    if not fl.left:
        attempt(fl, exprs[-1], sink)
    elif not isinstance(fl.code[-1], n.Raise) and not _is_formality(exprs[-1]):  # what raises is told as that
        _never_reached(fl, exprs[-1])


def _is_formality(node: ast.Node) -> bool:
    """Whether this may end a function that has been left already, as the `0` of a handler that its readers expect."""
    match node:
        case ast.Call(target=None, name="return", args=(given,)):
            return _is_formality(given)
        case _:
            return isinstance(node, ast.Int | ast.Atom | ast.Attribute)


def _never_reached(fl: Lowering, node: ast.Node) -> None:
    help = "what stands before has left already; names in here are not looked at"
    fl.report.warn("HNY0608", "this is never reached", node.span, help=help)


def attempt(fl: Lowering, node: ast.Node, sink: Sink) -> None:
    """Evaluates a statement; what is wrong with it is reported, and the names it would bind count as spoilt."""
    try:
        evaluate(fl, node, sink)
    except Mistake as mistake:
        fl.report.add(mistake.diagnostic)
        _spoil(fl, node, sink)
    except Poisoned:
        _spoil(fl, node, sink)
    except Left:
        if not fl.left:
            raise


def _spoil(fl: Lowering, node: ast.Node, sink: Sink) -> None:
    from honey.analysis import patterns

    sink.spoil(fl)
    for match in _matches_in(node):
        for name, span in patterns.names(match.left):
            fl.scope.bind(name, POISON, span)


def _matches_in(node: ast.Node) -> Iterator[ast.Binary]:
    """The matches of a statement whose names would be bound behind it: `int x = 3` has one, too."""
    stack = [node]
    while stack:
        match stack.pop():
            case ast.Binary(op="=", left=left, right=right) as found:
                if not isinstance(left, ast.Dot | ast.Index):
                    yield found
                stack.append(right)
            case ast.Binary(left=left, right=right):
                stack += (left, right)
            case ast.Call(args=args) | ast.Apply(args=args):
                stack += args
            case _:
                pass


def construct(fl: Lowering, node: ast.Node, name: str) -> Value:
    """The value of a construct with branches."""
    join = Join(fl, name, node.span)
    evaluate(fl, node, join)
    if fl.left:
        return NEVER
    return join.result(fl)


def block(fl: Lowering, node: ast.Block, name: str) -> Value:
    """``(a; b)``: the value of the last expression."""
    if len(node.exprs) == 1:
        return fl.value(node.exprs[0], name)
    for item in node.exprs[:-1]:
        evaluate(fl, item, Discard())
    return fl.value(node.exprs[-1], name) if node.exprs else NIL
