# SPDX-License-Identifier: Apache-2.0
"""What a person leaves out: braces around one statement, returns where a function ends, numbers turned around."""

from __future__ import annotations

from honey import compiler
from honey.syntax.source import SourceFile

HEAD = """defmodule M do
  use Honey, license: "GPL"
  import Honey.BpfHelpers
  defmap(:counts, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 16)
  defmap(:others, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 16)
"""


def lines_of(source: str) -> list[str]:
    done = compiler.to_c(SourceFile.from_text(f"{HEAD}{source}\nend\n", "m.ex"))
    assert done.c is not None, done.diagnostics
    return [line.strip() for line in done.c.text.splitlines()]


def handler(body: str, section: str = "tracepoint/syscalls/sys_enter_sendto") -> str:
    return f'  @sec "{section}"\n  def handler(ctx) do\n{body}\n  end\n'


def test_one_statement_behind_a_test_has_no_braces() -> None:
    lines = lines_of(
        handler("    n = bpf_map_lookup_elem(:counts, 1)\n    if n, do: bpf_map_delete_elem(:others, 1)\n    0")
    )
    at = next(number for number, line in enumerate(lines) if line.startswith("if ("))
    assert "{" not in lines[at]
    assert "}" not in lines[at + 1]


def test_a_statement_on_another_line_of_the_source_keeps_its_own() -> None:
    body = "    key = ctx.fd &&& 7\n    if key == 3 do\n      bpf_map_delete_elem(:counts, key)\n    end\n    0"
    lines = lines_of(handler(body))
    at = lines.index("if (key == 3)")
    assert lines[at + 1] == "bpf_map_delete_elem(&counts, &key);"


def test_a_branch_with_an_other_side_keeps_its_braces() -> None:
    body = "    if ctx.fd == 3, do: bpf_map_delete_elem(:counts, 1), else: bpf_map_delete_elem(:others, 1)\n    0"
    lines = lines_of(handler(body))
    assert any(line.startswith("if (") and line.endswith("{") for line in lines)
    assert "} else {" in lines


def test_a_function_without_a_result_does_not_return_at_its_end() -> None:
    functions = """
  defp note(n) do
    if n > 7 do
      bpf_map_delete_elem(:counts, 1)
      bpf_map_delete_elem(:others, 1)
      return(nil)
    end
  end
"""
    assert "return;" not in lines_of(handler("    note(ctx.len)\n    0") + functions)


def test_constants_in_network_order_are_said_in_host_order() -> None:
    body = """
    ip = Honey.Packet.at(ctx, 14, :iphdr) || return(:XDP_PASS)
    if ip.tot_len == Honey.Net.htons(40), do: :XDP_DROP, else: :XDP_PASS"""
    text = "\n".join(lines_of(handler(body, "xdp")))
    assert "bpf_htons(40)" in text
    assert "#include <bpf/bpf_endian.h>" in text
