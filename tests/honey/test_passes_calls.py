# SPDX-License-Identifier: Apache-2.0
"""Calls that give the same are made once; functions are handed what is known and own what was made for them."""

from __future__ import annotations

import re

import pytest
from irbuild import Fn, deref, field, num, program, read, struct_def, value_of
from passes_c import c_of

from honey.ir import nodes as n
from honey.ir import types as t
from honey.passes import run


def test_what_gives_the_same_answer_is_asked_once() -> None:
    body = """
a = get_current_pid_tgid() >>> 32
b = get_current_pid_tgid() &&& 0xFFFF
bpf_map_update_elem(:counts, a, b)
0
"""
    assert c_of(body, "none").count("bpf_get_current_pid_tgid") == 2
    assert c_of(body, "shared-calls").count("bpf_get_current_pid_tgid") == 1


def test_clocks_are_shared_as_stamps_but_not_where_time_is_measured() -> None:
    stamps = "bpf_map_update_elem(:counts, 1, ktime_get_ns())\nbpf_map_update_elem(:counts, 2, ktime_get_ns())\n0"
    measure = "start = ktime_get_ns()\nbpf_map_update_elem(:counts, 1, 1)\nktime_get_ns() - start"
    assert c_of(stamps, "shared-calls").count("bpf_ktime_get_ns") == 1
    assert c_of(measure, "all").count("bpf_ktime_get_ns") == 2


STAMPED = """
  defp stamp(key) do
    stats = bpf_map_lookup_elem(:by_pid, key)
    if stats do
      stats.last = ktime_get_ns()
    else
      bpf_map_update_elem(:by_pid, key, %stats{last: ktime_get_ns()})
    end
    0
  end
"""


def test_functions_that_each_take_a_time_stamp_share_one() -> None:
    text = c_of("stamp(1)\nstamp(ctx.len)\n0", "forwarding,lifted-clocks,shared-calls", STAMPED)
    assert text.count("bpf_ktime_get_ns") == 1


def test_functions_are_handed_what_their_callers_know() -> None:
    functions = """
  defp pid, do: get_current_pid_tgid() >>> 32
  defp note(n), do: bpf_map_update_elem(:counts, pid(), n)
"""
    text = c_of("if pid() == 0, do: return(0)\nnote(ctx.len)\n0", "handed-answers", functions)
    assert text.count("pid()") == 1


BOOK = """
  defp book(key, port) do
    if port > 7, do: key.port = port
    bpf_map_update_elem(:stats_of, key, %stats{count: 1})
  end
"""

OWNED = "early-values,owned-arguments"


def test_a_struct_made_for_a_call_is_changed_by_the_function_itself() -> None:
    body = "book(%key{pid: 1}, 80)\nbook(%key{pid: 2}, 1)\n0"
    assert "struct key key_2 = *key;" in c_of(body, "early-values", BOOK)
    text = c_of(body, OWNED, BOOK)
    assert "key->port = port;" in text
    assert "= *key;" not in text


@pytest.mark.parametrize(
    "body",
    [
        "key = %key{pid: 1}\nbook(key, 80)\nbook(key, 90)\n0",
        "key = %key{pid: 1}\nbook(key, 80)\nkey.port",
        "key = %key{pid: 1}\nfor port <- 1..3, do: book(key, port)\n0",
    ],
)
def test_a_struct_that_is_looked_at_again_is_changed_as_a_copy(body: str) -> None:
    assert "= *key;" in c_of(body, OWNED, BOOK)


def test_a_parameter_that_is_read_beside_its_copy_stays_as_it_was() -> None:
    function = BOOK.replace("    if port", "    before = key\n    if port").replace(
        "%stats{count: 1}", "%stats{count: before.port}"
    )
    assert "= *key;" in c_of("book(%key{pid: 1}, 80)\n0", OWNED, function)


BUILT = "early-values,inlining,owned-arguments,built-arguments"


def test_a_struct_made_for_calls_is_made_by_the_function_that_changes_it() -> None:
    body = "n = ctx.len\nif n > 3, do: book(%key{pid: n, kind: 1}, 80)\nbook(%key{kind: 2, pid: 7}, 1)\n0"
    text = c_of(body, BUILT, BOOK)
    assert "book(__u32 pid, __u8 kind, __s64 port) { struct key key = { .pid = pid, .kind = kind };" in text
    assert "key.port = port;" in text
    assert "book(n, 1, 80);" in text
    assert "book(7, 2, 1);" in text
    assert text.count("struct key key") == 1


def test_a_struct_is_handed_on_as_its_fields() -> None:
    functions = f"{BOOK}\n  defp note(key, port) do\n    key.kind = 6\n    book(key, port)\n  end\n"
    text = c_of("note(%key{pid: 1}, 80)\n0", BUILT, functions)
    assert "note(__u32 pid, __s64 port) { struct key key = { .pid = pid };" in text


def test_a_struct_in_a_loop_is_made_anew_each_time() -> None:
    text = c_of("for port <- 1..3, do: book(%key{pid: port}, port)\n0", BUILT, BOOK)
    assert "book(port, port);" in text


STAYING = {
    "used again": "key = %key{pid: 1}\nbook(key, 80)\nkey.port",
    "in a loop": "key = %key{pid: 1}\nfor port <- 1..3, do: book(key, port)\n0",
    "other fields": "book(%key{pid: 1}, 80)\nbook(%key{kind: 2}, 1)\n0",
    "a struct that changes": """
stats = %stats{count: 1}
key = %key{pid: stats.count}
stats.count = 2
book(key, stats.count)
0
""",
    "an entry that changes": """
stats = bpf_map_lookup_elem(:by_pid, 1) || return(0)
key = %key{pid: stats.count}
stats.count = 2
book(key, 9)
0
""",
}


@pytest.mark.parametrize("case", STAYING)
def test_a_struct_that_is_more_than_the_fields_of_one_call_stays_with_its_caller(case: str) -> None:
    text = c_of(STAYING[case], BUILT, BOOK)
    assert ".pid = pid" not in text
    assert re.search(r"struct key \w+ = { .pid = ", text)


def test_a_struct_that_is_only_read_stays_with_its_caller() -> None:
    function = BOOK.replace("if port > 7, do: key.port = port", "if key.port == port, do: return(0)")
    text = c_of("book(%key{pid: 1}, 80)\n0", BUILT, function)
    assert "book(const struct key *key, __s64 port)" in text


PAIR = struct_def("pair", ("id", t.U32), ("tag", t.Array(t.U8, 4)), ("sum", t.U64))
PAIR_REF = t.Ref(PAIR.type, t.Space.STACK)


TAG = n.Bytes(b"abcd", t.Array(t.U8, 4))


def _handed_parameters(does: str = "write", *, changed: bool = False, **fields: n.Expr) -> list[str]:
    """What a function of a pair and a number is handed after the pass.

    It writes the pair, only reads it, or keeps the reference; the pair is a literal of a number, which may be changed
    before the call.
    """
    book = Fn("book", ("pair", PAIR_REF), ("count", t.U64), result=t.U64)
    book.inline = n.Inline.ALWAYS
    pair = deref(book.let("same", book.param(0)) if does == "keep" else book.param(0))
    if does != "read":
        book.increase(field(pair, PAIR, "sum"), book.param(1))
    book.ret(read(field(pair, PAIR, "sum")))

    handler = Fn("handler", section="tracepoint/syscalls/sys_enter_kill")
    number = handler.let("number", num(3, t.U32))
    made = handler.let("pair", value_of(PAIR, id=number, **fields))
    if changed:
        handler.increase(number.place, 1)
    handler.let("total", n.Call("book", (n.AddressOf(made.place, PAIR_REF), num(1)), t.U64))
    handler.ret()
    done = run(program(book.done(), handler.done(), structs=(PAIR,)), ["built-arguments"])
    return [param.name for param in done.functions[0].params]


def test_a_struct_stays_unless_it_is_written_and_made_of_numbers_that_stay() -> None:
    by_reference = ["pair", "count"]
    assert _handed_parameters() == ["id", "count"]
    assert _handed_parameters(sum=num(5)) == ["id", "sum", "count"]
    assert _handed_parameters(changed=True) == by_reference
    assert _handed_parameters("read") == by_reference
    assert _handed_parameters("keep") == by_reference
    assert _handed_parameters(tag=TAG) == by_reference
