# SPDX-License-Identifier: Apache-2.0
"""What programs send while they run: ring buffers, perf buffers and ``bpf_printk`` lines."""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from ctypes import c_int, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path

from harness.agent.errors import AgentError
from harness.agent.libbpf import SAMPLE, Libbpf, pointer_error
from harness.agent.load import LoadedSide
from harness.agent.maps import BpfMap

_PERF_SAMPLE = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_void_p, c_uint32)
_PERF_LOST = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_uint64)
_PERF_PAGES = 64
_POLL_MS = 10
_PAUSE_S = 0.001
_INSTANCES = "/sys/kernel/tracing/instances"
_TRACE_PIPES = ("/sys/kernel/tracing/trace_pipe", "/sys/kernel/debug/tracing/trace_pipe")


class Streams:
    """What was received, by side and stream (``ring:NAME``, ``perf:NAME``, ``trace``), and what was lost.

    ``bpf_printk`` writes into one buffer for all programs: with several sides its lines stand under the side ``*``.
    """

    def __init__(self) -> None:
        self.records: dict[str, dict[str, list[bytes]]] = {}
        self.lost: dict[str, dict[str, int]] = {}
        self.drains: list[Callable[[], None]] = []
        self.wakes: list[int] = []  # descriptors that become readable when there is something to drain
        self._lock = threading.Lock()

    def open(self, side: str, stream: str) -> list[bytes]:
        """The list that records of ``stream`` are added to."""
        return self.records.setdefault(side, {}).setdefault(stream, [])

    def lose(self, side: str, stream: str, count: int) -> None:
        """Note that ``count`` records did not fit."""
        losses = self.lost.setdefault(side, {})
        losses[stream] = losses.get(stream, 0) + count

    def drain(self) -> None:
        """Take everything that was sent until now."""
        with self._lock:
            for drain in self.drains:
                drain()

    def forget(self) -> None:
        """Drop what was sent until now."""
        self.drain()
        with self._lock:
            for streams in self.records.values():
                for records in streams.values():
                    records.clear()
            self.lost.clear()


@contextmanager
def collect(library: Libbpf, sides: Sequence[LoadedSide]) -> Iterator[Streams]:
    """Collect what ``sides`` send, in a thread of its own, until the end of the block; then drain once more."""
    streams = Streams()
    with ExitStack() as release:
        for side in sides:
            for each in side.maps.values():
                if each.info.type == "ringbuf":
                    streams.drains.append(_ring(library, streams, side.name, each, release))
                elif each.info.type == "perf_event_array":
                    streams.drains.append(_perf(library, streams, side.name, each, release))
        if any(program.prints() for side in sides for program in side.programs.values()):
            owner = sides[0].name if len(sides) == 1 else "*"
            streams.drains.extend(_trace(streams.open(owner, "trace"), release))
        if not streams.drains:
            yield streams
            return
        stop = threading.Event()
        thread = threading.Thread(target=_run, args=(streams, stop), name="streams", daemon=True)
        thread.start()
        try:
            yield streams
        finally:
            stop.set()
            thread.join()
            streams.drain()


def write_records(path: Path, records: list[bytes]) -> None:
    """Each record after its length in four bytes, little endian."""
    with path.open("wb") as out:
        for record in records:
            out.write(struct.pack("<I", len(record)) + record)


def _run(streams: Streams, stop: threading.Event) -> None:
    """Drain whenever something came: a full ring buffer loses what is sent next.

    The thread shares its CPU with the drivers, so it comes first whenever it wakes, and then lets them be for a moment:
    woken for each single record, it would slow them down.
    """
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    waiting = select.poll()
    for fd in streams.wakes:
        waiting.register(fd, select.POLLIN)
    while not stop.is_set():
        waiting.poll(_POLL_MS)
        streams.drain()
        time.sleep(_PAUSE_S)


def _ring(library: Libbpf, streams: Streams, side: str, source: BpfMap, release: ExitStack) -> Callable[[], None]:
    records = streams.open(side, f"ring:{source.name}")

    def sample(_context: int, data: int, size: int) -> int:
        records.append(ctypes.string_at(data, size))
        return 0

    callback = SAMPLE(sample)
    pointer = library.call("ring_buffer__new", c_int(source.fd), callback, None, None)
    if code := pointer_error(pointer):
        raise AgentError("open ring buffer", f"{source.name}: {os.strerror(code)}", side=side)
    release.callback(library.call, "ring_buffer__free", c_void_p(pointer))
    streams.wakes.append(source.fd)

    def drain(_keep: object = callback) -> None:
        library.call("ring_buffer__consume", c_void_p(pointer))

    return drain


def _perf(library: Libbpf, streams: Streams, side: str, source: BpfMap, release: ExitStack) -> Callable[[], None]:
    stream = f"perf:{source.name}"
    records = streams.open(side, stream)

    def sample(_context: int, _cpu: int, data: int, size: int) -> None:
        records.append(ctypes.string_at(data, size))

    def lost(_context: int, _cpu: int, count: int) -> None:
        streams.lose(side, stream, count)

    callbacks = (_PERF_SAMPLE(sample), _PERF_LOST(lost))
    if not library.has("libbpf_major_version") or library.call("libbpf_major_version") < 1:
        raise AgentError("open perf buffer", f"{source.name}: libbpf 1.0 or later is needed", side=side)
    pointer = library.call("perf_buffer__new", c_int(source.fd), c_size_t(_PERF_PAGES), *callbacks, None, None)
    if code := pointer_error(pointer):
        raise AgentError("open perf buffer", f"{source.name}: {os.strerror(code)}", side=side)
    release.callback(library.call, "perf_buffer__free", c_void_p(pointer))

    def drain(_keep: object = callbacks) -> None:
        library.call("perf_buffer__consume", c_void_p(pointer))

    return drain


def _own_pipe(release: ExitStack) -> list[str]:
    """The pipe of a trace instance of our own, which nobody else reads empty; nothing where there cannot be one.

    ``bpf_printk`` is a trace event of its own since kernel 5.9 (ac5a72ea5c89), so an instance can take it as well.
    """
    folder = Path(_INSTANCES) / f"honey-agent-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError:
        return []
    release.callback(_remove, folder)
    try:
        (folder / "events/bpf_trace/bpf_trace_printk/enable").write_text("1", encoding="ascii")
    except OSError:
        return []
    return [str(folder / "trace_pipe")]


def _remove(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _trace(lines: list[bytes], release: ExitStack) -> list[Callable[[], None]]:
    for path in (*_own_pipe(release), *_TRACE_PIPES):
        with suppress(OSError):
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            break
    else:
        return []
    release.callback(os.close, fd)
    rest = bytearray()

    def drain() -> None:
        with suppress(BlockingIOError):
            while chunk := os.read(fd, 1 << 16):
                rest.extend(chunk)
        *whole, tail = bytes(rest).split(b"\n")
        lines.extend(line for line in whole if line)
        rest[:] = tail

    return [drain]
