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
    with w.inner():
        w.block(depth - 1)
        if w.chance(20):
            w.line(leaving(w, 1))
        else:
            bind_number(w, 1)
    if w.chance(50):
        w.line("else")
        with w.inner():
            w.block(depth - 1)
            change_field(w, 1)
            bind_number(w, 1)
    w.line("end")


def join(w: Writer, depth: int) -> None:
    """A value with blocks: ``x = if ... do ... else ... end``."""
    kinds = ["int", "int", "bool", *(f"struct:{known.name}" for known in w.structs)]
    kind, name = w.pick(kinds), w.name()
    form = w.pick(("if", "cond", "case"))
    w.line(f"{name} =")
    with w.indented():
        if form == "if":
            w.line(f"if {truth(w, depth)} do")
            _arm(w, kind, depth)
            w.line("else")
            _arm(w, kind, depth)
            w.line("end")
        elif form == "cond":
            _cond(w, kind, depth)
        else:
            _case(w, kind, depth)
    w.bind(name, kind, changeable=kind.startswith("struct"))


def _cond(w: Writer, kind: str, depth: int) -> None:
    w.line("cond do")
    with w.indented():
        for _ in range(w.number(1, 2)):
            test = truth(w, depth - 1)
            w.line(f"{test} ->")
            _arm(w, kind, depth)
        if w.chance(80):
            w.line("true ->")
            _arm(w, kind, depth)
    w.line("end")


def _arm(w: Writer, kind: str, depth: int) -> None:
    with w.inner():
        w.block(depth - 1)
        w.line(leaving(w, 1) if w.chance(8) else value_of(w, kind, depth - 1))


def _case(w: Writer, kind: str, depth: int) -> None:
    w.line(f"case {integer(w, depth - 1)} do")
    with w.indented():
        for _ in range(w.number(1, 2)):
            if w.chance(50):
                w.line(f"{w.literal(NUMBERS)} ->")
                _arm(w, kind, depth)
            else:
                bound = w.name("c")
                with w.scoped():
                    w.bind(bound, "int")
                    w.line(f"{bound} when {_guard(w, bound)} ->")
                    _arm(w, kind, depth)
        if w.chance(75):
            w.line("_ ->")
            _arm(w, kind, depth)
    w.line("end")


def _guard(w: Writer, bound: str) -> str:
    """A guard on ``bound``, which may be nil or 0; what would raise does not hold."""
    calculated = w.pick((bound, bound, bound, f"rem({w.literal(NUMBERS)}, {bound})", f"({bound} + 3)"))
    other = w.pick(("", "", f"{bound} != 0 and ", f"{bound} == 7 or "))
    return f"{other}{calculated} {w.pick(('>', '<', '==', '>=', '<=', '!='))} {w.literal(NUMBERS)}"


def case_of(w: Writer, depth: int) -> None:
    if depth <= 0:
        bind_number(w, 1)
        return
    _case(w, "int", depth)


def with_steps(w: Writer, depth: int) -> None:
    """``with`` over a look-up and a truth value, with clauses for what did not match or without."""
    found, name, bound = w.any_map(), w.name(), w.name("e")
    if found.value not in HOST:
        return
    otherwise = w.chance(60)
    w.line(f"{name} =")
    with w.indented():
        guard = f" when not is_nil({bound})" if otherwise else ""
        w.line(f"with true <- {truth(w, depth - 1)},")
        w.line(f"     {bound}{guard} <- {lookup(w, found, depth - 1)} do")
        with w.inner():
            w.bind(bound, "int" if otherwise else "maybe")
            w.block(depth - 1)
            w.line(integer(w, depth - 1))
        if otherwise:
            w.line("else")
            with w.indented():
                for pattern in ("nil", "_"):
                    w.line(f"{pattern} ->")
                    _arm(w, "int", depth - 1)
        w.line("end")
    if otherwise:
        w.bind(name, "int")


def leave(w: Writer, depth: int) -> None:
    w.line(f"if {truth(w, depth)}, do: {leaving(w, 1)}")
