# SPDX-License-Identifier: Apache-2.0
"""Everything that comes before a target is needed: the sides compiled, the pairs looked at for fairness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.benchmark import Benchmark
from harness.build import BuiltPair, Compiler, build
from harness.checkout import Checkout
from harness.errors import BuildError, PairError
from harness.handlers import handlers
from harness.lint import lint
from harness.objects import ObjectError, read_object


@dataclass(frozen=True, slots=True)
class Prepared:
    """The pairs that can be run, and of the others why not (in words, a line each), by name."""

    pairs: list[BuiltPair]
    unfair: dict[str, str]


def prepare(benchmarks: Sequence[Benchmark], checkout: Checkout, folder: Path, compiler: Compiler) -> Prepared:
    """Compile all pairs into ``folder`` and put aside those that are not alike in shape.

    Raises :class:`BuildError` where a side does not compile, :class:`PairError` where no pair is left.
    """
    return looked_at(build(benchmarks, checkout, folder, compiler))


def looked_at(pairs: Sequence[BuiltPair]) -> Prepared:
    """Put aside the pairs that are not alike in shape. Raises :class:`PairError` where none is left."""
    unfair = {pair.benchmark.name: words for pair in pairs if (words := _unfair(pair))}
    fair = [pair for pair in pairs if pair.benchmark.name not in unfair]
    if not fair:
        raise PairError(SAID, details="\n".join(unfair.values()))
    return Prepared(fair, unfair)


#: What is said of an unfair pair, before the particulars.
SAID = "the sides are not alike in shape; declare under [[differences]] what is meant to differ"


def _unfair(pair: BuiltPair) -> str:
    try:
        objects = {name: read_object(side.object) for name, side in pair.sides.items()}
        found = lint(pair.benchmark, objects, handlers(pair.benchmark, objects))
    except ObjectError as error:
        raise BuildError(f"{pair.benchmark.name}: {Path(error.path).name}: {error.message}") from error
    return "\n".join(one.text for one in found)
