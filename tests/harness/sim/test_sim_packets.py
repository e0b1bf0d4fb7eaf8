# SPDX-License-Identifier: Apache-2.0
"""Packet programs written in C: actions, frames and maps as on the machine's own kernel."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from harness.agent.maps import empty
from harness.objects import read_object
from harness.sim import Machine
from sim.sim_kernel import Side

pytestmark = pytest.mark.kernel

Compile = Callable[..., Path]
Load = Callable[[Path], Side]
FLAGS = (("-mcpu=v2",), ("-mcpu=v3",), ("-O1",))


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp_frame(payload: bytes, source: bytes, *, ttl: int = 64, port: int = 53) -> bytes:
    """An Ethernet frame with IPv4 and UDP, the header's checksum right, the other as it may be."""
    udp = struct.pack(">HHHH", 9999, port, 8 + len(payload), 0x1234) + payload
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 7, 0, ttl, 17, 0, b"\x0a\1\2\3", b"\xc0\xa8\0\1")
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return b"\2\0\0\0\0\1" + source + b"\x08\0" + header + udp


def frames() -> list[bytes]:
    """Frames of many lengths and kinds, the same in every run."""
    chance = random.Random(7)
    made = [udp_frame(chance.randbytes(chance.randrange(200)), bytes([2, 0, 0, 0, 1, n % 5])) for n in range(30)]
    made += [chance.randbytes(chance.randrange(64, 200)) for _ in range(20)]
    made += [frame[:14] + b"\x08\0" + frame[16:] for frame in made[-5:]]
    return [frame.ljust(64, b"\0") for frame in made]


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize(
    "program",
    [
        *("xdp_count", "xdp_rewrite", "xdp_adjust", "xdp_bytes", "xdp_first", "xdp_again", "xdp_loop"),
        *("tc_fields", "tc_checksums", "tc_grow", "socket_loads"),
    ],
)
def test_a_program_does_to_frames_and_maps_what_it_does_in_the_kernel(
    compile_program: Compile, load_kernel: Load, program: str, flags: tuple[str, ...]
) -> None:
    path = compile_program("packets", *flags)
    side, machine = load_kernel(path), Machine(read_object(path))
    chooses = program in {"xdp_first", "xdp_again"}
    for number, plain in enumerate(frames()):
        frame = bytes([number % 6]) + plain[1:] if chooses else plain
        real = side.run(program, frame)
        # The test run of a socket filter leaves the link header out; a real socket of raw packets does not.
        given = frame[14:] if program == "socket_loads" else frame
        mine = machine.run_packet(program, given, fields=fields_of_test_run(program, frame))
        assert mine.fault is None, str(mine.fault)
        assert mine.result & 0xFFFFFFFF == real.retval & 0xFFFFFFFF, f"frame {number}: {frame.hex()}"
        assert mine.packet == (real.data[14:] if program == "socket_loads" else real.data)
    for name in ("by_mac", "by_protocol", ".bss", ".data"):
        assert dict(machine.maps[name].items()) == side.items(name), name


def fields_of_test_run(program: str, frame: bytes) -> dict[str, int]:
    """What the kernel's test run fills in by itself: the type of a frame that is not for the loopback device."""
    if not program.startswith("tc_"):
        return {}
    target = frame[:6]
    kind = 0 if target == bytes(6) else 1 if target == b"\xff" * 6 else 2 if target[0] & 1 else 3
    return {"pkt_type": kind}


commands = st.tuples(
    st.integers(0, 9), st.integers(0, 3), st.integers(0, 255), st.integers(0, 3), st.integers(0, 0x3FF)
)


def encode(batch: list[tuple[int, int, int, int, int]]) -> bytes:
    return b"".join(struct.pack("<BBBBIQ", *command, 0) for command in batch).ljust(64, b"\0")


@settings(
    max_examples=150,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=st.lists(st.lists(commands, min_size=4, max_size=24), min_size=1, max_size=6))
@example(batches=[[(number, 2, 32 + key, 0, key) for key in range(7)] for number in (0, 1, 5, 9)])
def test_random_map_commands_give_the_same_results(
    compile_program: Compile, kernel_commands: Side, batches: list[list[tuple[int, int, int, int, int]]]
) -> None:
    machine = Machine(read_object(compile_program("map_commands")))
    for name, found in kernel_commands.loaded.maps.items():
        empty(found)
        assert not any(any(value) for value in kernel_commands.items(name).values())
    for batch in batches:
        real = kernel_commands.run("work", encode(batch))
        mine = machine.run_packet("work", encode(batch))
        assert mine.fault is None
        assert (mine.result, mine.packet) == (real.retval, real.data)
    for name in ("hashed", "unallocated", "listed", "recent", "routes"):
        assert dict(machine.maps[name].items()) == kernel_commands.items(name), name


@pytest.fixture
def kernel_commands(compile_program: Compile, load_kernel: Load) -> Side:
    return load_kernel(compile_program("map_commands"))
