# SPDX-License-Identifier: Apache-2.0
"""Builds of unchanged kernels (``v5.15``, ``v6.9-rc3``), as Ubuntu's kernel team keeps them for testing.

The archive's layout: a folder for each version, in it one for each architecture (before 2020 none), in that
``CHECKSUMS`` with a line ``SUM  FILE`` for each package, and its detached signature ``CHECKSUMS.gpg``. The image is in
``linux-image-unsigned-*-generic_*.deb`` (before 2018 ``linux-image-*``), modules are in ``linux-modules-*-generic_*``.
Where the archive lies is the user's setting, because it moved before and because there are mirrors.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.kernels.download import Unreachable, fetch_bytes, fetch_file
from harness.kernels.errors import KernelError

#: The archive's address: what stands before ``/v5.15/``.
ADDRESS = "HONEY_MAINLINE"
#: A file with the key that signs the sums, for gpgv(1).
KEYRING = "HONEY_MAINLINE_KEYRING"

_NAME = re.compile(r"v\d+\.\d+(\.\d+)?(-rc\d+)?")
_LINE = re.compile(r"([0-9a-f]{64})\s+\*?(?:\S*/)?(linux-\S+\.deb)")
_IMAGE = re.compile(r"linux-image-(?:unsigned-)?\S+-generic_\S+_amd64\.deb")
_MODULES = re.compile(r"linux-modules-(?!extra)\S+-generic_\S+_amd64\.deb")
_NOT_FOUND = 404
_HINT = f"any kernel image can be given as a path; a mirror can be named with {ADDRESS}"


@dataclass(frozen=True, slots=True)
class Build:
    """What the archive has of a version: the folder's address, and the packages that we want with their SHA-256."""

    name: str
    address: str
    packages: tuple[tuple[str, str], ...]

    @property
    def version(self) -> str:
        """The version of its packages."""
        return self.packages[0][0].split("_")[1]


def is_mainline(name: str) -> bool:
    """Whether ``name`` is a mainline version, as its tag is called."""
    return _NAME.fullmatch(name) is not None


def find_build(name: str) -> Build:
    """Look a version up in the archive. Raises :class:`KernelError`."""
    base = os.environ.get(ADDRESS, "").rstrip("/")
    if not base:
        raise KernelError(
            f"the kernel {name} is a mainline build, and it is not set where those are to be had",
            hint=f"set {ADDRESS} to the address of Ubuntu's mainline build archive, or of a mirror of it",
        )
    for address in (f"{base}/{name}/amd64", f"{base}/{name}"):
        try:
            sums = fetch_bytes(f"{address}/CHECKSUMS")
        except Unreachable as problem:
            if problem.status == _NOT_FOUND:
                continue
            problem.hint = _HINT
            raise
        _check_signature(address, sums)
        return _read(name, address, sums.decode("utf-8", errors="replace"))
    raise KernelError(f"the mainline archive has no kernel {name} for this architecture", hint=_HINT)


def fetch_build(build: Build, packages: Path, say: Callable[[str], None]) -> list[Path]:
    """Bring the build's packages into the folder ``packages``; those that are there already are not fetched again."""
    packages.mkdir(parents=True, exist_ok=True)
    files = []
    for name, sha256 in build.packages:
        path = packages / name
        if not path.is_file():
            say(f"fetching {name}")
            fetch_file(f"{build.address}/{name}", path, sha256)
        files.append(path)
    return files


def _read(name: str, address: str, sums: str) -> Build:
    listed = {match[2]: match[1] for match in map(_LINE.match, sums.splitlines()) if match}
    wanted = [next((one for one in listed if form.fullmatch(one)), None) for form in (_IMAGE, _MODULES)]
    packages = tuple((one, listed[one]) for one in wanted if one is not None)
    if wanted[0] is None:
        raise KernelError(f"the mainline build of {name} has no kernel: it may have failed", hint=_HINT)
    return Build(name, address, packages)


def _check_signature(address: str, sums: bytes) -> None:
    """Where the user has the key: nothing is taken that it did not sign."""
    keyring = os.environ.get(KEYRING)
    if not keyring:
        return
    if shutil.which("gpgv") is None:
        raise KernelError(f"{KEYRING} is set, but gpgv is not installed", hint="install the package gpgv")
    with tempfile.TemporaryDirectory(prefix="honey-sums-") as folder:
        signed, signature = Path(folder, "CHECKSUMS"), Path(folder, "CHECKSUMS.gpg")
        signed.write_bytes(sums)
        signature.write_bytes(fetch_bytes(f"{address}/CHECKSUMS.gpg"))
        command = ["gpgv", "--keyring", str(Path(keyring).resolve()), str(signature), str(signed)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, errors="replace")
    if done.returncode != 0:
        raise KernelError(f"{address}/CHECKSUMS is not signed by the key in {KEYRING}", details=done.stderr)
