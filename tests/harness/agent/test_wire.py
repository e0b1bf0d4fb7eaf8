# SPDX-License-Identifier: Apache-2.0
"""XDP programs on a wire do what ``BPF_PROG_TEST_RUN`` says of them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

import pytest

from agent.job_folder import compile_program
from harness.agent import bpf, wire
from harness.agent.costs import statistics
from harness.agent.libbpf import Libbpf, Program
from harness.agent.load import load_side

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="loading programs and making devices need root"),
]
PLAIN, TAGGED = b"\x88\xb5\0\0", b"\x81\0\x20\x05"


def frame(action: int, kind: bytes = PLAIN) -> bytes:
    """A frame whose nineteenth byte is ``action``; after a tag comes another type."""
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + kind + b"\x88\xb5" + bytes([action]) + bytes(40)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("frames")
    side = load_side(Libbpf(), "c", compile_program("frames", folder), pin_root=str(folder), cpus=1)
    with statistics():
        yield side.programs["obey"]
    side.close()


@pytest.fixture
def a_wire(program: Program) -> Iterator[wire.Wire]:
    try:
        made = wire.Wire(program.fd())
    except wire.WireError as problem:
        pytest.skip(f"there can be no wire here: {problem}")
    yield made
    made.close()


@pytest.mark.parametrize("kind", [PLAIN, TAGGED, b"\x88\xa8\0\x07"], ids=["plain", "tagged", "tagged by a provider"])
@pytest.mark.parametrize("action", [wire.DROP, wire.PASS, wire.TX])
def test_an_action_is_seen_and_the_frame_as_it_was_left(
    a_wire: wire.Wire, program: Program, action: int, kind: bytes
) -> None:
    for _ in range(2):
        run = bpf.run_packet(program.fd(), frame(action, kind))
        assert a_wire.run(frame(action, kind)) == (run.retval, run.data) == (action, run.data)


def test_a_frame_that_would_not_arrive_is_not_sent(a_wire: wire.Wire) -> None:
    assert a_wire.run(frame(wire.PASS)[:14]) is None
    assert a_wire.run(frame(wire.PASS, TAGGED)[:19]) is None


def test_nothing_is_left_behind(program: Program) -> None:
    before = sorted(os.listdir("/proc/self/fd")), sorted(os.listdir("/sys/class/net"))
    try:
        made = wire.Wire(program.fd())
    except wire.WireError as problem:
        pytest.skip(f"there can be no wire here: {problem}")
    made.close()
    assert (sorted(os.listdir("/proc/self/fd")), sorted(os.listdir("/sys/class/net"))) == before


def test_why_there_is_no_wire_is_said(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_one: str, _other: str) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(wire, "make_pair", refuse)
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(wire.WireError, match="not supported"):
        wire.Wire(program.fd())
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_program_that_does_not_run_is_said(a_wire: wire.Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(wire.Wire, "_runs", lambda _self: 0)
    with pytest.raises(TimeoutError, match="did not run"):
        a_wire.run(frame(wire.PASS))
