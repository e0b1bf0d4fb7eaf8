# SPDX-License-Identifier: Apache-2.0
"""Statements for `program_text` on several values that may be missing, and on whether they are.

Little is done with the values themselves: what clang sees are tests of pointers for null, one beside the other.
"""

from __future__ import annotations

from program_types import HOST
from program_values import NUMBERS, integer, lookup, value_of
from program_writer import Writer

_FEW = (0, 1, 2, 3, -1, 7, 128, 2**32 - 1)
_TURNS = ("1", "7", "31", "40", "100")


def missing(w: Writer, _depth: int) -> None:
    """Look-ups, then constants and truth values that depend on which of them found something."""
    maps = [known for known in w.maps if known.value in HOST]
    if not maps:
        return
    for _ in range(w.number(1, 3)):
        name = w.name("e")
        w.line(f"{name} = {lookup(w, w.pick(maps), 0)}")
        w.bind(name, "maybe")
    for _ in range(w.number(1, 3)):
        match w.pick(("truth", "choose", "leave", "shift")):
            case "truth":
                name = w.name("b")
                w.line(f"{name} = {_test(w, 2)}")
                w.bind(name, "bool")
            case "choose":
                name = w.name()
                w.line(f"{name} = if {_test(w, 1)}, do: {w.literal(_FEW)}, else: {w.literal(_FEW)}")
                w.bind(name, "int")
            case "leave":
                w.line(f"if {_test(w, 1)}, do: return({value_of(w, w.result, 0)})")
                w.scope.names = [known for known in w.scope.names if known[1] != "maybe"]
                return
            case _:
                name, look = w.name(), lookup(w, w.pick(maps), 0)
                w.line(
                    f"{name} = {look[:-1]}, {w.literal(NUMBERS)}) {w.pick(('>>>', '<<<'))} {w.pick(('8', '16', '32'))}"
                )
                w.bind(name, "int")


def _test(w: Writer, depth: int) -> str:
    """Whether values are missing."""
    names = w.scope.of("maybe")
    if depth and w.chance(60):
        other = _test(w, depth - 1)
        if w.chance(20):
            return f"not ({other})"
        return f"({_test(w, depth - 1)} {w.pick(('and', 'or', '&&', '||'))} {other})"
    flags = w.scope.of("bool")
    if flags and w.chance(25):
        return w.pick(flags)
    if not names or w.chance(15):
        return f"{integer(w, 0)} {w.pick(('==', '!=', '<', '>'))} {w.literal(_FEW)}"
    name = w.pick(names)
    return w.pick((f"{name} == nil", f"{name} != nil", f"is_nil({name})", f"not is_nil({name})"))


def count(w: Writer, _depth: int) -> None:
    """A loop that counts which of its keys are there."""
    maps = [known for known in w.maps if known.key in HOST]
    if w.loops or not maps:
        return
    found, name, index, acc = w.pick(maps), w.name(), w.name("i"), w.name("acc")
    there = f"BpfHelpers.bpf_map_lookup_elem(:{found.name}, {index}) {w.pick(('!=', '=='))} nil"
    changed = f"{acc} {w.pick(('+', '*', '|||', '-'))} {w.pick(('1', '2', index, acc))}"
    turn = w.pick((f"if {there}, do: {changed}, else: {acc}", f"{acc} + if({there}, do: 1, else: {w.literal(_FEW)})"))
    w.line(f"{name} = Enum.reduce(0..{w.pick(_TURNS)}, {w.literal(_FEW)}, fn {index}, {acc} -> {turn} end)")
    w.bind(name, "int")
    w.line(f"if {name} {w.pick(('>', '==', '<'))} {w.literal(_FEW)}, do: return({value_of(w, w.result, 0)})")
