# SPDX-License-Identifier: Apache-2.0
"""The table of function prototypes in the kernel's BTF."""

from __future__ import annotations

from typing import Any

from honey.kernel.generate.btf import Btf, Kind
from honey.kernel.generate.encode import encode_type

LEFT_OUT = ("__ia32_", "__x32_", "__se_", "__do_sys_", "__do_compat_", "trace_event_raw_event_", "trace_raw_output_")
"""Prefixes of functions that macros generate and that nobody attaches to: they would be a quarter of the table."""


def function_records(btf: Btf) -> dict[str, Any]:
    """Result and parameters by function name; of several static functions of one name the first counts."""
    records: dict[str, Any] = {}
    for function in btf.of_kind(Kind.FUNC):
        if function.name in records or function.name.startswith(LEFT_OUT):
            continue
        prototype = btf[function.ref]
        parameters = [[name, encode_type(btf, type_)] for name, type_ in prototype.params]
        records[function.name] = [encode_type(btf, prototype.ref), parameters]
    return records
