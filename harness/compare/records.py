# SPDX-License-Identifier: Apache-2.0
"""The records of an event stream as typed values: ring and perf buffers through BTF, ``bpf_printk`` by its lines."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.benchmark import C, StreamRule
from harness.compare.evidence import Evidence
from harness.errors import RunError
from harness.objects import BpfObject, Decoder
from harness.objects.btf import STRUCT

TRACE = "trace"
#: Streams of what became of frames: ``packets:PROGRAM``.
PACKETS = "packets:"
#: ``enum xdp_action`` (include/uapi/linux/bpf.h).
XDP_ACTIONS = dict(enumerate(("XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT")))
#: The side under which lines stand that several sides wrote.
ALL = "*"

#: ``comm-pid [cpu] flags seconds: bpf_trace_printk: text`` (kernel Documentation/trace/ftrace.rst).
_LINE = re.compile(
    r"\s*(?P<comm>.{1,16})-(?P<pid>\d+)\s+(?:\(.*?\)\s+)?\[\d+\]\s+\S+\s+[\d.]+: (?:bpf_trace_printk|\w+): (?P<text>.*)"
)


@dataclass(frozen=True, slots=True)
class Records:
    """One side's records in order, and how many were lost on the way."""

    values: tuple[Any, ...]
    lost: int = 0


def stream_names(evidence: Evidence) -> list[str]:
    """The streams that some side has, or that the benchmark has a rule for."""
    found = dict.fromkeys(evidence.benchmark.streams)
    for streams in evidence.phase.streams.values():
        found.update(dict.fromkeys(streams))
    return list(found)


def read_records(evidence: Evidence, name: str, rule: StreamRule) -> dict[str, Records]:
    """Each side's records of stream ``name``. Raises :class:`RunError` where they cannot be read."""
    sides = list(evidence.benchmark.sources)
    if name == TRACE and ALL in evidence.phase.streams:
        return _shared_lines(evidence, sides, rule)
    return {side: _of_side(evidence, side, name, rule) for side in sides}


def _of_side(evidence: Evidence, side: str, name: str, rule: StreamRule) -> Records:
    file = evidence.phase.streams.get(side, {}).get(name)
    if file is None:
        return Records(())
    data = _bytes(evidence, file.file)
    if name == TRACE:
        return Records(tuple(map(parse_line, data.decode("utf-8", "replace").splitlines())), file.lost)
    if name.startswith(PACKETS):
        return Records(tuple(map(parse_packet, split_records(data))), file.lost)
    decoder = _decoder((evidence.objects[side], evidence.objects[C]), name, rule)
    return Records(tuple(_decode(decoder, record) for record in split_records(data)), file.lost)


def _bytes(evidence: Evidence, file: str) -> bytes:
    try:
        return (evidence.folder / file).read_bytes()
    except OSError as error:
        raise RunError(f"{file}: the stream cannot be read: {error.strerror}") from error


def split_records(data: bytes) -> list[bytes]:
    """Records that each stand after their length in four bytes."""
    records, at = [], 0
    while at < len(data):
        if at + 4 > len(data):
            raise RunError("a stream ends inside of a record's length")
        (size,) = struct.unpack_from("<I", data, at)
        if at + 4 + size > len(data):
            raise RunError("a stream ends inside of a record")
        records.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return records


def parse_packet(record: bytes) -> dict[str, Any]:
    """What became of a frame: the program's return value, under its XDP name where it has one, and the bytes."""
    action = int.from_bytes(record[:4], "little", signed=True)
    return {"action": XDP_ACTIONS.get(action, action), "frame": record[4:].hex()}


def parse_line(line: str) -> dict[str, Any]:
    """A line of the trace pipe: who wrote it, and what; a line of another form is all text."""
    match = _LINE.match(line)
    if match is None:
        return {"pid": 0, "text": line.strip()}
    return {"pid": int(match["pid"]), "text": match["text"].strip()}


def _shared_lines(evidence: Evidence, sides: Sequence[str], rule: StreamRule) -> dict[str, Records]:
    """Lines that all sides wrote into one buffer: for each process, the sides take turns in the order of attaching."""
    file = evidence.phase.streams[ALL][TRACE]
    lines = map(parse_line, _bytes(evidence, file.file).decode("utf-8", "replace").splitlines())
    turns: dict[int, int] = {}
    found: dict[str, list[Any]] = {side: [] for side in sides}
    for line in lines:
        if rule.own_only and line["pid"] not in evidence.phase.pids:
            continue
        turn = turns.get(line["pid"], 0)
        turns[line["pid"]] = turn + 1
        found[sides[turn % len(sides)]].append(line)
    return {side: Records(tuple(values), file.lost) for side, values in found.items()}


def _decoder(objects: Sequence[BpfObject], name: str, rule: StreamRule) -> Decoder | None:
    """From the first of ``objects`` that knows the type: nothing makes a compiler keep it."""
    if rule.type is None:
        return None
    for obj in objects:
        type_id = obj.btf.find(rule.type, STRUCT)
        if type_id is not None:
            return Decoder(obj.btf, type_id)
    raise RunError(f"streams.{name}.type: no side has a struct {rule.type}")


def _decode(decoder: Decoder | None, record: bytes) -> Any:
    """The typed record; a ring buffer's records are rounded up to 8 bytes, so there may be more than the type has."""
    if decoder is None or len(record) < decoder.size:
        return record.hex()
    return decoder.decode(record)
