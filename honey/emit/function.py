# SPDX-License-Identifier: Apache-2.0
"""One function as C: its comment, its head, its body."""

from __future__ import annotations

from honey.emit.context import FileContext, FunctionContext
from honey.emit.declarations import declare_pointer, declare_stored
from honey.emit.effects import Effects
from honey.emit.exceptions import declare_raised, raised_parameter
from honey.emit.expressions import Expressions
from honey.emit.fold import folded_locals
from honey.emit.fragment import Fragment
from honey.emit.kept_apart import KeptApart
from honey.emit.once import reads_once
from honey.emit.operators import Operators
from honey.emit.source import CLine
from honey.emit.statements import statements
from honey.emit.turns import turn_numbers
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import locals_written
from honey.ir.open_records import OpenRecords
from honey.records import replace


def write_function(file: FileContext, function: n.Function) -> list[CLine]:
    """The lines of one function."""
    context = _context(file, function)
    _head(context)
    body = function.body
    statements(context, _without_last_return(body) if isinstance(function.result, t.Void) else body)
    context.writer.close()
    return context.writer.lines


def _context(file: FileContext, function: n.Function) -> FunctionContext:
    """What is known before a function is written."""
    spelling, features, symbols = file.spelling, file.features, file.symbols
    raising = frozenset(name for name, callee in symbols.functions.items() if callee.may_raise)
    folded = folded_locals(function, raising)
    kept_apart = KeptApart.of(function, symbols, prints=file.trace, known=file.kept_apart)

    # Expressions hold effects, effects take expressions, and of some of those a local is made first.
    def effect_within(effect: n.Effect) -> Fragment:
        return effects.effect(effect)

    def local_before(type_: t.Type, name: str, value: n.Expr) -> str:
        return declare_stored(context, type_, name, value)

    def pointer_before(effect: n.CoreRead) -> str:
        return declare_pointer(context, effect)

    expressions = Expressions(
        spelling,
        features,
        Operators(spelling, features),
        effect_within,
        folded=folded,
        once=reads_once(file.reads_memory, function, folded, symbols),
        turns=turn_numbers(function),
        tests=kept_apart.tests,
        apart=kept_apart.selects,
    )
    effects = Effects(
        expressions, local_before, pointer_before, file.functions, file.maps, symbols, families=file.families
    )
    context = FunctionContext(
        file=file,
        function=function,
        expressions=expressions,
        effects=effects,
        changing=locals_written(function.body),
        open_records=OpenRecords.of(function),
        kept_apart=kept_apart,
        scope=file.globals.inner(),
    )
    return context


def _head(context: FunctionContext) -> None:
    """Write what comes before the first statement: the comment, the section, the signature, where a raise is noted."""
    function, writer = context.function, context.writer
    signature = _signature(context)
    if function.doc:
        writer.comment(function.doc)
    writer.source = line = function.span.line if function.span is not None else 0
    if function.section is not None:
        if context.file.functions[function.name] != function.name:
            writer.line(f'{signature} __asm__("{function.name}");', mapped=False)
            writer.blank()
        writer.source = max(line - 1, 0)
        writer.line(f'SEC("{function.section.spelling}")')
        writer.source = line
    writer.open(f"{signature} {{")
    if function.section is not None:
        declare_raised(context)


def _signature(context: FunctionContext) -> str:
    """What a function is called with and what it gives; its parameters take their names."""
    function, spelling, name = context.function, context.file.spelling, context.file.functions[context.function.name]
    params = _parameters(context)
    context.file.features.types(function.result, *[param.type for param in function.params])
    if function.section is not None:
        return f"int {name}({', '.join(params)})"
    if function.may_raise:
        params.append(raised_parameter(context))
    parameters = ", ".join(params) or "void"
    words = " ".join(["static", *_inline(function, len(params))])
    return f"{words} {spelling.declare(function.result, f'{name}({parameters})')}"


def _parameters(context: FunctionContext) -> list[str]:
    declared = []
    if context.function.name in context.file.families:
        context.effects.map_parameter = context.scope.new("map")
        declared.append(f"void *{context.effects.map_parameter}")
    for param in context.function.params:
        name = context.expressions.names[param.id] = context.scope.new(param.name or "arg")
        declared.append(context.file.spelling.declare(param.type, name))
    return declared


def _inline(function: n.Function, params: int) -> list[str]:
    """C's word for how the function is called; calls of their own have room for five arguments."""
    if function.inline is n.Inline.ALWAYS or params > 5:
        return ["__always_inline"]
    return ["__noinline"] if function.inline is n.Inline.NEVER else []


def _without_last_return(block: n.Block) -> n.Block:
    """``block``, after which a function without a result ends, without the returns that say so."""
    if not block:
        return block
    *before, last = block
    match last:
        case n.Return(None):
            return _without_last_return(tuple(before))
        case n.If(_, then, otherwise):
            shorter = replace(last, then=_without_last_return(then) or then, otherwise=_without_last_return(otherwise))
            return (*before, shorter)
        case _:
            return block
