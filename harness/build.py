# SPDX-License-Identifier: Apache-2.0
"""Compiles all sides of a benchmark with the same clang. Nothing is reused from an earlier run."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from harness.benchmark import Benchmark, C, Source
from harness.build_empty import build_empty
from harness.build_honey import compile_honey
from harness.build_refused import refused
from harness.cancellation import Cancellation
from harness.checkout import Checkout
from harness.errors import BuildError
from harness.lines import code_lines
from harness.objects import ObjectError, read_object
from harness.vmlinux import Vmlinux, vmlinux_header

#: Given to clang for every side. ``__TARGET_ARCH_x86`` is for the macros of libbpf's ``bpf_tracing.h``.
CFLAGS = ("-O2", "-g", "-Wall", "-target", "bpf", "-D__TARGET_ARCH_x86")
CLANG_LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class Compiler:
    """The clang that both sides are compiled with; ``version`` is its own first line."""

    path: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class BuiltSide:
    """A side's object and how it came to be.

    ``source`` is relative to the checkout, ``command`` holds no absolute path (``{vmlinux}`` stands for the folder of
    the generated header), ``seconds`` is what the compiler took, 0 for a finished object, the least of ``rounds`` times
    it was run; it ran beside that of another side where there was one round. ``emitted`` is the C that a
    Honey source was turned into. Lines are counted without blank lines and comments, None where there is no source.
    """

    name: str
    object: Path
    source: str
    command: str
    seconds: float
    source_lines: int | None = None
    emitted: Path | None = None
    emitted_lines: int | None = None
    rounds: int = 1


@dataclass(frozen=True, slots=True)
class BuiltPair:
    """All sides of a benchmark as objects, and the ``empty`` program on the hooks of C.

    ``variants`` are forms of the Honey side that are only counted beside the sides: nothing is compared with them.
    """

    benchmark: Benchmark
    sides: dict[str, BuiltSide]
    empty: Path
    compiler: Compiler
    vmlinux: str
    variants: dict[str, BuiltSide] = field(default_factory=dict)


def find_compiler(name: str = "clang") -> Compiler:
    """The compiler called ``name`` (a command or a path). Raises :class:`BuildError` where there is none."""
    path = shutil.which(name)
    if path is None:
        raise BuildError(f"no compiler {name!r} here", hint="run `make setup`, or name another with --compiler")
    done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0 or not done.stdout:
        raise BuildError(f"{name} --version fails", details=done.stderr)
    return Compiler(path, Path(name).name, done.stdout.splitlines()[0].strip())


def build(
    benchmarks: Sequence[Benchmark], checkout: Checkout, folder: Path, compiler: Compiler, cancellation: Cancellation
) -> list[BuiltPair]:
    """Compile all sides of ``benchmarks`` into ``folder``, two at a time.

    Raises :class:`BuildError` with the compiler's own words for the first side that does not compile.
    """
    has_c = any(source.path.endswith(".c") for benchmark in benchmarks for source in benchmark.sources.values())
    vmlinux = vmlinux_header() if has_c else Vmlinux(folder, "")
    with ThreadPoolExecutor(max_workers=2) as pool:
        work = partial(
            _build_side,
            checkout=checkout,
            folder=folder,
            compiler=compiler,
            vmlinux=vmlinux,
            cancellation=cancellation,
        )
        tasks = {
            (benchmark.name, name): pool.submit(work, benchmark.name, name, source)
            for benchmark in benchmarks
            for name, source in benchmark.sources.items()
        }
        try:
            built = {key: task.result() for key, task in tasks.items()}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [_pair(benchmark, built, compiler, vmlinux.digest) for benchmark in benchmarks]


def timed(
    pairs: Sequence[BuiltPair],
    checkout: Checkout,
    folder: Path,
    compiler: Compiler,
    *,
    rounds: int,
    cancellation: Cancellation,
) -> list[BuiltPair]:
    """``pairs`` with the least time of ``rounds`` more compilations of each side, in turn and one at a time.

    A busy machine only adds to a time, and to all sides alike when they take turns. The objects stay as they are.
    """
    vmlinux = vmlinux_header()
    out = []
    for pair in pairs:
        times: dict[str, list[float]] = {name: [] for name in pair.sides}
        for _ in range(rounds):
            for name, source in pair.benchmark.sources.items():
                again = _build_side(
                    pair.benchmark.name,
                    name,
                    source,
                    checkout=checkout,
                    folder=folder,
                    compiler=compiler,
                    vmlinux=vmlinux,
                    cancellation=cancellation,
                )
                times[name].append(again.seconds)
        sides = {name: replace(side, seconds=min(times[name]), rounds=rounds) for name, side in pair.sides.items()}
        out.append(replace(pair, sides=sides))
    return out


def _pair(
    benchmark: Benchmark, built: Mapping[tuple[str, str], BuiltSide], compiler: Compiler, vmlinux: str
) -> BuiltPair:
    sides = {side: built[benchmark.name, side] for side in benchmark.sources}
    c = sides[C].object
    try:
        programs = read_object(c).programs
    except ObjectError as error:
        raise BuildError(f"{benchmark.name}: {c.name}: {error.message}") from error
    empty = build_empty(programs, c.with_name("empty.bpf.o"), clang=compiler.path)
    return BuiltPair(benchmark, sides, empty, compiler, vmlinux)


def _build_side(
    benchmark: str,
    name: str,
    source: Source,
    *,
    checkout: Checkout,
    folder: Path,
    compiler: Compiler,
    vmlinux: Vmlinux,
    cancellation: Cancellation,
) -> BuiltSide:
    cancellation.check()
    path = checkout.root / source.path
    output = folder / benchmark / f"{name}.bpf.o"
    output.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        raise BuildError(f"{benchmark}: the {name} side's file does not exist: {source.path}")
    shown = checkout.relative(path)
    if source.object is not None:
        shutil.copyfile(path, output)
        return BuiltSide(name, output, shown, "", 0.0)
    lines = code_lines(path)
    if path.suffix == ".ex":
        honey = compile_honey(path, output, clang=compiler.path, root=checkout.root)
        command = honey.command.replace(compiler.path, compiler.name)
        return BuiltSide(name, output, shown, command, honey.seconds, lines, honey.emitted, code_lines(honey.emitted))
    command, seconds = compile_c(path, output, checkout=checkout, compiler=compiler, vmlinux=vmlinux)
    return BuiltSide(name, output, shown, command, seconds, lines)


def compile_c(
    path: Path, output: Path, *, checkout: Checkout, compiler: Compiler, vmlinux: Vmlinux
) -> tuple[str, float]:
    """Compile one C source; gives the command as reports show it and the seconds it took."""
    shown = checkout.relative(path)
    # A source in the checkout is named as it is there, so that messages and line information are the same everywhere.
    given = shown if (checkout.root / shown).is_file() else str(path)
    # The last map that fits is taken.
    maps = {path.parent: ".", checkout.root: ".", vmlinux.include: "vmlinux"}
    flags = [*CFLAGS, *(f"-ffile-prefix-map={place}={name}" for place, name in maps.items())]
    command = [compiler.path, *flags, "-I", str(vmlinux.include), "-c", given, "-o", str(output)]
    before = time.monotonic()
    try:
        done = subprocess.run(
            command, cwd=checkout.root, capture_output=True, text=True, timeout=CLANG_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{shown}: {compiler.name} did not end within {CLANG_LIMIT_S} s") from error
    seconds = time.monotonic() - before
    if done.returncode != 0:
        raise refused(f"{shown} ({compiler.version})", done.stderr.replace(given, shown))
    _strip(output)
    visible = [compiler.name, *CFLAGS, "-I", "{vmlinux}", "-c", shown, "-o", output.name]
    return " ".join(visible), seconds


def _strip(path: Path) -> None:
    """Leave out DWARF, which is most of an object that includes ``vmlinux.h``; BTF, which the kernel wants, stays."""
    tool = shutil.which("llvm-strip")
    if tool is not None:
        subprocess.run([tool, "--strip-debug", str(path)], capture_output=True, timeout=CLANG_LIMIT_S, check=False)
