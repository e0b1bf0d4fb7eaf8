# SPDX-License-Identifier: Apache-2.0
"""How many random examples the tests try, and where mutated sources come from."""

from __future__ import annotations

import os
import re
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def examples(usual: int) -> int:
    """The number of examples to try: `usual` in a plain test run, more where HONEY_FUZZ_EXAMPLES says so."""
    asked = int(os.environ.get("HONEY_FUZZ_EXAMPLES", "0"))
    return max(usual, asked)


def snippets() -> list[str]:
    """One expression of Elixir (or something near it) a line."""
    return (HERE / "elixir" / "snippets.txt").read_text(encoding="utf-8").splitlines()


def sources() -> list[Path]:
    """Every Honey source of the project."""
    folders = (ROOT / "honey" / "ports", ROOT / "docs", ROOT / "examples", HERE / "elixir")
    return sorted(path for folder in folders if folder.is_dir() for path in folder.rglob("*.ex"))


def mutated(text: str, random: Random, tokens: list[str]) -> str:
    """`text` with one to three tokens lost, put in, replaced, or exchanged."""
    found = _TOKEN.findall(text)
    for _ in range(random.choice((1, 1, 2, 3))):
        if not found:
            break
        at = random.randrange(len(found))
        match random.randrange(4):
            case 0:
                del found[at]
            case 1:
                found.insert(at, random.choice(tokens))
            case 2:
                found[at] = random.choice(tokens)
            case _:
                other = random.randrange(len(found))
                found[at], found[other] = found[other], found[at]
    return "".join(found)


def all_tokens() -> list[str]:
    """Every token of the snippets, as often as it occurs."""
    return _TOKEN.findall("\n".join(snippets()))
