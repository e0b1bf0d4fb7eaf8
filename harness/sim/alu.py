# SPDX-License-Identifier: Apache-2.0
"""Arithmetic and comparisons as Python expressions (RFC 9669, sections 4.1 to 4.3).

Registers hold Python integers from 0 to 2**64 - 1. For every operand the range it can be in is known, so that the
wrap-around mask is written only where a result could leave the range.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from harness.sim.memory import M64


class Operand(NamedTuple):
    """An expression that can stand as an operand anywhere, and the unsigned range of its value."""

    text: str
    low: int
    high: int

    @property
    def constant(self) -> bool:
        """Whether the value is known."""
        return self.low == self.high


def constant(value: int) -> Operand:
    """A known value; negative ones become their 64-bit two's complement."""
    value &= M64
    return Operand(hex(value) if value > 9 else str(value), value, value)


def _result(text: str, low: int, high: int) -> Operand:
    return constant(low) if low == high else Operand(text, low, high)


def truncate(value: Operand, bits: int) -> Operand:
    """The low ``bits`` of ``value``."""
    mask = (1 << bits) - 1
    if value.high <= mask:
        return value
    if value.constant:
        return constant(value.low & mask)
    return Operand(f"({value.text} & {mask:#x})", 0, mask)


def wrap(text: str, low: int, high: int, bits: int) -> Operand:
    """``text``, whose exact value lies in ``low .. high`` (possibly negative), modulo 2**``bits``."""
    modulus = 1 << bits
    turns = low // modulus
    if turns == high // modulus:
        exact = f"({text})" if turns == 0 else f"({text} & {modulus - 1:#x})"
        return _result(exact, low - turns * modulus, high - turns * modulus)
    return Operand(f"({text} & {modulus - 1:#x})", 0, modulus - 1)


def sign_extend(value: Operand, bits: int, to_bits: int) -> Operand:
    """The low ``bits`` of ``value`` as a signed number, modulo 2**``to_bits``."""
    low = truncate(value, bits)
    sign = 1 << bits - 1
    if low.high < sign:
        return low
    if low.constant:
        return constant(((low.low ^ sign) - sign) & (1 << to_bits) - 1)
    return Operand(f"((({low.text} ^ {sign:#x}) - {sign:#x}) & {(1 << to_bits) - 1:#x})", 0, (1 << to_bits) - 1)


def signed(value: Operand, bits: int) -> str:
    """An expression for ``value`` (already within ``bits``) as a signed Python number."""
    sign = 1 << bits - 1
    if value.constant:
        number = (value.low ^ sign) - sign
        return str(number) if number >= 0 else f"({number})"
    return value.text if value.high < sign else f"(({value.text} ^ {sign:#x}) - {sign:#x})"


def _add(a: Operand, b: Operand, bits: int) -> Operand:
    if b.constant and b.low >> bits - 1:
        amount = (1 << bits) - b.low
        return wrap(f"{a.text} - {amount}", a.low - amount, a.high - amount, bits)
    return wrap(f"{a.text} + {b.text}", a.low + b.low, a.high + b.high, bits)


def _sub(a: Operand, b: Operand, bits: int) -> Operand:
    if b.constant and b.low >> bits - 1:
        amount = (1 << bits) - b.low
        return wrap(f"{a.text} + {amount}", a.low + amount, a.high + amount, bits)
    return wrap(f"{a.text} - {b.text}", a.low - b.high, a.high - b.low, bits)


def _mul(a: Operand, b: Operand, bits: int) -> Operand:
    return wrap(f"{a.text} * {b.text}", a.low * b.low, a.high * b.high, bits)


def _fill(value: int) -> int:
    """The largest number with as many bits as ``value``."""
    return (1 << value.bit_length()) - 1


def _or(a: Operand, b: Operand, bits: int) -> Operand:
    del bits
    if a.constant and b.constant:
        return constant(a.low | b.low)
    return Operand(f"({a.text} | {b.text})", max(a.low, b.low), _fill(max(a.high, b.high)))


def _xor(a: Operand, b: Operand, bits: int) -> Operand:
    del bits
    if a.constant and b.constant:
        return constant(a.low ^ b.low)
    return Operand(f"({a.text} ^ {b.text})", 0, _fill(max(a.high, b.high)))


def _and(a: Operand, b: Operand, bits: int) -> Operand:
    del bits
    if a.constant and b.constant:
        return constant(a.low & b.low)
    if b.constant and b.low == _fill(b.low) and a.high <= b.low:
        return a
    return Operand(f"({a.text} & {b.text})", 0, min(a.high, b.high))


def _shift_amount(b: Operand, bits: int) -> Operand:
    """Shifts use only the low bits of the amount."""
    if b.high < bits:
        return b
    return constant(b.low & bits - 1) if b.constant else Operand(f"({b.text} & {bits - 1})", 0, bits - 1)


def _lsh(a: Operand, b: Operand, bits: int) -> Operand:
    by = _shift_amount(b, bits)
    return wrap(f"{a.text} << {by.text}", a.low << by.low, a.high << by.high, bits)


def _rsh(a: Operand, b: Operand, bits: int) -> Operand:
    by = _shift_amount(b, bits)
    return _result(f"({a.text} >> {by.text})", a.low >> by.high, a.high >> by.low)


def _arsh(a: Operand, b: Operand, bits: int) -> Operand:
    by = _shift_amount(b, bits)
    if a.high < 1 << bits - 1:
        return _rsh(a, b, bits)
    if a.constant and by.constant:
        sign = 1 << bits - 1
        return constant((((a.low ^ sign) - sign) >> by.low) & (1 << bits) - 1)
    return Operand(f"(({signed(a, bits)} >> {by.text}) & {(1 << bits) - 1:#x})", 0, (1 << bits) - 1)


def _div(a: Operand, b: Operand, bits: int) -> Operand:
    del bits
    if b.low > 0:
        return _result(f"({a.text} // {b.text})", a.low // b.high, a.high // b.low)
    if b.constant:
        return constant(0)
    return Operand(f"({a.text} // {b.text} if {b.text} else 0)", 0, a.high)


def _mod(a: Operand, b: Operand, bits: int) -> Operand:
    del bits
    if a.constant and b.constant:
        return constant(a.low % b.low if b.low else a.low)
    if b.low > 0:
        return Operand(f"({a.text} % {b.text})", 0, min(a.high, b.high - 1))
    if b.constant:
        return a
    return Operand(f"({a.text} % {b.text} if {b.text} else {a.text})", 0, a.high)


def signed_divide(a: int, b: int, sign: int) -> int:
    """Quotient of two's complement numbers, rounded to zero, modulo 2 * ``sign``; 0 for division by 0."""
    x, y = (a ^ sign) - sign, (b ^ sign) - sign
    if y == 0:
        return 0
    quotient = abs(x) // abs(y)
    return (quotient if (x < 0) == (y < 0) else -quotient) & 2 * sign - 1


def signed_remainder(a: int, b: int, sign: int) -> int:
    """Remainder with the dividend's sign, modulo 2 * ``sign``; the dividend for division by 0."""
    x, y = (a ^ sign) - sign, (b ^ sign) - sign
    if y == 0:
        return a
    remainder = abs(x) % abs(y)
    return (remainder if x >= 0 else -remainder) & 2 * sign - 1


def _signed_call(name: str, function: Callable[[int, int, int], int]) -> Callable[[Operand, Operand, int], Operand]:
    def build(a: Operand, b: Operand, bits: int) -> Operand:
        sign = 1 << bits - 1
        if a.constant and b.constant:
            return constant(function(a.low, b.low, sign))
        return Operand(f"{name}({a.text}, {b.text}, {sign:#x})", 0, (1 << bits) - 1)

    return build


_Binary = Callable[[Operand, Operand, int], Operand]
_BINARY: Final[dict[int, _Binary]] = {
    0x00: _add,
    0x10: _sub,
    0x20: _mul,
    0x30: _div,
    0x40: _or,
    0x50: _and,
    0x60: _lsh,
    0x70: _rsh,
    0x90: _mod,
    0xA0: _xor,
    0xC0: _arsh,
}
_SIGNED: Final[dict[int, _Binary]] = {
    0x30: _signed_call("sdiv", signed_divide),
    0x90: _signed_call("smod", signed_remainder),
}
#: What the generated text may call.
NAMESPACE: Final = {"sdiv": signed_divide, "smod": signed_remainder}
MOV: Final = 0xB0
NEG: Final = 0x80
END: Final = 0xD0


def binary(operation: int, a: Operand, b: Operand, bits: int, *, is_signed: bool = False) -> Operand | None:
    """``a`` and ``b`` joined by the operation (high four bits of the opcode) on ``bits`` bits; None for no such one."""
    build = (_SIGNED if is_signed else _BINARY).get(operation)
    if build is None:
        return None
    return build(truncate(a, bits), truncate(b, bits), bits)


def negate(a: Operand, bits: int) -> Operand:
    """Two's complement negation."""
    a = truncate(a, bits)
    return wrap(f"-{a.text}", -a.high, -a.low, bits)


def byte_swap(a: Operand, bits: int) -> Operand:
    """The low ``bits`` of ``a`` with their bytes in reverse order."""
    a = truncate(a, bits)
    if a.constant:
        return constant(int.from_bytes(a.low.to_bytes(bits // 8, "little"), "big"))
    if bits == 16:
        return Operand(f"({a.text} >> 8 | ({a.text} & 0xff) << 8)", 0, 0xFFFF)
    return Operand(f"int_from({a.text}.to_bytes({bits // 8}, 'little'), 'big')", 0, (1 << bits) - 1)


#: Conditions: high four bits of the opcode → (operator, its opposite, signed).
_COMPARE: Final = {
    0x10: ("==", "!=", False),
    0x20: (">", "<=", False),
    0x30: (">=", "<", False),
    0x50: ("!=", "==", False),
    0x60: (">", "<=", True),
    0x70: (">=", "<", True),
    0xA0: ("<", ">=", False),
    0xB0: ("<=", ">", False),
    0xC0: ("<", ">=", True),
    0xD0: ("<=", ">", True),
}
JSET: Final = 0x40


def condition(operation: int, a: Operand, b: Operand, bits: int) -> tuple[str, str] | None:
    """A jump's condition and its opposite as Python text, or None where there is no such jump."""
    a, b = truncate(a, bits), truncate(b, bits)
    if operation == JSET:
        return f"{a.text} & {b.text}", f"not {a.text} & {b.text}"
    if operation not in _COMPARE:
        return None
    operator, opposite, is_signed = _COMPARE[operation]
    if not is_signed:
        left, right = a.text, b.text
    elif a.high < 1 << bits - 1:
        left, right = a.text, signed(b, bits)
    else:
        # Turning the sign bit over maps signed order to unsigned order.
        sign = 1 << bits - 1
        left = f"({a.text} ^ {sign:#x})"
        right = hex(b.low ^ sign) if b.constant else f"({b.text} ^ {sign:#x})"
    if operation == 0x50 and b.constant and not b.low:
        return left, f"not {left}"
    if operation == 0x10 and b.constant and not b.low:
        return f"not {left}", left
    return f"{left} {operator} {right}", f"{left} {opposite} {right}"
