# SPDX-License-Identifier: Apache-2.0
"""What the verifier lets a program give back, by kind: ``check_return_code`` in the kernel's ``verifier.c`` (6.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from honey.kernel.sections import Section

ZERO, ONE = (0, 0), (1, 1)

_BY_ATTACH_TYPE = {
    **dict.fromkeys(("BPF_TRACE_FENTRY", "BPF_TRACE_FEXIT"), ZERO),
    **dict.fromkeys(("BPF_CGROUP_INET4_BIND", "BPF_CGROUP_INET6_BIND", "BPF_CGROUP_INET_EGRESS"), (0, 3)),
    **dict.fromkeys(
        (
            f"BPF_CGROUP_{name}"
            for end in ("4", "6")
            for name in (f"UDP{end}_RECVMSG", f"INET{end}_GETPEERNAME", f"INET{end}_GETSOCKNAME")
        ),
        ONE,
    ),
    "BPF_TRACE_ITER": (0, 1),
}
_BY_PROGRAM_TYPE = dict.fromkeys(
    (
        *(f"BPF_PROG_TYPE_CGROUP_{name}" for name in ("SOCK", "SOCK_ADDR", "SKB", "DEVICE", "SYSCTL", "SOCKOPT")),
        "BPF_PROG_TYPE_SOCK_OPS",
        "BPF_PROG_TYPE_SK_LOOKUP",
        "BPF_PROG_TYPE_NETFILTER",
    ),
    (0, 1),
)


def allowed(section: Section) -> tuple[int, int] | None:
    """The least and the greatest value of a program in ``section``; ``None`` where any will do.

    What LSM hooks may give differs from hook to hook and from kernel to kernel, and is not told here.
    """
    found = _BY_ATTACH_TYPE.get(section.attach_type or "")
    return found if found is not None else _BY_PROGRAM_TYPE.get(section.program_type)


def when_raised(section: Section) -> int:
    """What a program ends with after an exception: 0, or the least that the verifier lets it give."""
    limits = allowed(section)
    return limits[0] if limits is not None else 0


_PASSES = {
    "BPF_PROG_TYPE_XDP": ":XDP_PASS",
    **dict.fromkeys(("BPF_PROG_TYPE_SCHED_CLS", "BPF_PROG_TYPE_SCHED_ACT"), ":TC_ACT_OK"),
    **dict.fromkeys(
        (f"BPF_PROG_TYPE_{name}" for name in ("SK_SKB", "SK_MSG", "SK_LOOKUP", "SK_REUSEPORT")), ":SK_PASS"
    ),
}
"""The actions that change nothing, as a source spells them; where 0 is none of them, it stops what others wait for."""


def passing(section: Section | None) -> str:
    """What a program gives back, as a source spells it, when it has nothing to do and all else is to go on."""
    if section is None:
        return "0"
    known = _PASSES.get(section.program_type)
    if known is not None:
        return known
    return "1" if section.program_type.startswith("BPF_PROG_TYPE_CGROUP_") else str(when_raised(section))
