# SPDX-License-Identifier: Apache-2.0
"""The packet under a packet program, and the context that describes it (kernel ``net/core/filter.c``).

The context is a list with one number for each four bytes of the structure that programs see; a field of eight bytes
is whole in its first entry. Fields that hold packet addresses hold all 64 bits of them, as the kernel's verifier makes
programs read the kernel's own structure behind the context.
"""

from __future__ import annotations

from typing import Final

from harness.sim.memory import M32, M64, Memory
from harness.sim.unit import PacketFields

#: XDP's headroom, and what a page of 4096 bytes leaves behind the frame (``bpf_prog_test_run_xdp``).
HEADROOM: Final = 256
PAGE: Final = 4096
SHARED_INFO: Final = 320
XDP_FRAME: Final = 40
ETH_HLEN: Final = 14

XDP_FIELDS: Final = PacketFields(size=24, pointers=frozenset((0, 4, 8)))
SKB_FIELDS: Final = PacketFields(size=192, pointers=frozenset((76, 80, 140)), wide=frozenset((144, 152, 168, 184)))
#: Offsets in ``struct xdp_md`` and ``struct __sk_buff`` (``include/uapi/linux/bpf.h``).
XDP_MD: Final = {
    "data": 0,
    "data_end": 4,
    "data_meta": 8,
    "ingress_ifindex": 12,
    "rx_queue_index": 16,
    "egress_ifindex": 20,
}
SK_BUFF: Final = {
    "len": 0,
    "pkt_type": 4,
    "mark": 8,
    "queue_mapping": 12,
    "protocol": 16,
    "vlan_present": 20,
    "vlan_tci": 24,
    "vlan_proto": 28,
    "priority": 32,
    "ingress_ifindex": 36,
    "ifindex": 40,
    "tc_index": 44,
    "cb": 48,
    "hash": 68,
    "tc_classid": 72,
    "data": 76,
    "data_end": 80,
    "napi_id": 84,
    "family": 88,
    "data_meta": 140,
    "flow_keys": 144,
    "tstamp": 152,
    "wire_len": 160,
    "gso_segs": 164,
    "sk": 168,
    "gso_size": 176,
    "tstamp_type": 180,
    "hwtstamp": 184,
}

#: What an Ethernet type below 0x600, which is a length, stands for (``eth_type_trans``), in network order.
ETH_P_802_3_MIN: Final = 0x0600
ETH_P_802_3: Final = 0x0100
ETH_P_802_2: Final = 0x0400


def protocol_of(frame: bytes) -> int:
    """The protocol of an Ethernet frame as ``__sk_buff`` shows it, in network order."""
    if int.from_bytes(frame[12:14], "big") >= ETH_P_802_3_MIN:
        return int.from_bytes(frame[12:14], "little")
    return ETH_P_802_3 if frame[14:16] == b"\xff\xff" else ETH_P_802_2


class PacketContext:
    """The buffer of the packet at hand and its context; one for each machine, filled anew for each event."""

    def __init__(self, memory: Memory) -> None:
        self.buffer = bytearray()
        self.base = memory.place(self.buffer)
        self.context: list[int] = [0] * (SKB_FIELDS.size // 4)
        self.context_address = memory.place(None)
        self.offsets: dict[str, int] = XDP_MD
        self.fields = XDP_FIELDS
        self.start = 0
        self.end = 0
        self.meta = 0

    @property
    def xdp(self) -> bool:
        """Whether the context is ``struct xdp_md``, not ``struct __sk_buff``."""
        return self.offsets is XDP_MD

    @staticmethod
    def names(*, xdp: bool) -> dict[str, int]:
        """The fields of a context and their offsets."""
        return XDP_MD if xdp else SK_BUFF

    @property
    def address_range(self) -> tuple[int, int]:
        """Where packet addresses lie."""
        return self.base, self.base + 0x20000

    def fill(self, packet: bytes, *, xdp: bool, values: dict[str, int]) -> None:
        """Put ``packet`` into the buffer and ``values`` into the context's fields."""
        self.offsets, self.fields = (XDP_MD, XDP_FIELDS) if xdp else (SK_BUFF, SKB_FIELDS)
        self.buffer[:] = bytes(HEADROOM) + packet
        self.start, self.end, self.meta = HEADROOM, HEADROOM + len(packet), HEADROOM
        self.context[:] = [0] * len(self.context)
        for name, value in values.items():
            self.context[self.offsets[name] // 4] = value
        self.point()

    def point(self) -> None:
        """Make the context's addresses and length follow the packet."""
        context, offsets = self.context, self.offsets
        context[offsets["data"] // 4] = self.base + self.start
        context[offsets["data_end"] // 4] = self.base + self.end
        context[offsets["data_meta"] // 4] = self.base + self.meta
        if not self.xdp:
            context[offsets["len"] // 4] = self.end - self.start

    @property
    def data(self) -> bytes:
        """The packet as it is now."""
        return bytes(self.buffer[self.start : self.end])

    def field(self, name: str) -> int:
        """A field of the context."""
        return self.context[self.offsets[name] // 4]

    def load(self, offset: int, size: int) -> int:
        """A load of any width from the context; packet addresses keep all their bits."""
        whole = offset & ~7
        if whole in self.fields.wide:
            return self.context[whole // 4] >> 8 * (offset - whole) & (1 << 8 * size) - 1
        if offset in self.fields.pointers:
            return self.context[offset // 4]
        if size == 8:
            return self.context[offset // 4] & M32 | (self.context[offset // 4 + 1] & M32) << 32
        return self.context[offset // 4] >> 8 * (offset % 4) & (1 << 8 * size) - 1

    def store(self, offset: int, size: int, value: int) -> None:
        """A store of four or eight bytes to the context."""
        if offset in self.fields.wide:
            self.context[offset // 4] = value & M64
        elif size == 8:
            self.context[offset // 4] = value & M32
            self.context[offset // 4 + 1] = value >> 32
        else:
            shift, mask = 8 * (offset % 4), (1 << 8 * size) - 1
            old = self.context[offset // 4] & ~(mask << shift)
            self.context[offset // 4] = old | (value & mask) << shift

    def move_start(self, delta: int) -> None:
        """Make the packet begin ``delta`` bytes later (earlier where negative)."""
        self.start += delta

    def move_end(self, delta: int) -> None:
        """Make the packet longer, by zeros, or shorter."""
        self.end += delta
        if delta < 0:
            del self.buffer[self.end :]
        else:
            self.buffer.extend(bytes(delta))
