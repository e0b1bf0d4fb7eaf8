# SPDX-License-Identifier: Apache-2.0
"""``harness doctor``: what it says, and what it cleans."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import doctor
from harness.cli import main
from harness.report.store import new_run
from harness.targets.leftovers import clean, leftovers
from harness.targets.temporary import temporary_folder


def dead_process() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_each_check_that_fails_says_how_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    checks = {check.name: check for check in doctor.examine()}
    assert not checks["clang"].ok
    assert not checks["root"].ok
    assert all(check.mend for check in checks.values() if not check.ok)
    assert not doctor.usable(list(checks.values()), "local")


def test_the_targets_verdict_follows_the_checks() -> None:
    good = doctor.Check("a", ok=True, detail="", needed_for=("vm", "local"))
    bad = doctor.Check("b", ok=False, detail="", needed_for=("local",))
    nice = doctor.Check("c", ok=False, detail="")
    assert doctor.usable([good, bad, nice], "vm")
    assert not doctor.usable([good, bad, nice], "local")


def test_a_folder_of_a_killed_run_is_found_and_removed() -> None:
    mine = temporary_folder("vm")
    dead = Path(str(mine).replace(f"-{os.getpid()}-", f"-{dead_process()}-"))
    dead.mkdir()
    try:
        found = [each for each in leftovers() if each.path in {str(mine), str(dead)}]
        assert [each.path for each in found] == [str(dead)]
        assert clean(found) == []
        assert not dead.exists()
    finally:
        shutil.rmtree(mine)
        shutil.rmtree(dead, ignore_errors=True)


def test_what_a_killed_run_had_begun_among_the_reports_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("benchmarks", "harness"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    reports = tmp_path / "reports"
    with new_run(reports) as mine:
        dead = reports / mine.name.replace(f"-{os.getpid()}-", f"-{dead_process()}-")
        dead.mkdir()
        found = [each for each in leftovers() if each.path.startswith(str(tmp_path))]
        assert [each.path for each in found] == [str(dead)]
        with new_run(reports):  # a later run takes it away as well
            assert not dead.exists()
            assert mine.exists()


def test_a_guest_whose_run_is_gone_is_found_and_ended() -> None:
    words = f"path=/tmp/honey-run-{dead_process()}-vm-abc/console"
    with subprocess.Popen(
        ["qemu-system-x86_64", "-c", "import time; time.sleep(60)", words], executable=sys.executable
    ) as guest:
        try:
            # Between the start of a program and its first instruction its command line is empty.
            while words not in Path(f"/proc/{guest.pid}/cmdline").read_text(encoding="utf-8"):
                time.sleep(0.01)
            found = [each for each in leftovers() if each.pid == guest.pid]
            assert [each.kind for each in found] == ["guest"]
            assert clean(found) == []
            assert guest.wait(5) < 0
        finally:
            guest.kill()


def test_the_command_shows_each_check(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["doctor"])
    said = capsys.readouterr().out
    assert status in {0, 1}
    for name in ("python", "clang", "kvm", "leftovers", "target vm"):
        assert name in said
