# SPDX-License-Identifier: Apache-2.0
"""``harness kernels``: what kernels there are, fetching them ahead of time, and building one from its source."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from harness.errors import HarnessError
from harness.kernels.build import Order, build
from harness.kernels.releases import DEFAULT, release
from harness.kernels.source import packaged_source
from harness.kernels.store import Offer, find_kernel, offers


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``harness kernels`` takes."""
    parser.description = (
        "The kernels for the virtual machine. They are checked and kept in the user's cache; nothing of the machine's "
        "apt or /lib/modules is touched."
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="what can be had by name, and what is here (default)")
    fetch = actions.add_parser("fetch", help="bring kernels into the cache")
    fetch.add_argument(
        "kernels", nargs="*", metavar="NAME|PATH", help="a name of the list, a mainline version (v5.15), or an image"
    )
    fetch.add_argument("--all", action="store_true", help="all those whose archive is known")
    fetch.add_argument("--refresh", action="store_true", help="look for newer packages of those in the cache")
    make = actions.add_parser("build", help="build a kernel for guests from its source, everything built in")
    make.add_argument(
        "source",
        metavar="NAME|SOURCE",
        help="a name of the list, whose source the distribution has; or a source's folder, or its tar archive",
    )
    make.add_argument("--output", type=Path, metavar="FOLDER", help="where the image goes (default: in the cache)")
    make.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="a configuration option besides those that guests need, such as CONFIG_DEBUG_INFO_BTF=n",
    )
    make.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="commands at once")


def main(given: argparse.Namespace) -> int:
    """List, fetch or build; gives the exit status."""
    from harness.report.terminal import make_console

    console = make_console()

    def say(words: str) -> None:
        console.print(words, style="dim", markup=False, soft_wrap=True)

    if given.action == "fetch":
        _fetch(given, offers(), console, say)
    elif given.action == "build":
        known = release(given.source)
        source = packaged_source(known, say) if known is not None else Path(given.source)
        made = build(Order(source, tuple(given.set), given.jobs), given.output, say)
        console.print(f"{made}\nharness run --kernel {made}", markup=False, soft_wrap=True)
    else:
        _list(offers(), console)
    return 0


def _fetch(given: argparse.Namespace, known: list[Offer], console: Console, say: Callable[[str], None]) -> None:
    wanted = list(given.kernels)
    if given.all:
        wanted += [offer.name for offer in known if offer.available and offer.name not in wanted]
    if given.refresh and not wanted:
        wanted = [offer.name for offer in known if offer.cached]
    if not wanted and not given.refresh:
        raise HarnessError("there is nothing to fetch", hint="name kernels of `harness kernels list`, or say --all")
    for name in wanted:
        kernel = find_kernel(name, refresh=given.refresh, say=say)
        start = "starts directly" if kernel.direct else "starts through its own unpacking"
        console.print(f"{kernel.name}: {kernel.release}, {len(kernel.modules)} modules, {start}", markup=False)


def _list(known: list[Offer], console: Console) -> None:
    for offer in known:
        default = "  (default)" if offer.name == DEFAULT else ""
        state = offer.cached or ("can be fetched" if offer.available else "not from this machine's archive")
        console.print(f"{offer.name:8}  {offer.distribution:8}  {state}{default}", markup=False)
    words = "also: a mainline version such as v5.15, and any bzImage, vmlinuz or vmlinux given as a path"
    console.print(words, style="dim", markup=False)
