# SPDX-License-Identifier: Apache-2.0
"""Everything that comes before a target is needed: the sides compiled, the pairs looked at for fairness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.benchmark import Benchmark
from harness.build import BuiltPair, Compiler, build, timed
from harness.cancellation import Cancellation
from harness.checkout import Checkout
from harness.errors import BuildError, PairError
from harness.handlers import handlers
from harness.lint import lint
from harness.objects import ObjectError, read_object
from harness.variants import Variants, make_variants, with_variants


@dataclass(frozen=True, slots=True)
class Prepared:
    """The pairs that can be run, and of the others why not (in words, a line each), by name.

    ``variants`` are the Honey sides without some passes, by benchmark, where that was asked for.
    """

    pairs: list[BuiltPair]
    unfair: dict[str, str]
    variants: dict[str, Variants] = field(default_factory=dict)


def prepare(
    benchmarks: Sequence[Benchmark],
    checkout: Checkout,
    folder: Path,
    compiler: Compiler,
    cancellation: Cancellation,
    *,
    ablation: bool = False,
    compile_rounds: int = 0,
) -> Prepared:
    """Compile all pairs into ``folder`` and put aside those that are not alike in shape.

    ``compile_rounds`` more compilations of each side are timed. Raises :class:`BuildError` where a side does not
    compile, :class:`PairError` where no pair is left, and what ``cancellation`` does.
    """
    prepared = looked_at(build(benchmarks, checkout, folder, compiler, cancellation))
    if compile_rounds:
        place = folder.with_name("timed")
        again = timed(prepared.pairs, checkout, place, compiler, rounds=compile_rounds, cancellation=cancellation)
        prepared = replace(prepared, pairs=again)
    return _with_variants(prepared, checkout, folder, compiler, cancellation) if ablation else prepared


def _with_variants(
    prepared: Prepared, checkout: Checkout, folder: Path, compiler: Compiler, cancellation: Cancellation
) -> Prepared:
    """The same with the Honey sides compiled once more, without some of their passes; sides in C have none."""
    made: dict[str, Variants] = {}
    for pair in prepared.pairs:
        source = pair.benchmark.sides.honey.path
        if source.endswith(".ex"):
            place = folder / pair.benchmark.name / "ablation"
            made[pair.benchmark.name] = make_variants(
                checkout.root / source, place, clang=compiler.path, checkout=checkout, cancellation=cancellation
            )
    pairs = [
        with_variants(pair, made[pair.benchmark.name]) if pair.benchmark.name in made else pair
        for pair in prepared.pairs
    ]
    return replace(prepared, pairs=pairs, variants=made)


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
