# SPDX-License-Identifier: Apache-2.0
"""What a module declares: options, attributes, structs, maps, functions and handlers."""

from __future__ import annotations

from collections.abc import Callable

from honey.analysis import map_declarations, struct_declarations
from honey.analysis.constants import Evaluator
from honey.analysis.errors import Report, suggestion
from honey.analysis.map_declarations import MapDeclaration
from honey.analysis.naming import ELIXIR_ATTRIBUTES, Aliases
from honey.analysis.structs import Structs
from honey.analysis.syntax_tree import changed_names
from honey.analysis.types import Types
from honey.analysis.values import Value
from honey.diagnostics import Label
from honey.kernel import sections
from honey.records import dataclass, field
from honey.syntax import ast
from honey.syntax.source import Span

GPL_COMPATIBLE = frozenset(
    {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"}
)


@dataclass(frozen=True, slots=True)
class FunctionClause:
    """One ``def`` of a function: patterns of its parameters, guard, body."""

    patterns: tuple[ast.Node, ...]
    guard: ast.Node | None
    body: ast.Block
    span: Span


@dataclass(slots=True)
class FunctionDeclaration:
    """A function with all its clauses; a handler has a ``section``."""

    name: str
    arity: int
    span: Span
    private: bool
    section: sections.Section | None = None
    doc: str = ""
    clauses: list[FunctionClause] = field(default_factory=list)
    attributes: dict[str, Value] = field(default_factory=dict)
    aliases: Aliases = field(default_factory=Aliases)
    _changed: frozenset[str] | None = field(default=None, repr=False, compare=False)

    def changed_names(self) -> frozenset[str]:
        """The variables that its clauses change in place; looked for once, however often it is analysed."""
        if self._changed is None:
            self._changed = frozenset().union(*(changed_names(clause.body) for clause in self.clauses))
        return self._changed


@dataclass(slots=True)
class _Pending:
    """What was said for the next ``def``."""

    section: sections.Section | None = None
    section_span: Span | None = None
    doc: str = ""


class Module:
    """The declarations of one ``defmodule``, read from top to bottom."""

    def __init__(self, name: str, span: Span, report: Report) -> None:
        """An empty module."""
        self.name = name
        self.span = span
        self.report = report
        self.doc = ""
        self.license = "GPL"
        self.trace = True
        self.used = False
        self.structs = Structs()
        self.types = Types(self.structs, report)
        self.aliases = Aliases({"Bitwise": "Bitwise", "__MODULE__": name})
        self.imports: list[str] = []
        self.attributes: dict[str, Value] = {}
        self.maps: dict[str, MapDeclaration] = {}
        self.functions: dict[tuple[str, int], FunctionDeclaration] = {}
        self.guards: dict[tuple[str, int], FunctionClause] = {}
        self.evaluator = Evaluator(self, report)
        self._pending = _Pending()

    @property
    def gpl(self) -> bool:
        """Whether the kernel takes the licence for compatible with the GPL (include/linux/license.h)."""
        return self.license in GPL_COMPATIBLE

    @property
    def handlers(self) -> list[FunctionDeclaration]:
        """The functions that the kernel calls, in order."""
        return [function for function in self.functions.values() if function.section is not None]

    def read(self, body: ast.Block) -> None:
        """Takes in the module's body; mistakes are reported and the rest is read."""
        struct_declarations.collect(self, body)
        for node in body.exprs:
            with self.report.mending():
                self._declaration(node)
        with self.report.mending():
            self._section_without_function()

    def _declaration(self, node: ast.Node) -> None:
        match node:
            case ast.Attribute(name=name, value=value) if value is not None:
                self._attribute(node, name, value)
            case ast.Call(target=None, name="for"):
                from honey.analysis import unquoting

                for declaration in unquoting.declarations(self, node):
                    self._declaration(declaration)
            case ast.Call(target=None, name=name) if name in _DECLARATIONS:
                _DECLARATIONS[name](self, node)
            case ast.Binary(op="=", left=ast.Var(name=name), right=right):
                self.evaluator.variables[name] = self.evaluator.value(right)
            case ast.Int() | ast.Str() | ast.Atom() | ast.Block(exprs=()):
                pass  # a value that nobody takes
            case _:
                from honey.analysis import unknown_declarations

                if isinstance(node, ast.Call) and node.do_block is not None:
                    self._pending = _Pending()  # what was said for the function that this was to be
                raise unknown_declarations.mistake(self, node, _DECLARATIONS)

    # ------------------------------------------------------------ attributes

    def _attribute(self, node: ast.Attribute, name: str, value: ast.Node) -> None:
        if name == "sec":
            self._section(node, value)
        elif name in ("doc", "moduledoc"):
            text = value.literal if isinstance(value, ast.Str | ast.Sigil) and hasattr(value, "literal") else None
            if name == "doc":
                self._pending.doc = text or ""
            else:
                self.doc = text or ""
        elif name not in ELIXIR_ATTRIBUTES:
            with self.report.declaring("attribute", name):
                self.attributes = {**self.attributes, name: self.evaluator.value(value)}

    def _section(self, node: ast.Attribute, value: ast.Node) -> None:
        section = sections.parse(self.evaluator.text(value, "the section")) if isinstance(value, ast.Str) else None
        if section is None or section.context is None:
            from honey.analysis import section_declarations

            section = section_declarations.checked(self, value)
        if (before := self._pending.section_span) is not None:
            what = f"this section is replaced by that of line {node.span.line}"
            self.report.warn("HNY0111", what, before, help="write a function for each, and let both call a third")
        self._pending.section, self._pending.section_span = section, node.span

    # ------------------------------------------------------------ use, alias, import

    def _use(self, node: ast.Call) -> None:
        name = self._module_name(node)
        if name == "Bitwise":
            return
        self.used = True
        if name != "Honey":
            from honey.analysis import unknown_declarations

            raise unknown_declarations.used_module(self, name, node)
        keywords = node.keywords
        if len(node.args) > 1 + (keywords is not None):
            help = f"write `use Honey, license: {self.report.source.text(node.args[1].span)}`"
            raise self.report.mistake("HNY0106", "an option has a name", node.args[1].span, help=help)
        for pair in keywords.pairs if keywords is not None else ():
            option = pair.key.name if isinstance(pair.key, ast.Atom) else ""
            if isinstance(pair.value, ast.Attribute) and pair.value.value is not None:
                what = f"a value is missing behind `{option}:`"
                raise self.report.mistake("HNY0009", what, pair.key.span, help="it would take the next declaration")
            if option == "license":
                self.license = self.evaluator.text(pair.value, "the licence")
            elif option == "trace":
                self.trace = self.evaluator.truth(pair.value, "trace")
            else:
                raise self.report.mistake(
                    "HNY0106",
                    f"`use Honey` has no option {option}",
                    pair.span,
                    help=suggestion(option, ("license", "trace"), "{}:") or "its options are `license:` and `trace:`",
                )

    def _alias(self, node: ast.Call) -> None:
        read_alias(self.aliases, node, self.report)

    def _import(self, node: ast.Call) -> None:
        self.imports.append(self._module_name(node))

    def _require(self, node: ast.Call) -> None:
        self._module_name(node)

    def _module_name(self, node: ast.Call) -> str:
        first = node.args[0] if node.args else None
        if not isinstance(first, ast.Alias):
            raise self.report.mistake("HNY0103", f"`{node.name}` takes the name of a module", node.span)
        return self.aliases.expand(first.parts)

    # ------------------------------------------------------------ structs, maps, functions

    def _struct(self, node: ast.Call) -> None:
        """Structs have been collected before, so that their order does not matter."""

    def _map(self, node: ast.Call) -> None:
        name = node.args[0].name if node.args and isinstance(node.args[0], ast.Atom) else ""
        with self.report.declaring("map", name):
            declared = map_declarations.read(self, node)
        if (earlier := self.maps.get(declared.name)) is not None:
            raise self.report.mistake(
                "HNY0105", f"there are two maps called {declared.name}", node.span, labels=_earlier(earlier.span)
            )
        declared.doc, self._pending.doc = self._pending.doc, ""
        self.maps[declared.name] = declared

    def _function(self, node: ast.Call) -> None:
        pending, self._pending = self._pending, _Pending()
        if pending.section is not None and node.name == "defp":
            raise self.report.mistake(
                "HNY0107", "a handler is called by the kernel, and not private", node.name_span, help="write `def`"
            )
        clause, name = self._clause(node, may_be_head=pending.section is None)
        is_head = node.do_block is None
        if is_head:
            self._pending.doc = pending.doc
        for patterns in _arities(clause.patterns)[int(is_head) :]:
            self._add_clause(name, node, patterns, clause, pending)

    def _clause(self, node: ast.Call, *, may_be_head: bool = False) -> tuple[FunctionClause, str]:
        """A clause and its name; a head, which tells defaults (``def f(a, b \\\\ 1)``), has an empty body."""
        head: ast.Node | None = node.args[0] if node.args else None
        guard: ast.Node | None = None
        if isinstance(head, ast.Binary) and head.op == "when":
            guard = head.right
            head = head.left
        name, parameters = "", tuple[ast.Node, ...]()
        if isinstance(head, ast.Call) and head.target is None:
            name, parameters = head.name, head.args
        elif isinstance(head, ast.Var):
            name = head.name
        if not name:
            help = f"write `{node.name} name(ctx) do`"
            if isinstance(head, ast.Binary) and head.op == "=" and isinstance(head.left, ast.Call):
                help = f"write `{node.name} {self.report.source.text(head.left.span)} do`"
            raise self.report.mistake("HNY0107", f"`{node.name}` needs a name and parameters", node.span, help=help)
        for parameter in parameters:
            if isinstance(parameter, ast.Call):
                self.report.spoil("function", name)
                text = self.report.source.text(parameter.span)
                missing = f"is a comma missing: `{', '.join(text.split())}`?" if "(" not in text else None
                raise self.report.mistake("HNY0605", "a call cannot stand in a pattern", parameter.span, help=missing)
        body = node.do_block.body if node.do_block is not None else ast.Block(node.span, ())
        if not isinstance(body, ast.Block) or (node.do_block is None and not (may_be_head and parameters)):
            self.report.spoil("function", name)
            if isinstance(body, ast.Clauses):
                span = body.clauses[0].span if body.clauses else node.span
                from honey.syntax.habits import habit_in

                found = habit_in(self.report.source.line(span.line))
                help = found.help if found is not None else "a function without a name is `fn x -> ... end`"
                what = "`->` belongs to `case`, `cond`, `with` and `fn`"
                raise self.report.mistake("HNY0107", what, span, help=help)
            raise self.report.mistake(
                "HNY0107", f"{name} has no body", node.span, help="write `do ... end` or `, do: value`"
            )
        return FunctionClause(tuple(parameters), guard, body, node.span), name

    def _guard(self, node: ast.Call) -> None:
        """``defguard is_even(n) when rem(n, 2) == 0``: a condition with a name."""
        match node.args:
            case (ast.Binary(op="when", left=ast.Call(target=None, name=name, args=parameters), right=condition),):
                pass
            case _:
                raise self.report.mistake(
                    "HNY0107",
                    f"`{node.name}` needs a name, parameters and a condition",
                    node.span,
                    help=f"write `{node.name} is_even(n) when rem(n, 2) == 0`",
                )
        body = ast.Block(condition.span, (condition,))
        self.guards[name, len(parameters)] = FunctionClause(tuple(parameters), None, body, node.span)

    def _section_without_function(self) -> None:
        if (span := self._pending.section_span) is not None:
            help = "write `def name(ctx) do ... end` behind it, or remove it"
            raise self.report.mistake("HNY0108", "no function follows this section", span, help=help)

    def _add_clause(
        self,
        name: str,
        node: ast.Call,
        patterns: tuple[tuple[ast.Node, ...], tuple[ast.Node, ...]],
        clause: FunctionClause,
        pending: _Pending,
    ) -> None:
        parameters, defaults = patterns
        arity = len(parameters)
        declared = self.functions.get((name, arity))
        if declared is None:
            declared = FunctionDeclaration(name, arity, node.name_span.to(clause.span), node.name == "defp")
            declared.section, declared.doc = pending.section, pending.doc
            if declared.section is not None and arity != 1:
                raise self.report.mistake(
                    "HNY0604",
                    f"the handler {name} takes {arity} parameters, the kernel gives one: the context",
                    node.span,
                    help=f"write `def {name}(ctx) do`",
                )
            self.functions[name, arity] = declared
        elif pending.section is not None:
            raise self.report.mistake(
                "HNY0105",
                f"there are two handlers called {name}",
                node.span,
                help="give each its own name: it is the name of the program in the kernel (further clauses of a handler"
                " have no `@sec`)",
                labels=_earlier(declared.span),
            )
        body = clause.body if not defaults else _delegate(name, clause, parameters, defaults)
        declared.clauses.append(FunctionClause(parameters, clause.guard if not defaults else None, body, clause.span))
        declared.attributes, declared.aliases = self.attributes, self.aliases.copy()


def _earlier(span: Span) -> tuple[Label, ...]:
    return (Label(span, "the first one"),)


def _arities(parameters: tuple[ast.Node, ...]) -> list[tuple[tuple[ast.Node, ...], tuple[ast.Node, ...]]]:
    """The full parameter list and, for each number of defaults left out, the shorter one with what it passes on."""
    plain = tuple(p.left if isinstance(p, ast.Binary) and p.op == "\\\\" else p for p in parameters)
    found: list[tuple[tuple[ast.Node, ...], tuple[ast.Node, ...]]] = [(plain, ())]
    optional = [i for i, p in enumerate(parameters) if isinstance(p, ast.Binary) and p.op == "\\\\"]
    for count in range(1, len(optional) + 1):
        missing = optional[-count:]
        kept = tuple(ast.Var(p.span, f"arg{i}") for i, p in enumerate(plain) if i not in missing)
        names = iter(kept)
        passed = tuple(
            p.right if i in missing and isinstance(p, ast.Binary) else next(names) for i, p in enumerate(parameters)
        )
        found.append((kept, passed))
    return found


def _delegate(
    name: str, clause: FunctionClause, parameters: tuple[ast.Node, ...], passed: tuple[ast.Node, ...]
) -> ast.Block:
    """The body of a shorter variant: a call of the full one."""
    del parameters
    call = ast.Call(clause.span, None, name, clause.span, passed, None)
    return ast.Block(clause.span, (call,))


def read_alias(aliases: Aliases, node: ast.Call, report: Report) -> None:
    """``alias A.B``, ``alias A.B, as: C``, ``alias A.{B, C}``."""
    match node.args:
        case (ast.Alias(parts=parts),):
            aliases.add(aliases.expand(parts))
        case (ast.Alias(parts=parts), ast.KeywordList() as options) if isinstance(
            short := options.get("as"), ast.Alias
        ):
            aliases.add(aliases.expand(parts), short.name)
        case (ast.MultiAlias(base=ast.Alias(parts=parts), aliases=inner), *_):
            for item in inner:
                if isinstance(item, ast.Alias):
                    aliases.add(aliases.expand((*parts, *item.parts)))
        case (ast.Var(name="__MODULE__"), ast.KeywordList() as options) if isinstance(
            short := options.get("as"), ast.Alias
        ):
            aliases.add(aliases.expand(("__MODULE__",)), short.name)
        case _:
            raise report.mistake("HNY0103", "`alias` takes the name of a module", node.span)


_DECLARATIONS: dict[str, Callable[[Module, ast.Call], None]] = {
    "use": Module._use,
    "alias": Module._alias,
    "import": Module._import,
    "require": Module._require,
    "defstruct": Module._struct,
    "defmap": Module._map,
    "def": Module._function,
    "defp": Module._function,
    "defguard": Module._guard,
    "defguardp": Module._guard,
}
