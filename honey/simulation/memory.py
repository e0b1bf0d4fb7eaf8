# SPDX-License-Identifier: Apache-2.0
"""Memory as a program sees it: buffers that can be pointed into, and address spaces whose reads can fail."""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field

EFAULT = 14
ERANGE = 34
PAGE = 4096


class SimulationError(Exception):
    """The simulated program, or the test that runs it, asks for something that cannot be; the message says what."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """A place in a buffer: what a reference is at run time."""

    buffer: bytearray
    offset: int = 0

    def plus(self, distance: int) -> Pointer:
        """The place some bytes further on."""
        return Pointer(self.buffer, self.offset + distance) if distance else self

    def load(self, size: int) -> bytes:
        """``size`` bytes from here on."""
        self._check(size)
        return bytes(self.buffer[self.offset : self.offset + size])

    def store(self, data: bytes) -> None:
        """Write ``data`` from here on."""
        self._check(len(data))
        self.buffer[self.offset : self.offset + len(data)] = data

    def same(self, other: Pointer) -> bool:
        """Whether both are one place."""
        return self.buffer is other.buffer and self.offset == other.offset

    def _check(self, size: int) -> None:
        if self.offset < 0 or self.offset + size > len(self.buffer):
            raise SimulationError(f"access to {size} bytes at {self.offset} of {len(self.buffer)}")


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a local that is a reference lies: what a reference to it is, by which a function hands back another one."""

    refs: dict[int, Reference]
    local: int


Reference = Pointer | Slot | None


@dataclass(slots=True)
class AddressSpace:
    """Addresses with something behind them; all others fault.

    ``base`` is where `place` puts what nobody has given an address.
    """

    base: int
    regions: dict[int, bytearray] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    unreadable: list[range] = field(default_factory=list)

    def put(self, address: int, data: bytes | bytearray) -> None:
        """Let ``data`` lie at ``address``; a ``bytearray`` is shared, so that later writes are seen."""
        if address not in self.regions:
            insort(self.starts, address)
        self.regions[address] = data if isinstance(data, bytearray) else bytearray(data)

    def place(self, data: bytes | bytearray) -> int:
        """Put ``data`` at an address of its own, with unmapped memory around it, and give the address."""
        address = self.base
        self.base += -(-max(len(data), 1) // PAGE) * PAGE + PAGE
        self.put(address, data)
        return address

    def address_of(self, pointer: Pointer) -> int:
        """An address under which the pointer's buffer can be read; the same one each time."""
        for start, buffer in self.regions.items():
            if buffer is pointer.buffer:
                return start + pointer.offset
        return self.place(pointer.buffer) + pointer.offset

    def fault(self, address: int, size: int = 1) -> None:
        """Let every read that touches these bytes fail, whatever lies there."""
        self.unreadable.append(range(address, address + size))

    def read(self, address: int, size: int) -> bytes | None:
        """``size`` bytes, or ``None`` if one of them is not there; regions that meet are read across."""
        if any(bad.start < address + size and address < bad.stop for bad in self.unreadable):
            return None
        out = bytearray()
        while len(out) < size:
            index = bisect_right(self.starts, address + len(out)) - 1
            if index < 0:
                return None
            start = self.starts[index]
            inside = address + len(out) - start
            part = self.regions[start][inside : inside + size - len(out)]
            if not part:
                return None
            out += part
        return bytes(out)

    def read_string(self, address: int, size: int) -> bytes | None:
        """Up to ``size`` bytes, ending with the first zero byte; ``None`` on a fault before that."""
        out = bytearray()
        while len(out) < size:
            byte = self.read(address + len(out), 1)
            if byte is None:
                return None
            out += byte
            if byte == b"\0":
                break
        return bytes(out)
