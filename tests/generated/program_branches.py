# SPDX-License-Identifier: Apache-2.0
"""Statements for `program_text` that choose: ``if``, ``cond``, ``case``, ``with``, a handler's early end."""

from __future__ import annotations

from program_bindings import bind_number, change_field
from program_types import HOST
from program_values import NUMBERS, integer, leaving, lookup, truth, value_of
from program_writer import Writer


def branch(w: Writer, depth: int) -> None:
    if depth <= 0:
        bind_number(w, 1)
        return
    word = w.pick(("if", "if", "unless"))
    w.line(f"{word} {truth(w, depth)} do")
    with w.indented():
        w.block(depth - 1)
        if w.chance(20):
            w.line(leaving(w, 1))
        else:
            bind_number(w, 1)
    if w.chance(50):
        w.line("else")
        with w.indented():
            w.block(depth - 1)
            change_field(w, 1)
            bind_number(w, 1)
    w.line("end")


def join(w: Writer, depth: int) -> None:
    """A value with blocks: ``x = if ... do ... else ... end``."""
    kinds = ["int", "int", "bool", *(f"struct:{known.name}" for known in w.structs)]
    kind, name = w.pick(kinds), w.name()
    form = w.pick(("if", "cond", "case"))
    if form == "if":
        w.line(f"{name} =")
        w.depth += 1
        w.line(f"if {truth(w, depth)} do")
        arm(w, kind, depth)
        w.line("else")
        arm(w, kind, depth)
        w.line("end")
        w.depth -= 1
    elif form == "cond":
        w.line(f"{name} =")
        w.depth += 1
        w.line("cond do")
        w.depth += 1
        for _ in range(w.number(1, 2)):
            test = truth(w, depth - 1)
            w.line(f"{test} ->")
            arm(w, kind, depth)
        if w.chance(80):
            w.line("true ->")
            arm(w, kind, depth)
        w.depth -= 1
        w.line("end")
        w.depth -= 1
    else:
        w.line(f"{name} =")
        w.depth += 1
        clauses(w, kind, depth)
        w.depth -= 1
    w.bind(name, kind, changeable=kind.startswith("struct"))


def arm(w: Writer, kind: str, depth: int) -> None:
    with w.indented():
        w.block(depth - 1)
        w.line(leaving(w, 1) if w.chance(8) else value_of(w, kind, depth - 1))


def clauses(w: Writer, kind: str, depth: int) -> None:
    w.line(f"case {integer(w, depth - 1)} do")
    w.depth += 1
    for _ in range(w.number(1, 2)):
        if w.chance(50):
            w.line(f"{w.literal(NUMBERS)} ->")
            arm(w, kind, depth)
        else:
            bound = w.name("c")
            with w.indented():
                w.depth -= 1
                w.bind(bound, "int")
                w.line(f"{bound} when {_guard(w, bound)} ->")
                arm(w, kind, depth)
                w.depth += 1
    if w.chance(75):
        w.line("_ ->")
        arm(w, kind, depth)
    w.depth -= 1
    w.line("end")


def _guard(w: Writer, bound: str) -> str:
    return f"{bound} {w.pick(('>', '<', '==', '>=', '<=', '!='))} {w.literal(NUMBERS)}"


def case_of(w: Writer, depth: int) -> None:
    if depth <= 0:
        bind_number(w, 1)
        return
    clauses(w, "int", depth)


def with_steps(w: Writer, depth: int) -> None:
    """``with`` over a look-up and a truth value, with clauses for what did not match or without."""
    found, name, bound = w.any_map(), w.name(), w.name("e")
    if found.value not in HOST:
        return
    otherwise = w.chance(60)
    w.line(f"{name} =")
    w.depth += 1
    guard = f" when not is_nil({bound})" if otherwise else ""
    w.line(f"with true <- {truth(w, depth - 1)},")
    w.line(f"     {bound}{guard} <- {lookup(w, found, depth - 1)} do")
    with w.indented():
        w.bind(bound, "int" if otherwise else "maybe")
        w.block(depth - 1)
        w.line(integer(w, depth - 1))
    if otherwise:
        w.line("else")
        w.depth += 1
        for pattern in ("nil", "_"):
            w.line(f"{pattern} ->")
            arm(w, "int", depth - 1)
        w.depth -= 1
    w.line("end")
    w.depth -= 1
    if otherwise:
        w.bind(name, "int")


def leave(w: Writer, depth: int) -> None:
    w.line(f"if {truth(w, depth)}, do: {leaving(w, 1)}")
