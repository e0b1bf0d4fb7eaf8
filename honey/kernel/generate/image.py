# SPDX-License-Identifier: Apache-2.0
"""Takes the kernel proper out of a bzImage (Documentation/arch/x86/boot.rst) and sections and bytes out of it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
from io import BytesIO
from pathlib import Path

import zstandard
from elftools.elf.elffile import ELFFile

HEADER_MAGIC = 0x202
SETUP_SECTORS = 0x1F1
PAYLOAD = 0x248


def vmlinux(path: Path) -> bytes:
    """The ELF file of the kernel at ``path``, which may be compressed as distributions ship it or be that ELF file.

    Raises ``ValueError`` where it is neither.
    """
    image = path.read_bytes()
    if image[:4] == b"\x7fELF":
        return image
    if image[HEADER_MAGIC : HEADER_MAGIC + 4] != b"HdrS":
        raise ValueError(f"{path} is no kernel image")
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    start = ((image[SETUP_SECTORS] or 4) + 1) * 512 + offset
    return _decompress(image[start : start + length])


def _decompress(payload: bytes) -> bytes:
    if payload[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(payload)
    if payload[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=BytesIO(payload)).read()
    if payload[:4] == b"\x28\xb5\x2f\xfd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(payload)
    if payload[:3] == b"BZh":
        return bz2.BZ2Decompressor().decompress(payload)
    raise ValueError(f"a kernel compressed in an unknown way ({payload[:4].hex()})")


class KernelImage:
    """A kernel's ELF file: its BTF, and the bytes at an address of its data."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._elf = ELFFile(BytesIO(content))

    def btf(self) -> bytes:
        """The BTF section; raises ``ValueError`` where the kernel was built without."""
        section = self._elf.get_section_by_name(".BTF")
        if section is None:
            raise ValueError("the kernel has no BTF")
        data: bytes = section.data()
        return data

    def read(self, address: int, length: int) -> bytes:
        """``length`` bytes at the virtual ``address``; raises ``ValueError`` outside of the file's segments."""
        for segment in self._elf.iter_segments("PT_LOAD"):
            start = address - segment["p_vaddr"]
            if start >= 0 and start + length <= segment["p_filesz"]:
                at = segment["p_offset"] + start
                return self._content[at : at + length]
        raise ValueError(f"no data at {address:#x}")
