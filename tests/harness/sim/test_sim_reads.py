# SPDX-License-Identifier: Apache-2.0
"""Reads of user and kernel memory, and text helpers, against the machine's own kernel."""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.objects import read_object
from harness.sim import Machine
from sim.sim_kernel import Side
from workloads.events import Event

pytestmark = pytest.mark.kernel

Compile = Callable[..., Path]
PAGE = 4096
ROOM = 128
REQUEST = struct.Struct(f"<QIIq{ROOM}s")
KINDS = ("probe_read_user", "probe_read_user_str", "probe_read_kernel", "probe_read_kernel_str")
ENDS = 0x7FFFFFFFF000


class UserPage:
    """A page of this process with nothing readable behind it."""

    def __init__(self) -> None:
        self._mapping = mmap.mmap(-1, 2 * PAGE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._mapping))
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.mprotect(ctypes.c_void_p(self.address + PAGE), PAGE, 0) == 0


@pytest.fixture(scope="module")
def page() -> UserPage:
    return UserPage()


@pytest.fixture
def side(compile_program: Compile, load_kernel: Callable[[Path], Side]) -> Side:
    return load_kernel(compile_program("reads", "-mcpu=v3"))


@pytest.fixture
def machine(compile_program: Compile) -> Machine:
    return Machine(read_object(compile_program("reads", "-mcpu=v3")))


def ask(address: int, size: int, kind: int) -> bytes:
    return REQUEST.pack(address & (1 << 64) - 1, size, kind, 0, b"")


texts = st.lists(st.one_of(st.just(0), st.integers(1, 255), st.integers(1, 255)), max_size=40).map(bytes)
RULES = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@RULES
@given(content=texts, back=st.integers(0, 200), what=st.tuples(st.integers(0, ROOM), st.integers(0, 1)))
def test_user_memory_is_read_up_to_the_byte_that_faults(
    machine: Machine, side: Side, page: UserPage, *, content: bytes, back: int, what: tuple[int, int]
) -> None:
    size, kind = what
    place_of_all = page.address + PAGE - 256
    ctypes.memset(place_of_all, 0x41, 256)
    place = page.address + PAGE - min(back, 256)
    content = content[: page.address + PAGE - place]
    ctypes.memmove(place, content, len(content))
    memory = ((place_of_all, ctypes.string_at(place_of_all, 256)),)
    request = ask(place, size, kind)
    real = side.run("read", request)
    mine = machine.run_packet("read", request, event=Event(0, "xdp", memory=memory))
    assert mine.fault is None
    assert mine.packet == real.data


@pytest.mark.parametrize("kind", KINDS)
def test_addresses_without_memory(machine: Machine, side: Side, kind: str) -> None:
    edges = [0, 1, 8, 4095, ENDS - 4, ENDS, ENDS + PAGE - 1, 1 << 57, 1 << 63, 0xFFFF << 48, -1, -4096]
    for address in edges:
        for size in (0, 1, 8, 100):
            request = ask(address, size, KINDS.index(kind))
            real, mine = side.run("read", request), machine.run_packet("read", request)
            assert mine.fault is None
            assert REQUEST.unpack(mine.packet or b"") == REQUEST.unpack(real.data)


def test_a_user_address_cannot_be_read_as_kernel_memory(machine: Machine, side: Side, page: UserPage) -> None:
    ctypes.memset(page.address, 0x41, 16)
    event = Event(0, "xdp", memory=((page.address, b"A" * 16),))
    for kind, readable in ((0, True), (2, False), (3, False)):
        request = ask(page.address, 8, kind)
        real, mine = side.run("read", request), machine.run_packet("read", request, event=event)
        assert mine.packet == real.data
        assert (REQUEST.unpack(real.data)[3] >= 0) == readable


numbers = st.one_of(
    st.sampled_from(
        ["", "0", "-", "-0", "08", "0x", "0x1f", "-0X2a", "077", "9" * 15, "+5", "1 2", " 7", "12ab", "12abc"]
    ),
    st.text(st.sampled_from("0123456789abcxX- +"), max_size=15),
    st.integers(-(1 << 40), 1 << 40).map(str),
)


@RULES
@given(text=numbers)
def test_numbers_in_text_and_text_of_numbers(machine: Machine, side: Side, text: str) -> None:
    packet = text.encode().ljust(16, b"\0").ljust(16 + 48 + 56, b"\0")
    real, mine = side.run("text", packet), machine.run_packet("text", packet)
    assert mine.fault is None
    assert mine.packet == real.data, text
