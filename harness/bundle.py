# SPDX-License-Identifier: Apache-2.0
"""Evidence bundles: all that a run was made from and came to, in one file that can be run again elsewhere.

A ``.tar.zst`` with ``bundle.json``, ``run/`` (reports, objects, the job with its seed, map dumps, event lists, logs)
and ``checkout/`` (benchmark files and sources).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Literal

import zstandard
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.benchmark import Benchmark
from harness.benchmark_file import load_benchmark
from harness.build import BuiltPair, BuiltSide, Compiler
from harness.checkout import Checkout
from harness.errors import HarnessError
from harness.report import model
from harness.report.store import load_report

#: More than this is no bundle of ours.
_MOST_BYTES = 2 << 30


class Manifest(BaseModel):
    """What a bundle says of itself: the benchmarks' files below ``checkout/``, and how the run was done."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    schema_: Literal[1] = Field(default=1, alias="schema")
    benchmarks: tuple[str, ...]
    target: str
    kernel: str | None
    modules: str | None = None
    mode: str
    seed: int
    cpu: int | None
    cost_blocks: int
    guest_insns: bool
    counters: bool = True


class Bundle(BaseModel):
    """An opened bundle; its files are below ``folder``."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    manifest: Manifest
    folder: Path
    report: model.Report

    @property
    def sources(self) -> Path:
        """Where the benchmarks' and sources' names start from."""
        return self.folder / "checkout"

    def benchmarks(self) -> list[Benchmark]:
        """The benchmarks as they were."""
        return [load_benchmark(self.sources / path, shown=path) for path in self.manifest.benchmarks]

    def pairs(self) -> list[BuiltPair]:
        """The objects as they were. Raises :class:`HarnessError` where the bundle lacks one."""
        parts = {part.name: part for part in self.report.benchmarks}
        return [
            self._pair(benchmark, parts[benchmark.name]) for benchmark in self.benchmarks() if benchmark.name in parts
        ]

    def _pair(self, benchmark: Benchmark, part: model.BenchmarkReport) -> BuiltPair:
        folder = self.folder / "run" / "objects" / benchmark.name
        sides = {}
        for name in benchmark.sources:
            path = folder / f"{name}.bpf.o"
            said = part.sides.get(name)
            if not path.is_file() or said is None:
                raise HarnessError(f"the bundle lacks the {name} object of {benchmark.name}")
            emitted = path.with_suffix(".c")
            sides[name] = BuiltSide(
                name=name,
                object=path,
                source=said.source,
                command=said.command,
                seconds=said.compile_s or 0.0,
                rounds=said.compile_rounds,
                source_lines=said.source_lines,
                emitted=emitted if emitted.is_file() else None,
                emitted_lines=said.emitted_lines,
            )
        compiler = Compiler("", "", self.report.compiler)
        return BuiltPair(benchmark, sides, folder / "empty.bpf.o", compiler, self.report.machine.vmlinux)


def write_bundle(output: Path, manifest: Manifest, run: Path, files: Mapping[str, Path]) -> None:
    """Pack the kept run in folder ``run`` into ``output``; ``files`` are benchmarks and sources by name."""
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(output.name + ".part")
    try:
        _pack(part, manifest, run, files)
        part.replace(output)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _pack(part: Path, manifest: Manifest, run: Path, files: Mapping[str, Path]) -> None:
    compressor = zstandard.ZstdCompressor(level=9)
    with (
        part.open("wb") as stream,
        compressor.stream_writer(stream) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        _add(archive, "bundle.json", manifest.model_dump_json(by_alias=True, indent=1).encode())
        for path in sorted(run.rglob("*")):
            if path.is_file():
                archive.add(path, f"run/{path.relative_to(run).as_posix()}", filter=_nobody)
        for name, path in files.items():
            archive.add(path, f"checkout/{name}", filter=_nobody)


def files_of(checkout: Checkout, paths: Sequence[Path]) -> dict[str, Path]:
    """The benchmark files ``paths`` and the sources of their sides, by their names in the checkout."""
    files = {checkout.relative(path): path for path in paths}
    for path in paths:
        for source in load_benchmark(path).sources.values():
            place = checkout.root / source.path
            if place.is_file():
                files[checkout.relative(place)] = place
    return files


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whose file it was and when it was made is nobody's business."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def open_bundle(path: Path, folder: Path) -> Bundle:
    """Unpack ``path`` into ``folder``. Raises :class:`HarnessError` where it is no bundle."""
    try:
        with _archive(path) as archive:
            for member in archive:
                _extract(archive, member, folder)
        manifest = Manifest.model_validate_json((folder / "bundle.json").read_bytes())
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror or error}", hint="`harness run --bundle` makes one") from error
    except (tarfile.TarError, zstandard.ZstdError, ValidationError, EOFError) as error:
        raise HarnessError(f"{path} is no evidence bundle: {error}", hint="`harness run --bundle` makes one") from error
    return Bundle(manifest=manifest, folder=folder, report=load_report(folder / "run"))


@contextmanager
def _archive(path: Path) -> Iterator[tarfile.TarFile]:
    with (
        path.open("rb") as stream,
        zstandard.ZstdDecompressor().stream_reader(stream) as unpacked,
        tarfile.open(fileobj=unpacked, mode="r|") as archive,
    ):
        yield archive


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one file; only plain files with plain names are taken, whoever made the bundle."""
    name = PurePosixPath(member.name)
    if not member.isfile() or name.is_absolute() or ".." in name.parts or member.size > _MOST_BYTES:
        raise tarfile.TarError(f"an entry that does not belong there: {member.name}")
    place = folder.joinpath(*name.parts)
    place.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    place.write_bytes(content.read() if content is not None else b"")
