# SPDX-License-Identifier: Apache-2.0
"""Types as the source writes them: ``:u32``, ``{:array, :u8, 4}``, ``:string`` with a size, names of structs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis.errors import Report, suggestion
from honey.analysis.structs import Structs
from honey.analysis.values import AtomValue, IntValue, ListValue, StringValue, TupleValue, Value, describe
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.constants import Evaluator

SCALARS: dict[str, t.Type] = {
    **{f"u{bits}": t.Int(bits) for bits in (8, 16, 32, 64)},
    **{f"s{bits}": t.Int(bits, signed=True) for bits in (8, 16, 32, 64)},
    **{f"be{bits}": t.Int(bits, big_endian=True) for bits in (16, 32, 64)},
    "bool": t.BOOL,
    "ptr": t.Address(),
    "char6": t.Array(t.U8, 6),
}
"""Types without parameters, by name."""

_LARGEST = 1 << 20


class Types:
    """Understands types, given the structs there are."""

    def __init__(self, structs: Structs, report: Report) -> None:
        """For a module with ``structs``."""
        self.structs = structs
        self.report = report

    def of(self, value: Value, span: Span, size: int | None = None) -> t.Type:
        """The type that ``value`` names; ``size`` is that of a ``:string``. Raises ``Mistake``."""
        match value:
            case AtomValue("string"):
                return self._string(size, span)
            case AtomValue(name):
                return self._named(name, span)
            case TupleValue((AtomValue("string"), argument)):
                return self._string(_size(argument), span)
            case TupleValue((AtomValue("array"), element, IntValue() as length)) if length.constant is not None:
                return self._array(self.of(element, span), length.constant, span)
            case _:
                raise self.report.mistake(
                    "HNY0201",
                    f"{describe(value)} is not a type",
                    span,
                    help="types are `:u32`, `{:array, :u8, 4}`, `:string` with `size: n`, or the name of a struct",
                )

    def _named(self, name: str, span: Span) -> t.Type:
        self.report.forgive("struct", name)
        found = SCALARS.get(name) or self.structs.find(name)
        if found is None:
            raise self.report.mistake("HNY0201", f"there is no type :{name}", span, help=self._suggestion(name))
        return found

    def _string(self, size: int | None, span: Span) -> t.Type:
        if size is None or not 0 < size <= _LARGEST:
            raise self.report.mistake(
                "HNY0201", "a :string needs its size in bytes", span, help="write `:string, size: 16`"
            )
        return t.Chars(size)

    def _array(self, element: t.Type, length: int, span: Span) -> t.Type:
        if not 0 < length <= _LARGEST:
            raise self.report.mistake("HNY0201", f"an array cannot have {length} elements", span)
        return t.Array(element, length)

    def _suggestion(self, name: str) -> str | None:
        from honey.analysis import foreign
        from honey.kernel import types as kernel

        bare = name.removeprefix("__").removesuffix("_t")
        if (known := foreign.TYPES.get(name) or foreign.TYPES.get(bare)) is not None:
            return known
        own = suggestion(name, [*SCALARS, *self.structs.declared, "string", "array"], ":{}")
        return own or suggestion(name, kernel.names(), ":{}")

    def measure(self, node: ast.Call, evaluator: Evaluator) -> int:
        """``sizeof(:type)`` or ``offsetof(:struct, :field)`` in bytes."""
        wanted = 1 if node.name == "sizeof" else 2
        if len(node.args) != wanted:
            raise self.report.mistake(
                "HNY0604", f"{node.name} takes {wanted} argument{'s' * (wanted > 1)}, got {len(node.args)}", node.span
            )
        type_ = self.of(evaluator.value(node.args[0]), node.args[0].span)
        if node.name == "sizeof":
            return type_.size
        return self._offset(type_, node.args[1], evaluator)

    def _offset(self, type_: t.Type, node: ast.Node, evaluator: Evaluator) -> int:
        path = evaluator.value(node)
        names = [path] if isinstance(path, AtomValue) else list(path.items) if isinstance(path, ListValue) else []
        offset = 0
        for name in names:
            if not isinstance(type_, t.Struct) or not isinstance(name, AtomValue):
                raise self.report.mistake("HNY0208", f"{describe(path)} is no path of fields", node.span)
            field = self.field(type_, name.name, node.span)
            offset, type_ = offset + field.offset, field.type
        if not names:
            raise self.report.mistake("HNY0200", "offsetof takes the name of a field", node.span)
        return offset

    def field(self, struct: t.Struct, name: str, span: Span) -> t.Field:
        """The field ``name`` of ``struct``. Raises ``Mistake``, with a suggestion."""
        found = self.structs.field(struct, name)
        if found is not None:
            return found
        declared = struct.name in self.structs.declared
        known = self.structs.field_names(struct)
        raise self.report.mistake(
            "HNY0202" if declared else "HNY0703",
            f"{'' if declared else 'the kernel' + chr(39) + 's '}{struct.name} has no field {name}",
            span,
            help=suggestion(name, known) or (f"its fields are {', '.join(known[:12])}" if known else None),
        )


def _size(value: Value) -> int | None:
    match value:
        case IntValue():
            return value.constant
        case ListValue((TupleValue((AtomValue("size"), IntValue() as size)),)):
            return size.constant
        case _:
            return None


def text_of(value: Value) -> str | None:
    """The text of a string or atom that is known now."""
    match value:
        case StringValue(data):
            return data.decode(errors="replace")
        case AtomValue(name):
            return name
        case _:
            return None
