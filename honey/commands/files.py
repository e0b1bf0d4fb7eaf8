# SPDX-License-Identifier: Apache-2.0
"""Which sources a command line means, reading them, and writing results."""

from __future__ import annotations

import os
import stat
import sys

from honey.syntax.source import SourceFile

STANDARD = "-"
SUFFIXES = {"ast": ".ast", "ir": ".ir", "c": ".bpf.c", "obj": ".bpf.o"}


class FileProblem(Exception):
    """A file that cannot be read or written; the message is for people."""


def sources_of(path: str) -> list[str]:
    """The sources that an argument names: itself, or the `*.ex` files of a folder, sorted.

    Raises `FileProblem` for a folder without sources.
    """
    if not path:
        raise FileProblem("cannot read a file without a name")
    if path == STANDARD or not os.path.isdir(path):
        return [path]
    try:
        found = sorted(entry.path for entry in os.scandir(path) if entry.name.endswith(".ex") and entry.is_file())
    except OSError as problem:
        raise FileProblem(f"cannot read {path}: {problem.strerror}") from problem
    if not found:
        raise FileProblem(f"no *.ex files in {path}")
    return found


def read(path: str) -> SourceFile:
    """The source at a path (`-` is standard input). Raises `FileProblem`."""
    if path == STANDARD:
        try:
            return SourceFile("stdin.ex", sys.stdin.buffer.read())
        except OSError as problem:
            raise FileProblem(f"cannot read the standard input: {problem.strerror}") from problem
    try:
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) and not stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
                raise FileProblem(f"cannot read {path}: it is not a file")
            return SourceFile(path, file.read())
    except OSError as problem:
        raise FileProblem(f"cannot read {path}: {problem.strerror}") from problem


def output_path(source: str, output: str | None, kind: str, *, folder: bool) -> str:
    """Where the result of a source goes. `folder` says that `output` is meant as a folder, which is made if need be.

    Raises `FileProblem` where that cannot be, or where it would be the source itself.
    """
    if output == "":
        raise FileProblem("cannot write to a file without a name; name one with -o")
    if output == STANDARD and folder:
        raise FileProblem("only one result fits the standard output; name a source, or a folder with -o")
    if output == STANDARD or (source == STANDARD and output is None):
        return STANDARD
    name = os.path.basename(source).removesuffix(".ex") + SUFFIXES[kind]
    if output is None:
        return os.path.join(os.path.dirname(source), name)
    if not folder and not os.path.isdir(output) and not output.endswith(os.sep):
        if os.path.realpath(output) == os.path.realpath(source):
            raise FileProblem(f"{output} is the source itself; name another file with -o")
        return output
    try:
        os.makedirs(output, exist_ok=True)
    except OSError as problem:
        raise FileProblem(f"cannot make the folder {output}: {problem.strerror}") from problem
    return os.path.join(output, name)


def write(path: str, data: bytes) -> None:
    """Puts a result into its place all at once: a reader sees the old file or the new one. Raises `FileProblem`."""
    try:
        if path == STANDARD:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif is_special(path):
            with open(path, "wb") as file:
                file.write(data)
        else:
            _replace(path, data)
    except BrokenPipeError:
        raise
    except OSError as problem:
        name = "the standard output" if path == STANDARD else path
        raise FileProblem(f"cannot write {name}: {problem.strerror}") from problem


def _replace(path: str, data: bytes) -> None:
    target = os.path.realpath(path)
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, target)
    except BaseException:
        remove(temporary)
        raise


def remove(path: str) -> None:
    """Takes a result of an earlier run away, so that a failed one leaves none that could be taken for its own."""
    if path != STANDARD and not is_special(path):
        try:
            os.unlink(path)
        except OSError:
            return


def is_special(path: str) -> bool:
    """Whether a path is something like /dev/null, which is written to and not replaced."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False
