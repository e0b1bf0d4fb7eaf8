# SPDX-License-Identifier: Apache-2.0
"""A difference in words a person understands, with all columns beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepdiff import DeepDiff

from workloads.events import Event

#: The oracle's column beside the sides' names.
ORACLE = "oracle"


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field in which the columns differ; ``columns`` by side and ``oracle``, None where one has nothing to say."""

    path: str
    columns: Mapping[str, Any]
    why: str = ""


@dataclass(frozen=True, slots=True)
class EntryDifference:
    """What is different about one key of a map.

    ``key`` is the typed key, ``columns`` the typed values by side (and ``oracle``), None where there is no entry.
    ``between`` says who disagrees: ``sides``, ``contender``, ``oracle``, ``padding`` or ``total``; ``text`` says it
    all in words. ``events`` are the first that led there, ``more_events`` how many there are besides.
    """

    map: str
    key: Any
    label: str
    between: str
    columns: Mapping[str, Any]
    fields: tuple[FieldDifference, ...]
    text: str
    events: tuple[Event, ...] = ()
    more_events: int = 0


def field_paths(left: Any, right: Any, without: tuple[str, ...] = ()) -> list[str]:
    """The dotted paths at which two typed values differ (``""`` for the values themselves), ``without`` left out."""
    diff = DeepDiff(left, right, view="tree", ignore_order=False)
    paths = {
        ".".join(str(step) for step in leaf.path(output_format="list")) for leaves in diff.values() for leaf in leaves
    }
    return sorted(path for path in paths if path not in without)


def at(value: Any, path: str) -> Any:
    """What stands at a dotted path of a typed value; None where there is nothing."""
    for step in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def in_words(place: str, fields: tuple[FieldDifference, ...], columns: Mapping[str, Any]) -> str:
    """``traffic[pid 1]: bytes is 20 in honey, 25 in c`` and, for missing entries, who has it and who has not."""
    have = [name for name, value in columns.items() if value is not None]
    lack = [name for name, value in columns.items() if value is None]
    if lack and have:
        shown = show_value(columns[have[0]])
        return f"{place}: missing in {_and(lack)}; {_and(have)} {'have' if len(have) > 1 else 'has'} {shown}"
    parts = [_field_in_words(field) for field in fields]
    return f"{place}: " + "; ".join(parts)


def _field_in_words(field: FieldDifference) -> str:
    name = field.path or "value"
    said = [f"{show_value(value)} in {column}" for column, value in field.columns.items() if value is not None]
    text = f"{name} is {', '.join(said)}" if said else name
    return f"{text} ({field.why})" if field.why else text


def show_value(value: Any) -> str:
    """A typed value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {show_value(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(show_value(part) for part in value) + "]"
    return repr(value) if isinstance(value, (str, bytes)) else str(value)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
