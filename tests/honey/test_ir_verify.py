# SPDX-License-Identifier: Apache-2.0
"""The verifier of the IR accepts what is well formed, and names the culprit of what is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from irbuild import Fn, add, deref, eq, hash_map, lookup, negate, num, program, read, struct_def, update
from monitor_ir import monitor

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.error import IRError
from honey.ir.verify import verify

COUNTS = hash_map("counts", t.U32, t.U64)
SECTION = "tracepoint/syscalls/sys_enter_kill"


def _handler(build: Callable[[Fn], None]) -> n.Program:
    f = Fn("f", section=SECTION)
    build(f)
    f.ret()
    return program(f.done(), maps=(COUNTS,))


def test_the_monitor_is_well_formed() -> None:
    verify(monitor())


def _nullable(f: Fn) -> None:
    f.increase(n.DerefPlace(f.let("entry", lookup(COUNTS, num(1, t.U32))), t.U64), 1)


def _untested(f: Fn) -> None:
    f.increase(deref(f.let("entry", lookup(COUNTS, num(1, t.U32)))), 1)


def _forgotten(f: Fn) -> None:
    entry = f.let("entry", lookup(COUNTS, num(1, t.U32)))
    with f.when(n.IsNull(entry)):
        f.do(update(COUNTS, num(1, t.U32), num(1)))
    f.increase(deref(entry), 1)


def _mixed(f: Fn) -> None:
    f.let("x", n.Binary(n.BinaryOp.ADD, num(1, t.U32), num(1, t.U64), t.U64))


def _network_order(f: Fn) -> None:
    f.let("x", add(num(1, t.BE32), num(1, t.BE32)))


def _wide(f: Fn) -> None:
    f.let("x", num(256, t.U8))


def _wrong_key(f: Fn) -> None:
    f.let("x", lookup(COUNTS, num(1, t.U64)))


def _nested_effect(f: Fn) -> None:
    clock = n.HelperCall("bpf_ktime_get_ns", (), t.U64)
    f.let("x", n.Binary(n.BinaryOp.ADD, clock, num(1), t.U64))  # type: ignore[arg-type]  # that is the point


def _out_of_scope(f: Fn) -> None:
    with f.when(eq(f.arg(0), 1)):
        inner = f.let("inner", num(1))
    f.let("x", inner)


def _out_of_array(f: Fn) -> None:
    f.let("x", f.arg(6))


def _readonly(f: Fn) -> None:
    place = f.arg(0).place
    f.assign(place, num(1))


def _hidden_raise(f: Fn) -> None:
    with f.when(eq(f.arg(0), 1)):
        f.fail("ArithmeticError")
    f.may_raise = False


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_nullable, "a nullable reference is dereferenced"),
        (_untested, "no test has shown it not to be null"),
        (_forgotten, "no test has shown it not to be null"),
        (_mixed, "the operands are u32 and u64"),
        (_network_order, "arithmetic needs integers in host order"),
        (_wide, "256 does not fit u8"),
        (_wrong_key, "the key is u64, must be u32"),
        (_nested_effect, "an effect inside an expression"),
        (_out_of_scope, "is not visible"),
        (_out_of_array, "the index is outside the array"),
        (_readonly, "the place is read-only"),
        (_hidden_raise, "a raise in a function that says it does not"),
    ],
)
def test_broken_rules_are_found(build: Callable[[Fn], None], message: str) -> None:
    with pytest.raises(IRError, match=message) as error:
        verify(_handler(build), "fold")
    assert "ill-formed program after fold in f" in str(error.value)
    assert "report this as a bug" in str(error.value)


def test_a_test_on_either_side_of_a_condition_counts() -> None:
    f = Fn("f", section=SECTION)
    entry = f.let("entry", lookup(COUNTS, num(1, t.U32)))
    full = n.Binary(n.BinaryOp.GT, read(deref(entry)), num(5), t.BOOL)
    with f.when(n.Binary(n.BinaryOp.LAND, negate(n.IsNull(entry)), full, t.BOOL)):
        f.assign(deref(entry), num(0))
    with f.when(n.IsNull(entry)):
        f.ret()
    f.increase(deref(entry), 1)
    f.ret()
    verify(program(f.done(), maps=(COUNTS,)))


def test_a_path_without_a_result_is_found() -> None:
    f = Fn("f", section=SECTION)
    with f.when(eq(f.arg(0), 1)):
        f.ret()
    with pytest.raises(IRError, match="a path ends without a result"):
        verify(program(f.done()))


def test_holes_in_structs_are_found() -> None:
    good = struct_def("key", ("a", t.U8), ("b", t.U32))
    bad = replace(good, fields=tuple(field for field in good.fields if not field.padding))
    verify(program(structs=(good,)))
    with pytest.raises(IRError, match="a hole or an overlap at byte 1"):
        verify(program(structs=(bad,)))
