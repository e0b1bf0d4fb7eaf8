# SPDX-License-Identifier: Apache-2.0
"""What is known while a function is written: of its file, and of what has been written so far."""

from __future__ import annotations

from honey.emit.clones import Family
from honey.emit.effects import Effects
from honey.emit.expressions import Expressions
from honey.emit.features import Features
from honey.emit.kept_apart import KeptApart
from honey.emit.names import Scope
from honey.emit.source import Writer
from honey.emit.spelling import Spelling
from honey.ir import nodes as n
from honey.ir.open_records import OpenRecords
from honey.ir.symbols import Symbols
from honey.records import dataclass, field


@dataclass(frozen=True, slots=True)
class FileContext:
    """What all functions of a file share."""

    symbols: Symbols
    spelling: Spelling
    features: Features
    globals: Scope
    functions: dict[str, str]
    maps: dict[str, str]
    families: dict[str, Family]
    """Functions that are written as one of a family, by name."""
    file: str
    trace: bool
    reads_memory: bool
    rows: bool
    """Whether turns of loops may be written out, one after the other."""
    kept_apart: dict[str, KeptApart] = field(default_factory=dict)
    """What functions need for their null tests, by name, as far as it has been looked for."""


@dataclass(slots=True)
class FunctionContext:
    """What those who write the parts of one function share."""

    file: FileContext
    function: n.Function
    expressions: Expressions
    effects: Effects
    changing: frozenset[int]
    """The locals (by id) that are written after their declaration."""
    open_records: OpenRecords
    kept_apart: KeptApart
    scope: Scope
    """The names that are taken where the writer is."""
    writer: Writer = field(default_factory=Writer)
    raised: str = ""
    """Where a raise is noted: a variable in a handler, a pointer in other functions; empty where nothing raises."""
    stored: dict[n.Expr, str] = field(default_factory=dict)
    """The locals made for values that must lie in memory, where the writer is."""

    def at(self, statement: n.Stmt) -> None:
        """What is written next comes from the Honey line of ``statement``, if it has one."""
        span = getattr(statement, "span", None)
        if span is not None:
            self.writer.source = span.line
