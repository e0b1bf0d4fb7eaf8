# SPDX-License-Identifier: Apache-2.0
"""Writing an initramfs archive ("newc" cpio) without root: owners and device nodes are only numbers in it.

Format: Documentation/driver-api/early-userspace/buffer-format.rst of the Linux kernel.
"""

from __future__ import annotations

import stat
from pathlib import PurePosixPath
from types import TracebackType
from typing import BinaryIO

_MAGIC = b"070701"


class CpioWriter:
    """Writes entries to ``stream`` in the order given; folders on the way are made as needed.

    A path is absolute in the guest (``/usr/bin/python3``). Time stamps are 0 and inode numbers count up, so that the
    same contents always give the same bytes.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._inode = 0
        self._known: set[str] = set()

    def __enter__(self) -> CpioWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def __contains__(self, path: str) -> bool:
        return _inside(path) in self._known

    def folder(self, path: str, mode: int = 0o755) -> None:
        """Make the folder ``path`` and those above it; nothing happens where it is already there."""
        name = _inside(path)
        for parent in [*reversed(PurePosixPath(name).parents), PurePosixPath(name)]:
            step = str(parent)
            if step != "." and step not in self._known:
                self._entry(step, stat.S_IFDIR | mode, b"")

    def file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Add the regular file ``path`` with ``data``; the first of several under one name stays."""
        if path in self:
            return
        self.folder(str(PurePosixPath(path).parent))
        self._entry(_inside(path), stat.S_IFREG | mode, data)

    def symlink(self, path: str, target: str) -> None:
        """Add a symbolic link ``path`` that points to ``target``."""
        if path in self:
            return
        self.folder(str(PurePosixPath(path).parent))
        self._entry(_inside(path), stat.S_IFLNK | 0o777, target.encode())

    def device(self, path: str, major: int, minor: int, mode: int = 0o600) -> None:
        """Add the character device ``path``."""
        self.folder(str(PurePosixPath(path).parent))
        self._entry(_inside(path), stat.S_IFCHR | mode, b"", device=(major, minor))

    def close(self) -> None:
        """Write the trailer that ends the archive; the stream stays open."""
        self._entry("TRAILER!!!", 0, b"")

    def _entry(self, name: str, mode: int, data: bytes, device: tuple[int, int] = (0, 0)) -> None:
        self._known.add(name)
        self._inode += 1
        encoded = name.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (self._inode, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(encoded), 0)
        header = _MAGIC + b"".join(b"%08X" % field for field in fields)
        self._stream.write(_padded(header + encoded))
        self._stream.write(_padded(data))


def _inside(path: str) -> str:
    return path.strip("/") or "."


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
