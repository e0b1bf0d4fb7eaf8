# SPDX-License-Identifier: Apache-2.0
"""What the passes on maps do to the emitted C, and where they keep away: updates in place, atomic additions, keys."""

from __future__ import annotations

import re

import pytest
from passes_c import SENDTO, c_of, xdp_of

COUNT = """
count = bpf_map_lookup_elem(:counts, 1)
if count do
  bpf_map_update_elem(:counts, 1, count + 1)
else
  bpf_map_update_elem(:counts, 1, 1)
end
0
"""

IN_PLACE = "forwarding,in-place-update,dead-code"


def test_an_update_of_what_was_looked_up_happens_in_place() -> None:
    assert "++;" in c_of(COUNT, IN_PLACE)
    assert c_of(COUNT, IN_PLACE).count("bpf_map_update_elem") == 1
    assert c_of(COUNT, "none").count("bpf_map_update_elem") == 2


@pytest.mark.parametrize("change", [(":counts", ":recent"), ("count + 1)", "count + 1, :BPF_NOEXIST)")])
def test_in_place_update_keeps_away_from_lru_maps_and_from_flags_that_fail(change: tuple[str, str]) -> None:
    assert c_of(COUNT.replace(*change), IN_PLACE).count("bpf_map_update_elem") == 2


def test_in_place_update_keeps_away_where_the_entry_may_have_been_removed() -> None:
    body = COUNT.replace("if count do\n", "bpf_map_delete_elem(:counts, 1)\nif count do\n")
    assert c_of(body, IN_PLACE).count("bpf_map_update_elem") == 2


def test_in_place_update_keeps_away_where_another_cpu_may_remove_the_entry() -> None:
    """The memory of an entry that another handler deletes may be another key's already."""
    forget = SENDTO.replace("main", "forget") + "bpf_map_delete_elem({}, 1)\n0\nend"
    assert c_of(COUNT, IN_PLACE, forget.format(":counts")).count("bpf_map_update_elem") == 2
    assert c_of(COUNT, IN_PLACE, forget.format(":recent")).count("bpf_map_update_elem") == 1


def test_a_changed_copy_is_changed_in_place() -> None:
    body = """
stats = bpf_map_lookup_elem(:by_pid, 1)
if stats do
  bpf_map_update_elem(:by_pid, 1, %{stats | count: stats.count + 1, last: 7})
end
0
"""
    text = c_of(body, IN_PLACE)
    assert "bpf_map_update_elem" not in text
    assert "stats->count++;" in text
    assert "stats->last = 7;" in text


def test_an_entry_that_may_be_missing_is_changed_in_place_if_it_is_there() -> None:
    body = "last = bpf_map_lookup_elem(:counts, 1, 0)\nbpf_map_update_elem(:counts, 1, ctx.len)\nlast"
    text = c_of(body, IN_PLACE)
    assert re.search(r"if \(\w+\) \{ \*\w+ = READ_ONCE\(ctx->args\[2\]\); \} else \{ .*bpf_map_update_elem", text)


def test_a_number_that_lies_in_a_struct_is_pointed_at_there() -> None:
    body = """
pid = get_current_pid_tgid() >>> 32
key = %key{pid: pid, kind: 3}
bpf_map_lookup_elem(:stats_of, key)
bpf_map_lookup_elem(:counts, pid)
0
"""
    assert "bpf_map_lookup_elem(&counts, &key.pid)" in c_of(body, "stored-twins")
    changed = body.replace(
        "bpf_map_lookup_elem(:stats_of, key)\n", "key.pid = 7\nbpf_map_lookup_elem(:stats_of, key)\n"
    )
    assert "&key.pid" not in c_of(changed, "stored-twins")


def test_shared_numbers_are_added_to_atomically() -> None:
    body = "stats = bpf_map_lookup_elem(:by_pid, 1)\nif stats, do: stats.count = stats.count + ctx.len\n0"
    assert "atomic_add(stats->count, ctx->args[2]);" in c_of(body, "atomic-add")
    alone = "n = bpf_map_lookup_elem(:each_cpu, 1)\nif n, do: bpf_map_update_elem(:each_cpu, 1, n + 1)\n0"
    assert "atomic_add" not in c_of(alone, "all")


def test_taking_away_what_is_there_is_not_made_atomic() -> None:
    body = """
stats = bpf_map_lookup_elem(:by_pid, 1)
if stats do
  left = stats.count
  stats.count = stats.count - min(left, ctx.len)
end
0
"""
    text = c_of(body, "all")
    assert "atomic_add" not in text
    assert re.search(r"-= at_most\(.*args\[2\]|at_most\(\w+, \w+\)", text)


def test_the_larger_of_two_is_stored_only_where_it_changes_something() -> None:
    body = "stats = bpf_map_lookup_elem(:by_pid, 1)\nif stats, do: stats.peak = max(stats.peak, ctx.len)\n0"
    text = c_of(body, "conditional-stores")
    assert "if (value <= value_2) stats->peak = value_2;" in text


def test_constant_structs_lie_in_read_only_memory() -> None:
    assert "static const struct stats" in c_of("bpf_map_update_elem(:by_pid, 1, %stats{peak: 5})\n0", "constant-data")
    assert "static const" not in c_of("bpf_map_update_elem(:by_pid, 1, %stats{peak: ctx.len})\n0", "constant-data")


def test_entries_that_are_made_where_they_are_missing_are_expected_to_be_there() -> None:
    assert re.search(r"if \(likely\(\w+\)\)", c_of(COUNT, "expectations"))
    looked = "found = bpf_map_lookup_elem(:counts, 1)\nif found, do: return(1)\n0"
    assert "likely" not in c_of(looked, "expectations")


def test_a_key_is_pointed_at_in_the_packet() -> None:
    body = """
eth = Honey.Packet.at(ctx, 0, :ethhdr) || return(:XDP_PASS)
bpf_map_update_elem(:by_mac, %mac{address: eth.h_source}, 1)
"""
    text = xdp_of(body, "keys-in-packets,dead-code")
    assert re.search(r"bpf_map_update_elem\(&by_mac, \w+->h_source,", text)
    assert "bpf_map_update_elem(&by_mac, &key," in xdp_of(body, "none")


def test_a_key_is_copied_where_the_packet_is_changed() -> None:
    body = """
eth = Honey.Packet.at(ctx, 0, :ethhdr) || return(:XDP_PASS)
key = %mac{address: eth.h_source}
eth.h_proto = Honey.Net.htons(:ETH_P_IP)
bpf_map_update_elem(:by_mac, key, 1)
"""
    assert "&key," in xdp_of(body, "all")


ONCE = "bpf_map_update_elem(:counts, ctx.fd, 1, :BPF_NOEXIST)\n0"


def test_an_entry_that_is_only_made_where_it_is_missing_is_looked_for_first() -> None:
    text = c_of(ONCE, "unused-results,dead-code,tested-inserts")
    assert re.search(r"if \(!bpf_map_lookup_elem\(&counts, &key\)\) \{ .*bpf_map_update_elem\(&counts, &key,", text)
    assert "bpf_map_lookup_elem" not in c_of(ONCE.replace(":counts", ":recent"), "dead-code,tested-inserts")
    assert "bpf_map_lookup_elem" not in c_of(ONCE.replace("\n0", ""), "dead-code,tested-inserts")


def test_an_entry_that_was_just_missed_is_not_looked_for_again() -> None:
    body = """
if bpf_map_lookup_elem(:counts, 7) == nil do
  bpf_map_update_elem(:counts, 7, 1, :BPF_NOEXIST)
end
0
"""
    assert c_of(body, "dead-code,tested-inserts").count("bpf_map_lookup_elem") == 1


ZEROED = "forwarding,in-place-update,dead-code,atomic-add,zeroed-entries"
SEEN = """
seen(:by_pid, 1, ctx.len)
seen(:by_pid, 2, ctx.len)
seen(:by_pid, 3, ctx.len)
0
"""
SEE = """
defp seen(map, key, size) do
  stats = bpf_map_lookup_elem(map, key)
  if stats do
    stats.count = stats.count + 1
    stats.last = size
  else
    bpf_map_update_elem(map, key, %stats{count: 1, last: size})
  end
end
"""


def test_entries_begin_at_zero_where_that_is_shorter() -> None:
    text = c_of(SEEN, ZEROED, SEE)
    assert "if (!stats) stats = new_entry(&by_pid, &key_2); if (stats) { atomic_add(stats->count, 1);" in text
    assert "bpf_map_update_elem" not in text
    assert "new_entry" not in c_of(SEEN.replace("seen(:by_pid, 2, ctx.len)", ""), ZEROED, SEE)


@pytest.mark.parametrize(
    "other",
    [
        ("%stats{count: 1,", "%stats{count: 2,"),
        ("%stats{count: 1,", "%stats{count: 1, peak: 3,"),
        ("last: size}", "last: 0}"),
        ("stats.last = size", "stats.last = max(stats.last, size)"),
        ("last: size})", "last: size}, :BPF_EXIST)"),
        ("%stats{count: 1, last: size})", "%stats{count: 1, last: size})\n    bpf_map_delete_elem(:counts, 1)"),
    ],
)
def test_entries_do_not_begin_at_zero_where_something_else_comes_of_it(other: tuple[str, str]) -> None:
    assert SEE.replace(*other) != SEE
    assert "new_entry" not in c_of(SEEN, ZEROED, SEE.replace(*other))


def test_entries_of_lru_maps_do_not_begin_at_zero() -> None:
    each = "\n".join(f"Honey.Map.update({{map}}, {key}, 1, fn n -> n + 1 end)" for key in (1, 2, 3, 4)) + "\n0"
    assert c_of(each.format(map=":counts"), ZEROED).count("new_entry") == 4
    assert "new_entry" not in c_of(each.format(map=":recent"), ZEROED)


def test_of_two_branches_one_is_counted_for_the_function_that_makes_entries() -> None:
    either = "if ctx.len > 9 do\n  seen(:by_pid, 1, 5)\nelse\n  seen(:by_pid, 2, 6)\nend\nseen(:by_pid, 3, 7)\n0"
    assert "new_entry" not in c_of(either, ZEROED, SEE)
