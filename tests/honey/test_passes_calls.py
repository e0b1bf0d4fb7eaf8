# SPDX-License-Identifier: Apache-2.0
"""Calls that give the same are made once; functions are handed what is known and own what was made for them."""

from __future__ import annotations

import pytest
from passes_c import c_of


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
