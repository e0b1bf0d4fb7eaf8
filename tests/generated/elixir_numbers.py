# SPDX-License-Identifier: Apache-2.0
"""Numbers and conditions of generated expressions: operators, and what takes other values apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from elixir_kinds import (
    TEXTS,
    Atom,
    Env,
    Function,
    Kind,
    List,
    Maybe,
    Number,
    Point,
    Record,
    Result,
    Text,
    Truth,
    Tuple,
    pattern,
)

if TYPE_CHECKING:
    from elixir_expressions import Writer

NUMBER = Number()
_SUMS = ("+", "-", "*", "&&&", "|||")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=", "===", "!==")


def number(w: Writer, env: Env, depth: int) -> str:
    """An integer."""
    if depth <= 0:
        names = [name for name, kind in env.items() if kind == NUMBER]
        if names and not w.chance.one_in(3):
            return w.chance.pick(names)
        return str(w.chance.number(-3, 9))
    return w.chance.pick(_NUMBERS)(w, env, depth - 1)


def _operation(w: Writer, env: Env, depth: int) -> str:
    return f"({number(w, env, depth)} {w.chance.pick(_SUMS)} {number(w, env, depth)})"


def _call(w: Writer, env: Env, depth: int) -> str:
    name = w.chance.pick(
        ("div", "rem", "Integer.mod", "Integer.floor_div", "max", "min", "bxor", "band", "bor", "Kernel.max")
    )
    return f"{name}({number(w, env, depth)}, {number(w, env, depth)})"


def _one(w: Writer, env: Env, depth: int) -> str:
    inner = number(w, env, depth)
    forms = (
        f"(-({inner}))",
        f"abs({inner})",
        f"(~~~({inner}))",
        f"bnot({inner})",
        f"({inner} <<< {w.chance.number(-1, 3)})",
        f"({inner} >>> {w.chance.number(-1, 9)})",
        f"({inner} >>> ({number(w, env, 0)} &&& 7))",
        f"({inner} ** 2)",
        f"trunc({inner})",
        f"({inner} |> then(&(&1 - {w.chance.number(0, 5)})))",
        f"({inner} |> tap(&(&1 + 1)) |> Kernel.+(1))",
        f"(&(&1 * 2 + &1)).({inner})",
    )
    return w.chance.pick(forms)


def _of_tuple(w: Writer, env: Env, depth: int) -> str:
    items: list[Kind] = [w.kind(0) for _ in range(w.chance.number(0, 2))]
    at = w.chance.number(0, len(items))
    items.insert(at, NUMBER)
    return f"elem({w.value(Tuple(tuple(items)), env, depth)}, {at})"


def _of_point(w: Writer, env: Env, depth: int) -> str:
    name = next((name for name, kind in env.items() if kind == Point()), None)
    field = w.chance.pick(("x", "y"))
    return f"{name}.{field}" if name is not None else f"{w.value(Point(), env, depth)}.{field}"


def _of_list(w: Writer, env: Env, depth: int) -> str:
    count = w.chance.number(1, 3)
    items = w.value(List((NUMBER,) * count), env, depth)
    inner = {**env, "x": NUMBER}
    turn = {**inner, "acc": NUMBER}
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"hd({items})",
        lambda: f"length({items})",
        lambda: f"Enum.sum({items})",
        lambda: f"Enum.max({items})",
        lambda: f"Enum.min({items})",
        lambda: f"Enum.at({items}, {w.chance.number(-count, count - 1)})",
        lambda: f"List.last({items})",
        lambda: f"Enum.count({items}, fn x -> {truth(w, inner, depth - 1)} end)",
        lambda: f"Enum.reduce({items}, {number(w, env, 0)}, fn x, acc -> {w.value(NUMBER, turn, depth)} end)",
        lambda: f"Enum.reduce({items}, fn x, acc -> {w.value(NUMBER, turn, depth)} end)",
        lambda: f"(Enum.find_index({items}, fn x -> {truth(w, inner, depth - 1)} end) || -1)",
        lambda: f"Enum.sum(for x <- {items}, y <- [1, 2], do: x * y)",
        lambda: f"(for x <- {items}, {truth(w, inner, 0)}, reduce: 0 do\n  acc -> acc + x\nend)",
    )
    return w.chance.pick(forms)()


def _of_range(w: Writer, env: Env, depth: int) -> str:
    first, last = w.chance.number(-2, 3), w.chance.number(-1, 5)
    step = w.chance.pick((1, 2, 3)) * (1 if first <= last else -1)
    numbers = w.chance.pick((f"{first}..{last}", f"{first}..{last}//{step}"))
    inner = {**env, "x": NUMBER}
    turn = {**inner, "acc": NUMBER}
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"Enum.sum({numbers})",
        lambda: f"Enum.count({numbers})",
        lambda: f"Enum.count({numbers}, fn x -> {truth(w, inner, depth - 1)} end)",
        lambda: f"Enum.reduce({numbers}, {number(w, env, 0)}, fn x, acc -> {w.value(NUMBER, turn, depth)} end)",
        lambda: f"Enum.sum(Enum.map({numbers}, fn x -> {w.value(NUMBER, inner, depth)} end))",
        lambda: f"(for x <- {numbers}, {truth(w, inner, 0)}, reduce: 0 do\n  acc -> acc * 2 + x\nend)",
    )
    return w.chance.pick(forms)()


def _of_record(w: Writer, env: Env, depth: int) -> str:
    kinds = (Record(NUMBER, w.kind(0)), Record(w.kind(0), NUMBER))
    number_in = w.chance.number(0, 1)
    value = w.value(kinds[number_in], env, depth)
    field = ("k", "l")[number_in]
    forms = (
        f"({value}).{field}",
        f"Map.get({value}, :{field})",
        f"Map.fetch!({value}, :{field})",
        f"({value})[:{field}]",
    )
    return w.chance.pick(forms)


def _of_text(w: Writer, env: Env, depth: int) -> str:
    return f"byte_size({w.value(Text(), env, depth)})"


def _of_function(w: Writer, env: Env, depth: int) -> str:
    names = [name for name, kind in env.items() if kind == Function(NUMBER)]
    if names and not w.chance.one_in(4):
        return f"{w.chance.pick(names)}.({number(w, env, depth)})"
    return f"({w.value(Function(NUMBER), env, depth)}).({number(w, env, depth)})"


def _accumulated(w: Writer, env: Env, depth: int) -> str:
    items = w.value(List((NUMBER,) * w.chance.number(1, 3)), env, depth)
    inner = {**env, "x": NUMBER, "p": NUMBER, "q": NUMBER}
    one, other, test = w.value(NUMBER, inner, depth), w.value(NUMBER, inner, 0), truth(w, {**env, "x": NUMBER}, 0)
    first = f"if({test}, do: {{:halt, p}}, else: {{:cont, x}})"
    forms = (
        f"elem(Enum.reduce({items}, {{0, 1}}, fn x, {{p, q}} -> {{{one}, {other}}} end), {w.chance.number(0, 1)})",
        f"Enum.reduce_while({items}, 0, fn x, p -> {{:cont, p + x}} end)",
        f"(for x <- {items}, reduce: {{0, 1}} do\n  {{p, q}} -> {{{one}, p}}\nend |> elem(0))",
        f"Enum.reduce_while({items}, 0, fn x, p -> {first} end)",
        f"length(Enum.reduce({items}, [], fn x, acc -> [x | acc] end))",
        f"(Enum.reduce({items}, nil, fn x, p -> if({test}, do: x, else: p) end) || -1)",
    )
    return w.chance.pick(forms)


def _of_maybe(w: Writer, env: Env, depth: int) -> str:
    return f"({w.value(Maybe(NUMBER), env, depth)} || {number(w, env, depth)})"


def _chosen(w: Writer, env: Env, depth: int) -> str:
    return w.branches(NUMBER, env, depth)


_NUMBERS = (
    *(_operation, _operation, _operation, _call, _call, _one, _one, _chosen, _chosen),
    *(_of_tuple, _of_point, _of_list, _of_range, _of_maybe, _of_record, _of_text, _of_function, _accumulated),
)


# ---------------------------------------------------------------- conditions


def truth(w: Writer, env: Env, depth: int) -> str:
    """A condition."""
    if depth <= 0:
        one, other = number(w, env, 0), number(w, env, 0)
        return f"{one} {w.chance.pick(_COMPARISONS)} {other}"
    return w.chance.pick(_TRUTHS)(w, env, depth - 1)


def _compared(w: Writer, env: Env, depth: int) -> str:
    return f"({number(w, env, depth)} {w.chance.pick(_COMPARISONS)} {number(w, env, depth)})"


def _equal(w: Writer, env: Env, depth: int) -> str:
    kind = w.kind()
    return f"({w.value(kind, env, depth)} {w.chance.pick(('==', '!='))} {w.value(kind, env, depth)})"


def _logic(w: Writer, env: Env, depth: int) -> str:
    word = w.chance.pick(("and", "or", "&&", "||"))
    return f"({truth(w, env, depth)} {word} {truth(w, env, depth)})"


def _not(w: Writer, env: Env, depth: int) -> str:
    return w.chance.pick((f"not ({truth(w, env, depth)})", f"!({w.value(Maybe(NUMBER), env, depth)})"))


def _tested(w: Writer, env: Env, depth: int) -> str:
    maybe = w.value(Maybe(NUMBER), env, depth)
    result = w.value(Result(NUMBER, Truth()), env, depth)
    return w.chance.pick(
        (f"is_nil({maybe})", f"({maybe} == nil)", f"is_integer({maybe})", f"is_atom({result})", f"is_tuple({result})")
    )


def _member(w: Writer, env: Env, depth: int) -> str:
    one, items = number(w, env, depth), w.value(List((NUMBER,) * 2), env, depth)
    word = w.chance.pick(("in", "not in"))
    first, last = w.chance.number(-5, 3), w.chance.number(-3, 9)
    step = w.chance.pick((2, 3)) * (1 if first <= last else -1)
    forms = (
        f"({one} {word} {items})",
        f"({one} {word} {first}..{last})",
        f"({one} {word} {first}..{last}//{step})",
        f"Enum.member?({items}, {one})",
    )
    return w.chance.pick(forms)


def _quantified(w: Writer, env: Env, depth: int) -> str:
    items = w.value(List((NUMBER,) * w.chance.number(0, 3)), env, depth)
    return f"Enum.{w.chance.pick(('any?', 'all?'))}({items}, fn x -> {truth(w, {**env, 'x': NUMBER}, depth)} end)"


def _matched(w: Writer, env: Env, depth: int) -> str:
    kind = w.kind()
    found = pattern(w.chance, kind, env)
    return f"match?({found.text}, {w.value(kind, env, depth)})"


def _of_texts(w: Writer, env: Env, depth: int) -> str:
    text, other = w.value(Text(), env, depth), w.value(Text(), env, depth)
    forms = (
        f"({text} == {other})",
        f"({text} in [{w.chance.pick(TEXTS)}, {w.chance.pick(TEXTS)}])",
        f"String.starts_with?({w.chance.pick(TEXTS)}, {w.chance.pick(TEXTS[:2])})",
        f"is_binary({text})",
    )
    return w.chance.pick(forms)


def _of_kind(w: Writer, env: Env, depth: int) -> str:
    return f"({w.value(Atom(), env, depth)} == {w.value(Atom(), env, depth)})"


_TRUTHS = (
    _compared,
    _compared,
    _equal,
    _logic,
    _logic,
    _not,
    _tested,
    _member,
    _quantified,
    _matched,
    _of_kind,
    _of_texts,
)
