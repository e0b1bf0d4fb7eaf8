# SPDX-License-Identifier: Apache-2.0
"""Traversal and rewriting reach every node, and leave what they do not change alone."""

from __future__ import annotations

from irbuild import Fn, add, num, read
from monitor_ir import monitor

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.text import dump
from honey.ir.walk import children, map_blocks, next_local_id, rewrite_block, uses, walk


def _double(node: object) -> object:
    return n.Const(node.value * 2, node.type) if isinstance(node, n.Const) else node


def test_rewriting_without_a_change_gives_the_same_objects() -> None:
    for function in monitor().functions:
        assert rewrite_block(function.body, lambda node: node) is function.body
        assert map_blocks(function.body, lambda block: block) is function.body


def test_rewriting_reaches_constants_in_every_kind_of_place() -> None:
    f = Fn("f", section="tracepoint/syscalls/sys_enter_kill")
    local = f.let("x", add(f.arg(1), 2))
    with f.when(n.Binary(n.BinaryOp.LT, local, num(3), t.BOOL)):
        f.do(n.HelperCall("bpf_send_signal", (num(4),), t.S64))
    f.ret(num(5, t.S32))
    before = [node.value for node in walk(f.done().body) if isinstance(node, n.Const)]
    after = [node.value for node in walk(rewrite_block(f.done().body, _double)) if isinstance(node, n.Const)]
    assert before == [1, 2, 3, 4, 5]
    assert after == [2, 4, 6, 8, 10]


def test_uses_count_reads_writes_and_addresses() -> None:
    f = Fn("f", ("a", t.U64), result=t.U64)
    x = f.var("x", t.U64)
    f.assign(x, add(f.param(0), f.param(0)))
    f.do(n.HelperCall("bpf_get_current_comm", (x, num(8)), t.S64))
    f.ret(read(x))
    assert uses(f.done().body) == {0: 2, 1: 3}
    assert next_local_id(f.done()) == 2


def test_walk_visits_parents_before_children() -> None:
    for function in monitor().functions:
        seen: list[int] = []
        for node in walk(function.body):
            assert all(id(child) not in seen[-1:] for child in children(node))
            seen.append(id(node))


def test_dump_names_every_statement() -> None:
    text = dump(monitor())
    assert "handler trace_sendto(ctx#0: &trace_event_raw_sys_enter readonly in context) -> s32" in text
    assert "let pid#2: u32 = u32((tmp#1 >> 32:u32))" in text
    assert "update(:traffic_map, *key#0, *stats#2!, BPF_ANY)" in text
