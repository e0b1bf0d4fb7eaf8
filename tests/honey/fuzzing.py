# SPDX-License-Identifier: Apache-2.0
"""How many random examples the tests try, and where mutated sources come from."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from random import Random

from honey.diagnostics.catalogue import catalogue, module_of

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def examples(usual: int) -> int:
    """The number of examples to try: `usual` in a plain test run, more where HONEY_FUZZ_EXAMPLES says so."""
    asked = int(os.environ.get("HONEY_FUZZ_EXAMPLES", "0"))
    return max(usual, asked)


def chance() -> Random:
    """The same numbers in each plain run; others, from a seed that is printed, where more examples are asked for."""
    seed = int.from_bytes(os.urandom(4), "little") if "HONEY_FUZZ_EXAMPLES" in os.environ else 1
    print(f"seed {seed}")
    return Random(seed)


def layouts() -> list[str]:
    """Sources of some lines, where it matters whether a line goes on with the one before."""
    return (HERE / "elixir" / "layouts.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n\n=\n\n")


@cache
def programs() -> list[str]:
    """The programs of the cases and of the catalogue of diagnostics."""
    found = []
    for path in sorted((ROOT / "tests" / "programs").glob("*.case")):
        source = path.read_text(encoding="utf-8").partition("--- source\n")[2]
        found.append(module_of(re.split(r"^--- ", source, flags=re.MULTILINE)[0]))
    for entry in catalogue().values():
        found += [module_of(text) for text in (entry.wrong, entry.right) if text]
    return found


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


def tokens_of(text: str) -> list[str]:
    """The tokens of a source, blanks included."""
    return _TOKEN.findall(text)


def all_tokens() -> list[str]:
    """Every token of the snippets, as often as it occurs."""
    return tokens_of("\n".join(snippets()))
