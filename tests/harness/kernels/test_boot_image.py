# SPDX-License-Identifier: Apache-2.0
"""Kernel images: telling them, and taking the kernel out."""

from __future__ import annotations

import gzip
import lzma
import struct
from collections.abc import Callable

import pytest
import zstandard

from harness.kernels import KernelError
from harness.kernels.boot_image import has_direct_entry, unpacked, version_of


def vmlinux(*, direct: bool = True, release: str = "6.1.0-test") -> bytes:
    """A 64-bit ELF file with one note segment, and the words by which a kernel tells its version."""
    note = struct.pack("<III4sQ", 4, 8, 18 if direct else 1, b"Xen\0", 0x1000000)
    words = f"Linux version {release} (somebody@somewhere)".encode() + bytes(100)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    program = struct.pack("<IIQQQQQQ", 4, 0, 64 + 56, 0, 0, len(note), len(note), 4)
    return head + program + note + words


def bzimage(payload: bytes, release: str = "6.1.0-test") -> bytes:
    """A boot sector, a setup part that tells the version, and the payload."""
    setup = bytearray(4 * 512)
    setup[0x1F1] = 3  # setup sectors after the first
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", setup, 0x20E, 0x400 - 0x200)
    setup[0x400 : 0x400 + len(release) + 20] = f"{release} (somebody) #1\0".encode().ljust(len(release) + 20, b"\0")
    struct.pack_into("<II", setup, 0x248, 16, len(payload))
    return bytes(setup) + bytes(16) + payload + b"the rest"


@pytest.mark.parametrize(
    "pack", [gzip.compress, lzma.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "xz", "zstd"]
)
def test_the_kernel_is_taken_out_of_its_wrapper(pack: Callable[[bytes], bytes]) -> None:
    assert unpacked(bzimage(pack(vmlinux()))) == vmlinux()


def test_a_kernel_that_cannot_start_directly_stays_in_its_wrapper() -> None:
    assert unpacked(bzimage(gzip.compress(vmlinux(direct=False)))) is None
    assert not has_direct_entry(vmlinux(direct=False))


def test_an_unknown_packing_is_left_to_the_kernel_itself() -> None:
    assert unpacked(bzimage(b"\x02\x21\x4c\x18 lz4, say")) is None


def test_a_broken_payload_is_left_to_the_kernel_itself() -> None:
    assert unpacked(bzimage(gzip.compress(vmlinux())[:-30])) is None


@pytest.mark.parametrize("image", [vmlinux(release="5.15.1-mine"), bzimage(b"", release="5.15.1-mine")])
def test_the_version_is_read_from_the_image(image: bytes) -> None:
    assert version_of(image) == "5.15.1-mine"


@pytest.mark.parametrize("image", [b"", b"#!/bin/sh\n", b"\x7fELF" + bytes(500), bytes(4096)])
def test_other_files_are_refused(image: bytes) -> None:
    with pytest.raises(KernelError, match="no x86 kernel image"):
        version_of(image)
