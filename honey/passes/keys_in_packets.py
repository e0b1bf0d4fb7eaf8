# SPDX-License-Identifier: Apache-2.0
"""Points map helpers at a key where it lies in the packet.

    key = %mac{address: eth.h_source}           lookup(traffic, eth.h_source)
    lookup(traffic, key)                  →     update(traffic, eth.h_source, first)
    update(traffic, key, first)

A key goes to a helper in memory, and packet bytes that have been tested are memory that helpers may read (`pkt_access`
in ``kernel/bpf/helpers.c``): without a copy, neither loads nor stores are needed.

Proof obligation: the struct is one field that is all of it, so that its bytes are the packet's; it is used for keys and
values of maps alone, which the helpers copy before they come back; nothing in the function writes to the packet, calls
that may move it included, nor to what leads to the bytes, so that they are the same at each helper as when the struct
was made. Nobody else writes to the linear part of a packet while a program looks at it.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import Writes, reads
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, map_children, rewrite_block, root_place, walk
from honey.passes.by_reference import only_stored
from honey.passes.rewriting import each_function, with_body


def run(program: n.Program) -> n.Program:
    """``program`` with keys in packets."""
    symbols = Symbols.of(program)
    writes = Writes(symbols)

    def rule(function: n.Function) -> n.Function:
        if t.Space.PACKET not in reads(function.body).spaces:
            return function
        there = _copies(function, symbols, writes)

        def stored(child: Node) -> Node:
            if isinstance(child, n.StructValue):
                return _packet_bytes(child, symbols) or child
            return there.get(child, child) if isinstance(child, n.Read) else child

        def pointed(node: Node) -> Node:
            return map_children(node, stored) if isinstance(node, n.MapLookup | n.MapUpdate | n.MapDelete) else node

        return with_body(function, rewrite_block(function.body, pointed))

    return each_function(program, rule)


def _copies(function: n.Function, symbols: Symbols, writes: Writes) -> dict[n.Read, n.Read]:
    """What reads a copy of packet bytes for a helper, and what reads the bytes themselves."""
    if t.Space.PACKET in writes.of(function.body).spaces:
        return {}
    written = locals_written(function.body)
    found: dict[n.Read, n.Read] = {}
    for node in walk(function.body):
        if isinstance(node, n.Let) and isinstance(node.value, n.StructValue):
            bytes_ = _packet_bytes(node.value, symbols)
            if bytes_ is not None and only_stored(function, node.local) and not reads(bytes_).locals & written:
                found[n.Read(n.LocalPlace(node.local), node.local.type)] = bytes_
    return found


def _packet_bytes(value: n.StructValue, symbols: Symbols) -> n.Read | None:
    """The packet's bytes that ``value`` is a copy of, if it is nothing else."""
    match value.fields:
        case ((name, n.Read(place) as bytes_),):
            root = root_place(place)
            in_packet = (
                isinstance(root, n.DerefPlace)
                and isinstance(root.ref.type, t.Ref)
                and root.ref.type.space is t.Space.PACKET
            )
            element = symbols.element(value.type, name)
            whole = element is not None and element[1].size == place.type.size == value.type.size
            return bytes_ if in_packet and whole and reads(bytes_).spaces == {t.Space.PACKET} else None
        case _:
            return None
