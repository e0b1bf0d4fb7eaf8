# SPDX-License-Identifier: Apache-2.0
"""The source's own functions: each becomes one IR function, shared by its callers.

What the callers pass is joined into one shape a parameter. What differs in kind (signed and unsigned, a struct and a
map value), what must be known now (a map's name, a string, a function) and each unit of fuel makes an instance of its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from honey.analysis import binding, patterns
from honey.analysis.code import Code, finish, leaves
from honey.analysis.control import clauses
from honey.analysis.errors import Left, Mistake, Poisoned, Restart
from honey.analysis.flow import Discard, Tail, attempt
from honey.analysis.lowering import RESULT, Lowering, read
from honey.analysis.results import in_place
from honey.analysis.shapes import (
    AddressShape,
    AtomShape,
    ContextShape,
    IntShape,
    MemoryShape,
    NeverShape,
    OptionalShape,
    RefShape,
    SequenceShape,
    Shape,
    StaticShape,
    component_names,
    component_types,
    join,
    join_all,
    rebuild,
    shape_of,
)
from honey.analysis.storage import components
from honey.analysis.syntax_tree import changed_names
from honey.analysis.values import (
    NEVER,
    POISON,
    AtomValue,
    ContextValue,
    FunctionValue,
    IntValue,
    NeverValue,
    NilValue,
    ParameterKey,
    RangeValue,
    StringValue,
    Value,
    describe,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.kernel.sections import Context, Section
from honey.records import dataclass
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.module import FunctionDeclaration
    from honey.analysis.unit import Unit

_MEMORY = t.Struct | t.Array | t.Chars
_REGISTERS = 5
"""Arguments that a call of a subprogram can take."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A function as it was emitted: what it takes and what it gives."""

    name: str
    parameters: tuple[Shape, ...]
    result: Shape
    may_raise: bool


# ---------------------------------------------------------------- handlers


def handler(unit: Unit, declared: FunctionDeclaration) -> None:
    """Analyses a handler and adds it to the program."""
    assert declared.section is not None
    fl = _lowering(unit, declared, declared.section)
    context = fl.fresh("ctx", context_type(unit, declared.section))
    first = declared.clauses[0].patterns[0]
    if isinstance(first, ast.Var) and not first.name.startswith("_"):
        context = n.Local(context.id, first.name, context.type)
    fl.context = read(context)
    value = ContextValue(fl.context)
    _body(fl, declared, [value])
    body = _finish(fl, declared, lambda found, span: _status(fl, declared, found, span))
    if body is not None:
        unit.functions.append(
            n.Function(
                declared.name,
                (context,),
                t.S32,
                body,
                declared.section,
                fl.may_raise,
                n.Inline.AUTO,
                declared.span,
                declared.doc,
            )
        )


def context_type(unit: Unit, section: Section) -> t.Ref:
    """What the kernel hands to a handler in ``section``."""
    name = section.context
    if section.shape is Context.REGISTERS:
        name = "pt_regs"
    struct = unit.module.structs.find(name) if name else None
    if section.shape is Context.ARGUMENTS or struct is None:
        return t.Ref(t.Array(t.U64, 12), t.Space.CONTEXT)
    return t.Ref(struct, t.Space.CONTEXT)


def _status(fl: Lowering, declared: FunctionDeclaration, value: Value, span: Span) -> list[n.Expr]:
    from honey.analysis import convert

    value = fl.required(value, span) if not isinstance(value, NilValue) else value
    if not isinstance(value, IntValue):
        raise fl.mistake(
            "HNY0600",
            f"the handler {declared.name} ends with {describe(value)}, and must give an integer",
            span,
            help="end it with `0` (or an action such as `:XDP_PASS`)",
        )
    if value.type.big_endian:
        raise convert.byte_order(fl, value.type, t.S32, span)
    return [convert.cast(value.expr, t.S32)]


def rehearse(unit: Unit, declared: FunctionDeclaration) -> None:
    """Reads a function that is never called, for mistakes that do not depend on its arguments."""
    outside = unit.attributes, unit.aliases
    fl = _lowering(unit, declared, None)
    before = len(unit.functions)
    for clause in declared.clauses:
        with fl.block():
            for pattern in clause.patterns:
                for name, span in patterns.names(pattern):
                    fl.scope.bind(name, POISON, span)
            attempt(fl, clause.body, Discard())
    del unit.functions[before:]
    unit.attributes, unit.aliases = outside


# ---------------------------------------------------------------- calls


def call(
    fl: Lowering, declared: FunctionDeclaration, args: Sequence[ast.Node], span: Span, name: str, fuel: int | None = None
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
    if isinstance(value, StringValue | FunctionValue | RangeValue):
        return value
    if isinstance(value, AtomValue) and (
        value.name in fl.unit.module.maps or parameter in fl.unit.knowledge.static
    ):
        return value
    return None


def _kind(unit: Unit, shape: Shape, parameter: ParameterKey) -> object:
    """What makes two arguments too different to share a function."""
    match shape:
        case IntShape(type_, literal):
            if type_.big_endian:
                return type_
            return unit.signedness(parameter, None if literal else type_.signed)
        case MemoryShape(type_) | RefShape(type_) | AddressShape(type_) | ContextShape(type_):
            return (type(shape), type_ if not isinstance(type_, t.Address) else None)
        case SequenceShape(items, kind, names):
            return (kind, names, tuple(_kind(unit, item, (*parameter, i)) for i, item in enumerate(items)))
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
    shapes = tuple(_parameter(shape_of(value)) for value in values)
    kinds = tuple(_kind(unit, shape, (name, arity, i)) for i, shape in enumerate(shapes))
    statics = tuple(_static(fl, value, (name, arity, i)) for i, value in enumerate(values))
    key = (name, arity, kinds, statics, fuel)
    if key in unit.open:
        raise fl.mistake(
            "HNY0601",
            f"{name} calls itself, and nothing bounds how often",
            span,
            help=f"give it fuel where it is called first: `fuel(8, {name}(...))`",
        )
    known = unit.knowledge.parameters.get(key)
    joined = shapes if known is None else tuple(join(a, b) for a, b in zip(known, shapes, strict=True))
    if joined != known:
        unit.knowledge.parameters[key] = joined
        if key in unit.instances:
            raise Restart
    if key not in unit.instances:
        unit.open.append(key)
        try:
            unit.instances[key] = _analyse(unit, declared, joined, statics, dict(fuel))
        finally:
            unit.open.pop()
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
        fl.code.append(n.Return(n.Const(0, t.S32), span) if fl.section is not None else n.Return(None, span))
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


def returned(result: Shape) -> tuple[t.Type | None, list[t.Type]]:
    """What a function returns in a register, and what it stores through pointers that it is given."""
    types = component_types(result)
    if types and not isinstance(types[0], _MEMORY):
        return types[0], types[1:]
    return None, types


def _passed(fl: Lowering, part: n.Expr, span: Span) -> n.Expr:
    """What lies in memory is passed by reference; the callee copies it before it changes it."""
    if not isinstance(part.type, _MEMORY):
        return part
    type_ = t.Ref(part.type, t.Space.STACK, readonly=True)
    if isinstance(part, n.Read):
        return n.AddressOf(part.place, type_)
    local = fl.fresh("", part.type)
    fl.code.append(n.Let(local, part, span))
    return n.AddressOf(n.LocalPlace(local), type_)


# ---------------------------------------------------------------- bodies


def _lowering(unit: Unit, declared: FunctionDeclaration, section: Section | None) -> Lowering:
    fl = Lowering(unit, section)
    unit.attributes, unit.aliases = declared.attributes, declared.aliases
    fl.changed_names = frozenset().union(*(changed_names(clause.body) for clause in declared.clauses))
    return fl


def _analyse(
    unit: Unit,
    declared: FunctionDeclaration,
    shapes: tuple[Shape, ...],
    statics: tuple[object, ...],
    fuel: dict[tuple[str, int], int],
) -> Instance | None:
    outside = unit.attributes, unit.aliases
    fl = _lowering(unit, declared, None)
    fl.fuel = fuel
    try:
        params, values = _parameters(fl, declared, shapes, statics)
        _body(fl, declared, values)
        result = _result([value for value, _ in fl.returns])
        direct, others = returned(result)
        outs = [fl.fresh("result", t.Ref(type_, t.Space.STACK)) for type_ in others]
        body = _finish(fl, declared, lambda value, span: components(fl, value, result, span), outs)
    finally:
        unit.attributes, unit.aliases = outside
    if body is None or fl.spoilt:
        return None
    parameters = (*params, *outs)
    inline = n.Inline.ALWAYS if fuel or len(parameters) > _REGISTERS else n.Inline.AUTO
    name = _unique(unit, declared.name, statics)
    unit.functions.append(
        n.Function(
            name, parameters, direct or t.VOID, body, None, fl.may_raise, inline, declared.span, declared.doc
        )
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
    """A name for an instance: the function's, and those of the maps that it is for."""
    maps = [static.name for static in statics if isinstance(static, AtomValue)]
    plain = "_".join([name.rstrip("?!"), *maps])
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
            in_memory = isinstance(type_, _MEMORY)
            local = fl.fresh(part_name, t.Ref(type_, t.Space.STACK, readonly=True) if in_memory else type_)
            params.append(local)
            parts.append(n.Read(n.DerefPlace(read(local), type_), type_) if in_memory else read(local))
        values.append(rebuild(shape, parts, (declared.name, declared.arity, index)))
    return params, values


def _parameter_name(declared: FunctionDeclaration, index: int) -> str:
    """What the first clause that names a parameter calls it."""
    patterns = (clause.patterns[index] for clause in declared.clauses)
    names = (pattern.name.lstrip("_") for pattern in patterns if isinstance(pattern, ast.Var))
    return next((name for name in names if name), "arg")


def _body(fl: Lowering, declared: FunctionDeclaration, values: list[Value]) -> None:
    only = declared.clauses[0] if len(declared.clauses) == 1 else None
    if only is not None and only.guard is None and all(isinstance(p, ast.Var) for p in only.patterns):
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


# ---------------------------------------------------------------- results


Parts = Callable[[Value, Span], Sequence["n.Expr | None"]]


def _finish(
    fl: Lowering, declared: FunctionDeclaration, parts: Parts, outs: Sequence[n.Local] = ()
) -> n.Block | None:
    """The function's block, with what it gives back in place of the numbers; ``None`` where something is wrong."""
    endings: list[n.Block] = []
    good = not fl.spoilt
    for value, span in fl.returns:
        fl.code, outer = [], fl.code
        try:
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

