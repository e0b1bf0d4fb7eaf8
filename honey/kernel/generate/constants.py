# SPDX-License-Identifier: Apache-2.0
"""The table of constants: those of the headers, and the enumerators of the kernel that have one value only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from honey.kernel.generate.btf import Btf, Kind


def constant_records(headers: Mapping[str, int], kernel: Btf) -> dict[str, int]:
    """Values by name; the headers win over the kernel."""
    found: dict[str, set[int]] = defaultdict(set)
    for enumeration in kernel.of_kind(Kind.ENUM, Kind.ENUM64):
        for name, value in enumeration.values:
            found[name].add(value)
    unambiguous = {name: values.pop() for name, values in found.items() if len(values) == 1}
    return unambiguous | dict(headers)
