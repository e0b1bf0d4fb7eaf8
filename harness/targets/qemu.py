# SPDX-License-Identifier: Apache-2.0
"""One QEMU process: how it is called, and its three lines to us (console, frames, monitor)."""

from __future__ import annotations

import functools
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from harness.targets.base import TargetError
from harness.targets.guest import frames
from harness.targets.process import dying_with_us
from harness.targets.qmp import Qmp, QmpError
from harness.targets.temporary import temporary_folder
from harness.targets.window import SIZE_MB, Window, command_line

#: ``nokaslr`` and a fixed TSC keep guests alike; mitigations cost a guest without neighbours time and nothing else.
_COMMAND_LINE = (
    "console=ttyS0 quiet rdinit=/init panic=-1 nokaslr mitigations=off tsc=reliable no_timer_check "
    "random.trust_cpu=on audit=0 net.ifnames=0"
)
#: Without fast string instructions the kernel copies and clears with loops, which TCG runs three times as fast.
_EMULATED_CPU = "max,-erms,-fsrm"
_BINARY = "qemu-system-x86_64"


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine before it starts. ``icount`` makes guest time a count of instructions (TCG, one CPU)."""

    kernel: Path
    initrd: Path
    accelerator: str = "tcg"
    memory_mb: int = 1024
    icount: bool = False

    def describe(self) -> str:
        """What a snapshot depends on besides kernel and initramfs."""
        return f"{self.accelerator} {_EMULATED_CPU} {self.memory_mb} {self.icount} {_COMMAND_LINE} {command_line(0)}"


class Qemu:
    """A running QEMU.

    ``memory`` is what lies behind the guest's memory: a file descriptor for a guest that boots and writes to it, or the
    path of a snapshot's file for one that waits to be given the rest of that snapshot, and that writes to a copy.
    """

    def __init__(self, machine: Machine, memory: int | Path) -> None:
        self._folder = temporary_folder("vm")
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._qmp: Qmp | None = None
        self.window = Window()
        try:
            self._start(machine, memory)
        except BaseException:
            self.close()
            raise

    @property
    def monitor(self) -> Qmp:
        """QEMU's monitor."""
        if self._qmp is None:
            raise TargetError("start qemu", "QEMU is not running")
        return self._qmp

    def console(self) -> str:
        """What the guest's console and QEMU itself said so far."""
        out = ""
        for name in ("console", "errors"):
            path = self._folder / name
            if path.exists():
                out += path.read_text(encoding="utf-8", errors="replace")
        return out

    def send(self, kind: bytes, payload: bytes, *, step: str, limit_s: float) -> None:
        """Send a frame to the guest."""
        line = self._open_line(step)
        line.settimeout(limit_s)
        try:
            line.sendall(frames.pack(kind, payload))
        except OSError as problem:
            raise self.lost(step, f"the guest does not take data ({problem})") from problem

    def receive(self, *, step: str, deadline: float) -> tuple[bytes, bytes]:
        """The guest's next frame; :class:`TargetError` when it is lost or says nothing until ``deadline``."""
        line = self._open_line(step)

        def take(length: int) -> bytes:
            line.settimeout(max(0.001, deadline - time.monotonic()))
            return line.recv(min(length, 1 << 20))

        try:
            return frames.read(take)
        except TimeoutError as problem:
            raise self.lost(step, "the guest says nothing, the time limit is over") from problem
        except (EOFError, OSError) as problem:
            raise self.lost(step, f"the guest is gone ({self._ending()})") from problem
        except frames.BrokenFrame as problem:
            raise self.lost(step, str(problem)) from problem

    def ended(self) -> bool:
        """Whether QEMU no longer runs."""
        return self._process is None or self._process.poll() is not None

    def lost(self, step: str, message: str) -> TargetError:
        """The error to raise, with the console's last lines."""
        return TargetError(step, message, console=self.console())

    def close(self) -> None:
        """Kill QEMU and remove its folder; also when it never came up, and also twice."""
        try:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            if self._line is not None:
                self._line.close()
            if self._qmp is not None:
                self._qmp.close()
            self.window.close()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, machine: Machine, memory: int | Path) -> None:
        line, line_there = socket.socketpair()
        monitor, monitor_there = socket.socketpair()
        self._line = line
        descriptors = (line_there.fileno(), monitor_there.fileno())
        lines = (*descriptors, self.window.fd)
        command = _command(machine, memory, self._folder / "console", lines)
        inherited = (*lines, memory) if isinstance(memory, int) else lines
        with line_there, monitor_there, (self._folder / "errors").open("wb") as errors:
            self._process = subprocess.Popen(
                dying_with_us(command), pass_fds=inherited, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
            )
        try:
            self._qmp = Qmp(monitor)
        except QmpError as problem:
            monitor.close()
            raise self.lost("start qemu", str(problem)) from problem

    def _open_line(self, step: str) -> socket.socket:
        if self._line is None:
            raise TargetError(step, "the guest is not running")
        return self._line

    def _ending(self) -> str:
        if self._process is None:
            return "it never ran"
        try:
            status = self._process.wait(2)
        except subprocess.TimeoutExpired:
            return "QEMU still runs"
        return f"QEMU ended by signal {-status}" if status < 0 else f"QEMU ended with status {status}"


@functools.cache
def qemu_version() -> str:
    """The first line of ``qemu-system-x86_64 --version``; :class:`TargetError` where it is not installed."""
    if shutil.which(_BINARY) is None:
        raise TargetError("start", f"{_BINARY} is not installed", hint="install the package qemu-system-x86")
    done = subprocess.run([_BINARY, "--version"], capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.splitlines()[0]


def _command(machine: Machine, memory: int | Path, console: Path, descriptors: tuple[int, int, int]) -> list[str]:
    line, monitor, window = descriptors
    cpu = _EMULATED_CPU if machine.accelerator == "tcg" else "host"
    booting = isinstance(memory, int)
    where = f"mem-path=/dev/fd/{memory},share=on" if booting else f"mem-path={memory},share=off"
    file = "memory-backend-file"
    command = [
        *(_BINARY, "-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-machine", "pc"),
        *("-accel", machine.accelerator, "-cpu", cpu, "-smp", "1"),
        *("-m", str(machine.memory_mb + SIZE_MB)),
        *("-object", f"{file},id=ram,size={machine.memory_mb}M,{where}", "-numa", "node,memdev=ram,cpus=0"),
        *("-object", f"{file},id=window,size={SIZE_MB}M,mem-path=/dev/fd/{window},share=on"),
        *("-numa", "node,memdev=window"),
        *("-kernel", str(machine.kernel), "-initrd", str(machine.initrd)),
        *("-append", f"{_COMMAND_LINE} {command_line(machine.memory_mb)}"),
        *("-chardev", f"file,id=console,path={console}", "-serial", "chardev:console"),
        *("-chardev", f"socket,id=line,fd={line}", "-serial", "chardev:line"),
        *("-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control"),
    ]
    if machine.icount:
        command += ["-icount", "shift=0,sleep=off"]
    if not booting:
        command += ["-incoming", "defer"]
    return command


def host_cpu() -> str:
    """What a guest with this machine's own CPU depends on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines[:40] if line.startswith(("model", "flags", "microcode", "stepping")))
