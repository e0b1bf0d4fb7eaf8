# SPDX-License-Identifier: Apache-2.0
"""Programs that this machine's kernel may not take, in a virtual machine whose kernel has kprobes and BTF."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from loaded_in_vm import OLDER, refused
from test_programs import FILES, read, version_of

from honey import compiler
from honey.syntax.source import SourceFile

pytestmark = pytest.mark.vm

ACCEPTED = [path for path in FILES if not read(path).fails]

SECTIONS = {
    "kprobe/tcp_sendmsg": "if ctx.size > 0 && ctx.di != 0, do: 1, else: 0",
    "kprobe/tcp_sendmsg+4": "if ctx.di == 0, do: 1, else: 0",
    "kretprobe/tcp_sendmsg": "ctx.ret",
    "ksyscall/kill": "0",
    "kretsyscall/kill": "0",
    "fentry/tcp_sendmsg": "ctx.size",
    "fexit/tcp_sendmsg": "ctx.ret",
    "fmod_ret/security_file_open": "ctx.ret",
    "lsm/file_open": "if ctx.file, do: 0, else: 0",
    "raw_tracepoint/sys_enter": "ctx.args[1]",
    "raw_tp/sched_switch": "ctx.args[0]",
    "tp_btf/sched_switch": "if ctx.preempt, do: 1, else: 0",
    "tracepoint/sched/sched_process_exit": "ctx.pid",
    "tracepoint/syscalls/sys_exit_read": "ctx.ret",
    "tp/raw_syscalls/sys_enter": "ctx.id",
    "perf_event": "ctx.sample_period",
    "xdp": ":XDP_PASS",
    "xdp_md": ":XDP_PASS",
    "tc": "if ctx.len > 100, do: :TC_ACT_SHOT, else: :TC_ACT_OK",
    "classifier": ":TC_ACT_OK",
    "socket": "ctx.len",
    "cgroup_skb/egress": "if ctx.len > 0, do: 1, else: 0",
    "cgroup/connect4": "if ctx.user_port == Honey.Net.htons(80), do: 0, else: 1",
    "cgroup/sock_create": "if ctx.family == :AF_INET, do: 1, else: 0",
    "sockops": "if ctx.op == 3, do: 1, else: 0",
    "cgroup/getpeername4": "1",
    "sk_skb/stream_verdict": "if ctx.len > 0, do: 1, else: 0",
    "sk_msg": "if ctx.size > 0, do: 1, else: 0",
    "sk_lookup": "if ctx.local_port == 80, do: 1, else: 0",
    "lwt_in": "0",
    "iter/task": "if ctx.task, do: 0, else: 0",
    "syscall": "0",
}
"""Sections, and the last line of a handler for each that uses its context."""


def _objects(sources: dict[str, SourceFile], passes: list[str] | None, folder: Path) -> dict[str, Path]:
    """Each source as an object."""
    with ThreadPoolExecutor(2) as pool:
        done = {
            name: pool.submit(compiler.compile_source, source, folder / f"{name}.bpf.o", passes)
            for name, source in sources.items()
        }
    for name, one in done.items():
        found = one.result()
        assert found.output is not None, (name, found.diagnostics, str(found.problem))
    return {name: folder / f"{name}.bpf.o" for name in sources}


def _handler(section: str, last: str) -> SourceFile:
    ctx = "ctx" if "ctx" in last else "_ctx"
    return SourceFile.from_text(f"""
defmodule Typed do
  use Honey, license: "GPL"

  @sec "{section}"
  def main({ctx}) do
    {last}
  end
end
""")


def test_every_kind_of_program_is_loaded(tmp_path: Path) -> None:
    names = {f"s{number}": section for number, section in enumerate(SECTIONS)}
    sources = {name: _handler(section, SECTIONS[section]) for name, section in names.items()}
    said = refused(_objects(sources, None, tmp_path), tmp_path)
    assert {names[name]: problem for name, problem in said.items()} == {}


@pytest.mark.parametrize("passes", [[], None], ids=["plain", "optimised"])
def test_the_cases_that_this_machine_may_not_take_are_loaded(passes: list[str] | None, tmp_path: Path) -> None:
    sources = {path.stem: read(path).file for path in ACCEPTED if read(path).not_loaded}
    assert sources
    assert refused(_objects(sources, passes, tmp_path), tmp_path) == {}


@pytest.mark.slow
@pytest.mark.parametrize("kernel", OLDER)
@pytest.mark.parametrize("passes", [[], None], ids=["plain", "optimised"])
def test_all_cases_are_loaded_by_an_older_kernel(passes: list[str] | None, kernel: str, tmp_path: Path) -> None:
    cases = [read(path) for path in ACCEPTED]
    sources = {case.name: case.file for case in cases if version_of(kernel) >= case.needs}
    assert refused(_objects(sources, passes, tmp_path), tmp_path, kernel) == {}
