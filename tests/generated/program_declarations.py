# SPDX-License-Identifier: Apache-2.0
"""What a program of `program_text` declares before its handlers: structs, maps, functions."""

from __future__ import annotations

from program_types import FunctionType, MapType, StructType, spelled
from program_values import SMALL, value_of
from program_writer import Scope, Writer

_MAP_KINDS = ("hash", "array", "percpu_hash", "percpu_array", "lru_hash", "lru_percpu_hash")


def struct_type(w: Writer, index: int) -> None:
    fields = []
    plain = ("u32", "u64", "u8", "u16", "s32", "s64", "s8", "s16", "be16", "be32", "be64", "array:4", "array:8")
    for at in range(w.number(1, 5)):
        inner = [f"struct:{known.name}" for known in w.structs if len(known.fields) < 4]
        type_ = w.pick(inner) if inner and w.chance(15) else w.pick(plain)
        fields.append((f"f{at}", type_))
    found = StructType(f"st{index}", tuple(fields))
    w.structs.append(found)
    packed = ", packed: true" if w.chance(10) else ""
    w.line(f"defstruct :{found.name}{packed} do")
    for name, type_ in fields:
        w.line(f"  field(:{name}, {spelled(type_)})")
    w.line("end")
    w.lines.append("")


def map_type(w: Writer, index: int) -> None:
    kind = w.pick(_MAP_KINDS)
    structs = [f"struct:{known.name}" for known in w.structs]
    scalars = ("u64", "u32", "u8", "u16", "s32", "s64", "s8", "be32", "be16")
    key = "u32" if "array" in kind else w.pick([*scalars, *structs, *structs])
    value = w.pick([*scalars[:6], *structs, *structs, *structs])
    found = MapType(f"map{index}", kind, key, value)
    w.maps.append(found)
    keyed = "" if "array" in kind else f", key_type: {spelled(key)}"
    entries = w.pick(("8", "1", "3")) if "lru" not in kind else "1024"
    w.line(f"defmap(:{found.name}, :bpf_{kind}{keyed}, value_type: {spelled(value)}, max_entries: {entries})")


def function(w: Writer, index: int) -> None:
    kinds = ["int", "int", "bool", "atom", "maybe"]
    kinds += [f"{how}:{known.name}" for known in w.structs for how in ("struct", "ref")]
    params = tuple(w.pick(kinds) for _ in range(w.number(1, 3)))
    results = ["int", "int", "int", "bool", *(f"struct:{known.name}" for known in w.structs)]
    found = FunctionType(f"fun{index}", params, w.pick(results))
    w.scope, w.section, w.result = Scope(), "", found.result
    names = [w.name("p") for _ in params]
    w.lines.append("")
    if params[0] == "int" and w.chance(30):
        rest = "".join(f", _{name}" for name in names[1:])
        guard = f"{names[0]}{rest}) when {names[0]} > {w.pick(('10', '-3', '200'))}"
        head = f"{w.literal(SMALL)}{rest})" if w.chance(50) else guard
        w.budget = 6
        value = value_of(w, found.result, 2)
        w.line(f"defp {found.name}({head}, do: {value}")
    w.line(f"defp {found.name}({', '.join(names)}) do")
    with w.inner():
        for name, kind in zip(names, params, strict=True):
            w.bind(name, kind, changeable=kind.startswith(("struct", "ref")))
        w.budget = w.number(1, 6)
        w.block(2)
        w.line(value_of(w, found.result, 2))
    w.line("end")
    w.functions.append(found)
