# SPDX-License-Identifier: Apache-2.0
"""``harness kernels``: what kernels there are, and fetching them ahead of time."""

from __future__ import annotations

import argparse

from harness.kernels.releases import DEFAULT
from harness.kernels.store import find_kernel, offers


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``harness kernels`` takes."""
    parser.description = (
        "Lists the kernels for the virtual machine, or fetches those named. They come from the distribution's own "
        "archive, checked by apt, into the user's cache; nothing of the machine's apt or /lib/modules is touched."
    )
    parser.add_argument(
        "kernels", nargs="*", metavar="NAME|PATH", help="fetch these (or make the image at a path ready)"
    )
    parser.add_argument("--all", action="store_true", help="fetch all of this machine's distribution")
    parser.add_argument("--refresh", action="store_true", help="look for newer packages of those in the cache")


def main(given: argparse.Namespace) -> int:
    """List or fetch; gives the exit status."""
    from harness.report.terminal import make_console

    console = make_console()
    known = offers()
    wanted = list(given.kernels)
    if given.all:
        wanted += [offer.name for offer in known if offer.available and offer.name not in wanted]
    if given.refresh and not wanted:
        wanted = [offer.name for offer in known if offer.cached]
    for name in wanted:
        kernel = find_kernel(name, refresh=given.refresh, say=lambda words: console.print(words, style="dim"))
        start = "starts directly" if kernel.direct else "starts through its own unpacking"
        console.print(f"{kernel.name}: {kernel.release}, {len(kernel.modules)} modules, {start}")
    if not wanted:
        for offer in known:
            default = "  (default)" if offer.name == DEFAULT else ""
            state = offer.cached or ("can be fetched" if offer.available else "not from this machine's archive")
            console.print(f"{offer.name:5}  {offer.distribution:7}  {state}{default}")
        console.print("any bzImage, vmlinuz or vmlinux can be given as a path as well", style="dim")
    return 0
