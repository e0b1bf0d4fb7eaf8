# SPDX-License-Identifier: Apache-2.0
"""Struct definitions as C: the program's own byte for byte, the kernel's with the fields that are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from honey.emit.layout import Declaration, Member, Overlay, c_size, is_natural, own, placed, relocated
from honey.emit.names import member_name
from honey.emit.source import Writer
from honey.emit.spelling import Spelling
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.ir.walk import root_place, walk
from honey.records import dataclass, field, replace

_UAPI_CONTEXTS = (
    "xdp_md __sk_buff bpf_sock bpf_sock_addr bpf_sock_ops bpf_sockopt bpf_sysctl sk_msg_md sk_reuseport_md "
    "bpf_sk_lookup bpf_cgroup_dev_ctx bpf_raw_tracepoint_args bpf_sock_tuple bpf_fib_lookup bpf_tcp_sock "
    "bpf_spin_lock bpf_timer bpf_tunnel_key bpf_pidns_info"
)
UAPI_CONTEXTS = frozenset(_UAPI_CONTEXTS.split())
"""Kernel structs that <linux/bpf.h> declares, so that the emitted C does not."""
UNFIT = frozenset(["linux/bpf_perf_event.h", "linux/icmp.h", "linux/if.h", "linux/if_arp.h", "linux/vm_sockets.h"])
"""Headers that lead to the machine's registers, which have other names in user space, or to the C library."""
_NEEDLESSLY_PACKED = frozenset(["ethhdr"])
"""Structs that their headers pack although all fields lie as they should: C would read their numbers byte by byte."""


@dataclass(slots=True)
class Usage:
    """Which structs a program uses, and how: fields that are named, and structs whose size or whole value counts."""

    fields: dict[str, set[str]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    relocated: set[str] = field(default_factory=set)
    """Kernel structs whose fields are read in place, so that C's own accesses must be relocated."""
    parameters: set[str] = field(default_factory=set)
    """Structs that a parameter or a result points to, which C must have heard of before."""

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
        for type_ in (function.result, *(param.type for param in function.params)):
            if isinstance(type_, t.Ref) and isinstance(type_.target, t.Struct):
                usage.parameters.add(type_.target.name)
        copied = _copied_from_kernel(function)
        for node in walk(function.body):
            _use(usage, node, symbols)
            if isinstance(node, n.FieldPlace) and _in_kernel_memory(node, copied):
                usage.relocated.update(_structs_on_the_way(node, symbols))
            if isinstance(node, n.CoreRead) and node.task:
                usage.relocated.update(_structs_read(node, symbols))
    return usage


def _copied_from_kernel(function: n.Function) -> frozenset[int]:
    """Locals with copies of kernel memory; those of user memory have the layout that user space knows."""
    return frozenset(
        root.local.id
        for node in walk(function.body)
        if isinstance(node, n.ProbeRead) and node.kind in (n.ReadKind.KERNEL, n.ReadKind.KERNEL_STR)
        if isinstance(root := root_place(node.target), n.LocalPlace)
    )


def _in_kernel_memory(place: n.FieldPlace, copied: frozenset[int]) -> bool:
    root = root_place(place)
    return root.local.id in copied if isinstance(root, n.LocalPlace) else True


def _structs_on_the_way(place: n.FieldPlace, symbols: Symbols) -> Iterator[str]:
    struct: t.Type = place.base.type
    for item in symbols.fields(place.base.type, place.field) or ():
        if isinstance(struct, t.Struct):
            yield struct.name
        struct = item.type


def _structs_read(read: n.CoreRead, symbols: Symbols) -> Iterator[str]:
    """The structs that a read by relocation passes through."""
    struct: t.Type | None = read.struct
    for group in symbols.read_path(read.struct, read.path) or ():
        for item in group:
            if isinstance(struct, t.Struct):
                yield struct.name
            struct = item.type
        struct = struct.target if isinstance(struct, t.Address) else None


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
        case _:
            pass


def _fields(usage: Usage, fields: Iterable[t.Field], struct: t.Type) -> None:
    for item in fields:
        if isinstance(struct, t.Struct):
            usage.fields.setdefault(struct.name, set()).add(item.name)
        struct = item.type


def _whole(usage: Usage, type_: t.Type, symbols: Symbols) -> None:
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
        for type_ in sorted(self.usage.parameters - self.usage.defined):
            definition = self.symbols.structs.get(type_)
            if type_ not in UAPI_CONTEXTS and (definition is None or not _is_anonymous(definition)):
                writer.blank()
                writer.line(f"{self.spelling.base(t.Struct(type_, 0, 1))};")

    def _define(self, name: str, writer: Writer) -> None:
        definition = self.symbols.structs.get(name)
        if name in self.done or definition is None:
            return
        self.done.add(name)
        if name in UAPI_CONTEXTS or _is_anonymous(definition) or included(definition):
            return
        members = self._members(definition)
        for inner in self._contained(members):
            self._define(inner, writer)
        writer.blank()
        if definition.doc:
            writer.comment(definition.doc)
        spelling = self.spelling.base(definition.type)
        typedef = not spelling.startswith(("struct ", "union "))
        writer.open("typedef struct {" if typedef else f"{spelling} {{")
        self._list(members, writer)
        relocated = name in self.usage.relocated
        attributes = ", ".join(_attributes(definition, members, relocated=relocated))
        tail = f" __attribute__(({attributes}))" if attributes else ""
        writer.close(f"}}{tail}{f' {spelling}' if typedef else ''};")

    def _contained(self, members: Iterable[Declaration]) -> Iterator[str]:
        """The structs that must be defined before, those in anonymous members included."""
        for member in members:
            for one in [member] if isinstance(member, Member) else [m for part in member.alternatives for m in part]:
                inner = _innermost(one.type)
                if isinstance(inner, t.Struct):
                    definition = self.symbols.structs.get(inner.name)
                    if definition is not None and _is_anonymous(definition):
                        yield from self._contained(self._members(definition))
                    else:
                        yield inner.name

    def _members(self, definition: t.StructDef) -> tuple[Declaration, ...]:
        """The members to declare."""
        name = definition.type.name
        if not definition.foreign and not definition.type.kernel:
            return own(definition)
        used = self.usage.fields.get(name, set())
        fields = [self._as_declared(field) for field in definition.fields if field.name in used]
        union = definition.spelling.partition(" ")[0] == "union"
        if union or (definition.type.kernel and name not in self.usage.whole):
            return relocated(fields)
        if not definition.type.kernel and is_natural(definition):
            return own(definition)
        return placed(fields, definition.type.size)

    def _as_declared(self, field: t.Field) -> t.Field:
        """The field with the size that C will see: a kernel struct used by reference only has its used fields only."""
        inner = field.type
        if isinstance(inner, t.Struct) and inner.kernel and inner.name not in self.usage.whole:
            definition = self.symbols.structs.get(inner.name)
            size = c_size(self._members(definition)) if definition is not None else None
            if size is not None:
                return replace(field, type=replace(inner, size=size[0], align=size[1]))
        return field

    def _list(self, members: Iterable[Declaration], writer: Writer) -> None:
        for member in members:
            if isinstance(member, Overlay):
                self._overlay(member, writer)
            else:
                self._member(member, writer)

    def _overlay(self, overlay: Overlay, writer: Writer) -> None:
        writer.open("union {")
        for alternative in overlay.alternatives:
            if len(alternative) == 1:
                self._member(alternative[0], writer)
            else:
                writer.open("struct {")
                self._list(alternative, writer)
                writer.close("} __attribute__((packed));")
        writer.close("};")

    def _member(self, member: Member, writer: Writer) -> None:
        bits = f" : {member.bits}" if member.bits else ""
        name = member_name(member.name) if member.name else ""
        inner = _innermost(member.type)
        definition = self.symbols.structs.get(inner.name) if isinstance(inner, t.Struct) else None
        if definition is not None and _is_anonymous(definition):
            writer.open(f"{definition.spelling} {{")
            self._list(self._members(definition), writer)
            lengths = self.spelling.declare(member.type, name).rpartition(name)[2]
            writer.close(f"}} {name}{lengths};")
        else:
            writer.line(f"{self.spelling.declare(member.type, name)}{bits};")


def included(definition: t.StructDef) -> str:
    """The header that the definition is taken from, if it may be: those of the C library do not fit eBPF."""
    whole = definition.header.startswith("linux/") and definition.header not in UNFIT
    whole = whole and definition.type.name not in _NEEDLESSLY_PACKED
    return definition.header if whole and definition.spelling.partition(" ")[2] == definition.type.name else ""


def _innermost(type_: t.Type) -> t.Type:
    while isinstance(type_, t.Array):
        type_ = type_.element
    return type_


def _is_anonymous(definition: t.StructDef) -> bool:
    return definition.spelling in ("struct", "union")


def _attributes(definition: t.StructDef, members: tuple[Declaration, ...], *, relocated: bool) -> Iterator[str]:
    if definition.type.kernel:
        if relocated:
            yield "preserve_access_index"
        return
    natural = max((member.type.align for member in members if isinstance(member, Member)), default=1)
    if definition.foreign:
        if not is_natural(definition):
            yield "packed"
        return
    unaligned = any(field.offset % field.type.align for field in definition.fields)
    packed = definition.packed or unaligned or definition.type.align < natural or definition.type.size % natural
    if packed:
        yield "packed"
    if definition.type.align != (1 if packed else natural):
        yield f"aligned({definition.type.align})"
