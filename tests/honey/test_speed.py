# SPDX-License-Identifier: Apache-2.0
"""How quickly the commands do their work: mostly by counting what they load, which does not depend on the machine."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.benchmark_file import find_benchmarks
from harness.build import CFLAGS
from harness.checkout import find_checkout
from harness.errors import BuildError
from harness.vmlinux import vmlinux_header

CHECKOUT = find_checkout(Path(__file__).parent)
PAIRS = [one for one in find_benchmarks(CHECKOUT, []) if (CHECKOUT.root / one.sides.honey.path).is_file()]
PORTS = sorted(CHECKOUT.root / one.sides.honey.path for one in PAIRS)

NEVER = {
    *("pydantic", "rich", "scapy", "jinja2", "deepdiff", "elftools", "tomli", "hypothesis", "asyncio", "harness"),
    *("ast", "dataclasses", "inspect", "pathlib", "platform", "shutil", "subprocess", "tempfile", "threading"),
    *("difflib", "textwrap", "traceback", "urllib", "email", "importlib.metadata", "typing_extensions"),
}
"""Modules that a compilation has no use for, or whose use costs more than it saves."""
MODULES = 260
"""The most modules that one may load, those of Python's own start among them; at first it was 220."""
COMPILED = 20
"""The most pieces of source that may be compiled on the way: templates of constructors."""

_COUNT = """
import json, sys
compiled = []
def note(event, details):
    if event == "compile" and details[1] == "<string>":  # not a module that is not stored in compiled form yet
        compiled.append(str(details[0]))
sys.addaudithook(note)
from honey.cli import main
status = main(sys.argv[1:])
print(json.dumps({"modules": sorted(sys.modules), "compiled": compiled}))
sys.exit(status)
"""


def _counted(*arguments: str) -> dict[str, list[str]]:
    """What a command loads and compiles, in a Python without the site's own additions."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT.root), *filter(None, sys.path)])}
    line = [sys.executable, "-S", "-c", _COUNT, *arguments]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("command", [("compile", "-o", "x.out"), ("compile", "--emit", "c", "-o", "x.out"), ("check",)])
@pytest.mark.parametrize("port", PORTS, ids=lambda port: str(port.stem))
def test_a_command_loads_what_it_needs(
    command: Sequence[str], port: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "--emit" not in command and command[0] == "compile" and shutil.which("clang") is None:
        pytest.skip("clang is not installed: no object to make")
    monkeypatch.chdir(tmp_path)
    found = _counted(command[0], str(port), *command[1:])
    modules = set(found["modules"])
    assert modules & NEVER == set()
    assert "argparse" not in modules or "--emit" in command
    assert len(modules) <= MODULES
    assert len(found["compiled"]) <= COMPILED, found["compiled"]
    if command == ("check",):
        assert [name for name in modules if name.startswith(("honey.passes", "honey.emit"))] == []


def _seconds(command: Sequence[str | Path]) -> float:
    """The processor's time for a command and all that it starts: waiting for others on a busy machine is none of it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=CHECKOUT.root, env=environment, capture_output=True, timeout=60, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed: nothing to compare with")
def test_a_port_compiles_faster_than_the_c_with_all_types(tmp_path: Path) -> None:
    """On a quiet machine it takes less than half the time, as `make bench` shows; here others may be at work."""
    pair = next(one for one in PAIRS if one.name == "network_monitor")
    try:
        types = vmlinux_header().include
    except BuildError as problem:
        pytest.skip(f"no vmlinux.h to compare with: {problem}")
    honey: list[str | Path] = [
        sys.executable,
        "-m",
        "honey",
        "compile",
        pair.sides.honey.path,
        "-o",
        tmp_path / "honey.o",
    ]
    c: list[str | Path] = ["clang", *CFLAGS, "-I", types, "-c", pair.sides.c.path, "-o", tmp_path / "c.o"]
    times = [(_seconds(honey), _seconds(c)) for _ in range(8)]
    ours, theirs = (min(column) for column in zip(*times, strict=True))
    assert ours <= 0.75 * theirs, f"{ours:.3f} s, and clang on the C takes {theirs:.3f} s"
