# SPDX-License-Identifier: Apache-2.0
"""The kernels that can be had by name: which distribution's suite carries which version."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """A kernel by its short name.

    ``package`` is the package that always depends on the newest image of that version; ``suites`` are where it is
    looked for: archive (``main`` or ``security``) and suite.
    """

    name: str
    distribution: str
    package: str
    suites: tuple[tuple[str, str], ...]


#: Newest last. The first column is what ``--kernel`` takes.
RELEASES = (
    Release("5.10", "debian", "linux-image-amd64", (("security", "bullseye-security"),)),
    Release("6.1", "debian", "linux-image-amd64", (("main", "bookworm"), ("security", "bookworm-security"))),
    Release("6.12", "debian", "linux-image-amd64", (("main", "trixie"), ("security", "trixie-security"))),
    Release("7.2", "debian", "linux-image-amd64", (("main", "sid"),)),
    Release("5.15", "ubuntu", "linux-image-generic", (("main", "jammy"), ("main", "jammy-updates"))),
    Release("6.8", "ubuntu", "linux-image-generic", (("main", "noble"), ("main", "noble-updates"))),
)
DEFAULT = "6.1"


def release(name: str) -> Release | None:
    """The release called ``name``, if there is one."""
    return next((each for each in RELEASES if each.name == name), None)
