# SPDX-License-Identifier: Apache-2.0
"""The table of system calls, from the formats of their tracepoints and the numbers in <asm/unistd_64.h>."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from honey.kernel.generate.ctext import type_from_text

NUMBERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
ENTER = "syscalls/sys_enter_"
FIELD = re.compile(r"field:(?P<type>[^;]*?)\s*\b(?P<name>\w+);\s*offset:(?P<offset>\d+);\s*size:(?P<size>\d+);")
FIRST_ARGUMENT_OFFSET = 16

RENAMED = {
    "newstat": "stat",
    "newfstat": "fstat",
    "newlstat": "lstat",
    "newuname": "uname",
    "sendfile64": "sendfile",
    "umount": "umount2",
}
"""Tracepoints called otherwise than the system call (arch/x86/entry/syscalls/syscall_64.tbl, last column)."""


def syscall_records(formats: Mapping[str, str], types: Mapping[str, Any]) -> dict[str, Any]:
    """Number and arguments by tracepoint name; a system call's other name leads to that of its tracepoint."""
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", NUMBERS.read_text())}
    records: dict[str, Any] = {}
    for path, text in formats.items():
        if path.startswith(ENTER):
            name = path.removeprefix(ENTER)
            records[name] = [numbers.get(RENAMED.get(name, name), -1), _arguments(text, types)]
    return records | {other: name for name, other in RENAMED.items() if name in records and other not in records}


def _arguments(text: str, types: Mapping[str, Any]) -> list[list[Any]]:
    fields = (field for field in FIELD.finditer(text) if int(field["offset"]) >= FIRST_ARGUMENT_OFFSET)
    return [[field["name"], type_from_text(field["type"], types)] for field in fields]
