# SPDX-License-Identifier: Apache-2.0
"""The surface syntax tree: Elixir's quoted form with types.

What Elixir's own parser makes one thing is one thing here too:

* `if x, do: a, else: b` and `if x do a else b end` both are a `Call` with a `DoBlock`;
* `nil`, `true`, `false` are `Atom`s;
* parentheses around one expression leave no trace, `(a; b)` is a `Block`;
* `?a` is an `Int`;
* `a not in b` is `Unary("not", Binary("in", a, b))`.

What it leaves open is kept apart where the compiler needs it: `ctx.len` (`Dot`) is not `ctx.len()` (`Call`), and a
name without arguments or parentheses is a `Var`, which may turn out to be a call of a local function.

Spans do not take part in comparison, so that trees from differently laid out sources can be compared.
"""

from __future__ import annotations

from honey.records import dataclass, field
from honey.syntax.source import Span


@dataclass(frozen=True, slots=True)
class Node:
    """Anything with a place in the source."""

    span: Span = field(compare=False, repr=False)


# --- literals -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Int(Node):
    """`42`, `0xFF`, `10_240`, `?a`: never negative (a sign is a `Unary`), and below 2**64."""

    value: int


@dataclass(frozen=True, slots=True)
class Float(Node):
    value: float


@dataclass(frozen=True, slots=True)
class Interpolation(Node):
    """`#{expr}` in a string. The expression may be an empty `Block`."""

    expr: Node


@dataclass(frozen=True, slots=True)
class Str(Node):
    """`"text #{expr}"` and heredocs; escapes are resolved. Adjacent text is one part; `""` has no parts."""

    parts: tuple[str | Interpolation, ...]

    @property
    def literal(self) -> str | None:
        """The text if there is no interpolation, else `None`."""
        if any(isinstance(part, Interpolation) for part in self.parts):
            return None
        return "".join(part for part in self.parts if isinstance(part, str))


@dataclass(frozen=True, slots=True)
class Charlist(Node):
    """`'text'`."""

    parts: tuple[str | Interpolation, ...]


@dataclass(frozen=True, slots=True)
class Sigil(Node):
    """`~s(text)mods`. Escapes are resolved for lower-case names only."""

    name: str
    parts: tuple[str | Interpolation, ...]
    modifiers: str


@dataclass(frozen=True, slots=True)
class Atom(Node):
    """`:name`, `:"any text"`, a keyword's key, and `nil`, `true`, `false`."""

    name: str


@dataclass(frozen=True, slots=True)
class AtomText(Node):
    """`:"text #{expr}"`: an atom whose name is only known after the expressions are."""

    parts: tuple[str | Interpolation, ...]


# --- names ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Var(Node):
    """A lower-case name without arguments or parentheses (also `_`, `__MODULE__`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Alias(Node):
    """`Honey.BpfHelpers`; also `Honey.Net.IPPROTO_UDP`, which Elixir reads the same way."""

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class MultiAlias(Node):
    """`Honey.{BpfHelpers, Net}`."""

    base: Node
    aliases: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """`@name` (reading it) or `@name value` (setting it)."""

    name: str
    value: Node | None


@dataclass(frozen=True, slots=True)
class Pin(Node):
    """`^name` in a pattern."""

    name: str


# --- collections ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair(Node):
    """`key: value` or, in maps and structs, `key => value`. The key of the first form is an `Atom`."""

    key: Node
    value: Node


@dataclass(frozen=True, slots=True)
class KeywordList(Node):
    """`[a: 1, b: 2]`, and the keywords at the end of a call's arguments: for Elixir these are the same."""

    pairs: tuple[Pair, ...]

    def get(self, name: str) -> Node | None:
        """The value under the key `name`, or `None`."""
        for pair in self.pairs:
            if isinstance(pair.key, Atom) and pair.key.name == name:
                return pair.value
        return None


@dataclass(frozen=True, slots=True)
class Tuple(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListLit(Node):
    """`[a, b]`, `[head | tail]`, `[1, key: 2]` (the latter's last items are `Pair`s)."""

    items: tuple[Node, ...]
    tail: Node | None


@dataclass(frozen=True, slots=True)
class MapLit(Node):
    """`%{a: 1}`, `%{k => v}`, and with a base `%{base | a: 1}`."""

    base: Node | None
    entries: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class StructLit(Node):
    """`%flow{pid: 1}`, `%Module.Name{}`, `%name{base | pid: 1}`. `name` is a `Var`, `Alias`, `Pin`, ..."""

    name: Node
    base: Node | None
    entries: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Bitstring(Node):
    """`<<a::8, rest::binary>>`; a segment with a type is a `Binary("::")`."""

    segments: tuple[Node, ...]


# --- access and calls -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dot(Node):
    """`target.name` without parentheses or arguments."""

    target: Node
    name: str
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`target[key]`."""

    target: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`name(args)`, `name args`, `target.name(args)`, each with or without `do ... end`.

    Keyword arguments are one final `KeywordList` in `args`. The keywords `do:`, `else:`, ... of
    `if x, do: a, else: b` are not among them: they are the `do_block`.
    `definition` heads, `if`, `case`, `for`, `alias`, ... are all calls, as in Elixir.
    """

    target: Node | None
    name: str
    name_span: Span = field(compare=False, repr=False)
    args: tuple[Node, ...]
    do_block: DoBlock | None

    @property
    def keywords(self) -> KeywordList | None:
        """The keyword arguments (or a bracketed keyword list as the last argument)."""
        return self.args[-1] if self.args and isinstance(self.args[-1], KeywordList) else None

    @property
    def positional(self) -> tuple[Node, ...]:
        """The arguments before the keywords."""
        return self.args[:-1] if self.keywords is not None else self.args


@dataclass(frozen=True, slots=True)
class Apply(Node):
    """`fun.(args)`: the call of a value."""

    function: Node
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class UnquotedCall(Node):
    """`unquote(name)(args)`: a call, or the head of a definition, whose name is put in."""

    name: Node
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class DoBlock(Node):
    """What stands between `do` and `end`. A section holds expressions (`Block`) or `->` arms (`Clauses`)."""

    body: Block | Clauses
    else_: Block | Clauses | None = None
    rescue: Block | Clauses | None = None
    catch: Block | Clauses | None = None
    after: Block | Clauses | None = None


# --- operators, functions, blocks -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`left op right`, for every infix operator: `=`, `==`, `+`, `|>`, `..`, `when`, `<-`, `::`, `in`, `and`, ...

    A range with a step, `a..b//c`, is `Binary("//", Binary("..", a, b), c)`.
    """

    op: str
    op_span: Span = field(compare=False, repr=False)
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`op operand` for `-`, `+`, `!`, `not`, `~~~`; `@`, `&` and `^` have nodes of their own."""

    op: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Capture(Node):
    """`&(&1 + 1)`, `&name/1`."""

    expr: Node


@dataclass(frozen=True, slots=True)
class CaptureArg(Node):
    """`&1` inside a `Capture`."""

    index: int


@dataclass(frozen=True, slots=True)
class Clause(Node):
    """`patterns when guard -> body`."""

    patterns: tuple[Node, ...]
    guard: Node | None
    body: Block


@dataclass(frozen=True, slots=True)
class Clauses(Node):
    """The `->` arms of a `case`, `cond`, `with ... else`, ..."""

    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Fn(Node):
    """`fn a, b -> body end`."""

    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Block(Node):
    """Expressions one after the other; the last one's value counts. Empty stands for `nil`."""

    exprs: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Invalid(Node):
    """What could not be understood. The parser has reported it: later steps never see a file that has one."""


@dataclass(frozen=True, slots=True)
class File(Node):
    """A whole source file."""

    body: Block
