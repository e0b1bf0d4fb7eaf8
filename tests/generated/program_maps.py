# SPDX-License-Identifier: Apache-2.0
"""Statements for `program_text` that read and change maps."""

from __future__ import annotations

from program_bindings import change_field
from program_types import HOST, NETWORK
from program_values import integer, leaving, lookup, stored, struct_value, truth
from program_writer import Writer


def look_up(w: Writer, depth: int) -> None:
    found, name = w.any_map(), w.name("e")
    struct = found.value.startswith("struct:")
    kind = f"ref:{found.value[7:]}" if struct else found.value if found.value in NETWORK else "int"
    how = w.pick(("leave", "if", "nil", "unless", "unchecked", "maybe", "default", "case", "or"))
    look = lookup(w, found, depth - 1)
    if how == "default":
        default = struct_value(w, w.structure(found.value[7:]), 1) if struct else stored(w, found.value, 1)
        w.line(f"{name} = {look[:-1]}, {default})")
        w.bind(name, f"struct:{found.value[7:]}" if struct else kind)
        return
    if how == "case":
        _look_up_in_case(w, look, name, kind, depth)
        return
    if how == "or" and w.chance(50):
        w.line(f"{name} = {look} || {leaving(w, depth)}")
        w.bind(name, kind, changeable=struct)
        return
    w.line(f"{name} = {look}")
    if how == "leave":
        w.line(f"if {name} == nil, do: {leaving(w, 1)}")
    elif how == "unless":
        w.line(f"unless {name} do")
        with w.inner():
            w.block(depth - 1)
            w.line(leaving(w, 1))
        w.line("end")
    elif how in ("if", "nil"):
        test = name if how == "if" else f"{name} != nil"
        extra = f" && {truth(w, 1)}" if w.chance(20) else ""
        w.line(f"if {test}{extra} do")
        with w.inner():
            w.bind(name, kind, changeable=struct)
            w.block(depth - 1)
            change_field(w, 1)
        if w.chance(30):
            w.line("else")
            with w.inner():
                w.block(depth - 1)
        w.line("end")
        return
    elif how == "unchecked":
        w.unchecked.add(name)
    elif how == "maybe":
        if kind == "int":
            w.bind(name, "maybe")
        return
    w.bind(name, kind, changeable=struct)


def _look_up_in_case(w: Writer, look: str, name: str, kind: str, depth: int) -> None:
    """A look-up whose outcomes are clauses."""
    w.line(f"case {look} do")
    with w.indented():
        for pattern in ("nil", name):
            w.line(f"{pattern} ->")
            with w.inner():
                if pattern != "nil":
                    w.bind(name, kind, changeable=kind.startswith("ref:"))
                w.block(depth - 1)
                w.line(integer(w, 1))
    w.line("end")


def update(w: Writer, depth: int) -> None:
    found = w.any_map()
    flag = w.pick(("", "", ", :BPF_ANY", ", :BPF_NOEXIST", ", :bpf_exist"))
    args = f":{found.name}, {stored(w, found.key, depth - 1)}, {stored(w, found.value, depth - 1)}{flag}"
    name = w.name("r")
    if w.chance(50):
        w.line(f"{name} = BpfHelpers.bpf_map_update_elem({args})")
        w.bind(name, "int")
    else:
        w.line(f"BpfHelpers.bpf_map_update_elem({args})")


def delete(w: Writer, depth: int) -> None:
    found = w.any_map()
    w.line(f"BpfHelpers.bpf_map_delete_elem(:{found.name}, {stored(w, found.key, depth - 1)})")


def add(w: Writer, depth: int) -> None:
    found = w.any_map()
    key = stored(w, found.key, depth - 1)
    if found.value.startswith("struct:"):
        struct = w.structure(found.value[7:])
        fields = struct.of(HOST)
        if fields:
            amounts = ", ".join(f"{each}: {integer(w, 1)}" for each in fields[: w.number(1, 2)])
            w.line(f"Honey.Map.add(:{found.name}, {key}, %{struct.name}{{{amounts}}})")
    elif found.value in HOST:
        w.line(f"Honey.Map.add(:{found.name}, {key}, {integer(w, depth - 1)})")


def modify(w: Writer, depth: int) -> None:
    found, old = w.any_map(), w.name("old")
    key, first = stored(w, found.key, depth - 1), stored(w, found.value, 1)
    with w.scoped():
        if found.value.startswith("struct:"):
            struct = w.structure(found.value[7:])
            w.bind(old, f"struct:{struct.name}")
            fields = [name for name, type_ in struct.fields if not type_.startswith(("array", "struct"))]
            if not fields:
                return
            changes = ", ".join(
                f"{each}: {stored(w, dict(struct.fields)[each], 2)}" for each in fields[: w.number(1, 3)]
            )
            new = f"%{{{old} | {changes}}}"
        else:
            w.bind(old, found.value if found.value in NETWORK else "int")
            new = stored(w, found.value, depth)
        w.line(f"Honey.Map.update(:{found.name}, {key}, {first}, fn {old} -> {new} end)")
