# SPDX-License-Identifier: Apache-2.0
"""The values of literals, names, collections, fields and elements."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from honey.analysis import constants, convert, naming, patterns
from honey.analysis.errors import suggestion
from honey.analysis.lowering import Lowering
from honey.analysis.values import (
    AggregateValue,
    AtomValue,
    FunctionValue,
    ListValue,
    MemoryValue,
    PlainMapValue,
    StringValue,
    TextValue,
    TupleValue,
    Value,
    integer,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

# ---------------------------------------------------------------- literals


def integer_literal(fl: Lowering, node: ast.Int, name: str) -> Value:
    """``42``."""
    del fl, name
    return integer(node.value)


def float_literal(fl: Lowering, node: ast.Float, name: str) -> Value:
    """``1.5``: eBPF has none."""
    del name
    raise fl.mistake(
        "HNY0209",
        "eBPF has no floating-point numbers",
        node.span,
        help=f"use an integer in a smaller unit: `{round(node.value * 1000)}` thousandths",
    )


def string_literal(fl: Lowering, node: ast.Str | ast.Charlist | ast.Sigil, name: str) -> Value:
    """``"text"``, with values in it as a text to be printed."""
    del name
    if isinstance(node, ast.Sigil) and (listed := constants.words(node)) is not None:
        return listed
    if isinstance(node, ast.Charlist) or (isinstance(node, ast.Sigil) and node.name in ("c", "C")):
        return _charlist(fl, node)
    if isinstance(node, ast.Sigil) and node.name not in ("s", "S"):
        raise unsupported(fl, node, f"the sigil ~{node.name}")
    if all(isinstance(part, str) for part in node.parts):
        return StringValue("".join(part for part in node.parts if isinstance(part, str)).encode())
    holes = [part.expr for part in node.parts if isinstance(part, ast.Interpolation)]
    values = iter(fl.operands(holes))
    parts: list[str | Value] = [part if isinstance(part, str) else next(values) for part in node.parts]
    known = [part if isinstance(part, str) else constants.text_of(part) for part in parts]
    if None not in known:
        return StringValue("".join(part for part in known if part is not None).encode(errors="surrogateescape"))
    inner = (part.parts if isinstance(part, TextValue) else (part,) for part in parts)
    return TextValue(tuple(part for several in inner for part in several))


def _charlist(fl: Lowering, node: ast.Charlist | ast.Sigil) -> Value:
    """``~c"abc"``, or in single quotes: the list of the characters' numbers."""
    texts = [constants.text_of(fl.value(p.expr)) if isinstance(p, ast.Interpolation) else p for p in node.parts]
    if None in texts:
        raise fl.mistake("HNY0200", "the characters of a list must be known when the module is compiled", node.span)
    return ListValue(tuple(integer(ord(character)) for text in texts for character in text or ""))


def atom_literal(fl: Lowering, node: ast.Atom, name: str) -> Value:
    """``:name``."""
    del name
    return AtomValue(node.name) if node.name in fl.unit.module.maps else constants.atom(node.name)


def atom_text(fl: Lowering, node: ast.AtomText, name: str) -> Value:
    """``:"text #{value}"``."""
    del name
    raise fl.mistake("HNY0014", "an atom's name must be known when compiling", node.span, help="leave the `#{...}` out")


# ---------------------------------------------------------------- names


def variable(fl: Lowering, node: ast.Var, name: str) -> Value:
    """A name: a variable, or a call of a function without arguments."""
    binding = fl.scope.find(node.name)
    if binding is not None:
        return fl.settled(binding.value)
    if node.name == "__MODULE__":
        return AtomValue(fl.unit.module.name)
    from honey.analysis import calls

    call = ast.Call(node.span, None, node.name, node.span, (), None)
    if calls.is_known(fl, call):
        return calls.call(fl, call, name)
    from honey.analysis import unknown

    raise unknown.variable(fl, node)


def attribute(fl: Lowering, node: ast.Attribute, name: str) -> Value:
    """``@name``."""
    del name
    if node.value is not None:
        raise fl.mistake(
            "HNY0107", "attributes are set outside of functions", node.span, help=f"use a variable: `{node.name} = ...`"
        )
    value = fl.unit.attributes.get(node.name)
    if value is None:
        fl.report.forgive("attribute", node.name)
        raise fl.mistake(
            "HNY0104",
            f"the attribute @{node.name} is not set",
            node.span,
            help=_attribute_set(fl, node.name) or suggestion(node.name, fl.unit.attributes, "@{}"),
        )
    return value


def _attribute_set(fl: Lowering, name: str) -> str | None:
    """Where an attribute is set that is not set yet."""
    later = name in fl.unit.module.attributes
    return "it is set further down: put that above this function" if later else None


def alias(fl: Lowering, node: ast.Alias, name: str) -> Value:
    """``Honey.Net.IPPROTO_UDP``, or a module's name."""
    del name
    constant = naming.qualified_constant(fl.unit.aliases, node)
    if constant is not None:
        return constant
    if len(node.parts) > 1 and fl.unit.aliases.expand(node.parts[:-1]) == "Honey.Net":
        from honey.kernel import constants as kernel

        raise fl.mistake(
            "HNY0900",
            f"there is no constant {node.parts[-1]}",
            node.span,
            help=suggestion(node.parts[-1], kernel.names()),
        )
    if len(node.parts) == 1 and (value := constants.kernel_constant(node.parts[0])) is not None:
        return integer(value, node.parts[0])
    full = fl.unit.aliases.expand(node.parts)
    if full == node.parts[0] and len(full) > 1 and full.isupper() and full != fl.unit.module.name:
        from honey.analysis import unknown

        raise unknown.constant(fl, full, node.span)
    return AtomValue(full)


# ---------------------------------------------------------------- collections


def tuple_literal(fl: Lowering, node: ast.Tuple, name: str) -> Value:
    """``{a, b}``."""
    del name
    return TupleValue(tuple(fl.settled(value) for value in fl.operands(node.items)))


def list_literal(fl: Lowering, node: ast.ListLit, name: str) -> Value:
    """``[a, b]``, ``[head | tail]``."""
    del name
    nodes = [item.value if isinstance(item, ast.Pair) else item for item in node.items]
    values = fl.operands([*nodes, node.tail] if node.tail is not None else nodes)
    items = [_paired(item, fl.settled(value)) for item, value in zip(node.items, values, strict=False)]
    if node.tail is None:
        return ListValue(tuple(items))
    tail = fl.required(values[-1], node.tail.span)
    if not isinstance(tail, ListValue):
        raise fl.mismatch("a list", tail, node.tail.span)
    return ListValue((*items, *tail.items))


def _paired(item: ast.Node, value: Value) -> Value:
    if isinstance(item, ast.Pair) and isinstance(item.key, ast.Atom):
        return TupleValue((AtomValue(item.key.name), value))
    return value


def keyword_list(fl: Lowering, node: ast.KeywordList, name: str) -> Value:
    """``[a: 1]``."""
    del name
    values = fl.operands([pair.value for pair in node.pairs])
    return ListValue(tuple(_paired(pair, value) for pair, value in zip(node.pairs, values, strict=True)))


def map_literal(fl: Lowering, node: ast.MapLit, name: str) -> Value:
    """``%{a: 1}``, ``%{base | a: 1}``."""
    if node.base is not None:
        return update(fl, fl.value(node.base), node.base.span, node.entries, name, node.span)
    values = fl.operands([pair.value for pair in node.entries])
    return PlainMapValue(tuple((_key(fl, pair), value) for pair, value in zip(node.entries, values, strict=True)))


def _key(fl: Lowering, pair: ast.Pair) -> str:
    if not isinstance(pair.key, ast.Atom):
        raise unsupported(fl, pair, "a map with keys that are not atoms")
    return pair.key.name


def struct_literal(fl: Lowering, node: ast.StructLit, name: str) -> Value:
    """``%flow{pid: p}``: all zero but the fields given."""
    struct = named_struct(fl, node.name)
    if node.base is not None:
        base = fl.required(fl.value(node.base), node.base.span)
        if not isinstance(base, MemoryValue | AggregateValue) or base.type != struct:
            raise fl.mismatch(f"a %{struct.name}{{}}", base, node.base.span)
        return update(fl, base, node.base.span, node.entries, name, node.span)
    return AggregateValue(n.StructValue(field_values(fl, struct, node.entries), struct))


def named_struct(fl: Lowering, node: ast.Node) -> t.Struct:
    """The struct that ``%name{}`` names."""
    name = node.name if isinstance(node, ast.Var | ast.Alias) else ""
    fl.report.forgive("struct", name)
    struct = fl.unit.module.structs.find(name)
    if struct is None:
        known = fl.unit.module.structs.declared
        raise fl.mistake(
            "HNY0201",
            f"there is no struct {name or 'of this name'}",
            node.span,
            help=suggestion(name, known, "%{}{{}}") or "declare it with `defstruct :name do ... end`",
        )
    return struct


def field_values(fl: Lowering, struct: t.Struct, entries: Sequence[ast.Pair]) -> tuple[tuple[str, n.Expr], ...]:
    """The fields given in a literal, converted to their types."""
    fields = [fl.unit.module.types.field(struct, _key(fl, pair), pair.key.span) for pair in entries]
    names = [field.name for field in fields]
    for pair, name in zip(entries, names, strict=True):
        if names.count(name) > 1:
            raise fl.mistake("HNY0205", f"the field {name} is set twice", pair.span)
    if entries:
        _refuse_shared(fl, fields, entries[-1].span)
    values = fl.operands([pair.value for pair in entries])
    return tuple(
        (field.name, convert.store(fl, value, field.type, pair.value.span, f"the field {field.name}"))
        for field, value, pair in zip(fields, values, entries, strict=True)
    )


def _refuse_shared(fl: Lowering, fields: Sequence[t.Field], span: Span) -> None:
    """Two members of a union cannot both be set; a kernel's struct may have one without a name."""
    for one, other in combinations(fields, 2):
        if t.meet(one, other):
            raise fl.mistake("HNY0205", f"the fields {one.name} and {other.name} share memory", span)


def update(fl: Lowering, base: Value, base_span: Span, entries: Sequence[ast.Pair], name: str, span: Span) -> Value:
    """``%{base | field: value}``: a copy with changes."""
    base = fl.required(base, base_span, "BadMapError")
    if isinstance(base, PlainMapValue):
        return _update_map(fl, base, entries)
    if isinstance(base, AggregateValue) and isinstance(base.expr, n.StructValue) and isinstance(base.type, t.Struct):
        changes = dict(field_values(fl, base.type, entries))
        kept = tuple((key, value) for key, value in base.expr.fields if key not in changes)
        types, names = fl.unit.module.types, (*(name for name, _ in kept), *changes)
        _refuse_shared(fl, [types.field(base.type, name, span) for name in names], span)
        return AggregateValue(n.StructValue((*kept, *changes.items()), base.type))
    if not isinstance(base, MemoryValue | AggregateValue) or not isinstance(base.type, t.Struct):
        raise fl.mismatch("a struct", base, base_span)
    whole = n.Read(base.place, base.type) if isinstance(base, MemoryValue) else base.expr
    changes_now = field_values(fl, base.type, entries)
    local = fl.fresh(name or "copy", base.type)
    fl.code.append(n.Let(local, whole, span))
    for field, value in changes_now:
        fl.code.append(n.Assign(n.FieldPlace(n.LocalPlace(local), field, value.type), value, span))
    return MemoryValue(n.LocalPlace(local))


def _update_map(fl: Lowering, base: PlainMapValue, entries: Sequence[ast.Pair]) -> Value:
    values = fl.operands([pair.value for pair in entries])
    changed = dict(base.fields)
    for pair, value in zip(entries, values, strict=True):
        key = _key(fl, pair)
        if key not in changed:
            raise fl.mistake("HNY0202", f"the map has no key {key}", pair.span, help=suggestion(key, changed))
        changed[key] = value
    return PlainMapValue(tuple(changed.items()))


# ---------------------------------------------------------------- fields and elements


# ---------------------------------------------------------------- functions, the rest


def function_literal(fl: Lowering, node: ast.Fn, name: str) -> Value:
    """``fn x -> ... end``."""
    del name
    return FunctionValue(node, fl.scope.closure())


def unsupported(fl: Lowering, node: ast.Node, what: str) -> Exception:
    """The error for what Elixir knows and eBPF cannot do."""
    return fl.mistake("HNY0107", f"{what} cannot be compiled to eBPF", node.span)


def no_meaning(fl: Lowering, node: ast.Node, name: str) -> Value:
    """What stands where it means nothing."""
    del name
    if isinstance(node, ast.Bitstring):
        raise fl.mistake("HNY0107", "`<<...>>` cannot be compiled to eBPF", node.span, help=patterns.BITS)
    raise unsupported(fl, node, f"this ({type(node).__name__.lower()})")
