# SPDX-License-Identifier: Apache-2.0
"""When values and structs are made, and how wide numbers are."""

from __future__ import annotations

import re

from passes_c import c_of


def test_numbers_get_the_width_they_need() -> None:
    functions = "  defp pid, do: get_current_pid_tgid() >>> 32\n"
    body = "me = pid()\nif me == 0, do: return(0)\nbpf_map_update_elem(:counts, me, 1)\n0"
    text = c_of(body, "inlining,narrowing", functions)
    assert "__u32 pid(void)" in text
    assert "__u32 me = pid();" in text


LATE = """
n = ctx.len + 1
now = %stats{count: 1, last: n}
if ctx.fd == 3, do: bpf_map_update_elem(:by_pid, 1, now)
bpf_map_update_elem(:counts, 2, now.last)
0
"""


def test_a_struct_is_made_in_the_one_branch_that_wants_it() -> None:
    def branch_first(text: str) -> bool:
        return text.index("if (") < text.index("struct stats now =")

    assert branch_first(c_of(LATE.replace("bpf_map_update_elem(:counts, 2, now.last)\n", ""), "late-structs"))
    assert not branch_first(c_of(LATE, "none"))
    again = LATE.replace("bpf_map_update_elem(:counts, 2, now.last)", "bpf_map_update_elem(:by_pid, 2, now)")
    assert not branch_first(c_of(again, "late-structs"))
    changed = LATE.replace("if ctx.fd", "now.count = 2\nif ctx.fd")
    assert not branch_first(c_of(changed, "late-structs"))


def test_a_question_is_asked_where_its_answer_is_wanted() -> None:
    body = """
pid = get_current_pid_tgid() >>> 32
if ctx.fd < 3, do: return(0)
last = bpf_map_lookup_elem(:counts, 1)
if last == pid, do: bpf_map_update_elem(:counts, 2, pid)
0
"""
    before, after = (c_of(body, passes) for passes in ("forwarding", "forwarding,late-questions"))
    assert before.index("bpf_get_current_pid_tgid") < before.index("return 0;")
    assert after.count("bpf_get_current_pid_tgid") == 1
    assert re.search(r"value = \*last; __u64 pid = bpf_get_current_pid_tgid\(\) >> 32; if \(value == pid\)", after)


def test_a_question_that_two_branches_want_is_asked_before_them() -> None:
    body = """
pid = get_current_pid_tgid() >>> 32
if ctx.fd == 3, do: bpf_map_update_elem(:counts, 1, pid)
if ctx.fd == 4, do: bpf_map_update_elem(:counts, 2, pid)
0
"""
    text = c_of(body, "late-questions")
    assert text.count("bpf_get_current_pid_tgid") == 1
    assert text.index("bpf_get_current_pid_tgid") < text.index("if (")


def test_a_clock_is_read_when_the_source_says() -> None:
    body = "now = ktime_get_ns()\nif ctx.fd < 3, do: return(0)\nbpf_map_update_elem(:counts, 2, now)\n0"
    text = c_of(body, "late-questions")
    assert text.index("bpf_ktime_get_ns") < text.index("if (")
