# SPDX-License-Identifier: Apache-2.0
"""IR expressions and places as C, without a cast or parenthesis that C does not need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set

from honey.emit.constants import braced, bytes_value, constant
from honey.emit.features import Features
from honey.emit.fragment import Binding, Fragment, join
from honey.emit.names import member_path
from honey.emit.null_tests import NullTests, merged
from honey.emit.operators import Operators, is_call, is_larger
from honey.emit.spelling import Spelling, is_array
from honey.emit.turns import turn_of
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import root_place
from honey.records import dataclass, field

_SWAPS = {"htonll": "bpf_cpu_to_be64", "ntohll": "bpf_be64_to_cpu"}
"""Those that <bpf/bpf_endian.h> calls otherwise than ``bpf_`` and the usual name."""

_NEGATED = {
    n.BinaryOp.EQ: n.BinaryOp.NE,
    n.BinaryOp.NE: n.BinaryOp.EQ,
    n.BinaryOp.LT: n.BinaryOp.GE,
    n.BinaryOp.GE: n.BinaryOp.LT,
    n.BinaryOp.GT: n.BinaryOp.LE,
    n.BinaryOp.LE: n.BinaryOp.GT,
}


@dataclass(slots=True)
class Expressions:
    """Writes the expressions of one function.

    ``names`` has the C name of each local by id, ``folded`` the values that are written where their local is read,
    ``effect`` writes an effect that has been folded into an expression, ``once`` are reads that must not be merged with
    others, ``turns`` are the numbers of loops' turns, by id, ``tests`` knows the tests for null, ``apart`` are
    choices that must stay branches, ``vague`` what is read without the verifier learning of it, with the zero for that.
    """

    spelling: Spelling
    features: Features
    operators: Operators
    effect: Callable[[n.Effect], Fragment]
    names: dict[int, str] = field(default_factory=dict)
    folded: dict[int, n.Expr | n.Effect] = field(default_factory=dict)
    once: frozenset[n.Read] = frozenset()
    turns: frozenset[int] = frozenset()
    tests: NullTests = NullTests()
    apart: Set[n.Select] = frozenset()
    vague: Mapping[n.Read, str] = field(default_factory=dict)

    def value(self, value: n.Expr | n.Effect) -> Fragment:
        """An expression or an effect."""
        return self.expr(value) if isinstance(value, n.Expr) else self.effect(value)

    def expr(self, expr: n.Expr) -> Fragment:
        """An expression as C; see `Fragment` for what its type says."""
        match expr:
            case n.Const():
                return constant(expr, self.features)
            case n.Bytes(data, type_):
                return bytes_value(data, type_, self.spelling)
            case n.Read(n.LocalPlace(local)) if local.id in self.tests.held:
                return self._outcome(expr)
            case n.Read(n.LocalPlace(local)) if local.id in self.folded:
                return self.value(self.folded[local.id])
            case n.Read(place, type_) if expr in self.once and not is_array(type_):
                return Fragment(self.features.read_once(self.context_place(place)), Binding.POSTFIX, type_)
            case n.Read(place, type_) if expr in self.vague:
                read = self.features.vague(self.place(place).text, self.vague[expr])
                return Fragment(read, Binding.POSTFIX, type_)
            case n.Read(place, type_):
                written = self.place(place)
                return Fragment(written.text, written.binding, type_)
            case n.AddressOf(place):
                return self.address(place)
            case n.Unary(n.UnaryOp.NOT):
                return self._outcome(expr)
            case n.Unary(op, operand, type_):
                return self.operators.unary(op, self.expr(operand), type_)
            case n.Binary():
                return self._binary(expr)
            case n.Cast(operand, type_):
                return self.operators.cast(operand, self.expr(operand), type_)
            case n.ByteSwap(name, operand, type_):
                self.features.headers.add("bpf/bpf_endian.h")
                function = _SWAPS.get(name, f"bpf_{name}")
                return Fragment(f"{function}({self.converted(operand, operand.type)})", Binding.POSTFIX, type_)
            case n.Select():
                return self._select(expr)
            case n.IsNull():
                return self._outcome(expr)
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
                return self.operators.pointer(self.expr(value.operand), "void *").text
            if _void(value.operand.type) or _void(type_):
                value = value.operand
        fragment = self.value(value)
        if isinstance(type_, t.Bool) and isinstance(fragment.type, t.Int) and not isinstance(value.type, t.Bool):
            return f"{fragment.within(Binding.EQUALITY)} != 0"
        return fragment.within(Binding.ASSIGN)

    def answer(self, value: n.Expr | n.Effect, type_: t.Type) -> str:
        """The same for what is asked only whether it holds, if it is a truth value."""
        if isinstance(type_, t.Bool) and isinstance(value, n.Expr) and self.tests.reference(value):
            return self.condition(value).within(Binding.ASSIGN)
        return self.converted(value, type_)

    def condition(self, expr: n.Expr, *, negate: bool = False) -> Fragment:
        """A truth value where only its truth counts."""
        match expr:
            case n.Unary(n.UnaryOp.NOT, operand):
                return self.condition(operand, negate=not negate)
            case n.IsNull(operand):
                inner = self.expr(operand)
                return inner if negate else Fragment(f"!{inner.within(Binding.UNARY)}", Binding.UNARY, t.S32)
            case n.Read(n.LocalPlace(local) as place) if local.id in self.tests.held:
                held = self.folded.get(local.id)
                if isinstance(held, n.Expr):
                    return self.condition(held, negate=negate)
                inner = self.place(place) if held is None else self.effect(held)
                return Fragment(f"!{inner.within(Binding.UNARY)}", Binding.UNARY, t.S32) if negate else inner
            case n.Cast(operand, t.Bool()) if isinstance(operand.type, (t.Int, t.Bool)):
                inner = self.expr(operand)
                return Fragment(f"!{inner.within(Binding.UNARY)}", Binding.UNARY, t.S32) if negate else inner
            case n.Binary(op, left, right, type_) if negate and op in _NEGATED:
                return self._binary(n.Binary(_NEGATED[op], left, right, type_))
            case n.Binary(op, left, right) if op.logical:
                second = self.condition(right)
                if merged(self.tests.joinable(op, left), self.tests.joinable(op, right)):
                    second = Fragment(self.features.apart(second.text), Binding.POSTFIX, t.S32)
                both = join(op, self.condition(left), second, t.S32)
                return Fragment(f"!({both.text})", Binding.UNARY, t.S32) if negate else both
            case _:
                inner = self.expr(expr)
                return Fragment(f"!{inner.within(Binding.UNARY)}", Binding.UNARY, t.S32) if negate else inner

    def _outcome(self, test: n.Expr) -> Fragment:
        """A truth value as a number."""
        written = self.condition(test)
        if not self.tests.reference(test):
            return written
        return Fragment(self.features.outcome(written.text), Binding.POSTFIX, t.BOOL)

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
                return braced(data)
            case n.Read() if isinstance(type_, (t.Array, t.Chars)):
                # C does not take an array for its initial value: element by element.
                source = self.expr(value).within(Binding.POSTFIX)
                items = [f"{source}[{index}]" for index in range(type_.length)]
                if value in self.once:
                    items = [self.features.read_once(item) for item in items]
                return f"{{ {', '.join(items)} }}"
            case _:
                return self.converted(value, type_)

    def context_place(self, place: n.Place) -> str:
        """A field of the context; in a crowded program from an address that clang does not know."""
        root = root_place(place)
        if not self.features.crowded or not (isinstance(root, n.DerefPlace) and isinstance(root.ref, n.Read)):
            return self.place(place).text
        assert isinstance(root.ref.place, n.LocalPlace)
        context = root.ref.place.local.id
        name = self.names[context]
        self.names[context] = self.features.opaque(name)
        written = self.place(place).text
        self.names[context] = name
        return written

    def _select(self, expr: n.Select) -> Fragment:
        if is_call(expr):
            args = [self.converted(side, t.U64) for side in (expr.then, expr.otherwise)]
            function = self.features.at_least() if is_larger(expr) else self.features.at_most()
            return Fragment(f"{function}({', '.join(args)})", Binding.POSTFIX, t.U64)
        then, otherwise = self.expr(expr.then), self.expr(expr.otherwise)
        condition = self.condition(expr.condition)
        if expr in self.apart:
            condition = Fragment(self.features.apart(condition.text), Binding.POSTFIX, t.S32)
            then = Fragment(self.opaque(then.text, expr.type), Binding.POSTFIX, expr.type)
        return self.operators.choice(condition, then, otherwise, expr.type)

    def opaque(self, number: str, type_: t.Type) -> str:
        """A number of which clang knows no more than its type."""
        if type_.size < 8 and number.lstrip("-").isdecimal():
            return self.features.opaque(number)
        operand = number if number.lstrip("-*").replace("_", "").isalnum() else f"({number})"
        return self.features.opaque(f"({self.spelling.name(type_)}){operand}")

    def _binary(self, expr: n.Binary) -> Fragment:
        op, type_ = expr.op, expr.left.type
        if op.logical:
            return self._outcome(expr)
        left, right = self.expr(expr.left), self.expr(expr.right)
        if op in (n.BinaryOp.EQ, n.BinaryOp.NE) and not isinstance(expr.right, n.Const):
            left, right = self._apart(expr.left, left), self._apart(expr.right, right)
        if not isinstance(type_, t.Int):
            return self._compare_others(expr, left, right)
        return self.operators.integers(expr, left, right)

    def _apart(self, operand: n.Expr, fragment: Fragment) -> Fragment:
        """A loop's own number as one that clang does not replace by what it turns out to be equal to."""
        if turn_of(operand) not in self.turns:
            return fragment
        return Fragment(self.features.opaque(fragment.text), Binding.POSTFIX, fragment.type)

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


def _void(type_: t.Type) -> bool:
    return isinstance(type_, t.Address) and type_.target is None
