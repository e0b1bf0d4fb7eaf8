# SPDX-License-Identifier: Apache-2.0
"""Instructions of small programs against the same in C: the least that there is to compare."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.objects import read_object
from honey import compiler
from honey.emit.clang import ClangMissing, command, find_clang
from honey.syntax.source import SourceFile

RETURN = """
defmodule ReturnOne do
  use Honey, license: "Dual BSD/GPL"

  @sec "xdp"
  def main(_ctx), do: 1
end
"""

HELLO = """
defmodule Hello do
  use Honey, license: "Dual BSD/GPL"

  @sec "tracepoint/syscalls/sys_enter_kill"
  def main(_ctx) do
    Honey.BpfHelpers.bpf_printk(["Hello, world!"])
    0
  end
end
"""

HELLO_C = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tracepoint/syscalls/sys_enter_kill")
int hello(void *ctx)
{
	bpf_printk("Hello, world!");
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
"""

COUNTER = """
defmodule Counter do
  use Honey, license: "Dual BSD/GPL"
  alias Honey.BpfHelpers

  defmap(:counts, :bpf_hash, max_entries: 1024)

  @sec "tracepoint/syscalls/sys_enter_kill"
  def main(_ctx) do
    pid = BpfHelpers.bpf_get_current_pid_tgid() >>> 32
    count = BpfHelpers.bpf_map_lookup_elem(:counts, pid, 0)
    BpfHelpers.bpf_map_update_elem(:counts, pid, count + 1)
    0
  end
end
"""

COUNTER_C = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} counts SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_kill")
int counter(void *ctx)
{
	__u64 pid = bpf_get_current_pid_tgid() >> 32, first = 1;
	__u64 *count = bpf_map_lookup_elem(&counts, &pid);

	if (count)
		*count += 1;
	else
		bpf_map_update_elem(&counts, &pid, &first, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
"""


def _of_honey(text: str, folder: Path) -> int:
    output = folder / "honey.bpf.o"
    done = compiler.compile_source(SourceFile.from_text(text), output)
    assert done.output is not None, (done.diagnostics, done.problem)
    return _instructions(output)


def _of_c(text: str, folder: Path) -> int:
    clang, output = find_clang(), folder / "c.bpf.o"
    assert not isinstance(clang, ClangMissing)
    subprocess.run(command(clang, str(output)), input=text, text=True, check=True, timeout=60)
    return _instructions(output)


def _instructions(path: Path) -> int:
    (program,) = read_object(path).programs.values()
    return len(program.code) // 8


def test_returning_a_constant_takes_two_instructions(tmp_path: Path) -> None:
    assert _of_honey(RETURN, tmp_path) == 2


@pytest.mark.parametrize(("honey", "c", "more"), [(HELLO, HELLO_C, 0), (COUNTER, COUNTER_C, 2)], ids=["hello", "count"])
def test_no_more_instructions_than_c(honey: str, c: str, more: int, tmp_path: Path) -> None:
    assert _of_honey(honey, tmp_path) <= _of_c(c, tmp_path) + more
