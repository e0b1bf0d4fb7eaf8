# SPDX-License-Identifier: Apache-2.0
"""Loads, stores and atomic operations as Python statements (RFC 9669, section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.objects.insn import Insn
from harness.sim import alu
from harness.sim.memory import DYNAMIC_LAST, M32, M64
from harness.sim.unit import CODES, Place, Region, place_in

if TYPE_CHECKING:
    from harness.sim.lower import Lowering

SIZES: Final = {0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8}
SIGN_EXTENDING: Final = 0x80
FETCH: Final = 0x01
XCHG: Final = 0xE1
CMPXCHG: Final = 0xF1
LOAD_ACQUIRE: Final = 0x100
STORE_RELEASE: Final = 0x110
_ATOMIC: Final = {0x00: 0x00, 0x40: 0x40, 0x50: 0x50, 0xA0: 0xA0}  # as the arithmetic opcodes


def lower_load(low: Lowering, insn: Insn) -> None:
    """``dst = *(size *)(src + off)``, sign-extended where the instruction says so."""
    size = SIZES[insn.code & 0x18]
    extend = insn.code & 0xE0 == SIGN_EXTENDING
    base = low.operand(insn.src)
    region = low.unit.region_of(base.low + insn.off, base.high + insn.off)
    if region is low.unit.context or (region is None and base.high > DYNAMIC_LAST):
        low.unit.reads_context = True
    if region is low.frame and base.constant and size == 8:
        known = low.state.slots.get((base.low + insn.off) & M32)
        if known:
            place = place_in(region, base, insn.off, size, "Q")
            assert place is not None
            low.assign(insn.dst, place.load("Q"), known, pure=True)
            return
    if region and region.rewritten:
        if base.constant:
            _load_field(low, insn.dst, (base.low + insn.off) & M32, size)
        else:
            low.assign(insn.dst, f"load_any({base.text} + {insn.off}, {size})", (0, M64), pure=False)
        return
    highest = (1 << 8 * size) - 1
    if region is None and low.unit.slow_access and base.high > DYNAMIC_LAST:
        text = f"load_any(({base.text} + {insn.off}) & {M64:#x}, {size})"
        # A four-byte field of a packet program's context may hold a pointer.
        highest = M64 if size == 4 and not extend else highest
        loaded = alu.Operand(text, 0, highest)
        low.define(insn.dst, alu.sign_extend(loaded, 8 * size, 64) if extend else loaded, pure=False)
        return
    code = CODES[size].lower() if extend else CODES[size]
    place = _place(low, insn.src, base, insn.off, size=size, code=code)
    if place is None:
        return
    if extend:
        low.assign(insn.dst, f"{place.load(code)} & {M64:#x}", (0, M64), pure=False)
    else:
        low.assign(insn.dst, place.load(code), (0, highest), pure=region is not None and base.constant)


def lower_store(low: Lowering, insn: Insn) -> None:
    """``*(size *)(dst + off) = src`` or an immediate."""
    size = SIZES[insn.code & 0x18]
    value = low.operand(insn.src) if insn.code & 0x07 == 3 else alu.constant(insn.imm)
    if insn.code & 0xE0 != 0x60:
        low.fail(f"unknown instruction {insn.code:#x}")
        return
    _store(low, insn, size, value)


def _store(low: Lowering, insn: Insn, size: int, value: alu.Operand) -> None:
    base = low.operand(insn.dst)
    address = (base.low + insn.off, base.high + insn.off)
    region = low.unit.region_of(*address)
    stored = alu.truncate(value, 8 * size)
    slow = region is None and low.unit.slow_access and base.high > DYNAMIC_LAST
    if slow or (region and region.rewritten):
        low.step.lines.append(f"store_any(({base.text} + {insn.off}) & {M64:#x}, {size}, {stored.text})")
    else:
        place = _place(low, insn.dst, base, insn.off, size=size, code=CODES[size])
        if place is not None:
            low.step.lines.append(place.store(CODES[size], stored.text))
    note_write(low, address, size)
    if region is low.frame and base.constant and size == 8 and address[0] % 8 == 0:
        low.state.slots[address[0] & M32] = (stored.low, stored.high)


def note_write(low: Lowering, address: tuple[int, int], size: int) -> None:
    """Something unknown is written to ``size`` bytes somewhere in ``address``: what the frame holds may change."""
    frame = low.frame
    first, last = address[0], address[1] + size - 1
    if last < frame.base or first >= frame.base + frame.size:
        return
    start = max(first - frame.base, 0)
    low.state.forget(start, min(last - frame.base + 1, frame.size) - start)


def _place(low: Lowering, register: int, base: alu.Operand, offset: int, *, size: int, code: str) -> Place | None:
    """Where ``register + offset`` points; None (and a failing statement) where that is out of bounds for sure."""
    region = low.unit.region_of(base.low + offset, base.high + offset)
    if region:
        low.note_frame((base.low + offset, base.high + offset))
        place = place_in(region, base, offset, size, code)
        if place is None:
            _out_of_bounds(low, region, (base.low + offset) & M32, size)
        return place
    container, index = _look_up(low, register, base)
    if offset > 0:
        index = f"{index} + {offset}"
    elif offset < 0:
        # A negative index would count from the end: wrapped around it is out of bounds.
        index = f"({index} - {-offset}) & {M32:#x}"
    return Place(container, index, direct=code == "B")


def _look_up(low: Lowering, register: int, base: alu.Operand) -> tuple[str, str]:
    """Statements that find the region behind a pointer, at most once a block."""
    if base.constant:
        return f"mem[{base.low >> 32:#x}]", str(base.low & M32)
    names = f"m{register}", f"o{register}"
    if low.cached is None or register not in low.cached:
        low.step.lines.append(f"m{register} = mem[r{register} >> 32]")
        low.step.lines.append(f"o{register} = r{register} & {M32:#x}")
    if low.cached is not None:
        low.cached.add(register)
    return names


def _out_of_bounds(low: Lowering, region: Region, at: int, size: int) -> None:
    low.fail(f"access to {size} bytes at offset {at} of {region.size} bytes of {region.name}")


def _load_field(low: Lowering, register: int, at: int, size: int) -> None:
    """A load from the context of a packet program, whose fields are a list by four-byte index."""
    context, fields = low.unit.context, low.unit.fields
    assert fields is not None
    if size == 4 and at % 4 == 0 and at + 4 <= context.size and at & ~7 not in fields.wide:
        known = low.unit.packet_range if at in fields.pointers else (0, M32)
        low.assign(register, f"{context.name}[{at // 4}]", known, pure=True)
    else:
        low.assign(register, f"load_any({context.base + at:#x}, {size})", (0, M64), pure=False)


def lower_atomic(low: Lowering, insn: Insn) -> None:
    """Atomic read-modify-write, and load-acquire and store-release."""
    size = SIZES[insn.code & 0x18]
    bits = 8 * size
    if insn.imm == LOAD_ACQUIRE:
        lower_load(low, insn._replace(code=0x61 | insn.code & 0x18))
        return
    source = low.operand(insn.src)
    if insn.imm == STORE_RELEASE:
        _store(low, insn, size, source)
        return
    operation = _ATOMIC.get(insn.imm & ~FETCH)
    base = low.operand(insn.dst)
    if size < 4 or (operation is None and insn.imm not in (XCHG, CMPXCHG)):
        low.fail(f"unknown atomic operation {insn.imm:#x}")
        return
    code = CODES[size]
    place = _place(low, insn.dst, base, insn.off, size=size, code=code)
    if place is None:
        return
    highest = (1 << bits) - 1
    fetches = bool(insn.imm & FETCH)
    if fetches:
        low.step.lines.append(f"old = {place.load(code)}")
    old = alu.Operand("old" if fetches else place.load(code), 0, highest)
    note_write(low, (base.low + insn.off, base.high + insn.off), size)
    new = alu.truncate(source, bits)
    if insn.imm == CMPXCHG:
        expected = alu.truncate(low.operand(0), bits)
        low.step.lines.append(f"if old == {expected.text}: {place.store(code, new.text)}")
        low.assign(0, "old", (0, highest), pure=False)
        return
    if operation is not None:
        combined = alu.binary(operation, old, source, bits)
        assert combined is not None
        new = combined
    low.step.lines.append(place.store(code, new.text))
    if fetches:
        low.assign(insn.src, "old", (0, highest), pure=True)
