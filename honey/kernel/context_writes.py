# SPDX-License-Identifier: Apache-2.0
"""Which fields of its context a program may write: the ``is_valid_access`` functions of ``net/core/filter.c`` and
``kernel/bpf/cgroup.c`` (Linux 6.12), where they are asked about ``BPF_WRITE``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from honey.kernel.sections import Section

_TC = ("mark", "priority", "queue_mapping", "tc_index", "tc_classid", "tstamp", "cb")
_LWT = ("mark", "priority", "cb")

_BY_PROGRAM_TYPE: Mapping[str, tuple[str, ...]] = {
    "BPF_PROG_TYPE_SCHED_CLS": _TC,
    "BPF_PROG_TYPE_SCHED_ACT": _TC,
    "BPF_PROG_TYPE_SOCKET_FILTER": ("cb",),
    "BPF_PROG_TYPE_CGROUP_SKB": ("mark", "priority", "tstamp", "cb"),
    "BPF_PROG_TYPE_LWT_IN": _LWT,
    "BPF_PROG_TYPE_LWT_OUT": _LWT,
    "BPF_PROG_TYPE_LWT_XMIT": _LWT,
    "BPF_PROG_TYPE_SK_SKB": ("tc_index", "priority"),
    "BPF_PROG_TYPE_SOCK_OPS": ("reply", "sk_txhash"),
    "BPF_PROG_TYPE_CGROUP_SYSCTL": ("file_pos",),
}
_BY_ATTACH_TYPE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("BPF_CGROUP_INET_SOCK_CREATE", "BPF_CGROUP_INET_SOCK_RELEASE"), ("bound_dev_if", "mark", "priority")
    ),
    **{
        f"BPF_CGROUP_{name}": fields
        for end in ("4", "6")
        for name, fields in {
            **dict.fromkeys(
                (f"INET{end}_BIND", f"INET{end}_CONNECT", f"INET{end}_GETPEERNAME", f"INET{end}_GETSOCKNAME"),
                (f"user_ip{end}", "user_port"),
            ),
            f"UDP{end}_RECVMSG": (f"user_ip{end}", "user_port"),
            f"UDP{end}_SENDMSG": (f"user_ip{end}", "user_port", f"msg_src_ip{end}"),
        }.items()
    },
    "BPF_CGROUP_SETSOCKOPT": ("level", "optname", "optlen"),
    "BPF_CGROUP_GETSOCKOPT": ("retval", "optlen"),
}


def writable(section: Section) -> tuple[str, ...]:
    """The fields that a program in ``section`` may write."""
    by_attach_type = _BY_ATTACH_TYPE.get(section.attach_type or "")
    return by_attach_type or _BY_PROGRAM_TYPE.get(section.program_type, ())
