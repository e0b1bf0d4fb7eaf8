# SPDX-License-Identifier: Apache-2.0
"""Keeps reports: every run in ``reports/history/``, the last one as ``reports/latest``, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from pydantic import ValidationError

from harness.errors import HarnessError
from harness.report.csv_table import csv_table, figures_table
from harness.report.html import html
from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.model import Report
from harness.targets.temporary import alive
from harness.whole_file import write_whole

#: Runs of which the report is kept, and of which what it was made from (job, dumps, events) is kept as well.
KEPT_REPORTS = 50
KEPT_EVIDENCE = 5
EVIDENCE = ("job", "out")
_UNFINISHED = ".run-"


@contextmanager
def new_run(reports: Path) -> Iterator[Path]:
    """A folder for a run's files, by its absolute path; it goes with the block unless :func:`keep` took it over.

    Its name tells the process that it belongs to; on this occasion those of runs that were killed are removed.
    """
    reports.mkdir(parents=True, exist_ok=True)
    for left in abandoned_runs(reports):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{os.getpid()}-", dir=reports.resolve()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def abandoned_runs(reports: Path) -> list[Path]:
    """The folders of runs that were killed before they came to a report."""
    found = []
    for folder in sorted(reports.glob(f"{_UNFINISHED}*")):
        pid = folder.name.removeprefix(_UNFINISHED).partition("-")[0]
        if pid.isdecimal() and not alive(int(pid)):
            found.append(folder)
    return found


def write_forms(report: Report, folder: Path) -> None:
    """All forms of ``report`` into ``folder``."""
    write_whole(folder / "report.json", report.to_json())
    write_whole(folder / "report.md", markdown(report))
    write_whole(folder / "report.html", html(report))
    write_whole(folder / "report.csv", csv_table(report))
    write_whole(folder / "figures.csv", figures_table(report))
    write_whole(folder / "junit.xml", junit(report))


def keep(report: Report, folder: Path, reports: Path) -> Path:
    """Move the run's ``folder`` into the history and point ``reports/latest`` at it; gives its place."""
    write_forms(report, folder)
    folder.chmod(0o755)
    history = reports / "history"
    history.mkdir(parents=True, exist_ok=True)
    place = _free_place(history, report)
    folder.rename(place)
    _point(reports / "latest", place)
    _prune(history, place)
    return place


_HINT = "`harness run` writes reports/latest"


def load_report(path: Path) -> Report:
    """The report in ``path``, a ``report.json`` or a folder with one. Raises :class:`HarnessError`."""
    path = path / "report.json" if path.is_dir() else path
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror}", hint=_HINT) from error
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False, include_context=False, include_input=False)
        where = ".".join(map(str, first["loc"]))
        words = f"{where}: {first['msg']}" if where else first["msg"]
        raise HarnessError(f"{path} is no report of schema 1: {words}", hint=_HINT) from error


def _free_place(history: Path, report: Report) -> Path:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    name = f"{stamp}-{report.commit[:8]}"
    place, number = history / name, 1
    while place.exists():
        number += 1
        place = history / f"{name}-{number}"
    return place


def _point(link: Path, place: Path) -> None:
    """Make ``link`` a link to ``place`` in one step, so that a reader finds the old report or the new one."""
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    with tempfile.TemporaryDirectory(prefix=".link-", dir=link.parent) as folder:
        fresh = Path(folder) / link.name
        fresh.symlink_to(place.relative_to(link.parent))
        fresh.replace(link)


def _prune(history: Path, newest: Path) -> None:
    runs = sorted((path for path in history.iterdir() if path.is_dir()), reverse=True)
    for old in runs[KEPT_REPORTS:]:
        if old != newest:
            shutil.rmtree(old, ignore_errors=True)
    for old in runs[KEPT_EVIDENCE:KEPT_REPORTS]:
        for name in EVIDENCE:
            shutil.rmtree(old / name, ignore_errors=True)
