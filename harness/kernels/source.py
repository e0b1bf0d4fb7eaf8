# SPDX-License-Identifier: Apache-2.0
"""The source of a kernel that can be had by name, as the distribution packages it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from harness.cache import cache_folder
from harness.kernels.apt import PrivateApt, unpack
from harness.kernels.errors import KernelError
from harness.kernels.releases import Release


def packaged_source(known: Release, say: Callable[[str], None]) -> Path:
    """The tar archive with the source of a release, fetched unless it is in the cache. Raises :class:`KernelError`."""
    place = cache_folder("builds") / "sources"
    place.mkdir(exist_ok=True)
    with FileLock(place / f"{known.name}.lock"):
        say(f"looking for the source of the kernel {known.name} in {known.distribution.title()}'s archive")
        apt = PrivateApt(cache_folder("kernels") / "apt" / known.name, known)
        apt.update()
        # The image's package is called after the version, and Ubuntu's versions have three parts.
        package = next((name for name in _names(known) if apt.has(name)), None)
        if package is None:
            raise KernelError(f"{known.distribution.title()} has no source of the kernel {known.name}")
        stem = f"linux-{apt.newest(package)}"
        found = next(iter(place.glob(f"{stem}.tar.*")), None)
        return found or _fetch(apt, package, place / stem, say)


def _names(known: Release) -> tuple[str, str]:
    return f"linux-source-{known.name}", f"linux-source-{known.name}.0"


def _fetch(apt: PrivateApt, package: str, stem: Path, say: Callable[[str], None]) -> Path:
    say(f"fetching {package}")
    file = apt.download(package)
    with tempfile.TemporaryDirectory(dir=stem.parent) as folder:
        unpack(file, Path(folder))
        archives = [path for path in Path(folder).rglob("linux-source-*.tar.*") if not path.is_symlink()]
        if not archives:
            raise KernelError(f"{file.name} holds no source")
        path = stem.with_name(f"{stem.name}.tar{archives[0].suffix}")
        shutil.move(archives[0], path)
    file.unlink()
    return path
