# SPDX-License-Identifier: Apache-2.0
"""How a helper is written down and found."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from harness.objects.uapi import HELPERS
from harness.sim.memory import DYNAMIC_LAST, M32, M64

if TYPE_CHECKING:
    from harness.sim.runtime import Runtime

#: Ranges of results.
ANY: Final = (0, M64)
WORD: Final = (0, M32)
ADDRESS: Final = (0, DYNAMIC_LAST)


@dataclass(frozen=True, slots=True)
class Helper:
    """A helper's behaviour.

    ``call`` takes the runtime and as many of r1 to r5 as it needs, and gives r0 from 0 to 2**64 - 1. ``writes`` are
    (pointer argument, size argument) where it fills memory, counted from 1. ``returns`` is the range of its result.
    ``calls_back`` says that it calls functions of the program, ``takes_context`` that r1 is the program's context.
    """

    name: str
    call: Callable[..., int]
    arity: int
    writes: tuple[int, int] | None = None
    returns: tuple[int, int] = ANY
    calls_back: bool = False
    takes_context: bool = False

    @property
    def number(self) -> int:
        """The helper's number in the kernel."""
        return HELPERS[self.name]


def negative(errno: int) -> int:
    """``-errno`` as it stands in r0."""
    return M64 + 1 - errno


class Table:
    """Helpers of one subject, in the order in which they are written."""

    def __init__(self) -> None:
        self.helpers: list[Helper] = []

    def add(
        self,
        *,
        writes: tuple[int, int] | None = None,
        returns: tuple[int, int] = ANY,
        calls_back: bool = False,
    ) -> Callable[[Callable[..., int]], Callable[..., int]]:
        """Register the function below under its own name, which must be a kernel helper's without ``bpf_``."""

        def register(call: Callable[..., int]) -> Callable[..., int]:
            parameters = list(inspect.signature(call).parameters)[1:]
            takes_context = parameters[:1] == ["context"]
            name = f"bpf_{call.__name__}"
            self.helpers.append(Helper(name, call, len(parameters), writes, returns, calls_back, takes_context))
            return call

        return register


def bind(helper: Helper, runtime: Runtime) -> Callable[..., int]:
    """The helper as a function of r1 ... alone."""
    call: Any = helper.call
    return call.__get__(runtime)  # type: ignore[no-any-return]  # what a function's __get__ gives is not typed
