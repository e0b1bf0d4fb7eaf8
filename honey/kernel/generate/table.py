# SPDX-License-Identifier: Apache-2.0
"""Writes the tables that ``honey.kernel.table`` reads; the same records give the same bytes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from honey.kernel.table import SCHEMA

BLOCK_BYTES = 16 * 1024


def write_table(path: Path, records: Mapping[str, Any], *, title: str, source: str) -> None:
    """Writes ``records`` as a table to ``path``; ``title`` and ``source`` say in its header what it is and whence."""
    keys = sorted(records)
    blocks: list[tuple[str, bytes]] = []
    first, lines, size = "", bytearray(), 0
    for key in keys:
        line = f"{key}\t{compact_json(records[key])}\n".encode()
        if lines and size + len(line) > BLOCK_BYTES:
            blocks.append((first, bytes(lines)))
            lines, size = bytearray(), 0
        if not lines:
            first = key
        lines += line
        size += len(line)
    if lines:
        blocks.append((first, bytes(lines)))

    index: list[tuple[str, int, int]] = []
    body = bytearray()
    for key, content in blocks:
        compressed = zlib.compress(content, 9)
        index.append((key, len(body), len(compressed)))
        body += compressed
    names = zlib.compress("\n".join(keys).encode(), 9)
    header = {
        "schema": SCHEMA,
        "title": title,
        "source": source,
        "count": len(keys),
        "names": [len(body), len(names)],
        "blocks": index,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(compact_json(header).encode() + b"\n" + bytes(body) + names)


def compact_json(value: Any) -> str:
    """``value`` as JSON without blanks, ASCII only."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)
