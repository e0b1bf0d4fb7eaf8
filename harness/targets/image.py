# SPDX-License-Identifier: Apache-2.0
"""The guest's initramfs: this machine's Python, libbpf, bcc and scapy, with our own first process; no root needed.

It is kept in the cache under a hash of what it is made of. The project's own agent is not in it: that comes with each
job, so that a changed agent needs no new image and no new snapshot.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import marshal
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from harness.cache import cache_folder
from harness.targets.base import TargetError
from harness.targets.cpio import CpioWriter

_GUEST = Path(__file__).parent / "guest"
_BUSYBOX = ("/bin/busybox", "/usr/bin/busybox")
_FOLDERS = "/usr/bin /usr/sbin /usr/lib /usr/lib64 /usr/lib32 /proc /sys /dev /tmp /run /root /etc /usr/lib/honey"
_LINKS = (("/bin", "usr/bin"), ("/sbin", "usr/sbin"), ("/lib", "usr/lib"), ("/lib64", "usr/lib64"))
_DEVICES = (("console", 5, 1), ("null", 1, 3), ("zero", 1, 5), ("urandom", 1, 9), ("ttyS0", 4, 64), ("ttyS1", 4, 65))
#: Parts of the standard library that no agent and no workload needs.
_LEFT_OUT = frozenset(
    (
        *("__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo"),
        *("lib2to3", "ensurepip", "pydoc_data", "distutils"),
    )
)
#: Libraries that are opened by name at run time, so that no list of dependencies shows them.
_OPENED_BY_NAME = ("libbpf.so.1", "libbpf.so.0", "libbcc.so.0", "librt.so.1", "libpthread.so.0", "libdl.so.2")
#: Imported before the guest waits for its job, and so part of the snapshot.
PRELOAD = (
    *("argparse", "ctypes", "dataclasses", "gzip", "json", "logging", "multiprocessing", "random", "re", "resource"),
    *("select", "signal", "socket", "struct", "subprocess", "tarfile", "tempfile", "threading", "typing", "uuid"),
    *("zlib", "bcc", "scapy.layers.l2", "scapy.layers.inet", "scapy.layers.inet6"),
)
_MODULES = "/usr/lib/modules"
_TOOLS = ("sh", "ip", "ls", "cat", "mount", "ps", "dmesg", "ping", "nc", "sleep", "true", "false")


@dataclass(frozen=True, slots=True)
class _Package:
    """A Python package outside the standard library: where it lies here, and where in the guest."""

    folder: Path
    goes_to: str
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Image:
    """A finished initramfs; ``key`` changes whenever its contents would."""

    path: Path
    key: str


def guest_image() -> Image:
    """The initramfs for any kernel, made unless it is in the cache; it knows how to load modules put in beside it."""
    key = _key()
    path = cache_folder("images") / f"{key}.cpio"
    with FileLock(f"{path}.lock"):
        if not path.is_file():
            part = path.with_suffix(".part")
            with part.open("wb") as stream, CpioWriter(stream) as archive:
                _Builder(archive).build()
            part.replace(path)
            _forget_others(path)
    os.utime(path)
    return Image(path, key)


def modules_archive(modules: Iterable[tuple[str, bytes]]) -> bytes:
    """Kernel modules (name, contents; in the order to load them) as an archive to append to an initramfs."""
    out = io.BytesIO()
    with CpioWriter(out) as archive:
        for number, (name, data) in enumerate(modules):
            archive.file(f"{_MODULES}/{number:02}-{name}", data)
    return out.getvalue()


def _forget_others(path: Path) -> None:
    """Keep the newest images only: this one, and the one before it, which another checkout may use."""
    others = sorted(path.parent.glob("*.cpio"), key=lambda each: each.stat().st_mtime)
    for old in others[:-2]:
        old.unlink(missing_ok=True)


class _Builder:
    """Fills one archive."""

    def __init__(self, archive: CpioWriter) -> None:
        self._archive = archive
        self._libraries: set[str] = set()

    def build(self) -> None:
        """Everything, in an order that depends on nothing but the contents."""
        for folder in _FOLDERS.split():
            self._archive.folder(folder)
        for path, goal in _LINKS:
            self._archive.symlink(path, goal)
        for name, major, minor in _DEVICES:
            self._archive.device(f"/dev/{name}", major, minor)
        self._busybox()
        self._python()
        for package in _packages():
            self._tree(package.folder, package.goes_to, package.without)
        for name in _OPENED_BY_NAME:
            if found := _library(name):
                self._elf(found, f"{os.path.realpath(os.path.dirname(found))}/{name}")
        self._add_libraries()
        self._own()

    def _busybox(self) -> None:
        found = busybox()
        if found is not None:  # for workloads that want tools, and for people; the guest itself does without
            self._elf(found, "/usr/bin/busybox")
            for name in _TOOLS:
                self._archive.symlink(f"/usr/bin/{name}", "busybox")

    def _python(self) -> None:
        self._elf(os.path.realpath(base_python()), "/usr/bin/python3")
        standard = Path(sysconfig.get_path("stdlib"))
        self._tree(standard, str(standard), _LEFT_OUT)

    def _own(self) -> None:
        said = {
            "preload": PRELOAD,
            "python_path": sorted({str(Path(package.goes_to).parent) for package in _packages()}),
            "modules": _MODULES,
        }
        self._archive.file("/usr/lib/honey/image.json", json.dumps(said).encode())
        self._archive.file("/usr/lib/honey/frames.py", (_GUEST / "frames.py").read_bytes())
        self._archive.file("/init", (_GUEST / "init.py").read_bytes(), 0o755)
        self._archive.file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        self._archive.file("/etc/hosts", b"127.0.0.1 localhost\n::1 localhost\n")

    def _tree(self, folder: Path, goes_to: str, without: frozenset[str]) -> None:
        for path in _files(folder, without):
            there = f"{goes_to}/{path.relative_to(folder).as_posix()}"
            if path.suffix == ".py":
                self._archive.file(there + "c", _compiled(path, there))
            elif path.suffix == ".so" or ".so." in path.name:
                self._elf(str(path), there)
            elif path.suffix not in {".pyc", ".a", ".pyi"}:
                self._archive.file(there, path.read_bytes())

    def _elf(self, path: str, goes_to: str) -> None:
        self._archive.file(goes_to, Path(path).read_bytes(), 0o755)
        self._libraries.update(_needs(path))

    def _add_libraries(self) -> None:
        for library in sorted(self._libraries):
            folder, name = os.path.split(library)
            self._archive.file(f"{os.path.realpath(folder)}/{name}", Path(library).read_bytes(), 0o755)


def busybox() -> str | None:
    """Where busybox lies, if it is installed."""
    return next((path for path in _BUSYBOX if os.path.exists(path)), None)


def base_python() -> str:
    """The interpreter itself, not the virtual environment's link to it: the guest has no such environment."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _packages() -> list[_Package]:
    """bcc and scapy, where they are installed here."""
    out = []
    dist = "/usr/lib/python3/dist-packages"
    wanted = (("bcc", frozenset({"__pycache__"})), ("scapy", frozenset({"__pycache__", "contrib", "tools", "modules"})))
    for name, without in wanted:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            out.append(_Package(Path(spec.origin).parent, f"{dist}/{name}", without))
    return out


def _files(folder: Path, without: frozenset[str]) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in without and not name.startswith("config-"))
        yield from (Path(here) / name for name in sorted(names))


def _compiled(path: Path, there: str) -> bytes:
    """The module as bytecode without source: smaller, and the slow guest compiles nothing."""
    try:
        code = compile(path.read_bytes(), there, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError):  # some packages carry templates or tests of broken syntax
        return b""
    return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)


def _needs(path: str) -> list[str]:
    """The shared libraries that ``path`` needs, as absolute paths, those of its libraries included (ldd(1))."""
    done = subprocess.run(["ldd", path], capture_output=True, text=True, check=False, timeout=30)
    words = (word for line in done.stdout.splitlines() for word in line.split())
    return [word for word in words if word.startswith("/")]


def _library(name: str) -> str | None:
    """Where the dynamic linker finds ``name``, if at all."""
    ldconfig = shutil.which("ldconfig") or shutil.which("ldconfig", path="/sbin:/usr/sbin")
    if ldconfig is None:
        raise TargetError("build image", "ldconfig is not installed", hint="it is part of the package libc-bin")
    done = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=True, timeout=30)
    for line in done.stdout.splitlines():
        words = line.split()
        if words and words[0] == name and ("x86-64" in line or "AArch64" in line):
            return words[-1]
    return None


def _key() -> str:
    """A hash over what goes in: contents of what is ours, size and time of what the machine brings."""
    digest = hashlib.sha256()
    for path in (*sorted(_GUEST.glob("*.py")), Path(__file__)):
        digest.update(path.read_bytes())
    sources = [Path(sysconfig.get_path("stdlib")), *(package.folder for package in _packages())]
    files = [path for source in sources for path in _files(source, _LEFT_OUT)]
    files += [Path(found) for name in _OPENED_BY_NAME if (found := _library(name))]
    files += [Path(os.path.realpath(base_python())), *map(Path, _BUSYBOX)]
    for path in files:
        if path.suffix != ".pyc" and path.exists():
            state = path.stat()
            digest.update(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:20]
