# SPDX-License-Identifier: Apache-2.0
"""The report's forms, and how they are kept."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from made_reports import benchmark_report, report_of
from rich.console import Console

from harness.errors import HarnessError
from harness.report import model
from harness.report.csv_table import csv_table, figures_table
from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.schema import PUBLISHED, report_schema
from harness.report.store import keep, load_report, new_run
from harness.report.terminal import show
from harness.report.whole import Head, whole_report


def figures(scale: float) -> model.Figures:
    return model.Figures(
        object_insns=int(100 * scale),
        xlated_insns=int(110 * scale),
        jited_bytes=int(600 * scale),
        stack_bytes=64,
        verified_insns=int(200 * scale),
        ns_per_event=812.5 * scale,
        unavailable={"guest_insns_per_event": "the target does not count instructions"},
    )


def make_report(**changes: Any) -> model.Report:
    """A report of a run that holds, but for ``changes`` of its benchmark."""
    benchmark: dict[str, Any] = {
        "parity": model.Parity(
            equal=True,
            oracle_equal=True,
            events=1234,
            maps={"flows": model.MapParity(entries=5, differences=0, oracle_differences=0, foreign=1)},
        ),
        "programs": {"on_send": {"honey": figures(0.5), "c": figures(1)}},
        "ratios": {"honey": {"xlated_insns": model.Ratio(geomean=0.5, handlers={"on_send": 0.5})}},
        "sides": {
            side: model.Side(
                source=f"{side}.src", command="", compile_s=0.1, source_lines=9, emitted_lines=None, maps=1, map_bytes=9
            )
            for side in ("honey", "c")
        },
        "budgets": [
            model.BudgetOutcome(
                metric="xlated_insns", side="honey", against="c", kind="geomean", limit=0.75, figure=0.5, ok=True
            )
        ],
    }
    return report_of(benchmark_report(**(benchmark | changes)), timings={"total": 12.3})


DIFFERENT: dict[str, Any] = {
    "ok": False,
    "reasons": ["honey and c differ"],
    "parity": model.Parity(
        equal=False,
        oracle_equal=True,
        events=5,
        maps={"flows": model.MapParity(entries=5, differences=1, oracle_differences=0)},
    ),
    "differences": [
        model.Difference(
            place="flows",
            key={"pid": 1},
            label="pid 1",
            between="sides",
            columns={"honey": {"bytes": 20}, "c": {"bytes": 25}},
            fields=[model.FieldColumns(path="bytes", columns={"honey": 20, "c": 25})],
            text="flows[pid 1]: bytes is 20 in honey, 25 in c",
            events=[model.Event(seq=7, hook="syscalls/sys_enter_sendto", pid=1, note="third datagram")],
        )
    ],
}


def terminal(report: model.Report) -> str:
    out = io.StringIO()
    show(report, Console(file=out, width=160, highlight=False))
    return out.getvalue()


def test_the_published_schema_is_the_models() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == report_schema(), "run python -m harness.report.schema"


@pytest.mark.parametrize("changes", [{}, DIFFERENT])
def test_report_json_follows_the_published_schema(changes: dict[str, Any]) -> None:
    document = json.loads(make_report(**changes).to_json())
    jsonschema.validate(document, json.loads(PUBLISHED.read_text(encoding="utf-8")))
    assert document["schema"] == 1


def test_report_json_has_the_names_that_others_rely_on() -> None:
    (benchmark,) = json.loads(make_report().to_json())["benchmarks"]
    assert {
        "name",
        "kernel",
        "target",
        "compiler",
        "seed",
        "commit",
        "parity",
        "programs",
        "budgets",
        "timings",
    } <= set(benchmark)
    assert benchmark["parity"]["maps"]["flows"].keys() >= {"entries", "differences"}
    assert benchmark["programs"]["on_send"]["honey"].keys() >= {
        "object_insns",
        "xlated_insns",
        "jited_bytes",
        "stack_bytes",
        "verified_insns",
        "executed_insns_per_event",
        "guest_insns_per_event",
        "ns_per_event",
        "ns_per_event_ci",
        "unavailable",
    }
    assert benchmark["budgets"][0].keys() >= {"limit", "figure", "ok"}


def test_the_terminal_shows_a_run_that_holds() -> None:
    said = terminal(make_report())
    assert "parity holds in 12.3 s" in said
    assert "1,234 events" in said
    assert "guest insns / event: the target does not count instructions" in said


def test_the_terminal_shows_the_difference_and_its_event() -> None:
    said = terminal(make_report(**DIFFERENT))
    assert "flows[pid 1]: bytes is 20 in honey, 25 in c" in said
    assert "event 7, syscalls/sys_enter_sendto, pid 1: third datagram" in said
    assert "it does not hold in 12.3 s: pair: honey and c differ" in said


def test_a_pair_that_takes_no_stack_at_all_does_not_make_the_suites_mean_zero() -> None:
    (some,) = make_report(ratios={"honey": {"stack_bytes": model.Ratio(geomean=0.5, handlers={})}}).benchmarks
    (none,) = make_report(ratios={"honey": {"stack_bytes": model.Ratio(geomean=0.0, handlers={})}}).benchmarks
    head = Head(commit="c" * 40, target="sim", seed=1, compiler="clang")
    assert whole_report(head, [some, none]).means["stack_bytes"] == 0.5


def test_markdown_has_verdict_figures_and_differences() -> None:
    assert "parity holds" in markdown(make_report())
    text = markdown(make_report(**DIFFERENT))
    assert "- flows[pid 1]: bytes is 20 in honey, 25 in c" in text
    assert "| xlated insns | 0.50 | 55 / 110 |" in text


def test_junit_names_what_failed() -> None:
    passed = ET.fromstring(junit(make_report()))
    assert (passed.get("tests"), passed.get("failures"), passed.get("errors")) == ("3", "0", "0")
    failed = ET.fromstring(junit(make_report(**DIFFERENT)))
    names = [case.get("name") for case in failed.iter("testcase") if case.find("failure") is not None]
    assert names == ["map flows: C = Honey"]


def test_junit_shows_a_crossed_budget_and_survives_odd_characters() -> None:
    crossed = model.BudgetOutcome(
        metric="xlated_insns", side="honey", against="c", kind="geomean", limit=0.75, figure=0.9, ok=False
    )
    root = ET.fromstring(junit(make_report(budgets=[crossed], ok=False)))
    assert root.find(".//failure[@message='0.90, at most 0.75']") is not None
    error = model.Failure(step="load", message="refused\x00", log="\x1b[1mlog")
    assert ET.fromstring(junit(make_report(error=error, ok=False))).find(".//error") is not None


def test_the_csv_is_what_veristat_writes_and_reads() -> None:
    """``veristat -C`` refuses unknown columns, takes an empty field for none, and only whole numbers."""
    said = {"load_ns": 1_234_567, "verified_insns": 200, "total_states": 20, "peak_states": 12}
    verified = figures(1).model_copy(update=said)
    report = make_report(programs={"on_send": {"honey": verified, "c": figures(1)}})
    assert csv_table(report) == (
        "file_name,prog_name,verdict,duration,total_insns,total_states,peak_states\n"
        "pair/honey.bpf.o,on_send,success,1234,200,20,12\n"
    )


def test_all_figures_are_in_a_table_of_their_own() -> None:
    rows = list(csv.DictReader(io.StringIO(figures_table(make_report()))))
    assert [(row["pair"], row["handler"], row["side"], row["xlated_insns"]) for row in rows] == [
        ("pair", "on_send", "honey", "55"),
        ("pair", "on_send", "c", "110"),
    ]
    assert rows[0]["guest_insns_per_event"] == ""


def test_the_latest_report_is_replaced_as_a_whole_and_the_history_kept(tmp_path: Path) -> None:
    for seed in (1, 2):
        with new_run(tmp_path) as folder:
            (folder / "out").mkdir()
            keep(make_report().model_copy(update={"seed": seed}), folder, tmp_path)
    assert load_report(tmp_path / "latest").seed == 2
    assert {path.name for path in (tmp_path / "latest").iterdir()} == {
        "report.json",
        "report.md",
        "report.html",
        "report.csv",
        "figures.csv",
        "junit.xml",
        "out",
    }
    assert sorted(load_report(path).seed for path in (tmp_path / "history").iterdir()) == [1, 2]
    assert not list(tmp_path.glob(".*"))


def test_a_run_that_breaks_off_leaves_the_latest_report_alone(tmp_path: Path) -> None:
    with new_run(tmp_path) as folder:
        keep(make_report(), folder, tmp_path)

    def break_off() -> None:
        with new_run(tmp_path) as folder:
            (folder / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert load_report(tmp_path / "latest").seed == 3
    assert not list(tmp_path.glob(".run-*"))


def test_a_file_that_is_no_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"schema": 9}', encoding="utf-8")
    with pytest.raises(HarnessError, match="no report of schema 1"):
        load_report(tmp_path)
