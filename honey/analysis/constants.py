# SPDX-License-Identifier: Apache-2.0
"""Values that are known when the module is compiled: module attributes, options, sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from honey.analysis import fold, naming
from honey.analysis.errors import Mistake, Report, suggestion
from honey.analysis.values import (
    NIL,
    AtomValue,
    BoolValue,
    IntValue,
    ListValue,
    NilValue,
    PlainMapValue,
    RangeValue,
    StringValue,
    TupleValue,
    Value,
    boolean,
    describe,
    integer,
)
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.module import Module


def atom(name: str) -> Value:
    """What an atom stands for: nil, a truth value, a constant of the kernel's, or itself."""
    if name in ("nil", "true", "false"):
        return NIL if name == "nil" else boolean(name == "true")
    value = kernel_constant(name)
    return integer(value, name) if value is not None else AtomValue(name)


def kernel_constant(name: str) -> int | None:
    """The value of a constant spelt as in C, or ``None``."""
    if not name[:1].isupper() or not name.replace("_", "").isalnum():
        return None
    from honey.kernel import constants

    return constants.value(name)


class NotKnown(Mistake):
    """An expression is not known when the module is compiled, as far as this module can tell."""


class Evaluator:
    """Evaluates expressions outside functions; ``variables`` are those bound at the module's top level."""

    def __init__(self, module: Module, report: Report) -> None:
        """For ``module`` as far as it has been read."""
        self.module = module
        self.report = report
        self.variables: dict[str, Value] = {}

    def value(self, node: ast.Node) -> Value:
        """The value of ``node``; raises ``Mistake`` if it is not constant."""
        try:
            handler = _HANDLERS.get(type(node))
            if handler is None:
                raise self._not_constant(node)
            return handler(self, node)
        except NotKnown:
            from honey.analysis.known_code import worked_out

            found = worked_out(self.module, node, self.variables)
            if found is None:
                raise
            return found

    def _not_constant(self, node: ast.Node) -> NotKnown:
        help = "use numbers, strings, atoms, lists, tuples and other attributes here"
        if isinstance(node, ast.Call) and node.target is None and node.name in ("struct", "enum", "union"):
            help = f"a type is an atom with its name: `:{self.report.source.text(node.span).split()[-1]}`"
        mistake = self.report.mistake("HNY0110", "this is not known when the module is compiled", node.span, help=help)
        return NotKnown(mistake.diagnostic)

    def integer(self, node: ast.Node, what: str) -> int:
        """The integer that ``node`` is; ``what`` says what it is for."""
        value = self.value(node)
        if isinstance(value, IntValue) and value.constant is not None:
            return value.constant
        raise self.report.mistake("HNY0110", f"{what} must be an integer, got {describe(value)}", node.span)

    def text(self, node: ast.Node, what: str) -> str:
        """The string that ``node`` is."""
        value = self.value(node)
        if isinstance(value, StringValue):
            return value.data.decode(errors="replace")
        help = f'write `"{value.name}"`' if isinstance(value, AtomValue) else None
        if isinstance(node, ast.Charlist):
            help = f'a text stands between double quotes: `"{self.report.source.text(node.span)[1:-1]}"`'
        raise self.report.mistake("HNY0110", f"{what} must be a string, got {describe(value)}", node.span, help=help)

    def truth(self, node: ast.Node, what: str) -> bool:
        """The truth value that ``node`` is."""
        value = self.value(node)
        if isinstance(value, BoolValue) and value.constant is not None:
            return value.constant
        raise self.report.mistake("HNY0110", f"{what} must be true or false, got {describe(value)}", node.span)

    # ------------------------------------------------------------ kinds of nodes

    def _string(self, node: ast.Str) -> Value:
        return StringValue(self._joined(node.parts).encode(errors="surrogateescape"))

    def _atom_text(self, node: ast.AtomText) -> Value:
        return AtomValue(self._joined(node.parts))

    def _joined(self, parts: tuple[str | ast.Interpolation, ...]) -> str:
        texts = []
        for part in parts:
            text = part if isinstance(part, str) else text_of(self.value(part.expr))
            if text is None:
                raise self._not_constant(part.expr)  # type: ignore[union-attr]  # a text is never None
            texts.append(text)
        return "".join(texts)

    def _attribute(self, node: ast.Attribute) -> Value:
        value = self.module.attributes.get(node.name)
        if value is None:
            self.report.forgive("attribute", node.name)
            raise self.report.mistake(
                "HNY0104",
                f"the attribute @{node.name} is not set before this line",
                node.span,
                help=suggestion(node.name, self.module.attributes, "@{}") or f"write `@{node.name} 10` above",
            )
        return value

    def _variable(self, node: ast.Var) -> Value:
        if node.name == "__MODULE__":
            return AtomValue(self.module.name)
        if node.name not in self.variables:
            known = suggestion(node.name, self.variables)
            help = known or f'an atom has a colon, `:{node.name}`, and a text has quotes, `"{node.name}"`'
            raise self.report.mistake("HNY0101", f"there is no variable {node.name}", node.span, help=help)
        return self.variables[node.name]

    def _alias(self, node: ast.Alias) -> Value:
        constant = naming.qualified_constant(self.module.aliases, node)
        return constant if constant is not None else AtomValue(self.module.aliases.expand(node.parts))

    def _pairs(self, pairs: tuple[ast.Pair, ...]) -> list[tuple[str, Value]]:
        found = []
        for pair in pairs:
            if not isinstance(pair.key, ast.Atom):
                raise self._not_constant(pair)
            found.append((pair.key.name, self.value(pair.value)))
        return found

    def _keywords(self, node: ast.KeywordList) -> Value:
        return ListValue(tuple(TupleValue((AtomValue(key), value)) for key, value in self._pairs(node.pairs)))

    def _list(self, node: ast.ListLit) -> Value:
        items: list[Value] = []
        for item in node.items:
            if isinstance(item, ast.Pair):
                items.extend(TupleValue((AtomValue(key), value)) for key, value in self._pairs((item,)))
            else:
                items.append(self.value(item))
        if node.tail is not None:
            tail = self.value(node.tail)
            if not isinstance(tail, ListValue):
                raise self._not_constant(node.tail)
            items.extend(tail.items)
        return ListValue(tuple(items))

    def _map(self, node: ast.MapLit) -> Value:
        if node.base is not None:
            raise self._not_constant(node)
        return PlainMapValue(tuple(self._pairs(node.entries)))

    def _binary(self, node: ast.Binary) -> Value:
        if node.op in ("..", "//"):
            return self._range(node)
        left, right = self.value(node.left), self.value(node.right)
        match left, right:
            case IntValue(), IntValue():
                result = fold.binary(node.op, left, right)
            case StringValue(one), StringValue(other) if node.op == "<>":
                result = StringValue(one + other)
            case ListValue(ones), ListValue(others) if node.op == "++":
                result = ListValue(ones + others)
            case _:
                result = None
        if result is None:
            raise self._not_constant(node)
        return result

    def _range(self, node: ast.Binary) -> Value:
        bounds = node.left if node.op == "//" else node
        if not isinstance(bounds, ast.Binary) or bounds.op != "..":
            raise self._not_constant(node)
        first, last = self.integer(bounds.left, "a bound"), self.integer(bounds.right, "a bound")
        step = self.integer(node.right, "the step") if node.op == "//" else 1 if first <= last else -1
        if step == 0:
            raise self.report.mistake("HNY0602", "a range with step 0 never ends", node.right.span)
        return RangeValue(first, last, step)

    def _words(self, node: ast.Sigil) -> Value:
        found = words(node)
        if found is None:
            raise self._not_constant(node)
        return found

    def _unary(self, node: ast.Unary) -> Value:
        value = self.value(node.operand)
        result = fold.unary(node.op, value)
        if result is None:
            raise self._not_constant(node)
        return result

    def _call(self, node: ast.Call) -> Value:
        if node.target is None and node.name in ("sizeof", "offsetof"):
            return integer(self.module.types.measure(node, self))
        if node.target is None and node.name in _SIZES and len(node.args) == 1:
            size = _SIZES[node.name](self.value(node.args[0]))
            if size is not None:
                return integer(size)
        if node.name in ("min", "max") and node.target is None and len(node.args) == 2:
            one, other = (self.integer(arg, "a bound") for arg in node.args)
            return integer(min(one, other) if node.name == "min" else max(one, other))
        if node.name in _CALLS and len(node.args) == 2 and node.do_block is None:
            left, right = self.value(node.args[0]), self.value(node.args[1])
            if isinstance(left, IntValue) and isinstance(right, IntValue):
                result = fold.binary(_CALLS[node.name], left, right)
                if result is not None:
                    return result
        raise self._not_constant(node)

    def _block(self, node: ast.Block) -> Value:
        if len(node.exprs) != 1:
            raise self._not_constant(node)
        return self.value(node.exprs[0])


def words(node: ast.Sigil) -> ListValue | None:
    """``~w(a b)``: a list of strings, or (``~w(a b)a``) of atoms; ``None`` for other sigils, and with values in it."""
    if node.name not in ("w", "W") or node.modifiers not in ("", "s", "a"):
        return None
    if not all(isinstance(part, str) for part in node.parts):
        return None
    found = "".join(part for part in node.parts if isinstance(part, str)).split()
    return ListValue(tuple(atom(word) if node.modifiers == "a" else StringValue(word.encode()) for word in found))


def _length(value: Value) -> int | None:
    return len(value.items) if isinstance(value, ListValue) else None


_SIZES: dict[str, Callable[[Value], int | None]] = {
    "length": _length,
    "tuple_size": lambda value: len(value.items) if isinstance(value, TupleValue) else None,
    "map_size": lambda value: len(value.fields) if isinstance(value, PlainMapValue) else None,
    "byte_size": lambda value: len(value.data) if isinstance(value, StringValue) else None,
    "abs": lambda value: abs(value.constant) if isinstance(value, IntValue) and value.constant is not None else None,
}


def text_of(value: Value) -> str | None:
    """What ``#{value}`` is in a string that is known when the module is compiled."""
    match value:
        case IntValue() if value.constant is not None and not value.type.big_endian:
            return str(value.constant)
        case StringValue(data):
            return data.decode(errors="surrogateescape")
        case AtomValue(name):
            return name
        case BoolValue() if value.constant is not None:
            return "true" if value.constant else "false"
        case NilValue():
            return ""
        case _:
            return None


_CALLS = {"div": "div", "rem": "rem", "bsl": "<<<", "bsr": ">>>", "band": "&&&", "bor": "|||", "bxor": "bxor"}

_HANDLERS: dict[type, Callable[..., Value]] = {
    ast.Int: lambda _, node: integer(node.value),
    ast.Str: Evaluator._string,
    ast.Sigil: Evaluator._words,
    ast.Atom: lambda _, node: atom(node.name),
    ast.AtomText: Evaluator._atom_text,
    ast.Attribute: Evaluator._attribute,
    ast.Var: Evaluator._variable,
    ast.Alias: Evaluator._alias,
    ast.Tuple: lambda self, node: TupleValue(tuple(self.value(item) for item in node.items)),
    ast.KeywordList: Evaluator._keywords,
    ast.ListLit: Evaluator._list,
    ast.MapLit: Evaluator._map,
    ast.Binary: Evaluator._binary,
    ast.Unary: Evaluator._unary,
    ast.Call: Evaluator._call,
    ast.Block: Evaluator._block,
}
