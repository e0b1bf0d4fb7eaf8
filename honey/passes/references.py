# SPDX-License-Identifier: Apache-2.0
"""Where a reference leads to: the look-up or the parameter that it comes from, through calls."""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir.symbols import Symbols
from honey.ir.walk import pick
from honey.passes.rewriting import CALLS
from honey.records import dataclass, field

_GIVING = frozenset((n.Let, n.Assign))
_RETURNS = frozenset((n.Return,))


@dataclass(slots=True)
class Origins:
    """Finds the maps that a reference may point into."""

    program: n.Program
    symbols: Symbols
    _given: dict[str, dict[int, list[n.Expr | n.Effect | None]]] = field(default_factory=dict)
    _calls: dict[str, list[tuple[n.Function, n.Call]]] | None = None

    def maps(self, ref: n.Expr, function: n.Function) -> frozenset[str] | None:
        """The maps that ``ref``, an expression in ``function``, may point into; ``None`` if it may lead elsewhere."""
        return self._maps(ref, function, frozenset())

    def _maps(self, ref: n.Expr, function: n.Function, seen: frozenset[tuple[str, int]]) -> frozenset[str] | None:
        while isinstance(ref, (n.NonNull, n.Cast)):
            ref = ref.operand
        match ref:
            case n.AddressOf(n.FieldPlace(base) | n.IndexPlace(base)):
                return self._of_place(base, function, seen)
            case n.AddressOf(n.DerefPlace(inner)):
                return self._maps(inner, function, seen)
            case n.Read(n.LocalPlace(local)):
                return self._of_local(local, function, seen)
            case _:
                return None

    def _of_place(
        self, place: n.Place, function: n.Function, seen: frozenset[tuple[str, int]]
    ) -> frozenset[str] | None:
        while isinstance(place, (n.FieldPlace, n.IndexPlace)):
            place = place.base
        return self._maps(place.ref, function, seen) if isinstance(place, n.DerefPlace) else None

    def _of_local(
        self, local: n.Local, function: n.Function, seen: frozenset[tuple[str, int]]
    ) -> frozenset[str] | None:
        if (function.name, local.id) in seen:
            return frozenset()
        seen = seen | {(function.name, local.id)}
        for position, param in enumerate(function.params):
            if param == local:
                return self._of_parameter(function, position, seen)
        found: set[str] = set()
        for value in self._values(function).get(local.id, [None]):
            maps = self._of_value(value, function, seen)
            if maps is None:
                return None
            found |= maps
        return frozenset(found)

    def _of_value(
        self, value: n.Expr | n.Effect | None, function: n.Function, seen: frozenset[tuple[str, int]]
    ) -> frozenset[str] | None:
        if isinstance(value, n.MapLookup):
            return frozenset([value.map])
        if isinstance(value, n.Call):
            return self._of_results(self.symbols.functions[value.function], seen)
        return self._maps(value, function, seen) if isinstance(value, n.Expr) else None

    def _of_parameter(
        self, function: n.Function, position: int, seen: frozenset[tuple[str, int]]
    ) -> frozenset[str] | None:
        if function.section is not None:
            return None
        found: set[str] = set()
        for caller, call in self.calls().get(function.name, []):
            maps = self._maps(call.args[position], caller, seen)
            if maps is None:
                return None
            found |= maps
        return frozenset(found)

    def _of_results(self, function: n.Function, seen: frozenset[tuple[str, int]]) -> frozenset[str] | None:
        found: set[str] = set()
        for node in pick(function.body, _RETURNS):
            if node.value is not None and not isinstance(node.value, n.Const):
                maps = self._maps(node.value, function, seen)
                if maps is None:
                    return None
                found |= maps
        return frozenset(found)

    def calls(self) -> dict[str, list[tuple[n.Function, n.Call]]]:
        """All calls of each function, with their callers."""
        if self._calls is None:
            self._calls = calls_of(self.program)
        return self._calls

    def _values(self, function: n.Function) -> dict[int, list[n.Expr | n.Effect | None]]:
        """All that each local is declared with or assigned."""
        if function.name not in self._given:
            given: dict[int, list[n.Expr | n.Effect | None]] = {}
            for node in pick(function.body, _GIVING):
                if isinstance(node, n.Let):
                    given.setdefault(node.local.id, []).append(node.value)
                elif isinstance(node.place, n.LocalPlace):
                    given.setdefault(node.place.local.id, []).append(node.value)
            self._given[function.name] = given
        return self._given[function.name]


def calls_of(program: n.Program) -> dict[str, list[tuple[n.Function, n.Call]]]:
    """All calls of each function, with their callers."""
    found: dict[str, list[tuple[n.Function, n.Call]]] = {}
    for function in program.functions:
        for node in pick(function.body, CALLS):
            found.setdefault(node.function, []).append((function, node))
    return found
