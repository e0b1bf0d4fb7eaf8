# SPDX-License-Identifier: Apache-2.0
"""Which memory a piece of a function reads and which it may write, for deciding what may be moved over what.

Memory is a local (by id), or everything that references into one `Space` can reach. Locals whose address is taken can
also be reached through references into the stack.
"""

from __future__ import annotations

from collections.abc import Iterable

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, pick, root_place
from honey.records import dataclass, field

CONSTANT_CALLS = frozenset(
    {
        "bpf_get_current_pid_tgid",
        "bpf_get_current_uid_gid",
        "bpf_get_current_task",
        "bpf_get_current_cgroup_id",
        "bpf_get_smp_processor_id",
        "bpf_get_numa_node_id",
    }
)
"""Helpers that give one answer for as long as a program runs: it neither sleeps nor migrates (bpf-helpers(7))."""

CLOCKS = frozenset({"bpf_ktime_get_ns", "bpf_ktime_get_boot_ns", "bpf_ktime_get_coarse_ns", "bpf_jiffies64"})
"""Helpers that read a clock: the answer grows by as little as nothing from call to call."""

SILENT_CALLS = CONSTANT_CALLS | CLOCKS | {"bpf_get_prandom_u32"}
"""Helpers that write no memory of the program's."""

PACKET_MOVING_CALLS = frozenset(
    {
        *("bpf_clone_redirect", "bpf_l3_csum_replace", "bpf_l4_csum_replace"),
        *("bpf_lwt_push_encap", "bpf_lwt_seg6_action", "bpf_lwt_seg6_adjust_srh", "bpf_lwt_seg6_store_bytes"),
        *("bpf_msg_pop_data", "bpf_msg_pull_data", "bpf_msg_push_data", "bpf_store_hdr_opt"),
        *("bpf_skb_adjust_room", "bpf_skb_change_head", "bpf_skb_change_proto", "bpf_skb_change_tail"),
        *("bpf_skb_pull_data", "bpf_skb_store_bytes", "bpf_skb_vlan_pop", "bpf_skb_vlan_push", "bpf_tail_call"),
        *("bpf_xdp_adjust_head", "bpf_xdp_adjust_meta", "bpf_xdp_adjust_tail"),
    }
)
"""Helpers after which the verifier knows no reference into the packet (``bpf_helper_changes_pkt_data``,
net/core/filter.c)."""

_REACHABLE = frozenset({t.Space.STACK, t.Space.MAP, t.Space.RINGBUF, t.Space.PACKET})


@dataclass(frozen=True, slots=True)
class Footprint:
    """A set of memory: locals by id, and spaces."""

    locals: frozenset[int] = frozenset()
    spaces: frozenset[t.Space] = frozenset()

    def union(self, other: Footprint) -> Footprint:
        """Both sets."""
        return Footprint(self.locals | other.locals, self.spaces | other.spaces)

    def meets(self, other: Footprint, escaped: frozenset[int]) -> bool:
        """Whether some memory may be in both; ``escaped`` are the locals whose address is taken."""
        if self.locals & other.locals or self.spaces & other.spaces:
            return True
        stack = t.Space.STACK
        return bool(
            (stack in self.spaces and other.locals & escaped) or (stack in other.spaces and self.locals & escaped)
        )


_ROOTS = frozenset((n.LocalPlace, n.DerefPlace))
_ADDRESSES = frozenset((n.AddressOf,))


def reads(root: Node | Iterable[Node]) -> Footprint:
    """What evaluating ``root`` may read; its own writes are counted as reads too."""
    locals_: set[int] = set()
    spaces: set[t.Space] = set()
    for node in pick(root, _ROOTS):
        if type(node) is n.LocalPlace:
            locals_.add(node.local.id)
        elif isinstance(node.ref.type, t.Ref):
            spaces.add(node.ref.type.space)
    return Footprint(frozenset(locals_), frozenset(spaces))


def escaped_locals(function: n.Function) -> frozenset[int]:
    """Locals that references may lead to."""
    found: set[int] = set()
    for node in pick(function.body, _ADDRESSES):
        base = root_place(node.place)
        if isinstance(base, n.LocalPlace):
            found.add(base.local.id)
    return frozenset(found)


_WRITING = frozenset(
    (
        n.Let,
        n.For,
        n.Assign,
        n.ProbeRead,
        n.AtomicAdd,
        n.MapUpdate,
        n.NewEntry,
        n.MapDelete,
        n.MapName,
        n.RingFinish,
        n.RingReserve,
        n.HelperCall,
        n.Call,
    )
)
"""What `Writes` has to look at: most nodes only compute, and passes ask about all of them again and again."""
_CHANGING = frozenset((n.MapUpdate, n.MapDelete, n.MapName, n.Call))


@dataclass(slots=True)
class Writes:
    """What statements and effects may write, calls of the program's own functions looked into."""

    symbols: Symbols
    _callees: dict[str, tuple[frozenset[t.Space], frozenset[str]]] = field(default_factory=dict)

    def of(self, root: Node | Iterable[Node]) -> Footprint:
        """The memory that ``root`` may write; a declaration writes its local."""
        locals_: set[int] = set()
        spaces: set[t.Space] = set()
        for node in pick(root, _WRITING):
            self._add(node, locals_, spaces)
        return Footprint(frozenset(locals_), frozenset(spaces))

    def maps_changed(self, root: Node | Iterable[Node]) -> frozenset[str]:
        """The maps whose entries ``root`` may replace, add or remove; changes in place do not count."""
        found: set[str] = set()
        for node in pick(root, _CHANGING):
            match node:
                case n.MapUpdate(name) | n.NewEntry(name) | n.MapDelete(name) | n.MapName(name):
                    found.add(name)
                case n.Call(name):
                    found |= self._callee(name)[1]
                case _:
                    pass
        return frozenset(found)

    def _add(self, node: Node, locals_: set[int], spaces: set[t.Space]) -> None:
        match node:
            case n.Let(local) | n.For(local):
                locals_.add(local.id)
            case n.Assign(place) | n.ProbeRead(_, place) | n.AtomicAdd(place):
                _add_place(place, locals_, spaces)
            case n.MapUpdate() | n.NewEntry() | n.MapDelete():
                spaces.add(t.Space.MAP)
            case n.RingFinish() | n.RingReserve():
                spaces.add(t.Space.RINGBUF)
            case n.HelperCall("barrier_var", (n.LocalPlace(local),)):
                locals_.add(local.id)
            case n.HelperCall(name, args) if name not in SILENT_CALLS:
                spaces.update(_REACHABLE - {t.Space.STACK})
                for arg in args:
                    if isinstance(arg, n.Place):
                        _add_place(arg, locals_, spaces)
                _add_referenced(args, locals_, spaces)
            case n.Call(name, args):
                spaces.update(self._callee(name)[0])
                params = self.symbols.functions[name].params
                written = [arg for arg, param in zip(args, params, strict=True) if not _is_readonly(param.type)]
                _add_referenced(written, locals_, spaces)
            case _:
                pass

    def _callee(self, name: str) -> tuple[frozenset[t.Space], frozenset[str]]:
        if name not in self._callees:
            self._callees[name] = (frozenset(), frozenset())  # no recursion without fuel, but no harm either
            body = self.symbols.functions[name].body
            # The stack of its callers a function only reaches through its arguments, which are looked at by themselves.
            self._callees[name] = (self.of(body).spaces - {t.Space.STACK}, self.maps_changed(body))
        return self._callees[name]


def _add_place(place: n.Place, locals_: set[int], spaces: set[t.Space]) -> None:
    base = root_place(place)
    if isinstance(base, n.LocalPlace):
        locals_.add(base.local.id)
    elif isinstance(base, n.DerefPlace) and isinstance(base.ref.type, t.Ref):
        spaces.add(base.ref.type.space)


def _is_readonly(type_: t.Type) -> bool:
    return isinstance(type_, t.Ref) and type_.readonly


def _add_referenced(args: Iterable[object], locals_: set[int], spaces: set[t.Space]) -> None:
    """What is reachable through references that a callee is given, and may write through."""
    for arg in args:
        if isinstance(arg, n.AddressOf) and isinstance(arg.type, t.Ref) and not arg.type.readonly:
            _add_place(arg.place, locals_, spaces)
        elif isinstance(arg, n.Expr) and isinstance(arg.type, t.Ref) and not arg.type.readonly:
            spaces.add(arg.type.space)
