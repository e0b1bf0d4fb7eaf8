# SPDX-License-Identifier: Apache-2.0
"""The frames of the packets workload, built by scapy.

``frames.pcap`` holds the same bytes, and ``frames.json`` says what each is, so that no target needs scapy.
``python -m workloads.drivers.packets.make_frames`` writes both from what is described here, and tests see to it that
they stay true.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

STORED = Path(__file__).with_name("frames.json")
#: Shorter frames are not taken by ``BPF_PROG_TEST_RUN``.
SHORTEST = 14


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame and what it is."""

    note: str
    data: bytes


def stored_frames() -> list[Frame]:
    """All frames."""
    return [Frame(one["note"], bytes.fromhex(one["data"])) for one in json.loads(STORED.read_text(encoding="utf-8"))]


def build() -> list[Frame]:
    """What the frames are. All fields that scapy would choose itself are given, so the bytes never change."""
    # Through Any: scapy's annotations do not know how its packets are stacked.
    inet: Any = import_module("scapy.layers.inet")
    inet6: Any = import_module("scapy.layers.inet6")
    l2: Any = import_module("scapy.layers.l2")
    Ip, UDP, TCP, Icmp, IPv6 = inet.IP, inet.UDP, inet.TCP, inet.ICMP, inet6.IPv6
    Dot1Q, Dot1AD = l2.Dot1Q, l2.Dot1AD
    ether = l2.Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    to: dict[str, Any] = {"src": "192.0.2.1", "dst": "192.0.2.2"}
    to6: dict[str, Any] = {"src": "2001:db8::1", "dst": "2001:db8::2"}
    route = inet.IPOption(b"\x07\x0b\x04" + bytes(8))
    data = bytes(range(32))
    found: list[tuple[str, Any]] = []
    for port in (3000, 3001, 3002, 53):
        udp = UDP(sport=1024, dport=port) / data
        found += [
            (f"UDP to {port}", ether / Ip(**to, id=1) / udp),
            (
                f"UDP to {port} without a checksum",
                ether / Ip(**to, id=2) / UDP(sport=1024, dport=port, chksum=0) / data,
            ),
            (
                f"UDP to {port} with a wrong checksum",
                ether / Ip(**to, id=3) / UDP(sport=9, dport=port, chksum=1) / data,
            ),
            (f"UDP to {port} without data", ether / Ip(**to, id=4) / UDP(sport=1, dport=port)),
            (f"UDP to {port} after IP options", ether / Ip(**to, id=5, options=[route]) / udp),
            (
                f"UDP to {port} after 40 bytes of IP options",
                ether / Ip(**to, id=6, options=[inet.IPOption(b"\x01" * 40)]) / udp,
            ),
            (f"UDP to {port} with a VLAN tag", ether / Dot1Q(vlan=5) / Ip(**to, id=7) / udp),
            (f"UDP to {port} with two VLAN tags", ether / Dot1AD(vlan=6) / Dot1Q(vlan=7) / Ip(**to, id=8) / udp),
            (
                f"UDP to {port} with three VLAN tags",
                ether / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / Ip(**to) / udp,
            ),
            (f"UDP to {port}, a first fragment", ether / Ip(**to, id=9, flags="MF") / udp),
            (f"UDP to {port}, a later fragment", ether / Ip(**to, id=9, frag=4) / udp),
            (f"UDP to {port}, not to be fragmented", ether / Ip(**to, id=10, flags="DF") / udp),
            (f"UDP to {port} over IPv6", ether / IPv6(**to6) / udp),
            (f"TCP to {port}", ether / Ip(**to, id=11) / TCP(sport=1, dport=port, seq=1)),
            (f"UDP from {port}", ether / Ip(**to, id=12) / UDP(sport=port, dport=9) / data),
            (f"UDP to {port}, a long one", ether / Ip(**to, id=13) / UDP(sport=4, dport=port) / bytes(1400)),
        ]
    found += [
        ("ARP", ether / l2.ARP(hwsrc="02:00:00:00:00:01", psrc="192.0.2.1", pdst="192.0.2.2")),
        ("ICMP echo request", ether / Ip(**to, id=14) / Icmp(type=8, id=1, seq=1) / data),
        ("an IP header too short", ether / Ip(**to, id=15, ihl=4) / UDP(sport=1, dport=3000) / data),
        ("an IP header longer than the frame", ether / Ip(**to, id=16, ihl=15) / UDP(sport=1, dport=3000)),
        ("an Ethernet type that is a length", l2.Ether(bytes(ether)[:12] + b"\x00\x20" + data)),
        ("an unknown Ethernet type", l2.Ether(bytes(ether)[:12] + b"\x88\xb5" + data)),
        *(_checksum_on_the_edge(ether, Ip, UDP, to, wanted) for wanted in (0x0001, 0xFFFE, 0xFFFF, 0xFFFD)),
    ]
    frames = [Frame(note, bytes(frame)) for note, frame in found]
    return frames + _cut(frames)


def save(path: Path, frames: list[Frame]) -> None:
    """A capture file of ``frames``, one a second."""
    utils: Any = import_module("scapy.utils")
    with utils.RawPcapWriter(str(path), linktype=1) as writer:
        writer.write_header(None)
        for second, frame in enumerate(frames):
            writer.write_packet(frame.data, sec=second, usec=0)


def _checksum_on_the_edge(ether: Any, Ip: Any, UDP: Any, to: dict[str, Any], wanted: int) -> tuple[str, Any]:
    """A datagram to port 3001 whose right checksum is ``wanted``: two bytes of data make up for the rest."""
    head = ether / Ip(**to, id=17)
    zero = type(ether)(bytes(head / UDP(sport=5, dport=3001) / bytes(2)))
    # Checksums add up in one's complement: what is missing goes into the data.
    missing = (zero[UDP].chksum + (0xFFFF - wanted)) % 0xFFFF
    return f"a checksum of {wanted:#06x}", head / UDP(sport=5, dport=3001) / missing.to_bytes(2, "big")


def _cut(frames: list[Frame]) -> list[Frame]:
    """Frames that end before their headers do."""
    known = {frame.note: frame.data for frame in frames}
    cuts = {
        "UDP to 3000": (14, 15, 23, 33, 34, 38, 41, 42),
        "UDP to 3001": (33, 34, 41, 42),
        "UDP to 3001 after IP options": (34, 46, 53, 54),
        "UDP to 3000 with a VLAN tag": (14, 16, 17, 18, 37, 45, 46),
        "UDP to 3001 with two VLAN tags": (18, 21, 22, 49, 50),
    }
    return [
        Frame(f"{note}, cut after {size} bytes", known[note][:size]) for note, sizes in cuts.items() for size in sizes
    ]
