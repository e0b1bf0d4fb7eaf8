# SPDX-License-Identifier: Apache-2.0
"""The ``harness`` command where its streams are closed, full or gone, and where it is asked for what cannot be."""

from __future__ import annotations

import argparse
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.bundle import Manifest, write_bundle
from harness.commands import run_options
from harness.report.store import load_report

ROOT = Path(__file__).resolve().parents[2]


def in_shell(line: str, folder: Path = ROOT) -> tuple[int, str]:
    """The exit status and what a shell's command line says on standard error, in which ``harness`` is the command."""
    text = line.replace("harness", f"{shlex.quote(sys.executable)} -m harness.cli", 1)
    done = subprocess.run(["bash", "-c", text], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("harness kernels >/dev/full", 2, "harness: cannot write: No space left on device\n"),
        ("harness --help >/dev/full", 2, "harness: cannot write: No space left on device\n"),
        ("harness --help | head -0; exit $PIPESTATUS", 0, ""),
        ("harness baseline show | head -0; exit $PIPESTATUS", 0, ""),
        ("harness kernels <&- >&- 2>&-", 0, ""),
        ("harness nonesuch 2>/dev/full", 2, ""),
        ("harness run nonesuch 2>/dev/full", 2, ""),
    ],
)
def test_a_stream_that_is_closed_full_or_gone_is_no_bug(line: str, status: int, said: str) -> None:
    assert in_shell(line) == (status, said)


def test_a_run_whose_reader_goes_comes_to_its_end(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    line = f"harness run hello_world --target sim --reports {reports} 2>&1 | head -1; exit $PIPESTATUS"
    assert in_shell(line) == (0, "")
    assert load_report(reports / "latest").status == 0


def test_a_locale_that_lacks_a_character_shows_another(tmp_path: Path) -> None:
    status, said = in_shell(f"PYTHONIOENCODING=ascii harness run hello_world --target sim --reports {tmp_path}")
    assert (status, "UnicodeEncodeError" in said) == (0, False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("harness run --bogus 1", "usage: harness run "),
        ("harness kernels build --bogus x", "usage: harness kernels build "),
        ("harness run --bundle .", "argument --bundle: '.' is a folder; name a file"),
        ("harness run --json /", "argument --json: '/' is a folder; name a file"),
        ("harness run --cpu -3", "argument --cpu: "),
        ("harness run --target sim --kernel 5.10", "harness: the target sim takes no kernel"),
        ("harness run --target ssh:", "harness: '' is no place to log in"),
        ("harness run --target sim:x", "harness: the target sim takes nothing after a colon"),
        ("harness run --target vagrant:burn", "write vagrant:WAY with one of halt, destroy, keep"),
        ("harness run --kernel nowhere/bzImage", "harness: there is no kernel 'nowhere/bzImage'"),
        ("harness run --kernel pyproject.toml --modules x", "harness: x is no folder of modules"),
        ("harness run --target local --cpu 9999", "harness: this machine has no CPU 9999 that may be used\nhint: "),
        ("harness run --cpu 1", "harness: the target vm has no CPU 1: it has one, 0"),
        ("harness run --matrix targets=local,sim --cpu 1", "harness: the target sim has no CPU 1"),
        ("harness inspect x.o --kernel 5.10", "harness: --kernel is the kernel of the target vm"),
        ("harness run --matrix seeds=a", "harness: 'a' is no seed"),
        ("harness run --matrix targets=lcal", "did you mean local?"),
        ("harness run --matrix seeds=1 seeds=2", "harness: the axis seeds is given twice"),
        ("harness baseline show reports/latest", "harness: `show` prints the baseline as it is"),
        ("harness kernels fetch", "harness: there is nothing to fetch"),
        ("harness replay nowhere", "harness: nowhere: No such file or directory"),
        ("harness report pyproject.toml", "harness: pyproject.toml is no report of schema 1: Invalid JSON"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(line: str, said: str, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    status, words = in_shell(f"{line} --reports {reports}" if line.startswith("harness run ") else line)
    assert status == 2
    assert said in words
    assert not reports.exists()


def test_a_cell_is_run_as_the_matrix_was_asked_for() -> None:
    parser = argparse.ArgumentParser()
    run_options.add(parser)
    line = (
        "a b --target=local --kernel=k --modules=m --mode=solo --seed=-3 --compiler=cc --cpu=2 --cost-blocks=0 "
        "--no-guest-insns --compile-rounds=4 --ablation --no-counters"
    )
    of_the_whole = "--json j --reports r -q --shard 1/2 --matrix kernels=5.10"
    assert run_options.of_a_cell(parser.parse_args(f"{line} {of_the_whole}".split())) == line.split()
    assert run_options.of_a_cell(parser.parse_args(of_the_whole.split())) == []


def test_a_matrix_finds_benchmarks_from_where_it_was_asked_for(tmp_path: Path) -> None:
    benchmark = (ROOT / "benchmarks/hello_world.toml").read_text(encoding="utf-8")
    (tmp_path / "hello_world.toml").write_text(benchmark, encoding="utf-8")
    line = "harness run ./hello_world.toml --target sim --matrix seeds=7 -q --reports reports"
    assert in_shell(line, tmp_path)[0] == 0
    assert [part.seed for part in load_report(tmp_path / "reports/latest").benchmarks] == [7]


def test_a_bundle_that_cannot_be_packed_leaves_no_half_of_it(tmp_path: Path) -> None:
    manifest = Manifest(
        benchmarks=(), target="sim", kernel=None, mode="shadow", seed=1, cpu=0, cost_blocks=0, guest_insns=False
    )
    (tmp_path / "run").mkdir()
    with pytest.raises(FileNotFoundError):
        write_bundle(tmp_path / "b.tar.zst", manifest, tmp_path / "run", {"gone.ex": tmp_path / "gone.ex"})
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_interrupt_while_a_command_is_loaded_ends_it_whatever_the_library_makes_of_it(tmp_path: Path) -> None:
    lines = [
        "import os, signal",
        "try:",
        "    os.kill(os.getpid(), signal.SIGTERM)",
        "finally:",
        "    raise ImportError",
    ]
    (tmp_path / "loading.py").write_text("\n".join(lines), encoding="utf-8")
    text = "from harness import cli; cli.COMMANDS['doctor'] = ('loading', 'load'); print(cli.main(['doctor']))"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {text}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "harness: interrupted; nothing is left behind\n"


def test_an_interrupt_before_the_command_is_loaded_ends_it_without_words() -> None:
    lines = [
        "import os, signal, sys",
        "class Finder:",
        "    def find_spec(self, name, *_):",
        "        if name == 'harness.errors': os.kill(os.getpid(), signal.SIGINT)",
        "from harness import entry",
        "sys.meta_path.insert(0, Finder())",
        "print(entry.process())",
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
