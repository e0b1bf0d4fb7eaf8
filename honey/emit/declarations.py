# SPDX-License-Identifier: Apache-2.0
"""Locals, and what is stored in them and in other places, as C."""

from __future__ import annotations

from honey.emit.context import FunctionContext
from honey.emit.names import member_name, member_path
from honey.emit.spelling import is_array
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import in_context
from honey.ir.walk import walk

_COMPOUND = {
    n.BinaryOp.ADD,
    n.BinaryOp.SUB,
    n.BinaryOp.MUL,
    n.BinaryOp.AND,
    n.BinaryOp.OR,
    n.BinaryOp.XOR,
    n.BinaryOp.SHL,
}
"""Operators whose low bits depend on the operands' low bits only, so that ``x op= y`` may compute in a wider type."""

_EFFECT_NAMES: dict[type, str] = {
    n.MapLookup: "entry",
    n.RingReserve: "record",
    n.PacketAt: "packet",
    n.CoreRead: "field",
    n.Call: "result",
    n.HelperCall: "value",
}
"""What a result is called that the source has no name for; other effects give an error number."""


_SPELT_OUT = 8
"""Elements of an array that an initialiser lists one by one."""


def declare(context: FunctionContext, local: n.Local, name: str) -> str:
    """The declaration of ``local`` as ``name``, without its semicolon."""
    context.file.features.types(local.type)
    return context.file.spelling.declare(local.type, name)


def let(context: FunctionContext, local: n.Local, value: n.Expr | n.Effect | None, prefix: str = "") -> None:
    """Declare a local, with its first value if it has one; nothing where the value stands in place of the local."""
    if local.id in context.expressions.folded:
        return
    name = context.scope.new(local.name or default_name(value))
    declaration = prefix + declare(context, local, name)
    if value is None:
        context.expressions.names[local.id] = name
        context.writer.line(f"{declaration};")
    elif is_array(local.type) and not _initialises(value):
        context.expressions.names[local.id] = name
        context.writer.line(f"{declaration};")
        _copy_array(context, n.LocalPlace(local), value)
    elif local.id in context.expressions.tests.held:
        context.writer.line(f"{declaration} = {context.expressions.answer(value, local.type)};")
        context.expressions.names[local.id] = name
    else:
        _initialise_all(context, name, declaration, value, local.type)
        context.expressions.names[local.id] = name


def let_in_frame(context: FunctionContext, local: n.Local, value: n.StructValue) -> None:
    """Declare a struct inside another one that begins 4 bytes before it."""
    assert isinstance(local.type, t.Struct)
    member = member_name(local.name or default_name(value))
    spelling = context.file.spelling.base(local.type)
    tag = context.file.features.frame(spelling, local.type.name, member)
    frame = context.scope.new("frame")
    kept, copied = _without_long(value)
    assert isinstance(kept, n.StructValue)
    inner = n.StructValue(((member, kept),), value.type)
    _initialise(context, f"struct {tag} {frame} =", inner, local.type)
    _copy_long(context, f"{frame}.{member}", copied)
    context.expressions.names[local.id] = f"{frame}.{member}"


def _initialise(context: FunctionContext, head: str, value: n.Expr | n.Effect, type_: t.Type) -> None:
    """``head value;``, a struct's fields one a line where a single line would be too long."""
    space = "" if head.endswith(")") else " "
    line = f"{head}{space}{context.expressions.initialiser(value, type_)};"
    if not isinstance(value, n.StructValue) or context.writer.fits(line):
        context.writer.line(line)
        return
    context.writer.open(f"{head}{space}{{")
    for item in context.expressions.brace_items(value):
        context.writer.line(f"{item},", mapped=False)
    context.writer.close("};")


def _initialise_all(
    context: FunctionContext, name: str, declaration: str, value: n.Expr | n.Effect, type_: t.Type
) -> None:
    """Declare ``name``, with its first value."""
    kept, copied = _without_long(value)
    _initialise(context, f"{declaration} =", kept, type_)
    _copy_long(context, name, copied)


def _without_long(value: n.Expr | n.Effect) -> tuple[n.Expr | n.Effect, list[tuple[str, n.Expr]]]:
    """A value without its arrays that are long to spell out, and those: they are copied when all else is there."""
    if not (isinstance(value, n.StructValue) and isinstance(value.type, t.Struct)):
        return value, []
    copied = [each for each in value.fields if _is_long(each[1])]
    return n.StructValue(tuple(each for each in value.fields if each not in copied), value.type), copied


def _copy_long(context: FunctionContext, name: str, copied: list[tuple[str, n.Expr]]) -> None:
    for path, source in copied:
        text = context.expressions.expr(source).text
        context.writer.line(f"__builtin_memcpy({name}.{member_path(path)}, {text}, {source.type.size});")


def _is_long(value: n.Expr) -> bool:
    type_ = value.type
    spelt = isinstance(value, n.Read) and not in_context(value.place)  # whose bytes are loaded one by one
    return spelt and isinstance(type_, t.Array | t.Chars) and type_.length > _SPELT_OUT


def declare_stored(context: FunctionContext, type_: t.Type, name: str, value: n.Expr) -> str:
    """A local for a value that must lie in memory, before the current statement; shared if nothing changes it."""
    if value in context.stored:
        return context.stored[value]
    new = context.scope.new(name)
    declaration = context.file.spelling.declare(type_, new)
    if is_array(type_) and not _initialises(value):
        context.writer.line(f"{declaration};")
        source = context.expressions.expr(value).text
        context.writer.line(f"__builtin_memcpy({new}, {source}, sizeof({new}));")
    else:
        _initialise_all(context, new, declaration, value, type_)
    if _unchanging(context, value):
        context.stored[value] = new
    return new


def declare_pointer(context: FunctionContext, effect: n.CoreRead) -> str:
    """A local for a pointer that is read, before the current statement."""
    new = context.scope.new("pointer")
    _initialise(context, f"{context.file.spelling.declare(effect.type, new)} =", effect, effect.type)
    return new


def _unchanging(context: FunctionContext, value: n.Expr) -> bool:
    return not any(
        isinstance(node, n.DerefPlace) or (isinstance(node, n.LocalPlace) and node.local.id in context.changing)
        for node in walk(value)
    )


def assign(context: FunctionContext, place: n.Place, value: n.Expr | n.Effect, *, opaque: bool = False) -> None:
    """Store a value in a place; clang is not to know an ``opaque`` one."""
    if is_array(place.type):
        _copy_array(context, place, value)
        return
    if in_context(place):
        field = context.expressions.context_place(place)
        text = context.expressions.converted(value, place.type)
        context.writer.line(context.file.features.write_once(field, text))
        return
    target = context.expressions.place(place)
    compound = _compound(context, place, value)
    if compound is None and isinstance(value, n.StructValue):
        _initialise(context, f"{target.text} = ({context.file.spelling.name(value.type)})", value, place.type)
        return
    if compound is None:
        text = context.expressions.converted(value, place.type)
        text = context.expressions.opaque(text, place.type) if opaque else text
        context.writer.line(f"{target.text} = {text};")
        return
    op, operand = compound
    if isinstance(operand, n.Const) and operand.value == 1 and op in (n.BinaryOp.ADD, n.BinaryOp.SUB):
        pointer = target.text.startswith("*")
        context.writer.line(f"{f'({target.text})' if pointer else target.text}{op.value * 2};")
    else:
        context.writer.line(f"{target.text} {op.value}= {context.expressions.converted(operand, place.type)};")


def _compound(context: FunctionContext, place: n.Place, value: n.Expr | n.Effect) -> tuple[n.BinaryOp, n.Expr] | None:
    """What ``place = place op operand`` consists of, if that is what it is."""
    if isinstance(value, n.Read) and isinstance(value.place, n.LocalPlace):
        value = context.expressions.folded.get(value.place.local.id, value)
    if isinstance(value, n.Cast) and isinstance(value.operand.type, t.Int):
        value = value.operand
    wide = value.type
    if not isinstance(value, n.Binary) or value.op not in _COMPOUND or wide.size < place.type.size:
        return None
    if not isinstance(place.type, t.Int) or (value.op is n.BinaryOp.SHL and wide != place.type):
        return None
    left = value.left.operand if isinstance(value.left, n.Cast) else value.left
    if left != n.Read(place, place.type):
        return None
    return value.op, value.right


def _copy_array(context: FunctionContext, place: n.Place, value: n.Expr | n.Effect) -> None:
    """Arrays are no values in C: they are read into, or copied."""
    target = context.expressions.place(place).text
    if isinstance(value, n.CoreRead):
        context.writer.line(f"{context.effects.core_into(target, value)};")
        return
    source = context.expressions.value(value).text
    size = place.type.size
    if isinstance(value, n.Read) and in_context(value.place):
        source = f"({context.file.spelling.name(value.type)}){context.expressions.initialiser(value, value.type)}"
    if isinstance(value, n.Bytes) and isinstance(value.type, t.Chars):
        source = f"({context.file.spelling.name(value.type)}){{ {source} }}"
    if isinstance(value, n.StructValue) and not value.fields:
        context.writer.line(f"__builtin_memset({target}, 0, {size});")
    else:
        context.writer.line(f"__builtin_memcpy({target}, {source}, {size});")


def default_name(value: n.Expr | n.Effect | None) -> str:
    """What a local is called that the source has no name for."""
    if isinstance(value, n.Expr) and isinstance(value.type, t.Struct):
        return value.type.name.rpartition("_")[2]
    if value is None or isinstance(value, n.Expr):
        return "value"
    return _EFFECT_NAMES.get(type(value), "err")


def _initialises(value: n.Expr | n.Effect) -> bool:
    """Whether an array's value is written where it is declared; one in a context is read element by element."""
    return isinstance(value, n.StructValue | n.Bytes) or (isinstance(value, n.Read) and in_context(value.place))
