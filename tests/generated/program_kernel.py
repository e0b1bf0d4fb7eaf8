# SPDX-License-Identifier: Apache-2.0
"""Statements for `program_text` on what the kernel gives: packets, records of a ring, memory of a process, calls."""

from __future__ import annotations

from program_bindings import change_field
from program_types import HOST, NETWORK
from program_values import HTON, SMALL, any_index, leaving, stored
from program_writer import Writer


def packet(w: Writer, depth: int) -> None:
    if w.section not in ("xdp", "tc"):
        return
    name = w.name("h")
    structs = [known.name for known in w.structs if not known.nested]
    type_ = w.pick(["u8", "u16", "u32", "s16", "be16", "be32", *structs])
    offset = w.pick(("0", "2", "14", "30", "60", "1000")) if w.chance(70) else any_index(w)
    w.line(f"{name} = Honey.Packet.at(ctx, {offset}, :{type_})")
    kind = f"ref:{type_}" if type_ in structs else type_ if type_ in NETWORK else "int"
    w.line(f"if {name} do")
    with w.inner():
        w.bind(name, kind, changeable=type_ in structs)
        w.block(depth - 1)
        change_field(w, 1)
    w.line("end")


def record(w: Writer, depth: int) -> None:
    if not w.rings or w.loops:
        return
    known = w.structure(w.pick([each.name for each in w.structs]))
    if w.chance(40):
        w.line(f"BpfHelpers.bpf_ringbuf_output(:ring, {stored(w, f'struct:{known.name}', depth)})")
        return
    name = w.name("rec")
    # A record's memory is what an earlier one left there, so each field is set.
    w.line(f"{name} = BpfHelpers.bpf_ringbuf_reserve(:ring, :{known.name})")
    w.line(f"if {name} do")
    with w.inner():
        for field_, type_ in w.inside(name, known.name):
            if type_.startswith("array:"):
                for index in range(int(type_[6:])):
                    w.line(f"{field_}[{index}] = {w.literal(SMALL)}")
            else:
                value = _simple(w, type_)
                w.line(f"{field_} = {value}")
        w.line(f"BpfHelpers.{w.pick(('bpf_ringbuf_submit', 'ringbuf_discard'))}({name})")
    w.line("end")


def _simple(w: Writer, type_: str) -> str:
    """A value for a field of a record; now and then one that raises, which discards the record."""
    ints = w.scope.of("int")
    if w.chance(25):
        return stored(w, type_, 2)
    if type_ in HOST and ints and w.chance(50):
        return w.pick(ints)
    number = w.literal(SMALL)
    return f"Honey.Net.{HTON[type_]}({number})" if type_ in NETWORK else number


def read(w: Writer, depth: int) -> None:
    if w.scope.of("ptr") and w.chance(70):
        name = w.name("u")
        pointer = w.pick(w.scope.of("ptr"))
        what = w.pick(("u64", "u32", "sockaddr_in", "s16"))
        w.line(f"{name} = BpfHelpers.probe_read_user({pointer}, :{what})")
        if what == "sockaddr_in":
            w.line(f"if {name} do")
            with w.inner():
                w.bind(f"{name}.sin_port", "be16")
                w.bind(f"{name}.sin_addr.s_addr", "be32")
                w.bind(f"{name}.sin_family", "int")
                w.block(depth - 1)
            w.line("end")
        else:
            w.line(f"if {name} == nil, do: {leaving(w, 1)}")
            w.bind(name, "int")
    elif w.section.startswith(("tracepoint", "raw")):
        name = w.name("g")
        call = w.pick(("get_current_pid_tgid", "ktime_get_ns", "get_current_uid_gid", "get_smp_processor_id"))
        w.line(f"{name} = BpfHelpers.{call}()")
        w.bind(name, "int")
