# SPDX-License-Identifier: Apache-2.0
"""The `honey` command where its streams are closed, full or gone, and where files cannot be read or written."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli_sources import BAD, GOOD, write_sources

from honey.cli import ENVIRONMENT, OK, SOURCE_ERROR, main

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_sources(tmp_path)


def in_shell(line: str) -> tuple[int, str]:
    """The exit status and all that a shell's command line says, in which ``honey`` is the command."""
    text = line.replace("honey", f"{shlex.quote(sys.executable)} -m honey")
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("honey check bad.ex 2>&-", SOURCE_ERROR, ""),
        ("honey check bad.ex <&- >&- 2>&-", SOURCE_ERROR, ""),
        ("honey check bad.ex 2>&1 | head -0; exit $PIPESTATUS", SOURCE_ERROR, ""),
        ("honey check - <&-", ENVIRONMENT, "honey: cannot read the standard input: Bad file descriptor\n"),
        (
            "honey compile good.ex --emit c -o - >&-",
            ENVIRONMENT,
            "honey: cannot write the standard output: Bad file descriptor\n",
        ),
        (
            "honey compile good.ex --emit c -o - >/dev/full",
            ENVIRONMENT,
            "honey: cannot write the standard output: No space left on device\n",
        ),
        (
            "honey check --format json bad.ex >/dev/full",
            ENVIRONMENT,
            "honey: cannot write the output: No space left on device\n",
        ),
        ("honey explain >/dev/full", ENVIRONMENT, "honey: cannot write the output: No space left on device\n"),
        ("honey --help >/dev/full", ENVIRONMENT, "honey: cannot write the output: No space left on device\n"),
        ("honey --help | head -0; exit $PIPESTATUS", OK, ""),
        ("honey compile good.ex --bogus 2>/dev/full", ENVIRONMENT, ""),
        ("PYTHONIOENCODING=ascii honey compile bee-\N{HONEYBEE}.ex --emit c -o - | grep -c '^SEC'", OK, "1\n"),
    ],
)
def test_a_stream_that_is_closed_full_or_gone_is_no_bug(line: str, status: int, said: str) -> None:
    Path("bee-\N{HONEYBEE}.ex").write_text(GOOD, encoding="utf-8")
    assert in_shell(line) == (status, said)


def test_json_is_json_in_any_encoding() -> None:
    Path("bee-\N{HONEYBEE}.ex").write_text(BAD, encoding="utf-8")
    status, said = in_shell("PYTHONIOENCODING=ascii honey check --format json bee-\N{HONEYBEE}.ex")
    assert status == SOURCE_ERROR
    assert json.loads(said)["diagnostics"][0]["file"] == "bee-\N{HONEYBEE}.ex"


def test_one_file_that_cannot_be_read_does_not_hide_what_is_wrong_with_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "missing.ex", "bad.ex"]) == ENVIRONMENT
    err = capsys.readouterr().err
    assert "honey: cannot read missing.ex" in err
    assert "error[HNY0007]" in err


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed: no object to look at")
def test_one_file_that_cannot_be_written_leaves_the_others_alone() -> None:
    os.mkdir("out")
    os.mkdir("out/bad.bpf.o")
    Path("bad.ex").write_text(GOOD, encoding="utf-8")
    status, said = in_shell("honey compile . -o out")
    assert (status, said) == (ENVIRONMENT, "honey: cannot write out/bad.bpf.o: Is a directory\n")
    assert Path("out/good.bpf.o").stat().st_size > 0


@pytest.mark.parametrize("output", ["good.ex/x.o", "nowhere/x.o"])
def test_an_object_that_has_no_place_is_said(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "good.ex", "-o", output]) == ENVIRONMENT
    assert capsys.readouterr().err.startswith(f"honey: cannot write {output}: No")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("compile . -o -", "honey: only one result fits the standard output; name a source, or a folder with -o\n"),
        ("compile good.ex --emit=c --output=", "honey: cannot write to a file without a name; name one with -o\n"),
        ("watch -", "honey: the standard input cannot be watched; name a source or a folder\n"),
    ],
)
def test_standard_streams_are_for_one_source(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == ENVIRONMENT
    assert capsys.readouterr().err == said
    assert sorted(os.listdir()) == ["bad.ex", "good.ex"]


def test_standard_output_may_be_named_for_standard_input() -> None:
    assert in_shell("honey compile - --emit c -o - < good.ex | grep -c '#line 4 \"stdin.ex\"'") == (OK, "1\n")


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed: no object to look at")
@pytest.mark.parametrize("name", ["new\nline.ex", 'quo"te.ex', "back\\slash.ex", " \N{HONEYBEE} .ex"])
def test_a_file_may_have_any_name(name: str) -> None:
    Path(name).write_text(GOOD, encoding="utf-8")
    assert main(["compile", name]) == OK
    assert Path(name.removesuffix(".ex") + ".bpf.o").stat().st_size > 0


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 0", "succeeded, but wrote nothing"),
        ("exit 1", "clang failed with status 1 without a word"),
        ("kill -9 $$", "clang was ended by signal 9"),
        (
            "echo 'fatal error: error in backend: IO failure on output stream: No space left on device' >&2; exit 1",
            "honey: cannot write good.bpf.o: No space left on device\n",
        ),
    ],
)
def test_a_broken_clang_is_told_as_such(
    script: str, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clang = folder / "broken-clang"
    clang.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    clang.chmod(clang.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("HONEY_CLANG", str(clang))
    assert main(["compile", "good.ex"]) == ENVIRONMENT
    assert said in capsys.readouterr().err
    assert sorted(os.listdir()) == ["bad.ex", "broken-clang", "good.ex"]


@pytest.mark.parametrize("line", ["compile good.ex --bogus", "check good.ex --bogus", "explain HNY0007 --bogus"])
def test_an_unknown_option_shows_the_usage_of_its_command(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(line.split())
    assert capsys.readouterr().err.startswith(f"usage: honey {line.partition(' ')[0]} ")
