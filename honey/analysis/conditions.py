# SPDX-License-Identifier: Apache-2.0
"""Truth: which IR condition a source expression is, and what is known once it has turned out one way or the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from honey.analysis import convert, equality
from honey.analysis.code import Code, OpenIf, Slot, is_empty, leaves, negate
from honey.analysis.errors import Mistake, shown
from honey.analysis.scope import Facts, HeldFact, OneFailedFact, OptionalFact, UnionFact
from honey.analysis.storage import zero
from honey.analysis.syntax_tree import is_constant
from honey.analysis.values import (
    AddressValue,
    BoolValue,
    IntValue,
    NeverValue,
    NilValue,
    OptionalValue,
    UnionValue,
    Value,
    describe,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.records import dataclass
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering

AND = frozenset({"&&", "and"})
OR = frozenset({"||", "or"})
NOT = frozenset({"!", "not"})
_COMPARISONS = frozenset({"==", "===", "!=", "!==", "<", ">", "<=", ">=", "in"})
KINDS = ("is_integer", "is_number", "is_boolean", "is_atom", "is_tuple", "is_list", "is_binary", "is_map", "is_struct")
"""Tests of a value's kind, which ``kinds`` makes."""

NAMED_VALUE = "&named"
"""Around a match whose value need be no truth value; no name in a source begins like that."""

_NIL = ast.Atom(Span(0, 0, 1, 1, 1, 1), "nil")

_LARGEST_COPY = 25
"""Nodes of syntax in an ``else`` that is rather written twice than reached through a flag."""

Part = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Condition:
    """A truth value and the facts that follow from either outcome."""

    expr: n.Expr
    when_true: Facts = ()
    when_false: Facts = ()

    @property
    def negated(self) -> Condition:
        """The opposite."""
        return Condition(negate(self.expr), self.when_false, self.when_true)

    @property
    def constant(self) -> bool | None:
        """The outcome, if it is known now."""
        return bool(self.expr.value) if isinstance(self.expr, n.Const) else None


def known(value: bool) -> Condition:
    """A condition whose outcome is known now."""
    return Condition(n.Const(int(value), t.BOOL))


def both(left: Condition, right: Condition) -> Condition:
    """``left && right``, where evaluating ``right`` does nothing."""
    if left.constant is not None:
        return right if left.constant else left
    if right.constant is True:
        return left
    if right.constant is False:
        return right
    expr = n.Binary(n.BinaryOp.LAND, left.expr, right.expr, t.BOOL)
    failed = OneFailedFact(((left.expr, left.when_false), (right.expr, right.when_false)))
    return Condition(expr, held(left) + held(right), (failed,))


def held(test: Condition) -> Facts:
    """What is known where ``test`` holds: at least that."""
    return test.when_true or (HeldFact(test.expr),)


def either(left: Condition, right: Condition) -> Condition:
    """``left || right``, where evaluating ``right`` does nothing."""
    if left.constant is not None:
        return left if left.constant else right
    if right.constant is False:
        return left
    if right.constant is True:
        return right
    expr = n.Binary(n.BinaryOp.LOR, left.expr, right.expr, t.BOOL)
    return Condition(expr, (), left.when_false + right.when_false)


def condition(fl: Lowering, node: ast.Node) -> Condition:
    """The truth of ``node``; what must be done to find out is added to the code."""
    match node:
        case ast.Unary(op=op, operand=operand) if op in NOT:
            return condition(fl, operand).negated
        case ast.Binary(op=op, left=left, right=right) if op in AND or op in OR:
            return _logic(fl, node, left, right)
        case ast.Binary(op=op, left=left, right=right) as binary if op in ("==", "===", "!=", "!=="):
            one, other = fl.operands((left, right))
            for side, tested in ((left, other), (right, one)):
                if side == _NIL:
                    _decided_nil(fl, tested, node.span)
                elif isinstance(side, ast.Str | ast.Charlist):
                    from honey.analysis import decided_tests

                    decided_tests.warn_never_text(fl, tested, side, node.span)
            equal = equality.equal(fl, one, other, convert.network_span(binary, one, other))
            return equal if op in ("==", "===") else equal.negated
        case ast.Binary(op="in", left=left, right=right):
            from honey.analysis import membership

            return membership.contains(fl, left, right, node.span)
        case ast.Call(target=None, name="is_nil", args=(operand,)):
            value = fl.value(operand)
            _decided_nil(fl, value, node.span)
            return is_nil(fl, value, node.span)
        case ast.Call(target=None, name=name, args=(operand,)) if name in KINDS and not _is_own(fl, name):
            from honey.analysis import kinds

            return kinds.tested(fl, fl.value(operand), kinds.TESTS[name])
        case ast.Call(target=None, name="match?", args=(pattern, operand)):
            from honey.analysis import control

            return control.matches(fl, pattern, operand)
        case ast.Call(target=None, name=name, args=args) if (name, len(args)) in fl.unit.module.guards:
            from honey.analysis import guards

            return guards.named(fl, node)
        case ast.Block(exprs=(only,)):
            return condition(fl, only)
        case ast.Call(target=None, name=name, args=(match,)) if name == NAMED_VALUE:
            return truth(fl, fl.value(match), node.span, of_name=True)
        case ast.Binary(op="=", op_span=span, left=ast.Dot() | ast.Index() as left, right=right) if is_constant(right):
            help = f"write `{shown(fl.report, left.span, 'x')} == {shown(fl.report, right.span, '...')}`"
            raise fl.mistake("HNY0607", "this stores a value, and does not compare", span, help=help)
        case ast.Binary(op="=", op_span=span, right=right) if is_constant(right):
            fl.report.warn("HNY0612", "this is a match, and no comparison", span, help="did you mean `==`?")
            return truth(fl, fl.value(node), node.span)
        case _:
            return truth(fl, fl.value(node), node.span)


def is_test(node: ast.Node) -> bool:
    """Whether ``node`` gives a truth value, and nothing else, by its form."""
    match node:
        case ast.Unary(op=op):
            return op in NOT
        case ast.Binary(op=op, left=left, right=right) if op in AND or op in OR:
            return is_test(left) and is_test(right)
        case ast.Binary(op=op):
            return op in _COMPARISONS
        case ast.Call(target=None, name="is_nil", args=(_,)):
            return True
        case ast.Block(exprs=(only,)):
            return is_test(only)
        case _:
            return False


def _is_own(fl: Lowering, name: str) -> bool:
    """Whether the module has a function of this name itself."""
    return (name, 1) in fl.unit.module.functions


def _logic(fl: Lowering, node: ast.Binary, left: ast.Node, right: ast.Node) -> Condition:
    is_and = node.op in AND
    first = condition(fl, left)
    if first.constant is not None:
        if first.constant is not is_and:
            return first
        with fl.names_apart():
            return condition(fl, right)
    second = known(not is_and)
    with fl.block(first.when_true if is_and else first.when_false) as code:
        second = _reached(fl, right)
    if is_empty(code):
        fl.code.extend(code)
        return both(first, second) if is_and else either(first, second)
    return through_flag(fl, first, code, second, is_and=is_and, span=node.span)


def _reached(fl: Lowering, node: ast.Node) -> Condition:
    """The right side, which in a guard may raise for some kinds of values: only where it is reached."""
    try:
        return condition(fl, node)
    except Mistake as mistake:
        if not fl.in_guard or not mistake.raises or fl.section is not None:
            raise
        fl.code.append(fl.throw("ArgumentError", "", node.span))
        return known(False)


def through_flag(
    fl: Lowering,
    first: Condition,
    code: Code,
    second: Condition,
    *,
    is_and: bool,
    span: Span,
    seal: Callable[[Code], Code] = list,
) -> Condition:
    """Logic whose right side must do something first: a flag tells whether it was reached and what it gave.

    ``seal`` makes the final block of what is done on the right side.
    """
    hoist(fl, code)
    flag = fl.fresh("", t.BOOL)
    fl.code.append(n.Let(flag, n.Const(int(not is_and), t.BOOL), span))
    code.append(n.Assign(n.LocalPlace(flag), second.expr, span))
    reached = first.expr if is_and else negate(first.expr)
    fl.code.append(OpenIf(reached, seal(code), [], span))
    result = Condition(n.Read(n.LocalPlace(flag), t.BOOL))
    learnt = first.when_true + second.when_true if is_and else first.when_false + second.when_false
    for fact in learnt:  # the flag alone does not show what is there
        if isinstance(fact, OptionalFact) and fact.present:
            absent = Condition(fact.subject.is_nil)
            result = both(result, absent.negated) if is_and else either(result, absent)
    return Condition(result.expr, learnt, ()) if is_and else Condition(result.expr, (), learnt)


def hoist(fl: Lowering, code: Code) -> None:
    """Declares what ``code`` declares at the current level, so that it can be used after ``code``."""
    for index, item in enumerate(code):
        if isinstance(item, Slot):
            hoist(fl, item.code)
        elif isinstance(item, n.Let):
            fl.code.append(n.Let(item.local, zero(item.local.type), item.span))
            value = item.value
            code[index] = Slot() if value is None else n.Assign(n.LocalPlace(item.local), value, item.span)


def truth(fl: Lowering, value: Value, span: Span, *, of_name: bool = False) -> Condition:
    """Whether Elixir takes ``value`` for true: everything but nil and false. A guard wants a truth value.

    ``of_name`` if the value is bound to a name, and need be no truth value.
    """
    value = fl.settled(value)
    if fl.in_guard:
        value = fl.required(value, span)
        if not isinstance(value, BoolValue):
            help = "compare it: `x != 0`, `x != nil`"
            raise fl.mistake(
                "HNY0200", f"a guard is a truth value, not {describe(value)}", span, help=help, raises=True
            )
    match value:
        case BoolValue(expr):
            return Condition(expr)
        case OptionalValue():
            here = Condition(negate(value.is_nil), (OptionalFact(value, True),), (OptionalFact(value, False),))
            present = equality.peek(fl, value)
            if isinstance(present, BoolValue):
                return both(Condition(here.expr, here.when_true), Condition(present.expr))
            return here
        case NilValue():
            return known(False)
        case AddressValue(expr):
            return Condition(negate(n.IsNull(expr)))
        case UnionValue():
            return _union_truth(fl, value, span)
        case NeverValue():
            return known(False)
        case _:
            if isinstance(value, IntValue) and not value.literal and not of_name:
                from honey.analysis import decided_tests

                decided_tests.warn_integer(fl, span)
            return known(True)


def _union_truth(fl: Lowering, value: UnionValue, span: Span) -> Condition:
    """The truth of a value of several kinds; which kinds are left is known on either side."""
    result, true, false = known(False), set[int](), set[int]()
    for number in sorted(fl.scope.alternatives(value)):
        one = value.alternatives[number]
        test = known(True) if isinstance(one, IntValue) else truth(fl, one, span)
        if test.constant is not False:
            true.add(number)
        if test.constant is not True:
            false.add(number)
        here = Condition(n.Binary(n.BinaryOp.EQ, value.tag, n.Const(number, t.U64), t.BOOL))
        result = either(result, both(here, test))
    return Condition(result.expr, (UnionFact(value, frozenset(true)),), (UnionFact(value, frozenset(false)),))


def is_nil(fl: Lowering, value: Value, span: Span) -> Condition:
    """Whether ``value`` is nil."""
    value = fl.settled(value)
    match value:
        case OptionalValue():
            return Condition(value.is_nil, (OptionalFact(value, False),), (OptionalFact(value, True),))
        case NilValue():
            return known(True)
        case AddressValue(expr):
            return Condition(n.IsNull(expr))
        case UnionValue():
            return equality.equal(fl, value, NilValue(), span)
        case _:
            return known(False)


def _decided_nil(fl: Lowering, value: Value, span: Span) -> None:
    """Warn of a test for nil of a number that is always there."""
    if isinstance(value, IntValue):
        from honey.analysis import decided_tests

        decided_tests.warn_never_nil(fl, value, span)


def branch(fl: Lowering, node: ast.Node, then: Part, otherwise: Part | None, span: Span, copies: bool = False) -> None:
    """A branch on ``node``; ``copies`` allows to write ``otherwise`` twice where that avoids a flag.

    ``then`` and ``otherwise`` are called with the block to fill as the current one.
    """
    match node:
        case ast.Unary(op=op, operand=operand) if op in NOT:
            branch(fl, operand, otherwise or _nothing, then, span, copies)
        case ast.Block(exprs=(only,)):
            branch(fl, only, then, otherwise, span, copies)
        case ast.Binary(op=op, left=left, right=right) if op in AND and (otherwise is None or copies):
            _nested(fl, left, right, then, otherwise, span)
        case ast.Binary(op=op, left=left, right=right) if op in OR and copies:
            _alternatives(fl, left, right, then, otherwise, span)
        case _:
            branch_on(fl, condition(fl, node), then, otherwise, span)


def _nothing() -> None:
    """A branch in which nothing is done."""


def _nested(fl: Lowering, left: ast.Node, right: ast.Node, then: Part, otherwise: Part | None, span: Span) -> None:
    """``if left && right``: one condition if nothing need be done between the two, else one inside the other."""
    first = condition(fl, left)
    if first.constant is not None:
        if first.constant:
            with fl.names_apart():
                branch(fl, right, then, otherwise, span, copies=True)
        else:
            _alone(fl, otherwise)
        return
    second = known(False)
    with fl.block(first.when_true) as code:
        second = condition(fl, right)
        if not is_empty(code):
            branch_on(fl, second, then, otherwise, span)
    if is_empty(code):
        fl.code.extend(code)
        branch_on(fl, both(first, second), then, otherwise, span)
        return
    rest: Code = []
    if otherwise is not None:
        with fl.block(first.when_false) as rest:
            otherwise()
    fl.add_if(first.expr, code, rest, span)
    if leaves(code):
        fl.learn(first.when_false)


def _alternatives(
    fl: Lowering, left: ast.Node, right: ast.Node, then: Part, otherwise: Part | None, span: Span
) -> None:
    """``if left || right``, the mirror image of ``_nested``."""
    first = condition(fl, left)
    if first.constant is not None:
        if first.constant:
            _alone(fl, then)
        else:
            with fl.names_apart():
                branch(fl, right, then, otherwise, span, copies=True)
        return
    second = known(True)
    with fl.block(first.when_false) as code:
        second = condition(fl, right)
        if not is_empty(code):
            branch_on(fl, second, then, otherwise, span)
    if is_empty(code):
        fl.code.extend(code)
        branch_on(fl, either(first, second), then, otherwise, span)
        return
    with fl.block(first.when_true) as taken:
        then()
    fl.add_if(first.expr, taken, code, span)
    if leaves(taken):
        fl.learn(first.when_false)


def branch_on(fl: Lowering, test: Condition, then: Part, otherwise: Part | None, span: Span) -> None:
    """A branch on a condition; a side that cannot be reached is left out."""
    if test.constant is not None:
        _alone(fl, then if test.constant else otherwise)
        return
    with fl.block(test.when_true) as taken:
        then()
    rest: Code = []
    if otherwise is not None:
        with fl.block(test.when_false) as rest:
            otherwise()
    fl.add_if(test.expr, taken, rest, span)
    if leaves(taken):
        fl.learn(test.when_false)
    elif leaves(rest):
        fl.learn(test.when_true)


def _alone(fl: Lowering, part: Part | None) -> None:
    """The side of a branch that is always taken; its bindings end with it all the same."""
    if part is not None:
        with fl.block() as code:
            part()
        fl.code.extend(code)


def small(node: ast.Node | None) -> bool:
    """Whether a branch is short enough to be written twice."""
    from honey.analysis.syntax_tree import size

    return node is None or size(node) <= _LARGEST_COPY
