# SPDX-License-Identifier: Apache-2.0
"""``Honey.XDP``: the actions of an XDP program. Each leaves the function with its action, like ``return``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis.values import NEVER, Value, integer

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import LibraryCall, Table
    from honey.syntax import ast

ACTIONS = {"aborted": 0, "drop": 1, "pass": 2, "tx": 3, "redirect": 4}
"""``enum xdp_action`` of the kernel (include/uapi/linux/bpf.h)."""


def action(name: str) -> Value:
    """The number of an action."""
    return integer(ACTIONS[name], f"XDP_{name.upper()}")


def _leave(name: str) -> LibraryCall:
    def call(fl: Lowering, node: ast.Call, bound: str) -> Value:
        del bound
        fl.give_back(action(name), node.span)
        return NEVER

    return call


TABLES: dict[str, Table] = {"Honey.XDP": {(name, 0): _leave(name) for name in ACTIONS}}
