# SPDX-License-Identifier: Apache-2.0
"""The IR as text for people: what ``honey compile --emit ir`` prints and what messages about the IR quote.

One statement a line, blocks indented; a local is its name and id (``pid#3``). The text is complete enough to tell two
programs apart, but nothing reads it back.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import NODE_CLASSES, STMT_CLASSES

INDENT = "  "


def dump(program: n.Program) -> str:
    """The whole program: structs, maps, functions."""
    parts = [f'module {program.module} file "{program.file}" license "{program.license}"']
    parts.extend("\n".join(_struct(definition)) for definition in program.structs)
    if program.maps:
        parts.append("\n".join(_map(definition) for definition in program.maps))
    parts.extend(dump_function(function) for function in program.functions)
    return "\n\n".join(parts) + "\n"


def dump_function(function: n.Function) -> str:
    """One function with its body."""
    kind = "handler" if function.section is not None else "function"
    params = ", ".join(f"{local(param)}: {type_name(param.type)}" for param in function.params)
    flags = [f"inline={function.inline.value}"] if function.inline is not n.Inline.AUTO else []
    flags += ["may_raise"] if function.may_raise else []
    head = " ".join([f"{kind} {function.name}({params}) -> {type_name(function.result)}", *flags])
    return "\n".join([head, *(INDENT + line for line in _block(function.body))])


def dump_node(node: object) -> str:
    """An expression, a place or an effect on one line; a statement with its blocks."""
    if isinstance(node, STMT_CLASSES):
        return "\n".join(_statement(node))  # type: ignore[arg-type]  # STMT_CLASSES are the members of Stmt
    return _node(node) if isinstance(node, NODE_CLASSES) else repr(node)


def local(variable: n.Local) -> str:
    """A local as the dump names it."""
    return f"{variable.name or 'tmp'}#{variable.id}"


def type_name(type_: t.Type) -> str:
    """A type in the language's own spelling, with what the IR adds."""
    match type_:
        case t.Int(bits, signed, big_endian):
            return f"{'be' if big_endian else 's' if signed else 'u'}{bits}"
        case t.Bool():
            return "bool"
        case t.Void():
            return "void"
        case t.Array(element, length):
            return f"{type_name(element)}[{length}]"
        case t.Chars(length):
            return f"char[{length}]"
        case t.Struct(name):
            return name
        case t.Ref(target, space, nullable, readonly):
            marks = ("?" if nullable else "") + (" readonly" if readonly else "")
            return f"&{type_name(target)}{marks} in {space.value}"
        case t.Address(space, target):
            return f"{space.value} address" + (f" of {type_name(target)}" if target is not None else "")


def _struct(definition: t.StructDef) -> Iterator[str]:
    where = " kernel" if definition.type.kernel else ""
    yield f"struct {definition.type.name} size {definition.type.size} align {definition.type.align}{where}"
    for field in definition.fields:
        mark = " padding" if field.padding else ""
        yield f"{INDENT}{field.offset:3}: {field.name}: {type_name(field.type)}{mark}"


def _map(definition: n.MapDef) -> str:
    key = type_name(definition.key) if definition.key is not None else "-"
    value = type_name(definition.value) if definition.value is not None else "-"
    kind = definition.kind.value.removeprefix("BPF_MAP_TYPE_").lower()
    return f"map {definition.name}: {kind} {key} -> {value} max {definition.max_entries}"


def _block(block: n.Block) -> Iterator[str]:
    for statement in block:
        yield from _statement(statement)


def _statement(statement: n.Stmt) -> Iterator[str]:
    match statement:
        case n.Let(variable, value):
            yield f"let {local(variable)}: {type_name(variable.type)}" + (f" = {_node(value)}" if value else "")
        case n.Assign(place, value):
            yield f"{_node(place)} = {_node(value)}"
        case n.Eval(effect):
            yield _node(effect)
        case n.If(condition, then, otherwise):
            yield f"if {_node(condition)}"
            yield from (INDENT + line for line in _block(then))
            if otherwise:
                yield "else"
                yield from (INDENT + line for line in _block(otherwise))
        case n.For(variable, start, stop, step, body):
            yield f"for {local(variable)} from {start} to before {stop} by {step}"
            yield from (INDENT + line for line in _block(body))
        case n.Scope(body):
            yield "scope"
            yield from (INDENT + line for line in _block(body))
        case n.Break():
            yield "break"
        case n.Return(value):
            yield "return" + (f" {_node(value)}" if value else "")
        case n.Raise(exception, detail):
            yield f"raise {exception}" + (f" ({detail})" if detail else "")


def _node(node: object) -> str:
    match node:
        case n.Const(value, t.Bool()):
            return str(bool(value)).lower()
        case n.Const(value, type_, name):
            return name or f"{value}:{type_name(type_)}"
        case n.Bytes(data):
            return repr(data)
        case n.LocalPlace(variable):
            return local(variable)
        case n.DerefPlace(ref):
            return f"*{_node(ref)}"
        case n.FieldPlace(base, name):
            return f"{_node(base)}.{name}"
        case n.IndexPlace(base, index):
            return f"{_node(base)}[{_node(index)}]"
        case n.Read(place):
            return _node(place)
        case n.AddressOf(place):
            return f"&{_node(place)}"
        case n.Unary(op, operand):
            return f"{op.value}{_node(operand)}"
        case n.Binary(op, left, right):
            return f"({_node(left)} {op.value} {_node(right)})"
        case n.Cast(operand, type_):
            return f"{type_name(type_)}({_node(operand)})"
        case n.ByteSwap(name, operand):
            return f"{name}({_node(operand)})"
        case n.Select(condition, then, otherwise):
            return f"({_node(condition)} ? {_node(then)} : {_node(otherwise)})"
        case n.IsNull(operand):
            return f"isnull({_node(operand)})"
        case n.NonNull(operand):
            return f"{_node(operand)}!"
        case n.StructValue(values, type_):
            return f"%{type_name(type_)}{{{', '.join(f'{name}: {_node(value)}' for name, value in values)}}}"
        case n.MapName(name):
            return f":{name}"
        case _:
            return _effect(node)


def _effect(effect: object) -> str:
    match effect:
        case n.MapLookup(name, key):
            return f"lookup(:{name}, {_node(key)})"
        case n.MapUpdate(name, key, value, flags):
            return f"update(:{name}, {_node(key)}, {_node(value)}, {_node(flags)})"
        case n.NewEntry(name, key):
            return f"new_entry(:{name}, {_node(key)})"
        case n.MapDelete(name, key):
            return f"delete(:{name}, {_node(key)})"
        case n.ProbeRead(kind, target, size, source):
            return f"{kind.value.removeprefix('bpf_')}(&{_node(target)}, {size}, {_node(source)})"
        case n.CoreRead(_, struct, path, task=True):
            return f"core_read(task, {struct.name}, {'.'.join(path)})"
        case n.CoreRead(source, struct, path, user):
            return f"core_read{'_user' if user else ''}({_node(source)}, {struct.name}, {'.'.join(path)})"
        case n.RingReserve(name, type_):
            return f"reserve(:{name}, {type_name(type_.target)})"
        case n.RingFinish(record, discard, flags):
            return f"{'discard' if discard else 'submit'}({_node(record)}, {_node(flags)})"
        case n.RingOutput(name, value, flags):
            return f"output(:{name}, {_node(value)}, {_node(flags)})"
        case n.AtomicAdd(place, value):
            return f"atomic {_node(place)} += {_node(value)}"
        case n.PacketAt(context, offset, type_, length):
            more = f", of {length} bytes" if length else ""
            return f"packet({_node(context)}, {_node(offset)}, {type_name(type_.target)}{more})"
        case n.HelperCall(name, args) | n.Call(name, args):
            return f"{name}({', '.join(_node(arg) for arg in args)})"
        case n.Printk(text, args):
            return f"printk({', '.join([repr(text), *(_node(arg) for arg in args)])})"
        case _:
            return repr(effect)
