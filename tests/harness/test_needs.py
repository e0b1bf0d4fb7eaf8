# SPDX-License-Identifier: Apache-2.0
"""What an object needs of a kernel is read from the object."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import RunError
from harness.needs import needs_of, required
from harness.objects import BpfObject, read_object

SOURCE = """
typedef unsigned int u32; typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
struct { int (*type)[27]; u32 (*max_entries)[4096]; } events SEC(".maps");
struct task_struct { int pid; } __attribute__((preserve_access_index));
static u64 (*get_current_task)(void) = (void *)35;
static long (*output)(void *, void *, u64, u64) = (void *)130;
SEC("tp/syscalls/sys_enter_write") int write(void *ctx)
{
	struct task_struct *task = (void *)get_current_task();
	int *at = &task->pid;
	return output(&events, &at, 8, 0);
}
SEC("xdp") int pass(void *ctx) { return 2; }
char _license[] SEC("license") = "Dual BSD/GPL";
"""
GUARD = "if (__builtin_preserve_field_info(task->pid, 2))"

Build = Callable[[str], BpfObject]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def compiled(source: str) -> BpfObject:
        (tmp_path / "x.bpf.c").write_text(source, encoding="ascii")
        command = ["clang", "-O2", "-g", "-target", "bpf", "-c", "x.bpf.c", "-o", "x.bpf.o"]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
        return read_object(tmp_path / "x.bpf.o")

    return compiled


def names(needs: list[dict[str, object]]) -> set[str]:
    return {f"{one['kind']}:{one.get('name', '')}:{one.get('program_type', '')}" for one in needs}


def test_everything_is_named(build: Build) -> None:
    found = needs_of({"honey": build(SOURCE)}, ["map_type:hash"])
    assert names(found) == {
        "btf::",
        "map_type:hash:",
        "map_type:ringbuf:",
        "program_type:tracepoint:",
        "program_type:xdp:",
        "tracepoint:syscalls/sys_enter_write:",
        "helper:bpf_get_current_task:tracepoint",
        "helper:bpf_ringbuf_output:tracepoint",
    }


def test_a_program_that_asks_the_kernel_itself_is_not_refused_for_its_helpers(build: Build) -> None:
    guarded = SOURCE.replace("\treturn output", f"\t{GUARD}\n\t\treturn output").replace(
        "0);\n}", "0);\n\treturn 0;\n}"
    )
    found = names(needs_of({"honey": build(guarded)}, []))
    assert "map_type:ringbuf:" in found
    assert not any(one.startswith("helper") for one in found)


@pytest.mark.parametrize("text", ["", "helper:bpf_fly", "tracepoint:write", "btf:x", "kernel:6.1"])
def test_what_is_no_feature_is_refused(text: str) -> None:
    with pytest.raises(RunError, match="is no feature of a kernel"):
        required(text)
