# SPDX-License-Identifier: Apache-2.0
"""A short way to write IR by hand, for the tests of what works on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from honey.ir import nodes as n
from honey.ir import types as t
from honey.kernel import sections
from honey.syntax.source import Span

CTX = t.Struct("trace_event_raw_sys_enter", 64, 8, kernel=True)
CTX_DEF = t.StructDef(
    CTX,
    (t.Field("id", t.S64, 8), t.Field("args", t.Array(t.U64, 6), 16)),
    spelling="struct trace_event_raw_sys_enter",
)


def num(value: int, type_: t.Type = t.U64, name: str = "") -> n.Const:
    """A constant."""
    return n.Const(value, type_, name)


def binary(op: n.BinaryOp, left: n.Expr, right: n.Expr | int) -> n.Binary:
    """``left op right``; a plain number takes the left operand's type."""
    other = num(right, left.type) if isinstance(right, int) else right
    return n.Binary(op, left, other, t.BOOL if op.compares or op.logical else left.type)


def add(left: n.Expr, right: n.Expr | int) -> n.Binary:
    """``left + right``."""
    return binary(n.BinaryOp.ADD, left, right)


def eq(left: n.Expr, right: n.Expr | int) -> n.Binary:
    """``left == right``."""
    return binary(n.BinaryOp.EQ, left, right)


def ne(left: n.Expr, right: n.Expr | int) -> n.Binary:
    """``left != right``."""
    return binary(n.BinaryOp.NE, left, right)


def cast(operand: n.Expr, type_: t.Type) -> n.Cast:
    """A conversion."""
    return n.Cast(operand, type_)


def negate(operand: n.Expr) -> n.Unary:
    """``!operand``."""
    return n.Unary(n.UnaryOp.NOT, operand, t.BOOL)


def deref(ref: n.Expr) -> n.DerefPlace:
    """What a reference, known not to be null, points to."""
    assert isinstance(ref.type, t.Ref)
    known = ref
    if ref.type.nullable:
        known = n.NonNull(ref, t.Ref(ref.type.target, ref.type.space, readonly=ref.type.readonly))
    return n.DerefPlace(known, ref.type.target)


def read(place: n.Place) -> n.Read:
    """What a place holds."""
    return n.Read(place, place.type)


def struct_def(name: str, *fields: tuple[str, t.Type]) -> t.StructDef:
    """A struct of the program's own, laid out as C does and padded explicitly."""
    laid: list[t.Field] = []
    end, align = 0, 1

    def pad(to: int) -> None:
        nonlocal end
        if to > end:
            laid.append(t.Field(f"__pad{end}", t.Array(t.U8, to - end), end, padding=True))
            end = to

    for field_name, type_ in fields:
        pad(-(-end // type_.align) * type_.align)
        laid.append(t.Field(field_name, type_, end))
        end += type_.size
        align = max(align, type_.align)
    pad(-(-end // align) * align)
    return t.StructDef(t.Struct(name, end, align), tuple(laid), spelling=f"struct {name}")


def field(base: n.Place, definition: t.StructDef, name: str) -> n.FieldPlace:
    """A field of a struct place."""
    found = definition.field(name)
    assert found is not None
    return n.FieldPlace(base, name, found.type)


def value_of(definition: t.StructDef, **fields: n.Expr) -> n.StructValue:
    """A struct value, zero but for ``fields``."""
    return n.StructValue(tuple(fields.items()), definition.type)


class Fn:
    """A function under construction; ``line`` is the source line that statements get, counted up by each."""

    def __init__(self, name: str, *params: tuple[str, t.Type], result: t.Type = t.S32, section: str | None = None):
        self.name = name
        self.result = result
        self.section = sections.parse(section) if section is not None else None
        self.line = 1
        self.first_line = 1
        self.statements: list[n.Stmt] = []
        self.count = 0
        self.may_raise = False
        self.inline = n.Inline.AUTO
        self.params = tuple(self.local(param, type_) for param, type_ in params)
        if self.section is not None:
            self.params = (self.local("ctx", t.Ref(CTX, t.Space.CONTEXT, readonly=True)),)

    def local(self, name: str, type_: t.Type) -> n.Local:
        """A new local."""
        self.count += 1
        return n.Local(self.count - 1, name, type_)

    def param(self, index: int) -> n.Read:
        """The value of a parameter."""
        return read(n.LocalPlace(self.params[index]))

    def arg(self, index: int) -> n.Read:
        """``ctx->args[index]``."""
        args = field(deref(self.param(0)), CTX_DEF, "args")
        return read(n.IndexPlace(args, num(index, t.U32), t.U64))

    def span(self) -> Span:
        """The next source line."""
        self.line += 1
        return Span(0, 0, self.line, 1, self.line, 1)

    def let(self, name: str, value: n.Expr | n.Effect) -> n.Read:
        """Declare a local with a value."""
        local = self.local(name, value.type)
        self.statements.append(n.Let(local, value, self.span()))
        return read(n.LocalPlace(local))

    def var(self, name: str, type_: t.Type) -> n.LocalPlace:
        """Declare a local without a value."""
        local = self.local(name, type_)
        self.statements.append(n.Let(local, None, self.span()))
        return n.LocalPlace(local)

    def assign(self, place: n.Place, value: n.Expr | n.Effect) -> None:
        """Store."""
        self.statements.append(n.Assign(place, value, self.span()))

    def increase(self, place: n.Place, value: n.Expr | int) -> None:
        """``place += value``."""
        self.assign(place, add(read(place), value))

    def do(self, effect: n.Effect) -> None:
        """An effect for its own sake."""
        self.statements.append(n.Eval(effect, self.span()))

    def ret(self, value: n.Expr | None = None) -> None:
        """Leave; a handler's default result is 0."""
        if value is None and not isinstance(self.result, t.Void):
            value = num(0, self.result)
        self.statements.append(n.Return(value, self.span()))

    def fail(self, exception: str, detail: str = "") -> None:
        """Raise."""
        self.may_raise = True
        self.statements.append(n.Raise(exception, detail, self.span()))

    @contextmanager
    def when(self, condition: n.Expr) -> Iterator[None]:
        """The statements of an ``If``."""
        outer, self.statements, span = self.statements, [], self.span()
        yield
        outer.append(n.If(condition, tuple(self.statements), (), span))
        self.statements = outer

    @contextmanager
    def otherwise(self) -> Iterator[None]:
        """The else branch of the ``If`` just made."""
        outer, self.statements = self.statements, []
        last = outer.pop()
        assert isinstance(last, n.If)
        yield
        outer.append(n.If(last.condition, last.then, tuple(self.statements), last.span))
        self.statements = outer

    @contextmanager
    def loop(self, name: str, start: int, stop: int, step: int = 1, type_: t.Type = t.U32) -> Iterator[n.Read]:
        """The body of a ``For``."""
        outer, self.statements, span = self.statements, [], self.span()
        local = self.local(name, type_)
        yield read(n.LocalPlace(local))
        outer.append(n.For(local, start, stop, step, tuple(self.statements), span))
        self.statements = outer

    def done(self) -> n.Function:
        """The function."""
        return n.Function(
            self.name,
            self.params,
            self.result,
            tuple(self.statements),
            self.section,
            self.may_raise,
            self.inline,
            Span(0, 0, self.first_line, 1, self.first_line, 1),
        )


def lookup(definition: n.MapDef, key: n.Expr) -> n.MapLookup:
    """A look-up in a map."""
    assert definition.value is not None
    return n.MapLookup(definition.name, key, t.Ref(definition.value, t.Space.MAP, nullable=True))


def update(definition: n.MapDef, key: n.Expr, value: n.Expr, flags: str = "BPF_ANY") -> n.MapUpdate:
    """An update of a map."""
    number = {"BPF_ANY": 0, "BPF_NOEXIST": 1, "BPF_EXIST": 2}[flags]
    return n.MapUpdate(definition.name, key, value, num(number, t.U64, flags))


def hash_map(name: str, key: t.Type, value: t.Type, max_entries: int = 16, **options: object) -> n.MapDef:
    """A hash map."""
    return n.MapDef(name, n.MapKind.HASH, key, value, max_entries, **options)  # type: ignore[arg-type]  # tests' own


def program(
    *functions: n.Function, structs: tuple[t.StructDef, ...] = (), maps: tuple[n.MapDef, ...] = ()
) -> n.Program:
    """A program of the given parts."""
    return n.Program("Example", "example.ex", "Dual BSD/GPL", (CTX_DEF, *structs), maps, functions)
