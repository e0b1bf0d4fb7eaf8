# SPDX-License-Identifier: Apache-2.0
"""What each pass does to the emitted C, and where it keeps away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from irbuild import Fn, program
from monitor_ir import monitor

from honey import compiler
from honey.emit import emit_c
from honey.ir import nodes as n
from honey.ir.error import IRError
from honey.passes import NAMES, ORDER, UnknownPass, run, select
from honey.records import replace
from honey.syntax.source import SourceFile

HEAD = """
defmodule M do
  use Honey, license: "GPL"
  import Honey.BpfHelpers

  defstruct :key do
    field(:pid, :u32)
    field(:kind, :u8)
    field(:port, :u16)
    field(:ip, :be32)
  end

  defstruct :stats do
    field(:count, :u64)
    field(:last, :u64)
    field(:peak, :u64)
  end

  defmap(:stats_of, :bpf_hash, key_type: :key, value_type: :stats, max_entries: 16)
  defmap(:by_pid, :bpf_hash, key_type: :u32, value_type: :stats, max_entries: 16)
  defmap(:counts, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 16)
  defmap(:recent, :bpf_lru_hash, key_type: :u32, value_type: :u64, max_entries: 16)
  defmap(:each_cpu, :bpf_percpu_hash, key_type: :u32, value_type: :u64, max_entries: 16)
"""
SENDTO = '  @sec "tracepoint/syscalls/sys_enter_sendto"\n  def main(ctx) do\n'


def c_of(body: str, passes: str, functions: str = "") -> str:
    """The functions of a program whose handler has ``body``, as C after ``passes``, without layout."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    source = f"{HEAD}\n{SENDTO}{lines}\n  end\n\n{functions}\nend\n"
    done = compiler.to_c(SourceFile.from_text(source, "m.ex"), select(passes))
    assert done.c is not None, done.diagnostics
    text = done.c.text[done.c.text.index("#line") :]
    return re.sub(r"\s+", " ", re.sub(r"^#line.*\n", "", text, flags=re.MULTILINE))


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


def test_constants_are_folded_and_decided_branches_taken() -> None:
    text = c_of("x = 2 * 3 + ctx.len\nif 1 > 2, do: return(7)\nif x > 6 + 1, do: return(1)\n0", "constant-folding")
    assert "> 7" in text
    assert "return 7" not in text


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
    forget = SENDTO.replace("main", "forget") + "    bpf_map_delete_elem({}, 1)\n    0\n  end"
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
    assert re.search(r"if \(\w+\) \{ \*\w+ = ctx->args\[2\]; \} else \{ .*bpf_map_update_elem", text)


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


def test_numbers_get_the_width_they_need() -> None:
    functions = "  defp pid, do: get_current_pid_tgid() >>> 32\n"
    body = "me = pid()\nif me == 0, do: return(0)\nbpf_map_update_elem(:counts, me, 1)\n0"
    text = c_of(body, "inlining,narrowing", functions)
    assert "__u32 pid(void)" in text
    assert "__u32 me = pid();" in text


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


def xdp_of(body: str, passes: str, functions: str = "") -> str:
    """The same for a handler that sees packets, after an Ethernet header and one of IP."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    head = "    ip = Honey.Packet.at(ctx, 14, :iphdr) || return(:XDP_PASS)"
    handler = f'  @sec "xdp"\n  def see(ctx) do\n{head}\n{lines}\n    :XDP_PASS\n  end\n'
    return c_of("0", passes, f"{handler}\n{functions}")


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


SOURCE_KEY = """
  defstruct :mac do
    field(:address, {:array, :u8, 6})
  end

  defmap(:by_mac, :bpf_hash, key_type: :mac, value_type: :stats, max_entries: 16)
"""


def test_a_key_is_pointed_at_in_the_packet() -> None:
    body = """
eth = Honey.Packet.at(ctx, 0, :ethhdr) || return(:XDP_PASS)
bpf_map_update_elem(:by_mac, %mac{address: eth.h_source}, %stats{count: 1})
"""
    text = xdp_of(body, "keys-in-packets,dead-code", SOURCE_KEY)
    assert re.search(r"bpf_map_update_elem\(&by_mac, \w+->h_source,", text)
    assert "bpf_map_update_elem(&by_mac, &key," in xdp_of(body, "none", SOURCE_KEY)


def test_a_key_is_copied_where_the_packet_is_changed() -> None:
    body = """
eth = Honey.Packet.at(ctx, 0, :ethhdr) || return(:XDP_PASS)
key = %mac{address: eth.h_source}
eth.h_proto = Honey.Net.htons(:ETH_P_IP)
bpf_map_update_elem(:by_mac, key, %stats{count: 1})
"""
    assert "&key," in xdp_of(body, "all", SOURCE_KEY)


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
    first = r"xdp_md_packet_at\(ctx, 0, {}\)"
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
    assert "xdp_md_packet_at(ctx, 0, 28)" in text


def test_dead_code_goes_and_effects_stay() -> None:
    body = "x = ctx.len + 1\ny = bpf_map_update_elem(:counts, 1, 2)\nz = bpf_map_lookup_elem(:recent, 3)\n0"
    text = c_of(body, "dead-code")
    assert "args[2]" not in text
    assert "bpf_map_update_elem(&counts" in text
    assert "bpf_map_lookup_elem(&recent" in text


def test_selection_of_passes() -> None:
    assert select("all") == NAMES
    assert select("none") == ()
    assert select("dead-code,constant-folding") == ("constant-folding", "dead-code")
    assert "dead-code" not in select("all,-dead-code")
    assert select("-dead-code") == select("all,-dead-code")
    with pytest.raises(UnknownPass, match="there is no pass 'dead'"):
        select("dead")


def test_every_pass_leaves_a_well_formed_program_alone_when_run_twice() -> None:
    program_ = run(monitor())
    again = run(program_)
    assert emit_c(again).text.count("bpf_map_update_elem") == emit_c(program_).text.count("bpf_map_update_elem")
    assert set(ORDER) == set(NAMES)


def test_a_pass_that_breaks_the_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import honey.passes.dead_code as broken

    def without_return(whole: n.Program) -> n.Program:
        f = Fn("f", section="tracepoint/syscalls/sys_enter_kill")
        del whole
        return program(f.done())

    monkeypatch.setattr(broken, "run", without_return)
    with pytest.raises(IRError, match="after dead-code in f: a path ends without a result"):
        run(monitor(), ["dead-code"])


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


def test_a_pass_that_breaks_the_program_is_named_and_leaves_no_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verification comes after clang was given the C; nothing of that may be left."""

    def without_return(program: n.Program) -> n.Program:
        return replace(program, functions=tuple(replace(one, body=one.body[:-1]) for one in program.functions))

    monkeypatch.setattr(
        "honey.passes._pass", lambda name: without_return if name == "forwarding" else lambda same: same
    )
    source = SourceFile.from_text(f"{HEAD}\n{SENDTO}    0\n  end\nend\n", "m.ex")
    with pytest.raises(compiler.InternalError, match="after forwarding in main: a path ends without a result"):
        compiler.compile_source(source, tmp_path / "m.bpf.o")
    assert list(tmp_path.iterdir()) == []
