# SPDX-License-Identifier: Apache-2.0
"""``harness new``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.benchmark import NAME_PATTERN
from harness.checkout import find_checkout
from harness.errors import HarnessError
from harness.report.terminal import make_console
from harness.whole_file import write_whole

_TEMPLATES = Path(__file__).parents[1] / "templates"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``harness new`` takes."""
    parser.description = (
        "Makes a new pair from a template, which runs at once: a benchmark, its C and its Honey source."
    )
    parser.add_argument("name", metavar="NAME", help="lower case letters, digits and underscores")


def main(given: argparse.Namespace) -> int:
    """Make the files; gives the exit status."""
    name: str = given.name
    if not re.match(NAME_PATTERN, name):
        raise HarnessError(f"{name!r} is no name for a pair", hint="lower case letters, digits and underscores")
    checkout = find_checkout()
    files = {
        f"benchmarks/{name}.toml": "benchmark.toml.j2",
        f"reference_c/{name}/{name}.bpf.c": "reference.bpf.c.j2",
        f"honey/ports/{name}.ex": "port.ex.j2",
    }
    there = [path for path in files if (checkout.root / path).exists()]
    if there:
        raise HarnessError(f"{there[0]} is there already", hint="choose another name, or remove it first")
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    words = name.split("_")
    values = {"name": name, "title": " ".join(words).capitalize(), "module": "".join(map(str.capitalize, words))}
    texts = {path: environment.get_template(template).render(values) for path, template in files.items()}
    _write_all({checkout.root / path: text for path, text in texts.items()})
    console = make_console()
    for path in files:
        console.print(path)
    console.print(f"now: harness run {name} --target sim", style="dim")
    return 0


def _write_all(texts: dict[Path, str]) -> None:
    """Write files that are not there yet: all of them, or none."""
    made: list[Path] = []
    try:
        for place, text in texts.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, text)
            made.append(place)
    except BaseException:
        for place in made:
            place.unlink()
        raise
