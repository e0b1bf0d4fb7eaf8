# SPDX-License-Identifier: Apache-2.0
"""What a workload did, event by event: the one document that oracle, simulator and report share."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

_U64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Event:
    """One hook firing, or ``count`` identical ones in a row (then ``ret`` and ``moved`` are those of each).

    A system call that was made and returned is one event, that of its entry, with ``ret``; :func:`with_exits` gives
    the exits as well.

    ``hook`` is what libbpf's section name says without the program kind, e.g. ``syscalls/sys_enter_sendto``,
    ``raw_syscalls/sys_enter``, ``sched/sched_switch``, or ``xdp``/``tc``/``socket`` for packets.
    ``args`` are the hook's own numbers: the six syscall arguments of an enter event as unsigned 64-bit values,
    ``(ret,)`` (as unsigned 64-bit) for an exit event, the tracepoint's fields in order for others.
    ``memory`` lists the user memory that was readable at the time as ``(address, bytes)``; whatever is not listed
    must be taken as faulting. ``fields`` holds named fields of other tracepoints. ``packet`` is the frame.
    ``ret`` is what the system call returned (negative errno on failure), ``moved`` the bytes that really moved,
    ``note`` says in words which step of the workload this was.
    """

    seq: int
    hook: str
    pid: int = 0
    tid: int = 0
    args: tuple[int, ...] = ()
    memory: tuple[tuple[int, bytes], ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    packet: bytes | None = None
    ret: int | None = None
    moved: int | None = None
    count: int = 1
    actor: str = ""
    comm: str = ""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The event as a JSON-ready dictionary; defaults are left out, bytes are hex."""
        out: dict[str, Any] = {"seq": self.seq, "hook": self.hook}
        for name in ("pid", "tid", "ret", "moved", "actor", "comm", "note"):
            value = getattr(self, name)
            if value not in (0, None, "") or (name in {"ret", "moved"} and value == 0):
                out[name] = value
        if self.args:
            out["args"] = list(self.args)
        if self.memory:
            out["memory"] = [[address, data.hex()] for address, data in self.memory]
        if self.fields:
            out["fields"] = self.fields
        if self.packet is not None:
            out["packet"] = self.packet.hex()
        if self.count != 1:
            out["count"] = self.count
        return out

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Event:
        """Inverse of :meth:`to_json`."""
        values = dict(document)
        values["args"] = tuple(values.get("args", ()))
        values["memory"] = tuple((address, bytes.fromhex(data)) for address, data in values.get("memory", ()))
        if "packet" in values:
            values["packet"] = bytes.fromhex(values["packet"])
        return cls(**values)


def with_exits(events: Iterable[Event]) -> Iterator[Event]:
    """``events`` one by one, each entry of a system call that returned followed by its exit (``sys_exit_*``).

    Repetitions are unrolled, because an exit belongs to the entry right before it. Numbers start anew. At an exit,
    memory is as the kernel left it, as far as the field ``after`` tells.
    """
    number = 0
    for event in events:
        steps = [replace(event, count=1)]
        if event.ret is not None and "sys_enter" in event.hook:
            hook = event.hook.replace("sys_enter", "sys_exit", 1)
            after = [(at, bytes.fromhex(data)) for at, data in event.fields.get("after", ())]
            memory = patched(event.memory, after)
            steps.append(replace(event, hook=hook, args=(event.ret & _U64,), memory=memory, count=1))
        for _ in range(event.count):
            for step in steps:
                yield replace(step, seq=number)
                number += 1


def patched(memory: Sequence[tuple[int, bytes]], writes: Sequence[tuple[int, bytes]]) -> tuple[tuple[int, bytes], ...]:
    """``memory`` after ``writes``, each as pieces of ``(address, bytes)``."""
    if not writes:
        return tuple(memory)
    pieces = []
    for start, data in memory:
        raw = bytearray(data)
        for at, written in writes:
            first, end = max(at, start), min(at + len(written), start + len(raw))
            if first < end:
                raw[first - start : end - start] = written[first - at : end - at]
        pieces.append((start, bytes(raw)))
    return (*pieces, *writes)


def write_events(path: Path, events: Iterable[Event]) -> int:
    """Write ``events`` to ``path`` as gzipped JSON lines; gives their number (repeats counted once)."""
    number = 0
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as stream:
        for event in events:
            stream.write(json.dumps(event.to_json(), separators=(",", ":")) + "\n")
            number += 1
    return number


def read_events(path: Path) -> Iterator[Event]:
    """The events of a file written by :func:`write_events`, in order."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield Event.from_json(json.loads(line))
