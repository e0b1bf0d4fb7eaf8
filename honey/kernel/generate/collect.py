# SPDX-License-Identifier: Apache-2.0
"""Boots a kernel in QEMU (TCG, busybox, no disk) and brings back what only a running kernel says.

That is the ``format`` files of its tracepoints, its symbol table, and which helpers each kind of program may call. A
second serial line carries them out as a tar file.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROBE_SOURCE = Path(__file__).with_name("probe_helpers.c")
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
while read -r case; do
  /probe_helpers $case
done < /cases > /out/helpers
/bin/busybox stty -F /dev/ttyS1 raw
/bin/busybox tar -c -C /out formats kallsyms helpers | /bin/busybox gzip -9 > /dev/ttyS1
/bin/busybox sleep 1
/bin/busybox poweroff -f
"""


class CollectError(Exception):
    """The kernel did not boot or did not answer; the message ends with the last lines of its console."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What the kernel said.

    ``formats``: the text of each tracepoint's format file by ``CATEGORY/NAME``. ``symbols``: the addresses of each
    name. ``helpers``: the line that ``probe_helpers.c`` printed for each case.
    """

    formats: dict[str, str]
    symbols: dict[str, list[int]]
    helpers: tuple[str, ...]


def collect(kernel: Path, folder: Path, cases: Sequence[Sequence[int]]) -> Collected:
    """Boots ``kernel`` (a bzImage) with working files in ``folder``; takes about 20 s.

    ``cases`` are the arguments of each run of ``probe_helpers.c``.
    Raises ``CollectError`` where the kernel gives no answer and ``FileNotFoundError`` without QEMU or busybox.
    """
    initrd, console, answer = folder / "initrd", folder / "console", folder / "answer"
    initrd.write_bytes(_initramfs(_compiled_probe(folder), cases))
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
            formats, symbols, helpers = (_member(archive, name) for name in ("formats", "kallsyms", "helpers"))
    except (subprocess.SubprocessError, tarfile.TarError, OSError, EOFError) as error:
        tail = "\n".join(console.read_text(errors="replace").splitlines()[-15:]) if console.exists() else ""
        raise CollectError(f"{kernel.name} gave no answer: {error}\n{tail}") from error
    return Collected(_split_formats(formats), _parse_symbols(symbols), tuple(helpers.split()))


def _compiled_probe(folder: Path) -> bytes:
    probe = folder / "probe_helpers"
    flags = ("-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector")
    subprocess.run(["clang", *flags, "-o", str(probe), str(PROBE_SOURCE)], check=True)
    return probe.read_bytes()


def _member(archive: tarfile.TarFile, name: str) -> str:
    file = archive.extractfile(name)
    if file is None:
        raise tarfile.TarError(f"no {name} in the answer")
    return file.read().decode()


def _split_formats(text: str) -> dict[str, str]:
    parts = (part.partition("\n") for part in text.split("=== ")[1:])
    return {path: content for path, _, content in parts}


def _parse_symbols(text: str) -> dict[str, list[int]]:
    symbols: dict[str, list[int]] = {}
    for address, _, name, *_ in (line.split() for line in text.splitlines()):
        symbols.setdefault(name, []).append(int(address, 16))
    return symbols


def _initramfs(probe: bytes, cases: Sequence[Sequence[int]]) -> bytes:
    busybox = shutil.which("busybox")
    if busybox is None:
        raise FileNotFoundError("busybox is not installed (apt-get install busybox-static)")
    archive = io.BytesIO()
    for number, (name, mode, content) in enumerate(
        [
            ("bin", 0o040755, b""),
            ("bin/busybox", 0o100755, Path(busybox).read_bytes()),
            ("init", 0o100755, INIT.encode()),
            ("probe_helpers", 0o100755, probe),
            ("cases", 0o100644, "".join(f"{' '.join(map(str, case))}\n" for case in cases).encode()),
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
