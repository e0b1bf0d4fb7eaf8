# SPDX-License-Identifier: Apache-2.0
"""How lines of C are broken."""

from __future__ import annotations

from honey.emit.source import wrap


def test_wide_lines_are_broken_behind_commas_else_behind_operators() -> None:
    sum_ = " + ".join(f"(entry->epoch[{i}] > now ? entry->bytes[{i}] : 0)" for i in range(5))
    pieces = wrap(f"__u64 total = {sum_};", 8)
    assert " ".join(pieces) == f"__u64 total = {sum_};"
    assert len(pieces) > 2
    assert all(piece.endswith(" +") for piece in pieces[:-1])
    call = f'bpf_printk("{"a, b + c " * 8}", first + second, third, fourth);'
    rest = "first + second, third, fourth);"
    assert wrap(call, 0) == [call.removesuffix(f" {rest}"), rest]
    assert wrap("a" * 200, 0) == ["a" * 200]
