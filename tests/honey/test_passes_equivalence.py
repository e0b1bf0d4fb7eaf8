# SPDX-License-Identifier: Apache-2.0
"""Optimised programs do what they did before: same results, same maps byte for byte, same prints, faults included."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitor_ir import monitor

from honey import compiler
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import walk
from honey.passes import NAMES, run
from honey.simulation.helpers import HELPERS
from honey.simulation.maps import KeyedMap
from honey.simulator import Simulation
from honey.syntax.source import SourceFile

PORTS = Path(__file__).parents[2] / "honey" / "ports"
FAILING = ("bpf_map_lookup_elem", "bpf_probe_read_user", "bpf_probe_read_kernel", "bpf_ringbuf_reserve")
ROOM = 2
"""Entries that a map holds here, so that updates fail for want of room. (One of an entry that exists may also fail for
want of memory, and leave the entry as it was; where it is changed in place, it is not left.)"""


@dataclass(frozen=True)
class Happening:
    """An event, or (with ``failing``) the set of helpers that fail from here on."""

    handler: int
    pid: int
    args: tuple[int | bytes, ...]
    failing: tuple[str, ...] | None = None


def _address(family: int, port: int, length: int) -> bytes:
    return (struct.pack("=H", family) + struct.pack(">H", port) + b"\x0a\0\0\x01" + bytes(8))[:length]


_NUMBERS = st.sampled_from([0, 1, 2, 17, 1 << 31, (1 << 64) - 1, 0xFFFF_8880_0000_0000, 4096])
_ADDRESSES = st.builds(
    _address, st.sampled_from([0, 1, 2, 10]), st.sampled_from([0, 53]), st.sampled_from([1, 2, 8, 16])
)
_HEADERS = st.builds(
    lambda size, where: (where.to_bytes(8, "little") + bytes(size))[:size],
    st.sampled_from([4, 64, 96]),
    st.sampled_from([0, 0x7F00_0000_0000, 0x7F00_0000_2000]),
)
_ARGUMENTS = st.tuples(*[st.one_of(_NUMBERS, _ADDRESSES, _HEADERS)] * 6)
HAPPENINGS = st.lists(
    st.builds(
        Happening,
        st.integers(0, 9),
        st.sampled_from([0, 1, 2]),
        _ARGUMENTS,
        st.one_of(st.none(), st.none(), st.lists(st.sampled_from(FAILING), max_size=2, unique=True).map(tuple)),
    ),
    min_size=1,
    max_size=12,
)


@cache
def program_of(name: str) -> n.Program:
    """The monitor written as IR, or a port."""
    if name == "monitor":
        return monitor()
    path = PORTS / name
    checked = compiler.check(SourceFile(name, path.read_bytes()))
    assert checked.program is not None, checked.diagnostics
    return checked.program


@cache
def small(name: str, passes: tuple[str, ...]) -> n.Program:
    """The program after some passes, with little room in its maps."""
    program = run(program_of(name), passes)
    maps = tuple(one if one.key is None else replace(one, max_entries=ROOM) for one in program.maps)
    return replace(program, maps=maps)


PROGRAMS = ["monitor", *sorted(path.name for path in PORTS.glob("*.ex"))]


def room_for_arguments(handler: n.Function) -> int:
    """How many 64-bit arguments the handler's context holds."""
    target = handler.params[0].type
    assert isinstance(target, t.Ref)
    header = 16 if isinstance(target.target, t.Struct) else 0
    return max((target.target.size - header) // 8, 0)


def outcome(program: n.Program, happenings: list[Happening]) -> list[object]:
    """All that can be seen of a program: what each event gave and printed, and every map's bytes at the end."""
    sim = Simulation(program)
    sim.world.tick_ns = 0
    for node in (node for function in program.functions for node in walk(function.body)):
        if isinstance(node, n.HelperCall) and node.name not in HELPERS:
            sim.helpers[node.name] = lambda _world, _args: 0
        if isinstance(node, n.CoreRead) and node.task:
            sim.helpers["bpf_get_current_task"] = lambda _world, _args: 0
    seen: list[object] = []
    for happening in happenings:
        if happening.failing is not None:
            sim.world.failing = dict.fromkeys(happening.failing, 14)
        handler = program.handlers[happening.handler % len(program.handlers)]
        arguments = [sim.user.place(arg) if isinstance(arg, bytes) else arg for arg in happening.args]
        arguments = arguments[: room_for_arguments(handler)]
        result = sim.fire(handler.name, args=arguments, pid=happening.pid, packet=bytes(happening.pid * 30))
        seen.append((result.value, result.printed))
    maps = sim.world.maps.values()
    return [*seen, *(dict(store.items()) if isinstance(store, KeyedMap) else store.consume() for store in maps)]


@pytest.mark.parametrize("name", PROGRAMS)
@settings(deadline=None, max_examples=60)
@given(happenings=HAPPENINGS)
def test_all_passes_together(name: str, happenings: list[Happening]) -> None:
    assert outcome(small(name, ()), happenings) == outcome(small(name, NAMES), happenings)


@pytest.mark.parametrize("pass_name", NAMES)
@settings(deadline=None, max_examples=15)
@given(happenings=HAPPENINGS)
def test_each_pass_alone(pass_name: str, happenings: list[Happening]) -> None:
    for name in PROGRAMS:
        assert outcome(small(name, ()), happenings) == outcome(small(name, (pass_name,)), happenings)
