# SPDX-License-Identifier: Apache-2.0
"""Reads of memory are merged, made loads, or tested at once."""

from __future__ import annotations

import re

import pytest
from passes_c import c_of, xdp_of

MERGED = """
family = probe_read_user(ctx.addr, :u16)
if family == :AF_INET do
  peer = probe_read_user(ctx.addr, :sockaddr_in)
  if peer do
    bpf_map_update_elem(:counts, 1, Honey.Net.ntohs(peer.sin_port))
  end
end
0
"""


def test_a_read_of_the_beginning_and_one_of_the_whole_are_merged() -> None:
    both = c_of(MERGED, "none")
    one = c_of(MERGED, "constant-folding,flag-threading,nested-branches,merged-reads,fault-tests,dead-code")
    assert both.count("bpf_probe_read_user") == 2
    assert one.count("bpf_probe_read_user") == 1
    assert "if (peer.sin_family == AF_INET)" in one


def test_reads_of_different_addresses_are_not_merged() -> None:
    body = MERGED.replace("peer = probe_read_user(ctx.addr,", "peer = probe_read_user(ctx.buff,")
    assert c_of(body, "all").count("bpf_probe_read_user") == 2


PARENT = "bpf_map_update_elem(:counts, 1, core_read(get_current_task(), :task_struct, {}))\n0"


def test_what_hangs_on_the_current_task_is_read_by_loads() -> None:
    text = c_of(PARENT.format("[:real_parent, :tgid]"), "task-reads,dead-code")
    assert "= task_real_parent_tgid();" in text
    assert "bpf_get_current_task()" not in text
    assert "BPF_CORE_READ" not in text


@pytest.mark.parametrize("path", ["[:real_parent]", "[:sched_reset_on_fork]"])
def test_pointers_to_structs_and_bit_fields_of_the_task_are_read_by_helpers(path: str) -> None:
    number = PARENT.format(path).replace("1, core_read", "1, 0 + core_read")
    text = c_of(number, "task-reads,dead-code")
    assert "bpf_get_current_task()" in text
    assert "BPF_CORE_READ" in text


FOUND = """
  defp found(ctx) do
    eth = Honey.Packet.at(ctx, 0, :ethhdr) || return(nil)
    if eth.h_proto == 8, do: return(behind(ctx, 14))
    if eth.h_proto == 129, do: behind(ctx, 18)
  end

  defp behind(ctx, offset) do
    ip = Honey.Packet.at(ctx, offset, :iphdr) || return(nil)
    if ip.protocol == 17, do: Honey.Packet.at(ctx, offset + 20, :udphdr)
  end
""".replace("== 8", "== Honey.Net.htons(8)").replace("== 129", "== Honey.Net.htons(129)")


def test_a_search_tests_at_once_for_what_it_cannot_do_without() -> None:
    passes = "constant-folding,known-ranges,whole-headers"
    first = r"xdp_md_packet_\w+\(ctx, 0, {}\)"
    found = xdp_of("udp = found(ctx) || return(:XDP_DROP)\nif udp.check == 0, do: return(:XDP_TX)", passes, FOUND)
    assert re.search(first.format(42), found)
    counted = FOUND.replace("if ip.protocol", "Honey.Map.add(:counts, 1, 1)\n    if ip.protocol")
    shown = xdp_of("udp = found(ctx) || return(:XDP_DROP)\nif udp.check == 0, do: return(:XDP_TX)", passes, counted)
    assert re.search(first.format(r"sizeof\(struct ethhdr\)"), shown)


def test_a_search_that_is_content_with_less_tests_for_less() -> None:
    short = FOUND.replace(
        "if eth.h_proto == Honey.Net.htons(129), do: behind(ctx, 18)", "Honey.Packet.at(ctx, 20, :udphdr)"
    )
    text = xdp_of(
        "udp = found(ctx) || return(:XDP_DROP)\nif udp.check == 0, do: return(:XDP_TX)",
        "constant-folding,known-ranges,whole-headers",
        short,
    )
    assert "xdp_md_packet_before(ctx, 0, 28)" in text


LATE = "flag-threading,fault-tests,dead-code,short-lives,scalar-fields"
FLOW = """
key = %key{pid: 1, kind: 17}
peer = ctx.addr && probe_read_user(ctx.addr, :sockaddr_in)
if peer && peer.sin_family == :AF_INET do
  key.port = Honey.Net.ntohs(peer.sin_port)
end
bpf_map_update_elem(:stats_of, key, %stats{count: 1})
0
"""


def test_what_is_read_for_a_struct_waits_in_registers() -> None:
    text = c_of(FLOW, LATE)
    assert re.search(r"__u16 port; \{ struct sockaddr_in peer; if \(.*\) \{ port = .*\} else \{ port = 0; ", text)
    assert text.index("struct key key = { .pid = 1, .kind = 17, .port = port };") > text.index("barrier_var(port);")


@pytest.mark.parametrize(
    "other",
    [
        ("end\nbpf", "end\nkey.kind = 6\nbpf"),
        ("== :AF_INET do\n", "== :AF_INET do\n  bpf_map_update_elem(:counts, 1, 1)\n"),
        ("== :AF_INET do\n", "== key.kind do\n"),
        ("(peer.sin_port)\n", "(peer.sin_port) + key.kind\n"),
        ("ctx.addr && probe", "key.kind && probe"),
        ("end\nbpf", "else\n  bpf_map_update_elem(:counts, 2, 1)\nend\nbpf"),
    ],
)
def test_it_is_stored_at_once_where_the_struct_is_looked_at_before(other: tuple[str, str]) -> None:
    changed = FLOW.replace(*other)
    assert changed != FLOW
    assert "key = { .pid = 1, .kind = 17 };" in c_of(changed, LATE)


NAMED = "name = bpf_get_current_comm()\nif ctx.len > 100, do: bpf_ringbuf_output(:records, %record{name: name})\n0"


def test_the_name_of_a_task_is_asked_for_where_it_is_kept() -> None:
    text = c_of(NAMED, "filled-fields")
    assert re.search(r"if \(.*> 100\) \{ struct record value = \{\}; bpf_get_current_comm\(value.name, 16\);", text)
    assert "memcpy" not in text
    kept = "e = bpf_map_lookup_elem(:named, 1)\nname = bpf_get_current_comm()\nif e, do: e.name = name\n0"
    module = "defmap(:named, :bpf_array, value_type: :record, max_entries: 2)"
    assert re.search(r"if \(e\w*\) bpf_get_current_comm\(\w+->name, 16\);", c_of(kept, "filled-fields", module))


@pytest.mark.parametrize(
    "use",
    [
        "for _ <- 1..3, do: bpf_ringbuf_output(:records, %record{name: name})",
        'if name == "sh", do: bpf_ringbuf_output(:records, %record{name: name})',
        'bpf_printk(["%s", name])',
        "bpf_ringbuf_output(:records, %record{name: name})\nbpf_ringbuf_output(:records, %record{name: name})",
    ],
)
def test_the_name_of_a_task_that_is_wanted_more_often_is_asked_for_once(use: str) -> None:
    text = c_of(f"name = bpf_get_current_comm()\n{use}\n0", "filled-fields")
    assert text.count("bpf_get_current_comm(") == 1
    assert "char name[16]; bpf_get_current_comm(name, 16);" in text


RECORD = """
record = bpf_ringbuf_reserve(:records, :record) || return(0)
record.name = probe_read_user_str(ctx.addr, 16, "?")
bpf_ringbuf_submit(record)
0
"""
ENTRIES = "defmap(:named, :bpf_array, value_type: :record, max_entries: 2)"


def test_a_text_with_a_default_is_read_into_its_record() -> None:
    assert re.search(
        r"if \(bpf_probe_read_user_str\(record->name, sizeof\(record->name\), .*\) < 0\) "
        r'__builtin_memcpy\(record->name, \(char\[16\]\)\{ "\?" \}, 16\);',
        c_of(RECORD, "all"),
    )


def test_a_text_is_read_into_an_entry_unless_it_is_found_through_a_map() -> None:
    body = 'e = bpf_map_lookup_elem(:named, 1) || return(0)\ne.name = probe_read_user_str({}, 16, "")\n0'
    assert "char text[16]" not in c_of(body.format("ctx.addr"), "direct-reads", ENTRIES)
    through = f"where = bpf_map_lookup_elem(:by_pid, 1) || return(0)\n{body.format('where.last')}"
    assert "char text[16]" in c_of(through, "direct-reads", ENTRIES)


def test_a_key_that_is_stored_already_is_not_stored_again() -> None:
    body = """
started = Honey.Map.pop(:counts, ctx.len)
bpf_map_delete_elem(:recent, ctx.len)
if started, do: bpf_map_update_elem(:each_cpu, ctx.len, started)
0
"""
    assert len(re.findall(r"__u32 key\w* = ", c_of(body, "all"))) == 1
