# SPDX-License-Identifier: Apache-2.0
"""Kernel objects described by an event are read as the kernel's own are."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.agent.bpf import lookup, update
from harness.objects import BpfObject, Decoder, read_btf, read_object
from harness.objects.btf import VMLINUX
from harness.sim import Machine
from sim.sim_kernel import Side
from workloads.events import Event

Compile = Callable[..., Path]
SOCKET = {"sk_protocol": 17, "sk_type": 2, "__sk_common": {"skc_family": 2, "skc_dport": b"\x1f\x90"}}
PEER = {"skc_daddr": bytes([127, 0, 0, 1])}


def described(fd: int, sk: dict[str, Any]) -> dict[str, Any]:
    return {"files": {"fdt": {"fd": {fd: {"private_data": {"struct": "socket", "sk": sk}}}}}}


def event_of(pid: int, tid: int, fd: int, *, comm: str) -> Event:
    sk = SOCKET | {"__sk_common": SOCKET["__sk_common"] | PEER}  # type: ignore[operator]  # that value is a dictionary
    event = Event(0, "syscalls/sys_enter_write", pid, tid, (fd, 0, 1, 0, 0, 0), fields={"task": described(fd, sk)})
    # As it comes back from a file: indices have become text.
    return Event.from_json({**event.to_json(), "comm": comm})


def seen(obj: BpfObject, raw: bytes) -> dict[str, Any]:
    type_id = obj.maps["sockets"].value_type
    assert type_id is not None
    value: dict[str, Any] = Decoder(obj.btf, type_id).decode(raw)
    return value


def simulate(machine: Machine, event: Event) -> dict[str, Any]:
    machine.maps["sockets"].load(iter([(event.pid.to_bytes(4, "little"), bytes(40))]))
    (run,) = machine.dispatch(event)
    assert run.fault is None
    ((_, raw),) = machine.maps["sockets"].items()
    return seen(machine.object, raw)


EXPECTED = {"leader": 70, "address": 0x0100007F, "family": 2, "protocol": 17, "type": 2, "port": 0x901F}


@pytest.mark.parametrize("types", ["own", "kernel"])
def test_a_described_socket_is_found_from_the_task(compile_program: Compile, types: str) -> None:
    if types == "kernel" and not VMLINUX.exists():
        pytest.skip("the kernel has no BTF")
    obj = read_object(compile_program("kernel"))
    machine = Machine(obj, target_btf=read_btf() if types == "kernel" else None)
    found = simulate(machine, event_of(70, 71, 5, comm="writer"))
    assert found == EXPECTED | {"pid": 71, "tgid": 70, "comm": "writer"}


def test_what_is_not_described_is_zero(compile_program: Compile) -> None:
    machine = Machine(read_object(compile_program("kernel")))
    event = Event(0, "syscalls/sys_enter_write", 70, 70, (5, 0, 1, 0, 0, 0), comm="writer")
    found = simulate(machine, event)
    assert (found["pid"], found["family"], found["address"]) == (70, 0, 0)


def test_what_does_not_fit_the_types_is_said(compile_program: Compile) -> None:
    machine = Machine(read_object(compile_program("kernel")))
    for task, words in (
        ({"files": "no struct"}, "files_struct"),
        ({"files": {"fdt": {"fd": [{"private_data": {"struct": "nothing"}}]}}}, "struct nothing"),
    ):
        machine.maps["sockets"].load(iter([(b"\1\0\0\0", bytes(40))]))
        (run,) = machine.dispatch(Event(0, "syscalls/sys_enter_write", 1, 1, (0, 0, 0), fields={"task": task}))
        assert run.fault is not None
        assert words in run.fault.message


@pytest.mark.kernel
@pytest.mark.skipif(not VMLINUX.exists(), reason="the kernel has no BTF")
def test_the_kernels_own_objects_give_the_same(compile_program: Compile, load_kernel: Callable[[Path], Side]) -> None:
    path = compile_program("kernel")
    side = load_kernel(path)
    key = os.getpid().to_bytes(4, "little")
    fd = side.loaded.maps["sockets"].fd
    with ExitStack() as release, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", 8080))
        release.callback(side.loaded.programs["on_write"].attach())
        update(fd, key, bytes(40))
        os.write(udp.fileno(), b"x")
        real = lookup(fd, key, 40)
        number = udp.fileno()
    assert real is not None
    comm = Path(f"/proc/self/task/{threading.get_native_id()}/comm").read_text(encoding="utf-8").strip()
    machine = Machine(read_object(path), target_btf=read_btf())
    event = event_of(os.getpid(), threading.get_native_id(), number, comm=comm)
    assert simulate(machine, event) == seen(machine.object, real)
