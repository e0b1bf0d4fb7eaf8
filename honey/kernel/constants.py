# SPDX-License-Identifier: Apache-2.0
"""Constants by their C names: those of the UAPI headers and of libc (IPPROTO_*, AF_*, ETH_P_*, BPF_*, errno, ...).

Enumerators that only the kernel itself has (TCP_ESTABLISHED) are known too, where their value is unambiguous.
"""

from __future__ import annotations

from honey.kernel.table import table

TABLE = "constants"


def value(name: str) -> int | None:
    """The value of the constant ``name`` (negative for signed ones below 0), or ``None``."""
    record = table(TABLE).get(name)
    return record if isinstance(record, int) else None


def names() -> tuple[str, ...]:
    """All constants, sorted."""
    return table(TABLE).names()
