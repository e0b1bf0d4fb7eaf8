# SPDX-License-Identifier: Apache-2.0
"""Attaching a side's programs to their hooks: tracepoints through bcc where it is installed, the rest by libbpf."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from types import MappingProxyType

from harness.agent.bcc_binding import Bcc
from harness.agent.bracket import Bracket
from harness.agent.errors import AgentError
from harness.agent.libbpf import Program
from harness.agent.load import LoadedSide

#: Program kinds that run on packets given to them; libbpf cannot attach them without being told a device.
PACKET_SECTIONS = ("xdp", "tc", "classifier", "action", "tcx", "socket", "cgroup_skb", "lwt_")


def attach_side(
    side: LoadedSide, bcc: Bcc | None, release: ExitStack, brackets: Mapping[str, Bracket] = MappingProxyType({})
) -> None:
    """Attach every program of ``side`` that has a hook; ``release`` detaches them again.

    Those on tracepoints that ``brackets`` has are attached between the two programs of their bracket.
    """
    for program in side.programs.values():
        if not program.section.startswith(PACKET_SECTIONS):
            hook = tracepoint(program.section)
            try:
                if hook is not None and program.name in brackets:
                    between = partial(_attach, program, bcc)
                    brackets[program.name].attach(hook, program.fd(), between, release)
                else:
                    _attach(program, bcc, release)
            except AgentError as problem:
                problem.side = side.name
                raise


def tracepoint(section: str) -> tuple[str, str] | None:
    """Category and name of a tracepoint section (``tracepoint/CATEGORY/NAME``, ``tp/...``), else ``None``."""
    kind, _, rest = section.lstrip("?").partition("/")
    category, _, name = rest.partition("/")
    return (category, name) if kind in {"tracepoint", "tp"} and category and name else None


def _attach(program: Program, bcc: Bcc | None, release: ExitStack) -> None:
    hook = tracepoint(program.section)
    if bcc is not None and hook is not None:
        try:
            release.callback(bcc.attach_tracepoint(program.fd(), *hook))
        except OSError as problem:
            raise AgentError("attach", str(problem.strerror or problem), program=program.name) from problem
    else:
        release.callback(program.attach())
