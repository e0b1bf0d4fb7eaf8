# SPDX-License-Identifier: Apache-2.0
"""From tree-sitter's concrete tree to `honey.syntax.ast`, one module a group of node kinds.

tree-sitter's grammar accepts some sources that Elixir refuses; `refusals` has what differs. A node kind without a
handler here is reported, never dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.syntax import ast
from honey.syntax.convert import blocks, calls, collections, names, numbers, operators, quotes
from honey.syntax.convert.converter import Converter

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

    from honey.diagnostics import Diagnostic
    from honey.syntax.convert.converter import Handler
    from honey.syntax.source import SourceFile

_HANDLERS: dict[str, Handler] = {
    "integer": numbers.integer,
    "float": numbers.float_,
    "char": numbers.char,
    "atom": names.atom,
    "boolean": names.word,
    "nil": names.word,
    "identifier": names.identifier,
    "operator_identifier": names.lone_operator,
    "alias": names.alias,
    "quoted_atom": quotes.quoted_atom,
    "string": quotes.string,
    "charlist": quotes.charlist,
    "sigil": quotes.sigil,
    "tuple": collections.tuple_,
    "list": collections.list_,
    "bitstring": collections.bitstring,
    "map": collections.map_,
    "dot": calls.dot,
    "call": calls.call,
    "access_call": calls.index,
    "unary_operator": operators.unary,
    "binary_operator": operators.binary,
    "anonymous_function": blocks.fn,
    "block": blocks.parentheses,
}


def convert(root: TsNode, source: SourceFile) -> tuple[ast.File, list[Diagnostic], list[int]]:
    """The tree of a whole file, and where breaks were missed. `root` must be free of ERROR and MISSING nodes."""
    c = Converter(source, _HANDLERS)
    whole = source.span(0, len(source.data))
    return ast.File(whole, c.block(c.children(root), whole)), c.diagnostics, c.breaks
