# SPDX-License-Identifier: Apache-2.0
"""Loops for `program_text`: over ranges and lists, for what they do and for the value they give."""

from __future__ import annotations

from program_bindings import bind_number, change_field
from program_values import integer, truth
from program_writer import Writer

_LAST_TURNS = ("3", "0", "7", "2", "31", "63", "250")


def loop(w: Writer, depth: int) -> None:
    if depth <= 0 or w.loops:
        return
    index = w.name("i")
    first, last = w.pick(("0", "1", "-2")), w.pick(_LAST_TURNS)
    step = f"//{w.pick(('2', '1', '-1'))}" if w.chance(10) else ""
    filter_ = f", {truth(w, 1)}" if w.chance(15) else ""
    w.loops += 1
    if w.chance(60):
        w.line(f"for {index} <- {first}..{last}{step}{filter_} do")
    else:
        w.line(f"Enum.each({first}..{last}{step}, fn {index} ->")
        filter_ = ")"
    with w.inner():
        w.bind(index, "int")
        w.block(depth - 1)
        change_field(w, 1)
        bind_number(w, 1)
    w.line("end)" if filter_ == ")" else "end")
    w.loops -= 1


def reduce(w: Writer, depth: int) -> None:
    if w.loops:
        return
    name, index, acc = w.name(), w.name("i"), w.name("acc")
    w.loops += 1
    start = integer(w, 1)
    w.line(f"{name} =")
    with w.indented():
        w.line(f"Enum.reduce(0..{w.pick(_LAST_TURNS)}, {start}, fn {index}, {acc} ->")
        with w.inner():
            w.bind(index, "int")
            w.bind(acc, "int")
            if w.chance(30):
                w.block(depth - 1)
            w.line(f"({acc} {w.pick(('+', '-', '*', '|||'))} {integer(w, depth - 1)})")
        w.line("end)")
    w.loops -= 1
    w.bind(name, "int")


def gather(w: Writer, depth: int) -> None:
    """``for`` with ``reduce:``, ``|>``, and a list that ``for`` gives."""
    if w.loops:
        return
    name, index, acc = w.name(), w.name("i"), w.name("acc")
    form = w.pick(("reduce", "list", "pipe"))
    w.loops += 1
    if form == "reduce":
        w.line(f"{name} =")
        w.line(f"  for {index} <- 0..{w.pick(_LAST_TURNS)}, reduce: {integer(w, 1)} do")
        with w.indented(), w.inner():
            w.bind(index, "int")
            w.bind(acc, "int")
            w.line(f"{acc} -> {integer(w, depth - 1)}")
        w.line("  end")
    elif form == "list":
        with w.scoped():
            w.bind(index, "int")
            value = integer(w, 1)
        w.line(f"{name} = Enum.sum(for {index} <- 1..3, do: {value})")
    else:
        w.line(f"{name} = {integer(w, 1)} |> max({integer(w, 1)}) |> bxor({integer(w, 1)})")
    w.loops -= 1
    w.bind(name, "int")
