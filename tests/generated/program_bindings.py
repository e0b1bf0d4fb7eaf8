# SPDX-License-Identifier: Apache-2.0
"""Statements for `program_text` that bind names and change what they hold."""

from __future__ import annotations

from program_types import ATOMS, HOST, NETWORK
from program_values import any_index, integer, network, stored, struct_value, truth
from program_writer import Writer


def bind_number(w: Writer, depth: int) -> None:
    name = w.name()
    old = w.scope.of("int")
    plain = [known for known in old if "." not in known]
    if plain and w.chance(20):
        name = w.pick(plain)
    w.line(f"{name} = {integer(w, depth)}")
    w.bind(name, "int")


def bind_truth(w: Writer, depth: int) -> None:
    name = w.name("b")
    w.line(f"{name} = {truth(w, depth)}")
    w.bind(name, "bool")


def bind_network(w: Writer, depth: int) -> None:
    name, type_ = w.name("n"), w.pick(NETWORK)
    w.line(f"{name} = {network(w, type_, depth)}")
    w.bind(name, type_)


def bind_struct(w: Writer, depth: int) -> None:
    known = w.structure(w.pick([each.name for each in w.structs]))
    name = w.name("s")
    w.line(f"{name} = {struct_value(w, known, depth)}")
    w.bind(name, f"struct:{known.name}", changeable=True)


def bind_atom(w: Writer, depth: int) -> None:
    name = w.name("a")
    first, second = w.pick(ATOMS), w.pick(ATOMS)
    w.line(f"{name} = if {truth(w, depth)}, do: :{first}, else: :{second}")
    w.bind(name, "atom")


def change_field(w: Writer, depth: int) -> None:
    places = [(place, type_) for place, type_ in w.places() if not type_.startswith("array")]
    if places:
        place, type_ = w.pick(places)
        w.line(f"{place} = {stored(w, type_, depth)}")


def change_byte(w: Writer, depth: int) -> None:
    arrays = [(place, type_) for place, type_ in w.places() if type_.startswith("array")]
    if arrays:
        place, _ = w.pick(arrays)
        index = w.pick(("0", "1", "3")) if w.chance(50) else any_index(w)
        w.line(f"{place}[{index}] = {integer(w, depth)}")


def copy_struct(w: Writer, depth: int) -> None:
    """Copies: of a struct, of what a reference points to, with a change."""
    known = w.scope.starting("struct:") + w.scope.starting("ref:")
    if not known:
        return
    source, kind = w.pick(known)
    struct = w.structure(kind.partition(":")[2])
    name = w.name("s")
    fields = [f for f, type_ in struct.fields if not type_.startswith(("array", "struct"))]
    if fields and w.chance(60):
        changed = w.pick(fields)
        type_ = dict(struct.fields)[changed]
        w.line(f"{name} = %{{{source} | {changed}: {stored(w, type_, depth)}}}")
    else:
        w.line(f"{name} = {source}")
        if kind.startswith("ref:"):
            w.bind(name, kind, changeable=source in w.scope.changeable)
            return
    w.bind(name, f"struct:{struct.name}", changeable=True)


def match_tagged(w: Writer, depth: int) -> None:
    """Tuples with an atom in front, taken apart by patterns."""
    name, one, other = w.name("t"), w.name("x"), w.name("y")
    tags = (w.pick(ATOMS), w.pick(ATOMS))
    values = f"{{:{tags[0]}, {integer(w, depth - 1)}}}", f"{{:{tags[1]}, {integer(w, 1)}}}"
    w.line(f"{name} = if {truth(w, depth - 1)}, do: {values[0]}, else: {values[1]}")
    w.line(f"case {name} do")
    with w.indented():
        for tag, bound in zip(dict.fromkeys(tags), (one, other), strict=False):
            w.line(f"{{:{tag}, {bound}}} ->")
            with w.inner():
                w.bind(bound, "int")
                w.block(depth - 1)
                w.line(integer(w, 1))
    w.line("end")


def take_apart(w: Writer, depth: int) -> None:
    one, other = w.name("x"), w.name("y")
    form = w.pick(("tuple", "list", "chosen", "struct"))
    if form == "tuple":
        w.line(f"{{{one}, {other}}} = {{{integer(w, depth - 1)}, {integer(w, depth - 1)}}}")
    elif form == "list":
        w.line(f"[{one} | [{other} | _]] = [{integer(w, depth - 1)}, {integer(w, 1)}, 5]")
    elif form == "chosen":
        first, second = f"{{{integer(w, 1)}, {integer(w, 1)}}}", f"{{{integer(w, 1)}, {integer(w, 1)}}}"
        w.line(f"{{{one}, {other}}} = if {truth(w, depth - 1)}, do: {first}, else: {second}")
    else:
        known = w.scope.starting("struct:")
        for source, kind in known:
            fields = w.structure(kind[7:]).of(HOST)
            if fields:
                w.line(f"%{{{fields[0]}: {one}, {fields[-1]}: {other}}} = {source}")
                break
        else:
            return
    w.bind(one, "int")
    w.bind(other, "int")
