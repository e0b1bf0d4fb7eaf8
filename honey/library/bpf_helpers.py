# SPDX-License-Identifier: Apache-2.0
"""``Honey.BpfHelpers``: those helpers that have a shape of their own in the language, and all others by prototype."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from honey.analysis import convert
from honey.analysis.code import OpenIf
from honey.analysis.values import (
    NIL,
    AddressValue,
    AggregateValue,
    AtomValue,
    BoolValue,
    ContextValue,
    IntValue,
    ListValue,
    MemoryValue,
    OptionalValue,
    StringValue,
    Value,
    describe,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.library import maps, printing
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.kernel.helpers import Helper, HelperArgument
    from honey.library import LibraryCall, Table

COMM_LENGTH = 16
"""``TASK_COMM_LEN`` of the kernel."""


# ---------------------------------------------------------------- reads


def _source(fl: Lowering, value: Value, node: ast.Node, space: t.Space) -> n.Expr:
    value = fl.settled(value)
    match value:
        case AddressValue(expr):
            return expr
        case IntValue(expr) if not value.type.big_endian:
            return convert.cast(convert.cast(expr, t.U64), t.Address(space))
        case OptionalValue(present=AddressValue()):
            return _source(fl, fl.required(value, node.span), node, space)
        case MemoryValue(place):
            return n.AddressOf(place, t.Ref(place.type, t.Space.STACK, readonly=True))
        case _:
            raise fl.mismatch("a pointer", fl.required(value, node.span), node.span)


def _wanted(fl: Lowering, node: ast.Node) -> t.Type:
    """The second argument of a read: a type, or a number of bytes."""
    value = fl.value(node)
    if isinstance(value, IntValue):
        size = fl.constant(value)
        if size is None or not 0 < size <= 512:
            raise fl.mistake(
                "HNY0901",
                "the number of bytes to read is a constant from 1 to 512",
                node.span,
                help="read a constant number of bytes, `64`, or a type, `:sockaddr_in`",
            )
        return t.Int(size * 8) if size in (1, 2, 4, 8) else t.Array(t.U8, size)
    return fl.unit.module.types.of(value, node.span)


def _read(kind: n.ReadKind, space: t.Space) -> LibraryCall:
    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        source_value = fl.value(node.args[0])
        type_ = _wanted(fl, node.args[1])
        source = _source(fl, source_value, node.args[0], space)
        local = fl.declare(name or "value", type_, node.span)
        err = fl.let("", n.ProbeRead(kind, n.LocalPlace(local), type_.size, source), node.span)
        failed = n.Binary(n.BinaryOp.NE, err, n.Const(0, t.S64), t.BOOL)
        return OptionalValue(failed, _present(local), None, "what was read")

    return call


def _present(local: n.Local) -> Value:
    from honey.analysis.access import read_place

    return read_place(n.LocalPlace(local), reference=False)


def _read_string(kind: n.ReadKind, space: t.Space) -> LibraryCall:
    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        source_value = fl.value(node.args[0])
        length = fl.constant(fl.settled(fl.value(node.args[1])))
        if length is None or not 0 < length <= 512:
            help = "give the most bytes that the text may have: `64`"
            what = "the size of a string is a constant from 1 to 512"
            raise fl.mistake("HNY0901", what, node.args[1].span, help=help)
        type_ = t.Chars(length)
        source = _source(fl, source_value, node.args[0], space)
        local = fl.fresh(name or "text", type_)
        fl.code.append(n.Let(local, n.StructValue((), type_), node.span))
        err = fl.let("", n.ProbeRead(kind, n.LocalPlace(local), length, source), node.span)
        failed = n.Binary(n.BinaryOp.LT, err, n.Const(0, t.S64), t.BOOL)
        return OptionalValue(failed, _present(local), None, "the text read")

    return call


def _read_string_or(kind: n.ReadKind, space: t.Space) -> LibraryCall:
    read = _read_string(kind, space)

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        found = read(fl, node, name)
        default = fl.settled(fl.value(node.args[2]))
        assert isinstance(found, OptionalValue)
        # The kernel clears the text where the read fails (bpf_probe_read_kernel_str_common, kernel/trace/bpf_trace.c).
        if isinstance(default, StringValue) and not default.data:
            return found.present
        if isinstance(found.present, MemoryValue) and isinstance(default, StringValue):
            place = found.present.place
            text = convert.store(fl, default, place.type, node.args[2].span, "the text")
            fl.code.append(OpenIf(found.is_nil, [n.Assign(place, text, node.span)], [], node.span))
            return found.present
        return maps.present_or(fl, found, default, name, node)

    return call


def _core_read(*, user: bool) -> LibraryCall:
    space = t.Space.USER if user else t.Space.KERNEL

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        source_value = fl.value(node.args[0])
        type_ = _wanted(fl, node.args[1])
        if not isinstance(type_, t.Struct):
            raise fl.mistake("HNY0703", "core_read starts at a struct", node.args[1].span)
        path, result = _path(fl, type_, node.args[2])
        source = _source(fl, source_value, node.args[0], space)
        if isinstance(source.type, t.Address) and source.type.target != type_:
            source = convert.cast(source, t.Address(space, type_))
        effect = n.CoreRead(source, type_, path, user, result)
        value = fl.let(name, effect, node.span)
        return _of_type(value)

    return call


def _of_type(value: n.Read) -> Value:
    from honey.analysis.access import read_place

    return read_place(value.place, reference=False)


def _path(fl: Lowering, struct: t.Struct, node: ast.Node) -> tuple[tuple[str, ...], t.Type]:
    value = fl.settled(fl.value(node))
    items = value.items if isinstance(value, ListValue) else (value,)
    parts = node.items if isinstance(node, ast.ListLit) else ()
    spans = [part.span for part in parts] if len(parts) == len(items) else [node.span] * len(items)
    names: list[str] = []
    current: t.Type = struct
    for item, span in zip(items, spans, strict=True):
        if not isinstance(item, AtomValue):
            raise fl.mistake("HNY0703", "the path of core_read is a list of fields", node.span, help="`[:a, :b]`")
        inner = current.target if isinstance(current, t.Address) else current
        if not isinstance(inner, t.Struct):
            raise fl.mistake("HNY0703", f"{names[-1] if names else 'this'} has no fields", span)
        field = fl.unit.module.types.field(inner, item.name, span)
        names.append(field.name)
        current = field.type
    if isinstance(current, t.Address):
        current = t.Address(t.Space.KERNEL, current.target)
    return tuple(names), current


# ---------------------------------------------------------------- ring buffers


def _reserve(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``bpf_ringbuf_reserve(:map, :type)``; the flags of C's form are 0."""
    declared = maps.map_of(fl, node.args[0], keyed=False)
    match node.args[1]:
        case ast.Call(target=None, name="sizeof", args=(type_node,), span=span):
            form = f"{node.name}({', '.join(fl.report.source.text(arg.span) for arg in (node.args[0], type_node))})"
            what = "a record is reserved by its type, and not by its size"
            raise fl.mistake("HNY0200", what, span, help=f"write `{form}`")
        case _:
            pass
    if len(node.args) == 3 and fl.constant(fl.settled(fl.value(node.args[2]))) != 0:
        raise fl.mistake("HNY0903", "the flags are 0", node.args[2].span, help="leave them out")
    type_ = fl.unit.module.types.of(fl.value(node.args[1]), node.args[1].span)
    if not isinstance(type_, t.Struct | t.Array | t.Chars):
        help = "declare a struct for it, or send the value with `bpf_ringbuf_output`"
        raise fl.mistake("HNY0200", "a record that is filled in has fields", node.args[1].span, help=help)
    reference = t.Ref(type_, t.Space.RINGBUF, nullable=True)
    local = fl.fresh(name or "record", reference)
    fl.code.append(n.Let(local, n.RingReserve(declared.name, reference), node.span))
    return maps.optional(fl, local, f"the record of {declared.name}", name)


def _finish(*, discard: bool) -> LibraryCall:
    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        del name
        record = fl.required(fl.value(node.args[0]), node.args[0].span)
        if not isinstance(record, MemoryValue) or not isinstance(record.place, n.DerefPlace):
            raise fl.mismatch("a record of a ring buffer", record, node.args[0].span)
        flags = maps.flags(fl, node, 1) if len(node.args) > 1 else n.Const(0, t.U64)
        fl.run(n.RingFinish(record.place.ref, discard, flags), node.span)
        return NIL

    return call


def _output(fl: Lowering, node: ast.Call, name: str) -> Value:
    declared = maps.map_of(fl, node.args[0], keyed=False)
    value = fl.required(fl.value(node.args[1]), node.args[1].span)
    match value:
        case MemoryValue(place):
            expr: n.Expr = n.Read(place, place.type)
        case AggregateValue(expr) | IntValue(expr):
            pass
        case _:
            raise fl.mismatch("a struct or an integer", value, node.args[1].span)
    flags = maps.flags(fl, node, 2) if len(node.args) > 2 else n.Const(0, t.U64)
    return maps.result(fl, n.RingOutput(declared.name, expr, flags), name, node.span)


# ---------------------------------------------------------------- others


def _comm(fl: Lowering, node: ast.Call, name: str) -> Value:
    local = fl.declare(name or "comm", t.Chars(COMM_LENGTH), node.span)
    args = (n.LocalPlace(local), n.Const(COMM_LENGTH, t.U32))
    fl.code.append(n.Eval(n.HelperCall("bpf_get_current_comm", args, t.S64), node.span))
    return MemoryValue(n.LocalPlace(local))


@cache
def generic(name: str, arity: int) -> LibraryCall | None:
    """Any helper by its prototype; ``None`` if there is none of this name and number of arguments."""
    from honey.kernel import helpers

    found = helpers.helper(name)
    if found is None or (len(found.arguments) != arity and not found.variadic):
        return None

    def call(fl: Lowering, node: ast.Call, bound: str) -> Value:
        return _call_helper(fl, found, node, bound)

    return call


_FAMILIAR = ("tracepoint", "kprobe", "fentry", "raw_tracepoint", "lsm", "xdp", "tc", "socket", "cgroup/skb")
"""Kinds of programs that a help names."""


def _call_helper(fl: Lowering, found: Helper, node: ast.Call, name: str) -> Value:
    if fl.section is not None and found.allowed_in(fl.section.kind) is False:
        what = f"{found.name} cannot be called from {fl.section.kind} programs"
        others = [kind for kind in _FAMILIAR if found.allowed_in(kind)]
        help = f"programs for {', '.join(others)} may" if others else None
        raise fl.mistake("HNY0902", what, node.name_span, help=help)
    values = fl.operands(node.args)
    args = tuple(
        _argument(fl, declared, value, argument)
        for declared, value, argument in zip(found.arguments, values, node.args, strict=False)
    )
    _check_sizes(fl, found, args, node)
    from honey.analysis import kernel_types

    result = kernel_types.convert(found.result) if found.result is not None else t.VOID
    if result is None or isinstance(result, t.Void):
        if found.result is not None:
            result = t.Address(t.Space.KERNEL)
        else:
            fl.run(n.HelperCall(found.name, args, t.VOID), node.span)
            return NIL
    if isinstance(result, t.Int):
        result = t.Int(64, result.signed) if result.bits != 32 else result
    value = fl.let(name, n.HelperCall(found.name, args, result), node.span)
    return AddressValue(value) if isinstance(result, t.Address) else IntValue(value)


def _argument(fl: Lowering, declared: HelperArgument, value: Value, node: ast.Node) -> n.Expr | n.MapName | n.Place:
    from honey.kernel.helpers import Role

    value = fl.settled(value)
    match declared.role, value:
        case Role.MAP, AtomValue(name) if name in fl.unit.module.maps:
            return n.MapName(name)
        case Role.CONTEXT, ContextValue(expr):
            return expr
        case _, ContextValue(expr) if declared.name == "regs":  # bpf_override_return: what a kprobe is given
            return expr
        case _, MemoryValue(place):
            return place
        case Role.MEMORY_OUT, IntValue() | BoolValue() | StringValue():
            raise fl.mistake(
                "HNY0903",
                f"{declared.name} is filled by the helper, and cannot be {describe(value)}",
                node.span,
                help="give it a struct or an array that is bound to a name: `buffer = %header{}`",
            )
        case _, AggregateValue(expr):
            return _in_memory(fl, expr, node)
        case Role.MEMORY | Role.MEMORY_OUT, AddressValue(expr):
            user = isinstance(expr.type, t.Address) and expr.type.space is t.Space.USER
            raise fl.mistake(
                "HNY0903",
                f"{declared.name} is memory of the program's own, and cannot be {describe(value)}",
                node.span,
                help=f"read what lies there first: `probe_read_{'user' if user else 'kernel'}(address, type)`",
            )
        case _, AddressValue(expr):
            return expr
        case Role.MEMORY, IntValue(expr) if not (declared.optional and value.literal):
            return _in_memory(fl, expr, node)  # as C's `&x`
        case _, IntValue():
            return _plain_number(fl, declared, value, node)
        case _, StringValue(data):
            type_ = t.Chars(len(data) + 1)
            local = fl.fresh("text", type_)
            fl.code.append(n.Let(local, n.Bytes(data, type_), node.span))
            return n.LocalPlace(local)
        case _, OptionalValue():
            return _argument(fl, declared, fl.required(value, node.span), node)
        case _:
            raise fl.mistake(
                "HNY0903",
                f"{declared.name} cannot be {describe(value)}",
                node.span,
                help=f"the kernel expects {declared.role.value.replace('_', ' ')} here"
                if declared.role is not Role.ANY
                else None,
            )


def _check_sizes(fl: Lowering, found: Helper, args: tuple[n.Expr | n.MapName | n.Place, ...], node: ast.Call) -> None:
    """A constant size is not more than the memory before it has."""
    from honey.kernel.helpers import Role

    for index, declared in enumerate(found.arguments[1 : len(args)], 1):
        memory, size = args[index - 1], args[index]
        if declared.role not in (Role.SIZE, Role.SIZE_OR_ZERO) or not isinstance(memory, n.Place):
            continue
        if isinstance(size, n.Const) and size.value > memory.type.size:
            what = found.arguments[index - 1].name
            raise fl.mistake(
                "HNY0903",
                f"{declared.name} is {size.value}, and what is given as {what} has {memory.type.size} bytes",
                node.args[index].span,
            )


def _in_memory(fl: Lowering, expr: n.Expr, node: ast.Node) -> n.Place:
    """A local with a value, for a helper that wants memory."""
    local = fl.fresh("argument", expr.type)
    fl.code.append(n.Let(local, expr, node.span))
    return n.LocalPlace(local)


def _plain_number(fl: Lowering, declared: HelperArgument, value: IntValue, node: ast.Node) -> n.Expr:
    """A number as an argument. What is in network order is wanted so, or is the words that a checksum is about."""
    from honey.analysis import kernel_types

    wanted = kernel_types.convert(declared.type)
    if isinstance(wanted, t.Int) and wanted.big_endian:
        return convert.store_int(fl, value, wanted, node.span)
    if value.type.big_endian and declared.name in _WORDS_OF_PACKETS:
        return convert.cast(n.Cast(value.expr, t.Int(value.type.bits)), t.U64)
    return convert.cast(convert.store_int(fl, value, t.U64, node.span), t.U64)


_WORDS_OF_PACKETS = ("from", "to")
"""Arguments of ``bpf_l3_csum_replace`` and ``bpf_l4_csum_replace`` that are numbers as they lie in the packet."""

_SHAPED: dict[str, dict[int, LibraryCall]] = {
    "bpf_map_lookup_elem": {2: maps.lookup, 3: maps.lookup_or},
    "bpf_map_update_elem": {3: maps.update, 4: maps.update},
    "bpf_map_delete_elem": {2: maps.delete},
    "bpf_probe_read_user": {2: _read(n.ReadKind.USER, t.Space.USER)},
    "bpf_probe_read_kernel": {2: _read(n.ReadKind.KERNEL, t.Space.KERNEL)},
    "bpf_probe_read_user_str": {
        2: _read_string(n.ReadKind.USER_STR, t.Space.USER),
        3: _read_string_or(n.ReadKind.USER_STR, t.Space.USER),
    },
    "bpf_probe_read_kernel_str": {
        2: _read_string(n.ReadKind.KERNEL_STR, t.Space.KERNEL),
        3: _read_string_or(n.ReadKind.KERNEL_STR, t.Space.KERNEL),
    },
    "bpf_core_read": {3: _core_read(user=False)},
    "bpf_core_read_user": {3: _core_read(user=True)},
    "bpf_ringbuf_reserve": {2: _reserve, 3: _reserve},
    "bpf_ringbuf_submit": {1: _finish(discard=False), 2: _finish(discard=False)},
    "bpf_ringbuf_discard": {1: _finish(discard=True), 2: _finish(discard=True)},
    "bpf_ringbuf_output": {2: _output, 3: _output},
    "bpf_get_current_comm": {0: _comm},
    "bpf_printk": {1: printing.printk},
}

TABLES: dict[str, Table] = {
    "Honey.BpfHelpers": {
        (name, arity): call
        for full, arities in _SHAPED.items()
        for name in (full, full.removeprefix("bpf_"))
        for arity, call in arities.items()
    }
}
