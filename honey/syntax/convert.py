# SPDX-License-Identifier: Apache-2.0
"""From tree-sitter's concrete tree to `honey.syntax.ast`.

tree-sitter's grammar accepts some sources that Elixir refuses; what differs is refused here. A node kind that this
module does not know is reported, never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from honey.diagnostics import Diagnostic, error
from honey.syntax import ast
from honey.syntax.literals import Literals
from honey.syntax.nesting import MAX_NESTING
from honey.syntax.source import SourceFile, Span

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

_SECTIONS = {"do": "body", "else": "else_", "rescue": "rescue", "catch": "catch", "after": "after"}
_RESERVED = frozenset({"__aliases__", "__block__"})
_COMMENT = "comment"


def convert(root: TsNode, source: SourceFile) -> tuple[ast.File, list[Diagnostic]]:
    """The tree of a whole file. `root` must be free of tree-sitter's ERROR and MISSING nodes."""
    converter = _Converter(source)
    body = converter.block(root.named_children, source.span(0, len(source.data)))
    return ast.File(body.span, body), converter.diagnostics


class _Converter:
    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.diagnostics: list[Diagnostic] = []
        self.literals = Literals(source, self.diagnostics)
        self.span = self.literals.span
        self.text = self.literals.text
        self._depth = 0
        self._too_deep = False
        self._kinds: dict[str, Callable[[TsNode], ast.Node]] = {
            "integer": self.literals.integer,
            "float": self.literals.float,
            "char": self.literals.char,
            "atom": self.literals.atom,
            "boolean": self._word,
            "nil": self._word,
            "quoted_atom": lambda node: self.literals.quoted_atom(node, self._parts(node)),
            "string": lambda node: ast.Str(self.span(node), self._parts(node)),
            "charlist": lambda node: ast.Charlist(self.span(node), self._parts(node)),
            "sigil": self._sigil,
            "identifier": self._identifier,
            "operator_identifier": self._identifier,
            "alias": self._alias,
            "tuple": self._tuple,
            "list": self._list,
            "bitstring": lambda node: ast.Bitstring(self.span(node), self._items(node)),
            "map": self._map,
            "keywords": self._keywords,
            "dot": self._dot,
            "call": self._call,
            "access_call": self._index,
            "unary_operator": self._unary,
            "binary_operator": self._binary,
            "anonymous_function": self._fn,
            "block": self._parentheses,
        }

    # --- plumbing ---------------------------------------------------------------------------------------------------

    def _error(self, code: str, message: str, span: Span, *, help: str | None = None) -> ast.Invalid:
        self.diagnostics.append(error(code, message, self.source, span, help=help))
        return ast.Invalid(span)

    def expr(self, node: TsNode) -> ast.Node:
        """One expression of any kind."""
        if self._depth >= MAX_NESTING:
            if not self._too_deep:
                self._too_deep = True
                self._error(
                    "HNY0010",
                    f"this is nested more than {MAX_NESTING} levels deep",
                    self.span(node),
                    help="bind parts of it to variables, or move them into functions",
                )
            return ast.Invalid(self.span(node))
        handler = self._kinds.get(node.type)
        if handler is None:
            return self._error("HNY0007", f"`{self._excerpt(node)}` cannot stand here", self.span(node))
        self._depth += 1
        try:
            return handler(node)
        finally:
            self._depth -= 1

    def _excerpt(self, node: TsNode) -> str:
        line = self.text(node).split("\n", 1)[0]
        return line if len(line) <= 40 else line[:37] + "..."

    def _field(self, node: TsNode, name: str) -> TsNode:
        """A field that the grammar guarantees; comments, which may bear any field's name, are passed over."""
        for child in node.children_by_field_name(name):
            if child.is_named and child.type != _COMMENT:
                return child
        raise AssertionError(f"{node.type} without {name}")

    def _children(self, node: TsNode) -> list[TsNode]:
        return [child for child in node.named_children if child.type != _COMMENT]

    def _items(self, node: TsNode) -> tuple[ast.Node, ...]:
        return tuple(self.expr(child) for child in self._children(node))

    def block(self, nodes: Sequence[TsNode], span: Span) -> ast.Block:
        """Expressions one after the other; `span` serves where there are none."""
        exprs = tuple(self.expr(node) for node in nodes if node.type != _COMMENT)
        return ast.Block(exprs[0].span.to(exprs[-1].span) if exprs else span, exprs)

    # --- literals and names -----------------------------------------------------------------------------------------

    def _word(self, node: TsNode) -> ast.Atom:
        return ast.Atom(self.span(node), self.text(node))

    def _parts(self, node: TsNode, *, raw: bool = False) -> tuple[str | ast.Interpolation, ...]:
        return self.literals.parts(node, self._interpolation, raw=raw)

    def _interpolation(self, node: TsNode) -> ast.Interpolation:
        span = self.span(node)
        block = self.block(self._children(node), span)
        return ast.Interpolation(span, block.exprs[0] if len(block.exprs) == 1 else block)

    def _sigil(self, node: TsNode) -> ast.Node:
        name, modifiers = "", ""
        for child in self._children(node):
            if child.type == "sigil_name":
                name = self.text(child)
            elif child.type == "sigil_modifiers":
                modifiers = self.text(child)
        return ast.Sigil(self.span(node), name, self._parts(node, raw=name.isupper()), modifiers)

    def _identifier(self, node: TsNode) -> ast.Node:
        name = self.literals.name(node)
        if name in _RESERVED:
            return self._error("HNY0007", f"`{name}` is reserved by Elixir", self.span(node))
        return ast.Var(self.span(node), name)

    def _alias(self, node: TsNode) -> ast.Node:
        return ast.Alias(self.span(node), tuple(part.strip() for part in self.literals.name(node).split(".")))

    # --- collections ------------------------------------------------------------------------------------------------

    def _tuple(self, node: TsNode) -> ast.Tuple:
        return ast.Tuple(self.span(node), self._items(node))

    def _list(self, node: TsNode) -> ast.Node:
        span = self.span(node)
        items = self._children(node)
        if len(items) == 1 and items[0].type == "keywords":
            return ast.KeywordList(span, self._pairs(items[0]))
        converted: list[ast.Node] = []
        for item in items:
            if item.type == "keywords":
                converted.extend(self._pairs(item))
            else:
                converted.append(self.expr(item))
        if converted and isinstance(last := converted[-1], ast.Binary) and last.op == "|":
            return ast.ListLit(span, (*converted[:-1], last.left), last.right)
        return ast.ListLit(span, tuple(converted), None)

    def _keywords(self, node: TsNode) -> ast.KeywordList:
        return ast.KeywordList(self.span(node), self._pairs(node))

    def _pairs(self, node: TsNode) -> tuple[ast.Pair, ...]:
        return tuple(self._pair(child) for child in self._children(node))

    def _pair(self, node: TsNode) -> ast.Pair:
        key = self._field(node, "key")
        atom: ast.Node
        if key.type == "quoted_keyword":
            atom = self.literals.quoted_atom(key, self._parts(key))
        else:
            name = self.literals.name(key).rstrip().removesuffix(":")
            start = key.start_byte
            atom = ast.Atom(self.source.span(start, start + len(name.encode())), name)
        value = self.expr(self._field(node, "value"))
        return ast.Pair(atom.span.to(value.span), atom, value)

    def _map(self, node: TsNode) -> ast.Node:
        span = self.span(node)
        name: ast.Node | None = None
        base: ast.Node | None = None
        entries: tuple[ast.Pair, ...] = ()
        for child in self._children(node):
            if child.type == "struct":
                name = self.expr(self._children(child)[0])
            else:
                base, entries = self._map_content(child)
        if name is None:
            return ast.MapLit(span, base, entries)
        return ast.StructLit(span, name, base, entries)

    def _map_content(self, node: TsNode) -> tuple[ast.Node | None, tuple[ast.Pair, ...]]:
        base: ast.Node | None = None
        entries: list[ast.Pair] = []
        for index, child in enumerate(self._children(node)):
            if index == 0 and child.type == "binary_operator" and self._operator(child) == "|":
                base = self.expr(self._field(child, "left"))
                child = self._field(child, "right")  # noqa: PLW2901 -- what is left of the entry after its base
            if child.type == "keywords":
                entries.extend(self._pairs(child))
            elif child.type == "binary_operator" and self._operator(child) == "=>":
                key, value = self.expr(self._field(child, "left")), self.expr(self._field(child, "right"))
                entries.append(ast.Pair(self.span(child), key, value))
            else:
                self._not_an_entry(child)
        return base, tuple(entries)

    def _not_an_entry(self, node: TsNode) -> None:
        if node.type == "binary_operator" and self._operator(node) == "=":
            key, value = (self._excerpt(self._field(node, side)) for side in ("left", "right"))
            help = f"write `{key}: {value}`"
        else:
            help = "write `name: value`, or `key => value`"
        self._error(
            "HNY0013", f"`{self._excerpt(node)}` is not an entry of a map or struct", self.span(node), help=help
        )

    # --- access and calls -------------------------------------------------------------------------------------------

    def _index(self, node: TsNode) -> ast.Index:
        target, key = self._field(node, "target"), self._field(node, "key")
        return ast.Index(self.span(node), self.expr(target), self.expr(key))

    def _dot(self, node: TsNode) -> ast.Node:
        left, right = self._field(node, "left"), self._field(node, "right")
        base = self.expr(left)
        if right.type == "tuple":
            return ast.MultiAlias(self.span(node), base, self._items(right))
        if right.type == "alias":
            parts = self._alias(right)
            if isinstance(parts, ast.Alias) and isinstance(base, ast.Var):
                return ast.Alias(self.span(node), (base.name, *parts.parts))
        return ast.Dot(self.span(node), base, self._member(right), self.span(right))

    def _member(self, node: TsNode) -> str:
        """The name on the right of a dot."""
        if node.type in ("string", "charlist"):
            atom = self.literals.quoted_atom(node, self._parts(node))
            return atom.name if isinstance(atom, ast.Atom) else ""
        return self.literals.name(node)

    def _call(self, node: TsNode) -> ast.Node:
        target = self._field(node, "target")
        arguments = block = None
        for child in self._children(node):
            if child.type == "arguments":
                arguments = child
            elif child.type == "do_block":
                block = child
        if target.type == "dot" and arguments is None and block is None:
            return self._dot(target)
        args = self._items(arguments) if arguments is not None else ()
        args, do_block = self._do_block(args, block)
        span = self.span(node)
        if target.type == "identifier":
            return ast.Call(span, None, self.literals.name(target), self.span(target), args, do_block)
        if target.type == "dot":
            right = next(iter(target.children_by_field_name("right")), None)
            if right is None:
                if do_block is not None:
                    self._error("HNY0007", "the call of a function value takes no `do`", span)
                return ast.Apply(span, self.expr(self._field(target, "left")), args)
            base = self.expr(self._field(target, "left"))
            return ast.Call(span, base, self._member(right), self.span(right), args, do_block)
        return self._error(
            "HNY0014",
            "the result of a call cannot be called",
            span,
            help="bind it to a variable `f` and call it with `f.(...)`",
        )

    def _do_block(
        self, args: tuple[ast.Node, ...], block: TsNode | None
    ) -> tuple[tuple[ast.Node, ...], ast.DoBlock | None]:
        """Splits a call's arguments into those proper and its `do` block, however that is written."""
        if block is not None:
            return args, self._sections(block)
        last = args[-1] if args else None
        if not isinstance(last, ast.KeywordList) or last.get("do") is None:
            return args, None
        sections: dict[str, ast.Block | ast.Clauses] = {}
        rest: list[ast.Pair] = []
        for pair in last.pairs:
            name = pair.key.name if isinstance(pair.key, ast.Atom) else ""
            if name not in _SECTIONS:
                rest.append(pair)
                continue
            value = pair.value
            section = value if isinstance(value, ast.Block | ast.Clauses) else ast.Block(value.span, (value,))
            self._section(sections, name, section, pair.key.span)
        remaining = args[:-1]
        if rest:
            remaining = (*remaining, ast.KeywordList(rest[0].span.to(rest[-1].span), tuple(rest)))
        return remaining, ast.DoBlock(last.span, **sections)

    def _section(
        self, sections: dict[str, ast.Block | ast.Clauses], name: str, value: ast.Block | ast.Clauses, span: Span
    ) -> None:
        if _SECTIONS[name] in sections:
            self._error("HNY0007", f"a second `{name}`", span, help="keep one of them")
        sections[_SECTIONS[name]] = value

    def _sections(self, node: TsNode) -> ast.DoBlock:
        sections: dict[str, ast.Block | ast.Clauses] = {}
        body: list[TsNode] = []
        for child in self._children(node):
            if child.type.endswith("_block") and child.type != "do_block":
                name = child.type.removesuffix("_block")
                inner = self._arms_or_block(self._children(child), self.span(child))
                self._section(sections, name, inner, self.span(child.children[0]))
            else:
                body.append(child)
        sections["body"] = self._arms_or_block(body, self.span(node))
        return ast.DoBlock(self.span(node), **sections)

    def _arms_or_block(self, nodes: Sequence[TsNode], span: Span) -> ast.Block | ast.Clauses:
        if not any(node.type == "stab_clause" for node in nodes):
            return self.block(nodes, span)
        clauses = self._clauses(nodes)
        return ast.Clauses(clauses[0].span.to(clauses[-1].span) if clauses else span, clauses)

    # --- operators, functions, blocks -------------------------------------------------------------------------------

    def _operator(self, node: TsNode) -> str:
        operator = node.child_by_field_name("operator")
        return operator.type if operator is not None else ""

    def _unary(self, node: TsNode) -> ast.Node:
        op, span = self._operator(node), self.span(node)
        operand = self._field(node, "operand")
        if op == "@":
            return self._attribute(operand, span)
        if op == "&":
            if operand.type == "integer":
                return ast.CaptureArg(span, self.literals.integer(operand).value)
            return ast.Capture(span, self.expr(operand))
        if op == "^":
            if operand.type != "identifier":
                return self._error("HNY0014", "only a variable can be pinned", span, help="bind it to a name first")
            return ast.Pin(span, self.literals.name(operand))
        return ast.Unary(span, op, self.expr(operand))

    def _attribute(self, node: TsNode, span: Span) -> ast.Node:
        operand = self.expr(node)
        if isinstance(operand, ast.Var):
            return ast.Attribute(span, operand.name, None)
        if isinstance(operand, ast.Call) and operand.target is None and operand.do_block is None:
            if len(operand.args) == 1:
                return ast.Attribute(span, operand.name, operand.args[0])
            if not operand.args:
                return ast.Attribute(span, operand.name, None)
        if isinstance(operand, ast.Invalid):
            return operand
        return self._error(
            "HNY0014",
            "an attribute is `@name` or `@name value`",
            span,
            help="put several values into a list `[a, b]` or a tuple `{a, b}`",
        )

    def _binary(self, node: TsNode) -> ast.Node:
        op, span = self._operator(node), self.span(node)
        left, right = self.expr(self._field(node, "left")), self.expr(self._field(node, "right"))
        operator = node.child_by_field_name("operator")
        op_span = self.span(operator) if operator is not None else span
        if op == "not in":
            return ast.Unary(span, "not", ast.Binary(span, "in", op_span, left, right))
        if op == "in" and isinstance(left, ast.Unary) and left.op in ("not", "!"):
            # Elixir reads `not a in b` as `not (a in b)`.
            return ast.Unary(span, left.op, ast.Binary(span, "in", op_span, left.operand, right))
        if op == "=>":
            return self._error("HNY0013", "`=>` stands only between the braces of a map or struct", op_span)
        return ast.Binary(span, op, op_span, left, right)

    def _fn(self, node: TsNode) -> ast.Node:
        return ast.Fn(self.span(node), self._clauses(self._children(node)))

    def _clauses(self, nodes: Sequence[TsNode]) -> tuple[ast.Clause, ...]:
        clauses: list[ast.Clause] = []
        for node in nodes:
            if node.type == "stab_clause":
                clauses.append(self._clause(node))
            else:
                self._error(
                    "HNY0007",
                    f"`{self._excerpt(node)}` stands among `->` clauses, but is none",
                    self.span(node),
                    help="write `pattern -> result`",
                )
        return tuple(clauses)

    def _clause(self, node: TsNode) -> ast.Clause:
        span = self.span(node)
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        guard: ast.Node | None = None
        if left is not None and left.type == "binary_operator":
            guard = self.expr(self._field(left, "right"))
            left = self._field(left, "left")
        patterns = self._items(left) if left is not None else ()
        body = self.block(self._children(right), span) if right is not None else ast.Block(span, ())
        return ast.Clause(span, patterns, guard, body)

    def _parentheses(self, node: TsNode) -> ast.Node:
        children = self._children(node)
        inner = self._arms_or_block(children, self.span(node))
        if isinstance(inner, ast.Block) and len(inner.exprs) == 1:
            return inner.exprs[0]
        return inner
