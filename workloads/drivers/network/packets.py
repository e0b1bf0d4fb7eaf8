# SPDX-License-Identifier: Apache-2.0
"""Crafted packets, built by scapy.

``packets.json`` holds the same bytes for targets without scapy. ``python -m workloads.drivers.network.make_packets``
writes it from what is described here, and a test sees to it that it stays true.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workloads.base import WorkloadError

STORED = Path(__file__).with_name("packets.json")

#: How a packet is sent: as the payload of a raw ICMP socket, with its own IP header, or as a frame on the link.
ICMP, IP, LINK = "icmp", "ip", "link"


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet's bytes and the way it is sent. ``error`` names the errno with which the kernel refuses it."""

    name: str
    way: str
    data: bytes
    error: str = ""


def crafted_packets(source: str = "auto") -> list[Packet]:
    """All packets, from ``scapy``, as ``stored``, or (``auto``) from scapy where it is installed.

    Raises :class:`WorkloadError` where scapy is asked for and missing.
    """
    if source == "stored" or (source == "auto" and find_spec("scapy") is None):
        return [Packet(p["name"], p["way"], bytes.fromhex(p["data"]), p["error"]) for p in _stored()]
    if find_spec("scapy") is None:
        raise WorkloadError("scapy is not installed")
    return build()


def _stored() -> list[dict[str, str]]:
    documents: list[dict[str, str]] = json.loads(STORED.read_text())
    return documents


def build() -> list[Packet]:
    """What the packets are. All fields that scapy would choose itself are given, so the bytes never change."""
    # Through Any: scapy's annotations do not know how its packets are stacked.
    inet: Any = import_module("scapy.layers.inet")
    inet6: Any = import_module("scapy.layers.inet6")
    l2: Any = import_module("scapy.layers.l2")
    Icmp, Ip, TCP, UDP, IPv6 = inet.ICMP, inet.IP, inet.TCP, inet.UDP, inet6.IPv6
    Ether, Dot1Q, ARP = l2.Ether, l2.Dot1Q, l2.ARP

    to: dict[str, Any] = {"src": "127.0.0.1", "dst": "127.0.0.1"}
    ether: dict[str, Any] = {"src": "00:00:00:00:00:00", "dst": "00:00:00:00:00:00"}
    route = inet.IPOption(b"\x07\x0b\x04" + bytes(8))
    described: list[tuple[str, str, Any, str]] = [
        ("ICMP echo request", ICMP, Icmp(type=8, id=0x1234, seq=1) / b"is anybody there", ""),
        ("ICMP of an unknown type", ICMP, Icmp(type=200, code=3) / b"?", ""),
        ("UDP with its own IP header", IP, Ip(**to, id=1) / UDP(sport=1, dport=9) / b"raw", ""),
        ("TCP SYN", IP, Ip(**to, id=2) / TCP(sport=2, dport=9, flags="S", seq=1), ""),
        ("TCP with every flag", IP, Ip(**to, id=3) / TCP(sport=3, dport=9, flags="FSRPAUEC", seq=1), ""),
        ("an IP header with an option", IP, Ip(**to, id=4, options=[route]) / UDP(sport=4, dport=9), ""),
        ("a last hop", IP, Ip(**to, id=5, ttl=1) / Icmp(type=8, id=5, seq=1), ""),
        ("a first fragment", IP, Ip(**to, id=6, flags="MF") / UDP(sport=6, dport=9, len=64) / bytes(24), ""),
        ("a wrong checksum", IP, Ip(**to, id=7) / UDP(sport=7, dport=9, chksum=0xBAD) / b"wrong", ""),
        ("an unknown protocol", IP, Ip(**to, id=8, proto=253) / b"experiment", ""),
        ("a header longer than the packet", IP, Ip(**to, id=9, ihl=15, len=20), "EINVAL"),
        ("a frame with UDP", LINK, Ether(**ether, type=0x800) / Ip(**to, id=10) / UDP(sport=10, dport=9) / b"x", ""),
        ("a frame with a TCP SYN", LINK, Ether(**ether, type=0x800) / Ip(**to, id=11) / TCP(dport=9, flags="S"), ""),
        ("a frame with a VLAN tag", LINK, Ether(**ether) / Dot1Q(vlan=7) / Ip(**to, id=12) / UDP(dport=9), ""),
        ("a frame with IPv6", LINK, Ether(**ether) / IPv6(src="::1", dst="::1") / UDP(sport=13, dport=9) / b"6", ""),
        ("a frame with ARP", LINK, Ether(**ether) / ARP(psrc="127.0.0.1", pdst="127.0.0.2", hwsrc=ether["src"]), ""),
        ("a frame with a cut IP header", LINK, Ether(**ether, type=0x800) / bytes(Ip(**to, id=14))[:11], ""),
        ("a frame of an unknown type", LINK, Ether(**ether, type=0x88B5) / b"experiment", ""),
    ]
    return [Packet(name, way, bytes(layers), error) for name, way, layers, error in described]
