# SPDX-License-Identifier: Apache-2.0
"""The bpf(2) system call: what the agent asks the kernel itself, independent of libbpf's version.

Layouts are those of ``include/uapi/linux/bpf.h`` (kernel 6.1); the kernel takes shorter and longer structures, where
bytes it does not know are zero, and says in ``info_len`` how much it filled in.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from ctypes import Structure, c_char, c_int, c_int32, c_uint8, c_uint32, c_uint64
from dataclasses import dataclass

_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361}.get(platform.machine(), 280)
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long

_MAP_LOOKUP_ELEM = 1
_MAP_UPDATE_ELEM = 2
_MAP_DELETE_ELEM = 3
_MAP_GET_NEXT_KEY = 4
_PROG_TEST_RUN = 10
_OBJ_GET_INFO_BY_FD = 15
_MAP_LOOKUP_AND_DELETE_ELEM = 21
_MAP_LOOKUP_BATCH = 24
_MAP_DELETE_BATCH = 27
_LINK_CREATE = 28
_ENABLE_STATS = 32
_ATTACH_XDP = 37  # enum bpf_attach_type
_XDP_SKB_MODE = 1 << 1  # XDP_FLAGS_SKB_MODE, linux/if_link.h

#: ``enum bpf_map_type``, by number.
MAP_TYPES = (
    *("unspec", "hash", "array", "prog_array", "perf_event_array", "percpu_hash", "percpu_array", "stack_trace"),
    *("cgroup_array", "lru_hash", "lru_percpu_hash", "lpm_trie", "array_of_maps", "hash_of_maps", "devmap", "sockmap"),
    *("cpumap", "xskmap", "sockhash", "cgroup_storage", "reuseport_sockarray", "percpu_cgroup_storage", "queue"),
    *("stack", "sk_storage", "devmap_hash", "struct_ops", "ringbuf", "inode_storage", "task_storage", "bloom_filter"),
    *("user_ringbuf", "cgrp_storage", "arena"),
)

#: ``enum bpf_prog_type``, by number.
PROGRAM_TYPES = (
    *("unspec", "socket_filter", "kprobe", "sched_cls", "sched_act", "tracepoint", "xdp", "perf_event", "cgroup_skb"),
    *("cgroup_sock", "lwt_in", "lwt_out", "lwt_xmit", "sock_ops", "sk_skb", "cgroup_device", "sk_msg"),
    *("raw_tracepoint", "cgroup_sock_addr", "lwt_seg6local", "lirc_mode2", "sk_reuseport", "flow_dissector"),
    *("cgroup_sysctl", "raw_tracepoint_writable", "cgroup_sockopt", "tracing", "struct_ops", "ext", "lsm"),
    *("sk_lookup", "syscall", "netfilter"),
)


class _LinkAttr(Structure):
    _fields_ = (("prog_fd", c_uint32), ("target_ifindex", c_uint32), ("attach_type", c_uint32), ("flags", c_uint32))


class _ElementAttr(Structure):
    _fields_ = (("map_fd", c_uint32), ("pad", c_uint32), ("key", c_uint64), ("value", c_uint64), ("flags", c_uint64))


class _BatchAttr(Structure):
    _fields_ = (
        ("in_batch", c_uint64),
        ("out_batch", c_uint64),
        ("keys", c_uint64),
        ("values", c_uint64),
        ("count", c_uint32),
        ("map_fd", c_uint32),
        ("elem_flags", c_uint64),
        ("flags", c_uint64),
    )


class _InfoAttr(Structure):
    _fields_ = (("bpf_fd", c_uint32), ("info_len", c_uint32), ("info", c_uint64))


class _StatsAttr(Structure):
    _fields_ = (("type", c_uint32),)


class _TestAttr(Structure):
    _fields_ = (
        ("prog_fd", c_uint32),
        ("retval", c_uint32),
        ("data_size_in", c_uint32),
        ("data_size_out", c_uint32),
        ("data_in", c_uint64),
        ("data_out", c_uint64),
        ("repeat", c_uint32),
        ("duration", c_uint32),
        ("ctx_size_in", c_uint32),
        ("ctx_size_out", c_uint32),
        ("ctx_in", c_uint64),
        ("ctx_out", c_uint64),
        ("flags", c_uint32),
        ("cpu", c_uint32),
        ("batch_size", c_uint32),
        ("pad", c_uint32),
    )


class _MapInfo(Structure):
    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("key_size", c_uint32),
        ("value_size", c_uint32),
        ("max_entries", c_uint32),
        ("map_flags", c_uint32),
        ("name", c_char * 16),
        ("rest", c_uint8 * 40),
    )


class _ProgramInfo(Structure):
    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("tag", c_uint8 * 8),
        ("jited_prog_len", c_uint32),
        ("xlated_prog_len", c_uint32),
        ("jited_prog_insns", c_uint64),
        ("xlated_prog_insns", c_uint64),
        ("load_time", c_uint64),
        ("created_by_uid", c_uint32),
        ("nr_map_ids", c_uint32),
        ("map_ids", c_uint64),
        ("name", c_char * 16),
        ("ifindex", c_uint32),
        ("gpl_compatible", c_uint32),
        ("netns_dev", c_uint64),
        ("netns_ino", c_uint64),
        ("nr_jited_ksyms", c_uint32),
        ("nr_jited_func_lens", c_uint32),
        ("jited_ksyms", c_uint64),
        ("jited_func_lens", c_uint64),
        ("btf_id", c_uint32),
        ("func_info_rec_size", c_uint32),
        ("func_info", c_uint64),
        ("nr_func_info", c_uint32),
        ("nr_line_info", c_uint32),
        ("line_info", c_uint64),
        ("jited_line_info", c_uint64),
        ("nr_jited_line_info", c_uint32),
        ("line_info_rec_size", c_uint32),
        ("jited_line_info_rec_size", c_uint32),
        ("nr_prog_tags", c_uint32),
        ("prog_tags", c_uint64),
        ("run_time_ns", c_uint64),
        ("run_cnt", c_uint64),
        ("recursion_misses", c_uint64),
        ("verified_insns", c_uint32),
        ("attach_btf_obj_id", c_uint32),
        ("attach_btf_id", c_uint32),
        ("pad", c_uint32),
    )


@dataclass(frozen=True, slots=True)
class MapInfo:
    """What the kernel knows of a map; ``type`` is a name of :data:`MAP_TYPES`, sizes are bytes."""

    id: int
    type: str
    key_size: int
    value_size: int
    max_entries: int


@dataclass(frozen=True, slots=True)
class ProgramInfo:
    """What the kernel knows of a loaded program.

    ``xlated_insns`` counts instructions after the verifier's rewriting, ``jited_bytes`` machine code (0 without JIT),
    ``verified_insns`` what the verifier processed (``None`` before kernel 5.16), ``run_time_ns`` and ``run_cnt`` what
    was counted while statistics were on.
    """

    id: int
    type: str
    xlated_insns: int
    jited_bytes: int
    verified_insns: int | None
    run_time_ns: int
    run_cnt: int


@dataclass(frozen=True, slots=True)
class PacketRun:
    """What a program gave for one frame: its return value, and the frame afterwards."""

    retval: int
    data: bytes


def call(command: int, attr: Structure) -> int:
    """``bpf(command, attr, sizeof(attr))``; ``OSError`` where it fails."""
    result: int = _LIBC.syscall(_SYSCALL, c_int(command), ctypes.byref(attr), c_uint32(ctypes.sizeof(attr)))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _address(buffer: ctypes.Array[c_char] | None) -> int:
    return 0 if buffer is None else ctypes.addressof(buffer)


def map_info(fd: int) -> MapInfo:
    """Type and sizes of the map behind ``fd``."""
    info = _MapInfo()
    call(_OBJ_GET_INFO_BY_FD, _InfoAttr(fd, ctypes.sizeof(info), ctypes.addressof(info)))
    kind = MAP_TYPES[info.type] if info.type < len(MAP_TYPES) else str(info.type)
    return MapInfo(info.id, kind, info.key_size, info.value_size, info.max_entries)


def program_info(fd: int) -> ProgramInfo:
    """Sizes and counters of the program behind ``fd``."""
    info = _ProgramInfo()
    attr = _InfoAttr(fd, ctypes.sizeof(info), ctypes.addressof(info))
    call(_OBJ_GET_INFO_BY_FD, attr)
    known = attr.info_len >= _ProgramInfo.verified_insns.offset + 4
    return ProgramInfo(
        id=info.id,
        type=PROGRAM_TYPES[info.type] if info.type < len(PROGRAM_TYPES) else str(info.type),
        xlated_insns=info.xlated_prog_len // 8,
        jited_bytes=info.jited_prog_len,
        verified_insns=info.verified_insns if known else None,
        run_time_ns=info.run_time_ns,
        run_cnt=info.run_cnt,
    )


def enable_stats() -> int:
    """A file descriptor that keeps run-time statistics on while it is open (kernel 5.8 and later)."""
    return call(_ENABLE_STATS, _StatsAttr(0))


def lookup(fd: int, key: bytes, value_bytes: int) -> bytes | None:
    """The value under ``key``, or ``None`` when it is not there."""
    key_buffer = ctypes.create_string_buffer(key, len(key))
    value = ctypes.create_string_buffer(value_bytes)
    try:
        call(_MAP_LOOKUP_ELEM, _ElementAttr(fd, 0, _address(key_buffer), _address(value), 0))
    except OSError as problem:
        if problem.errno == errno.ENOENT:
            return None
        raise
    return value.raw


def take(fd: int, value_bytes: int) -> bytes | None:
    """The next value of a queue or stack, which is removed; ``None`` when it is empty."""
    value = ctypes.create_string_buffer(value_bytes)
    try:
        call(_MAP_LOOKUP_AND_DELETE_ELEM, _ElementAttr(fd, 0, 0, _address(value), 0))
    except OSError as problem:
        if problem.errno == errno.ENOENT:
            return None
        raise
    return value.raw


def update(fd: int, key: bytes, value: bytes) -> None:
    """Set ``key`` to ``value``, whether it was there or not; an empty key adds to a queue or stack."""
    key_buffer = ctypes.create_string_buffer(key, len(key)) if key else None
    value_buffer = ctypes.create_string_buffer(value, len(value))
    call(_MAP_UPDATE_ELEM, _ElementAttr(fd, 0, _address(key_buffer), _address(value_buffer), 0))


def delete(fd: int, key: bytes) -> bool:
    """Remove ``key``; ``False`` when it was not there."""
    key_buffer = ctypes.create_string_buffer(key, len(key))
    try:
        call(_MAP_DELETE_ELEM, _ElementAttr(fd, 0, _address(key_buffer), 0, 0))
    except OSError as problem:
        if problem.errno == errno.ENOENT:
            return False
        raise
    return True


def next_key(fd: int, key: bytes | None, key_size: int) -> bytes | None:
    """The key after ``key`` (the first for ``None``), or ``None`` at the end."""
    key_buffer = None if key is None else ctypes.create_string_buffer(key, key_size)
    following = ctypes.create_string_buffer(key_size)
    try:
        call(_MAP_GET_NEXT_KEY, _ElementAttr(fd, 0, _address(key_buffer), _address(following), 0))
    except OSError as problem:
        if problem.errno == errno.ENOENT:
            return None
        raise
    return following.raw


@dataclass(frozen=True, slots=True)
class Batch:
    """Room for ``count`` entries, and the kernel's cursor: ``at`` is where to go on (``None``: at the beginning)."""

    count: int
    keys: ctypes.Array[c_char]
    values: ctypes.Array[c_char]
    following: ctypes.Array[c_char]
    at: ctypes.Array[c_char] | None


def lookup_batch(fd: int, batch: Batch) -> tuple[int, bool]:
    """Read entries into ``batch``; gives how many came and whether that was the end.

    ``OSError`` with ``ENOSPC`` when one bucket holds more than fit in, ``EINVAL`` (or the kernel's own 524,
    ``ENOTSUPP``) where the map's kind has no batch operations.
    """
    cursors = (_address(batch.at), _address(batch.following))
    attr = _BatchAttr(*cursors, _address(batch.keys), _address(batch.values), batch.count, fd, 0, 0)
    try:
        call(_MAP_LOOKUP_BATCH, attr)
    except OSError as problem:
        if problem.errno != errno.ENOENT:
            raise
        return attr.count, True
    return attr.count, False


def delete_batch(fd: int, keys: ctypes.Array[c_char], count: int) -> int:
    """Remove the first ``count`` keys; gives how many went. Stops with ``OSError`` at the first that is not there."""
    attr = _BatchAttr(0, 0, _address(keys), 0, count, fd, 0, 0)
    call(_MAP_DELETE_BATCH, attr)
    return int(attr.count)


def attach_xdp(fd: int, ifindex: int) -> int:
    """A link that holds an XDP program on a device of this thread's network (kernel 5.9 and later).

    The program runs in the kernel's own receive path, whatever the device's driver can do.
    """
    return call(_LINK_CREATE, _LinkAttr(fd, ifindex, _ATTACH_XDP, _XDP_SKB_MODE))


def run_packet(fd: int, data: bytes, *, repeat: int = 1, room: int = 512) -> PacketRun:
    """Run the program behind ``fd`` on the frame ``data`` (``BPF_PROG_TEST_RUN``), ``repeat`` times.

    ``room`` is how many bytes the frame may grow.
    """
    frame = ctypes.create_string_buffer(data, len(data))
    out = ctypes.create_string_buffer(len(data) + room)
    attr = _TestAttr(prog_fd=fd, data_size_in=len(data), data_size_out=len(out), repeat=repeat)
    attr.data_in, attr.data_out = _address(frame), _address(out)
    call(_PROG_TEST_RUN, attr)
    return PacketRun(c_int32(attr.retval).value, out.raw[: attr.data_size_out])
