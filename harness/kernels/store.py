# SPDX-License-Identifier: Apache-2.0
"""Kernels in the cache: fetched by name from a distribution or from the mainline builds, or made ready from an image
given as a path.

Several runs may ask at once: a lock file for each kernel makes all but one wait, and a kernel's folder appears only
when it is complete.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from harness.cache import cache_folder
from harness.kernels.apt import PrivateApt, archive_known, unpack
from harness.kernels.boot_image import unpacked, version_of
from harness.kernels.errors import KernelError
from harness.kernels.mainline import fetch_build, find_build, is_mainline
from harness.kernels.modules import wanted_modules
from harness.kernels.releases import RELEASES, Release, release

#: Packages that a distribution splits its image package into.
_PARTS = ("linux-binary-", "linux-modules-", "linux-base-")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel that is ready to start.

    ``release`` is what ``uname -r`` gives; ``boot`` is the file to start, ``direct`` whether it is an unpacked kernel;
    ``modules`` are to be loaded in their order; ``config`` is the kernel's configuration where it is known.
    """

    name: str
    release: str
    version: str
    folder: Path
    boot: Path
    direct: bool
    modules: tuple[Path, ...]
    config: Path | None

    def module_data(self) -> tuple[tuple[str, bytes], ...]:
        """Name and contents of each module."""
        return tuple((path.name.split("-", 1)[1], path.read_bytes()) for path in self.modules)

    def options(self) -> dict[str, str]:
        """The configuration (``CONFIG_BPF`` → ``y``); empty where it is not known."""
        if self.config is None:
            return {}
        lines = self.config.read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if line.startswith("CONFIG_"))


@dataclass(frozen=True, slots=True)
class Offer:
    """A kernel that can be had by name.

    ``cached`` is the release that is already here ("" where none is), ``available`` whether it is known where the
    distribution's archive lies: this machine uses it, or it is set.
    """

    name: str
    distribution: str
    cached: str
    available: bool


def offers() -> list[Offer]:
    """All kernels that can be had by name; of the mainline builds those that are here."""
    known = {name: archive_known(name) for name in {each.distribution for each in RELEASES}}
    out = []
    for each in RELEASES:
        kernel = _read(_folder(each.name), each.name)
        release_name = kernel.release if kernel else ""
        out.append(Offer(each.name, each.distribution, release_name, known[each.distribution]))
    folders = [folder for folder in sorted(cache_folder("kernels").glob("v*")) if is_mainline(folder.name)]
    here = [kernel for folder in folders if (kernel := _read(folder, folder.name)) is not None]
    out += [Offer(kernel.name, "mainline", kernel.release, available=True) for kernel in here]
    return out


def find_kernel(
    wanted: str, *, modules: Path | None = None, refresh: bool = False, say: Say = lambda _: None
) -> Kernel:
    """The kernel called ``wanted``, or made from the image at the path ``wanted``; fetched unless it is in the cache.

    ``modules`` is a folder with the modules of a kernel given as a path; ``refresh`` looks for a newer package. ``say``
    is told what takes time. Raises :class:`KernelError`.
    """
    check_kernel(wanted, modules)
    known = release(wanted)
    if known is not None:
        return _by_name(known, refresh, say)
    if is_mainline(wanted):
        return _by_version(wanted, refresh, say)
    return _by_path(Path(wanted), modules)


def check_kernel(wanted: str, modules: Path | None = None) -> None:
    """Raises :class:`KernelError` where :func:`find_kernel` would have nothing to look for; fetches nothing."""
    named = release(wanted) is not None or is_mainline(wanted)
    if not named and not Path(wanted).is_file():
        names = ", ".join(each.name for each in RELEASES)
        hint = f"give one of {names}, a mainline version such as v5.15, or the path of a kernel image"
        raise KernelError(f"there is no kernel {wanted!r}", hint=hint)
    if named and modules is not None:
        raise KernelError(
            f"the kernel {wanted} brings its own modules", hint="modules are for an image given as a path"
        )
    if modules is not None and not modules.is_dir():
        raise KernelError(f"{modules} is no folder of modules", hint="give the folder such as lib/modules/VERSION")


def _by_name(known: Release, refresh: bool, say: Say) -> Kernel:
    folder = _folder(known.name)
    with FileLock(f"{folder}.lock"):
        found = _read(folder, known.name)
        if found is not None and not refresh:
            return found
        apt = PrivateApt(_folder("apt") / known.name, known)
        say(f"looking for the kernel {known.name} in {known.distribution.title()}'s archive")
        apt.update()
        version = apt.newest(known.package)
        if not version.startswith(known.name):
            raise KernelError(
                f"{known.distribution.title()} no longer carries the kernel {known.name}: {version} is there"
            )
        if found is not None and found.version == version:
            return found
        _fetch(apt, known, version, folder, say)
        found = _read(folder, known.name)
    if found is None:
        raise KernelError(f"the kernel {known.name} was fetched but cannot be read back")
    return found


def _fetch(apt: PrivateApt, known: Release, version: str, folder: Path, say: Say) -> None:
    images = apt.depends_on(known.package, ("linux-image-",))
    files = []
    for name in [*images, *(part for image in images for part in apt.depends_on(image, _PARTS))]:
        say(f"fetching {name}")
        files.append(apt.download(name))
    _from_packages(known.name, version, files, folder, say)


def _by_version(name: str, refresh: bool, say: Say) -> Kernel:
    folder = _folder(name)
    with FileLock(f"{folder}.lock"):
        found = _read(folder, name)
        if found is not None and not refresh:
            return found
        say(f"looking for the kernel {name} among the mainline builds")
        build = find_build(name)
        if found is None or found.version != build.version:
            files = fetch_build(build, _folder("mainline") / name, say)
            _from_packages(name, build.version, files, folder, say)
            found = _read(folder, name)
    if found is None:
        raise KernelError(f"the kernel {name} was fetched but cannot be read back")
    return found


def _from_packages(name: str, version: str, files: list[Path], folder: Path, say: Say) -> None:
    """Make ``folder`` from packages, which then are no longer needed."""
    with _whole_or_not_at_all(folder) as part:
        tree = part / "tree"
        tree.mkdir()
        say(f"unpacking the kernel {name}")
        for file in files:
            unpack(file, tree)
        image = next(iter(sorted(tree.glob("**/vmlinuz*"))), None)
        if image is None:
            raise KernelError(f"the package of the kernel {name} holds no vmlinuz")
        config = next(iter(sorted(tree.glob("**/config-*"))), None)
        _make_ready(part, image.read_bytes(), wanted_modules(tree), config, {"version": version})
        shutil.rmtree(tree)
    for file in files:
        file.unlink()


def _by_path(path: Path, modules: Path | None) -> Kernel:
    image = path.read_bytes()
    digest = hashlib.sha256(image)
    found_modules = wanted_modules(modules) if modules else []
    for name, data in found_modules:
        digest.update(name.encode() + data)
    folder = _folder(f"image-{digest.hexdigest()[:16]}")
    with FileLock(f"{folder}.lock"):
        if (found := _read(folder, path.name)) is None:
            config = next((each for each in _configs(path, version_of(image)) if each.is_file()), None)
            with _whole_or_not_at_all(folder) as part:
                _make_ready(part, image, found_modules, config, {"version": ""})
            found = _read(folder, path.name)
    if found is None:
        raise KernelError(f"{path.name} was made ready but cannot be read back")
    return found


def _configs(path: Path, release_name: str) -> list[Path]:
    return [path.with_name(f"config-{release_name}"), path.with_name(path.name + ".config"), path.with_name(".config")]


def _make_ready(
    folder: Path, image: bytes, modules: list[tuple[str, bytes]], config: Path | None, facts: dict[str, Any]
) -> None:
    """Write a kernel's files into ``folder``; ``kernel.json`` comes last."""
    release_name = version_of(image)
    kernel = unpacked(image)
    (folder / "boot").write_bytes(kernel if kernel is not None else image)
    (folder / "modules").mkdir()
    for number, (name, data) in enumerate(modules):
        (folder / "modules" / f"{number:02}-{name}").write_bytes(data)
    if config is not None:
        shutil.copyfile(config, folder / "config")
    facts |= {"release": release_name, "direct": kernel is not None}
    (folder / "kernel.json").write_text(json.dumps(facts), encoding="utf-8")


def _read(folder: Path, name: str) -> Kernel | None:
    try:
        facts = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    config = folder / "config"
    return Kernel(
        name=name,
        release=facts["release"],
        version=facts["version"],
        folder=folder,
        boot=folder / "boot",
        direct=facts["direct"],
        modules=tuple(sorted((folder / "modules").iterdir())),
        config=config if config.is_file() else None,
    )


def _folder(name: str) -> Path:
    return cache_folder("kernels") / name


@contextmanager
def _whole_or_not_at_all(folder: Path) -> Iterator[Path]:
    """A new folder that takes the place of ``folder`` at the end of the block, and goes when that fails."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
