# SPDX-License-Identifier: Apache-2.0
"""``defstruct :name do field(...) ... end``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis.errors import Mistake, Poisoned, suggestion
from honey.analysis.structs import FieldDeclaration, lay_out
from honey.ir.types import StructDef
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.module import Module

_OPTIONS = ("packed", "align")
_FIELD_OPTIONS = ("size", "align")
_FORM = "write `defstruct :name do`, then a line `field(:port, :u16)` for each field, then `end`"


def collect(module: Module, body: ast.Block) -> None:
    """Declares all structs of a module, each once those that it contains are declared."""
    waiting = {}
    for node in body.exprs:
        if isinstance(node, ast.Call) and node.name == "defstruct" and node.target is None:
            with module.report.mending():
                name = _name(module, node)
                if name in waiting:
                    raise module.report.mistake("HNY0105", f"there are two structs called {name}", node.span)
                waiting[name] = node
    attributes_before(module, body)
    open_: set[str] = set()
    for name in waiting:
        _declare(module, name, waiting, open_)
    module.attributes = {}


def attributes_before(module: Module, body: ast.Block) -> None:
    """Lets struct declarations use the module's attributes, wherever those stand."""
    from honey.analysis.naming import ELIXIR_ATTRIBUTES

    for node in body.exprs:
        if isinstance(node, ast.Attribute) and node.value is not None and node.name not in ELIXIR_ATTRIBUTES | {"sec"}:
            try:
                module.attributes = {**module.attributes, node.name: module.evaluator.value(node.value)}
            except (Mistake, Poisoned):
                continue  # reported when the attribute's own turn comes


def _name(module: Module, node: ast.Call) -> str:
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Atom) and node.do_block is not None:
        return first.name
    named = isinstance(first, ast.Var | ast.Alias)
    for name in (first.name if isinstance(first, ast.Var | ast.Alias) else module.name, "__MODULE__"):
        module.report.spoil("struct", name)
    help = f"a struct's name is an atom: `defstruct :{first.name.lower()} do`" if named else _FORM  # type: ignore[union-attr]  # named
    raise module.report.mistake("HNY0204", "a struct needs a name, and a type for each field", node.span, help=help)


def _declare(module: Module, name: str, waiting: dict[str, ast.Call], open_: set[str]) -> None:
    if name in module.structs.declared or name in open_:
        return
    open_.add(name)
    node = waiting[name]
    for inner in _names_in(node):
        if inner in waiting and inner != name:
            _declare(module, inner, waiting, open_)
    with module.report.mending(), module.report.declaring("struct", name):
        module.structs.add(_definition(module, name, node))


def _names_in(node: ast.Call) -> list[str]:
    from honey.analysis.syntax_tree import walk

    return [found.name for found in walk(node) if isinstance(found, ast.Atom)]


def _definition(module: Module, name: str, node: ast.Call) -> StructDef:
    report = module.report
    options = _options(module, node, _OPTIONS)
    body = node.do_block.body if node.do_block is not None else None
    fields: dict[str, FieldDeclaration] = {}
    for item in body.exprs if isinstance(body, ast.Block) else ():
        declared = _field(module, item)
        if declared.name in fields:
            raise report.mistake("HNY0205", f"{name} has two fields called {declared.name}", item.span)
        fields[declared.name] = declared
    if not fields:
        raise report.mistake("HNY0204", f"the struct {name} has no fields", node.span, help=_FORM)
    packed = options.get("packed")
    return lay_out(
        name,
        tuple(fields.values()),
        packed=module.evaluator.truth(packed, "packed") if packed is not None else False,
        align=_alignment(module, options.get("align")),
    )


def _field(module: Module, item: ast.Node) -> FieldDeclaration:
    match item:
        case ast.Call(target=None, name="field", args=(ast.Atom(name=name), type_, *_)):
            options = _options(module, item, _FIELD_OPTIONS)
            size = module.evaluator.integer(options["size"], "the size") if "size" in options else None
            found = module.types.of(module.evaluator.value(type_), type_.span, size)
            return FieldDeclaration(name, found, _alignment(module, options.get("align")))
        case ast.Call(target=None, name=name) if name != "field" and (meant := suggestion(name, ("field",))):
            raise module.report.mistake("HNY0204", "this is not a field", item.name_span, help=meant)
        case _:
            raise module.report.mistake(
                "HNY0204", "this is not a field", item.span, help="write `field(:port, :u16)` for each field"
            )


def _options(module: Module, node: ast.Call, known: tuple[str, ...]) -> dict[str, ast.Node]:
    found: dict[str, ast.Node] = {}
    for pair in node.keywords.pairs if node.keywords is not None else ():
        name = pair.key.name if isinstance(pair.key, ast.Atom) else ""
        if name not in known:
            help = (
                "a new struct is all zero; give the field its value where one is made: `%name{field: value}`"
                if name == "default"
                else suggestion(name, known, "{}:") or f"the options are {' and '.join(f'`{one}:`' for one in known)}"
            )
            raise module.report.mistake("HNY0106", f"there is no option {name} here", pair.span, help=help)
        found[name] = pair.value
    return found


def _alignment(module: Module, node: ast.Node | None) -> int:
    if node is None:
        return 0
    align = module.evaluator.integer(node, "the alignment")
    if align < 1 or align > 4096 or align & (align - 1):
        raise module.report.mistake("HNY0106", f"{align} is no alignment: it must be a power of two", node.span)
    return align
