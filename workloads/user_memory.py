# SPDX-License-Identifier: Apache-2.0
"""User memory as an event lists it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UserMemory:
    """What could be read when an event happened: pieces of ``(address, bytes)``, which may touch or overlap."""

    pieces: tuple[tuple[int, bytes], ...]

    def read(self, address: int, size: int) -> bytes | None:
        """``size`` bytes at ``address``; None where some of them cannot be read."""
        out = b""
        while len(out) < size:
            part = self._part(address + len(out), size - len(out))
            if not part:
                return None
            out += part
        return out

    def _part(self, address: int, size: int) -> bytes:
        for start, data in self.pieces:
            if start <= address < start + len(data):
                return data[address - start : address - start + size]
        return b""
