# SPDX-License-Identifier: Apache-2.0
"""``Enum`` over ranges with constant bounds, and over lists whose length is known when the module is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import loops

if TYPE_CHECKING:
    from honey.library import Table

TABLES: dict[str, Table] = {
    "Enum": {
        ("each", 2): loops.enum_each,
        ("reduce", 3): loops.enum_reduce,
        ("sum", 1): loops.enum_sum,
    }
}
