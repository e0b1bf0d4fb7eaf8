# SPDX-License-Identifier: Apache-2.0
"""``vmlinux.h``: every type of a kernel as one C header, made by bpftool from the kernel's BTF and kept in a cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.cache import cache_folder
from harness.errors import BuildError

RUNNING_KERNEL = Path("/sys/kernel/btf/vmlinux")


@dataclass(frozen=True, slots=True)
class Vmlinux:
    """The header's folder, for ``-I``, and the first 12 digits of the BTF's SHA-256, which say which kernel's it is."""

    include: Path
    digest: str


def vmlinux_header(btf: Path = RUNNING_KERNEL) -> Vmlinux:
    """The header for the kernel with this BTF; made on the first call, taken from the cache afterwards.

    Raises :class:`BuildError` where there is no BTF or no bpftool.
    """
    try:
        content = btf.read_bytes()
    except OSError as error:
        raise BuildError(
            f"the C sources need vmlinux.h, and the kernel's types cannot be read: {btf}: {error.strerror}",
            hint="a kernel with CONFIG_DEBUG_INFO_BTF=y has them",
        ) from error
    digest = hashlib.sha256(content).hexdigest()[:12]
    folder = cache_folder("vmlinux") / digest
    header = folder / "vmlinux.h"
    if not header.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write(header, _dump(btf))
    return Vmlinux(folder, digest)


def _write(header: Path, text: bytes) -> None:
    """Complete or not at all: two runs may do this at once, and a run may be interrupted."""
    descriptor, name = tempfile.mkstemp(dir=header.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text)
        Path(name).replace(header)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _dump(btf: Path) -> bytes:
    command = [_bpftool(), "btf", "dump", "file", str(btf), "format", "c"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    if done.returncode != 0 or b"__VMLINUX_H__" not in done.stdout:
        raise BuildError("bpftool cannot write vmlinux.h", details=done.stderr.decode("utf-8", "replace"))
    return done.stdout


def _bpftool() -> str:
    """A bpftool that runs. Ubuntu's ``/usr/sbin/bpftool`` only looks for the one of the running kernel's package."""
    found = shutil.which("bpftool", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    packaged = sorted(Path("/usr/lib/linux-tools").glob("*/bpftool"), reverse=True)
    packaged += sorted(Path("/usr/lib").glob("linux-tools-*/bpftool"), reverse=True)
    for candidate in ([found] if found else []) + [str(path) for path in packaged]:
        done = subprocess.run([candidate, "version"], capture_output=True, timeout=20, check=False)
        if done.returncode == 0:
            return candidate
    raise BuildError("bpftool is missing: it makes vmlinux.h from the kernel's types", hint="run `make setup`")
