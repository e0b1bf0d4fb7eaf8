# SPDX-License-Identifier: Apache-2.0
"""``Honey.XDP``: the actions of an XDP program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis.values import Value, integer

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import LibraryCall, Table
    from honey.syntax import ast

ACTIONS = {"aborted": 0, "drop": 1, "pass": 2, "tx": 3, "redirect": 4}
"""``enum xdp_action`` of the kernel."""


def _action(name: str, number: int) -> LibraryCall:
    def call(fl: Lowering, node: ast.Call, bound: str) -> Value:
        del fl, node, bound
        return integer(number, f"XDP_{name.upper()}")

    return call


TABLES: dict[str, Table] = {
    "Honey.XDP": {(name, 0): _action(name, number) for name, number in ACTIONS.items()}
}
