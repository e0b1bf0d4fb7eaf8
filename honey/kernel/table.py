# SPDX-License-Identifier: Apache-2.0
"""Sorted tables of JSON records in compressed blocks, from which one record is read without decoding the rest.

The file is text framed in blocks:

* one line of JSON, the header: what the table holds, its source, and for each block its first key, offset and length;
* the blocks, each zlib-compressed, each a run of lines ``KEY<TAB>RECORD`` sorted by key. The last block holds all
  keys, one a line, for suggestions on misspelt names.

A look-up bisects the header, inflates one block (about 16 KiB) and decodes one line.
"""

from __future__ import annotations

import json
import os
import zlib
from bisect import bisect_right
from functools import cache
from typing import Any

DATA_FOLDER = os.path.join(os.path.dirname(__file__), "data")
SCHEMA = 1


class TableError(Exception):
    """A data file of the kernel's facts is missing or is not what this version of Honey reads."""


class Table:
    """One data file; blocks are inflated on first use and kept.

    ``inflated_bytes`` and ``decoded_records`` count the work done so far.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Reads the header of ``path``; raises ``TableError`` where that cannot be done."""
        self.path = os.fspath(path)
        self.name = os.path.basename(self.path)
        self.inflated_bytes = 0
        self.decoded_records = 0
        self._blocks: dict[int, bytes] = {}
        try:
            with open(self.path, "rb") as file:
                line = file.readline()
            header = json.loads(line)
            if header["schema"] != SCHEMA:
                raise TableError(f"{self.name} has schema {header['schema']}, this version reads {SCHEMA}")
            blocks: list[tuple[str, int, int]] = header["blocks"]
            self.source: str = header["source"]
            self.count: int = header["count"]
            self._names: tuple[int, int] = tuple(header["names"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TableError(f"cannot read the kernel data file {self.name}: {error}") from error
        self._base = len(line)
        self._index: list[tuple[int, int]] = [(offset, length) for _, offset, length in blocks]
        self._first_keys: list[str] = [key for key, _, _ in blocks]

    def get(self, key: str) -> Any | None:
        """The record of ``key`` as decoded from JSON, or ``None``; raises ``TableError`` where the file is damaged."""
        number = bisect_right(self._first_keys, key) - 1
        if number < 0 or "\n" in key or "\t" in key:
            return None
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = b"\n" + self._inflate(self._index[number])
        marker = f"\n{key}\t".encode()
        start = block.find(marker)
        if start < 0:
            return None
        start += len(marker)
        self.decoded_records += 1
        return json.loads(block[start : block.index(b"\n", start)])

    def names(self) -> tuple[str, ...]:
        """All keys, sorted."""
        return tuple(self._inflate(self._names).decode().split("\n")) if self.count else ()

    def _inflate(self, place: tuple[int, int]) -> bytes:
        offset, length = place
        try:
            with open(self.path, "rb") as file:
                file.seek(self._base + offset)
                content = zlib.decompress(file.read(length))
        except (OSError, zlib.error) as error:
            raise TableError(f"the kernel data file {self.name} is damaged: {error}") from error
        self.inflated_bytes += len(content)
        return content


@cache
def table(name: str) -> Table:
    """The table ``data/NAME.bin``; raises ``TableError`` where it cannot be read."""
    return Table(os.path.join(DATA_FOLDER, f"{name}.bin"))
