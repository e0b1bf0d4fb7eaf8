# SPDX-License-Identifier: Apache-2.0
"""Packages from a distribution's archive, without touching the machine's own apt: private lists, sources and cache.

The archive's address is that which the machine itself uses, or for another distribution's one that the user sets
(``HONEY_DEBIAN_ARCHIVE``, ``HONEY_UBUNTU_ARCHIVE``); apt checks signatures and sums, goes on with a download that was
broken off, and needs no root for this.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.kernels.errors import KernelError
from harness.kernels.keyring import keyring_of
from harness.kernels.releases import Release

_TIME_LIMIT_S = 900
#: With less room than this a tool that failed most likely did so for want of it, whatever it says.
_LEAST_ROOM = 1 << 20
#: How often to look whether there is room, and how often in a row there may be none.
_LOOK_S = 2.0
_FULL_LOOKS = 3
_SHOWN_LINES = 15


class PrivateApt:
    """apt with a state of its own in ``folder``, for the suites of one release."""

    def __init__(self, folder: Path, release: Release) -> None:
        for tool in ("apt-get", "apt-cache", "dpkg-deb"):
            _needs(tool)
        self._folder = folder
        self._release = release
        self._configuration = folder / "apt.conf"

    def update(self) -> None:
        """Fetch the suites' package lists."""
        for name in ("lists/partial", "cache/archives/partial"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "status").touch()
        (self._folder / "sources.list").write_text(_sources(self._release), encoding="utf-8")
        self._configuration.write_text(_configuration(self._folder), encoding="utf-8")
        self._call("apt-get", "--quiet", "update")

    def newest(self, package: str) -> str:
        """The newest version of ``package`` in the suites."""
        return _field(self._show(package), "Version")

    def has(self, package: str) -> bool:
        """Whether the suites have ``package``."""
        # Asked by name, apt would take the name for a pattern where it knows none such.
        return package in self._call("apt-cache", "pkgnames", package).split()

    def depends_on(self, package: str, prefixes: tuple[str, ...]) -> list[str]:
        """The names beginning with one of ``prefixes`` that ``package`` depends on."""
        depends = _field(self._show(package), "Depends")
        names = (part.split("|")[0].split("(")[0].strip() for part in depends.split(","))
        return [name for name in names if name.startswith(prefixes)]

    def download(self, package: str) -> Path:
        """The package's file in this apt's folder; begun downloads go on."""
        place = self._folder / "packages"
        place.mkdir(exist_ok=True)
        self._call("apt-get", "--quiet", "download", package, cwd=place)
        found = sorted(place.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise KernelError(f"apt downloaded no file for {package}")
        return found[-1]

    def _show(self, package: str) -> str:
        return self._call("apt-cache", "show", "--no-all-versions", package)

    def _call(self, tool: str, *arguments: str, cwd: Path | None = None) -> str:
        command = [tool, "--config-file", str(self._configuration), *arguments]
        said = f"the kernel {self._release.name} cannot be fetched"
        hint = "is the package archive reachable? A kernel image can also be given as a path"
        return _call(command, self._folder, said, hint, cwd)


def unpack(file: Path, goes_to: Path) -> None:
    """Unpack a package without installing it. Raises :class:`KernelError`."""
    _needs("dpkg-deb")
    _call(["dpkg-deb", "--extract", str(file), str(goes_to)], goes_to, f"{file.name} cannot be unpacked", "")


def archive_known(of: str) -> bool:
    """Whether it is known where the archive of a distribution lies."""
    return of == distribution() or bool(os.environ.get(_setting(of)))


def _needs(tool: str) -> None:
    if shutil.which(tool) is None:
        raise KernelError(
            f"{tool} is not installed, so kernels in packages cannot be fetched",
            hint="give --kernel the path of a kernel image instead",
        )


def _call(command: Sequence[str], into: Path, said: str, hint: str, cwd: Path | None = None) -> str:
    """What ``command`` says, which writes into the folder ``into``; ``said`` and ``hint`` are for when it fails."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=cwd, stdout=pipe, stderr=pipe, text=True, errors="replace") as process:
        try:
            out, words = _said_by(process, into)
        except TimeoutError as late:
            process.kill()
            raise KernelError(f"{said}: {command[0]} did not end within {_TIME_LIMIT_S} s", hint=hint) from late
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        if "No space left on device" in words or _full(into):
            raise KernelError(f"{said}: no space left on device", hint=f"make room where {into} lies")
        message = f"{said}: {command[0]} ended with status {process.returncode}"
        raise KernelError(message, details="\n".join(words.splitlines()[-_SHOWN_LINES:]), hint=hint)
    return out


def _said_by(process: subprocess.Popen[str], into: Path) -> tuple[str, str]:
    """What ``process`` says on both streams until it ends; killed where the disk stays full, which apt sits out.

    Raises :class:`TimeoutError` after the time limit.
    """
    deadline = time.monotonic() + _TIME_LIMIT_S
    full = 0
    while time.monotonic() < deadline:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_LOOK_S)
        full = full + 1 if _full(into) else 0
        if full == _FULL_LOOKS:
            process.kill()
    raise TimeoutError


def _full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < _LEAST_ROOM


def distribution() -> str:
    """This machine's distribution, as ``debian`` or ``ubuntu`` (os-release(5))."""
    try:
        return platform.freedesktop_os_release().get("ID", "")
    except OSError:
        return ""


def _field(stanza: str, name: str) -> str:
    for line in stanza.splitlines():
        if line.startswith(f"{name}:"):
            return line.partition(":")[2].strip()
    return ""


def _configuration(folder: Path) -> str:
    """Read last, after the machine's own configuration, so that proxies stay and hooks of the machine go."""
    return f"""\
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "{folder}/none";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
"""


def _setting(of: str) -> str:
    return f"HONEY_{of.upper()}_ARCHIVE"


def _sources(release: Release) -> str:
    of = release.distribution
    archives = _archives(of)
    if not archives:
        raise KernelError(
            f"the kernel {release.name} is {of.title()}'s, whose archive this machine does not use",
            hint=f"set {_setting(of)} to the address of that archive, or give the path of a kernel image",
        )
    options = f"[arch=amd64 signed-by={keyring_of(of)}]"
    return "".join(f"deb {options} {archives[kind]} {suite} main\n" for kind, suite in release.suites)


def _archives(of: str) -> dict[str, str]:
    """Where a distribution's ``main`` and ``security`` archives lie: as set, or as the machine's own apt has it."""
    found = {"main": os.environ[_setting(of)]} if os.environ.get(_setting(of)) else _of_this_machine(of)
    if "main" in found:
        found.setdefault("security", found["main"].rstrip("/") + "-security/")
    return found


def _of_this_machine(of: str) -> dict[str, str]:
    form = "$(REPO_URI) $(RELEASE) $(ORIGIN)"
    try:
        done = subprocess.run(
            ["apt-get", "indextargets", "--format", form, "Created-By: Packages"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as problem:
        raise KernelError(f"apt does not say where its packages come from: {problem}") from problem
    found: dict[str, str] = {}
    for line in done.stdout.splitlines():
        address, suite, origin = [*line.split(), "", "", ""][:3]
        if origin == of.title():
            found.setdefault("security" if suite.endswith("-security") else "main", address)
    return found
