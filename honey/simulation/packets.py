# SPDX-License-Identifier: Apache-2.0
"""The packet of an event, and stand-ins for the helpers that read and change it (kernel ``net/core/filter.c``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from honey.simulation.memory import Pointer, SimulationError

if TYPE_CHECKING:
    from honey.ir.nodes import MapDef
    from honey.simulation.world import Helper, World

    Args = list[int | Pointer | MapDef | None]

EFAULT = 14
EINVAL = 22
ENOMEM = 12
ETHERNET = 14
"""Bytes that a packet has at least."""
HEADROOM = 256 - 40
"""Bytes that a packet can grow at its start: ``XDP_PACKET_HEADROOM`` without ``struct xdp_frame``."""
LARGEST = 4096 - 256 - 320
"""Bytes of the longest packet: a page without the room before it and ``struct skb_shared_info`` behind it."""
_TC_REDIRECT, _TC_SHOT, _XDP_REDIRECT = 7, 2, 4
_FIELD_SIZE, _PSEUDO_HEADER, _MARK_MANGLED_0, _MARK_ENFORCE = 0xF, 0x10, 0x20, 0x40


@dataclass(slots=True)
class Packet:
    """The bytes of a packet; ``resized`` is called when there are more or fewer of them."""

    data: bytearray = field(default_factory=bytearray)
    xdp: bool = False
    room: int = HEADROOM
    resized: Callable[[], None] = lambda: None

    def has(self, offset: int, size: int) -> bool:
        """Whether these bytes are there."""
        return offset >= 0 and size >= 0 and offset + size <= len(self.data)


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise SimulationError("a helper was not given a number")
    return value & 0xFFFF_FFFF


def _signed(value: object) -> int:
    number = _number(value)
    return number - (number >> 31 << 32)


def _memory(value: object) -> Pointer:
    if not isinstance(value, Pointer):
        raise SimulationError("a helper was not given memory")
    return value


def _load(error: int) -> Helper:
    def load(world: World, args: Args) -> int:
        offset, to, size = _number(args[1]), _memory(args[2]), _number(args[3])
        if not world.packet.has(offset, size):
            to.store(bytes(size))
            return -error
        to.store(bytes(world.packet.data[offset : offset + size]))
        return 0

    return load


def _store(error: int, flags_at: int | None = None) -> Helper:
    def store(world: World, args: Args) -> int:
        offset, source, size = _number(args[1]), _memory(args[2]), _number(args[3])
        if flags_at is not None and _number(args[flags_at]) & ~3:
            return -EINVAL
        if offset > 0xFFFF or not world.packet.has(offset, size):
            return -error
        world.packet.data[offset : offset + size] = source.load(size)
        return 0

    return store


def _pull_data(world: World, args: Args) -> int:
    return -ENOMEM if _number(args[1]) > len(world.packet.data) else 0


def _change_tail(world: World, args: Args) -> int:
    size = _number(args[1])
    if _number(args[2]) or size < ETHERNET or size > LARGEST:
        return -EINVAL
    return _resize_tail(world.packet, size)


def _adjust_tail(world: World, args: Args) -> int:
    size = len(world.packet.data) + _signed(args[1])
    if size < ETHERNET or size > LARGEST:
        return -EINVAL
    return _resize_tail(world.packet, size)


def _resize_tail(packet: Packet, size: int) -> int:
    packet.data[size:] = bytes(max(0, size - len(packet.data)))
    packet.resized()
    return 0


def _adjust_head(world: World, args: Args) -> int:
    packet, by = world.packet, _signed(args[1])
    if -by > packet.room or len(packet.data) - by < ETHERNET:
        return -EINVAL
    packet.data[: max(by, 0)] = bytes(max(-by, 0))
    packet.room += by
    packet.resized()
    return 0


def _length(world: World, _: Args) -> int:
    return len(world.packet.data)


def _redirect(world: World, args: Args) -> int:
    flags = _number(args[1])
    if world.packet.xdp:
        return 0 if flags else _XDP_REDIRECT
    return _TC_SHOT if flags & ~1 else _TC_REDIRECT


def _fold(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _difference(old: int, new: int, size: int) -> int | None:
    if size == 0:
        return None if old else new
    if size == 2:
        return (~old & 0xFFFF) + (new & 0xFFFF)
    return (~old & 0xFFFF_FFFF) + new if size == 4 else None


def _replace(allowed: int) -> Helper:
    def replace(world: World, args: Args) -> int:
        offset, old, new, flags = (_number(arg) for arg in args[1:])
        if flags & ~allowed:
            return -EINVAL
        if offset > 0xFFFF or offset % 2 or not world.packet.has(offset, 2):
            return -EFAULT
        difference = _difference(old, new, flags & _FIELD_SIZE)
        if difference is None:
            return -EINVAL
        before = int.from_bytes(world.packet.data[offset : offset + 2], "little")
        mangled = bool(flags & _MARK_MANGLED_0)
        if mangled and not flags & _MARK_ENFORCE and before == 0:
            return 0
        after = ~_fold((~before & 0xFFFF) + difference) & 0xFFFF
        world.packet.data[offset : offset + 2] = (0xFFFF if mangled and after == 0 else after).to_bytes(2, "little")
        return 0

    return replace


def _csum_diff(world: World, args: Args) -> int:
    """Only the value folded to 16 bits is the same on every kernel."""
    del world
    sizes = _number(args[1]), _number(args[3])
    if any(size % 4 for size in sizes) or sum(sizes) > 512:
        return -EINVAL
    total = _number(args[4])
    for memory, size, turned in ((args[0], sizes[0], 0xFFFF_FFFF), (args[2], sizes[1], 0)):
        data = _memory(memory).load(size) if size else b""
        total += sum(int.from_bytes(data[at : at + 4], "little") ^ turned for at in range(0, size, 4))
    while total >> 32:
        total = (total & 0xFFFF_FFFF) + (total >> 32)
    return total


HELPERS: dict[str, Helper] = {
    "bpf_skb_load_bytes": _load(EFAULT),
    "bpf_xdp_load_bytes": _load(EINVAL),
    "bpf_skb_store_bytes": _store(EFAULT, flags_at=4),
    "bpf_xdp_store_bytes": _store(EINVAL),
    "bpf_skb_pull_data": _pull_data,
    "bpf_skb_change_tail": _change_tail,
    "bpf_xdp_adjust_tail": _adjust_tail,
    "bpf_xdp_adjust_head": _adjust_head,
    "bpf_xdp_get_buff_len": _length,
    "bpf_redirect": _redirect,
    "bpf_l3_csum_replace": _replace(_FIELD_SIZE),
    "bpf_l4_csum_replace": _replace(_FIELD_SIZE | _PSEUDO_HEADER | _MARK_MANGLED_0 | _MARK_ENFORCE),
    "bpf_csum_diff": _csum_diff,
}
