# SPDX-License-Identifier: Apache-2.0
"""Helpers of packet programs (kernel ``net/core/filter.c``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.sim.helper_table import Table, negative
from harness.sim.maps import ReferenceMap
from harness.sim.memory import M32, M64
from harness.sim.packet import ETH_HLEN, HEADROOM, PAGE, SHARED_INFO, XDP_FRAME

if TYPE_CHECKING:
    from harness.sim.packet import PacketContext
    from harness.sim.runtime import Runtime

TABLE: Final = Table()
EINVAL: Final = 22
EFAULT: Final = 14
ENOMEM: Final = 12
XDP_REDIRECT: Final = 4
TC_ACT_REDIRECT: Final = 7
HDR_FIELD_MASK: Final = 0xF
PSEUDO_HDR: Final = 0x10
MARK_MANGLED_0: Final = 0x20
MARK_ENFORCE: Final = 0x40


def _signed(value: int) -> int:
    value &= (1 << 32) - 1
    return value - ((value >> 31) << 32)


@TABLE.add()
def xdp_adjust_head(rt: Runtime, context: int, delta: int) -> int:
    """Move the packet's start."""
    del context
    packet, by = rt.the_packet(), _signed(delta)
    meta = packet.start - packet.meta
    start = packet.start + by
    if start < XDP_FRAME + meta or start > packet.end - ETH_HLEN:
        return negative(EINVAL)
    if meta:
        content = packet.buffer[packet.meta : packet.start]
        packet.buffer[start - meta : start] = content
    packet.meta = start - meta
    packet.move_start(by)
    packet.point()
    return 0


@TABLE.add()
def xdp_adjust_tail(rt: Runtime, context: int, delta: int) -> int:
    """Move the packet's end; what is gained is zero."""
    del context
    packet, by = rt.the_packet(), _signed(delta)
    end = packet.end + by
    if end > PAGE - SHARED_INFO or end < packet.start + ETH_HLEN:
        return negative(EINVAL)
    packet.move_end(by)
    packet.point()
    return 0


@TABLE.add()
def xdp_adjust_meta(rt: Runtime, context: int, delta: int) -> int:
    """Make room for metadata before the packet."""
    del context
    packet = rt.the_packet()
    meta = packet.meta + _signed(delta)
    length = packet.start - meta
    if meta < XDP_FRAME or meta > packet.start or length > 255 or length & 3:
        return negative(EINVAL)
    packet.meta = meta
    packet.point()
    return 0


@TABLE.add()
def xdp_get_buff_len(rt: Runtime, context: int) -> int:
    """The packet's length."""
    del context
    packet = rt.the_packet()
    return packet.end - packet.start


def _load(rt: Runtime, offset: int, to: int, length: int) -> int:
    packet = rt.the_packet()
    offset, length = offset & M32, length & M32
    if offset > 0x7FFFFFFF or offset + length > packet.end - packet.start:
        rt.memory.write(to, bytes(length))
        return negative(EFAULT)
    rt.memory.write(to, packet.data[offset : offset + length])
    return 0


def _store(rt: Runtime, offset: int, source: int, length: int) -> int:
    packet = rt.the_packet()
    offset, length = offset & M32, length & M32
    if offset > 0xFFFF or offset + length > packet.end - packet.start:
        return negative(EFAULT)
    at = packet.start + offset
    packet.buffer[at : at + length] = rt.memory.read(source, length)
    return 0


@TABLE.add(writes=(3, 4))
def xdp_load_bytes(rt: Runtime, context: int, offset: int, to: int, length: int) -> int:
    """Copy out of the packet."""
    del context
    packet = rt.the_packet()
    if (offset & M32) + (length & M32) > packet.end - packet.start:
        return negative(EINVAL)
    return _load(rt, offset, to, length)


@TABLE.add()
def xdp_store_bytes(rt: Runtime, context: int, offset: int, source: int, length: int) -> int:
    """Copy into the packet."""
    del context
    return negative(EINVAL) if _store(rt, offset, source, length) else 0


@TABLE.add(writes=(3, 4))
def skb_load_bytes(rt: Runtime, context: int, offset: int, to: int, length: int) -> int:
    """Copy out of the packet; zeros where it is too short."""
    del context
    return _load(rt, offset, to, length)


@TABLE.add(writes=(3, 4))
def skb_load_bytes_relative(rt: Runtime, context: int, offset: int, to: int, length: int, header: int) -> int:
    """The same from the link (0) or network (1) header."""
    del context
    base = 0 if header == 0 else ETH_HLEN
    return _load(rt, offset + base, to, length)


@TABLE.add()
def skb_store_bytes(rt: Runtime, context: int, offset: int, source: int, length: int, flags: int) -> int:
    """Copy into the packet."""
    del context
    if flags & ~3:
        return negative(EINVAL)
    return _store(rt, offset, source, length)


@TABLE.add()
def skb_pull_data(rt: Runtime, context: int, length: int) -> int:
    """All of the packet is there already."""
    del context
    packet = rt.the_packet()
    return negative(ENOMEM) if length & M32 > packet.end - packet.start else 0


@TABLE.add()
def skb_change_tail(rt: Runtime, context: int, length: int, flags: int) -> int:
    """Make the packet ``length`` bytes long."""
    del context
    packet, length = rt.the_packet(), length & M32
    if flags or length < ETH_HLEN:
        return negative(EINVAL)
    packet.move_end(length - (packet.end - packet.start))
    packet.point()
    return 0


@TABLE.add()
def skb_change_head(rt: Runtime, context: int, room: int, flags: int) -> int:
    """Make room, zeroed, before the packet."""
    del context
    packet, room = rt.the_packet(), room & M32
    if flags or room > HEADROOM:
        return negative(EINVAL)
    packet.buffer[packet.start - room : packet.start] = bytes(room)
    packet.move_start(-room)
    packet.meta = packet.start
    packet.point()
    return 0


def ones_sum(data: bytes) -> int:
    """The 16-bit ones' complement sum of ``data`` in host order, not folded (``csum_partial``)."""
    data += b"\0" * (len(data) % 2)
    return sum(int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data), 2))


def fold(total: int) -> int:
    """A sum folded to 16 bits."""
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def fold32(total: int) -> int:
    """A sum folded to 32 bits."""
    while total >> 32:
        total = (total & M32) + (total >> 32)
    return total


@TABLE.add()
def csum_diff(rt: Runtime, old: int, old_size: int, new: int, new_size: int, seed: int) -> int:
    """The checksum difference between two pieces of memory; only its folded value is the same on every kernel."""
    old_size, new_size = old_size & M32, new_size & M32
    if old_size % 4 or new_size % 4 or old_size + new_size > 512:
        return negative(EINVAL)
    before = rt.memory.read(old, old_size) if old_size else b""
    after = rt.memory.read(new, new_size) if new_size else b""
    words = [~int.from_bytes(before[at : at + 4], "little") & M32 for at in range(0, old_size, 4)]
    words += [int.from_bytes(after[at : at + 4], "little") for at in range(0, new_size, 4)]
    return fold32(sum(words) + (seed & M32))


def _replace(packet: PacketContext, at: int, difference: int, *, mangled: bool) -> None:
    """Add ``difference`` (already a ones' complement sum) to the checksum at ``at``."""
    old = int.from_bytes(packet.buffer[at : at + 2], "little")
    if mangled and old == 0:
        return
    new = ~fold((~old & 0xFFFF) + difference) & 0xFFFF
    if mangled and new == 0:
        new = 0xFFFF
    packet.buffer[at : at + 2] = new.to_bytes(2, "little")


def _checksum_place(rt: Runtime, offset: int) -> int | None:
    packet = rt.the_packet()
    offset &= M32
    if offset > 0xFFFF or offset % 2 or offset + 2 > packet.end - packet.start:
        return None
    return packet.start + offset


def _difference(old: int, new: int, size: int) -> int | None:
    if size == 0:
        return None if old else new & M32
    if size == 2:
        return (~old & 0xFFFF) + (new & 0xFFFF)
    return (~old & M32) + (new & M32) if size == 4 else None


@TABLE.add()
def l3_csum_replace(rt: Runtime, context: int, offset: int, old: int, new: int, flags: int) -> int:
    """Update an IP header's checksum."""
    del context
    at = _checksum_place(rt, offset)
    if flags & ~HDR_FIELD_MASK:
        return negative(EINVAL)
    if at is None:
        return negative(EFAULT)
    difference = _difference(old, new, flags & HDR_FIELD_MASK)
    if difference is None:
        return negative(EINVAL)
    _replace(rt.the_packet(), at, difference, mangled=False)
    return 0


@TABLE.add()
def l4_csum_replace(rt: Runtime, context: int, offset: int, old: int, new: int, flags: int) -> int:
    """Update a TCP or UDP checksum; with ``BPF_F_MARK_MANGLED_0`` a zero stays and no zero arises."""
    del context
    at = _checksum_place(rt, offset)
    if flags & ~(MARK_MANGLED_0 | MARK_ENFORCE | PSEUDO_HDR | HDR_FIELD_MASK):
        return negative(EINVAL)
    if at is None:
        return negative(EFAULT)
    difference = _difference(old, new, flags & HDR_FIELD_MASK)
    if difference is None:
        return negative(EINVAL)
    mangled = bool(flags & MARK_MANGLED_0) and not flags & MARK_ENFORCE
    _replace(rt.the_packet(), at, difference, mangled=mangled)
    return 0


@TABLE.add()
def redirect(rt: Runtime, device: int, flags: int) -> int:
    """Noted; the action that says so."""
    rt.redirects.append(("redirect", device & M32, flags))
    if rt.the_packet().xdp:
        return 0 if flags else XDP_REDIRECT
    return 2 if flags & ~1 else TC_ACT_REDIRECT


@TABLE.add()
def redirect_map(rt: Runtime, table: int, key: int, flags: int) -> int:
    """Noted; the action that says so, or the lower bits of ``flags`` where the map has no such entry."""
    found = rt.map_at(table)
    present = isinstance(found, ReferenceMap) and (key & M32).to_bytes(4, "little") in found.targets
    if not present:
        return flags & 3
    rt.redirects.append((found.name, key & M32, flags))
    return XDP_REDIRECT


@TABLE.add()
def clone_redirect(rt: Runtime, context: int, device: int, flags: int) -> int:
    """Noted."""
    del context
    rt.redirects.append(("clone", device & M32, flags))
    return 0


@TABLE.add()
def get_hash_recalc(rt: Runtime, context: int) -> int:
    """The context's ``hash``."""
    del context
    return rt.the_packet().field("hash")


@TABLE.add()
def get_route_realm(rt: Runtime, context: int) -> int:
    """None."""
    del rt, context
    return 0


@TABLE.add()
def set_hash_invalid(rt: Runtime, context: int) -> int:
    """Nothing to forget."""
    del rt, context
    return 0


@TABLE.add()
def csum_update(rt: Runtime, context: int, difference: int) -> int:
    """No device computed a checksum that could be updated."""
    del rt, context, difference
    return negative(524) & M64
