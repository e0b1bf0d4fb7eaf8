# SPDX-License-Identifier: Apache-2.0
"""Kernel modules that a guest needs where the kernel does not have the thing built in, in the order to load them."""

from __future__ import annotations

import io
from pathlib import Path

from elftools.elf.elffile import ELFFile

from harness.kernels.boot_image import module_bytes

#: For programs on packets: a pair of devices, the ingress hook, classifier and action; for tests of hooks: a dummy.
_WANTED = ("veth", "dummy", "sch_ingress", "cls_bpf", "act_bpf")
_SUFFIXES = (".ko", ".ko.xz", ".ko.zst", ".ko.gz")


def wanted_modules(folder: Path) -> list[tuple[str, bytes]]:
    """Name and contents of the modules below ``folder`` that guests need; what one depends on comes before it."""
    files = {_name(path): path for path in sorted(folder.rglob("*.ko*")) if path.name.endswith(_SUFFIXES)}
    ordered: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in ordered or name not in files:
            return  # built in, or this kernel has no such thing
        path = files.pop(name)
        data = module_bytes(path.name, path.read_bytes())
        for needed in depends(data):
            add(needed)
        ordered[name] = data

    for name in _WANTED:
        add(name)
    return [(f"{name}.ko", data) for name, data in ordered.items()]


def depends(module: bytes) -> list[str]:
    """The names of the modules that this one says it depends on (``.modinfo``)."""
    section = ELFFile(io.BytesIO(module)).get_section_by_name(".modinfo")
    if section is None:
        return []
    for entry in section.data().split(b"\0"):
        if entry.startswith(b"depends="):
            return [_plain(name.decode()) for name in entry[8:].split(b",") if name]
    return []


def _name(path: Path) -> str:
    return _plain(path.name.split(".ko", 1)[0])


def _plain(name: str) -> str:
    return name.replace("-", "_")
