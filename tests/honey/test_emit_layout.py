# SPDX-License-Identifier: Apache-2.0
"""Which members a struct's definition in C has."""

from __future__ import annotations

from honey.emit.layout import Member, placed
from honey.ir import types as t


def test_a_bit_field_that_stands_alone_stays_one() -> None:
    """Of an IPv4 header's first byte often only the length is asked for: its other half is not part of it."""
    length = t.Field("ihl", t.U8, 0, bit_size=4)
    protocol = t.Field("protocol", t.U8, 1)
    assert placed([length, protocol], 2) == (
        Member("ihl", t.U8, 4),
        Member("", t.U8, 4),
        Member("protocol", t.U8),
    )
