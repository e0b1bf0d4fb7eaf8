# SPDX-License-Identifier: Apache-2.0
"""What this kernel lacks of what a program needs, found out by asking it (bpf(2)), never by its version.

A helper is there if the verifier knows it for the program's type: it is asked with a program that calls it and nothing
else, and only its words about the call matter (``kernel/bpf/verifier.c``, ``check_helper_call``).
"""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.agent.bpf import MAP_TYPES
from harness.agent.create import RefusedError, create_map, load_program
from harness.agent.perf import EVENTS

_EXIT_0 = bytes.fromhex("b700000000000000 9500000000000000")
_CALL, _EXIT = 0x85, bytes.fromhex("9500000000000000")
_UNKNOWN_CALL = ("invalid func ", "unknown func ", "cannot use helper")
_NO_PREALLOC = 1
_ENOTSUPP = 524
_BTF = Path("/sys/kernel/btf/vmlinux")
#: What tracepoints of a category need of a kernel's configuration, besides being there at all.
_OPTIONS = {"syscalls": " (CONFIG_FTRACE_SYSCALLS)"}
#: libbpf puts the older helper in the place of these where the kernel does not have them yet.
_OLDER = {112: 4, 113: 4, 114: 45, 115: 45}
#: Program types that load with two instructions and nothing else; of the others the helpers are not asked for either.
_PLAIN_PROGRAMS = frozenset(
    (
        *("socket_filter", "kprobe", "sched_cls", "sched_act", "tracepoint", "xdp", "perf_event", "cgroup_skb"),
        *("raw_tracepoint", "sock_ops", "sk_skb", "sk_msg", "cgroup_device", "lwt_in", "lwt_out", "lwt_xmit"),
    )
)
#: Key size, value size, entries and flags with which a map of a type can be made; types that need more are not asked.
_PLAIN_MAPS = {
    **dict.fromkeys(("hash", "percpu_hash", "lru_hash", "lru_percpu_hash"), (4, 4, 1, 0)),
    **dict.fromkeys(("array", "percpu_array", "prog_array", "perf_event_array", "cgroup_array"), (4, 4, 1, 0)),
    **dict.fromkeys(("queue", "stack", "bloom_filter"), (0, 4, 1, 0)),
    **dict.fromkeys(("ringbuf", "user_ringbuf"), (0, 0, 4096, 0)),
    **dict.fromkeys(("devmap", "devmap_hash", "cpumap", "sockmap", "sockhash", "xskmap"), (4, 4, 1, 0)),
    "stack_trace": (4, 8, 1, 0),
    "lpm_trie": (8, 4, 1, _NO_PREALLOC),
}


@dataclass(frozen=True, slots=True)
class Feature:
    """Something a kernel may lack.

    ``kind`` is ``helper`` (``name`` with ``number``, in a program of type ``program_type``), ``program_type``,
    ``map_type``, ``tracepoint`` (``CATEGORY/NAME``) or ``btf``. ``wanted_by`` says what needs it.
    """

    kind: str
    name: str = ""
    number: int = 0
    program_type: str = ""
    wanted_by: str = ""

    @classmethod
    def read(cls, entry: dict[str, Any]) -> Feature:
        """From a job document."""
        return cls(**entry)

    def __str__(self) -> str:
        words = {
            "helper": f"the helper {self.name} in {self.program_type} programs",
            "program_type": f"programs of type {self.name}",
            "map_type": f"maps of type {self.name}",
            "tracepoint": f"the tracepoint {self.name}{_OPTIONS.get(self.name.partition('/')[0], '')}",
            "btf": "type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF)",
        }[self.kind]
        return f"{words}, needed by {self.wanted_by}" if self.wanted_by else words


def lacking(features: Iterable[Feature]) -> list[Feature]:
    """Those of ``features`` that this kernel does not have, each once; what cannot be asked for counts as there."""
    found: dict[tuple[str, str, str], Feature] = {}
    for feature in features:
        if not _has(feature.kind, feature.name, feature.number, feature.program_type):
            found.setdefault((feature.kind, feature.name, feature.program_type), feature)
    return list(found.values())


@functools.cache
def _has(kind: str, name: str, number: int, program_type: str) -> bool:
    if kind == "helper":
        asked = [number, *([_OLDER[number]] if number in _OLDER else [])]
        return program_type not in _PLAIN_PROGRAMS or any(_has_helper(program_type, one) for one in asked)
    if kind == "program_type":
        return name not in _PLAIN_PROGRAMS or _load(name, _EXIT_0)[0] not in {errno.EINVAL, errno.E2BIG, _ENOTSUPP}
    if kind == "map_type":
        return _has_map(name)
    if kind == "tracepoint":
        # Where tracefs is not mounted, attaching has its own words for it.
        return not any(folder.is_dir() for folder in EVENTS) or any((one / name).is_dir() for one in EVENTS)
    return kind != "btf" or _BTF.exists()


def _has_helper(program_type: str, number: int) -> bool:
    code, log = _load(program_type, bytes((_CALL, 0, 0, 0)) + number.to_bytes(4, "little") + _EXIT)
    return code in {0, errno.EPERM} or not any(words in log for words in _UNKNOWN_CALL)


def _load(program_type: str, insns: bytes) -> tuple[int, str]:
    """The error number (0: it loaded) and the verifier's log."""
    try:
        os.close(load_program(program_type, insns, log_bytes=1 << 12))
    except RefusedError as problem:
        return problem.errno or 0, problem.log
    return 0, ""


def _has_map(name: str) -> bool:
    if name not in _PLAIN_MAPS or name not in MAP_TYPES:
        return True
    try:
        os.close(create_map(name, *_PLAIN_MAPS[name]))
    except OSError as problem:
        return problem.errno not in {errno.EINVAL, errno.E2BIG, errno.EOPNOTSUPP, _ENOTSUPP}
    return True
