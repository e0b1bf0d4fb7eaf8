# SPDX-License-Identifier: Apache-2.0
"""``defmap(:name, :bpf_hash, key_type: ..., value_type: ..., max_entries: ...)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis.errors import suggestion
from honey.analysis.types import text_of
from honey.analysis.values import AtomValue, IntValue, ListValue, TupleValue, Value, describe
from honey.ir import nodes as n
from honey.ir import types as t
from honey.kernel import constants
from honey.records import dataclass, field
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.module import Module

KINDS: dict[str, n.MapKind] = {f"bpf_{kind.name.lower()}": kind for kind in n.MapKind}
"""The kinds of maps by the names that the language gives them."""

ARRAYS = frozenset({n.MapKind.ARRAY, n.MapKind.PERCPU_ARRAY})
"""Kinds whose keys are indices: they are 32 bits wide, and every entry exists from the start."""

_OPTIONS = (
    "type",
    "key_type",
    "value_type",
    "max_entries",
    "pinning",
    "map_flags",
    "print",
    "print_elem",
    "key_size",
    "value_size",
)
_TYPED = ("key", "value")
_DEFAULT_RING_BYTES = 256 * 1024
_PAGE = 4096


@dataclass(slots=True)
class MapDeclaration:
    """A map as declared; ``key`` and ``value`` are ``None`` where they are left to be inferred."""

    name: str
    kind: n.MapKind
    key: t.Type | None
    value: t.Type | None
    max_entries: int
    span: Span
    flags: tuple[str, ...] = ()
    pin_by_name: bool = False
    print: bool = False
    print_elem: tuple[str, ...] = ()
    doc: str = field(default="")

    @property
    def keyed(self) -> bool:
        """Whether the map has keys (a ring buffer has not)."""
        return self.kind is not n.MapKind.RINGBUF


def read(module: Module, node: ast.Call) -> MapDeclaration:
    """The declaration that ``node`` makes. Raises ``Mistake``."""
    report = module.report
    name_node = node.args[0] if node.args else None
    if isinstance(name_node, ast.AtomText):
        made = module.evaluator.value(name_node)
        name_node = ast.Atom(name_node.span, made.name) if isinstance(made, AtomValue) else None
    if not isinstance(name_node, ast.Atom):
        meant = name_node.name if isinstance(name_node, ast.Var) else getattr(name_node, "literal", None) or "name"
        report.spoil("map", str(meant))
        raise report.mistake(
            "HNY0502",
            "a map's name is an atom",
            name_node.span if name_node is not None else node.span,
            help=f"write `defmap(:{meant}, :bpf_hash, ...)`",
        )
    kind, kind_span, options = _kind_and_options(module, node)
    return MapDeclaration(
        name=name_node.name,
        kind=kind,
        key=_key(module, kind, options),
        value=_type(module, options, "value_type", "value_size") if kind is not n.MapKind.RINGBUF else None,
        max_entries=_max_entries(module, kind, options, kind_span),
        span=node.span,
        flags=_flags(module, options),
        pin_by_name=_pinned(module, options),
        print="print" in options and module.evaluator.truth(options["print"], "print"),
        print_elem=_print_elem(module, options),
    )


def _kind_and_options(module: Module, node: ast.Call) -> tuple[n.MapKind, Span, dict[str, ast.Node]]:
    report = module.report
    match node.args[1:]:
        case (ast.MapLit(base=None, entries=entries) as literal,):
            options = _by_name(module, entries)
            if "type" not in options:
                raise report.mistake(
                    "HNY0502", "the map has no type", literal.span, help="write `type: BPF_MAP_TYPE_HASH`"
                )
            return _kind(module, options["type"]), options["type"].span, options
        case (kind, ast.KeywordList(pairs=pairs)):
            return _kind(module, kind), kind.span, _by_name(module, pairs)
        case (ast.KeywordList(pairs=pairs),):
            options = _by_name(module, pairs)
            if "type" in options:
                return _kind(module, options["type"]), options["type"].span, options
        case (kind,):
            return _kind(module, kind), kind.span, {}
    name = node.args[0].name if node.args and isinstance(node.args[0], ast.Atom) else "name"
    help = f"write `defmap(:{name}, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 64)`"
    raise report.mistake("HNY0502", "a map needs a kind and options", node.span, help=help)


def _by_name(module: Module, pairs: tuple[ast.Pair, ...]) -> dict[str, ast.Node]:
    found: dict[str, ast.Node] = {}
    for pair in pairs:
        if not isinstance(pair.key, ast.Atom):
            raise module.report.mistake("HNY0502", "options of a map are written `name: value`", pair.span)
        option = pair.key.name
        if option not in _OPTIONS:
            raise module.report.mistake(
                "HNY0502",
                f"a map has no option {option}",
                pair.span,
                help=f"did you mean `{option}_type:`?"
                if option in _TYPED
                else suggestion(option, _OPTIONS, "{}:") or f"its options are {', '.join(_OPTIONS[1:8])}",
            )
        found[option] = pair.value
    return found


def _kind(module: Module, node: ast.Node) -> n.MapKind:
    value = module.evaluator.value(node)
    known = value.expr if isinstance(value, IntValue) else None
    name = known.name if isinstance(known, n.Const) else text_of(value) or ""
    for kind in n.MapKind:
        if name.lower() in (f"bpf_{kind.name.lower()}", kind.value.lower(), kind.name.lower()):
            return kind
    own = f"kinds are {', '.join(f':{kind}' for kind in KINDS)}"
    of_kernel = f"BPF_MAP_TYPE_{name.upper().removeprefix('BPF_').removeprefix('MAP_TYPE_')}"
    if name and constants.value(of_kernel) is not None:
        what = f"Honey has no maps of the kernel's kind {of_kernel}"
        raise module.report.mistake("HNY0501", what, node.span, help=own)
    raise module.report.mistake(
        "HNY0501",
        f"there is no kind of map {name or describe(value)}",
        node.span,
        help=suggestion(name, KINDS, ":{}") or own,
    )


def _type(module: Module, options: dict[str, ast.Node], name: str, size_name: str) -> t.Type | None:
    size = options.get(size_name)
    bytes_ = None
    if size is not None:
        value = module.evaluator.value(size)
        bytes_ = value.constant if isinstance(value, IntValue) else None
    node = options.get(name)
    if node is not None:
        return module.types.of(module.evaluator.value(node), node.span, bytes_)
    if size is None:
        return None
    match module.evaluator.value(size):
        case AtomValue("char6"):
            return t.Array(t.U8, 6)
        case AtomValue("int") | AtomValue("integer"):
            return None
        case IntValue() if bytes_ in (1, 2, 4, 8):
            return t.Int(bytes_ * 8)
        case IntValue() if bytes_ and 0 < bytes_ <= 512:
            return t.Array(t.U8, bytes_)
    raise module.report.mistake("HNY0502", "sizes are numbers of bytes, or :char6", size.span)


def _key(module: Module, kind: n.MapKind, options: dict[str, ast.Node]) -> t.Type | None:
    if kind is n.MapKind.RINGBUF:
        for name in ("key_type", "value_type"):
            if name in options:
                raise module.report.mistake(
                    "HNY0505",
                    f"a ring buffer has no {name.removesuffix('_type')}s",
                    options[name].span,
                    help="leave the option out, and give the type to `bpf_ringbuf_reserve`",
                )
        return None
    key = _type(module, options, "key_type", "key_size")
    if kind not in ARRAYS:
        return key
    if key is not None and key.size != 4:
        node = options.get("key_type") or options["key_size"]
        raise module.report.mistake(
            "HNY0503",
            "the keys of an array are 32 bits wide",
            node.span,
            help="write `key_type: :u32`, or leave it out",
        )
    return key or t.U32


def _max_entries(module: Module, kind: n.MapKind, options: dict[str, ast.Node], span: Span) -> int:
    node = options.get("max_entries")
    if node is None:
        if kind is n.MapKind.RINGBUF:
            return _DEFAULT_RING_BYTES
        raise module.report.mistake(
            "HNY0506", "the map does not say how many entries it holds", span, help="add `max_entries: 1024`"
        )
    entries = module.evaluator.integer(node, "max_entries")
    if not 0 < entries < 1 << 32:
        raise module.report.mistake("HNY0506", f"a map cannot hold {entries} entries", node.span)
    if kind is n.MapKind.RINGBUF and (entries % _PAGE or entries & (entries - 1)):
        raise module.report.mistake(
            "HNY0506",
            f"a ring buffer has a power of two of bytes, at least {_PAGE}, not {entries}",
            node.span,
            help=f"write `max_entries: {max(_PAGE, 1 << entries.bit_length())}`",
        )
    return entries


def _flags(module: Module, options: dict[str, ast.Node]) -> tuple[str, ...]:
    node = options.get("map_flags")
    if node is None:
        return ()
    value = module.evaluator.value(node)
    items = value.items if isinstance(value, ListValue) else (value,)
    names = []
    for item in items:
        if not isinstance(item, IntValue) or not isinstance(item.expr, n.Const):
            raise module.report.mistake(
                "HNY0502", "flags are constants such as :BPF_F_NO_PREALLOC, or a list of them", node.span
            )
        if item.expr.value:
            names.append(item.expr.name or str(item.expr.value))
    return tuple(names)


def _pinned(module: Module, options: dict[str, ast.Node]) -> bool:
    node = options.get("pinning")
    if node is None:
        return False
    value = module.evaluator.value(node)
    match value:
        case AtomValue("by_name"):
            return True
        case AtomValue("none"):
            return False
        case IntValue() if value.constant in (0, 1):
            return bool(value.constant)
    raise module.report.mistake("HNY0502", "pinning is :by_name or :none", node.span)


def _print_elem(module: Module, options: dict[str, ast.Node]) -> tuple[str, ...]:
    node = options.get("print_elem")
    if node is None:
        return ()
    value = module.evaluator.value(node)
    items = value.items if isinstance(value, ListValue) else ()
    return tuple(_element(item) for item in items)


def _element(item: Value) -> str:
    match item:
        case TupleValue((label, IntValue() as key)):
            return f"{text_of(label)}={key.constant}"
        case _:
            return text_of(item) or ""
