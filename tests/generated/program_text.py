# SPDX-License-Identifier: Apache-2.0
"""Well-typed Honey programs as source text, drawn by hypothesis.

`programs` gives a `Generated`: a module with structs, maps, functions and some handlers, each of which uses what was
declared before it. What is drawn follows the types of the language (network order apart from numbers, references only
where they were checked), so that the compiler has nothing to object to. Smaller choices come first in each list: this
is where hypothesis shrinks to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hypothesis import strategies as st

NUMBERS: tuple[int, ...] = (0, 1, 2, 3, 5, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 1000, 65535, 65536)
NUMBERS += (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, -1, -2, -7, -128, -129, -(2**31), -(2**63), 2**63, 2**64 - 1)
SMALL = (0, 1, 2, 3, 4, 5, 6, 7)
HOST = ("u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64")
NETWORK = ("be16", "be32", "be64")
MAP_KINDS = ("hash", "array", "percpu_hash", "percpu_array", "lru_hash", "lru_percpu_hash")
ATOMS = ("sent", "received", "dropped")
RUNNABLE = ("xdp", "tc", "socket")
OTHERS = (
    "tracepoint/syscalls/sys_enter_sendto",
    "tracepoint/syscalls/sys_exit_read",
    "tracepoint/sched/sched_switch",
    "raw_tracepoint/sys_enter",
)


@dataclass(frozen=True, slots=True)
class StructType:
    """A declared struct: fields by name; a field's type is a scalar, ``array:N`` (of u8), or ``struct:NAME``."""

    name: str
    fields: tuple[tuple[str, str], ...]

    def of(self, types: tuple[str, ...]) -> list[str]:
        """The fields with one of these types."""
        return [name for name, type_ in self.fields if type_ in types]


@dataclass(frozen=True, slots=True)
class MapType:
    """A declared map; key and value are scalars or ``struct:NAME``."""

    name: str
    kind: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class FunctionType:
    """A declared function: kinds of its parameters, and of its result."""

    name: str
    params: tuple[str, ...]
    result: str


@dataclass(frozen=True, slots=True)
class Generated:
    """A module and the handlers in it, by name, with their sections."""

    text: str
    handlers: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Scope:
    """The names that can be used, by kind: ``int``, ``be16``, ``bool``, ``struct:NAME``, ``ref:NAME``, ``maybe``..."""

    names: list[tuple[str, str]] = field(default_factory=list)
    changeable: set[str] = field(default_factory=set)

    def of(self, kind: str) -> list[str]:
        """The names of one kind, in the order of their binding."""
        return [name for name, found in self.names if found == kind]

    def starting(self, prefix: str) -> list[tuple[str, str]]:
        """Names and kinds where the kind starts with ``prefix``."""
        return [(name, kind) for name, kind in self.names if kind.startswith(prefix)]


class Writer:
    """Draws one module."""

    def __init__(self, draw: st.DrawFn, *, sections: tuple[str, ...], trace: bool, handlers: int) -> None:
        self.draw = draw
        self.trace = trace
        self.sections = sections
        self.count = handlers
        self.structs: list[StructType] = []
        self.maps: list[MapType] = []
        self.rings: list[str] = []
        self.functions: list[FunctionType] = []
        self.lines: list[str] = []
        self.depth = 1
        self.scope = Scope()
        self.section = ""
        self.result = "int"
        self.fresh = 0
        self.loops = 0
        self.budget = 0
        self.recursive = False

    # ------------------------------------------------------------ drawing

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def pick(self, items: tuple[str, ...] | list[str]) -> str:
        return items[self.number(0, len(items) - 1)]

    def chance(self, percent: int) -> bool:
        return self.number(0, 99) >= 100 - percent

    def name(self, prefix: str = "v") -> str:
        self.fresh += 1
        return f"{prefix}{self.fresh}"

    # ------------------------------------------------------------ text

    def line(self, text: str) -> None:
        self.lines.append("  " * self.depth + text)

    @contextmanager
    def indented(self) -> Iterator[None]:
        """A block: what is bound in it ends with it."""
        outer = self.scope
        self.scope = Scope(list(outer.names), set(outer.changeable))
        self.depth += 1
        yield
        self.depth -= 1
        self.scope = outer

    def bind(self, name: str, kind: str, *, changeable: bool = False) -> None:
        self.scope.names.append((name, kind))
        if changeable:
            self.scope.changeable.add(name)

    # ------------------------------------------------------------ module

    def module(self) -> Generated:
        options = "" if self.trace else ", trace: false"
        self.lines = [
            "defmodule Generated do",
            f'  use Honey, license: "Dual BSD/GPL"{options}',
            "  alias Honey.BpfHelpers",
            "",
        ]
        for index in range(self.number(1, 3)):
            self.struct(index)
        for index in range(self.number(1, 4)):
            self.map(index)
        if self.chance(40):
            self.rings.append("ring")
            self.line("defmap(:ring, :bpf_ringbuf, max_entries: 65_536)")
        if self.chance(40):
            self.recursive = True
            self.lines += RECURSION
        for index in range(self.number(0, 4)):
            self.function(index)
        handlers = tuple(self.handler(index) for index in range(self.count))
        self.lines.append("end")
        return Generated("\n".join(self.lines) + "\n", handlers)

    def struct(self, index: int) -> None:
        fields = []
        plain = ("u32", "u64", "u8", "u16", "s32", "s64", "s8", "s16", "be16", "be32", "be64", "array:4", "array:8")
        for at in range(self.number(1, 5)):
            inner = [f"struct:{known.name}" for known in self.structs if len(known.fields) < 4]
            type_ = self.pick(inner) if inner and self.chance(15) else self.pick(plain)
            fields.append((f"f{at}", type_))
        found = StructType(f"st{index}", tuple(fields))
        self.structs.append(found)
        packed = ", packed: true" if self.chance(10) else ""
        self.line(f"defstruct :{found.name}{packed} do")
        for name, type_ in fields:
            self.line(f"  field(:{name}, {spelled(type_)})")
        self.line("end")
        self.lines.append("")

    def map(self, index: int) -> None:
        kind = self.pick(MAP_KINDS)
        structs = [f"struct:{known.name}" for known in self.structs]
        scalars = ("u64", "u32", "u8", "u16", "s32", "s64", "s8", "be32", "be16")
        key = "u32" if "array" in kind else self.pick([*scalars, *structs, *structs])
        value = self.pick([*scalars[:6], *structs, *structs, *structs])
        found = MapType(f"map{index}", kind, key, value)
        self.maps.append(found)
        keyed = "" if "array" in kind else f", key_type: {spelled(key)}"
        entries = self.pick(("8", "1", "3")) if "lru" not in kind else "1024"
        self.line(f"defmap(:{found.name}, :bpf_{kind}{keyed}, value_type: {spelled(value)}, max_entries: {entries})")

    def structure(self, name: str) -> StructType:
        return next(known for known in self.structs if known.name == name)

    # ------------------------------------------------------------ functions and handlers

    def function(self, index: int) -> None:
        kinds = ["int", "int", "bool", "atom", "maybe"]
        kinds += [f"{how}:{known.name}" for known in self.structs for how in ("struct", "ref")]
        params = tuple(self.pick(kinds) for _ in range(self.number(1, 3)))
        results = ["int", "int", "int", "bool", *(f"struct:{known.name}" for known in self.structs)]
        found = FunctionType(f"fun{index}", params, self.pick(results))
        self.scope, self.section, self.result = Scope(), "", found.result
        names = [self.name("p") for _ in params]
        self.lines.append("")
        if params[0] == "int" and self.chance(30):
            rest = "".join(f", _{name}" for name in names[1:])
            guard = f"{names[0]}{rest}) when {names[0]} > {self.pick(('10', '-3', '200'))}"
            head = f"{self.literal(SMALL)}{rest})" if self.chance(50) else guard
            self.budget = 6
            value = self.value(found.result, 2)
            self.line(f"defp {found.name}({head}, do: {value}")
        self.line(f"defp {found.name}({', '.join(names)}) do")
        with self.indented():
            for name, kind in zip(names, params, strict=True):
                self.bind(name, kind, changeable=kind.startswith(("struct", "ref")))
            self.budget = self.number(1, 6)
            self.block(2)
            self.line(self.value(found.result, 2))
        self.line("end")
        self.functions.append(found)

    def handler(self, index: int) -> tuple[str, str]:
        section, name = self.pick(self.sections), f"handler{index}"
        self.scope, self.section, self.result = Scope(), section, "int"
        self.lines.append("")
        self.line(f'@sec "{section}"')
        self.line(f"def {name}(ctx) do")
        with self.indented():
            self.inputs()
            self.budget = self.number(1, 12)
            self.block(3)
            self.line(self.value("int", 3))
        self.line("end")
        return name, section

    def inputs(self) -> None:
        """Some numbers that are not known when the module is compiled."""
        if self.section.startswith("tracepoint/syscalls/sys_enter"):
            self.bind("ctx.len", "int")
            self.bind("ctx.fd", "int")
            self.bind("ctx.addr", "ptr")
        elif self.section.startswith("tracepoint/syscalls/sys_exit"):
            self.bind("ctx.ret", "int")
        elif self.section == "tracepoint/sched/sched_switch":
            self.bind("ctx.prev_pid", "int")
            self.bind("ctx.next_prio", "int")
        elif self.section in ("xdp", "tc"):
            for offset, type_ in ((0, "u64"), (8, "s32"), (12, "u8"), (13, "s16")):
                name = self.name("w")
                at = f"Honey.Packet.at(ctx, {offset}, :{type_})"
                self.line(f"{name} = {at} || return({self.literal(SMALL)})")
                self.bind(name, "int")
        if self.section in ("tc", "socket"):
            self.bind("ctx.len", "int")

    # ------------------------------------------------------------ statements

    def block(self, depth: int) -> None:
        for _ in range(self.number(0, 4)):
            if self.budget <= 0:
                return
            self.budget -= 1
            self.statement(depth)

    def statement(self, depth: int) -> None:
        kinds = ["bind", "bind", "build", "change", "look", "look", "update", "branch", "branch", "case", "delete"]
        kinds += ["add", "modify", "loop", "leave", "join", "tuple", "packet", "record", "bytes", "whole", "reduce"]
        kinds += ["atom", "flag", "string", "read", "swap", "nested", "with", "gather"]
        getattr(self, f"do_{self.pick(kinds)}")(depth)

    def do_bind(self, depth: int) -> None:
        name = self.name()
        old = self.scope.of("int")
        plain = [known for known in old if "." not in known]
        if plain and self.chance(20):
            name = self.pick(plain)
        self.line(f"{name} = {self.integer(depth)}")
        self.bind(name, "int")

    def do_flag(self, depth: int) -> None:
        name = self.name("b")
        self.line(f"{name} = {self.truth(depth)}")
        self.bind(name, "bool")

    def do_swap(self, depth: int) -> None:
        name, type_ = self.name("n"), self.pick(NETWORK)
        self.line(f"{name} = {self.network(type_, depth)}")
        self.bind(name, type_)

    def do_build(self, depth: int) -> None:
        known = self.structure(self.pick([each.name for each in self.structs]))
        name = self.name("s")
        self.line(f"{name} = {self.struct_value(known, depth)}")
        self.bind(name, f"struct:{known.name}", changeable=True)

    def places(self) -> list[tuple[str, str]]:
        """What can be assigned to, with types: fields of structs and references."""
        found = []
        for name, kind in (*self.scope.starting("struct:"), *self.scope.starting("ref:")):
            if name in self.scope.changeable:
                found += self.inside(name, kind.partition(":")[2])
        return found

    def inside(self, prefix: str, struct: str) -> list[tuple[str, str]]:
        found = []
        for name, type_ in self.structure(struct).fields:
            if type_.startswith("struct:"):
                found += self.inside(f"{prefix}.{name}", type_.partition(":")[2])
            else:
                found.append((f"{prefix}.{name}", type_))
        return found

    def do_change(self, depth: int) -> None:
        places = [(place, type_) for place, type_ in self.places() if not type_.startswith("array")]
        if places:
            place, type_ = places[self.number(0, len(places) - 1)]
            self.line(f"{place} = {self.stored(type_, depth)}")

    def do_bytes(self, depth: int) -> None:
        arrays = [(place, type_) for place, type_ in self.places() if type_.startswith("array")]
        if arrays:
            place, _ = arrays[self.number(0, len(arrays) - 1)]
            index = self.pick(("0", "1", "3")) if self.chance(50) else self.index()
            self.line(f"{place}[{index}] = {self.integer(depth)}")

    def do_whole(self, depth: int) -> None:
        """Copies: of a struct, of what a reference points to, with a change."""
        known = self.scope.starting("struct:") + self.scope.starting("ref:")
        if not known:
            return
        source, kind = known[self.number(0, len(known) - 1)]
        struct = self.structure(kind.partition(":")[2])
        name = self.name("s")
        fields = [f for f, type_ in struct.fields if not type_.startswith(("array", "struct"))]
        if fields and self.chance(60):
            changed = self.pick(fields)
            type_ = dict(struct.fields)[changed]
            self.line(f"{name} = %{{{source} | {changed}: {self.stored(type_, depth)}}}")
        else:
            self.line(f"{name} = {source}")
            if kind.startswith("ref:"):
                self.bind(name, kind, changeable=source in self.scope.changeable)
                return
        self.bind(name, f"struct:{struct.name}", changeable=True)

    def lookup(self, found: MapType, depth: int) -> str:
        return f"BpfHelpers.bpf_map_lookup_elem(:{found.name}, {self.stored(found.key, depth)})"

    def any_map(self) -> MapType:
        return self.maps[self.number(0, len(self.maps) - 1)]

    def do_look(self, depth: int) -> None:
        found, name = self.any_map(), self.name("e")
        struct = found.value.startswith("struct:")
        kind = f"ref:{found.value[7:]}" if struct else found.value if found.value in NETWORK else "int"
        how = self.pick(("leave", "if", "nil", "unless", "unchecked", "maybe", "default", "case", "or"))
        look = self.lookup(found, depth - 1)
        if how == "default":
            default = self.struct_value(self.structure(found.value[7:]), 1) if struct else self.stored(found.value, 1)
            self.line(f"{name} = {look[:-1]}, {default})")
            self.bind(name, f"struct:{found.value[7:]}" if struct else kind)
            return
        if how == "case":
            self.look_case(look, name, kind, depth)
            return
        if how == "or" and self.chance(50):
            self.line(f"{name} = {look} || {self.leaving(depth)}")
            self.bind(name, kind, changeable=struct)
            return
        self.line(f"{name} = {look}")
        if how == "leave":
            self.line(f"if {name} == nil, do: {self.leaving(1)}")
        elif how == "unless":
            self.line(f"unless {name} do")
            with self.indented():
                self.block(depth - 1)
                self.line(self.leaving(1))
            self.line("end")
        elif how in ("if", "nil"):
            test = name if how == "if" else f"{name} != nil"
            extra = f" && {self.truth(1)}" if self.chance(20) else ""
            self.line(f"if {test}{extra} do")
            with self.indented():
                self.bind(name, kind, changeable=struct)
                self.block(depth - 1)
                self.do_change(1)
            if self.chance(30):
                self.line("else")
                with self.indented():
                    self.block(depth - 1)
            self.line("end")
            return
        elif how == "maybe":
            if kind == "int":
                self.bind(name, "maybe")
            return
        self.bind(name, kind, changeable=struct)

    def look_case(self, look: str, name: str, kind: str, depth: int) -> None:
        """A look-up whose outcomes are clauses."""
        self.line(f"case {look} do")
        self.depth += 1
        for pattern in ("nil", name):
            self.line(f"{pattern} ->")
            with self.indented():
                if pattern != "nil":
                    self.bind(name, kind, changeable=kind.startswith("ref:"))
                self.block(depth - 1)
                self.line(self.integer(1))
        self.depth -= 1
        self.line("end")

    def do_update(self, depth: int) -> None:
        found = self.any_map()
        flag = self.pick(("", "", ", :BPF_ANY", ", :BPF_NOEXIST", ", :bpf_exist"))
        args = f":{found.name}, {self.stored(found.key, depth - 1)}, {self.stored(found.value, depth - 1)}{flag}"
        name = self.name("r")
        if self.chance(50):
            self.line(f"{name} = BpfHelpers.bpf_map_update_elem({args})")
            self.bind(name, "int")
        else:
            self.line(f"BpfHelpers.bpf_map_update_elem({args})")

    def do_delete(self, depth: int) -> None:
        found = self.any_map()
        self.line(f"BpfHelpers.bpf_map_delete_elem(:{found.name}, {self.stored(found.key, depth - 1)})")

    def do_add(self, depth: int) -> None:
        found = self.any_map()
        key = self.stored(found.key, depth - 1)
        if found.value.startswith("struct:"):
            struct = self.structure(found.value[7:])
            fields = struct.of(HOST)
            if fields:
                amounts = ", ".join(f"{each}: {self.integer(1)}" for each in fields[: self.number(1, 2)])
                self.line(f"Honey.Map.add(:{found.name}, {key}, %{struct.name}{{{amounts}}})")
        elif found.value in HOST:
            self.line(f"Honey.Map.add(:{found.name}, {key}, {self.integer(depth - 1)})")

    def do_modify(self, depth: int) -> None:
        found, old = self.any_map(), self.name("old")
        key, first = self.stored(found.key, depth - 1), self.stored(found.value, 1)
        with self.indented():
            self.depth -= 1
            if found.value.startswith("struct:"):
                struct = self.structure(found.value[7:])
                self.bind(old, f"struct:{struct.name}")
                fields = [name for name, type_ in struct.fields if not type_.startswith(("array", "struct"))]
                if not fields:
                    self.depth += 1
                    return
                changes = ", ".join(
                    f"{each}: {self.stored(dict(struct.fields)[each], 2)}" for each in fields[: self.number(1, 3)]
                )
                new = f"%{{{old} | {changes}}}"
            else:
                self.bind(old, found.value if found.value in NETWORK else "int")
                new = self.stored(found.value, depth)
            self.line(f"Honey.Map.update(:{found.name}, {key}, {first}, fn {old} -> {new} end)")
            self.depth += 1

    def do_branch(self, depth: int) -> None:
        if depth <= 0:
            return self.do_bind(1)
        word = self.pick(("if", "if", "unless"))
        self.line(f"{word} {self.truth(depth)} do")
        with self.indented():
            self.block(depth - 1)
            if self.chance(20):
                self.line(self.leaving(1))
            else:
                self.do_bind(1)
        if self.chance(50):
            self.line("else")
            with self.indented():
                self.block(depth - 1)
                self.do_change(1)
                self.do_bind(1)
        self.line("end")
        return None

    do_nested = do_branch

    def do_join(self, depth: int) -> None:
        """A value with blocks: ``x = if ... do ... else ... end``."""
        kinds = ["int", "int", "bool", *(f"struct:{known.name}" for known in self.structs)]
        kind, name = self.pick(kinds), self.name()
        form = self.pick(("if", "cond", "case"))
        if form == "if":
            self.line(f"{name} =")
            self.depth += 1
            self.line(f"if {self.truth(depth)} do")
            self.branch(kind, depth)
            self.line("else")
            self.branch(kind, depth)
            self.line("end")
            self.depth -= 1
        elif form == "cond":
            self.line(f"{name} =")
            self.depth += 1
            self.line("cond do")
            self.depth += 1
            for _ in range(self.number(1, 2)):
                test = self.truth(depth - 1)
                self.line(f"{test} ->")
                self.branch(kind, depth)
            if self.chance(80):
                self.line("true ->")
                self.branch(kind, depth)
            self.depth -= 1
            self.line("end")
            self.depth -= 1
        else:
            self.line(f"{name} =")
            self.depth += 1
            self.case(kind, depth)
            self.depth -= 1
        self.bind(name, kind, changeable=kind.startswith("struct"))

    def branch(self, kind: str, depth: int) -> None:
        with self.indented():
            self.block(depth - 1)
            self.line(self.leaving(1) if self.chance(8) else self.value(kind, depth - 1))

    def case(self, kind: str, depth: int) -> None:
        self.line(f"case {self.integer(depth - 1)} do")
        self.depth += 1
        for _ in range(self.number(1, 2)):
            if self.chance(50):
                self.line(f"{self.literal(NUMBERS)} ->")
                self.branch(kind, depth)
            else:
                bound = self.name("c")
                with self.indented():
                    self.depth -= 1
                    self.bind(bound, "int")
                    self.line(f"{bound} when {self.guard(bound)} ->")
                    self.branch(kind, depth)
                    self.depth += 1
        if self.chance(75):
            self.line("_ ->")
            self.branch(kind, depth)
        self.depth -= 1
        self.line("end")

    def guard(self, bound: str) -> str:
        return f"{bound} {self.pick(('>', '<', '==', '>=', '<=', '!='))} {self.literal(NUMBERS)}"

    def do_case(self, depth: int) -> None:
        if depth <= 0:
            return self.do_bind(1)
        self.case("int", depth)
        return None

    def do_atom(self, depth: int) -> None:
        name = self.name("a")
        first, second = self.pick(ATOMS), self.pick(ATOMS)
        self.line(f"{name} = if {self.truth(depth)}, do: :{first}, else: :{second}")
        self.bind(name, "atom")

    def do_string(self, depth: int) -> None:
        """Tuples with an atom in front, taken apart by patterns."""
        name, one, other = self.name("t"), self.name("x"), self.name("y")
        tags = (self.pick(ATOMS), self.pick(ATOMS))
        values = f"{{:{tags[0]}, {self.integer(depth - 1)}}}", f"{{:{tags[1]}, {self.integer(1)}}}"
        self.line(f"{name} = if {self.truth(depth - 1)}, do: {values[0]}, else: {values[1]}")
        self.line(f"case {name} do")
        self.depth += 1
        for tag, bound in zip(dict.fromkeys(tags), (one, other), strict=False):
            self.line(f"{{:{tag}, {bound}}} ->")
            with self.indented():
                self.bind(bound, "int")
                self.block(depth - 1)
                self.line(self.integer(1))
        self.depth -= 1
        self.line("end")

    def do_tuple(self, depth: int) -> None:
        one, other = self.name("x"), self.name("y")
        form = self.pick(("tuple", "list", "chosen", "struct"))
        if form == "tuple":
            self.line(f"{{{one}, {other}}} = {{{self.integer(depth - 1)}, {self.integer(depth - 1)}}}")
        elif form == "list":
            self.line(f"[{one} | [{other} | _]] = [{self.integer(depth - 1)}, {self.integer(1)}, 5]")
        elif form == "chosen":
            first, second = f"{{{self.integer(1)}, {self.integer(1)}}}", f"{{{self.integer(1)}, {self.integer(1)}}}"
            self.line(f"{{{one}, {other}}} = if {self.truth(depth - 1)}, do: {first}, else: {second}")
        else:
            known = self.scope.starting("struct:")
            for source, kind in known:
                fields = self.structure(kind[7:]).of(HOST)
                if fields:
                    self.line(f"%{{{fields[0]}: {one}, {fields[-1]}: {other}}} = {source}")
                    break
            else:
                return
        self.bind(one, "int")
        self.bind(other, "int")

    def do_loop(self, depth: int) -> None:
        if depth <= 0 or self.loops:
            return
        index = self.name("i")
        first, last = self.pick(("0", "1", "-2")), self.pick(LAST_TURNS)
        step = f"//{self.pick(('2', '1', '-1'))}" if self.chance(10) else ""
        filter_ = f", {self.truth(1)}" if self.chance(15) else ""
        self.loops += 1
        if self.chance(60):
            self.line(f"for {index} <- {first}..{last}{step}{filter_} do")
        else:
            self.line(f"Enum.each({first}..{last}{step}, fn {index} ->")
            filter_ = ")"
        with self.indented():
            self.bind(index, "int")
            self.block(depth - 1)
            self.do_change(1)
            self.do_bind(1)
        self.line("end)" if filter_ == ")" else "end")
        self.loops -= 1

    def do_reduce(self, depth: int) -> None:
        if self.loops:
            return
        name, index, acc = self.name(), self.name("i"), self.name("acc")
        self.loops += 1
        start = self.integer(1)
        self.line(f"{name} =")
        self.depth += 1
        self.line(f"Enum.reduce(0..{self.pick(LAST_TURNS)}, {start}, fn {index}, {acc} ->")
        with self.indented():
            self.bind(index, "int")
            self.bind(acc, "int")
            if self.chance(30):
                self.block(depth - 1)
            self.line(f"({acc} {self.pick(('+', '-', '*', '|||'))} {self.integer(depth - 1)})")
        self.line("end)")
        self.depth -= 1
        self.loops -= 1
        self.bind(name, "int")

    def do_with(self, depth: int) -> None:
        """``with`` over a look-up and a truth value, with clauses for what did not match or without."""
        found, name, bound = self.any_map(), self.name(), self.name("e")
        if found.value not in HOST:
            return
        otherwise = self.chance(60)
        self.line(f"{name} =")
        self.depth += 1
        guard = f" when not is_nil({bound})" if otherwise else ""
        self.line(f"with true <- {self.truth(depth - 1)},")
        self.line(f"     {bound}{guard} <- {self.lookup(found, depth - 1)} do")
        with self.indented():
            self.bind(bound, "int" if otherwise else "maybe")
            self.block(depth - 1)
            self.line(self.integer(depth - 1))
        if otherwise:
            self.line("else")
            self.depth += 1
            for pattern in ("nil", "_"):
                self.line(f"{pattern} ->")
                self.branch("int", depth - 1)
            self.depth -= 1
        self.line("end")
        self.depth -= 1
        if otherwise:
            self.bind(name, "int")

    def do_gather(self, depth: int) -> None:
        """``for`` with ``reduce:``, ``|>``, and a list that ``for`` gives."""
        if self.loops:
            return
        name, index, acc = self.name(), self.name("i"), self.name("acc")
        form = self.pick(("reduce", "list", "pipe"))
        self.loops += 1
        if form == "reduce":
            self.line(f"{name} =")
            self.line(f"  for {index} <- 0..{self.pick(LAST_TURNS)}, reduce: {self.integer(1)} do")
            self.depth += 1
            with self.indented():
                self.bind(index, "int")
                self.bind(acc, "int")
                self.line(f"{acc} -> {self.integer(depth - 1)}")
            self.depth -= 1
            self.line("  end")
        elif form == "list":
            with self.indented():
                self.depth -= 1
                self.bind(index, "int")
                value = self.integer(1)
                self.depth += 1
            self.line(f"{name} = Enum.sum(for {index} <- 1..3, do: {value})")
        else:
            self.line(f"{name} = {self.integer(1)} |> max({self.integer(1)}) |> bxor({self.integer(1)})")
        self.loops -= 1
        self.bind(name, "int")

    def do_leave(self, depth: int) -> None:
        self.line(f"if {self.truth(depth)}, do: {self.leaving(1)}")

    def leaving(self, depth: int) -> str:
        if self.result == "int" and self.scope.of("maybe") and self.chance(15):
            return f"return({self.pick(self.scope.of('maybe'))})"
        return f"return({self.value(self.result, depth)})"

    def do_packet(self, depth: int) -> None:
        if self.section not in ("xdp", "tc"):
            return
        name = self.name("h")
        structs = [known.name for known in self.structs if not self.nested(known)]
        type_ = self.pick(["u8", "u16", "u32", "s16", "be16", "be32", *structs])
        offset = self.pick(("0", "2", "14", "30", "60", "1000")) if self.chance(70) else self.index()
        self.line(f"{name} = Honey.Packet.at(ctx, {offset}, :{type_})")
        kind = f"ref:{type_}" if type_ in structs else type_ if type_ in NETWORK else "int"
        self.line(f"if {name} do")
        with self.indented():
            self.bind(name, kind, changeable=type_ in structs)
            self.block(depth - 1)
            self.do_change(1)
        self.line("end")

    def nested(self, struct: StructType) -> bool:
        return any(type_.startswith("struct") for _, type_ in struct.fields)

    def do_record(self, depth: int) -> None:
        if not self.rings or self.loops:
            return
        known = self.structure(self.pick([each.name for each in self.structs]))
        if self.chance(40):
            self.line(f"BpfHelpers.bpf_ringbuf_output(:ring, {self.stored(f'struct:{known.name}', depth)})")
            return
        name = self.name("rec")
        # A record's memory is what an earlier one left there, so each field is set.
        self.line(f"{name} = BpfHelpers.bpf_ringbuf_reserve(:ring, :{known.name})")
        self.line(f"if {name} do")
        with self.indented():
            for field_, type_ in self.inside(name, known.name):
                if type_.startswith("array:"):
                    for index in range(int(type_[6:])):
                        self.line(f"{field_}[{index}] = {self.literal(SMALL)}")
                else:
                    value = self.simple(type_)
                    self.line(f"{field_} = {value}")
            self.line(f"BpfHelpers.{self.pick(('bpf_ringbuf_submit', 'ringbuf_discard'))}({name})")
        self.line("end")

    def simple(self, type_: str) -> str:
        """A value for a field of a record; now and then one that raises, which discards the record."""
        ints = self.scope.of("int")
        if self.chance(25):
            return self.stored(type_, 2)
        if type_ in HOST and ints and self.chance(50):
            return self.pick(ints)
        number = self.literal(SMALL)
        return f"Honey.Net.{HTON[type_]}({number})" if type_ in NETWORK else number

    def do_read(self, depth: int) -> None:
        if self.scope.of("ptr") and self.chance(70):
            name = self.name("u")
            pointer = self.pick(self.scope.of("ptr"))
            what = self.pick(("u64", "u32", "sockaddr_in", "s16"))
            self.line(f"{name} = BpfHelpers.probe_read_user({pointer}, :{what})")
            if what == "sockaddr_in":
                self.line(f"if {name} do")
                with self.indented():
                    self.bind(f"{name}.sin_port", "be16")
                    self.bind(f"{name}.sin_addr.s_addr", "be32")
                    self.bind(f"{name}.sin_family", "int")
                    self.block(depth - 1)
                self.line("end")
            else:
                self.line(f"if {name} == nil, do: {self.leaving(1)}")
                self.bind(name, "int")
        elif self.section.startswith(("tracepoint", "raw")):
            name = self.name("g")
            call = self.pick(("get_current_pid_tgid", "ktime_get_ns", "get_current_uid_gid", "get_smp_processor_id"))
            self.line(f"{name} = BpfHelpers.{call}()")
            self.bind(name, "int")

    # ------------------------------------------------------------ values

    def literal(self, numbers: tuple[int, ...]) -> str:
        return str(numbers[self.number(0, len(numbers) - 1)])

    def value(self, kind: str, depth: int) -> str:
        if kind == "bool":
            return self.truth(depth)
        if kind.startswith("struct:"):
            return self.struct_value(self.structure(kind[7:]), depth)
        return self.integer(depth)

    def stored(self, type_: str, depth: int) -> str:
        """A value to be stored as ``type_``."""
        if type_.startswith("struct:"):
            return self.struct_value(self.structure(type_[7:]), depth)
        if type_ in NETWORK:
            return self.network(type_, depth)
        if type_.startswith("array:"):
            return f"[{', '.join(self.integer(0) for _ in range(int(type_[6:])))}]"
        return self.integer(depth)

    def struct_value(self, struct: StructType, depth: int) -> str:
        kinds = self.scope.of(f"struct:{struct.name}") + self.scope.of(f"ref:{struct.name}")
        if kinds and self.chance(50):
            return self.pick(kinds)
        calls = [known for known in self.functions if known.result == f"struct:{struct.name}"]
        if calls and depth > 1 and self.chance(30) and (call := self.call(calls, depth)):
            return call
        given = []
        for name, type_ in struct.fields:
            if self.chance(60):
                given.append(f"{name}: {self.stored(type_, min(depth - 1, 1))}")
        return f"%{struct.name}{{{', '.join(given)}}}"

    def network(self, type_: str, depth: int) -> str:
        known = self.scope.of(type_) + [place for place, found in self.readable() if found == type_]
        if known and self.chance(60):
            return self.pick(known)
        return f"Honey.Net.{HTON[type_]}({self.integer(min(depth - 1, 1))})"

    def readable(self) -> list[tuple[str, str]]:
        """Fields of structs and references."""
        found = []
        for name, kind in (*self.scope.starting("struct:"), *self.scope.starting("ref:")):
            found += self.inside(name, kind.partition(":")[2])
        return found

    def integer(self, depth: int) -> str:
        fields = [place for place, type_ in self.readable() if type_ in HOST]
        names = self.scope.of("int")
        atoms = [*["name"] * (3 * bool(names)), *["field"] * (2 * bool(fields)), "literal"]
        if depth <= 0:
            return self.atom(self.pick(atoms), names, fields)
        kinds = ["atom", "atom", "binary", "binary", "binary", "bits", "divide", "shift", "extreme", "choose", "unary"]
        kinds += ["call", "call", "host", "size", "element", "fuel", "maybe", "default", "sum", "fn"]
        match self.pick(kinds):
            case "binary":
                return f"({self.integer(depth - 1)} {self.pick(('+', '-', '*'))} {self.integer(depth - 1)})"
            case "bits":
                op = self.pick(("&&&", "|||"))
                if self.chance(30):
                    return f"bxor({self.integer(depth - 1)}, {self.integer(depth - 1)})"
                return f"({self.integer(depth - 1)} {op} {self.integer(depth - 1)})"
            case "divide":
                divisor = self.literal(NUMBERS[1:]) if self.chance(50) else self.integer(depth - 1)
                return f"{self.pick(('div', 'rem'))}({self.integer(depth - 1)}, {divisor})"
            case "shift":
                amount = self.literal((1, 3, 8, 31, 32, 63, 64, 65, -1)) if self.chance(60) else self.integer(depth - 1)
                return f"({self.integer(depth - 1)} {self.pick(('<<<', '>>>'))} {amount})"
            case "extreme":
                return f"{self.pick(('max', 'min'))}({self.integer(depth - 1)}, {self.integer(depth - 1)})"
            case "choose":
                return f"if({self.truth(depth - 1)}, do: {self.integer(depth - 1)}, else: {self.integer(depth - 1)})"
            case "unary":
                inner = self.integer(depth - 1)
                return self.pick((f"(-({inner}))", f"~~~({inner})", f"abs({inner})"))
            case "call":
                calls = [known for known in self.functions if known.result == "int"]
                if calls and (call := self.call(calls, depth)):
                    return call
            case "host":
                type_ = self.pick(NETWORK)
                return f"Honey.Net.{NTOH[type_]}({self.network(type_, depth - 1)})"
            case "size":
                struct = self.structs[0]
                return self.pick((f"sizeof(:{struct.name})", f"offsetof(:{struct.name}, :{struct.fields[-1][0]})"))
            case "element":
                arrays = [place for place, type_ in self.readable() if type_.startswith("array")]
                if arrays:
                    index = self.pick(("0", "2")) if self.chance(60) else self.index()
                    return f"{self.pick(arrays)}[{index}]"
            case "maybe" if self.scope.of("maybe"):
                name = self.pick(self.scope.of("maybe"))
                return self.pick((name, f"({name} || {self.integer(depth - 1)})"))
            case "default":
                found = self.any_map()
                if found.value in HOST:
                    return f"{self.lookup(found, 1)[:-1]}, {self.integer(depth - 1)})"
            case "fuel" if self.recursive and not self.loops:
                start = f"{self.integer(depth - 1)} &&& {self.pick(('3', '7', '1'))}"
                return f"fuel({self.pick(('4', '1', '8'))}, total({start}, {self.integer(depth - 1)}))"
            case "sum":
                return f"Enum.sum([{self.integer(depth - 1)}, {self.integer(0)}])"
            case "fn":
                bound = self.name("z")
                with self.indented():
                    self.depth -= 1
                    argument = self.integer(depth - 1)
                    self.bind(bound, "int")
                    body = self.integer(depth - 1)
                    self.depth += 1
                return f"(fn {bound} -> {body} end).({argument})"
        return self.atom(self.pick(atoms), names, fields)

    def index(self) -> str:
        """A number that is not known when the module is compiled, so that it is not refused."""
        names = [name for name in self.scope.of("int") if name.startswith(("w", "ctx", "i"))]
        inner = self.pick(names) if names else "0"
        return f"({inner} &&& {self.pick(('3', '1', '7'))})" if self.chance(40) and names else inner

    def atom(self, kind: str, names: list[str], fields: list[str]) -> str:
        if kind == "name":
            return self.pick(names)
        return self.pick(fields) if kind == "field" else self.literal(NUMBERS)

    def call(self, calls: list[FunctionType], depth: int) -> str:
        found = calls[self.number(0, len(calls) - 1)]
        args = []
        for kind in found.params:
            if kind == "atom":
                args.append(self.pick([*self.scope.of("atom"), f":{self.pick(ATOMS)}"]))
            elif kind == "maybe":
                args.append(self.pick([*self.scope.of("maybe"), *(each for each in self.scope.of("int")), "1"]))
            elif kind.startswith("ref:"):
                known = self.scope.of(kind) + self.scope.of(f"struct:{kind[4:]}")
                if not known:
                    return ""
                args.append(self.pick(known))
            else:
                args.append(self.value(kind, depth - 1))
        return f"{found.name}({', '.join(args)})"

    def truth(self, depth: int) -> str:
        if depth <= 0:
            flags = self.scope.of("bool")
            if flags and self.chance(50):
                return self.pick(flags)
            return f"{self.integer(0)} {self.pick(COMPARISONS)} {self.integer(0)}"
        kinds = ("compare", "compare", "compare", "logic", "not", "in", "nil", "same", "network", "call", "atom")
        match self.pick(kinds):
            case "logic":
                return f"({self.truth(depth - 1)} {self.pick(('and', 'or', '&&', '||'))} {self.truth(depth - 1)})"
            case "not":
                return f"not ({self.truth(depth - 1)})"
            case "in":
                if self.chance(50):
                    return f"{self.integer(depth - 1)} in [{self.literal(NUMBERS)}, {self.literal(NUMBERS)}]"
                return f"{self.integer(depth - 1)} in {self.literal(SMALL)}..{self.literal((10, 100, 255))}"
            case "nil" if self.scope.of("maybe"):
                name = self.pick(self.scope.of("maybe"))
                return self.pick((f"is_nil({name})", f"{name} != nil", f"{name} == {self.integer(depth - 1)}"))
            case "same":
                known = self.scope.starting("struct:") + self.scope.starting("ref:")
                if known:
                    source, kind = known[self.number(0, len(known) - 1)]
                    struct = self.structure(kind.partition(":")[2])
                    return f"{source} {self.pick(('==', '!='))} {self.struct_value(struct, 1)}"
            case "network":
                type_ = self.pick(NETWORK)
                op = self.pick(("==", "!="))
                return f"{self.network(type_, depth - 1)} {op} {self.network(type_, depth - 1)}"
            case "call":
                calls = [known for known in self.functions if known.result == "bool"]
                if calls and (call := self.call(calls, depth)):
                    return call
            case "atom" if self.scope.of("atom"):
                return f"{self.pick(self.scope.of('atom'))} {self.pick(('==', '!='))} :{self.pick(ATOMS)}"
        return f"{self.integer(depth - 1)} {self.pick(COMPARISONS)} {self.integer(depth - 1)}"


LAST_TURNS = ("3", "0", "7", "2", "31", "63", "250")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
RECURSION = (
    "",
    "  defp total(x, sum) do",
    "    if x == 0, do: return(sum)",
    "    total(x - 1, sum * 3 + x)",
    "  end",
)
HTON = {"be16": "htons", "be32": "htonl", "be64": "htonll"}
NTOH = {"be16": "ntohs", "be32": "ntohl", "be64": "ntohll"}


def spelled(type_: str) -> str:
    """A type as a declaration has it."""
    if type_.startswith("array:"):
        return f"{{:array, :u8, {type_[6:]}}}"
    return f":{type_.removeprefix('struct:')}"


@st.composite
def programs(
    draw: st.DrawFn, *, sections: tuple[str, ...] = RUNNABLE, trace: bool = False, handlers: int = 4
) -> Generated:
    """Modules with ``handlers`` handlers, each for one of ``sections``."""
    return Writer(draw, sections=sections, trace=trace, handlers=handlers).module()
