# SPDX-License-Identifier: Apache-2.0
"""Well-typed Honey programs as source text, drawn by hypothesis.

`programs` gives a `Generated`: a module with structs, maps, functions and some handlers, each of which uses what was
declared before it. What is drawn follows the types of the language (network order apart from numbers, references only
where they were checked), so that the compiler has nothing to object to. Smaller choices come first in each list: this
is where hypothesis shrinks to.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from program_declarations import function, map_type, struct_type
from program_statements import STATEMENTS
from program_values import SMALL, value_of
from program_writer import Scope, Writer

RUNNABLE = ("xdp", "tc", "socket")
OTHERS = (
    "tracepoint/syscalls/sys_enter_sendto",
    "tracepoint/syscalls/sys_exit_read",
    "tracepoint/sched/sched_switch",
    "raw_tracepoint/sys_enter",
)
_RECURSION = (
    "",
    "  defp total(x, sum) do",
    "    if x == 0, do: return(sum)",
    "    total(x - 1, sum * 3 + x)",
    "  end",
)


@dataclass(frozen=True, slots=True)
class Generated:
    """A module and the handlers in it, by name, with their sections."""

    text: str
    handlers: tuple[tuple[str, str], ...]


@st.composite
def programs(
    draw: st.DrawFn, *, sections: tuple[str, ...] = RUNNABLE, trace: bool = False, handlers: int = 4
) -> Generated:
    """Modules with ``handlers`` handlers, each for one of ``sections``."""
    w = Writer(draw, STATEMENTS)
    options = "" if trace else ", trace: false"
    w.lines += [
        "defmodule Generated do",
        f'  use Honey, license: "Dual BSD/GPL"{options}',
        "  alias Honey.BpfHelpers",
        "",
    ]
    for index in range(w.number(1, 3)):
        struct_type(w, index)
    for index in range(w.number(1, 4)):
        map_type(w, index)
    if w.chance(40):
        w.rings.append("ring")
        w.line("defmap(:ring, :bpf_ringbuf, max_entries: 65_536)")
    if w.chance(40):
        w.recursive = True
        w.lines += _RECURSION
    for index in range(w.number(0, 4)):
        function(w, index)
    written = tuple(_handler(w, index, sections) for index in range(handlers))
    w.lines.append("end")
    return Generated("\n".join(w.lines) + "\n", written)


def _handler(w: Writer, index: int, sections: tuple[str, ...]) -> tuple[str, str]:
    section, name = w.pick(sections), f"handler{index}"
    w.scope, w.section, w.result = Scope(), section, "int"
    w.lines.append("")
    w.line(f'@sec "{section}"')
    w.line(f"def {name}(ctx) do")
    with w.inner():
        _inputs(w)
        w.budget = w.number(1, 12)
        w.block(3)
        w.line(value_of(w, "int", 3))
    w.line("end")
    return name, section


def _inputs(w: Writer) -> None:
    """Some numbers that are not known when the module is compiled."""
    if w.section.startswith("tracepoint/syscalls/sys_enter"):
        w.bind("ctx.len", "int")
        w.bind("ctx.fd", "int")
        w.bind("ctx.addr", "ptr")
    elif w.section.startswith("tracepoint/syscalls/sys_exit"):
        w.bind("ctx.ret", "int")
    elif w.section == "tracepoint/sched/sched_switch":
        w.bind("ctx.prev_pid", "int")
        w.bind("ctx.next_prio", "int")
    elif w.section in ("xdp", "tc"):
        for offset, type_ in ((0, "u64"), (8, "s32"), (12, "u8"), (13, "s16")):
            name = w.name("w")
            at = f"Honey.Packet.at(ctx, {offset}, :{type_})"
            w.line(f"{name} = {at} || return({w.literal(SMALL)})")
            w.bind(name, "int")
    if w.section in ("tc", "socket"):
        w.bind("ctx.len", "int")
