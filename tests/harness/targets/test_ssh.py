# SPDX-License-Identifier: Apache-2.0
"""The target ``ssh:HOST`` against a real sshd: what it runs, what it leaves, what it says when things go wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.targets import TargetError, do_job, open_target
from harness.targets.ssh import Place, SshTarget
from targets.sshd import Sshd, reason_to_skip, running_sshd

ROOT = Path(__file__).resolve().parents[3]

needs_sshd = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip() or "-")

#: Stands in for the agent: does what the job's ``act`` says.
STAND_IN = """
    import json, os, pathlib, signal, subprocess, sys, time
    job, out = map(pathlib.Path, sys.argv[1:])
    act = json.loads((job / "job.json").read_text())["act"]
    out.mkdir()
    print("step prepare", file=sys.stderr, flush=True)
    if act == "wait":
        (job.parent / "started").write_text(str(os.getpid()))
        subprocess.Popen(["sleep", "1000"])
        signal.signal(signal.SIGTERM, lambda *_: ((out / "asked").touch(), sys.exit(130)))
        print("step loop", file=sys.stderr, flush=True)
        time.sleep(1000)
    if act == "crash":
        sys.exit("MemoryError: no more of it")
    (out / "result.json").write_text("{}")
    (out / "deep").mkdir()
    (out / "deep/map.bin").write_bytes(bytes(range(256)) * 400)
"""


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def job(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a job whose agent is the stand-in."""

    def make(act: str) -> Path:
        folder = tmp_path / f"job-{act}"
        agent = folder / "harness/agent"
        agent.mkdir(parents=True)
        (folder / "harness/__init__.py").touch()
        (agent / "__init__.py").touch()
        (agent / "__main__.py").write_text(textwrap.dedent(STAND_IN), encoding="utf-8")
        (folder / "job.json").write_text(json.dumps({"act": act}), encoding="utf-8")
        return folder

    return make


def target_of(server: Sshd) -> SshTarget:
    return SshTarget(Place("127.0.0.1", "root", server.port), config=server.config)


def with_job(target: SshTarget, folder: Path, out: Path) -> int:
    with target:
        return do_job(target, folder, out)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False


def until(condition: Callable[[], object], what: str, limit_s: float = 20) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit_s} s: {what}"
        time.sleep(0.05)


@needs_sshd
def test_a_job_goes_there_and_its_results_come_back(sshd: Sshd, job: Callable[[str], Path], tmp_path: Path) -> None:
    steps: list[str] = []
    with target_of(sshd) as target:
        assert do_job(target, job("work"), tmp_path / "out", on_step=steps.append) == 0
        assert len(list(sshd.temporary.iterdir())) == 1
    assert (tmp_path / "out/deep/map.bin").read_bytes() == bytes(range(256)) * 400
    assert steps == ["prepare"]
    assert not list(sshd.temporary.iterdir())
    assert target.about()["kernel"] == os.uname().release
    assert {"start", "put", "run", "get", "stop"} <= set(target.timings)


@needs_sshd
def test_an_agent_that_crashes_is_shown_with_its_words(sshd: Sshd, job: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught, target_of(sshd) as target:
        do_job(target, job("crash"), tmp_path / "out")
    assert caught.value.step == "get"
    assert "MemoryError: no more of it" in str(caught.value)
    assert not list(sshd.temporary.iterdir())


@needs_sshd
def test_an_agent_that_does_not_end_is_stopped(sshd: Sshd, job: Callable[[str], Path], tmp_path: Path) -> None:
    with (
        pytest.raises(TargetError, match=r"run: 127\.0\.0\.1: the agent did not end within 1 s"),
        target_of(sshd) as target,
    ):
        do_job(target, job("wait"), tmp_path / "out", time_limit_s=1)
    assert not list(sshd.temporary.iterdir())


@needs_sshd
def test_when_the_connection_is_lost_the_step_is_named_and_nothing_stays_there(
    sshd: Sshd, job: Callable[[str], Path], tmp_path: Path
) -> None:
    agents: list[int] = []

    def cut(step: str) -> None:
        if step == "loop":
            (started,) = sshd.temporary.glob("*/started")
            agents.append(int(started.read_text()))
            for pid in sshd.sessions():
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(TargetError) as caught, target_of(sshd) as target:
        do_job(target, job("wait"), tmp_path / "out", on_step=cut)
    assert caught.value.step == "run (loop)"
    assert "the connection to 127.0.0.1 ended" in caught.value.message
    until(lambda: not alive(agents[0]), "the agent there is gone")
    until(lambda: not list(sshd.temporary.iterdir()), "its folder there is gone")


@needs_sshd
def test_when_the_harness_is_killed_nothing_stays_there(sshd: Sshd, job: Callable[[str], Path], tmp_path: Path) -> None:
    script = f"""
        from pathlib import Path
        from harness.targets import do_job, open_target
        with open_target({sshd.target!r}) as target:
            do_job(target, Path({str(job("wait"))!r}), Path({str(tmp_path / "out")!r}))
    """
    environment = {**os.environ, "HONEY_SSH_CONFIG": str(sshd.config)}
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, env=environment)
    try:
        until(lambda: list(sshd.temporary.glob("*/started")), "the agent there runs")
        (started,) = sshd.temporary.glob("*/started")
        agent = int(started.read_text())
        until(lambda: alive(agent), "the agent there runs")
    finally:
        process.kill()
        process.wait()
    until(lambda: not alive(agent), "the agent there is gone")
    until(lambda: not list(sshd.temporary.iterdir()), "its folder there is gone")


@needs_sshd
def test_a_full_disk_there_is_named(sshd: Sshd, job: Callable[[str], Path], tmp_path: Path) -> None:
    folder = job("work")
    (folder / "big").write_bytes(os.urandom(3 << 20))
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(sshd.temporary)]
    subprocess.run(mount, check=True)
    try:
        with pytest.raises(TargetError, match="the job cannot be written there: No space") as caught:
            with_job(target_of(sshd), folder, tmp_path / "out")
        assert caught.value.step == "put"
        assert not list(sshd.temporary.iterdir())
    finally:
        subprocess.run(["umount", str(sshd.temporary)], check=True)


@needs_sshd
def test_who_may_not_log_in_is_told_what_to_do(sshd: Sshd, tmp_path: Path) -> None:
    empty = tmp_path / "config"
    known = sshd.config.with_name("known_hosts")
    empty.write_text(f"IdentityFile {tmp_path / 'none'}\nIdentitiesOnly yes\nUserKnownHostsFile {known}\n")
    with pytest.raises(TargetError, match="Permission denied") as caught:
        SshTarget(Place("127.0.0.1", "root", sshd.port), config=empty).__enter__()
    assert caught.value.step == "start"
    assert "ssh-copy-id" in caught.value.hint


@needs_sshd
def test_a_host_that_is_not_there_is_named_after_some_attempts() -> None:
    started = time.monotonic()
    with pytest.raises(TargetError, match="Connection refused"):
        SshTarget(Place("127.0.0.1", port=1), attempts=2).__enter__()
    assert time.monotonic() - started >= 1, "it was called once only"


def test_a_machine_without_python_is_told_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A stand-in for ssh that hands its last argument to a shell that finds nothing.
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nexec env -i PATH=/nowhere /bin/sh -c "$last"\n', encoding="ascii")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(TargetError, match=r"python3.*not found") as caught:
        SshTarget(Place("far")).__enter__()
    assert caught.value.hint == "install python3 there"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("host", Place("host")),
        ("me@host:2222", Place("host", "me", 2222)),
        ("me@[fe80::1]:22", Place("fe80::1", "me", 22)),
    ],
)
def test_where_to_log_in(text: str, place: Place) -> None:
    assert Place.read(text) == place


@pytest.mark.parametrize("text", ["", "host:port", "-oProxyCommand=x", "a b", "host:99999"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(HarnessError, match="no place to log in"):
        open_target(f"ssh:{text}")


@needs_sshd
@pytest.mark.kernel
def test_a_whole_run_over_ssh_holds(sshd: Sshd, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness.cli", "run", "count_syscalls", "--target", sshd.target]
    command += ["--cost-blocks", "0", "--reports", str(tmp_path)]
    environment = {**os.environ, "HONEY_SSH_CONFIG": str(sshd.config)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert "parity holds" in done.stdout, done.stdout + done.stderr
    assert not list(sshd.temporary.iterdir())
