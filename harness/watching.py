# SPDX-License-Identifier: Apache-2.0
"""What the agent must know of a benchmark's maps and streams, in bytes: which entries to look at, which to make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.benchmark import Benchmark, Initial, MapRule, StreamRule
from harness.compare.layout import KEY, VALUE, MapLayout, Scalar, locate, map_layout
from harness.errors import RunError
from harness.objects import BpfObject, Decoder
from harness.objects.btf import STRUCT


def watch_and_presets(benchmark: Benchmark, obj: BpfObject) -> dict[str, Any]:
    """The entries ``watch`` and ``presets`` of a benchmark in ``job.json``; types and offsets are those of ``obj``.

    Raises :class:`RunError` where a rule names what the object does not have.
    """
    watch: dict[str, Any] = {}
    presets: dict[str, Any] = {}
    for name, rule in benchmark.maps.items():
        if name not in obj.maps:
            known = ", ".join(obj.declared_maps) or "none"
            raise RunError(f"{benchmark.name}: maps.{name}: C has no such map", hint=f"there are: {known}")
        layout = map_layout(obj, name, 1)
        if rule.own_only or rule.keys is not None:
            watch[name] = _watched(layout, rule)
        if rule.initial:
            presets[name] = [_preset(layout, one) for one in rule.initial]
    for name, stream in benchmark.streams.items():
        # Trace lines are told apart when they are read: they are no records.
        if stream.own_only and name != "trace":
            watch[name] = _watched_record(name, stream, obj)
    found = {"watch": watch, "presets": presets}
    return {what: entries for what, entries in found.items() if entries}


def initial_contents(benchmark: Benchmark, actors: Mapping[str, int]) -> dict[str, dict[int, int]]:
    """What user space puts into maps beforehand, by map; ``actors`` are the process ids by name."""
    return {
        name: {one.key: one.value if one.actor is None else actors.get(one.actor, 0) for one in rule.initial}  # type: ignore[misc]  # one of both is there
        for name, rule in benchmark.maps.items()
        if rule.initial
    }


def _watched(layout: MapLayout, rule: MapRule) -> dict[str, Any]:
    path = rule.scope if rule.own_only and rule.scope else KEY
    return _place(layout.scalar(path, default=KEY), rule.keys)


def _watched_record(name: str, rule: StreamRule, obj: BpfObject) -> dict[str, Any]:
    type_id = obj.btf.find(rule.type or "", STRUCT)
    if type_id is None or rule.scope is None:
        raise RunError(f"streams.{name}.type: there is no struct {rule.type}")
    path = rule.scope.removeprefix(f"{VALUE}.")
    try:
        return _place(locate(Decoder(obj.btf, type_id), VALUE, path, path.split(".")), None)
    except KeyError as error:
        raise RunError(f"streams.{name}.scope: struct {rule.type} has no field {error.args[0]!r}") from error


def _place(scalar: Scalar, ranges: tuple[tuple[int, int], ...] | None) -> dict[str, Any]:
    said: dict[str, Any] = {"part": scalar.part, "offset": scalar.offset, "size": scalar.size}
    return said if ranges is None else {**said, "ranges": [list(pair) for pair in ranges]}


def _preset(layout: MapLayout, one: Initial) -> dict[str, Any]:
    key = one.key.to_bytes(layout.key_size, "little").hex()
    value = (one.value or 0).to_bytes(layout.value_size, "little").hex()
    said = {"key": key, "value": value}
    return said if one.actor is None else {**said, "actor": one.actor}
