# SPDX-License-Identifier: Apache-2.0
"""Figures out of the verifier's closing words, as kernels have written them, and libbpf's own words."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from harness.agent.attach import tracepoint
from harness.agent.errors import AgentError
from harness.agent.libbpf import Libbpf
from harness.agent.load import read_log

ONE = """\
verification time 412 usec
stack depth 48
processed 149 insns (limit 1000000) max_states_per_insn 1 total_states 12 peak_states 11 mark_read 7
"""
WITH_SUBPROGRAMS = """\
verification time 1207 usec
stack depth 64+0+24
processed 2310 insns (limit 1000000) max_states_per_insn 4 total_states 120 peak_states 97 mark_read 31
"""


def test_all_figures_of_a_program() -> None:
    assert read_log(ONE) == {
        "verified_insns": 149,
        "total_states": 12,
        "peak_states": 11,
        "stack_bytes": 48,
        "load_ns": 412_000,
    }


def test_stacks_of_subprograms_are_added_up() -> None:
    assert read_log(WITH_SUBPROGRAMS)["stack_bytes"] == 88


def test_what_is_not_there_is_left_out() -> None:
    assert read_log("") == {}


def test_sections_of_tracepoints() -> None:
    assert tracepoint("tracepoint/syscalls/sys_enter_sendto") == ("syscalls", "sys_enter_sendto")
    assert tracepoint("tp/sched/sched_switch") == ("sched", "sched_switch")
    assert tracepoint("kprobe/tcp_sendmsg") is None
    assert tracepoint("xdp") is None


def test_what_libbpf_says_reaches_the_instance_that_opens_also_when_a_later_one_is_gone(tmp_path: Path) -> None:
    library = Libbpf()
    Libbpf()
    gc.collect()
    broken = tmp_path / "broken.o"
    broken.write_bytes(b"no object")
    with pytest.raises(AgentError) as refused:
        library.open(str(broken), "broken", str(tmp_path))
    assert "ELF" in refused.value.log
