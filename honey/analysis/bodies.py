# SPDX-License-Identifier: Apache-2.0
"""The bodies of functions: parameters, clauses, what they give back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from honey.analysis import binding, patterns
from honey.analysis.code import Code, finish, leaves
from honey.analysis.control import clauses
from honey.analysis.errors import Left, Mistake, Poisoned
from honey.analysis.flow import Discard, Tail, attempt
from honey.analysis.joins import join_all
from honey.analysis.lowering import RESULT, Lowering, read
from honey.analysis.results import in_place
from honey.analysis.shapes import (
    IntShape,
    Shape,
    StaticShape,
    component_names,
    component_types,
    rebuild,
    shape_of,
)
from honey.analysis.storage import components, zero
from honey.analysis.values import (
    NEVER,
    POISON,
    AtomValue,
    IntValue,
    NeverValue,
    Value,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.kernel.sections import Section
from honey.records import dataclass
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.module import FunctionDeclaration
    from honey.analysis.unit import Unit


MEMORY = t.Struct | t.Array | t.Chars
_REGISTERS = 5
"""Arguments that a call of a subprogram can take."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A function as it was emitted: what it takes and what it gives."""

    name: str
    parameters: tuple[Shape, ...]
    result: Shape
    may_raise: bool


def rehearse(unit: Unit, declared: FunctionDeclaration) -> None:
    """Reads a function that is never called, for mistakes that do not depend on its arguments."""
    outside = unit.attributes, unit.aliases
    fl = lowering(unit, declared, None)
    before = len(unit.functions)
    for clause in declared.clauses:
        with fl.block():
            for pattern in clause.patterns:
                for name, span in patterns.names(pattern):
                    fl.scope.bind(name, POISON, span)
            attempt(fl, clause.body, Discard())
    del unit.functions[before:]
    unit.attributes, unit.aliases = outside


def returned(result: Shape) -> tuple[t.Type | None, list[t.Type]]:
    """What a function returns in a register, and what it stores through pointers that it is given."""
    types = component_types(result)
    if types and not isinstance(types[0], MEMORY):
        return types[0], types[1:]
    return None, types


def lowering(unit: Unit, declared: FunctionDeclaration, section: Section | None) -> Lowering:
    fl = Lowering(unit, section)
    unit.attributes, unit.aliases = declared.attributes, declared.aliases
    fl.changed_names = declared.changed_names()
    return fl


def analyse(
    unit: Unit,
    declared: FunctionDeclaration,
    shapes: tuple[Shape, ...],
    statics: tuple[object, ...],
    fuel: dict[tuple[str, int], int],
) -> Instance | None:
    outside = unit.attributes, unit.aliases
    fl = lowering(unit, declared, None)
    fl.fuel = fuel
    try:
        params, values = _parameters(fl, declared, shapes, statics)
        body_of(fl, declared, values)
        result = _result([value for value, _, _ in fl.returns])
        direct, others = returned(result)
        outs = [fl.fresh("result", t.Ref(type_, t.Space.STACK)) for type_ in others]
        body = finished(fl, declared, lambda value, span: components(fl, value, result, span), outs, direct)
    finally:
        unit.attributes, unit.aliases = outside
    if body is None or fl.spoilt:
        return None
    parameters = (*params, *outs)
    inline = n.Inline.ALWAYS if fuel or len(parameters) > _REGISTERS else n.Inline.AUTO
    name = _unique(unit, declared.name, statics)
    unit.functions.append(
        n.Function(name, parameters, direct or t.VOID, body, None, fl.may_raise, inline, declared.span, declared.doc)
    )
    return Instance(name, shapes, result, fl.may_raise)


def _result(values: Sequence[Value]) -> Shape:
    """The shape of what a function gives back; one literal that it always gives is known to its callers."""
    first = values[0] if values else NEVER
    if isinstance(first, IntValue) and first.literal and first.constant is not None and set(values) == {first}:
        return StaticShape(first)
    return join_all([_solid(shape_of(value)) for value in values])


def _solid(shape: Shape) -> Shape:
    return IntShape(t.Int(64, shape.type.signed)) if isinstance(shape, IntShape) and shape.literal else shape


def _unique(unit: Unit, name: str, statics: Sequence[object]) -> str:
    """A name for an instance: the function's, and the maps and numbers that it is for."""
    maps = [static.name for static in statics if isinstance(static, AtomValue)]
    numbers = [str(static.constant).replace("-", "minus_") for static in statics if isinstance(static, IntValue)]
    plain = "_".join([name.rstrip("?!"), *maps, *numbers])
    taken = {function.name for function in unit.functions} | {function.name for function in unit.module.handlers}
    candidates = (plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _parameters(
    fl: Lowering, declared: FunctionDeclaration, shapes: tuple[Shape, ...], statics: tuple[object, ...]
) -> tuple[list[n.Local], list[Value]]:
    params: list[n.Local] = []
    values: list[Value] = []
    for index, (shape, static) in enumerate(zip(shapes, statics, strict=True)):
        if static is not None:
            values.append(static)  # type: ignore[arg-type]  # what _static gives is a value
            continue
        name = _parameter_name(declared, index)
        parts: list[n.Expr] = []
        for part_name, type_ in zip(component_names(shape, name), component_types(shape), strict=True):
            in_memory = isinstance(type_, MEMORY)
            local = fl.fresh(part_name, t.Ref(type_, t.Space.STACK, readonly=True) if in_memory else type_)
            params.append(local)
            fl.parameters[local.id] = (declared.name, declared.arity, index)
            parts.append(n.Read(n.DerefPlace(read(local), type_), type_) if in_memory else read(local))
        values.append(rebuild(shape, parts))
    return params, values


def _parameter_name(declared: FunctionDeclaration, index: int) -> str:
    """What the first clause that names a parameter calls it."""
    patterns = (clause.patterns[index] for clause in declared.clauses)
    names = (pattern.name.lstrip("_") for pattern in patterns if isinstance(pattern, ast.Var))
    return next((name for name in names if name), "arg")


def body_of(fl: Lowering, declared: FunctionDeclaration, values: list[Value]) -> None:
    only = declared.clauses[0] if len(declared.clauses) == 1 else None
    if only is not None and only.guard is None and _only_names(only.patterns):
        for pattern, value in zip(only.patterns, values, strict=True):
            assert isinstance(pattern, ast.Var)
            binding.bind(fl, pattern.name, value, pattern.span)
        attempt(fl, only.body, Tail())
        return
    found = [ast.Clause(clause.span, clause.patterns, clause.guard, clause.body) for clause in declared.clauses]
    try:
        clauses(fl, found, values, declared.span, Tail(), "FunctionClauseError")
    except Mistake as mistake:
        fl.report.add(mistake.diagnostic)
        fl.spoilt = True
    except Poisoned:
        fl.spoilt = True
    except Left:
        pass


def _only_names(parameters: Sequence[ast.Node]) -> bool:
    """Whether parameters are names, each another: one that stands twice wants equal values."""
    names = [pattern.name for pattern in parameters if isinstance(pattern, ast.Var)]
    named = [name for name in names if name != "_"]
    return len(names) == len(parameters) and len(named) == len(set(named))


Parts = Callable[[Value, Span], Sequence["n.Expr | None"]]


def finished(
    fl: Lowering,
    declared: FunctionDeclaration,
    parts: Parts,
    outs: Sequence[n.Local] = (),
    direct: t.Type | None = t.S32,
) -> n.Block | None:
    """The function's block, with what it gives back in place of the numbers; ``None`` where something is wrong."""
    endings: list[n.Block] = []
    good = not fl.spoilt
    for value, span, scope in fl.returns:
        fl.code, outer = [], fl.code
        fl.scope = scope
        try:
            if isinstance(value, NeverValue):
                fl.code.append(n.Return(zero(direct) if direct is not None else None, span))
            else:
                fl.code.extend(_ending(parts(value, span), outs, span))
        except Mistake as mistake:
            fl.report.add(mistake.diagnostic)
            good = False
        except Poisoned:
            good = False
        endings.append(finish(fl.code))
        fl.code = outer
    if not good:
        return None
    if not leaves(fl.code):
        raise AssertionError(f"{declared.name} ends without a result")
    body = _spliced(finish(fl.code), endings)
    return in_place(body, outs[0]) if len(outs) == 1 else body


def _ending(parts: Sequence[n.Expr | None], outs: Sequence[n.Local], span: Span) -> Code:
    direct = parts[0] if len(parts) > len(outs) else None
    stores: Code = []
    for part, out in zip(parts[len(parts) - len(outs) :], outs, strict=True):
        assert isinstance(out.type, t.Ref)
        if part is not None:
            stores.append(n.Assign(n.DerefPlace(read(out), out.type.target), part, span))
    return [*stores, n.Return(direct, span)]


def _spliced(block: n.Block, endings: list[n.Block]) -> n.Block:
    result: list[n.Stmt] = []
    for statement in block:
        match statement:
            case n.Return(n.Const(number, type_)) if type_ == RESULT:
                result.extend(endings[number])
            case n.If(condition, then, otherwise, span):
                result.append(n.If(condition, _spliced(then, endings), _spliced(otherwise, endings), span))
            case n.For(local, start, stop, step, body, span):
                result.append(n.For(local, start, stop, step, _spliced(body, endings), span))
            case _:
                result.append(statement)
    return tuple(result)
