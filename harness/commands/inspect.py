# SPDX-License-Identifier: Apache-2.0
"""``harness inspect``."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from harness.checkout import find_checkout
from harness.errors import HarnessError
from harness.execute import KNOWN_TARGETS, SIM, VM
from harness.loading import load_on
from harness.measure.attribution import Counted, attribute
from harness.measure.causes import causes
from harness.objects import BpfObject, ObjectError, link, read_object
from harness.report import words
from harness.report.terminal import make_console
from harness.result import LoadedProgram


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``harness inspect`` takes."""
    parser.description = (
        "Describes an eBPF object from whatever compiler: programs, maps, what its instructions are for, and by source "
        "line. With --target it is also loaded into a kernel, and what the verifier and the JIT say is shown."
    )
    parser.add_argument("object", type=Path, metavar="X.bpf.o")
    targets = ", ".join(name for name in KNOWN_TARGETS if name != SIM)
    parser.add_argument("--target", metavar="TARGET", help=f"load it there: {targets}")
    parser.add_argument("--kernel", metavar="NAME|PATH", help="the vm's kernel")
    parser.add_argument("--lines", action="store_true", help="the instructions of each source line")
    parser.add_argument("--assembly", metavar="PROGRAM", help="the instructions of a program")


def main(given: argparse.Namespace) -> int:
    """Describe; gives the exit status."""
    if given.kernel and given.target != VM:
        raise HarnessError("--kernel is the kernel of the target vm", hint="add --target vm")
    try:
        obj = read_object(given.object)
    except ObjectError as error:
        raise HarnessError(f"{given.object}: {error.message}") from error
    console = make_console()
    if given.assembly is not None:
        _assembly(obj, given.assembly, console)
        return 0
    loaded: dict[str, LoadedProgram] = {}
    if given.target:
        loaded = load_on(given.target, given.object, find_checkout(), kernel=given.kernel)
    count = len(obj.programs)
    said = f"{given.object.name}: licence {obj.license or 'none'}, {count} program{'' if count == 1 else 's'}"
    console.print(said, markup=False)
    console.print(_programs(obj, loaded))
    if obj.declared_maps:
        console.print(_maps(obj))
    console.print(_causes(obj))
    if given.lines:
        _lines(obj, console)
    return 0


def _table(*names: str, left: int = 1) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for number, name in enumerate(names):
        table.add_column(name, justify="left" if number < left else "right", overflow="fold")
    return table


def _programs(obj: BpfObject, loaded: dict[str, LoadedProgram]) -> Table:
    metrics = ("xlated_insns", "jited_bytes", "stack_bytes", "verified_insns", "peak_states", "total_states")
    extra = [metric.replace("_", " ") for metric in metrics] if loaded else []
    table = _table("program", "section", "insns", "functions", *extra, left=2)
    for name, program in obj.programs.items():
        linked = link(obj, name)
        cells = [str(len(linked.insns)), str(len(linked.functions))]
        if loaded:
            said = loaded.get(name)
            cells += [words.figure(getattr(said, metric) if said else None) for metric in metrics]
        table.add_row(name, program.section, *cells)
    return table


def _maps(obj: BpfObject) -> Table:
    table = _table("map", "type", "key", "value", "key bytes", "value bytes", "entries", left=4)
    for name, one in obj.declared_maps.items():
        types = [obj.btf.describe(id_) if id_ else words.NONE for id_ in (one.key_type, one.value_type)]
        table.add_row(name, one.type, *types, str(one.key_size), str(one.value_size), f"{one.max_entries:,}")
    return table


def _causes(obj: BpfObject) -> Table:
    counts = {name: Counter(filter(None, causes(link(obj, name)))) for name in obj.programs}
    every = sum(counts.values(), Counter())
    table = _table("instructions for", *obj.programs)
    for cause, _ in every.most_common():
        table.add_row(cause, *(str(counts[name][cause]) for name in obj.programs))
    return table


def _counted(obj: BpfObject) -> dict[str, tuple[Counted, ...]]:
    return dict(attribute(obj, "", {name: {"": name} for name in obj.programs}, {}).handlers)


def _lines(obj: BpfObject, console: Console) -> None:
    texts = {(line.file.removeprefix("./"), line.line): line.text.strip() for line in obj.lines.values()}
    table = _table("line", "source", "insns", left=2)
    counts: Counter[tuple[str, int]] = Counter()
    for insns in _counted(obj).values():
        counts.update((one.file, one.line) for one in insns)
    for (file, number), count in sorted(counts.items()):
        table.add_row(f"{file}:{number}" if file else "unknown", texts.get((file, number), ""), str(count))
    console.print(table)


def _assembly(obj: BpfObject, program: str, console: Console) -> None:
    if program not in obj.programs:
        raise HarnessError(f"there is no program {program!r}; there are {', '.join(obj.programs)}")
    for one in _counted(obj)[program]:
        console.print(f"{one.slot:5}  {one.text:<50} {one.cause:<26} {one.line or ''}", markup=False, soft_wrap=True)
