# SPDX-License-Identifier: Apache-2.0
"""Names of modules: aliases, imports, and constants that are written as part of a module's name."""

from __future__ import annotations

from collections.abc import Sequence

from honey.analysis.values import Value, integer
from honey.syntax import ast

SYNONYMS = {
    "Honey.Bpf_helpers": "Honey.BpfHelpers",
    "Honey.Bpf.Bpf_helpers": "Honey.BpfHelpers",
    "Honey.Xdp": "Honey.XDP",
}
"""Names of earlier versions, and what they are called now."""

ELIXIR_ATTRIBUTES = frozenset(
    {
        "moduledoc",
        "doc",
        "typedoc",
        "spec",
        "type",
        "typep",
        "opaque",
        "callback",
        "impl",
        "behaviour",
        "deprecated",
        "compile",
        "dialyzer",
        "on_load",
        "external_resource",
        "before_compile",
        "after_compile",
        "vsn",
        "since",
        "macrocallback",
        "optional_callbacks",
    }
)
"""Attributes that mean something to Elixir's tools and nothing to a program."""


class Aliases:
    """Short names of modules and what they stand for."""

    def __init__(self, known: dict[str, str] | None = None) -> None:
        """The aliases ``known`` so far."""
        self._known = dict(known or {})

    def copy(self) -> Aliases:
        """The same aliases, to which more can be added apart."""
        return Aliases(self._known)

    def add(self, full: str, short: str | None = None) -> None:
        """``short`` (by default the last part) stands for ``full``."""
        self._known[short or full.rpartition(".")[2]] = full

    def expand(self, parts: Sequence[str]) -> str:
        """The full name of a module."""
        full = ".".join([self._known.get(parts[0], parts[0]), *parts[1:]])
        return SYNONYMS.get(full, full)


def qualified_constant(aliases: Aliases, node: ast.Alias) -> Value | None:
    """The value of ``Honey.Net.IPPROTO_UDP``, or ``None`` if the name is not that of a constant."""
    from honey.analysis.constants import kernel_constant

    if len(node.parts) < 2 or aliases.expand(node.parts[:-1]) not in ("Honey.Net", "Honey.BpfHelpers", "Honey.XDP"):
        return None
    value = kernel_constant(node.parts[-1])
    return integer(value, node.parts[-1]) if value is not None else None
