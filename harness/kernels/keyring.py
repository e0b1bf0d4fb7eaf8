# SPDX-License-Identifier: Apache-2.0
"""The key that signs a distribution's archive: as installed here, or as this machine's own distribution packages it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from harness.cache import cache_folder
from harness.kernels.errors import KernelError

_INSTALLED = Path("/usr/share/keyrings")
_PACKAGES = {"debian": "debian-archive-keyring", "ubuntu": "ubuntu-keyring"}


def keyring_of(distribution: str) -> Path:
    """The file with the key of ``debian`` or ``ubuntu``.

    Where it is not installed, its package is taken from this machine's own archive, which signs it; nothing is
    installed. Raises :class:`KernelError` where that has none.
    """
    name = f"{distribution}-archive-keyring.gpg"
    installed = _INSTALLED / name
    if installed.is_file():
        return installed
    kept = cache_folder("keyrings") / name
    with FileLock(f"{kept}.lock"):
        if not kept.is_file():
            _fetch(_PACKAGES[distribution], kept)
    return kept


def _fetch(package: str, kept: Path) -> None:
    from harness.kernels.apt import PrivateApt, distribution, unpack
    from harness.kernels.releases import RELEASES

    own = [each for each in RELEASES if each.distribution == distribution()]
    if not own:
        raise KernelError(f"{kept.name} is not installed", hint=f"install the package {package}")
    with tempfile.TemporaryDirectory(prefix="honey-keyring-") as folder:
        apt = PrivateApt(Path(folder), own[-1])
        try:
            apt.update()
            unpack(apt.download(package), Path(folder, "tree"))
        except KernelError as problem:
            said = f"{kept.name}, the key that signs the archive, is not here"
            raise KernelError(said, details=problem.details, hint=f"install the package {package}") from problem
        found = Path(folder, "tree") / _INSTALLED.relative_to("/") / kept.name
        part = kept.with_suffix(".part")
        shutil.copyfile(found, part)
        part.replace(kept)
