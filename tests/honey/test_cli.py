# SPDX-License-Identifier: Apache-2.0
"""The `honey` command as its users meet it."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from cli_sources import GOOD, write_sources

from honey.cli import ENVIRONMENT, INTERNAL, OK, SOURCE_ERROR, main
from honey.commands.arguments import plain
from honey.commands.command_line import parse
from honey.ir.nodes import Program
from honey.records import replace

pytestmark = pytest.mark.usefixtures("folder")
needs_clang = pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed: no object to look at")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a good source and a bad one."""
    monkeypatch.chdir(tmp_path)
    return write_sources(tmp_path)


def fake_clang(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a shell script into clang's place."""
    path = folder / "fake-clang"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("HONEY_CLANG", str(path))


def names() -> set[str]:
    return {entry.name for entry in os.scandir(".")}


# --- check ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "at_once"),
    [
        ("compile a.ex", True),
        ("compile a.ex -o b.o", True),
        ("check a.ex", True),
        ("compile -o b.o a.ex", False),
        ("compile a.ex -o -", False),
        ("compile a.ex --emit c", False),
        ("compile -", False),
        ("check a.ex b.ex", False),
        ("watch a.ex", False),
    ],
)
def test_usual_command_lines_are_read_at_once_and_as_the_parser_reads_them(line: str, at_once: bool) -> None:
    words = line.split()
    found = plain(words)
    assert (found is not None) == at_once
    assert found in (None, parse(words))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("compile good.ex --fast", "unrecognized arguments: --fast"),
        ("compile good.ex bad.ex", "unrecognized arguments: bad.ex"),
        ("check --emit=c good.ex", "unrecognized arguments: --emit=c"),
        ("explain HNY0007 HNY0008", "unrecognized arguments: HNY0008"),
        ("compile", "required: FILE.ex|DIR"),
        ("compile good.ex --emit asm", "invalid choice: 'asm'"),
        ("format good.ex", "invalid choice: 'format'"),
        ("", "required: COMMAND"),
    ],
)
def test_a_wrong_command_line_is_told_what_is_wrong(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err.startswith("usage: honey ")
    assert said in err
    assert names() == {"good.ex", "bad.ex"}


def test_check_is_silent_about_a_good_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "good.ex"]) == OK
    assert capsys.readouterr() == ("", "")


def test_check_shows_errors_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "bad.ex"]) == SOURCE_ERROR
    out, err = capsys.readouterr()
    assert out == ""
    assert "bad.ex:6:12: error[HNY0007]" in err
    assert "6 |     x = [1 2]\n  |            ^\n" in err
    assert "bad.ex:7:7: error[HNY0008]" in err
    assert err.endswith("2 errors\n")
    assert "\x1b" not in err


def test_check_takes_several_files_and_folders(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", ".", "good.ex"]) == SOURCE_ERROR
    assert "2 errors" in capsys.readouterr().err


def test_check_writes_json_for_editors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--format", "json", "bad.ex", "good.ex"]) == SOURCE_ERROR
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)["diagnostics"]
    assert [(one["file"], one["code"], one["span"]["line"]) for one in found] == [
        ("bad.ex", "HNY0007", 6),
        ("bad.ex", "HNY0008", 7),
    ]


def test_check_writes_json_when_there_is_nothing_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--format", "json", "good.ex"]) == OK
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "diagnostics": []}


# --- compile --------------------------------------------------------------------------------------------------------


@needs_clang
def test_compile_says_where_clang_finds_no_room(capsys: pytest.CaptureFixture[str]) -> None:
    Path("wide.ex").write_text(
        """defmodule Wide do
  use Honey, license: "GPL"
  defmap(:m, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 8)

  @sec "tc"
  def h(_ctx), do: Enum.max(for i <- 0..63, do: Honey.BpfHelpers.bpf_map_lookup_elem(:m, i, 0))
end
"""
    )
    assert main(["compile", "wide.ex"]) == SOURCE_ERROR
    said = capsys.readouterr().err
    assert said.startswith("wide.ex:6:3: error[HNY0800]: clang does not find room")
    assert said.endswith("1 error\n")
    assert "wide.bpf.o" not in names()


@needs_clang
def test_compile_writes_an_object_beside_the_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "good.ex"]) == OK
    assert capsys.readouterr() == ("", "")
    assert Path("good.bpf.o").read_bytes().startswith(b"\x7fELF")
    assert names() == {"good.ex", "bad.ex", "good.bpf.o"}


@needs_clang
def test_compile_writes_where_it_is_told() -> None:
    os.mkdir("there")
    assert main(["compile", "good.ex", "-o", "x.o"]) == OK
    assert main(["compile", "good.ex", "-o", "there"]) == OK
    assert main(["compile", "good.ex", "-o", "new/"]) == OK
    assert Path("x.o").read_bytes() == Path("there/good.bpf.o").read_bytes() == Path("new/good.bpf.o").read_bytes()


@needs_clang
def test_compile_gives_the_same_object_twice(folder: Path) -> None:
    assert main(["compile", "good.ex", "-o", "1.o"]) == OK
    assert main(["compile", str(folder / "good.ex"), "-o", "2.o"]) == OK
    assert Path("1.o").read_bytes() == Path("2.o").read_bytes()


@needs_clang
def test_compile_takes_a_folder_and_compiles_what_it_can(capsys: pytest.CaptureFixture[str]) -> None:
    Path("good2.ex").write_text(GOOD, encoding="utf-8")
    assert main(["compile", ".", "-o", "out"]) == SOURCE_ERROR
    assert {path.name for path in Path("out").iterdir()} == {"good.bpf.o", "good2.bpf.o"}
    assert "2 errors" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "suffix", "part"),
    [("ast", ".ast", "Call name='defmodule'"), ("ir", ".ir", "main"), ("c", ".bpf.c", 'SEC("license")')],
)
def test_compile_emits_its_steps(kind: str, suffix: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "good.ex", "--emit", kind]) == OK
    text = Path("good" + suffix).read_text(encoding="utf-8")
    assert part in text
    assert main(["compile", "good.ex", "--emit", kind, "-o", "-"]) == OK
    assert capsys.readouterr().out == text


def test_emitted_c_shows_no_folder_of_the_machine(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", str(folder / "good.ex"), "--emit", "c", "-o", "-"]) == OK
    text = capsys.readouterr().out
    assert '"good.ex"' in text
    assert str(folder) not in text


def test_compile_refuses_a_pass_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "good.ex", "--passes=nonesuch"]) == ENVIRONMENT
    assert "there is no pass 'nonesuch'" in capsys.readouterr().err


@needs_clang
def test_compile_without_any_pass_works() -> None:
    assert main(["compile", "good.ex", "--passes=none"]) == OK


def test_a_source_error_leaves_no_output(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.bpf.o").write_bytes(b"from an earlier run")
    assert main(["compile", "bad.ex"]) == SOURCE_ERROR
    assert names() == {"good.ex", "bad.ex"}
    assert "error[HNY0007]" in capsys.readouterr().err


def test_a_missing_clang_is_the_machines_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HONEY_CLANG", raising=False)
    monkeypatch.delenv("CLANG", raising=False)
    monkeypatch.setenv("PATH", str(folder))
    assert main(["compile", "good.ex"]) == ENVIRONMENT
    assert "clang" in capsys.readouterr().err
    assert names() == {"good.ex", "bad.ex"}


def test_an_error_of_clang_is_passed_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("good.bpf.o").write_bytes(b"from an earlier run")
    fake_clang(folder, "echo 'fatal error: out of nectar' >&2; exit 1", monkeypatch)
    assert main(["compile", "good.ex"]) == ENVIRONMENT
    assert "out of nectar" in capsys.readouterr().err
    assert names() == {"good.ex", "bad.ex", "fake-clang"}


def test_an_output_that_cannot_be_written_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "good.ex", "-o", "nowhere/x.c", "--emit", "c"]) == ENVIRONMENT
    assert "honey: cannot write nowhere/x.c" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["good.ex", "bad.ex"])
def test_a_source_is_not_overwritten_by_its_own_result(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(name).read_bytes()
    os.symlink(name, "link")
    for output in (name, "link"):
        assert main(["compile", name, "-o", output]) == ENVIRONMENT
        assert "is the source itself" in capsys.readouterr().err
    assert Path(name).read_bytes() == before


def test_what_is_no_file_is_written_to_and_not_replaced() -> None:
    assert main(["compile", "good.ex", "--emit", "c", "-o", "/dev/null"]) == OK
    assert not stat.S_ISREG(os.stat("/dev/null").st_mode)


# --- what is wrong with the command line, the files, or the compiler ------------------------------------------------


@pytest.mark.parametrize("command", ["check", "compile"])
@pytest.mark.parametrize("path", ["missing.ex", "empty", "/dev/zero"])
def test_a_file_that_cannot_be_read_is_said(command: str, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkdir("empty")
    assert main([command, path]) == ENVIRONMENT
    err = capsys.readouterr().err
    assert err.startswith("honey: ")
    assert path in err
    assert "Traceback" not in err


def test_a_bug_in_the_compiler_asks_for_a_report(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise KeyError("the bee's knees")

    monkeypatch.setattr("honey.analysis.analyse", fails)
    Path("good.bpf.o").write_bytes(b"from an earlier run")
    assert main(["compile", "good.ex"]) == INTERNAL
    err = capsys.readouterr().err
    assert "internal error during analysis of good.ex" in err
    assert "the bee's knees" in err
    assert "test_cli.py" in err
    assert "honey " in err
    assert "Traceback" not in err
    assert str(folder) not in err
    assert len(err.splitlines()) <= 24
    assert not Path("good.bpf.o").exists()


def test_a_bug_in_a_pass_names_the_pass(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def ill_formed(program: Program) -> Program:
        emptied = tuple(replace(function, body=()) for function in program.functions)
        return replace(program, functions=emptied)

    monkeypatch.setattr("honey.passes.merged_reads.run", ill_formed)
    assert main(["compile", "good.ex"]) == INTERNAL
    assert "internal error during merged-reads of good.ex" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nonesuch"], ["compile"], ["compile", "x.ex", "--emit", "wax"]])
def test_a_wrong_command_line_shows_how_it_is_meant(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == ENVIRONMENT
    assert capsys.readouterr().err.startswith("usage: honey")


# --- explain, version -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["HNY0016", "hny0016", "0016", "16"])
def test_explain_shows_the_reason_and_both_examples(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", code]) == OK
    out = capsys.readouterr().out
    assert out.startswith("HNY0016: a call that needs parentheses")
    assert "    max(1, min ctx.count, 2)\n" in out
    assert "    max(1, min(ctx.count, 2))\n" in out


def test_explain_lists_all_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == OK
    assert "HNY0003  a block without its `end`\n" in capsys.readouterr().out


def test_explain_speaks_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "HNY0016", "--format", "json"]) == OK
    assert json.loads(capsys.readouterr().out)["title"] == "a call that needs parentheses"


def test_explain_suggests_a_code_that_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "HNY0099"]) == ENVIRONMENT
    assert "there is no code HNY0099" in capsys.readouterr().err


def test_version_names_the_tools(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["honey", "Python", "clang"]
