# SPDX-License-Identifier: Apache-2.0
"""Builds a kernel for guests from its source: small, with everything built in, from ``guest.config``.

The source itself is not written to (``make O=``), and a second build of the same source does only what changed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from harness.cache import cache_folder
from harness.kernels.boot_image import version_of
from harness.kernels.errors import KernelError

_FRAGMENT = Path(__file__).with_name("guest.config")
_TOOLS = ("make", "gcc", "flex", "bison", "bc", "pahole", "tar", "nice")
_OPTION = re.compile(r"(CONFIG_\w+)=(.+)")
_IMAGE = "arch/x86/boot/bzImage"
_SHOWN_LINES = 15
#: Building is no hurry: it leaves the processors to whoever else wants them.
_NICENESS = "15"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What to build: the ``source`` (a folder or a tar archive), ``CONFIG_NAME=VALUE`` besides what guests need."""

    source: Path
    options: tuple[str, ...] = ()
    jobs: int = 1


def build(order: Order, output: Path | None, say: Say) -> Path:
    """Build the kernel; gives the path of its image in the folder ``output``, its configuration beside it.

    Raises :class:`KernelError` where a tool is missing, where the kernel does not take an option, and where the build
    fails.
    """
    if not order.source.exists():
        raise KernelError(f"{order.source} is neither a folder nor a file")
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise KernelError(f"building a kernel needs {', '.join(missing)}", hint="make kernel-tools")
    options = {**_needed(), **dict(_given(order.options))}
    work = cache_folder("builds") / hashlib.sha256(str(order.source.resolve()).encode()).hexdigest()[:16]
    work.mkdir(exist_ok=True)
    with FileLock(f"{work}.lock"):
        tree = _tree(order.source, work, say)
        _configure(tree, work, options, say)
        say(f"building in {work / 'out'}; what make says is in {work / 'make.log'}")
        _make(tree, work, f"-j{max(1, order.jobs)}", "bzImage")
        return _keep(work, output or cache_folder("builds") / "images", order.options)


def _needed() -> dict[str, tuple[str, bool]]:
    """The options of ``guest.config``: value, and whether every kernel must have it."""
    found = {}
    for line in _FRAGMENT.read_text(encoding="utf-8").splitlines():
        text = line.removeprefix("? ")
        if match := _OPTION.fullmatch(text):
            found[match[1]] = (match[2], text == line)
    return found


def _given(options: Sequence[str]) -> Iterator[tuple[str, tuple[str, bool]]]:
    for option in options:
        match = _OPTION.fullmatch(option)
        if match is None:
            raise KernelError(f"{option!r} is no configuration option", hint="write CONFIG_DEBUG_INFO_BTF=n")
        yield match[1], (match[2], True)


def _tree(source: Path, work: Path, say: Say) -> Path:
    """The folder with the source, unpacked where it is an archive."""
    tree = source.resolve() if source.is_dir() else _unpacked(source, work, say)
    if not (tree / "Kconfig").is_file():
        raise KernelError(f"{source} holds no kernel source", hint="give the folder with the file Kconfig, or its tar")
    if (tree / ".config").exists():
        raise KernelError(f"{source} was built in before", hint="`make mrproper` there makes it usable again")
    return tree


def _unpacked(archive: Path, work: Path, say: Say) -> Path:
    folder, part = work / "source", work / "source.part"
    if not folder.is_dir():
        say(f"unpacking {archive.name}")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        command = ["tar", "--extract", "--strip-components=1", "--file", str(archive), "--directory", str(part)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
        if done.returncode != 0:
            shutil.rmtree(part, ignore_errors=True)
            raise KernelError(f"{archive} cannot be unpacked", details=done.stderr)
        part.rename(folder)
    return folder


def _configure(tree: Path, work: Path, options: dict[str, tuple[str, bool]], say: Say) -> None:
    """Everything off but ``options`` and what they need."""
    say("configuring")
    wanted = work / "wanted.config"
    lines = [f"# {name} is not set" if value == "n" else f"{name}={value}" for name, (value, _) in options.items()]
    wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (work / "out").mkdir(exist_ok=True)
    _make(tree, work, f"KCONFIG_ALLCONFIG={wanted}", "allnoconfig")
    taken = set((work / "out/.config").read_text(encoding="utf-8").splitlines())
    lost = [name for name, (value, must) in options.items() if must and value != "n" and f"{name}={value}" not in taken]
    kept = [name for name, (value, must) in options.items() if must and value == "n" and f"{name}=y" in taken]
    if lost or kept:
        words = [f"{name} is not taken: it is unknown there, or needs something else" for name in lost]
        words += [f"{name} stays set: something else wants it" for name in kept]
        raise KernelError("this kernel cannot be configured as wanted", details="\n".join(words))


def _make(tree: Path, work: Path, *words: str) -> None:
    command = ["nice", "-n", _NICENESS, "make", "-C", str(tree), f"O={work / 'out'}", *words]
    log = work / "make.log"
    with log.open("wb") as out:
        status = _status(command, out)
    if status != 0:
        said = log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line for line in said if "error:" in line or "Error " in line or "***" in line] or said
        raise KernelError(f"make {words[-1]} failed, see {log}", details="\n".join(errors[-_SHOWN_LINES:]))


def _status(command: Sequence[str], out: BinaryIO) -> int:
    """The exit status of a command; when we are interrupted, all that it has started ends with it."""
    process = subprocess.Popen(
        command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return process.wait()
    except BaseException:
        # The whole group: of a make that is killed alone, those below it go on to the end.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise


def _keep(work: Path, output: Path, options: Sequence[str]) -> Path:
    """Put image and configuration into the folder ``output``, under names that tell the kernel and the options."""
    image = (work / "out" / _IMAGE).read_bytes()
    output.mkdir(parents=True, exist_ok=True)
    name = "-".join((version_of(image), *(option.removeprefix("CONFIG_").lower() for option in options)))
    path = output / f"bzImage-{name}"
    path.write_bytes(image)
    shutil.copyfile(work / "out/.config", output / f"{path.name}.config")
    return path
