# SPDX-License-Identifier: Apache-2.0
"""Struct definitions as C: the program's own byte for byte, the kernel's with the fields that are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from honey.emit.names import member_name
from honey.emit.source import Writer
from honey.emit.spelling import Spelling
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.ir.walk import walk

_UAPI_CONTEXTS = (
    "xdp_md __sk_buff bpf_sock bpf_sock_addr bpf_sock_ops bpf_sockopt bpf_sysctl sk_msg_md sk_reuseport_md "
    "bpf_sk_lookup bpf_cgroup_dev_ctx bpf_raw_tracepoint_args bpf_sock_tuple bpf_fib_lookup bpf_tcp_sock "
    "bpf_spin_lock bpf_timer bpf_tunnel_key"
)
UAPI_CONTEXTS = frozenset(_UAPI_CONTEXTS.split())
"""Kernel structs that <linux/bpf.h> declares, so that the emitted C does not."""


@dataclass(slots=True)
class Usage:
    """Which structs a program uses, and how: fields that are named, and structs whose size or whole value counts."""

    fields: dict[str, set[str]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    pointed: set[str] = field(default_factory=set)

    @property
    def defined(self) -> set[str]:
        """Structs that need a definition."""
        return set(self.fields) | self.whole


def usage_of(functions: Iterable[n.Function], maps: Iterable[n.MapDef], symbols: Symbols) -> Usage:
    """What ``functions`` and ``maps`` use of the program's structs."""
    usage = Usage()
    for definition in maps:
        for type_ in (definition.key, definition.value):
            if type_ is not None:
                _whole(usage, type_, symbols)
    for function in functions:
        for param in function.params:
            _mention(usage, param.type)
        for node in walk(function.body):
            _use(usage, node, symbols)
    return usage


def _use(usage: Usage, node: object, symbols: Symbols) -> None:
    match node:
        case n.FieldPlace(base, path):
            _fields(usage, symbols.fields(base.type, path) or (), base.type)
        case n.CoreRead(_, struct, path):
            current: t.Type = struct
            for group in symbols.read_path(struct, path) or ():
                _fields(usage, group, current)
                last = group[-1].type
                current = last.target if isinstance(last, (t.Address, t.Ref)) and last.target is not None else last
        case n.StructValue(values, type_):
            _whole(usage, type_, symbols)
            for name, _ in values:
                _fields(usage, symbols.fields(type_, name) or (), type_)
        case n.Let(local):
            _whole(usage, local.type, symbols)
        case n.Read(_, t.Struct() as type_):
            _whole(usage, type_, symbols)
        case n.RingReserve(_, type_) | n.PacketAt(_, _, type_):
            _whole(usage, type_.target, symbols)
        case n.Cast(_, type_):
            _mention(usage, type_)
        case _:
            pass


def _fields(usage: Usage, fields: Iterable[t.Field], struct: t.Type) -> None:
    for item in fields:
        if isinstance(struct, t.Struct):
            usage.fields.setdefault(struct.name, set()).add(item.name)
        _mention(usage, item.type)
        struct = item.type


def _mention(usage: Usage, type_: t.Type) -> None:
    if isinstance(type_, (t.Ref, t.Address)) and isinstance(type_.target, t.Struct):
        usage.pointed.add(type_.target.name)


def _whole(usage: Usage, type_: t.Type, symbols: Symbols) -> None:
    _mention(usage, type_)
    if isinstance(type_, t.Array):
        _whole(usage, type_.element, symbols)
    if isinstance(type_, t.Struct) and type_.name not in usage.whole:
        usage.whole.add(type_.name)
        if not type_.kernel and type_.name in symbols.structs:
            for item in symbols.structs[type_.name].fields:
                _whole(usage, item.type, symbols)


@dataclass(slots=True)
class StructWriter:
    """Writes the definitions that a program uses, each after those it contains."""

    symbols: Symbols
    spelling: Spelling
    usage: Usage
    done: set[str] = field(default_factory=set)

    def write(self, writer: Writer) -> None:
        """Write all definitions, in the order of the program."""
        for name in self.symbols.structs:
            if name in self.usage.defined:
                self._define(name, writer)
        forward = sorted((self.usage.pointed & set(self.symbols.structs)) - self.usage.defined)
        for name in forward:
            if name not in UAPI_CONTEXTS:
                writer.blank()
                writer.line(f"{self.spelling.base(self.symbols.structs[name].type)};")

    def _define(self, name: str, writer: Writer) -> None:
        definition = self.symbols.structs.get(name)
        if name in self.done or definition is None:
            return
        self.done.add(name)
        if definition.type.kernel and name in UAPI_CONTEXTS:
            return
        members = tuple(self._members(definition))
        for member in members:
            inner = member.type.element if isinstance(member.type, t.Array) else member.type
            if isinstance(inner, t.Struct):
                self._define(inner.name, writer)
        self._write(definition, members, writer)

    def _members(self, definition: t.StructDef) -> Iterator[t.Field]:
        """The fields to declare: all of the program's own; of the kernel's those used, padded if the size counts."""
        name = definition.type.name
        if not definition.type.kernel:
            yield from definition.fields
            return
        used = self.usage.fields.get(name, set())
        fields = sorted((item for item in definition.fields if item.name in used), key=lambda item: item.offset)
        if name not in self.usage.whole or definition.spelling.startswith("union "):
            yield from fields
            return
        end = 0
        for item in fields:
            if item.offset > end:
                yield _gap(end, item.offset)
            yield item
            end = item.offset + self._declared_size(item.type)
        if definition.type.size > end:
            yield _gap(end, definition.type.size)

    def _declared_size(self, type_: t.Type) -> int:
        """The size that C will see: a kernel struct that is not used as a whole has its used fields only."""
        if isinstance(type_, t.Struct) and type_.kernel and type_.name not in self.usage.whole:
            definition = self.symbols.structs[type_.name]
            sizes = [(item.type.align, self._declared_size(item.type)) for item in self._members(definition)]
            end = 0
            for align, size in sizes:
                end = -(-end // align) * align + size
            widest = max((align for align, _ in sizes), default=1)
            return -(-end // widest) * widest
        return type_.size

    def _write(self, definition: t.StructDef, members: tuple[t.Field, ...], writer: Writer) -> None:
        writer.blank()
        if definition.doc:
            writer.comment(definition.doc)
        spelling = self.spelling.base(definition.type)
        typedef = not spelling.startswith(("struct ", "union "))
        writer.open("typedef struct {" if typedef else f"{spelling} {{")
        for member in members:
            bits = f" : {member.bit_size}" if member.bit_size else ""
            writer.line(f"{self.spelling.declare(member.type, member_name(member.name))}{bits};")
        attributes = " ".join(_attributes(definition, members))
        tail = f" __attribute__(({attributes}))" if attributes else ""
        writer.close(f"}}{f' {spelling}' if typedef else ''}{tail};")


def _gap(start: int, end: int) -> t.Field:
    return t.Field(f"__pad{start}", t.Array(t.U8, end - start), start, padding=True)


def _attributes(definition: t.StructDef, members: tuple[t.Field, ...]) -> Iterator[str]:
    if definition.type.kernel:
        yield "preserve_access_index"
        return
    natural = max((member.type.align for member in members), default=1)
    unaligned = any(member.offset % member.type.align for member in members)
    packed = definition.packed or unaligned or definition.type.align < natural or definition.type.size % natural
    if packed:
        yield "packed"
    if definition.type.align != (1 if packed else natural):
        yield f"aligned({definition.type.align})"
