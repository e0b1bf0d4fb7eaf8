# SPDX-License-Identifier: Apache-2.0
"""Boots a kernel in QEMU (TCG, busybox, no disk) and brings back what only a running kernel says.

That is the ``format`` files of its tracepoints and its symbol table. A second serial line carries a tar file out.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

BOOT_TIME_LIMIT_S = 300
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /trace /out
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t tracefs tracefs /trace
cd /trace/events
for format in */*/format; do
  echo "=== ${format%/format}"
  /bin/busybox cat "$format"
done > /out/formats
/bin/busybox cat /proc/kallsyms > /out/kallsyms
/bin/busybox stty -F /dev/ttyS1 raw
/bin/busybox tar -c -C /out formats kallsyms | /bin/busybox gzip -9 > /dev/ttyS1
/bin/busybox sleep 1
/bin/busybox poweroff -f
"""


class CollectError(Exception):
    """The kernel did not boot or did not answer; the message ends with the last lines of its console."""


@dataclass(frozen=True, slots=True)
class Collected:
    """``formats``: the text of each tracepoint's format file by ``CATEGORY/NAME``; ``symbols``: addresses by name."""

    formats: dict[str, str]
    symbols: dict[str, int]


def collect(kernel: Path, folder: Path) -> Collected:
    """Boots ``kernel`` (a bzImage) with working files in ``folder``; takes about 20 s.

    Raises ``CollectError`` where the kernel gives no answer and ``FileNotFoundError`` without QEMU or busybox.
    """
    initrd, console, answer = folder / "initrd", folder / "console", folder / "answer"
    initrd.write_bytes(_initramfs())
    command = [
        "qemu-system-x86_64",
        *("-accel", "tcg", "-cpu", "max", "-m", "1024", "-nodefaults", "-display", "none", "-no-reboot"),
        *("-serial", f"file:{console}", "-serial", f"file:{answer}"),
        *("-kernel", str(kernel), "-initrd", str(initrd)),
        *("-append", "console=ttyS0 nokaslr panic=-1 quiet rdinit=/init"),
    ]
    try:
        subprocess.run(command, check=True, timeout=BOOT_TIME_LIMIT_S, stdin=subprocess.DEVNULL)
        with tarfile.open(answer, "r:gz") as archive:
            formats, symbols = (_member(archive, name) for name in ("formats", "kallsyms"))
    except (subprocess.SubprocessError, tarfile.TarError, OSError, EOFError) as error:
        tail = "\n".join(console.read_text(errors="replace").splitlines()[-15:]) if console.exists() else ""
        raise CollectError(f"{kernel.name} gave no answer: {error}\n{tail}") from error
    return Collected(_split_formats(formats), _parse_symbols(symbols))


def _member(archive: tarfile.TarFile, name: str) -> str:
    file = archive.extractfile(name)
    if file is None:
        raise tarfile.TarError(f"no {name} in the answer")
    return file.read().decode()


def _split_formats(text: str) -> dict[str, str]:
    parts = (part.partition("\n") for part in text.split("=== ")[1:])
    return {path: content for path, _, content in parts}


def _parse_symbols(text: str) -> dict[str, int]:
    rows = (line.split() for line in text.splitlines())
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3}


def _initramfs() -> bytes:
    busybox = shutil.which("busybox")
    if busybox is None:
        raise FileNotFoundError("busybox is not installed (apt-get install busybox-static)")
    archive = io.BytesIO()
    for number, (name, mode, content) in enumerate(
        [
            ("bin", 0o040755, b""),
            ("bin/busybox", 0o100755, Path(busybox).read_bytes()),
            ("init", 0o100755, INIT.encode()),
            ("TRAILER!!!", 0, b""),
        ]
    ):
        archive.write(_cpio_entry(number, name, mode, content))
    return archive.getvalue()


def _cpio_entry(number: int, name: str, mode: int, content: bytes) -> bytes:
    """One entry in the ``newc`` format (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    numbers = [number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % value for value in numbers) + name.encode() + b"\0"
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
