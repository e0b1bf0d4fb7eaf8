# SPDX-License-Identifier: Apache-2.0
"""The typing rules of expressions, places and effects: one rule a node class, on the node and its children only."""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.error import IRError
from honey.ir.symbols import Symbols
from honey.ir.text import type_name

_ARITHMETIC = {n.BinaryOp.ADD, n.BinaryOp.SUB, n.BinaryOp.MUL, n.BinaryOp.DIV, n.BinaryOp.MOD}
_BITS = {n.BinaryOp.AND, n.BinaryOp.OR, n.BinaryOp.XOR}
_SHIFTS = {n.BinaryOp.SHL, n.BinaryOp.SHR}


def require(condition: bool, message: str, node: object) -> None:
    """Raise `IRError` about ``node`` unless ``condition`` holds."""
    if not condition:
        raise IRError(message, node)


def fits(value: t.Type, slot: t.Type) -> bool:
    """Whether a value of one type may stand where the other is wanted.

    Types are equal, except that a reference may lose rights on the way: a non-null one may go where null is allowed, a
    writable one where nobody writes, and there the memory it points into does not matter either.
    """
    if isinstance(value, t.Ref) and isinstance(slot, t.Ref):
        return (
            value.target == slot.target
            and (slot.nullable or not value.nullable)
            and (slot.readonly or not value.readonly)
            and (slot.readonly or value.space == slot.space)
        )
    return value == slot


def require_fits(value: t.Type, slot: t.Type, what: str, node: object) -> None:
    """Raise `IRError` unless ``value`` fits ``slot``."""
    if value is not slot and not fits(value, slot):  # the text is made only if it is wanted: nearly all nodes are right
        raise IRError(f"{what} is {type_name(value)}, must be {type_name(slot)}", node)


def require_stores(value: t.Type, slot: t.Type, what: str, node: object) -> None:
    """The same where a value is copied into memory, which bytes may be whatever they are called there."""
    if not t.interchange(value, slot):
        require_fits(value, slot, what, node)


def is_host_int(type_: t.Type) -> bool:
    """An integer that knows arithmetic."""
    return isinstance(type_, t.Int) and not type_.big_endian


def check_node(node: object, symbols: Symbols) -> None:
    """Check one node against its children; raise `IRError` if it is ill typed."""
    match node:
        case n.DerefPlace() | n.FieldPlace() | n.IndexPlace() | n.LocalPlace():
            _check_place(node, symbols)
        case n.Const() | n.Bytes() | n.Read() | n.AddressOf() | n.IsNull() | n.NonNull() | n.StructValue():
            _check_value(node, symbols)
        case n.Unary() | n.Binary() | n.Cast() | n.ByteSwap() | n.Select():
            _check_operator(node)
        case n.MapName() | n.MapLookup() | n.NewEntry() | n.MapUpdate() | n.MapDelete():
            _check_map(node, symbols)
        case n.RingReserve() | n.RingOutput():
            _check_map(node, symbols)
        case _:
            _check_effect(node, symbols)


def _check_place(place: n.Place, symbols: Symbols) -> None:
    match place:
        case n.DerefPlace(ref, type_):
            require(isinstance(ref.type, t.Ref), "only a reference can be dereferenced", place)
            assert isinstance(ref.type, t.Ref)
            require(not ref.type.nullable, "a nullable reference is dereferenced", place)
            require_fits(ref.type.target, type_, "what the reference points to", place)
        case n.FieldPlace(base, name, type_):
            found = symbols.field_type(base.type, name)
            require(found is not None, f"{type_name(base.type)} has no field {name}", place)
            assert found is not None
            require_fits(found, type_, f"the field {name}", place)
        case n.IndexPlace(base, index, type_):
            require(isinstance(base.type, (t.Array, t.Chars)), "only an array can be indexed", place)
            assert isinstance(base.type, (t.Array, t.Chars))
            if isinstance(base.type, t.Array):
                require_fits(base.type.element, type_, "the element", place)
            else:
                require(isinstance(type_, t.Int) and type_.bits == 8, "the element of chars is a byte", place)
            require(is_host_int(index.type), "an index is an integer", place)
            if isinstance(index, n.Const):
                require(0 <= index.value < base.type.length, "the index is outside the array", place)


def _check_value(expr: n.Expr, symbols: Symbols) -> None:
    match expr:
        case n.Const(value, type_):
            _check_const(expr, value, type_)
        case n.Bytes(data, type_):
            require(_is_bytes(type_), "constant bytes are chars or an array of bytes", expr)
            require(len(data) <= type_.size, "the constant is longer than its type", expr)
        case n.Read(place, type_):
            require_fits(place.type, type_, "what is read", expr)
        case n.AddressOf(place, type_):
            require(isinstance(type_, t.Ref) and not type_.nullable, "an address taken is a non-null reference", expr)
            assert isinstance(type_, t.Ref)
            require_fits(place.type, type_.target, "the place", expr)
        case n.IsNull(operand):
            require(isinstance(operand.type, (t.Ref, t.Address)), "only references and addresses can be null", expr)
        case n.NonNull(operand, type_):
            require(isinstance(operand.type, t.Ref), "only a reference is made non-null", expr)
            assert isinstance(operand.type, t.Ref)
            require(not type_.nullable and type_.target == operand.type.target, "wrong type of a non-null", expr)
        case n.StructValue(values, type_):
            _check_struct_value(expr, values, type_, symbols)


def _check_const(expr: n.Expr, value: int, type_: t.Type) -> None:
    match type_:
        case t.Int(bits, signed):
            low = -(1 << (bits - 1)) if signed else 0
            require(low <= value < low + (1 << bits), f"{value} does not fit {type_name(type_)}", expr)
        case t.Bool():
            require(value in (0, 1), "a truth value is 0 or 1", expr)
        case t.Ref() | t.Address():
            require(value == 0, "the only constant address is null", expr)
        case _:
            raise IRError(f"no constant has the type {type_name(type_)}", expr)


def _is_bytes(type_: t.Type) -> bool:
    if isinstance(type_, t.Array):
        return isinstance(type_.element, t.Int) and type_.element.bits == 8
    return isinstance(type_, t.Chars)


def _check_struct_value(expr: n.Expr, values: tuple[tuple[str, n.Expr], ...], type_: t.Type, symbols: Symbols) -> None:
    names = [name for name, _ in values]
    require(len(set(names)) == len(names), "a field is set twice", expr)
    for name, value in values:
        element = symbols.element(type_, name)
        require(element is not None, f"{type_name(type_)} has no field {name}", expr)
        assert element is not None
        require_stores(value.type, element[1], f"the field {name}", expr)


def _check_operator(expr: n.Unary | n.Binary | n.Cast | n.ByteSwap | n.Select) -> None:
    match expr:
        case n.Unary(n.UnaryOp.NOT, operand, type_):
            require(operand.type == t.BOOL == type_, "! is of truth values", expr)
        case n.Unary(_, operand, type_):
            require(is_host_int(type_) and operand.type == type_, "the operand is an integer of the node's type", expr)
        case n.Binary():
            _check_binary(expr)
        case n.Cast(operand, type_):
            require(_castable(operand.type, type_), f"no cast from {type_name(operand.type)}", expr)
        case n.ByteSwap(_, operand, type_):
            require(isinstance(type_, t.Int) and isinstance(operand.type, t.Int), "only integers are swapped", expr)
            assert isinstance(type_, t.Int)
            assert isinstance(operand.type, t.Int)
            require(type_.bits == operand.type.bits > 8, "a swap keeps the width", expr)
            require(type_.big_endian != operand.type.big_endian, "a swap changes the order", expr)
        case n.Select(condition, then, otherwise, type_):
            require(condition.type == t.BOOL, "the condition is a truth value", expr)
            require_fits(then.type, type_, "the first side", expr)
            require_fits(otherwise.type, type_, "the second side", expr)


def _check_binary(expr: n.Binary) -> None:
    op, left, right = expr.op, expr.left.type, expr.right.type
    if op in _SHIFTS:
        require(is_host_int(left) and left == expr.type, "a shift has the type of what is shifted", expr)
        require(is_host_int(right), "a shift's amount is an integer", expr)
        return
    if left != right:
        raise IRError(f"the operands are {type_name(left)} and {type_name(right)}", expr)
    if op.logical:
        require(left == t.BOOL == expr.type, "logic is of truth values", expr)
    elif op in _ARITHMETIC or op in _BITS:
        require(left == expr.type, "the result has another type than the operands", expr)
        require(is_host_int(left) or (op in _BITS and left == t.BOOL), "arithmetic needs integers in host order", expr)
    else:
        require(expr.type == t.BOOL, "a comparison gives a truth value", expr)
        equality = op in (n.BinaryOp.EQ, n.BinaryOp.NE)
        comparable = isinstance(left, (t.Int, t.Bool, t.Address, t.Ref)) if equality else is_host_int(left)
        require(comparable, f"{type_name(left)} is not compared with {op.value}", expr)


def _castable(source: t.Type, target: t.Type) -> bool:
    match source, target:
        case t.Int(), t.Int():
            return source.big_endian == target.big_endian or source.bits == target.bits
        case (t.Int(), t.Bool()) | (t.Bool(), t.Int()) | (t.Bool(), t.Bool()):
            return True
        case (t.Int(bits=64), t.Address()) | (t.Address() | t.Ref(), t.Int(bits=64)):
            return True
        case (t.Address(), t.Address()) | (t.Ref(), t.Address()):
            return True
        case t.Ref(), t.Ref():
            return fits(source, target)
        case _:
            return False


def _map(symbols: Symbols, name: str, node: object) -> n.MapDef:
    definition = symbols.maps.get(name)
    if definition is None:
        raise IRError(f"there is no map {name}", node)
    return definition


def _check_map(node: object, symbols: Symbols) -> None:
    match node:
        case n.MapName(name):
            _map(symbols, name, node)
        case n.MapLookup(name, key, type_) | n.NewEntry(name, key, type_):
            definition = _keyed_map(symbols, name, key, node)
            require(type_.nullable and type_.space is t.Space.MAP, "a look-up gives a nullable reference", node)
            require(type_.target == definition.value, "a look-up refers to the map's values", node)
        case n.MapUpdate(name, key, value, flags):
            definition = _keyed_map(symbols, name, key, node)
            assert definition.value is not None
            if not _is_in_packet(value, definition.value):
                require_stores(value.type, definition.value, "the value", node)
            require(is_host_int(flags.type), "flags are an integer", node)
        case n.MapDelete(name, key):
            _keyed_map(symbols, name, key, node)
        case n.RingReserve(name, type_):
            require(_map(symbols, name, node).kind is n.MapKind.RINGBUF, "records are of ring buffers", node)
            require(type_.nullable and type_.space is t.Space.RINGBUF, "a record is a nullable reference", node)
        case n.RingOutput(name, _, flags):
            require(_map(symbols, name, node).kind is n.MapKind.RINGBUF, "records are of ring buffers", node)
            require(is_host_int(flags.type), "flags are an integer", node)


def _keyed_map(symbols: Symbols, name: str, key: n.Expr, node: object) -> n.MapDef:
    definition = _map(symbols, name, node)
    require(definition.key is not None and definition.value is not None, "the map has no keys", node)
    assert definition.key is not None
    if not _is_in_packet(key, definition.key):
        require_stores(key.type, definition.key, "the key", node)
    return definition


def _is_in_packet(value: n.Expr, type_: t.Type) -> bool:
    """Whether a key or a value is as many bytes of a packet, which helpers take as they are."""
    place = value.place if isinstance(value, n.Read) else None
    while isinstance(place, (n.FieldPlace, n.IndexPlace)):
        place = place.base
    space = place.ref.type.space if isinstance(place, n.DerefPlace) and isinstance(place.ref.type, t.Ref) else None
    return space is t.Space.PACKET and value.type.size == type_.size


def _check_effect(node: object, symbols: Symbols) -> None:
    match node:
        case n.ProbeRead(_, target, size, source):
            require(0 < size <= target.type.size, f"{size} bytes do not fit the target", node)
            require(_is_address(source.type), "a read is from an address", node)
        case n.CoreRead(source, struct, path, _, type_):
            require(_is_address(source.type), "a read is from an address", node)
            groups = symbols.read_path(struct, path)
            require(groups is not None and groups != ((),), f"{struct.name} has no field {'.'.join(path)}", node)
            assert groups is not None
            require_fits(groups[-1][-1].type, type_, "the field", node)
        case n.RingFinish(record, _, flags):
            reserved = isinstance(record.type, t.Ref) and record.type.space is t.Space.RINGBUF
            require(reserved, "only a record is finished", node)
            require(isinstance(record.type, t.Ref) and not record.type.nullable, "the record may be null", node)
            require(is_host_int(flags.type), "flags are an integer", node)
        case n.AtomicAdd(place, value):
            require(isinstance(place.type, t.Int) and place.type.bits >= 32, "atomics have 32 or 64 bits", node)
            require_fits(value.type, place.type, "what is added", node)
        case n.PacketAt(context, offset, type_):
            in_context = isinstance(context.type, t.Ref) and context.type.space is t.Space.CONTEXT
            require(in_context, "a packet belongs to a context", node)
            require(is_host_int(offset.type), "an offset is an integer", node)
            require(type_.nullable and type_.space is t.Space.PACKET, "packet bytes may be missing", node)
        case n.Call(name, args, type_):
            _check_call(node, name, args, type_, symbols)


def _is_address(type_: t.Type) -> bool:
    return isinstance(type_, (t.Address, t.Ref)) or (isinstance(type_, t.Int) and type_.bits == 64)


def _check_call(node: object, name: str, args: tuple[n.Expr, ...], type_: t.Type, symbols: Symbols) -> None:
    callee = symbols.functions.get(name)
    require(callee is not None, f"there is no function {name}", node)
    assert callee is not None
    require(callee.section is None, f"{name} is a handler", node)
    require(len(args) == len(callee.params), f"{name} takes {len(callee.params)} arguments", node)
    for arg, param in zip(args, callee.params, strict=True):
        require_fits(arg.type, param.type, f"the argument {param.name}", node)
    require(type_ == callee.result, f"{name} gives {type_name(callee.result)}", node)
