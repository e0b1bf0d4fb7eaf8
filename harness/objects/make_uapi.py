# SPDX-License-Identifier: Apache-2.0
"""Writes ``uapi.json``: names and numbers from the kernel's ``include/uapi/linux/bpf.h``.

    python -m harness.objects.make_uapi [/usr/include/linux/bpf.h]

The file in the repository was made from the header of Debian's linux-libc-dev 6.1. Hardly any helpers came after that:
the kernel's new functions for eBPF are kfuncs.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path


def enum_members(header: str, enum: str, prefix: str) -> dict[str, int]:
    """``{name in lower case without prefix: value}`` of an enum whose members count up from 0."""
    body = re.search(rf"enum {enum} \{{(.*?)\}};", header, re.DOTALL)
    if body is None:
        raise SystemExit(f"no enum {enum} in the header")
    text = re.sub(r"/\*.*?\*/", "", body.group(1), flags=re.DOTALL)
    members: dict[str, int] = {}
    following = 0
    for entry in text.split(","):
        name, _, value = entry.strip().partition("=")
        name = name.strip().removeprefix(prefix)
        if not name or name.startswith("__"):
            continue
        members[name.lower()] = members[value.strip().removeprefix(prefix).lower()] if value else following
        following = members[name.lower()] + 1
    return members


def helper_numbers(header: str) -> dict[str, int]:
    """``{kernel name: number}`` of all helpers, from the ``FN(name, ...)`` list."""
    text = header[header.index("__BPF_FUNC_MAPPER(FN") :]
    text = text[: text.index("\n\n")]
    names = [name for name in re.findall(r"\bFN\((\w+)", text) if name != "unspec"]
    return {f"bpf_{name}": number for number, name in enumerate(names, start=1)}


def main() -> None:
    header = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/include/linux/bpf.h").read_text(encoding="utf-8")
    tables = {
        "map_types": enum_members(header, "bpf_map_type", "BPF_MAP_TYPE_"),
        "program_types": enum_members(header, "bpf_prog_type", "BPF_PROG_TYPE_"),
        "helpers": helper_numbers(header),
    }
    target = Path(__file__).with_name("uapi.json")
    target.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
