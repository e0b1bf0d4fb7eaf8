# SPDX-License-Identifier: Apache-2.0
"""Constructs with branches: ``if``, ``unless``, ``cond``, ``case``, ``with``, ``return``, ``raise``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from honey.analysis import binding, conditions, patterns
from honey.analysis.conditions import Condition
from honey.analysis.errors import shown, suggestion
from honey.analysis.flow import Discard, Sink, Tail, attempt, evaluate
from honey.analysis.scope import Names, Scope
from honey.analysis.values import NIL, IntValue, NeverValue, OptionalValue, Value, boolean, describe
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.flow import Construct
    from honey.analysis.lowering import Lowering


def _body(fl: Lowering, node: ast.Call) -> ast.DoBlock:
    if node.do_block is None:
        test = shown(fl.report, node.args[0].span, "...") if node.args else "..."
        help = f"write `{node.name} {test} do`, and an `end`"
        raise fl.mistake("HNY0107", f"`{node.name}` has no body", node.span, help=help)
    return node.do_block


def _branch_of(fl: Lowering, node: ast.Block | ast.Clauses | None, sink: Sink, span: Span) -> None:
    if node is None:
        sink.take_value(fl, NIL, span)
    elif isinstance(node, ast.Clauses):
        raise fl.mistake("HNY0107", "`->` belongs to `case`, `cond` and `fn`", node.span)
    else:
        attempt(fl, node, sink)


def if_(fl: Lowering, node: ast.Call, sink: Sink) -> None:
    """``if``, ``unless``."""
    if len(node.args) != 1:
        raise _conditions(fl, node)
    blocks = _body(fl, node)
    test: ast.Node = node.args[0]
    if node.name == "unless":
        test = ast.Unary(test.span, "!", test)
    otherwise = blocks.else_
    needed = otherwise is not None or not isinstance(sink, Discard)
    conditions.branch(
        fl,
        test,
        lambda: _branch_of(fl, blocks.body, sink, node.span),
        (lambda: _branch_of(fl, otherwise, sink, node.span)) if needed else None,
        node.span,
        copies=conditions.small(otherwise),
    )


def _conditions(fl: Lowering, node: ast.Call) -> Exception:
    """``if`` with none or several, or with an option that is misspelt."""
    for pair in node.keywords.pairs if node.keywords is not None else ():
        if isinstance(pair.key, ast.Atom) and pair.key.name not in ("do", "else"):
            help = suggestion(pair.key.name, ("do", "else"), "{}:") or "there are `do:` and `else:`"
            return fl.mistake("HNY0107", f"`{node.name}` has no option {pair.key.name}", pair.span, help=help)
    help = f"write `{node.name} a and b do`" if len(node.args) > 1 else f"write `{node.name} x > 0 do`"
    return fl.mistake("HNY0107", f"`{node.name}` takes one condition", node.span, help=help)


def cond(fl: Lowering, node: ast.Call, sink: Sink) -> None:
    """``cond do``: the first clause whose condition holds; where none does, wanting its value raises."""
    body = _body(fl, node).body
    if not isinstance(body, ast.Clauses):
        raise fl.mistake("HNY0107", "`cond` has clauses `condition -> value`", node.span)
    _cond_from(fl, body.clauses, node, sink)


def _cond_from(fl: Lowering, clauses: Sequence[ast.Clause], node: ast.Call, sink: Sink) -> None:
    if not clauses:
        if isinstance(sink, Discard):
            return  # nobody wants the value: as in Honey Potion, the program goes on
        fl.code.append(fl.throw("CondClauseError", "", node.span))
        return
    first, rest = clauses[0], clauses[1:]
    if isinstance(first.patterns[0], ast.Var) and first.patterns[0].name == "_":
        what = "the clauses of `cond` begin with conditions"
        raise fl.mistake("HNY0101", what, first.patterns[0].span, help="the one that always holds is `true -> ...`")
    conditions.branch(
        fl,
        first.patterns[0],
        lambda: _scoped(fl, first.body, sink),
        lambda: _cond_from(fl, rest, node, sink),
        first.span,
    )


def _scoped(fl: Lowering, body: ast.Node, sink: Sink) -> None:
    with fl.block() as code:
        attempt(fl, body, sink)
    fl.code.extend(code)


def case(fl: Lowering, node: ast.Call, sink: Sink) -> None:
    """``case value do``: the first clause whose pattern and guard match; none raises."""
    body = _body(fl, node).body
    if len(node.args) != 1 or not isinstance(body, ast.Clauses):
        help = (
            f"write `case {shown(fl.report, node.args[0].span, 'x') if node.args else 'x'} do`, then `1 -> ...` lines"
        )
        raise fl.mistake("HNY0107", "`case` has a value and clauses `pattern -> value`", node.span, help=help)
    first = body.clauses[0]
    wanted = _truth_wanted(first.patterns[0]) if len(first.patterns) == 1 and first.guard is None else None
    if wanted is not None and conditions.is_test(node.args[0]):
        others = boolean(not wanted)
        conditions.branch(
            fl,
            node.args[0] if wanted else ast.Unary(node.args[0].span, "!", node.args[0]),
            lambda: _scoped(fl, first.body, sink),
            lambda: clauses(fl, body.clauses[1:], [others], node.span, sink, "CaseClauseError"),
            first.span,
        )
        return
    value = fl.value(node.args[0], "value")
    if isinstance(value, NeverValue):
        return
    value = binding.kept(fl, "value", fl.settled(value), node.args[0].span)
    clauses(fl, body.clauses, [value], node.span, sink, "CaseClauseError")


def _truth_wanted(pattern: ast.Node) -> bool | None:
    """The truth value that a pattern is."""
    return pattern.name == "true" if isinstance(pattern, ast.Atom) and pattern.name in ("true", "false") else None


def clauses(
    fl: Lowering, found: Sequence[ast.Clause], values: Sequence[Value], span: Span, sink: Sink, exception: str
) -> None:
    """Goes through clauses in order with ``values`` for their patterns; raises ``exception`` if none matches."""
    if not found:
        fl.code.append(fl.throw(exception, "", span))
        return
    first, rest = found[0], found[1:]
    if len(first.patterns) != len(values):
        what = f"{'one pattern is' if len(values) == 1 else f'{len(values)} patterns are'} needed here"
        help = "for one of several values write `x when x in [1, 2] -> ...`" if len(values) == 1 else None
        raise fl.mistake("HNY0107", what, first.patterns[0].span if first.patterns else first.span, help=help)
    test, bindings = _matches(fl, first, values)

    def taken() -> None:
        with fl.block() as code:
            for bound in bindings:
                binding.bind(fl, bound.name, bound.value, bound.span)
            attempt(fl, first.body, sink)
        fl.code.extend(code)

    if test.constant is True:
        if rest and first.guard is None and all(isinstance(pattern, ast.Var) for pattern in first.patterns):
            help = f"the clause of line {first.span.line} takes everything: put it last"
            fl.report.warn("HNY0608", "this is never reached", rest[0].span, help=help)
        fl.learn(test.when_true)
        taken()
        return
    if test.constant is False and fl.is_told:
        _warn_never(fl, first, values)
    test = Condition(test.expr, conditions.held(test), test.when_false)
    conditions.branch_on(fl, test, taken, lambda: clauses(fl, rest, values, span, sink, exception), first.span)


def _warn_never(fl: Lowering, clause: ast.Clause, values: Sequence[Value]) -> None:
    """``{:ok, count}`` for a number that was looked up: what Elixir's own functions give, and none of these do."""
    for pattern, value in zip(clause.patterns, map(fl.settled, values), strict=True):
        there = value.present if isinstance(value, OptionalValue) else value
        if not isinstance(there, IntValue) or there.constant is not None:
            continue
        atom = isinstance(pattern, ast.Atom) and pattern.name != "nil" and not pattern.name.isupper()
        if atom or isinstance(pattern, ast.Tuple | ast.ListLit | ast.MapLit | ast.StructLit | ast.Str):
            looked_up = isinstance(value, OptionalValue) or isinstance(pattern, ast.Tuple)
            help = "what is looked up is the value itself, or nil: `nil -> ...`, `x -> ...`" if looked_up else None
            fl.report.warn("HNY0606", f"{describe(value)} never matches this", pattern.span, help=help)
            return


def _matches(fl: Lowering, clause: ast.Clause, values: Sequence[Value]) -> tuple[Condition, list[patterns.Bound]]:
    found = patterns.test_all(fl, list(zip(clause.patterns, values, strict=True)))
    test, bound = found.condition, list(found.bindings)
    if clause.guard is not None:
        from honey.analysis.guards import guarded

        test = guarded(fl, clause.guard, test, bound)
    return test, bound


def matches(fl: Lowering, pattern: ast.Node, node: ast.Node) -> Condition:
    """``match?(pattern when guard, value)``; what the pattern binds is known to the guard alone."""
    value = binding.kept(fl, "value", fl.settled(fl.value(node)), node.span)
    guard: ast.Node | None = None
    if isinstance(pattern, ast.Binary) and pattern.op == "when":
        guard = pattern.right
        pattern = pattern.left
    return _matches(fl, ast.Clause(pattern.span, (pattern,), guard, ast.Block(pattern.span, ())), [value])[0]


def with_(fl: Lowering, node: ast.Call, sink: Sink) -> None:
    """``with pattern <- value, ... do``: goes on while all match."""
    with fl.block() as code:
        _with_from(fl, node.args, node, sink, fl.scope.closure())
    fl.code.extend(code)


def _with_from(fl: Lowering, steps: Sequence[ast.Node], node: ast.Call, sink: Sink, names: Names) -> None:
    """Goes through the steps; ``names`` are those from before, which are all that `else` sees."""
    blocks = _body(fl, node)
    if not steps:
        _branch_of(fl, blocks.body, sink, node.span)
        return
    step, rest = steps[0], steps[1:]
    if not (isinstance(step, ast.Binary) and step.op == "<-"):
        fl.value(step)
        _with_from(fl, rest, node, sink, names)
        return
    wanted = _truth_wanted(step.left)
    if wanted is not None and conditions.is_test(step.right):
        conditions.branch(
            fl,
            step.right if wanted else ast.Unary(step.right.span, "!", step.right),
            lambda: _with_from(fl, rest, node, sink, names),
            lambda: _with_failed(fl, boolean(not wanted), step, node, sink, names),
            step.span,
        )
        return
    value = binding.kept(fl, "value", fl.settled(fl.value(step.right)), step.right.span)
    pattern: ast.Node = step.left
    guard: ast.Node | None = None
    if isinstance(pattern, ast.Binary) and pattern.op == "when":
        guard = pattern.right
        pattern = pattern.left
    clause = ast.Clause(step.span, (pattern,), guard, ast.Block(step.span, ()))
    test, bindings = _matches(fl, clause, [value])

    def matched() -> None:
        for bound in bindings:
            binding.bind(fl, bound.name, bound.value, bound.span)
        _with_from(fl, rest, node, sink, names)

    conditions.branch_on(fl, test, matched, lambda: _with_failed(fl, value, step, node, sink, names), step.span)


def _with_failed(fl: Lowering, value: Value, step: ast.Node, node: ast.Call, sink: Sink, names: Names) -> None:
    """``value`` has not matched in a step of ``with``."""
    else_ = _body(fl, node).else_
    if not isinstance(else_, ast.Clauses):
        sink.take_value(fl, value, step.span)
        return
    outer, fl.scope = fl.scope, Scope(fl.scope, names)
    try:
        clauses(fl, else_.clauses, [fl.settled(value)], node.span, sink, "WithClauseError")
    finally:
        fl.scope = outer


def return_(fl: Lowering, node: ast.Call, sink: Sink) -> None:
    """``return(value)``: leaves the function."""
    del sink
    if len(node.args) > 1:
        raise fl.mistake("HNY0107", "`return` takes one value", node.span)
    if node.args:
        evaluate(fl, node.args[0], Tail())
    else:
        fl.give_back(NIL, node.span)


def raise_(fl: Lowering, node: ast.Call, sink: Sink) -> None:
    """``raise "text"``, ``raise Error``."""
    del sink
    first = node.args[0] if node.args else None
    exception, detail = "RuntimeError", ""
    if isinstance(first, ast.Alias):
        exception = ".".join(first.parts)
    elif isinstance(first, ast.Str):
        detail = "".join(part for part in first.parts if isinstance(part, str))
    fl.code.append(fl.throw(exception, detail, node.span))


CONSTRUCTS: dict[str, Construct] = {
    "if": if_,
    "unless": if_,
    "cond": cond,
    "case": case,
    "with": with_,
    "return": return_,
    "raise": raise_,
}
"""What has branches, or leaves, by name."""
