# SPDX-License-Identifier: Apache-2.0
"""Runs clang: C text in, an eBPF object out. What goes wrong is a value."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from honey.records import dataclass

FLAGS = ("-O2", "-g", "-Wall", "-target", "bpf", "-fwrapv")
"""``-fwrapv``: Honey's signed arithmetic wraps. The processor version is left to clang, as for any C it is given."""

_TARGET_ARCH = {"x86_64": "x86", "aarch64": "arm64", "riscv64": "riscv", "s390x": "s390", "ppc64le": "powerpc"}
_NEWEST, _OLDEST = 22, 11
"""Versions that are looked for under their own name (``clang-18``) when there is no plain ``clang``."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The object is written; ``warnings`` are clang's words, ``command`` what was run."""

    output: Path
    command: tuple[str, ...]
    warnings: str


@dataclass(frozen=True, slots=True)
class ClangMissing:
    """No clang was found; ``asked`` is the name that the environment asked for, if it did."""

    asked: str | None

    def __str__(self) -> str:
        if self.asked is not None:
            return f"cannot run clang: {self.asked} (from the environment) is not there; unset it or correct its path"
        return "cannot find clang, which compiles the emitted C; install the package `clang`"


@dataclass(frozen=True, slots=True)
class ClangFailed:
    """Clang refused the C, or crashed; ``message`` is what it said."""

    message: str
    status: int

    def __str__(self) -> str:
        return f"clang failed with status {self.status}:\n{self.message.rstrip()}"


@dataclass(frozen=True, slots=True)
class OutputFailed:
    """The object could not be written."""

    output: Path
    reason: str

    def __str__(self) -> str:
        return f"cannot write {self.output}: {self.reason}"


ClangError = ClangMissing | ClangFailed | OutputFailed


def find_clang(environment: Mapping[str, str] = os.environ) -> str | ClangMissing:
    """The clang to use: ``HONEY_CLANG``, ``CLANG``, ``clang`` or the newest ``clang-N``."""
    for variable in ("HONEY_CLANG", "CLANG"):
        asked = environment.get(variable)
        if asked:
            found = shutil.which(asked, path=environment.get("PATH"))
            return found if found is not None else ClangMissing(asked)
    names = ["clang", *(f"clang-{version}" for version in range(_NEWEST, _OLDEST - 1, -1))]
    found = next((path for name in names if (path := shutil.which(name, path=environment.get("PATH")))), None)
    return found if found is not None else ClangMissing(None)


def command(clang: str, output: str, *, machine: str | None = None) -> list[str]:
    """The command that compiles C from standard input; no path of this machine gets into the object."""
    machine = machine or platform.machine()
    include = Path(f"/usr/include/{machine}-linux-gnu")
    line = [clang, *FLAGS, f"-D__TARGET_ARCH_{_TARGET_ARCH.get(machine, machine)}"]
    line += ["-idirafter", str(include)] if include.is_dir() else []
    line += [
        f"-fdebug-prefix-map={Path.cwd()}=.",
        "-fdebug-prefix-map=/usr/include=include",
        "-fdebug-compilation-dir=.",
    ]
    return [*line, "-x", "c", "-c", "-", "-o", output]


def compile_c(text: str, output: Path, *, clang: str | None = None) -> Compiled | ClangError:
    """Compile C text to an object at ``output``, which appears whole or not at all.

    Run it in the folder that the ``#line`` paths are relative to: clang then puts the Honey lines into the object.
    """
    found = clang if clang is not None else find_clang()
    if isinstance(found, ClangMissing):
        return found
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
    except OSError as error:
        return OutputFailed(output, error.strerror or str(error))
    os.close(descriptor)
    temporary = Path(name)
    try:
        return _run(found, text, temporary, output)
    except OSError as error:
        return OutputFailed(output, error.strerror or str(error))
    finally:
        temporary.unlink(missing_ok=True)


def _run(clang: str, text: str, temporary: Path, output: Path) -> Compiled | ClangError:
    line = command(clang, str(temporary))
    try:
        done = subprocess.run(line, input=text, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        return ClangMissing(clang)
    if done.returncode != 0:
        return ClangFailed(_without_summary(done.stderr), done.returncode)
    temporary.chmod(0o666 & ~_umask())
    temporary.replace(output)
    return Compiled(output, (*line[:-1], str(output)), done.stderr)


def _without_summary(message: str) -> str:
    return re.sub(r"^\d+ (?:errors?|warnings?).* generated\.\n?", "", message, flags=re.MULTILINE)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
