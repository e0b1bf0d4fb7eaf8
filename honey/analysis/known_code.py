# SPDX-License-Identifier: Apache-2.0
"""Code outside functions, such as ``Enum.with_index(@names)`` in an attribute: it is worked out like that in functions.

What comes of it must be known when the module is compiled, and nothing may have to be done for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from honey.analysis.code import only_reads
from honey.analysis.errors import Left, Mistake, Poisoned, Report, Restart
from honey.analysis.lowering import Lowering
from honey.analysis.meaning import HANDLERS
from honey.analysis.unit import Knowledge, Unit
from honey.analysis.values import (
    AtomValue,
    BoolValue,
    IntValue,
    ListValue,
    NilValue,
    PlainMapValue,
    RangeValue,
    StringValue,
    TextValue,
    TupleValue,
    Value,
)
from honey.ir import nodes as n
from honey.ir.walk import pick

if TYPE_CHECKING:
    from honey.analysis.module import Module
    from honey.syntax import ast

_READS = frozenset({n.Read, n.AddressOf, n.LocalPlace})


def worked_out(module: Module, node: ast.Node, variables: Mapping[str, Value]) -> Value | None:
    """The value of ``node``, or ``None`` where it is not known now; ``variables`` are those bound around it."""
    fl = Lowering(Unit(module, Report(module.report.source), HANDLERS, Knowledge()))
    for name, value in variables.items():
        fl.scope.bind(name, value, node.span)
    try:
        found = _plain(fl.settled(fl.value(node)))
    except (Mistake, Poisoned, Restart, Left):
        return None
    return found if found is not None and only_reads(fl.code) else None


def _plain(value: Value) -> Value | None:
    """``value`` with texts of known parts made one, or ``None`` if some of it is not known now."""
    match value:
        case IntValue(expr) | BoolValue(expr):
            return None if any(pick(expr, _READS)) else value
        case NilValue() | AtomValue() | StringValue() | RangeValue():
            return value
        case TextValue(parts):
            texts = [part if isinstance(part, str) else _text(part) for part in parts]
            joined = "".join(text for text in texts if text is not None)
            return None if None in texts else StringValue(joined.encode(errors="surrogateescape"))
        case TupleValue(items) | ListValue(items):
            known = [_plain(item) for item in items]
            return None if None in known else type(value)(tuple(item for item in known if item is not None))
        case PlainMapValue(fields):
            pairs = [(key, _plain(item)) for key, item in fields]
            found = tuple((key, item) for key, item in pairs if item is not None)
            return PlainMapValue(found) if len(found) == len(pairs) else None
        case _:
            return None


def _text(value: Value) -> str | None:
    from honey.analysis.constants import text_of

    return text_of(value)
