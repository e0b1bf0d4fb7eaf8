# SPDX-License-Identifier: Apache-2.0
"""Runs clang: C text in, an eBPF object out. What goes wrong is a value.

Clang can be started before there is any C (`ClangRun`): while the compiler works it loads, reads the headers that the C
is known to include, and waits for the C itself. It gets two inputs for that. Its standard input is read whole before
anything else, so that holds only the headers, and an ``#include`` of a pipe, which is read when its turn comes. A line
directive gives the C the name and the lines that it would have on the standard input; the object is the same, byte by
byte.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from honey.records import dataclass
from honey.signals import undisturbed

FLAGS = ("-O2", "-g", "-Wall", "-target", "bpf", "-fwrapv")
"""``-fwrapv``: Honey's signed arithmetic wraps. The processor version is left to clang, as for any C it is given, but
for `WITH_LESS`."""

IN_ORDER = ("-mllvm", "-disable-block-placement")
"""Blocks stay as they come: for loops that clang would lay out so that kernels before 6.7 refuse them."""

WITH_LESS = ("-mcpu=v2",)
"""With jumps on "less than", so that a constant is never compared from a register: see `undecided.py`."""

WITHOUT_ENDS = ("-Xclang", "-disable-lifetime-markers")
"""Variables last until the end of their function, and nothing is done where a block ends: see `unset.py`."""

WITHOUT_EARLY_LOADS = ("-mllvm", "-enable-load-pre=false")
"""Nothing is loaded earlier than the C has it for the sake of other ways: see `packet_numbers.py`."""

_TEXT_FD = 3
"""Where clang finds the C; standard input holds what comes before it."""
_TEXT_START = b'#line 1 "<stdin>"\n'

_UNWRITTEN = re.compile(r"error in backend: IO failure on output stream: (.+)")
"""What clang says, before the stack of a crash, where the object has no room."""

_TARGET_ARCH = {"x86_64": "x86", "aarch64": "arm64", "riscv64": "riscv", "s390x": "s390", "ppc64le": "powerpc"}
_NEWEST, _OLDEST = 22, 11
"""Versions that are looked for under their own name (``clang-18``) when there is no plain ``clang``."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The object is written; ``warnings`` are clang's words, ``command`` what was run."""

    output: str
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
    """Clang refused the C, or crashed; ``message`` is what it said, ``status`` below 0 the signal that ended it."""

    message: str
    status: int

    @property
    def beyond_stack(self) -> int | None:
        """The line of the source whose function needs more stack than there is, if that is what is wrong."""
        found = re.search(r":(\d+):\d+: error: Looks like the BPF stack limit", self.message)
        return int(found[1]) if found else None

    def __str__(self) -> str:
        how = f"failed with status {self.status}" if self.status >= 0 else f"was ended by signal {-self.status}"
        return f"clang {how}:\n{self.message.rstrip()}" if self.message.strip() else f"clang {how} without a word"


@dataclass(frozen=True, slots=True)
class OutputFailed:
    """The object could not be written."""

    output: str
    reason: str

    def __str__(self) -> str:
        return f"cannot write {self.output}: {self.reason}"


ClangError = ClangMissing | ClangFailed | OutputFailed


def find_clang(environment: Mapping[str, str] = os.environ) -> str | ClangMissing:
    """The clang to use: ``HONEY_CLANG``, ``CLANG``, ``clang`` or the newest ``clang-N``."""
    for variable in ("HONEY_CLANG", "CLANG"):
        asked = environment.get(variable)
        if asked:
            found = _which(asked, environment)
            return found if found is not None else ClangMissing(asked)
    names = ["clang", *(f"clang-{version}" for version in range(_NEWEST, _OLDEST - 1, -1))]
    found = next((path for name in names if (path := _which(name, environment))), None)
    return found if found is not None else ClangMissing(None)


def _which(name: str, environment: Mapping[str, str]) -> str | None:
    """The program called ``name``; the standard library's function for it takes longer to load than to find clang."""
    folders = [""] if os.sep in name else environment.get("PATH", os.defpath).split(os.pathsep)
    paths = (os.path.join(folder, name) for folder in folders)
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def command(clang: str, output: str, *, machine: str | None = None) -> list[str]:
    """The command that compiles C from standard input; no path of this machine gets into the object."""
    machine = machine or os.uname().machine
    include = f"/usr/include/{machine}-linux-gnu"
    line = [clang, *FLAGS, f"-D__TARGET_ARCH_{_TARGET_ARCH.get(machine, machine)}"]
    line += ["-idirafter", include] if os.path.isdir(include) else []
    line += [
        f"-fdebug-prefix-map={os.getcwd()}=.",
        "-fdebug-prefix-map=/usr/include=include",
        "-fdebug-compilation-dir=.",
    ]
    return [*line, "-x", "c", "-c", "-", "-o", output]


def compile_c(text: str, output: str | os.PathLike[str], *, clang: str | None = None) -> Compiled | ClangError:
    """Compile C text to an object at ``output``, which appears whole or not at all.

    Run it in the folder that the ``#line`` paths are relative to: clang then puts the Honey lines into the object.
    """
    run = ClangRun(output)
    try:
        return run.start(clang) or run.send(text) or run.finish()
    finally:
        run.abandon()


class ClangRun:
    """One run of clang that makes the object at ``output``: `start`, `send`, `finish`, and `abandon` in any case.

    Until it is finished, ``output`` is not touched. A signal that ends this process at any moment leaves nothing of it
    behind.
    """

    def __init__(self, output: str | os.PathLike[str], flags: Sequence[str] = ()) -> None:
        self._output = os.fspath(output)
        self._flags = tuple(flags)
        folder, name = os.path.split(self._output)
        self._temporary = os.path.join(folder, f".{name}.{os.getpid()}.{time.monotonic_ns()}")
        self._command: list[str] = []
        self._way_to_text = ""
        self._process = 0
        self._open: set[int] = set()
        self._input = self._messages = self._object = -1

    def start(self, clang: str | None = None, *, headers: Sequence[str] = ()) -> ClangError | None:
        """Starts clang, which loads, reads ``headers`` and then waits for its input; what hinders it, if anything does.

        ``headers`` are those that the C will include in any case, and that may come before all others.
        """
        found = clang if clang is not None else find_clang()
        if isinstance(found, ClangMissing):
            return found
        clang, *rest = command(found, "-")
        self._command = [clang, *self._flags, *rest]
        with undisturbed():
            try:
                self._object = os.open(self._temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            except OSError as error:
                return OutputFailed(self._output, error.strerror or str(error))
            self._open.add(self._object)
            try:
                self._spawn(headers)
            except FileNotFoundError:
                return ClangMissing(found)
            except OSError as error:
                return ClangFailed(f"{found}: {error.strerror}", 126)
        return None

    def send(self, text: str) -> ClangError | None:
        """Gives clang its input, on which it begins to work; what hinders that."""
        try:
            self._write(_TEXT_START + text.encode(errors="surrogateescape"))
        except OSError as error:
            return OutputFailed(self._output, error.strerror or str(error))
        return None

    def finish(self) -> Compiled | ClangError:
        """Waits for the object."""
        try:
            _, result = os.waitpid(self._process, 0)
            self._process = 0
            message = os.pread(self._messages, os.fstat(self._messages).st_size, 0).decode(errors="replace")
            message = message.replace(self._way_to_text, "")
            status = os.waitstatus_to_exitcode(result)
            if status != 0 and (unwritten := _UNWRITTEN.search(message)):
                return OutputFailed(self._output, unwritten[1])
            if status != 0:
                return ClangFailed(_without_summary(message), status)
            if os.fstat(self._object).st_size == 0:
                return ClangFailed(f"{self._command[0]} succeeded, but wrote nothing", status)
            os.replace(self._temporary, self._output)
        except OSError as error:
            return OutputFailed(self._output, error.strerror or str(error))
        return Compiled(self._output, (*self._command[:-1], self._output), message)

    def abandon(self) -> None:
        """Ends clang, if it still runs, and takes away what it has written. Nothing happens after `finish`."""
        with undisturbed():
            for number in self._open:
                os.close(number)
            self._open.clear()
            if self._process > 0:
                _end(self._process)
                self._process = 0
            with suppress(OSError):  # it is not there, or was not to be made in the first place
                os.unlink(self._temporary)

    def _spawn(self, headers: Sequence[str]) -> None:
        self._messages = os.memfd_create("clang")  # not a pipe, which could fill up while clang's input is written
        source, self._input = os.pipe()
        self._open |= {self._messages, self._input}
        main = os.memfd_create("main")
        os.pwrite(main, _main(headers), 0)
        self._way_to_text = f"In file included from <stdin>:{len(headers) + 1}:\n"
        # In an order in which none takes the number of one that comes later, whichever of 0 to 2 was closed here.
        streams = [
            (os.POSIX_SPAWN_DUP2, self._object, 1),  # by name, clang would write another file and rename that
            (os.POSIX_SPAWN_DUP2, self._messages, 2),
            (os.POSIX_SPAWN_DUP2, main, 0),
            (os.POSIX_SPAWN_DUP2, source, _TEXT_FD),
        ]
        usual = (signal.SIGPIPE, signal.SIGXFSZ)  # Python ignores these two
        try:
            self._process = os.posix_spawn(
                self._command[0], self._command, os.environ, file_actions=streams, setsigdef=usual, setsigmask=()
            )
        finally:
            os.close(source)
            os.close(main)

    def _write(self, data: bytes) -> None:
        with suppress(BrokenPipeError):  # it has ended already, and its status says why
            while data:
                data = data[os.write(self._input, data) :]
        self._open.discard(self._input)
        os.close(self._input)


def _main(headers: Sequence[str]) -> bytes:
    """What clang is to read first: the headers, and then the C."""
    lines = [*(f"#include <{header}>" for header in headers), f'#include "/proc/self/fd/{_TEXT_FD}"']
    return "".join(f"{line}\n" for line in lines).encode()


def _end(process: int) -> None:
    """Ends a child process: by SIGTERM, on which clang removes temporary files, and after 1 s by SIGKILL."""
    deadline = time.monotonic() + 1.0
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(process, signal.SIGTERM)
        while os.waitpid(process, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(process, signal.SIGKILL)
            time.sleep(0.002)


def _without_summary(message: str) -> str:
    return re.sub(r"^\d+ (?:errors?|warnings?).* generated\.\n?", "", message, flags=re.MULTILINE)
