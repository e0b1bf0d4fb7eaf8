#!/usr/bin/python3 -S
# SPDX-License-Identifier: Apache-2.0
"""The guest's first process: mounts, loads modules, imports what is slow to import, then waits for a job.

It waits on the second serial port; a snapshot taken while it waits starts again from there. The job is unpacked and
run in a child, which so has everything imported already. Runs in the guest only; see ``harness.targets.vm``.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import io
import json
import mmap
import os
import platform
import select
import signal
import socket
import struct
import sys
import tarfile
import time
import tty
import zlib
from contextlib import suppress

sys.path[:0] = ["/usr/lib/honey"]
import frames  # type: ignore[import-not-found]  # noqa: E402 (lies in the guest's own folder, added above)

LIBC = ctypes.CDLL(None, use_errno=True)
PORT = "/dev/ttyS1"
MOUNTS = (
    ("proc", "/proc", "proc"),
    ("sysfs", "/sys", "sysfs"),
    ("devtmpfs", "/dev", "devtmpfs"),
    ("tmpfs", "/dev/shm", "tmpfs"),
    ("devpts", "/dev/pts", "devpts"),
    ("tmpfs", "/run", "tmpfs"),
    ("tmpfs", "/tmp", "tmpfs"),
    ("bpf", "/sys/fs/bpf", "bpf"),
    ("debugfs", "/sys/kernel/debug", "debugfs"),
    ("tracefs", "/sys/kernel/tracing", "tracefs"),
    ("cgroup2", "/sys/fs/cgroup", "cgroup2"),
)
FINIT_MODULE = {"x86_64": 313, "aarch64": 273}
JOB_FOLDER, OUT_FOLDER = "/tmp/job", "/tmp/out"


def main() -> None:
    """Never returns: powers off at the end, whatever happened."""
    try:
        make_ready()
        serve()
    except BaseException as problem:  # noqa: BLE001 (the first process must not end: that would be a kernel panic)
        import traceback

        traceback.print_exception(problem)
    finally:
        sys.stdout.flush()
        LIBC.sync()
        LIBC.reboot(0x4321FEDC)  # LINUX_REBOOT_CMD_POWER_OFF


def make_ready() -> None:
    """Everything up to the point where a snapshot is worth taking."""
    os.environ |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
    for source, folder, kind in MOUNTS:
        with suppress(OSError):
            os.makedirs(folder, exist_ok=True)
        LIBC.mount(source.encode(), folder.encode(), kind.encode(), 0, None)
    with open("/usr/lib/honey/image.json", encoding="utf-8") as stream:
        image = json.load(stream)
    sys.path += [folder for folder in image["python_path"] if folder not in sys.path]
    if os.path.isdir(image["modules"]):
        for name in sorted(os.listdir(image["modules"])):
            load_module(os.path.join(image["modules"], name))
    loopback_up()
    for name in image["preload"]:
        with suppress(ImportError, OSError):
            importlib.import_module(name)
    wipe_free_memory()


def load_module(path: str) -> None:
    """Insert a kernel module; those that are built in or do not fit are none of our business here."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return
    LIBC.syscall(FINIT_MODULE.get(platform.machine(), 273), fd, b"", 0)
    os.close(fd)


def loopback_up() -> None:
    """``ip link set lo up`` (ioctl ``SIOCSIFFLAGS`` with ``IFF_UP``)."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, 0x8914, struct.pack("16sH14x", b"lo", 1))


def wipe_free_memory() -> None:
    """Fill free memory with zeros, so that the snapshot's file has holes there instead of the unpacked initramfs."""
    with suppress(OSError, ValueError):
        with open("/proc/meminfo", encoding="ascii") as stream:
            fields = dict(line.split(":", 1) for line in stream)
        spare = int(fields["MemFree"].split()[0]) * 1024 * 9 // 10
        with mmap.mmap(-1, spare, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x8000):  # MAP_POPULATE
            pass


def serve() -> None:
    """Say that we are ready, take jobs and run them until the line is closed."""
    port = os.open(PORT, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    window = shared_window()
    about = {"release": platform.release(), "python": platform.python_version(), "window": len(window) if window else 0}
    write(port, frames.pack(frames.READY, json.dumps(about).encode()))

    def receive(length: int) -> bytes:
        return os.read(port, min(length, 1 << 16))

    while True:
        kind, payload = frames.read(receive)
        if kind == frames.JOB:
            unpack(zlib.decompress(payload))
        elif kind == frames.JOB_HERE and window is not None:
            length, _ = frames.WHERE.unpack(payload)
            unpack(window[:length])
        elif kind == frames.GO:
            set_clock(json.loads(payload))
            status = struct.pack(">i", run(port))
            write(port, results(status, window))


def shared_window() -> mmap.mmap | None:
    """The memory shared with the host, where the kernel lets us map it (``honey.window=START+SIZE``)."""
    with suppress(OSError, ValueError):
        with open("/proc/cmdline", encoding="ascii") as stream:
            words = dict(word.split("=", 1) for word in stream.read().split() if "=" in word)
        start, size = (int(number, 16) for number in words.get("honey.window", "").split("+"))
        fd = os.open("/dev/mem", os.O_RDWR | os.O_CLOEXEC)
        try:
            window = mmap.mmap(fd, size, offset=start)
        finally:
            os.close(fd)
        window[:1]  # a first look, to see that it is there
        return window
    return None


def results(status: bytes, window: mmap.mmap | None) -> bytes:
    """The frame that brings the results, or tells that they lie in the window."""
    data = packed(OUT_FOLDER)
    if window is None or len(data) > len(window):
        kind, payload = frames.DONE, zlib.compress(data, 1)
    else:
        window[: len(data)] = data
        kind, payload = frames.DONE_HERE, frames.WHERE.pack(len(data), zlib.crc32(data))
    frame: bytes = frames.pack(kind, status + payload)
    return frame


def write(port: int, data: bytes) -> None:
    """Write all of ``data``; a serial line takes a little at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(port, view[:65536]) :]


def unpack(archived: bytes) -> None:
    """The job's folder, from its tar archive."""
    with tarfile.open(fileobj=io.BytesIO(archived)) as archive:
        archive.extractall(JOB_FOLDER)


def packed(folder: str) -> bytes:
    """The results as a tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        if os.path.isdir(folder):
            archive.add(folder, arcname=".")
    return out.getvalue()


def set_clock(order: dict[str, float]) -> None:
    """A guest from a snapshot believes that it is still the time at which that was taken."""
    with suppress(OSError):
        time.clock_settime(time.CLOCK_REALTIME, order["time"])


def run(port: int) -> int:
    """Run the agent in a child, pass its words on; gives its exit status (negative for a signal)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(port)
        os.dup2(writing, 2)
        os.dup2(writing, 1)
        status = 70
        try:
            status = run_agent()
        except BaseException as problem:  # noqa: BLE001 (the child must end in os._exit)
            import traceback

            traceback.print_exception(problem)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    os.close(writing)
    watch = os.pidfd_open(child)
    forward(reading, watch, port)
    os.close(reading)
    os.close(watch)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def forward(reading: int, watch: int, port: int) -> None:
    """Send the child's lines as they come; when it has ended, nothing else of its making runs on."""
    rest = b""
    open_ends = [reading, watch]
    while True:
        ready = select.select(open_ends, [], [])[0]
        if watch in ready:
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)  # all but the first process, which is this one
            open_ends = [reading]
        if reading not in ready:
            continue
        chunk = os.read(reading, 1 << 16)
        if not chunk:
            break
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            write(port, frames.pack(frames.STEP, line))
    if rest:
        write(port, frames.pack(frames.STEP, rest))


def run_agent() -> int:
    """The agent, in this process, with the job's code first on the path."""
    sys.path.insert(0, JOB_FOLDER)
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    importlib.invalidate_caches()
    from pathlib import Path

    from harness.agent.run import run_job

    return run_job(Path(JOB_FOLDER), Path(OUT_FOLDER))


if __name__ == "__main__":
    main()
