# SPDX-License-Identifier: Apache-2.0
"""A whole program as one C file: headers, types, maps, functions, licence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from honey.emit.clones import families
from honey.emit.constants import c_string
from honey.emit.context import FileContext
from honey.emit.features import Features
from honey.emit.function import write_function
from honey.emit.names import Scope, assign, identifier
from honey.emit.once import is_crowded, reads_memory
from honey.emit.source import INDENT, CLine, CSource, Writer
from honey.emit.spelling import Spelling
from honey.emit.structs import StructWriter, included, usage_of
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.ir.walk import pick, walk

SPDX = "// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause"
HEADERS = ("linux/bpf.h", "bpf/bpf_helpers.h")
"""What all emitted C includes; it means the same before the other headers as after them."""
_PINNING = "LIBBPF_PIN_BY_NAME"
_PACKETS = frozenset((n.PacketAt,))
_ALL_ONES = (-1, (1 << 64) - 1)


def emit_c(program: n.Program, *, rows: bool = True) -> CSource:
    """``program`` as C for clang's eBPF target. The same program gives the same text, and nothing of the machine in it.

    ``program.file`` is what ``#line`` calls the source, so it should be a relative path. ``rows``: whether turns of
    loops may be written out, one after the other.
    """
    symbols = Symbols.of(program)
    functions = in_calling_order(program, symbols)
    usage = usage_of(functions, program.maps, symbols)
    context = _context(program, symbols, functions, frozenset(usage.defined), rows=rows)
    shown = {family.shown.name: family.shown for family in context.families.values()}
    written = [shown.get(one.name, one) for one in functions if one.name in shown or one.name not in context.families]
    bodies = [write_function(context, function) for function in written]

    head = Writer()
    head.line(SPDX)
    if program.doc:
        head.comment(program.doc)
    context.features.headers.update(
        header for name in usage.defined if name in symbols.structs and (header := included(symbols.structs[name]))
    )
    for name in usage.defined & symbols.structs.keys():
        context.features.types(*[field.type for field in symbols.structs[name].fields])
    for one in program.maps:
        context.features.types(one.key, one.value)
    _headers(head, context.features)
    _constants(head, context.features)
    StructWriter(symbols, context.spelling, usage).write(head)
    for frame in context.features.frames.values():
        head.blank()
        head.lines.extend(CLine(line.replace("\t", INDENT)) for line in frame)
    for definition in program.maps:
        _map(head, definition, context)
    for helper in context.features.helpers.values():
        head.blank()
        head.lines.extend(CLine(line.replace("\t", INDENT)) for line in helper)
    for body in bodies:
        head.blank()
        head.lines.extend(body)
    head.blank()
    head.line(f'char LICENSE[] SEC("license") = {c_string(program.license.encode())};')
    return CSource(program.file, tuple(head.lines))


def in_calling_order(program: n.Program, symbols: Symbols) -> tuple[n.Function, ...]:
    """The handlers and the functions that they call, each after those it calls; otherwise in the source's order."""
    needed: dict[str, n.Function] = {}

    def add(function: n.Function) -> None:
        stack = [(function, _callees(function))]
        while stack:
            current, callees = stack[-1]
            callee = next((name for name in callees if name not in needed), None)
            if callee is None:
                needed[current.name] = current
                stack.pop()
            else:
                stack.append((symbols.functions[callee], _callees(symbols.functions[callee])))

    wanted = {name for handler in program.handlers for name in _reachable(handler, symbols)}
    for function in program.functions:
        if function.name in wanted and function.name not in needed:
            add(function)
    return tuple(needed.values())


def _callees(function: n.Function) -> Iterator[str]:
    return iter([node.function for node in walk(function.body) if isinstance(node, n.Call)])


def _reachable(handler: n.Function, symbols: Symbols) -> set[str]:
    found, todo = {handler.name}, [handler]
    while todo:
        for name in _callees(todo.pop()):
            if name not in found:
                found.add(name)
                todo.append(symbols.functions[name])
    return found


def _context(
    program: n.Program, symbols: Symbols, functions: Sequence[n.Function], defined: frozenset[str], *, rows: bool
) -> FileContext:
    scope = Scope()
    spellings: dict[str, str] = {}
    known = any(included(definition) for definition in program.structs)
    for definition in program.structs:
        own = not definition.foreign and not definition.type.kernel
        taken = own and known and _in_a_header(definition.type.name)
        spellings[definition.type.name] = _struct_spelling(definition) + ("_" if taken else "")
    groups = families(functions)
    members = {name: family for family in groups for name in family.maps}
    handlers = assign((function.name for function in program.handlers), scope, symbols=True)
    maps = assign((definition.name for definition in program.maps), scope, symbols=True)
    shared = {family.shown.name: scope.new(family.name) for family in groups}
    single = [one.name for one in functions if one.name not in handlers and one.name not in members]
    together = {name: shared[family.shown.name] for name, family in members.items()}
    names = {**assign(single, scope), **handlers, **together}
    return FileContext(
        symbols=symbols,
        spelling=Spelling(spellings, defined),
        features=Features(
            multiplies=_multiplies(functions),
            crowded=is_crowded(program.handlers, symbols),
            backward=_backward(program, symbols),
            taken=frozenset((*names.values(), *maps.values())),
        ),
        globals=scope,
        functions=names,
        maps=maps,
        rows=rows,
        families=members,
        file=program.file,
        trace=program.trace,
        reads_memory=reads_memory(program),
    )


def _backward(program: n.Program, symbols: Symbols) -> frozenset[int]:
    """Searches in a packet whose end must be a pointer of its own."""
    if not any(any(pick(function.body, _PACKETS)) for function in program.functions):
        return frozenset()
    from honey.emit.packet_ends import ending_in_others

    return ending_in_others(program.handlers, symbols)


def _multiplies(functions: Sequence[n.Function]) -> bool:
    """Whether clang may make of a division a product that it checks for overflow.

    LLVM's InstCombine does so for ``x * y / x != y`` and for ``~0 / x < y`` (foldMultiplicationOverflowCheck), and it
    may see either only after it has inlined.
    """
    every = [node for function in functions for node in walk(function.body)]
    return any(isinstance(node, n.Const) and node.value in _ALL_ONES for node in every) or any(
        isinstance(node, n.Binary)
        and node.op is n.BinaryOp.MUL
        and not isinstance(node.left, n.Const)
        and not isinstance(node.right, n.Const)
        for node in every
    )


def _in_a_header(name: str) -> bool:
    """Whether a header that may be included has a struct of this name."""
    from honey.kernel import types

    struct = types.struct(name)
    return struct is not None and struct.header != ""


def _struct_spelling(definition: t.StructDef) -> str:
    """How C names the type; an anonymous one only has the member that it is the type of."""
    name = definition.type.name
    if definition.spelling in ("struct", "union"):
        outer, _, member = name.partition(".")
        return f"typeof(((struct {outer} *)0)->{member})"
    return (
        definition.spelling
        if definition.spelling and (definition.foreign or definition.type.kernel)
        else f"struct {identifier(name)}"
    )


def _headers(writer: Writer, features: Features) -> None:
    headers = {*HEADERS, *features.headers}
    order = sorted(
        headers, key=lambda header: ("/" in header, header.startswith("bpf/"), header != "linux/bpf.h", header)
    )
    for header in order:
        writer.line(f"#include <{header}>")


def _constants(writer: Writer, features: Features) -> None:
    if features.constants:
        writer.blank()
    for name, value in sorted(features.constants.items()):
        if name.startswith("IPPROTO_") and "linux/in.h" in features.headers:
            continue
        writer.line(f"#define {name} {value if value >= 0 else f'({value})'}")


def _map(writer: Writer, definition: n.MapDef, context: FileContext) -> None:
    writer.blank()
    if definition.doc:
        writer.comment(definition.doc)
    writer.open("struct {")
    writer.line(f"__uint(type, {definition.kind.value});")
    writer.line(f"__uint(max_entries, {definition.max_entries});")
    if definition.flag_names:
        writer.line(f"__uint(map_flags, {' | '.join(definition.flag_names)});")
    if definition.pin_by_name:
        writer.line(f"__uint(pinning, {_PINNING});")
    for word, type_ in (("key", definition.key), ("value", definition.value)):
        if type_ is not None:
            writer.line(f"__type({word}, {context.spelling.name(type_)});")
    writer.close(f'}} {context.maps[definition.name]} SEC(".maps");')
