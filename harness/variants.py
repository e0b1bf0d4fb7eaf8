# SPDX-License-Identifier: Apache-2.0
"""The Honey side compiled without some of the compiler's passes, to see what each of them saves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from harness.benchmark import HONEY
from harness.build import BuiltPair, BuiltSide
from harness.cancellation import Cancellation
from harness.checkout import Checkout
from harness.errors import BuildError

#: Passes that are left out together.
LeftOut = frozenset[str]


@dataclass(frozen=True, slots=True)
class Variants:
    """The Honey side compiled without some of its passes.

    ``passes`` are those that change the emitted C, by their absence or alone, in order; ``idle`` are the others.
    ``objects`` has the object by what was left out: nothing, each pass, each two of them, and all; sets that come to
    the same C share one. ``alone`` has the objects of each pass by itself.
    """

    passes: tuple[str, ...]
    idle: tuple[str, ...]
    objects: Mapping[LeftOut, Path]
    alone: Mapping[str, Path]


def make_variants(
    source: Path, folder: Path, *, clang: str, checkout: Checkout, cancellation: Cancellation
) -> Variants:
    """Compile ``source`` without each pass and each two of those that matter, into ``folder``.

    Raises :class:`BuildError` where the source does not compile as it is; a set of passes without which it does not
    (too large a stack) is left out of ``objects``.
    """
    from honey.passes import NAMES

    maker = _Maker(source, folder, clang, checkout, cancellation)
    full, none = maker.text(()), maker.text(NAMES)
    alone = {name: maker.text(other for other in NAMES if other != name) for name in NAMES}
    passes = tuple(name for name in NAMES if maker.text((name,)) != full or alone[name] != none)
    left_out = [frozenset(one) for number in (0, 1, 2) for one in combinations(passes, number)]
    left_out.append(frozenset(NAMES))
    texts = {one: maker.text(one) for one in left_out}
    places = maker.compile({*texts.values(), *alone.values()})
    if full not in places:
        raise BuildError(f"{checkout.relative(source)} does not compile for the ablation")
    objects = {one: places[text] for one, text in texts.items() if text in places}
    idle = tuple(name for name in NAMES if name not in passes)
    return Variants(passes, idle, objects, {name: places[text] for name, text in alone.items() if text in places})


class _Maker:
    """Emits and compiles one source; each text is compiled once."""

    def __init__(self, source: Path, folder: Path, clang: str, checkout: Checkout, cancellation: Cancellation) -> None:
        from honey.syntax.source import SourceFile

        self._source = SourceFile(checkout.relative(source), source.read_bytes())
        self._folder = folder
        self._clang = clang
        self._cancellation = cancellation

    def text(self, left_out: Iterable[str]) -> str:
        """The C that is emitted without the passes ``left_out``."""
        from honey.compiler import to_c
        from honey.passes import NAMES

        self._cancellation.check()
        without = frozenset(left_out)
        done = to_c(self._source, tuple(name for name in NAMES if name not in without))
        if done.c is None:
            raise BuildError(f"{self._source.name} does not compile")
        return done.c.text

    def compile(self, texts: Iterable[str]) -> dict[str, Path]:
        """The objects by text; clang refuses some, which are left out."""
        from honey.emit.clang import ClangError, Compiled, compile_c

        def one(text: str, place: Path) -> Compiled | ClangError:
            self._cancellation.check()
            return compile_c(text, place, clang=self._clang)

        self._folder.mkdir(parents=True, exist_ok=True)
        places = {text: self._folder / f"variant-{number}.bpf.o" for number, text in enumerate(sorted(texts))}
        with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            done = pool.map(one, places.keys(), places.values())
            return {
                text: place
                for (text, place), one in zip(places.items(), done, strict=True)
                if isinstance(one, Compiled)
            }


def with_variants(pair: BuiltPair, variants: Variants) -> BuiltPair:
    """``pair`` with what a guest is to count besides its sides: without each pass, and without all of them."""
    wanted = [one for one in variants.objects if len(one) == 1 or len(one) > 2]
    made = {side_of(one): variants.objects[one] for one in wanted}
    sides = {name: BuiltSide(name, place, pair.sides[HONEY].source, "", 0.0) for name, place in made.items()}
    return replace(pair, variants=sides)


def side_of(left_out: LeftOut) -> str:
    """What a variant is called among the sides of a job."""
    if not left_out:
        return HONEY
    return "without_" + "_".join(sorted(left_out)).replace("-", "_") if len(left_out) < 3 else "without_all"
