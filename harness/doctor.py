# SPDX-License-Identifier: Apache-2.0
"""``harness doctor``: what this machine can and cannot do, how to mend it, and what killed runs left behind."""

from __future__ import annotations

import argparse
import ctypes.util
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.agent.perf import NoCounters, open_counters
from harness.cache import cache_folder
from harness.errors import HarnessError
from harness.kernels import offers
from harness.targets.accelerator import kvm_device, kvm_verdict, remembered_verdict
from harness.targets.image import busybox
from harness.targets.leftovers import clean, leftovers
from harness.targets.qemu import qemu_version

#: Snapshots and images of guests for a few kernels.
_ROOM_WANTED_MB = 3000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    ``needed_for`` names the targets that do not work without it, or nothing where it only makes things better; ``mend``
    says what to do where it is not ``ok``.
    """

    name: str
    ok: bool
    detail: str
    needed_for: tuple[str, ...] = ()
    mend: str = ""


ALL, VM, LOCAL = ("vm", "local"), ("vm",), ("local",)


def examine() -> list[Check]:
    """Look at everything; takes no root, changes nothing, and boots nothing."""
    return [check() for check in _CHECKS]


def usable(checks: list[Check], target: str) -> bool:
    """Whether ``target`` will work, as far as the checks can tell."""
    return all(check.ok for check in checks if target in check.needed_for)


def _python() -> Check:
    ok = sys.version_info >= (3, 10)
    return Check("python", ok, platform.python_version(), ALL, "" if ok else "install Python 3.10 or later")


def _clang() -> Check:
    line = _first_line("clang", "--version")
    return Check("clang", bool(line), line or "not installed", ALL, "install the package clang")


def _libbpf() -> Check:
    name = ctypes.util.find_library("bpf")
    return Check("libbpf", name is not None, name or "not installed", ALL, "install the package libbpf1 (or libbpf0)")


def _bcc() -> Check:
    found = importlib.util.find_spec("bcc") is not None and importlib.util.find_spec("bcc.libbcc") is not None
    detail = "installed" if found else "not installed: attaching and reading maps go through libbpf and bpf(2) alone"
    return Check("bcc", found, detail, (), "install the package python3-bpfcc")


def _scapy() -> Check:
    found = importlib.util.find_spec("scapy") is not None
    return Check("scapy", found, "installed" if found else "not installed", ALL, "run make setup")


def _qemu() -> Check:
    try:
        return Check("qemu", True, qemu_version(), VM)
    except HarnessError as problem:
        return Check("qemu", False, "not installed", VM, problem.hint)


def _busybox() -> Check:
    found = busybox()
    return Check("busybox", found is not None, found or "not installed", (), "install the package busybox-static")


def _kvm() -> Check:
    slower = "guests run under TCG instead, which is slower but gives the same results"
    reason = kvm_device()
    verdict = reason or (remembered_verdict() if shutil.which("qemu-system-x86_64") else None)
    if verdict is None:
        kernel = next((offer for offer in offers() if offer.cached), None)
        return Check("kvm", True, "/dev/kvm opens; whether guests run is tried " + ("next time" if kernel else "later"))
    if verdict == "":
        return Check("kvm", True, "a guest was seen to boot")
    return Check("kvm", False, f"{verdict}; {slower}", (), "usable KVM needs a host that offers it, and /dev/kvm")


def _kernels() -> Check:
    here = [f"{offer.name} ({offer.cached})" for offer in offers() if offer.cached]
    detail = ", ".join(here) or "none fetched yet; the first run fetches one"
    return Check("kernels", True, detail)


def _cache() -> Check:
    folder = cache_folder("snapshots").parent
    free = shutil.disk_usage(folder).free >> 20
    ok = free > _ROOM_WANTED_MB
    return Check("cache", ok, f"{free} MB free for it", (), f"make {_ROOM_WANTED_MB} MB of room in the cache folder")


def _root() -> Check:
    ok = os.geteuid() == 0
    return Check("root", ok, "yes" if ok else "no", LOCAL, "use the target vm, or run as root")


def _btf() -> Check:
    ok = Path("/sys/kernel/btf/vmlinux").exists()
    return Check(
        "BTF", ok, platform.release(), LOCAL, "use the target vm: this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)"
    )


def _file_system(name: str, kind: str) -> Callable[[], Check]:
    def check() -> Check:
        known = Path("/proc/filesystems").read_text(encoding="ascii").split()
        ok = kind in known
        return Check(name, ok, "the kernel has it" if ok else "not in this kernel", LOCAL, "use the target vm")

    return check


def _perf() -> Check:
    """Hardware counters, as perf_event_open(2) gives them, of this process."""
    try:
        with ExitStack() as release:
            open_counters(release, pid=0, cpu=-1, enabled=False)
    except NoCounters as reason:
        detail = f"{reason}; costs are told by time and counts"
        return Check("perf counters", False, detail, (), "needs a host that has them")
    return Check("perf counters", True, "hardware counters work")


def _leftovers() -> Check:
    found = leftovers()
    detail = "; ".join(each.what for each in found) or "nothing is attached, pinned, mounted or running"
    return Check("leftovers", not found, detail, (), "run harness doctor --clean")


_CHECKS: tuple[Callable[[], Check], ...] = (
    *(_python, _clang, _libbpf, _bcc, _scapy),
    *(_qemu, _busybox, _kvm, _kernels, _cache),
    *(_root, _btf, _file_system("tracefs", "tracefs"), _file_system("bpffs", "bpf"), _perf),
    _leftovers,
)


def _first_line(command: str, *arguments: str) -> str:
    try:
        done = subprocess.run([command, *arguments], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout.splitlines() or [""])[0].strip() if done.returncode == 0 else ""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``harness doctor`` takes."""
    parser.description = (
        "Looks at what the targets need and says how to mend what is missing. Exit status 0 if the virtual machine "
        "(the default target) will work and nothing was left behind by a killed run, else 1."
    )
    parser.add_argument("--clean", action="store_true", help="take away what killed runs left behind")
    parser.add_argument("--probe", action="store_true", help="boot a guest to find out whether KVM works, if not known")


def main(given: argparse.Namespace) -> int:
    """Show the checks; gives the exit status."""
    from harness.report.terminal import make_console

    console = make_console()
    if given.clean:
        for problem in clean(leftovers()):
            console.print(f"[red]not cleaned[/]  {problem}")
    if given.probe:
        from harness.kernels import DEFAULT, find_kernel

        kvm_verdict(find_kernel(DEFAULT, say=console.print).boot)
    checks = examine()
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = "[green]ok  [/]" if check.ok else ("[red]no  [/]" if check.needed_for else "[yellow]no  [/]")
        console.print(f"{mark}{check.name:{width}}  {check.detail}", soft_wrap=True)
        if not check.ok and check.mend:
            console.print(f"    {'':{width}}  [dim]→ {check.mend}[/]", soft_wrap=True)
    for target in ALL:
        console.print(f"target {target}: {'works here' if usable(checks, target) else 'does not work here'}")
    clean_here = all(check.ok for check in checks if check.name == "leftovers")
    return 0 if usable(checks, "vm") and clean_here else 1
