# SPDX-License-Identifier: Apache-2.0
"""eBPF instructions as data (RFC 9669, ``include/uapi/linux/bpf.h``)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

LD_IMM64: Final = 0x18
CALL: Final = 0x85
EXIT: Final = 0x95

PSEUDO_FUNC: Final = 4
PSEUDO_CALL: Final = 1
PSEUDO_KFUNC_CALL: Final = 2

_LAYOUT: Final = struct.Struct("<BBhi")


class Insn(NamedTuple):
    """One eight-byte slot; ``imm`` and ``off`` are signed. ``LD_IMM64`` takes two slots."""

    code: int
    dst: int
    src: int
    off: int
    imm: int

    def pack(self) -> bytes:
        """The slot as it stands in an object (little-endian)."""
        return _LAYOUT.pack(self.code, self.src << 4 | self.dst, self.off, self.imm)


def decode_insns(code: bytes) -> list[Insn]:
    """All slots of ``code``, whose length must be a multiple of eight."""
    return [Insn(op, registers & 15, registers >> 4, off, imm) for op, registers, off, imm in _LAYOUT.iter_unpack(code)]


def count_insns(slots: list[Insn] | tuple[Insn, ...]) -> int:
    """Instructions in ``slots``, where a 64-bit immediate load is one instruction in two slots."""
    return len(slots) - sum(1 for insn in slots if insn.code == LD_IMM64)
