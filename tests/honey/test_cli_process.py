# SPDX-License-Identifier: Apache-2.0
"""The `honey` command as a process: start-up, pipes, signals, watching."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_sources import BAD, GOOD, write_sources

from honey.cli import ENVIRONMENT, OK

pytestmark = pytest.mark.usefixtures("folder")

HONEY = [sys.executable, "-m", "honey"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_sources(tmp_path)


def test_colours_are_for_terminals() -> None:
    def output(environment: dict[str, str]) -> bytes:
        terminal, end = pty.openpty()
        with subprocess.Popen([*HONEY, "check", "bad.ex"], stderr=end, env={**os.environ, **environment}) as process:
            os.close(end)
            text = b""
            try:
                while piece := os.read(terminal, 4096):
                    text += piece
            except OSError:  # the other end is closed
                pass
            os.close(terminal)
            process.wait(timeout=30)
        return text

    assert b"\x1b[1;31merror[HNY0007]\x1b[0m" in output({"TERM": "xterm", "NO_COLOR": ""})
    assert b"\x1b" not in output({"TERM": "xterm", "NO_COLOR": "1"})
    assert b"\x1b" not in output({"TERM": "dumb", "NO_COLOR": ""})


def test_a_reader_that_leaves_early_is_no_error() -> None:
    Path("long.ex").write_text("defmodule A do\n" + "  @x 1\n" * 20000 + "end\n", encoding="utf-8")
    with subprocess.Popen(
        [*HONEY, "compile", "long.ex", "--emit", "ast", "-o", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == OK


def test_a_source_may_come_from_standard_input() -> None:
    done = subprocess.run([*HONEY, "check", "-"], input=BAD, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "stdin.ex:6:12: error[HNY0007]" in done.stderr


@pytest.mark.parametrize("path", ["good.ex", "."])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_while_clang_runs_leaves_nothing_behind(
    folder: Path, number: signal.Signals, status: int, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clang = folder / "slow-clang"
    clang.write_text("#!/bin/sh\ntouch started\nexec sleep 30\n", encoding="utf-8")
    clang.chmod(0o755)
    monkeypatch.setenv("HONEY_CLANG", str(clang))
    with subprocess.Popen([*HONEY, "compile", path], stderr=subprocess.PIPE, start_new_session=True) as process:
        deadline = time.monotonic() + 20
        while not Path("started").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, number)
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(timeout=10) == status
    assert {entry.name for entry in os.scandir(".")} == {"good.ex", "bad.ex", "slow-clang", "started"}


@pytest.mark.parametrize(("module", "status"), [("honey.commands.arguments", -signal.SIGINT), ("honey.compiler", 130)])
def test_an_interrupt_while_it_is_loaded_ends_it_without_words(module: str, status: int) -> None:
    lines = [
        "import os, signal, sys",
        "class Finder:",
        "    def find_spec(self, name, *_):",
        f"        if name == '{module}': os.kill(os.getpid(), signal.SIGINT)",
        "from honey import entry",
        "sys.meta_path.insert(0, Finder())",
        "sys.argv[1:] = ['check', 'good.ex']",
        "entry.process()",
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_where_nothing_can_be_raised_ends_it_all_the_same(number: signal.Signals, status: int) -> None:
    lines = [
        "import os, sys, weakref",
        "class Finder:",
        "    def find_spec(self, name, *_):",
        "        if name == 'honey.compiler':",
        f"            gone = weakref.ref(Finder(), lambda _: os.kill(os.getpid(), {int(number)}))",
        "from honey import entry",
        "sys.meta_path.insert(0, Finder())",
        "sys.argv[1:] = ['check', 'good.ex']",
        "entry.process()",
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


class Watcher:
    """A running `honey watch` whose lines can be waited for."""

    def __init__(self, *arguments: str) -> None:
        self._log = Path("watch.log")
        with self._log.open("wb") as log:
            self.process = subprocess.Popen([*HONEY, "watch", *arguments], stderr=log)

    def wait_for(self, text: str, times: int = 1) -> str:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            seen = self._log.read_text(encoding="utf-8")
            if seen.count(text) >= times:
                return seen
            time.sleep(0.02)
        raise AssertionError(f"no {text!r} in {self._log.read_text(encoding='utf-8')!r}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=10)


def test_watch_checks_again_after_a_change_and_ends_with_ctrl_c() -> None:
    watcher = Watcher("--check", "good.ex")
    try:
        watcher.wait_for("good.ex: checked")
        Path("good.ex").write_text(BAD, encoding="utf-8")
        seen = watcher.wait_for("good.ex: checked", times=2)
        assert "error[HNY0007]" in seen
    finally:
        status = watcher.stop()
    assert status == OK
    assert "Traceback" not in watcher.wait_for("checked")


def test_watch_goes_on_while_its_source_is_away() -> None:
    """Editors that save by way of another file take the source away for a moment."""
    watcher = Watcher("--check", "good.ex")
    try:
        watcher.wait_for("good.ex: checked")
        Path("good.ex").unlink()
        time.sleep(0.5)  # it looks meanwhile; whether it has is not what the test depends on
        Path("other.ex").write_text(BAD, encoding="utf-8")
        Path("other.ex").rename("good.ex")
        watcher.wait_for("error[HNY0007]")
    finally:
        status = watcher.stop()
    assert status == OK


def test_watch_says_what_is_not_there() -> None:
    done = subprocess.run([*HONEY, "watch", "nowhere.ex"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == ENVIRONMENT
    assert "cannot read nowhere.ex" in done.stderr


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed: no object to look at")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_leave_the_object_as_it_is(closed: str) -> None:
    for output, streams in (("usual.o", ""), ("closed.o", closed)):
        line = shlex.join([*HONEY, "compile", "good.ex", "-o", output])
        assert subprocess.run(["sh", "-c", f"{line} {streams}"], timeout=60, check=False).returncode == OK
    assert Path("closed.o").read_bytes() == Path("usual.o").read_bytes()


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed: no object to look at")
def test_watch_compiles_a_folder() -> None:
    watcher = Watcher(".", "-o", "out")
    try:
        watcher.wait_for("wrote out/good.bpf.o")
        watcher.wait_for("./bad.ex: not compiled")
        Path("bad.ex").write_text(GOOD, encoding="utf-8")
        watcher.wait_for("wrote out/bad.bpf.o")
    finally:
        watcher.stop()
    assert {path.name for path in Path("out").iterdir()} == {"good.bpf.o", "bad.bpf.o"}
