# SPDX-License-Identifier: Apache-2.0
"""Tracepoint programs: what real traffic leaves in the kernel's maps is what its events leave in the simulator's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from driven_traffic import drive

from harness.objects import read_btf, read_object
from harness.objects.btf import VMLINUX
from harness.sim import Machine
from sim.sim_kernel import usable
from workloads.events import read_events

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not usable(), reason="no eBPF on this machine's own kernel, or no root"),
    pytest.mark.skipif(not VMLINUX.exists(), reason="the kernel has no BTF"),
]


@pytest.mark.parametrize("flags", [("-mcpu=v2",), ("-mcpu=v3", "-fno-unroll-loops"), ("-O1",)])
def test_real_traffic_and_its_events_fill_maps_alike(
    compile_program: Callable[..., Path], tmp_path: Path, flags: tuple[str, ...]
) -> None:
    path = compile_program("traffic", *flags)
    job, out = tmp_path / "job", tmp_path / "out"
    job.mkdir()
    (job / "c.bpf.o").write_bytes(path.read_bytes())
    (phase,) = drive(job, out, ["c"], seed=5)["phases"]
    machine = Machine(read_object(path), target_btf=read_btf())
    for event in read_events(out / phase["events"]):
        for run in machine.dispatch(event):
            assert run.fault is None, str(run.fault)
    pids = {pid.to_bytes(4, "little") for pid in phase["pids"]}
    for name in ("by_peer", "by_size", "tasks"):
        shape = phase["maps"]["c"][name]
        raw = (out / shape["file"]).read_bytes()
        key, size = shape["key_size"], shape["key_size"] + shape["value_size"]
        real = {raw[at : at + key]: raw[at + key : at + size] for at in range(0, len(raw), size)}
        mine = dict(machine.maps[name].items())
        assert mine, name
        if name == "tasks":
            # The last thread of a process to do something may be another one: events are in the order of planning.
            assert set(mine) == {entry for entry in real if entry in pids}
        else:
            assert mine == {entry: value for entry, value in real.items() if entry[:4] in pids}, name
