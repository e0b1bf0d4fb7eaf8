# SPDX-License-Identifier: Apache-2.0
"""`honey watch`."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from honey import compiler
from honey.cli import OK
from honey.commands import compile as compile_command
from honey.commands import files, output

if TYPE_CHECKING:
    from honey.commands.arguments import Arguments
    from honey.diagnostics import Diagnostic

_INTERVAL = 0.2  # seconds between two looks at the files


def run(arguments: Arguments) -> int:
    """Goes on until it is interrupted. What is not there at the start is an error; later it may come and go."""
    passes = compile_command.pass_names(arguments.passes)
    if arguments.path == files.STANDARD:
        raise files.FileProblem("the standard input cannot be watched; name a source or a folder")
    seen: dict[str, tuple[int, int]] = {}
    for name in files.sources_of(arguments.path):
        files.read(name)
    try:
        while True:
            for path, stamp in _stamps(arguments.path).items():
                if seen.get(path) != stamp:
                    seen[path] = stamp
                    _once(path, arguments, passes)
            time.sleep(_INTERVAL)
    except KeyboardInterrupt:
        return OK


def _stamps(path: str) -> dict[str, tuple[int, int]]:
    """The time of the last change and the size of every source that is there. Editors save by way of another file."""
    found: dict[str, tuple[int, int]] = {}
    with suppress(files.FileProblem):  # the folder's last source has gone
        for name in files.sources_of(path):
            with suppress(OSError):
                status = os.stat(name)
                found[name] = (status.st_mtime_ns, status.st_size)
    return found


def _once(path: str, arguments: Arguments, passes: tuple[str, ...] | None) -> None:
    start = time.perf_counter()
    found: list[Diagnostic] = []
    try:
        if arguments.check:
            found += compiler.check(files.read(path)).diagnostics
            done = "checked"
        else:
            target = files.output_path(path, arguments.output, "obj", folder=os.path.isdir(arguments.path))
            diagnostics, status = compile_command.compile_one(path, target, "obj", passes)
            found += diagnostics
            done = f"wrote {target}" if status == OK else "not compiled"
    except files.FileProblem as problem:
        output.progress(f"honey: {problem}")
        return
    except compiler.InternalError as problem:
        from honey.commands.bug_report import bug_report

        print(bug_report(problem), file=sys.stderr)
        return
    output.show(found, form="text", stream=sys.stderr)
    output.progress(f"{time.strftime('%H:%M:%S')} {path}: {done} in {(time.perf_counter() - start) * 1000:.0f} ms")
