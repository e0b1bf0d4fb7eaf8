# SPDX-License-Identifier: Apache-2.0
"""IR expressions and places as C, without a cast or parenthesis that C does not need."""

from __future__ import annotations

from collections.abc import Callable

from honey.emit.features import Features
from honey.emit.fragment import Binding, Fragment, common, holds, integer, join, promoted
from honey.emit.names import member_path
from honey.emit.spelling import Spelling, is_array
from honey.emit.turns import turn_of
from honey.emit.zero_tests import joined, zero_tests
from honey.ir import nodes as n
from honey.ir import types as t
from honey.records import dataclass, field

_SWAPS = {"htonll": "bpf_cpu_to_be64", "ntohll": "bpf_be64_to_cpu"}
"""Those that <bpf/bpf_endian.h> calls otherwise than ``bpf_`` and the usual name."""
_TURNS = {2: "bpf_htons", 4: "bpf_htonl"}
"""What puts a number of so many bytes into network order."""

_NEGATED = {
    n.BinaryOp.EQ: n.BinaryOp.NE,
    n.BinaryOp.NE: n.BinaryOp.EQ,
    n.BinaryOp.LT: n.BinaryOp.GE,
    n.BinaryOp.GE: n.BinaryOp.LT,
    n.BinaryOp.GT: n.BinaryOp.LE,
    n.BinaryOp.LE: n.BinaryOp.GT,
}
_SUFFIXES: dict[t.Type, str] = {t.U32: "U", t.S64: "LL", t.U64: "ULL"}
_WRAPPING = {n.BinaryOp.ADD, n.BinaryOp.SUB, n.BinaryOp.MUL, n.BinaryOp.SHL, n.BinaryOp.DIV, n.BinaryOp.MOD}
"""Operators whose result may leave the range of narrow operands."""
_EXACT = {n.BinaryOp.AND, n.BinaryOp.OR, n.BinaryOp.XOR}
"""Operators that give the same number in every type that holds both operands."""


@dataclass(slots=True)
class Expressions:
    """Writes the expressions of one function.

    ``names`` has the C name of each local by id, ``folded`` the values that are written where their local is read,
    ``effect`` writes an effect that has been folded into an expression, ``once`` are reads that must not be merged with
    others, ``turns`` are the numbers of loops' turns, by id.
    """

    spelling: Spelling
    features: Features
    effect: Callable[[n.Effect], Fragment]
    names: dict[int, str] = field(default_factory=dict)
    folded: dict[int, n.Expr | n.Effect] = field(default_factory=dict)
    once: frozenset[n.Read] = frozenset()
    turns: frozenset[int] = frozenset()

    def value(self, value: n.Expr | n.Effect) -> Fragment:
        """An expression or an effect."""
        return self.expr(value) if isinstance(value, n.Expr) else self.effect(value)

    def expr(self, expr: n.Expr) -> Fragment:
        """An expression as C; see `Fragment` for what its type says."""
        match expr:
            case n.Const():
                return self._const(expr)
            case n.Bytes(data, type_):
                return self._bytes(data, type_)
            case n.Read(n.LocalPlace(local)) if local.id in self.folded:
                return self.value(self.folded[local.id])
            case n.Read(place, type_) if expr in self.once and not is_array(type_):
                return Fragment(self.features.read_once(self.place(place).text), Binding.POSTFIX, type_)
            case n.Read(place, type_):
                return self._typed(self.place(place), type_)
            case n.AddressOf(place):
                return self.address(place)
            case n.Unary():
                return self._unary(expr)
            case n.Binary():
                return self._binary(expr)
            case n.Cast(operand, type_):
                return self._cast(operand, type_)
            case n.ByteSwap(name, operand, type_):
                self.features.headers.add("bpf/bpf_endian.h")
                function = _SWAPS.get(name, f"bpf_{name}")
                return Fragment(f"{function}({self.converted(operand, operand.type)})", Binding.POSTFIX, type_)
            case n.Select():
                return self._select(expr)
            case n.IsNull(operand):
                return Fragment(f"!{self.expr(operand).within(Binding.UNARY)}", Binding.UNARY, t.BOOL)
            case n.NonNull(operand):
                return self.expr(operand)
            case n.StructValue(_, type_):
                return Fragment(f"({self.spelling.name(type_)}){self.braces(expr)}", Binding.POSTFIX, type_)

    def converted(self, value: n.Expr | n.Effect, type_: t.Type) -> str:
        """A value where C converts it to ``type_`` by itself: assigned, passed to a prototype, returned."""
        while isinstance(value, n.Cast) and _implicit(value.operand.type, value.type) and value.type == type_:
            value = value.operand
        if isinstance(value, n.Cast) and isinstance(type_, t.Address):
            if isinstance(value.operand.type, t.Int):
                return self._pointer(self.expr(value.operand), "void *").text
            if _void(value.operand.type) or _void(type_):
                value = value.operand
        fragment = self.value(value)
        if isinstance(type_, t.Bool) and isinstance(fragment.type, t.Int) and not isinstance(value.type, t.Bool):
            return f"{fragment.within(Binding.EQUALITY)} != 0"
        return fragment.within(Binding.ASSIGN)

    def condition(self, expr: n.Expr, *, negate: bool = False) -> Fragment:
        """A truth value where only its truth counts."""
        match expr:
            case n.Unary(n.UnaryOp.NOT, operand):
                return self.condition(operand, negate=not negate)
            case n.IsNull(operand):
                inner = self.expr(operand)
                return inner if negate else Fragment(f"!{inner.within(Binding.UNARY)}", Binding.UNARY, t.S32)
            case n.Cast(operand, t.Bool()) if isinstance(operand.type, (t.Int, t.Bool)):
                inner = self.expr(operand)
                return Fragment(f"!{inner.within(Binding.UNARY)}", Binding.UNARY, t.S32) if negate else inner
            case n.Binary(op, left, right, type_) if negate and op in _NEGATED:
                return self._binary(n.Binary(_NEGATED[op], left, right, type_))
            case n.Binary(op, left, right) if op.logical:
                second = self.condition(right)
                if joined(zero_tests(op, left), zero_tests(op, right)):
                    second = Fragment(self.features.apart(second.text), Binding.POSTFIX, t.S32)
                both = join(op, self.condition(left), second, t.S32)
                return Fragment(f"!({both.text})", Binding.UNARY, t.S32) if negate else both
            case _:
                inner = self.expr(expr)
                return Fragment(f"!{inner.within(Binding.UNARY)}", Binding.UNARY, t.S32) if negate else inner

    def place(self, place: n.Place) -> Fragment:
        """A place as C's lvalue."""
        match place:
            case n.LocalPlace(local):
                return Fragment(self.names[local.id], Binding.POSTFIX, place.type)
            case n.DerefPlace(n.AddressOf(inner)):
                return self.place(inner)
            case n.DerefPlace(ref, type_):
                pointer = self.expr(ref)
                if is_array(type_):
                    return Fragment(pointer.text, pointer.binding, type_)
                return Fragment(f"*{pointer.within(Binding.UNARY)}", Binding.UNARY, type_)
            case n.FieldPlace(n.DerefPlace(ref), name, type_) if not isinstance(ref, n.AddressOf):
                return Fragment(
                    f"{self.expr(ref).within(Binding.POSTFIX)}->{member_path(name)}", Binding.POSTFIX, type_
                )
            case n.FieldPlace(base, name, type_):
                return Fragment(
                    f"{self.place(base).within(Binding.POSTFIX)}.{member_path(name)}", Binding.POSTFIX, type_
                )
            case n.IndexPlace(base, index, type_):
                array = self.place(base).within(Binding.POSTFIX)
                return Fragment(f"{array}[{self.expr(index).text}]", Binding.POSTFIX, type_)

    def address(self, place: n.Place) -> Fragment:
        """A pointer to a place; an array's is the array itself."""
        if isinstance(place, n.DerefPlace):
            return self.expr(place.ref)
        inner = self.place(place)
        type_ = t.Ref(place.type, t.Space.STACK)
        if is_array(place.type):
            return Fragment(inner.text, inner.binding, type_)
        return Fragment(f"&{inner.within(Binding.UNARY)}", Binding.UNARY, type_)

    def braces(self, value: n.StructValue) -> str:
        """The initialiser of a struct or an array on one line."""
        items = self.brace_items(value)
        return f"{{ {', '.join(items)} }}" if items else "{}"

    def brace_items(self, value: n.StructValue) -> list[str]:
        """The parts of the initialiser of a struct or an array."""
        items = []
        for position, (name, field_value) in enumerate(value.fields):
            inner = self.initialiser(field_value, field_value.type)
            if isinstance(value.type, t.Array):
                items.append(inner if name == str(position) else f"[{name}] = {inner}")
            else:
                items.append(f".{member_path(name)} = {inner}")
        return items

    def initialiser(self, value: n.Expr | n.Effect, type_: t.Type) -> str:
        """A value after ``=`` in a declaration."""
        match value:
            case n.StructValue():
                return self.braces(value)
            case n.Bytes(data, t.Array()):
                return f"{{ {', '.join(str(byte) for byte in data)} }}" if data else "{}"
            case n.Read() if isinstance(type_, (t.Array, t.Chars)):
                # C does not take an array for its initial value: element by element.
                source = self.expr(value).within(Binding.POSTFIX)
                items = [f"{source}[{index}]" for index in range(type_.length)]
                if value in self.once:
                    items = [self.features.read_once(item) for item in items]
                return f"{{ {', '.join(items)} }}"
            case _:
                return self.converted(value, type_)

    def _typed(self, fragment: Fragment, type_: t.Type) -> Fragment:
        return Fragment(fragment.text, fragment.binding, type_)

    def _const(self, const: n.Const) -> Fragment:
        match const.type:
            case t.Ref() | t.Address():
                return Fragment(self.features.null(), Binding.POSTFIX, const.type)
            case t.Bool():
                self.features.boolean()
                return Fragment("true" if const.value else "false", Binding.POSTFIX, t.BOOL)
            case _:
                fragment = integer(const.value, const.type)
                if (
                    isinstance(const.type, t.Int)
                    and const.type.big_endian
                    and const.value
                    and const.type.size in _TURNS
                ):
                    return self._in_network_order(const, const.type)
                if not const.name:
                    return fragment
                return Fragment(
                    self.features.constant(const.name, const.value), Binding.POSTFIX, fragment.type, literal=True
                )

    def _in_network_order(self, const: n.Const, type_: t.Int) -> Fragment:
        """``bpf_htons(80)``: what it is in host order can be read, and clang turns it. A name is that of the latter."""
        turned = int.from_bytes(const.value.to_bytes(type_.size, "little"), "big")
        text = self.features.constant(const.name, turned) if const.name else str(turned)
        self.features.headers.add("bpf/bpf_endian.h")
        return Fragment(f"{_TURNS[type_.size]}({text})", Binding.POSTFIX, t.Int(type_.bits))

    def _bytes(self, data: bytes, type_: t.Type) -> Fragment:
        if isinstance(type_, t.Array):
            text = f"({self.spelling.name(type_)}){{ {', '.join(str(byte) for byte in data)} }}"
            return Fragment(text, Binding.POSTFIX, type_)
        return Fragment(c_string(data.rstrip(b"\0")), Binding.POSTFIX, type_)

    def _cast_to(self, fragment: Fragment, type_: t.Type) -> Fragment:
        suffix = _SUFFIXES.get(type_) if isinstance(type_, t.Int) else None
        if suffix and fragment.literal and fragment.text.isdecimal():
            return Fragment(fragment.text + suffix, Binding.POSTFIX, type_, literal=True)
        return Fragment(f"({self.spelling.name(type_)}){fragment.within(Binding.UNARY)}", Binding.UNARY, type_)

    def _at_least(self, fragment: Fragment, type_: t.Type) -> Fragment:
        """The fragment in exactly ``type_`` (promoted)."""
        return fragment if promoted(fragment.type) == promoted(type_) else self._cast_to(fragment, type_)

    def _cast(self, operand: n.Expr, type_: t.Type) -> Fragment:
        if isinstance(type_, t.Bool):
            inner = self.expr(operand)
            if isinstance(operand.type, t.Bool):
                return inner
            return join(n.BinaryOp.NE, inner, integer(0, t.S32), t.S32)
        inner = self.expr(operand)
        if isinstance(type_, t.Ref) or (isinstance(operand, n.Const) and type_ == inner.type):
            return inner
        if isinstance(operand.type, t.Int) and isinstance(type_, t.Address):
            return self._pointer(inner, self.spelling.name(type_))
        if isinstance(operand.type, (t.Int, t.Bool)) and isinstance(type_, t.Int):
            if inner.literal and isinstance(operand, n.Const):
                return inner if holds(type_, operand.type) else self._cast_to(inner, type_)
            same = holds(type_, operand.type) and not (isinstance(operand.type, t.Int) and operand.type.big_endian)
            return inner if same else self._cast_to(inner, type_)
        return self._cast_to(inner, type_)

    def _pointer(self, number: Fragment, spelling: str) -> Fragment:
        """A pointer from a number, which C wants to be as wide as a pointer."""
        wide = number if number.literal or number.type.size == 8 else self._cast_to(number, t.U64)
        return Fragment(f"({spelling}){wide.within(Binding.UNARY)}", Binding.UNARY, t.Address())

    def _unary(self, expr: n.Unary) -> Fragment:
        if expr.op is n.UnaryOp.NOT:
            return self.condition(expr)
        inner = self._at_least(self.expr(expr.operand), expr.type)
        text = inner.within(Binding.UNARY)
        space = " " if text.startswith(expr.op.value) else ""
        result = Fragment(f"{expr.op.value}{space}{text}", Binding.UNARY, expr.type)
        return self._cast_to(result, expr.type) if expr.type.size < 4 else result

    def _select(self, expr: n.Select) -> Fragment:
        if expr.type == t.U64 and _is_larger(expr):
            args = [self.converted(side, t.U64) for side in (expr.then, expr.otherwise)]
            return Fragment(f"{self.features.at_least()}({', '.join(args)})", Binding.POSTFIX, t.U64)
        if expr.type == t.U64 and _is_smaller(expr):
            args = [self.converted(side, t.U64) for side in (expr.then, expr.otherwise)]
            return Fragment(f"{self.features.at_most()}({', '.join(args)})", Binding.POSTFIX, t.U64)
        then, otherwise = self.expr(expr.then), self.expr(expr.otherwise)
        if isinstance(expr.type, t.Int):
            result = common(then.type, otherwise.type)
            if not (holds(result, then.type) and holds(result, otherwise.type)) and not _literals(then, otherwise):
                then = self._cast_to(then, expr.type)
                result = common(then.type, otherwise.type)
        else:
            result = expr.type
        condition = self.condition(expr.condition).within(Binding.LOGICAL_OR)
        text = f"{condition} ? {then.within(Binding.SELECT)} : {otherwise.within(Binding.SELECT)}"
        return Fragment(text, Binding.SELECT, result)

    def _binary(self, expr: n.Binary) -> Fragment:
        op, type_ = expr.op, expr.left.type
        if op.logical:
            return self.condition(expr)
        left, right = self.expr(expr.left), self.expr(expr.right)
        if op in (n.BinaryOp.EQ, n.BinaryOp.NE) and not isinstance(expr.right, n.Const):
            left, right = self._apart(expr.left, left), self._apart(expr.right, right)
        if not isinstance(type_, t.Int):
            return self._compare_others(expr, left, right)
        if op in (n.BinaryOp.DIV, n.BinaryOp.MOD) and type_.signed:
            function = self.features.signed_division(remainder=op is n.BinaryOp.MOD)
            call = Fragment(f"{function}({left.text}, {right.text})", Binding.POSTFIX, t.S64)
            return call if type_.bits == 64 else self._cast_to(call, expr.type)
        if op is n.BinaryOp.DIV and self.features.multiplies and not isinstance(expr.right, n.Const):
            return Fragment(f"{self.features.division()}({left.text}, {right.text})", Binding.POSTFIX, t.U64)
        if op in (n.BinaryOp.SHL, n.BinaryOp.SHR):
            return self._shift(expr, left, right)
        if (op.compares or op in _EXACT) and _exact(left, right):
            return join(op, left, right, t.S32 if op.compares else common(left.type, right.type))
        if op in (n.BinaryOp.DIV, n.BinaryOp.MOD) and type_.bits < 32:
            # C would make signed numbers of them, which eBPF does not divide.
            return self._cast_to(join(op, self._cast_to(left, t.U32), right, t.U32), expr.type)
        if type_.bits < 32:
            result = join(op, left, right, t.S32)
            return self._cast_to(result, expr.type) if op in _WRAPPING else result
        left, right = self._same(left, right, type_)
        return join(op, left, right, t.S32 if op.compares else expr.type)

    def _apart(self, operand: n.Expr, fragment: Fragment) -> Fragment:
        """A loop's own number as one that clang does not replace by what it turns out to be equal to."""
        if turn_of(operand) not in self.turns:
            return fragment
        return Fragment(self.features.opaque(fragment.text), Binding.POSTFIX, fragment.type)

    def _same(self, left: Fragment, right: Fragment, type_: t.Int) -> tuple[Fragment, Fragment]:
        """Both operands so that C computes in ``type_``; a cast of one is enough if the other follows."""
        wanted = t.Int(type_.bits, type_.signed)
        if common(left.type, right.type) == wanted and _converts(left, wanted) and _converts(right, wanted):
            return left, right
        first = self._cast_to(left, type_)
        if not left.literal and common(first.type, right.type) == wanted and _converts(right, wanted):
            return first, right
        second = self._cast_to(right, type_)
        if common(left.type, second.type) == wanted and _converts(left, wanted):
            return left, second
        return first, second

    def _shift(self, expr: n.Binary, left: Fragment, right: Fragment) -> Fragment:
        wide = isinstance(expr.type, t.Int) and expr.type.bits >= 32
        if wide and promoted(left.type) != expr.type:
            small = expr.op is n.BinaryOp.SHR and isinstance(expr.right, n.Const) and expr.right.value < 31
            if not (small and holds(expr.type, left.type)):
                left = self._cast_to(left, expr.type)
        result = join(expr.op, left, right, promoted(left.type))
        return result if wide or expr.op is n.BinaryOp.SHR else self._cast_to(result, expr.type)

    def _compare_others(self, expr: n.Binary, left: Fragment, right: Fragment) -> Fragment:
        """Truth values and addresses."""
        if isinstance(expr.right, n.Const) and expr.op.compares:
            unequal = expr.op is n.BinaryOp.NE
            if isinstance(expr.right.type, t.Bool):
                return self.condition(expr.left, negate=unequal == bool(expr.right.value))
            return self.condition(n.IsNull(expr.left), negate=unequal)
        return join(expr.op, left, right, t.S32)


def _implicit(source: t.Type, target: t.Type) -> bool:
    return isinstance(source, (t.Int, t.Bool)) and isinstance(target, t.Int)


def is_call(expr: n.Select) -> bool:
    """Whether a choice between two numbers is written as the call of a function."""
    return expr.type == t.U64 and (_is_larger(expr) or _is_smaller(expr))


def _is_larger(expr: n.Select) -> bool:
    """Whether this is the larger of a number and a constant."""
    match expr:
        case n.Select(n.Binary(n.BinaryOp.GT | n.BinaryOp.GE, left, right), then, n.Const() as least):
            return left == then and right == least
        case _:
            return False


def _is_smaller(expr: n.Select) -> bool:
    """Whether this is the smaller of two numbers."""
    match expr:
        case n.Select(n.Binary(n.BinaryOp.LT | n.BinaryOp.LE, left, right), then, otherwise):
            return left == then and right == otherwise
        case _:
            return False


def _void(type_: t.Type) -> bool:
    return isinstance(type_, t.Address) and type_.target is None


def _literals(*fragments: Fragment) -> bool:
    """Whether one of two operands is a literal that is not negative: it takes the other's type unharmed."""
    return any(fragment.literal and not fragment.text.startswith("-") for fragment in fragments)


def _converts(fragment: Fragment, type_: t.Type) -> bool:
    """Whether C's conversion to ``type_`` gives the number that the IR's node has."""
    return holds(type_, fragment.type) or fragment.literal


def _exact(left: Fragment, right: Fragment) -> bool:
    """Whether C computes in a type that holds both numbers as they are."""
    result = common(left.type, right.type)
    return all(holds(result, one.type) or (one.literal and not one.text.startswith("-")) for one in (left, right))


def c_string(data: bytes) -> str:
    """A C string literal."""
    out = []
    for byte in data:
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif char == "\t":
            out.append("\\t")
        else:
            out.append(char if 32 <= byte < 127 else f"\\{byte:03o}")
    return f'"{"".join(out)}"'
