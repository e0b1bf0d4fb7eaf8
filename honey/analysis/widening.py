# SPDX-License-Identifier: Apache-2.0
"""Functions that turn out to be called with addresses of several kinds.

A function is analysed at its first call. Where a later call shows that a parameter is an address of any memory, and not
of the user's alone, only that function is analysed again, and the calls before get along with a conversion. Everything
else that later calls can teach is for another round of the whole module, as are sources with something to report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from honey.analysis.shapes import AddressShape, Shape
from honey.analysis.unit import Unit
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import pick, rewrite_block
from honey.records import replace

if TYPE_CHECKING:
    from honey.analysis.bodies import Instance

_CALLS = frozenset((n.Call,))


def analysed_again(
    unit: Unit, key: object, wider: Sequence[Shape], again: Callable[[], Instance | None]
) -> Instance | None:
    """The instance under ``key`` for ``wider`` parameters, by ``again``; ``None`` where that is not all there is."""
    old = unit.instances[key]
    if old is None or not unit.report.is_empty or not _only_addresses(old.parameters, wider):
        return None
    at = next(index for index, function in enumerate(unit.functions) if function.name == old.name)
    del unit.functions[at]
    new = again()
    same = new is not None and (new.name, new.result, new.may_raise) == (old.name, old.result, old.may_raise)
    if not same or not unit.report.is_empty:
        return None
    unit.functions.insert(at, unit.functions.pop())
    unit.widened.add(old.name)
    return new


def _only_addresses(before: Sequence[Shape], after: Sequence[Shape]) -> bool:
    both = zip(before, after, strict=True)
    return all(a == b or (isinstance(a, AddressShape) and isinstance(b, AddressShape)) for a, b in both)


def with_converted_arguments(unit: Unit) -> list[n.Function]:
    """The round's functions, with calls from before a parameter was widened that convert what they pass."""
    if not unit.widened:
        return unit.functions
    params = {function.name: function.params for function in unit.functions if function.name in unit.widened}

    def rule(node: object) -> object:
        if isinstance(node, n.Call) and node.function in params:
            args = tuple(_converted(arg, param) for arg, param in zip(node.args, params[node.function], strict=True))
            return replace(node, args=args)
        return node

    return [
        replace(function, body=rewrite_block(function.body, rule, _CALLS))
        if any(call.function in params for call in pick(function.body, _CALLS))
        else function
        for function in unit.functions
    ]


def _converted(arg: n.Expr, param: n.Local) -> n.Expr:
    differs = isinstance(arg.type, t.Address) and arg.type != param.type
    return n.Cast(arg, param.type) if differs else arg
