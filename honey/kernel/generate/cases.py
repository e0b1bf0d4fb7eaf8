# SPDX-License-Identifier: Apache-2.0
"""The kinds of programs whose helpers are asked of the running kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from honey.kernel.generate.btf import Btf, Kind

ATTACH_TARGETS = {
    "BPF_TRACE_FENTRY": (Kind.FUNC, "bpf_fentry_test1"),
    "BPF_TRACE_FEXIT": (Kind.FUNC, "bpf_fentry_test1"),
    "BPF_MODIFY_RETURN": (Kind.FUNC, "security_file_open"),
    "BPF_TRACE_RAW_TP": (Kind.TYPEDEF, "btf_trace_sched_switch"),
    "BPF_TRACE_ITER": (Kind.FUNC, "bpf_iter_task"),
    "BPF_LSM_MAC": (Kind.FUNC, "bpf_lsm_file_open"),
    "BPF_LSM_CGROUP": (Kind.FUNC, "bpf_lsm_socket_bind"),
}
"""What to attach to, where the attach type needs something: every kernel with BTF and LSM has it."""

Case = tuple[int, int, int, int]
"""Program type, attach type, sleepable, BTF number of what is attached to."""


def probe_cases(kinds: Mapping[str, Mapping[str, Any]], kernel: Btf) -> dict[str, Case]:
    """The case to be asked for each kind of section.

    Sleepable programs are asked about as if they did not sleep, because few functions let them attach and they have
    the same helpers; helpers that may sleep say so in their prototypes. Only the type ``syscall`` cannot but sleep.
    """
    numbers = {
        label: value
        for type_ in kernel.of_kind(Kind.ENUM)
        if type_.name in ("bpf_prog_type", "bpf_attach_type")
        for label, value in type_.values
    }
    targets = {(type_.kind, type_.name): type_.id for type_ in kernel.of_kind(Kind.FUNC, Kind.TYPEDEF)}
    cases: dict[str, Case] = {}
    for name, kind in kinds.items():
        attach = kind["attach_type"]
        target = targets[ATTACH_TARGETS[attach]] if attach in ATTACH_TARGETS else 0
        sleepable = int(kind["program_type"] == "BPF_PROG_TYPE_SYSCALL")
        cases[name] = (numbers[kind["program_type"]], numbers.get(attach, 0), sleepable, target)
    return cases
