# SPDX-License-Identifier: Apache-2.0
"""Runs IR on a simulated machine: the meaning of each node, said once more in Python.

Numbers are Python ints within the range of their type, structs and arrays are bytes, references are `Pointer` or
``None``. A local's memory starts with a pattern that is not zero, so that a read of what was never written shows.
"""

from __future__ import annotations

from honey.ir import arithmetic
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.interpret_effects import bits, is_number, perform, with_bits
from honey.ir.symbols import Symbols
from honey.kernel.results import when_raised
from honey.records import dataclass, field
from honey.simulation.memory import Pointer, Reference, SimulationError, Slot
from honey.simulation.world import World

Value = int | bytes | Reference
UNWRITTEN = 0xA5


class Raised(Exception):
    """An exception of the program on its way to the handler; ``text`` is what is printed."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class _Returned:
    value: Value


_BROKEN = object()
"""What a block gives that was left by ``break``."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a handler ended; ``raised`` is the line of an exception that ended it."""

    value: int
    raised: str | None = None


@dataclass(slots=True)
class Interpreter:
    """Runs the functions of one program in a world; ``packet`` is what `PacketAt` looks into."""

    program: n.Program
    world: World
    packet: bytearray = field(default_factory=bytearray)
    symbols: Symbols = field(init=False)

    def __post_init__(self) -> None:
        self.symbols = Symbols.of(self.program)

    def handle(self, name: str, context: bytearray) -> Outcome:
        """Run a handler on its context."""
        try:
            value = self.call(name, [Pointer(context)])
        except Raised as raised:
            if self.program.trace:
                self.world.printed.append(raised.text)
            self.world.discard_open_records()
            section = self.symbols.functions[name].section
            return Outcome(when_raised(section) if section is not None else 0, raised.text)
        assert isinstance(value, int)
        return Outcome(value)

    def call(self, name: str, args: list[Value]) -> Value:
        """Run a function."""
        function = self.symbols.functions[name]
        frame = Frame(self, function)
        for param, arg in zip(function.params, args, strict=True):
            frame.declare(param)
            frame.store(n.LocalPlace(param), arg)
        done = frame.block(function.body)
        return done.value if isinstance(done, _Returned) else None


@dataclass(slots=True)
class Frame:
    """One call: its locals' memory, and the references among them."""

    interpreter: Interpreter
    function: n.Function
    memory: dict[int, bytearray] = field(default_factory=dict)
    refs: dict[int, Reference] = field(default_factory=dict)

    # ------------------------------------------------------------ statements

    def block(self, block: n.Block) -> object:
        """Run statements; ``None`` when the end is reached, else how the block was left."""
        for statement in block:
            left = self.statement(statement)
            if left is not None:
                return left
        return None

    def statement(self, statement: n.Stmt) -> object:
        """Run one statement."""
        match statement:
            case n.Let(local, value):
                result = self.value(value) if value is not None else None
                self.declare(local)
                if value is not None:
                    self.store(n.LocalPlace(local), result)
            case n.Assign(place, value):
                self.store(place, self.value(value))
            case n.Eval(effect):
                perform(self, effect)
            case n.If(condition, then, otherwise):
                return self.block(then if self.number(condition) else otherwise)
            case n.For():
                return self._for(statement)
            case n.Scope(body):
                return self.block(body)
            case n.Break():
                return _BROKEN
            case n.Return(value):
                return _Returned(self.expr(value) if value is not None else None)
            case n.Raise(exception, detail, span):
                line = span.line if span is not None else 0
                words = f"** ({exception}) {detail}".rstrip()
                raise Raised(f"{words} at {self.interpreter.program.file}:{line}")
        return None

    def _for(self, statement: n.For) -> object:
        local = statement.local
        for number in range(statement.start, statement.stop, statement.step):
            self.declare(local)
            self.store(n.LocalPlace(local), arithmetic.wrap(number, local.type))
            left = self.block(statement.body)
            if left is _BROKEN:
                break
            if left is not None:
                return left
        return None

    # ------------------------------------------------------------ places

    def declare(self, local: n.Local) -> None:
        """Give a local its memory."""
        if isinstance(local.type, t.Ref):
            self.refs[local.id] = None
        else:
            self.memory[local.id] = bytearray([UNWRITTEN]) * local.type.size

    def slot(self, place: n.Place) -> Slot:
        """Where a reference is."""
        if isinstance(place, n.LocalPlace):
            return Slot(self.refs, place.local.id)
        assert isinstance(place, n.DerefPlace)
        slot = self.expr(place.ref)
        assert isinstance(slot, Slot)
        return slot

    def place(self, place: n.Place) -> Pointer:
        """Where a place is."""
        match place:
            case n.LocalPlace(local):
                return Pointer(self.memory[local.id])
            case n.DerefPlace(ref):
                pointer = self.expr(ref)
                if not isinstance(pointer, Pointer):
                    raise SimulationError("a null reference is dereferenced")
                return pointer
            case n.FieldPlace(base, name):
                element = self.interpreter.symbols.element(base.type, name)
                assert element is not None
                return self.place(base).plus(element[0])
            case n.IndexPlace(base, index, type_):
                return self.place(base).plus(self.number(index) * type_.size)

    def store(self, place: n.Place, value: Value) -> None:
        """Write a value to a place."""
        if isinstance(place.type, t.Ref):
            assert value is None or isinstance(value, Pointer | Slot)
            slot = self.slot(place)
            slot.refs[slot.local] = value
            return
        pointer, data, bit_field = self.place(place), self.encode(value, place.type), self._bit_field(place)
        pointer.store(data if bit_field is None else with_bits(pointer.load(len(data)), bit_field, data))

    def load(self, place: n.Place, type_: t.Type) -> Value:
        """The value in a place."""
        if isinstance(type_, t.Ref):
            slot = self.slot(place)
            return slot.refs[slot.local]
        pointer = self.place(place)
        bit_field = self._bit_field(place)
        if bit_field is not None:
            return bits(pointer.load(type_.size), bit_field, type_)
        data = pointer.load(type_.size)
        return arithmetic.decode(data, type_) if is_number(type_) else data

    def _bit_field(self, place: n.Place) -> t.Field | None:
        symbols = self.interpreter.symbols
        return symbols.bit_field(place.base.type, place.field) if isinstance(place, n.FieldPlace) else None

    def encode(self, value: Value, type_: t.Type) -> bytes:
        """The bytes of a value in memory."""
        if isinstance(value, bytes):
            return value.ljust(type_.size, b"\0")
        assert isinstance(value, int)
        return arithmetic.encode(value, type_)

    # ------------------------------------------------------------ expressions

    def value(self, value: n.Expr | n.Effect) -> Value:
        """An expression or an effect."""
        return self.expr(value) if isinstance(value, n.Expr) else perform(self, value)

    def number(self, expr: n.Expr) -> int:
        """The value of an expression that is a number."""
        value = self.expr(expr)
        assert isinstance(value, int)
        return value

    def expr(self, expr: n.Expr) -> Value:
        """The value of an expression."""
        match expr:
            case n.Const(value, type_):
                return None if isinstance(type_, t.Ref) else value
            case n.Bytes(data, type_):
                return data.ljust(type_.size, b"\0")
            case n.Read(place, type_):
                return self.load(place, type_)
            case n.AddressOf(place):
                return self.slot(place) if isinstance(place.type, t.Ref) else self.place(place)
            case n.Unary(op, operand, type_):
                return arithmetic.unary(op, self.number(operand), type_)
            case n.Binary():
                return self._binary(expr)
            case n.Cast(operand, type_):
                return self._cast(operand, type_)
            case n.ByteSwap(_, operand, type_):
                return arithmetic.wrap(arithmetic.swap(self.number(operand), type_.size * 8), type_)
            case n.Select(condition, then, otherwise):
                return self.expr(then if self.number(condition) else otherwise)
            case n.IsNull(operand):
                return int(self.expr(operand) in (None, 0))
            case n.NonNull(operand):
                return self.expr(operand)
            case n.StructValue(values, type_):
                return self._struct(values, type_)

    def _binary(self, expr: n.Binary) -> int:
        if expr.op.logical:
            left = self.number(expr.left)
            decided = bool(left) is (expr.op is n.BinaryOp.LOR)
            return left if decided else self.number(expr.right)
        if isinstance(expr.left.type, t.Ref):
            first, second = self.expr(expr.left), self.expr(expr.right)
            same = first.same(second) if isinstance(first, Pointer) and isinstance(second, Pointer) else first is second
            return int(same is (expr.op is n.BinaryOp.EQ))
        return arithmetic.binary(expr.op, self.number(expr.left), self.number(expr.right), expr.left.type)

    def _cast(self, operand: n.Expr, type_: t.Type) -> Value:
        value = self.expr(operand)
        if isinstance(type_, t.Ref):
            return value
        if isinstance(operand.type, t.Ref):
            value = self.interpreter.world.kernel.address_of(value) if isinstance(value, Pointer) else 0
        assert isinstance(value, int)
        return arithmetic.cast(value, operand.type, type_)

    def _struct(self, values: tuple[tuple[str, n.Expr], ...], type_: t.Type) -> bytes:
        out = bytearray(type_.size)
        for name, expr in values:
            element = self.interpreter.symbols.element(type_, name)
            assert element is not None
            data, bit_field = self.encode(self.expr(expr), expr.type), self.interpreter.symbols.bit_field(type_, name)
            inside = slice(element[0], element[0] + len(data))
            out[inside] = data if bit_field is None else with_bits(bytes(out[inside]), bit_field, data)
        return bytes(out)

    def stored(self, expr: n.Expr) -> bytes:
        """The value of an expression as it lies in memory."""
        return self.encode(self.expr(expr), expr.type)
