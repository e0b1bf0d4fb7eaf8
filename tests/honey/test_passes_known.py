# SPDX-License-Identifier: Apache-2.0
"""What is known when a program is compiled shortens the emitted C: constants, ranges, byte order, nulls."""

from __future__ import annotations

import re

from passes_c import c_of, xdp_of


def test_constants_are_folded_and_decided_branches_taken() -> None:
    text = c_of("x = 2 * 3 + ctx.len\nif 1 > 2, do: return(7)\nif x > 6 + 1, do: return(1)\n0", "constant-folding")
    assert "> 7" in text
    assert "return 7" not in text


def test_numbers_from_the_network_are_compared_as_they_came() -> None:
    body = """
length = Honey.Net.ntohs(ip.tot_len)
if length == 20 or length == 40, do: return(:XDP_DROP)
if (Honey.Net.ntohs(ip.frag_off) &&& 0x1FFF) != 0, do: return(:XDP_TX)
"""
    assert xdp_of(body, "constant-folding").count("bpf_ntohs") == 2
    text = xdp_of(body, "constant-folding,network-order")
    assert "bpf_ntohs" not in text
    assert "length == bpf_htons(20) || length == bpf_htons(40)" in text
    assert f"& bpf_htons({0x1FFF})) != 0" in text


def test_a_number_from_the_network_that_is_computed_with_is_turned() -> None:
    body = "length = Honey.Net.ntohs(ip.tot_len)\nif length == 20 or length > 40, do: return(:XDP_DROP)"
    assert xdp_of(body, "network-order").count("bpf_ntohs") == 1


def test_packet_offsets_that_are_known_to_be_small_are_not_tested() -> None:
    body = "udp = udp_at(ctx, 14 + ip.ihl * 4) || return(:XDP_DROP)\nif udp.check == 0, do: return(:XDP_TX)"
    functions = "  defp udp_at(ctx, offset), do: Honey.Packet.at(ctx, offset, :udphdr)\n"
    assert "16383" in xdp_of(body, "constant-folding", functions)
    assert "16383" not in xdp_of(body, "constant-folding,known-ranges", functions)
    divided = functions.replace("ctx, offset,", "ctx, div(offset, 2),")
    assert "16383" in xdp_of(body, "constant-folding,known-ranges", divided)
    unknown = body.replace("ip.ihl * 4", "Honey.Net.ntohl(ip.saddr)")
    assert "16383" in xdp_of(unknown, "constant-folding,known-ranges", functions)


def test_an_answer_is_known_by_whatever_name_its_key_goes() -> None:
    body = """
key = ctx.fd &&& 7
if bpf_map_lookup_elem(:counts, key), do: Honey.Map.update(:counts, key, 1, fn n -> n * 3 end)
0
"""
    text = c_of(body, "shared-calls,forwarding,known-nulls,dead-code")
    assert text.count("bpf_map_lookup_elem") == 1
    assert "bpf_map_update_elem" not in text
    assert "else" not in text


def test_null_is_tested_again_where_the_entry_is_another_one() -> None:
    body = """
if bpf_map_lookup_elem(:counts, 1), do: Honey.Map.update(:counts, 2, 1, fn n -> n * 3 end)
0
"""
    assert "bpf_map_update_elem" in c_of(body, "shared-calls,forwarding,known-nulls,dead-code")


def test_dead_code_goes_and_effects_stay() -> None:
    body = "x = ctx.len + 1\ny = bpf_map_update_elem(:counts, 1, 2)\nz = bpf_map_lookup_elem(:recent, 3)\n0"
    text = c_of(body, "dead-code")
    assert "args[2]" not in text
    assert "bpf_map_update_elem(&counts" in text
    assert "bpf_map_lookup_elem(&recent" in text


POPPED = "started = Honey.Map.pop(:counts, 2) || return(0)\nbpf_ktime_get_ns() - started"


def test_two_branches_on_one_test_are_one() -> None:
    assert re.search(
        r"if \(!entry\) return 0; __u64 value = \*entry; bpf_map_delete_elem\(&counts, &key\w*\);",
        c_of(POPPED, "nested-branches"),
    )
    kept = "if started != nil, do: bpf_map_update_elem(:counts, 3, started)\n0"
    text = c_of(f"started = Honey.Map.pop(:counts, 2)\n{kept}", "nested-branches,short-lives")
    assert re.search(r"if \(entry\) \{ __u64 started = \*entry; bpf_map_delete_elem", text)
    assert text.count("if (") == 1


def test_two_branches_stay_apart_where_the_first_changes_what_is_tested() -> None:
    body = """
stats = %stats{count: ctx.len}
if stats.count == 0, do: stats.count = 1
if stats.count == 0, do: bpf_map_update_elem(:by_pid, 1, stats)
left = bpf_map_lookup_elem(:counts, 1)
if left == nil, do: return(1)
if left == nil, do: 2, else: 3
"""
    assert c_of(body, "nested-branches").count("count == 0") == 2
