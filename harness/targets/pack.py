# SPDX-License-Identifier: Apache-2.0
"""A job as one archive, and its results from one."""

from __future__ import annotations

import importlib.util
import io
import marshal
import tarfile
from pathlib import Path


def pack_folder(folder: Path) -> bytes:
    """The folder as a tar archive, with the same bytes for the same contents.

    Python files come with their bytecode, made by this Python, so that a slow guest with the same one need not compile.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if "__pycache__" in path.parts or not path.is_file():
                continue
            data = path.read_bytes()
            _add(archive, name, data)
            if path.suffix == ".py":
                _add(archive, importlib.util.cache_from_source(name), _bytecode(data, name))
    return out.getvalue()


def unpack_folder(archived: bytes, folder: Path) -> None:
    """The inverse of :func:`pack_folder`; nothing is written outside ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archived)) as archive:
        inside = folder.resolve()
        for member in archive:
            if not member.isfile() and not member.isdir():
                continue
            if not (inside / member.name).resolve().is_relative_to(inside):
                continue
            archive.extract(member, inside, set_attrs=False)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = 0o644
    archive.addfile(member, io.BytesIO(data))


def _bytecode(source: bytes, name: str) -> bytes:
    """A ``.pyc`` that is taken as it is (PEP 552, unchecked hash): source times mean nothing on another machine."""
    code = compile(source, name, "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code)
