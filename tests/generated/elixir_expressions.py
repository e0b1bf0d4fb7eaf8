# SPDX-License-Identifier: Apache-2.0
"""Pure expressions that are valid in Elixir and in Honey.

They may raise: a division by zero, no clause that matches. What is compared is then that both raise.
"""

from __future__ import annotations

from collections.abc import Callable

from elixir_kinds import (
    ATOMS,
    TEXTS,
    Atom,
    Chance,
    Env,
    Function,
    Kind,
    List,
    Maybe,
    Number,
    Pattern,
    Point,
    Record,
    Result,
    Text,
    Truth,
    Tuple,
    pattern,
)

_INDENT = "  "


def indented(text: str) -> str:
    """``text`` two columns to the right."""
    return "\n".join(_INDENT + line for line in text.splitlines())


class Writer:
    """Writes one case: an expression, and the definitions that it needs."""

    def __init__(self, draw: Callable[[int], int]) -> None:
        """Decisions by ``draw``, which gives a number below its argument."""
        self.chance = Chance(draw)
        self.definitions: list[str] = []

    # ------------------------------------------------------------ kinds and blocks

    def kind(self, depth: int = 2) -> Kind:
        """Any kind of value."""
        made: list[Callable[[], Kind]] = [
            Number,
            Number,
            Truth,
            Atom,
            Text,
            Point,
        ]
        if depth:
            made += [
                lambda: Maybe(Number()),
                lambda: Maybe(Tuple((Number(), Number()))),
                lambda: Tuple(tuple(self.kind(depth - 1) for _ in range(self.chance.number(1, 3)))),
                lambda: List((Number(),) * self.chance.number(0, 4)),
                lambda: List((Tuple((Number(), Truth())),) * self.chance.number(1, 3)),
                lambda: Record(self.kind(0), self.kind(0)),
                lambda: Result(Number(), self.kind(0)),
            ]
        return self.chance.pick(made)()

    def block(self, kind: Kind, env: Env, depth: int) -> str:
        """Statements that bind names, and an expression of ``kind``."""
        env, lines = dict(env), list[str]()
        for _ in range(self.chance.number(0, 2) if depth > 1 else 0):
            lines.append(self.binding(env, depth - 1))
        return "\n".join((*lines, self.value(kind, env, depth)))

    def binding(self, env: Env, depth: int) -> str:
        """``pattern = value``; adds to ``env`` what it binds."""
        if self.chance.one_in(3):
            kind = self.kind()
            right = self.value(kind, env, depth)
            found = pattern(self.chance, kind, env)
            if found.sure or self.chance.one_in(5):
                env.update(found.bound)
                return f"{found.text} = {right}"
        kind = Function(self.kind(0)) if self.chance.one_in(6) else self.kind()
        right = self.value(kind, env, depth)
        name = self.chance.pick(("a", "b", "x", "y", "z", "p", "q", "r"))
        env[name] = kind
        return f"{name} = {right}"

    def value(self, kind: Kind, env: Env, depth: int) -> str:
        """An expression of ``kind``."""
        names = [name for name, found in env.items() if found == kind]
        if names and self.chance.one_in(3):
            return self.chance.pick(names)
        if depth > 0 and self.chance.one_in(4):
            return self.branches(kind, env, depth)
        match kind:
            case Number():
                return self.number(env, depth)
            case Truth():
                return self.truth(env, depth)
            case Atom():
                return self.chance.pick(ATOMS)
            case Text():
                return self.text(env, depth)
            case Record(k, l):
                return self.record(
                    kind, f"%{{k: {self.value(k, env, depth - 1)}, l: {self.value(l, env, depth - 1)}}}", env
                )
            case Function(result):
                body = self.block(result, {**env, "x": Number()}, min(depth - 1, 2))
                return f"fn x ->\n{indented(body)}\nend"
            case Maybe(inner):
                return self.maybe(inner, env, depth)
            case Point():
                return self.point(env, depth)
            case Tuple(items):
                return f"{{{self.values(items, env, depth)}}}"
            case List(items):
                return self.list(items, env, depth)
            case Result(ok, error):
                return self.result(ok, error, env, depth)

    def values(self, kinds: tuple[Kind, ...], env: Env, depth: int) -> str:
        """Several expressions with commas between."""
        return ", ".join(self.value(kind, env, depth - 1) for kind in kinds)

    # ------------------------------------------------------------ constructs

    def branches(self, kind: Kind, env: Env, depth: int) -> str:
        """``if``, ``cond``, ``case``, ``with``, a function's call."""
        make = self.chance.pick((self.if_, self.cond, self.case, self.case, self.with_, self.call, self.anonymous))
        return make(kind, env, depth)

    def if_(self, kind: Kind, env: Env, depth: int) -> str:
        word = "if" if self.chance.one_in(2) else "unless"
        test = self.truth(env, depth - 1)
        if self.chance.one_in(2):
            return f"{word}({test}, do: {self.value(kind, env, depth - 1)}, else: {self.value(kind, env, depth - 1)})"
        bodies = [indented(self.block(kind, env, depth - 1)) for _ in range(2)]
        return f"({word} {test} do\n{bodies[0]}\nelse\n{bodies[1]}\nend)"

    def cond(self, kind: Kind, env: Env, depth: int) -> str:
        rows = [
            f"{self.truth(env, depth - 1)} ->\n{indented(self.block(kind, env, depth - 1))}"
            for _ in range(self.chance.number(1, 2))
        ]
        if not self.chance.one_in(6):
            rows.append(f"true ->\n{indented(self.block(kind, env, depth - 1))}")
        return f"(cond do\n{indented(chr(10).join(rows))}\nend)"

    def case(self, kind: Kind, env: Env, depth: int) -> str:
        of = self.kind()
        value = self.value(of, env, depth - 1)
        return f"(case {value} do\n{indented(self.clauses((of,), kind, env, depth))}\nend)"

    def clauses(self, of: tuple[Kind, ...], kind: Kind, env: Env, depth: int) -> str:
        """Clauses `pattern when guard -> value` for values of the kinds in ``of``, most of the time for all."""
        rows = []
        for _ in range(self.chance.number(1, 3)):
            found, guard = self.clause(of, env, depth)
            body = indented(self.block(kind, {**env, **found.bound}, depth - 1))
            rows.append(f"{found.text}{guard} ->\n{body}")
        if not self.chance.one_in(6):
            rows.append(f"{', '.join('_' for _ in of)} ->\n{indented(self.block(kind, env, depth - 1))}")
        return "\n".join(rows)

    def clause(self, of: tuple[Kind, ...], env: Env, depth: int) -> tuple[Pattern, str]:
        """The patterns of a clause, with a guard at times."""
        parts = [pattern(self.chance, one, env) for one in of]
        bound: Env = {}
        for part in parts:
            bound.update({name: kind for name, kind in part.bound.items() if name not in bound})
        guard = f" when {self.guard({**env, **bound}, depth - 1)}" if self.chance.one_in(3) else ""
        return Pattern(", ".join(part.text for part in parts), bound, False), guard

    def guard(self, env: Env, depth: int) -> str:
        """A condition that may stand behind ``when``."""
        numbers = [name for name, kind in env.items() if isinstance(kind, Number)]
        if not numbers:
            return "true"
        one, other = (self.chance.pick(numbers) for _ in range(2))
        small = self.chance.number(-3, 5)
        test = self.chance.pick(
            (
                f"{one} > {small}",
                f"{one} == {other}",
                f"{one} in [1, {small}]",
                f"{one} in -2..5",
                f"rem({one}, 2) == 0",
                f"div({small}, {one}) > 0",
                f"abs({one}) <= {other}",
                f"is_integer({one})",
                f"not ({one} < {other})",
            )
        )
        if depth > 0 and self.chance.one_in(3):
            return f"{test} {self.chance.pick(('and', 'or', 'when'))} {self.guard(env, depth - 1)}"
        return test

    def with_(self, kind: Kind, env: Env, depth: int) -> str:
        inner, steps = dict(env), list[str]()
        for _ in range(self.chance.number(1, 2)):
            of = self.kind()
            value = self.value(of, inner, depth - 1)
            found, guard = self.clause((of,), inner, 1)
            steps.append(f"{found.text}{guard} <- {value}")
            inner.update(found.bound)
        body = indented(self.block(kind, inner, depth - 1))
        other = indented(f"_ ->\n{indented(self.block(kind, env, depth - 1))}")
        return f"(with {', '.join(steps)} do\n{body}\nelse\n{other}\nend)"

    def call(self, kind: Kind, env: Env, depth: int) -> str:
        """A call of a function of its own, which has clauses."""
        of = tuple(self.kind(1) for _ in range(self.chance.number(1, 2)))
        name = f"f{len(self.definitions) + 1}"
        self.definitions.append("")
        number = len(self.definitions) - 1
        rows = []
        for _ in range(self.chance.number(1, 3)):
            found, guard = self.clause(of, {}, depth)
            body = indented(self.block(kind, found.bound, depth - 1))
            rows.append(f"defp {name}({found.text}){guard} do\n{body}\nend")
        if not self.chance.one_in(6):
            rows.append(f"defp {name}({', '.join('_' for _ in of)}), do: {self.value(kind, {}, 0)}")
        self.definitions[number] = "\n".join(rows)
        return f"{name}({self.values(of, env, depth)})"

    def anonymous(self, kind: Kind, env: Env, depth: int) -> str:
        """A function made and called at once."""
        of = tuple(self.kind(1) for _ in range(self.chance.number(1, 2)))
        return f"(fn\n{indented(self.clauses(of, kind, env, depth))}\nend).({self.values(of, env, depth)})"

    # ------------------------------------------------------------ values

    def number(self, env: Env, depth: int) -> str:
        """An integer."""
        from elixir_numbers import number

        return number(self, env, depth)

    def truth(self, env: Env, depth: int) -> str:
        """A condition."""
        from elixir_numbers import truth

        return truth(self, env, depth)

    def maybe(self, inner: Kind, env: Env, depth: int) -> str:
        """A value or nil."""
        if depth <= 0:
            return "nil" if self.chance.one_in(2) else self.value(inner, env, depth)
        test, value = self.truth(env, depth - 1), self.value(inner, env, depth - 1)
        forms = [f"if({test}, do: {value})", f"if({test}, do: nil, else: {value})", f"unless({test}, do: {value})"]
        if isinstance(inner, Number):
            numbers = self.value(List((inner,) * 3), env, depth - 1)
            forms.append(f"Enum.find({numbers}, &(&1 > {self.chance.number(-2, 4)}))")
            forms.append(f"({self.value(Maybe(inner), env, depth - 1)} || {self.value(Maybe(inner), env, depth - 1)})")
            forms.append(f"({self.value(Maybe(inner), env, depth - 1)} && {self.value(Maybe(inner), env, depth - 1)})")
        return self.chance.pick(forms)

    def point(self, env: Env, depth: int) -> str:
        """``%point{}``."""
        x, y = (self.value(Number(), env, depth - 1) for _ in range(2))
        names = [name for name, kind in env.items() if kind == Point()]
        if names and self.chance.one_in(2):
            return f"%{{{self.chance.pick(names)} | {self.chance.pick(('x', 'y'))}: {x}}}"
        return self.chance.pick((f"%point{{x: {x}, y: {y}}}", f"%point{{y: {y}}}", "%point{}"))

    def text(self, env: Env, depth: int) -> str:
        """A text of those that are known."""
        plain = self.chance.pick(TEXTS)
        if depth <= 0 or self.chance.one_in(3):
            return plain
        forms = (
            f"if({self.truth(env, depth - 1)}, do: {plain}, else: {self.text(env, depth - 1)})",
            f"to_string({self.chance.pick(ATOMS)})",
            f'"a#{{{self.chance.number(0, 12)}}}"',
            f"({self.chance.pick(TEXTS)} <> {plain})",
        )
        return self.chance.pick(forms)

    def record(self, kind: Record, plain: str, env: Env) -> str:
        """A map, or a copy of one with a change."""
        names = [name for name, found in env.items() if found == kind]
        if not names or self.chance.one_in(2):
            return plain
        field, of = self.chance.pick((("k", kind.k), ("l", kind.l)))
        return f"%{{{self.chance.pick(names)} | {field}: {self.value(of, env, 1)}}}"

    def list(self, items: tuple[Kind, ...], env: Env, depth: int) -> str:
        """A list."""
        plain = f"[{self.values(items, env, depth)}]"
        if depth <= 0 or not items:
            return plain
        forms = [plain, f"Enum.reverse({plain})"]
        if len(set(items)) == 1:
            inner = {**env, "x": items[0]}
            body = self.value(items[0], inner, depth - 1)
            forms += [f"Enum.map({plain}, fn x -> {body} end)", f"for(x <- {plain}, do: {body})"]
            forms.append(f"[{self.value(items[0], env, depth - 1)} | {self.list(items[1:], env, depth - 1)}]")
            forms.append(f"({self.list(items[1:], env, depth - 1)} ++ [{self.value(items[0], env, depth - 1)}])")
            forms.append(f"Enum.take({self.list((*items, items[0]), env, depth - 1)}, {len(items)})")
        return self.chance.pick(forms)

    def result(self, ok: Kind, error: Kind, env: Env, depth: int) -> str:
        """``{:ok, value}``, ``{:error, value}`` or ``:none``."""
        choices = [
            f"{{:ok, {self.value(ok, env, depth - 1)}}}",
            f"{{:error, {self.value(error, env, depth - 1)}}}",
            ":none",
        ]
        if depth <= 0:
            return self.chance.pick(choices)
        one, other = (choices.pop(self.chance.number(0, len(choices) - 1)) for _ in range(2))
        return f"if({self.truth(env, depth - 1)}, do: {one}, else: {other})"


def case(draw: Callable[[int], int], depth: int) -> tuple[str, list[str]]:
    """The body and the definitions of a case over `a`, `b`, `c`."""
    writer = Writer(draw)
    env: Env = dict.fromkeys("abc", Number())
    kind = Tuple((writer.kind(0), Number())) if writer.chance.one_in(3) else Number()
    body = writer.block(kind, env, depth)
    return body, [definition for definition in writer.definitions if definition]
