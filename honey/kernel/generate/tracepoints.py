# SPDX-License-Identifier: Apache-2.0
"""The table of tracepoints, with the struct that holds the record of each.

Several events may share a class, and only the class has a struct in BTF. The kernel's own data says which class an
event has: ``event_NAME`` is a ``struct trace_event_call`` that points to ``event_class_CLASS``
(include/trace/trace_events.h).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from honey.kernel.generate.ctext import type_from_text
from honey.kernel.generate.image import KernelImage
from honey.kernel.layout import decode_members

STRUCT_PREFIX = "trace_event_raw_"
CLASS_PREFIX = "event_class_"
DYNAMIC_FIELD = re.compile(r"field:__data_loc (?P<type>[^;]*)\[\] (?P<name>\w+);")


def tracepoint_records(
    formats: Mapping[str, str], symbols: Mapping[str, Sequence[int]], image: KernelImage, types: Mapping[str, Any]
) -> dict[str, Any]:
    """The struct's tag and the element types of dynamic fields by ``CATEGORY/NAME``.

    System calls have a table of their own; ftrace's internal events cannot be attached to.
    """
    offset = _member_offset(types, "trace_event_call", "class")
    classes = {
        address: name for name, addresses in symbols.items() if name.startswith(CLASS_PREFIX) for address in addresses
    }
    records: dict[str, Any] = {}
    for path, text in formats.items():
        category, _, name = path.partition("/")
        if category in ("syscalls", "ftrace"):
            continue
        address = int.from_bytes(image.read(symbols[f"event_{name}"][0] + offset, 8), "little")
        tag = STRUCT_PREFIX + classes[address].removeprefix(CLASS_PREFIX)
        if tag not in types:
            raise ValueError(f"{path} has the class struct {tag}, which is not in BTF")
        dynamic = {field["name"]: type_from_text(field["type"], types) for field in DYNAMIC_FIELD.finditer(text)}
        records[path] = [tag, dynamic]
    return records


def _member_offset(types: Mapping[str, Any], tag: str, member: str) -> int:
    return next(field.offset for field in decode_members(types[tag]["s"][1]) if field.name == member)
