# SPDX-License-Identifier: Apache-2.0
"""Options of workloads: a frozen dataclass with a default for each, filled from what a benchmark says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from workloads.base import WorkloadError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    OptionsT = TypeVar("OptionsT", bound=DataclassInstance)
else:
    OptionsT = TypeVar("OptionsT")


def read_options(kind: type[OptionsT], workload: str, given: Mapping[str, Any]) -> OptionsT:
    """The options in ``given``. Raises :class:`WorkloadError` for one that there is not, or of another type."""
    known = {field.name: type(getattr(kind(), field.name)) for field in fields(kind)}
    for name, value in given.items():
        if name not in known:
            words = ", ".join(known) or "none"
            raise WorkloadError(f"the {workload} workload has no option {name!r}; it has: {words}")
        if type(value) is not known[name]:
            raise WorkloadError(
                f"the {workload} workload's option {name} is {value!r}, not of type {known[name].__name__}"
            )
    return kind(**given)
