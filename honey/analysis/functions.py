# SPDX-License-Identifier: Apache-2.0
"""The source's own functions: each becomes one IR function, shared by its callers.

What the callers pass is joined into one shape a parameter. What differs in kind (signed and unsigned, a struct and a
map value), what must be known now (a map's name, a string, a function) and each unit of fuel makes an instance of its
own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from honey.analysis.bodies import MEMORY, Instance, analyse, returned
from honey.analysis.errors import Poisoned, Restart
from honey.analysis.joins import join
from honey.analysis.lowering import Lowering, read
from honey.analysis.shapes import (
    AddressShape,
    AtomShape,
    ContextShape,
    FunctionShape,
    IntShape,
    MemoryShape,
    NeverShape,
    OptionalShape,
    RefShape,
    SequenceShape,
    Shape,
    StaticShape,
    component_names,
    rebuild,
    shape_of,
)
from honey.analysis.storage import components
from honey.analysis.values import (
    NEVER,
    AtomValue,
    FunctionValue,
    IntValue,
    ParameterKey,
    RangeValue,
    StringValue,
    Value,
    integer,
)
from honey.analysis.widening import analysed_again
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import in_context
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.module import FunctionDeclaration
    from honey.analysis.unit import Unit

# ---------------------------------------------------------------- handlers


# ---------------------------------------------------------------- calls


def call(
    fl: Lowering,
    declared: FunctionDeclaration,
    args: Sequence[ast.Node],
    span: Span,
    name: str,
    fuel: int | None = None,
) -> Value:
    """A call of an own function; ``fuel`` is how many calls of it may be nested from here on."""
    values = [fl.settled(value) for value in fl.operands(args)]
    key = (declared.name, declared.arity)
    tank = {} if fuel is None else {key: fuel}
    for fueled, left in fl.fuel.items():
        if fueled == key and fuel is None:
            if left <= 1:
                fl.code.append(fl.throw("RuntimeError", f"{declared.name} ran out of fuel", span))
                return NEVER
            tank[key] = left - 1
        elif fueled != key and fueled in fl.unit.reach(key):
            tank[fueled] = left
    instance = _instance(fl, declared, values, span, tuple(sorted(tank.items())))
    return _emit_call(fl, instance, values, span, name)


def _static(fl: Lowering, value: Value, parameter: ParameterKey) -> object:
    if parameter in fl.unit.knowledge.constants:
        number = fl.constant(value)
        return integer(number) if number is not None else None
    if isinstance(value, StringValue | RangeValue):
        return value
    if isinstance(value, FunctionValue):
        return value if isinstance(shape_of(value), StaticShape) else None
    if isinstance(value, AtomValue) and value.name in fl.unit.module.maps:
        return value
    return None


def _kind(unit: Unit, shape: Shape, parameter: ParameterKey) -> object:
    """What makes two arguments too different to share a function."""
    match shape:
        case IntShape(type_, literal):
            if type_.big_endian:
                return type_
            return unit.signedness(parameter, None if literal else type_.signed)
        case RefShape(target, space):
            return (RefShape, target, space)
        case MemoryShape(type_) | AddressShape(type_) | ContextShape(type_):
            return (type(shape), type_ if not isinstance(type_, t.Address) else None)
        case SequenceShape(items, kind, names):
            return (kind, names, tuple(_kind(unit, item, (*parameter, i)) for i, item in enumerate(items)))
        case FunctionShape(origin, items):
            return (origin, tuple(_kind(unit, item, (*parameter, i)) for i, item in enumerate(items)))
        case OptionalShape(inner):
            return ("or nil", _kind(unit, inner, parameter))
        case StaticShape(AtomValue()) | AtomShape():
            return "atom"
        case StaticShape(known):
            return known
        case _:
            return shape


def _instance(
    fl: Lowering,
    declared: FunctionDeclaration,
    values: Sequence[Value],
    span: Span,
    fuel: tuple[tuple[tuple[str, int], int], ...],
) -> Instance:
    unit = fl.unit
    name, arity = declared.name, declared.arity
    if declared.section is not None:
        raise fl.mistake("HNY0609", f"{name} is a handler: only the kernel calls it", span)
    statics = tuple(_static(fl, value, (name, arity, i)) for i, value in enumerate(values))
    shapes = tuple(
        StaticShape(static) if isinstance(static, IntValue) else _parameter(shape_of(value))
        for value, static in zip(values, statics, strict=True)
    )
    kinds = tuple(_kind(unit, shape, (name, arity, i)) for i, shape in enumerate(shapes))
    key = (name, arity, kinds, statics, fuel)
    endless = not fuel and any(isinstance(static, IntValue) for static in statics)
    if key in unit.open or (endless and any(one[:2] == (name, arity) for one in unit.open)):
        raise fl.mistake(
            "HNY0601",
            f"{name} calls itself, and nothing bounds how often",
            span,
            help=f"give it fuel where it is called first: `fuel(8, {name}(...))`",
        )
    known = unit.knowledge.parameters.get(key)
    joined = shapes if known is None else tuple(join(a, b) for a, b in zip(known, shapes, strict=True))

    def analysed() -> Instance | None:
        unit.open.append(key)
        try:
            return analyse(unit, declared, joined, statics, dict(fuel))
        finally:
            unit.open.pop()

    if key not in unit.instances:
        unit.knowledge.parameters[key] = joined
        unit.instances[key] = analysed()
    elif joined != known:
        unit.knowledge.parameters[key] = joined
        unit.instances[key] = analysed_again(unit, key, joined, analysed)
        if unit.instances[key] is None:
            raise Restart
    instance = unit.instances[key]
    if instance is None:
        raise Poisoned
    return instance


def _parameter(shape: Shape) -> Shape:
    """Integers are passed at the width of arithmetic, so that callers can share the function."""
    match shape:
        case IntShape(type_) if not type_.big_endian:
            return IntShape(t.Int(64, type_.signed), shape.literal)
        case _:
            return shape


def _emit_call(fl: Lowering, instance: Instance, values: Sequence[Value], span: Span, name: str) -> Value:
    args: list[n.Expr] = []
    for value, shape in zip(values, instance.parameters, strict=True):
        for part in components(fl, value, shape, span):
            assert part is not None
            args.append(_passed(fl, part, span))
    fl.may_raise = fl.may_raise or instance.may_raise
    if isinstance(instance.result, NeverShape):
        fl.run(n.Call(instance.name, tuple(args), t.VOID), span)
        fl.never_reached(span)
        return NEVER
    direct, others = returned(instance.result)
    names = component_names(instance.result, name or "result")[-len(others) :] if others else []
    outs = [fl.declare(part, type_, span) for part, type_ in zip(names, others, strict=True)]
    args += [n.AddressOf(n.LocalPlace(out), t.Ref(out.type, t.Space.STACK)) for out in outs]
    effect = n.Call(instance.name, tuple(args), direct or t.VOID)
    if direct is None:
        fl.run(effect, span)
        return rebuild(instance.result, [read(out) for out in outs])
    first = fl.let("" if outs else name, effect, span)
    return rebuild(instance.result, [first, *(read(out) for out in outs)])


def _passed(fl: Lowering, part: n.Expr, span: Span) -> n.Expr:
    """What lies in memory is passed by reference; the callee copies it before it changes it.

    Arrays in a context are copied here: they are loaded from the context itself only, as the verifier wants it.
    """
    if not isinstance(part.type, MEMORY):
        return part
    type_ = t.Ref(part.type, t.Space.STACK, readonly=True)
    if isinstance(part, n.Read) and not in_context(part.place):
        return n.AddressOf(part.place, type_)
    local = fl.fresh("", part.type)
    fl.code.append(n.Let(local, part, span))
    return n.AddressOf(n.LocalPlace(local), type_)


# ---------------------------------------------------------------- bodies


# ---------------------------------------------------------------- results
