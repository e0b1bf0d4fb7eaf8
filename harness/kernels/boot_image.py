# SPDX-License-Identifier: Apache-2.0
"""x86 kernel images: telling one, its version, and taking the kernel out of its self-extracting wrapper.

QEMU can start an unpacked kernel directly where that has a PVH entry point. An emulated CPU then need not decompress
it, which takes seconds, and the kernel is not moved about (KASLR), so that two boots are alike.
Format: Documentation/arch/x86/boot.rst of the Linux kernel.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

from harness.kernels.errors import KernelError

_ELF = b"\x7fELF"
_PT_NOTE = 4
_XEN_PHYS32_ENTRY = 18  # XEN_ELFNOTE_PHYS32_ENTRY, xen/interface/elfnote.h


class _Unpacker(Protocol):
    """What the standard library's decompressors and zstandard's have in common."""

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def _whole(unpacker: _Unpacker, data: bytes) -> bytes:
    """Everything up to the packed data's own end, after which an image may hold other things."""
    out = unpacker.decompress(data)
    if not unpacker.eof:
        raise ValueError("the packed data ends too early")
    return out


def _zstd(data: bytes) -> bytes:
    return _whole(zstandard.ZstdDecompressor().decompressobj(), data)


def _xz(data: bytes) -> bytes:
    return _whole(lzma.LZMADecompressor(), data)


def _gz(data: bytes) -> bytes:
    return _whole(zlib.decompressobj(wbits=31), data)


def _bz(data: bytes) -> bytes:
    return _whole(bz2.BZ2Decompressor(), data)


_PACKERS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\xfd7zXZ\0", _xz),
    (b"\x1f\x8b", _gz),
    (b"\x28\xb5\x2f\xfd", _zstd),
    (b"BZh", _bz),
    (b"\x5d\0\0", _xz),
)


def is_elf(image: bytes) -> bool:
    """Whether it is an unpacked kernel (``vmlinux``)."""
    return image.startswith(_ELF)


def version_of(image: bytes) -> str:
    """The kernel's release, as ``uname -r`` would give it. Raises :class:`KernelError` for what is no kernel image."""
    if is_elf(image):
        at = image.find(b"Linux version ")
        if at >= 0:
            return image[at + 14 : at + 200].split(b" ", 1)[0].decode(errors="replace")
    elif image[0x202:0x206] == b"HdrS":
        (offset,) = struct.unpack_from("<H", image, 0x20E)
        text = image[offset + 0x200 : offset + 0x300].split(b"\0", 1)[0]
        if text:
            return text.split(b" ", 1)[0].decode(errors="replace")
    raise KernelError("this is no x86 kernel image: neither a bzImage (vmlinuz) nor a vmlinux")


def unpacked(image: bytes) -> bytes | None:
    """The kernel that a bzImage carries, if this machine can unpack it and QEMU can start it directly."""
    if is_elf(image):
        return image
    if image[0x202:0x206] != b"HdrS":
        raise KernelError("this is no x86 kernel image: neither a bzImage (vmlinuz) nor a vmlinux")
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (sectors + 1) * 512 + offset
    payload = image[start : start + length]
    for magic, unpack in _PACKERS:
        if payload.startswith(magic):
            try:
                kernel = unpack(payload)
            except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error, zstandard.ZstdError):
                return None
            return kernel if is_elf(kernel) and has_direct_entry(kernel) else None
    return None


def has_direct_entry(kernel: bytes) -> bool:
    """Whether the unpacked kernel has the note that QEMU's direct boot (PVH) needs (``CONFIG_PVH``)."""
    table, size, count = _program_headers(kernel)
    for number in range(count):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", kernel, table + number * size)
        if kind == _PT_NOTE and _has_note(kernel[offset : offset + length]):
            return True
    return False


def _has_note(notes: bytes) -> bool:
    at = 0
    while at + 12 <= len(notes):
        name_size, content_size, kind = struct.unpack_from("<III", notes, at)
        name = notes[at + 12 : at + 12 + name_size]
        if kind == _XEN_PHYS32_ENTRY and name.startswith(b"Xen"):
            return True
        at += 12 + (name_size + 3) // 4 * 4 + (content_size + 3) // 4 * 4
    return False


def _program_headers(kernel: bytes) -> tuple[int, int, int]:
    (table,) = struct.unpack_from("<Q", kernel, 32)
    size, count = struct.unpack_from("<HH", kernel, 54)
    return table, size, count


def module_bytes(name: str, data: bytes) -> bytes:
    """A kernel module's contents, whatever its file is packed with."""
    if name.endswith(".xz"):
        return _xz(data)
    if name.endswith(".zst"):
        return _zstd(data)
    return gzip.decompress(data) if name.endswith(".gz") else data
