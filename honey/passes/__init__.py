# SPDX-License-Identifier: Apache-2.0
"""Optimisation: from a well-formed program to a cheaper one that does the same.

Each pass is a module of this package with a function ``run(program) -> Program``; its name on the command line is the
module's, with hyphens. What it must keep the same: return values, the contents of maps and buffers, what is printed,
under every fault of a helper. After each pass the IR is verified, so that a mistake names its pass; where time counts,
that is left until the mistake has shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from honey.ir.nodes import Program

ORDER: tuple[str, ...] = (
    "constant-folding",
    "network-order",
    "known-ranges",
    "flag-threading",
    "nested-branches",
    "struct-building",
    "merged-reads",
    "fault-tests",
    "forwarding",
    "lifted-clocks",
    "handed-answers",
    "shared-calls",
    "forwarding",
    "known-nulls",
    "dead-code",
    "in-place-update",
    "tested-inserts",
    "conditional-stores",
    "direct-reads",
    "task-reads",
    "dead-code",
    "unused-results",
    "inlining",
    "narrowing",
    "forwarding",
    "whole-headers",
    "late-questions",
    "keys-in-packets",
    "late-structs",
    "dead-code",
    "early-values",
    "stored-twins",
    "by-reference",
    "owned-arguments",
    "built-arguments",
    "atomic-add",
    "dead-code",
    "zeroed-entries",
    "late-stores",
    "short-lives",
    "constant-data",
    "expectations",
    "placement",
    "scalar-fields",
    "filled-fields",
)
"""The passes as they run; one that others make work for runs again."""

ABOUT: dict[str, str] = {"filled-fields": "bpf_get_current_comm"}
"""Passes that are about calls of one helper: they are not loaded for a program without these."""

NAMES: tuple[str, ...] = tuple(dict.fromkeys(ORDER))
"""The passes."""


class UnknownPass(ValueError):
    """There is no pass of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no pass {name!r}; there are {', '.join(NAMES)}")
        self.name = name


def select(text: str) -> tuple[str, ...]:
    """The passes that ``--passes=TEXT`` asks for, in the order in which they run.

    ``TEXT`` lists names; ``all`` and ``none`` stand for themselves, and ``-name`` takes one away:
    ``all,-dead-code``. A list that only takes away starts from all. Raises `UnknownPass`.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    chosen = set(NAMES) if words and all(word.startswith("-") for word in words) else set()
    for word in words:
        if word in ("all", "none"):
            chosen = set(NAMES) if word == "all" else set()
            continue
        name = word.removeprefix("-")
        if name not in NAMES:
            raise UnknownPass(name)
        chosen = chosen - {name} if word.startswith("-") else chosen | {name}
    return tuple(name for name in NAMES if name in chosen)


def run(program: Program, names: Sequence[str] | None = None) -> Program:
    """``program`` after the named passes (``None``: all of them) in the order of `NAMES`, verified after each.

    Raises `honey.ir.error.IRError`, which names the pass (or analysis), if one leaves an ill-formed program behind.
    """
    from honey.ir.symbols import Symbols
    from honey.ir.verify import verify, verify_function

    verify(program)
    for name, before, after in _steps(program, names):
        program = after
        known = {id(function) for function in before.functions}
        symbols = Symbols.of(after)
        for function in after.functions:
            if id(function) not in known:
                verify_function(function, symbols, name)
    return program


def run_unverified(program: Program, names: Sequence[str] | None = None) -> tuple[Program, Callable[[], None]]:
    """What `run` does, and a function that verifies it, for when there is time.

    If anything is wrong then, or a pass fails, the passes run once more, each of them verified, to find the culprit.
    """
    result = program
    with _culprit(program, names):
        for _, _, after in _steps(program, names):
            result = after

    def verified() -> None:
        from honey.ir.verify import verify

        verify(program)
        with _culprit(program, names):
            verify(result, "optimisation")

    return result, verified


@contextmanager
def _culprit(program: Program, names: Sequence[str] | None) -> Iterator[None]:
    """Raises the error that `run` names the culprit in, in place of one that shows only later."""
    try:
        yield
    except Exception:
        run(program, names)
        raise


def _steps(program: Program, names: Sequence[str] | None) -> Iterator[tuple[str, Program, Program]]:
    """Runs the passes: for each its name and the program before and after it."""
    from honey.ir import context_reads

    chosen = NAMES if names is None else names
    after = context_reads.run(program)
    yield "context-reads", program, after
    for name in (name for name in ORDER if name in chosen):
        if name in ABOUT and not _calls(after, ABOUT[name]):
            continue
        before, after = after, _pass(name)(after)
        yield name, before, after
    yield "context-reads", after, context_reads.copy_indexed(after)


def _calls(program: Program, helper: str) -> bool:
    from honey.ir import nodes as n
    from honey.ir.walk import pick

    helpers = frozenset((n.HelperCall,))
    return any(node.name == helper for function in program.functions for node in pick(function.body, helpers))


def _pass(name: str) -> Callable[[Program], Program]:
    run_pass: Callable[[Program], Program] = import_module(f"{__name__}.{name.replace('-', '_')}").run
    return run_pass
