# SPDX-License-Identifier: Apache-2.0
"""The module under analysis: what its functions share, and what was learnt of it in earlier rounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from honey.analysis.errors import Report, Restart
from honey.analysis.shapes import Shape
from honey.analysis.values import AtomValue, ParameterKey, RuntimeAtom, Value
from honey.ir import nodes as n
from honey.ir import types as t
from honey.records import dataclass, field

if TYPE_CHECKING:
    from honey.analysis.bodies import Instance
    from honey.analysis.lowering import Handler
    from honey.analysis.map_declarations import MapDeclaration
    from honey.analysis.module import Module
    from honey.analysis.naming import Aliases
    from honey.syntax import ast


class Atoms:
    """Numbers for atoms that are told apart when the program runs, in order of first use."""

    def __init__(self) -> None:
        """No atoms yet; 0 is left free."""
        self._numbers: dict[str, int] = {}

    def number(self, name: str, type_: t.Int) -> n.Const:
        """The number that stands for an atom."""
        number = self._numbers.setdefault(name, len(self._numbers) + 1)
        spelling = "".join(char if char.isascii() and char.isalnum() else "_" for char in name).upper()
        return n.Const(number, type_, f"ATOM_{spelling}")

    def expr(self, value: AtomValue | RuntimeAtom) -> n.Expr:
        """An atom as a number at the width of arithmetic."""
        return self.number(value.name, t.U64) if isinstance(value, AtomValue) else value.expr


@dataclass(slots=True)
class Knowledge:
    """What one round of analysis learns for the next: joined parameters, and types of maps inferred from use."""

    parameters: dict[object, tuple[Shape, ...]] = field(default_factory=dict)
    signed: dict[ParameterKey, set[bool]] = field(default_factory=dict)
    map_types: dict[tuple[str, str], t.Type] = field(default_factory=dict)
    constants: set[ParameterKey] = field(default_factory=set)
    """Parameters whose number must be known when the module is compiled."""


class Unit:
    """One round of analysis of one module."""

    def __init__(
        self, module: Module, report: Report, handlers: Mapping[type[ast.Node], Handler], knowledge: Knowledge
    ) -> None:
        """``handlers`` is the table of what each node of the syntax means."""
        self.module = module
        self.report = report
        self.handlers = handlers
        self.knowledge = knowledge
        self.atoms = Atoms()
        self.attributes: dict[str, Value] = module.attributes
        self.aliases: Aliases = module.aliases
        self.instances: dict[object, Instance | None] = {}
        self.open: list[tuple[object, ...]] = []
        self.functions: list[n.Function] = []
        self.widened: set[str] = set()
        self.mentioned: set[tuple[str, int]] = set()
        self._assumed: set[tuple[str, str]] = set()
        self._literals: dict[ParameterKey, bool] = {}
        self._reach: dict[tuple[str, int], frozenset[tuple[str, int]]] = {}

    # ------------------------------------------------------------ parameters

    def signedness(self, parameter: ParameterKey, signed: bool | None) -> bool:
        """Whether an argument is passed as a signed integer; a literal (``None``) is as the others are."""
        seen = self.knowledge.signed.setdefault(parameter, set())
        if signed is None:
            assumed = seen != {False}
            self._literals[parameter] = assumed
            return assumed
        if signed not in seen:
            seen.add(signed)
            if parameter in self._literals and self._literals[parameter] != (seen != {False}):
                raise Restart
        return signed

    def reach(self, key: tuple[str, int]) -> frozenset[tuple[str, int]]:
        """The own functions that a function calls, directly or through others."""
        if key not in self._reach:
            found: set[tuple[str, int]] = set()
            waiting = [key]
            while waiting:
                for called in self._called(waiting.pop()) - found:
                    found.add(called)
                    waiting.append(called)
            self._reach[key] = frozenset(found)
        return self._reach[key]

    def _called(self, key: tuple[str, int]) -> set[tuple[str, int]]:
        from honey.analysis.syntax_tree import calls_in

        declared = self.module.functions.get(key)
        bodies = [clause.body for clause in declared.clauses] if declared is not None else []
        return {call for body in bodies for call in calls_in(body) if call in self.module.functions}

    # ------------------------------------------------------------ types of maps

    def key_type(self, declared: MapDeclaration, seen: t.Type | None) -> t.Type:
        """The type of a map's keys; ``seen`` is that of a key in use, if it says something."""
        default = t.U32 if declared.kind in (n.MapKind.ARRAY, n.MapKind.PERCPU_ARRAY) else t.U64
        return declared.key or self._inferred((declared.name, "key"), seen, default)

    def value_type(self, declared: MapDeclaration, seen: t.Type | None) -> t.Type:
        """The type of a map's values, as ``key_type``."""
        return declared.value or self._inferred((declared.name, "value"), seen, t.U64)

    def _inferred(self, what: tuple[str, str], seen: t.Type | None, default: t.Type) -> t.Type:
        known = self.knowledge.map_types.get(what)
        if known is not None:
            return known
        host_order = isinstance(seen, t.Int) and not seen.big_endian
        if seen is None or host_order or isinstance(seen, t.Bool):
            self._assumed.add(what)
            return default
        self.knowledge.map_types[what] = seen
        if what in self._assumed:
            raise Restart
        return seen
