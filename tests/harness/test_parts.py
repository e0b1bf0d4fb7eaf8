# SPDX-License-Identifier: Apache-2.0
"""Small parts of the harness: labels, lines of code, jobs, empty programs, the header of kernel types."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from made_benchmarks import benchmark_of
from rich.console import Console

from harness import vmlinux
from harness.build import BuiltPair, BuiltSide, find_compiler
from harness.build_empty import build_empty
from harness.checkout import Checkout, find_checkout
from harness.errors import BuildError
from harness.jobs import Came
from harness.label import label
from harness.lines import count_code_lines
from harness.objects import BpfObject, read_object
from harness.plan import Rounds, write_job
from harness.progress import Progress
from harness.result import BenchmarkResult, Phase, Result

CHECKOUT = find_checkout(Path(__file__).parent)


@pytest.mark.parametrize(
    ("key", "template", "text"),
    [
        (7, None, "7"),
        ({"pid": 7, "port": 53}, None, "pid 7, port 53"),
        ({"pid": 7, "ip": 0x0100007F}, "pid {pid} to {ip:ipv4}", "pid 7 to 127.0.0.1"),
        (17, "{key:ipproto}", "UDP"),
        (255, "{key:hex}", "0xff"),
        ({"mac": [1, 2, 3, 4, 5, 255]}, "{mac:mac}", "01:02:03:04:05:ff"),
        (0x3500, "{key:be16}", "53"),
        ({"a": {"b": 1}}, "{a.b}", "1"),
        ({"pid": 7}, "{no_such}", "pid 7"),
        ("text", None, "'text'"),
    ],
)
def test_labels(key: Any, template: str | None, text: str) -> None:
    assert label(key, template) == text


C_SOURCE = """// licence
/* a comment
 * of several lines
 */
int a; /* behind */

#line 3 "x.ex"
char *s = "/* no comment */"; // here
"""
ELIXIR_SOURCE = '''# comment
defmodule M do
  @moduledoc """
  words
  """
  @doc "more"
  @limit 3

  def f(ctx) do
    # inside
    0
  end
end
'''


def test_lines_of_code_are_neither_blank_nor_comment() -> None:
    assert count_code_lines(C_SOURCE, elixir=False) == 2
    assert count_code_lines(ELIXIR_SOURCE, elixir=True) == 6


def pair(folder: Path, obj: Path, **changes: Any) -> BuiltPair:
    workload = {"name": "network", "options": {"profile": "full"}, "cost_options": {"profile": "cost"}}
    sides = {}
    for side in ("honey", "c"):
        path = folder / f"{side}.bpf.o"
        shutil.copyfile(obj, path)
        sides[side] = BuiltSide(side, path, "source", "", 0.0)
    empty = folder / "empty.bpf.o"
    empty.touch()
    return BuiltPair(benchmark_of(**{"workload": workload} | changes), sides, empty, find_compiler(), "")


def test_a_job_holds_all_that_the_agent_needs_and_nothing_of_ours(tmp_path: Path, flows_path: Path) -> None:
    job = tmp_path / "job"
    document = write_job(job, [pair(tmp_path, flows_path)], CHECKOUT, seed=5, cpu=0, rounds=Rounds(cost_blocks=2))
    assert json.loads((job / "job.json").read_text(encoding="utf-8")) == document
    assert (document["schema"], document["seed"]) == (1, 5)
    for entry in document["benchmarks"]:
        for side in entry["sides"]:
            assert (job / side["object"]).is_file()
    assert not list(job.rglob("__pycache__"))
    assert {path.name for path in (job / "harness").iterdir()} == {"__init__.py", "agent"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import harness.agent.job, workloads.registry"],
        cwd=job,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_blocks_run_there_and_back_and_every_other_one_the_other_way_round(tmp_path: Path, flows_path: Path) -> None:
    document = write_job(
        tmp_path / "job", [pair(tmp_path, flows_path)], CHECKOUT, seed=1, cpu=0, rounds=Rounds(parity="", cost_blocks=2)
    )
    orders = {entry["name"]: [phase["side"] for phase in entry["phases"]] for entry in document["benchmarks"]}
    assert orders == {
        "pair-cost-1": ["honey", "c", "c", "honey"],
        "pair-cost-2": ["c", "honey", "honey", "c"],
        "pair-empty": ["empty", "empty"],
    }
    assert document["benchmarks"][0]["phases"][0]["workload"]["options"] == {"profile": "cost"}


def test_the_blocks_of_a_benchmark_are_brought_together(tmp_path: Path) -> None:
    parts = (
        BenchmarkResult(name="pair", phases=(Phase(kind="shadow"),)),
        BenchmarkResult(name="pair-cost-1", phases=(Phase(kind="solo", side="c"),)),
        BenchmarkResult(name="pair-cost-2", phases=(Phase(kind="solo", side="c"),)),
        BenchmarkResult(name="pair-empty"),
    )
    came = Came(Result(schema=1, benchmarks=parts), tmp_path, {})
    found = came.of("pair")
    assert found is not None
    assert [(phase.kind, phase.block) for phase in found.phases] == [("shadow", 0), ("solo", 0), ("solo", 1)]
    assert came.of("other") is None
    assert came.empty("pair") is not None


def test_an_empty_program_has_the_same_hooks_and_does_nothing(flows: BpfObject, tmp_path: Path) -> None:
    empty = read_object(build_empty(flows.programs, tmp_path / "empty.bpf.o", clang="clang"))
    assert {name: one.section for name, one in empty.programs.items()} == {
        name: one.section for name, one in flows.programs.items()
    }
    assert all(one.insn_count == 2 for one in empty.programs.values())


def test_the_header_of_kernel_types_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    btf = tmp_path / "vmlinux"
    btf.write_bytes(b"types")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def dump(path: Path) -> bytes:
        made.append(path)
        return b"header"

    monkeypatch.setattr(vmlinux, "_dump", dump)
    first, second = vmlinux.vmlinux_header(btf), vmlinux.vmlinux_header(btf)
    assert first == second
    assert made == [btf]
    assert (first.include / "vmlinux.h").read_bytes() == b"header"
    btf.write_bytes(b"other types")
    assert vmlinux.vmlinux_header(btf) != first


def test_a_kernel_without_types_is_told_about(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"vmlinux\.h"):
        vmlinux.vmlinux_header(tmp_path / "none")


def test_progress_says_each_step_once_in_plain_lines() -> None:
    out = io.StringIO()
    progress = Progress(Console(file=out, width=80))
    with progress.live(), progress.step("build", "compiling"):
        progress.detail("build", "half way")
    assert out.getvalue().startswith("compiling: 0.")
    assert list(progress.timings) == ["build"]


def test_the_commit_of_a_folder_outside_git_is_unknown(tmp_path: Path) -> None:
    assert Checkout(tmp_path).commit() == "unknown"


def test_the_commit_says_whether_files_differ_from_it(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("1", encoding="utf-8")
    git("add", "file")
    git("commit", "-m", "one")
    clean = Checkout(tmp_path).commit()
    assert len(clean) == 40
    (tmp_path / "file").write_text("2", encoding="utf-8")
    assert Checkout(tmp_path).commit() == f"{clean}-dirty"
