# SPDX-License-Identifier: Apache-2.0
"""The HTML report: every number comes from report.json, and a real browser shows it well without a network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_reports import benchmark_report, report_of
from run_bench import REFERENCE, ROOT, pair

from harness.report import model
from harness.report.html import html

BUDGETS = """
[[budgets]]
metric = "object_insns"
geomean = 1.0
at_most = 500
"""
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed to look at the page with")

#: Tells, from inside the page, how it came out.
PROBE = """<script>parent.postMessage(JSON.stringify({
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  back: getComputedStyle(document.body).backgroundColor,
  text: getComputedStyle(document.body).color,
  plots: [...document.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().width > 200).length,
  requests: performance.getEntriesByType("resource").map(r => r.name),
}), "*");</script>"""
#: A window can be no narrower than 500 pixels, a frame in it can.
FRAME = """<iframe src="report.html" style="width: {width}px; height: 900px; border: 0"></iframe>
<script>onmessage = message => document.title = message.data</script>"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a simulated run, the second of two so that there is a history."""
    folder = tmp_path_factory.mktemp("html")
    benchmark = folder / "pair.toml"
    source = REFERENCE.relative_to(ROOT)
    benchmark.write_text(pair(source, source, events=20) + BUDGETS, encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "run", str(benchmark), "--target", "sim", "-q"]
    for _ in range(3):
        done = subprocess.run(
            [*command, "--reports", str(folder / "reports")], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "reports" / "latest"


class Page(HTMLParser):
    """Collects what carries ``data-json``, what cells and lists hold besides, and what is fetched.

    ``rows`` are numbers in lines that name as a whole where they come from (``data-row``).
    """

    def __init__(self) -> None:
        super().__init__()
        self.traced: list[tuple[str, str]] = []
        self.rows: list[tuple[str, str]] = []
        self.loose: list[str] = []
        self.fetched: list[str] = []
        self.stack: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        for name in ("src", "href"):
            value = found.get(name) or ""
            if value and not value.startswith(("#", "data:")):
                self.fetched.append(value)
        if tag not in VOID:
            self.stack.append((tag, found))
        if "data-json" in found:
            self.traced.append((found["data-json"] or "", ""))

    def handle_endtag(self, tag: str) -> None:
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self.stack]
        if self.stack and "data-json" in self.stack[-1][1]:
            pointer, text = self.traced[-1]
            self.traced[-1] = (pointer, text + data)
        elif "title" in tags and "circle" in tags:
            self.traced[-1] = (self.traced[-1][0], data)
        else:
            row = next((found["data-row"] or "" for _, found in self.stack if "data-row" in found), "")
            number = any(tag == "td" and "num" in (found.get("class") or "").split() for tag, found in self.stack)
            if number and row:
                self.rows.append((row, data))
            elif number or (("td" in tags or "li" in tags) and not row and not {"code", "a", "summary"} & set(tags)):
                self.loose.append(data)


VOID = {"meta", "link", "br", "rect", "line", "polyline"}


def parsed(text: str) -> Page:
    page = Page()
    page.feed(text)
    return page


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return parsed((run / "report.html").read_text(encoding="utf-8"))


def timed(scale: float) -> model.Figures:
    """Figures as real hardware gives them."""
    return model.Figures(
        object_insns=90,
        executed_insns_per_event=51.25,
        ns_per_event=100.5 * scale,
        ns_per_event_ci=(98.0, 103.5),
        ns_by_block=[101.5, 100.5, 99.125],
        overhead_ns=20.0,
        cpu_insns_per_event=790.5,
        cache_misses_per_event=0.03,
        counters_by_block={"cpu_insns_per_event": [790.5, 791.0]},
        unavailable={"guest_insns_per_event": "instructions of a guest are counted with --target vm only"},
    )


def ratio(metric: str, low: float, high: float) -> dict[str, model.Ratio]:
    interval = model.Interval(low=low, high=high, conclusive=not low <= 1 <= high, outliers=[2])
    middle = (low + high) / 2
    one = model.Ratio(geomean=middle, handlers={"on_send": middle}, interval=interval, intervals={"on_send": interval})
    return {metric: one, "object_insns": model.Ratio(geomean=1.25, handlers={"on_send": 1.25})}


@pytest.fixture
def measured() -> model.Report:
    """A report with a contender, times, counters and a difference."""
    benchmark = benchmark_report(
        target="local",
        ok=False,
        parity=model.Parity(
            equal=False,
            oracle_equal=True,
            events=1234,
            maps={"flows": model.MapParity(entries=5, differences=1, oracle_differences=0, foreign=1)},
            contenders={"tuned": model.ContenderParity(equal=False, differences=3)},
        ),
        differences=[
            model.Difference(
                place="flows",
                key={"pid": 1},
                label="pid 1",
                between="sides",
                columns={"honey": 20, "c": 25},
                text="flows[pid 1]: 20 in honey, 25 in c",
                events=[model.Event(seq=7, hook="syscalls/sys_enter_sendto", pid=1, note="third datagram")],
                more_events=4,
            )
        ],
        programs={"on_send": {side: timed(scale) for side, scale in (("honey", 0.5), ("c", 1), ("tuned", 0.9))}},
        ratios={"honey": ratio("ns_per_event", 0.45, 0.55)},
        over={"tuned": ratio("ns_per_event", 0.9, 1.1)},
        sides={
            side: model.Side(
                source=f"{side}.c", command="", compile_s=0.1, source_lines=9, emitted_lines=8, maps=1, map_bytes=9
            )
            for side in ("honey", "c", "tuned")
        },
        budgets=[
            model.BudgetOutcome(
                metric="object_insns",
                side="honey",
                against="tuned",
                kind="geomean",
                limit=1.5,
                figure=1.25,
                ok=False,
                note="tuned differs from c in 3 entries",
            )
        ],
    )
    return report_of(benchmark, benchmark, target="local", means={"object_insns": 1.25}, timings={"total": 12.34})


def resolve(document: Any, pointer: str) -> Any:
    for escaped in pointer.split("/")[1:]:
        step = escaped.replace("~1", "/").replace("~0", "~")
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def check_numbers(document: Any, page: Page) -> None:
    for pointer, text in page.traced:
        value = resolve(document, pointer)
        shown = re.findall(r"[-+]?[\d,]+\.?\d*", text)[-1].replace(",", "")
        places = len(shown.partition(".")[2])
        assert float(shown) == pytest.approx(value, abs=0.51 * 10**-places), (pointer, text)

    for pointer, text in page.rows:
        if re.search(r"\d", text):
            row = resolve(document, pointer)
            line = int(pointer.rpartition("/")[2]) + 1  # of a source, whose first line is line 1
            assert int(text) in {row.get("slot", line), row.get("line", line)}, (pointer, text)
    assert [text for text in page.loose if re.search(r"\d", text)] == []


def test_every_number_is_that_of_the_json(run: Path, page: Page) -> None:
    assert len(page.traced) > 200
    assert len(page.rows) > 200
    check_numbers(json.loads((run / "report.json").read_bytes()), page)


def test_every_number_of_a_measured_run_is_that_of_the_json(measured: model.Report) -> None:
    page = parsed(html(measured))
    check_numbers(json.loads(measured.to_json()), page)
    there = {pointer for pointer, _ in page.traced}
    assert "/benchmarks/0/over/tuned/ns_per_event/interval/low" in there
    assert "/benchmarks/0/ratios/honey/ns_per_event/intervals/on_send/outliers/0" in there
    assert "/benchmarks/1/programs/on_send/tuned/cache_misses_per_event" in there


def test_times_are_coloured_only_where_their_interval_is_clear(measured: model.Report) -> None:
    cells = re.findall(r'<td class="num (\w*)"><span data-json="/benchmarks/0/([^"]*)/geomean"', html(measured))
    of = {place: kind for kind, place in cells}
    assert of["ratios/honey/ns_per_event"] == "good"
    assert of["ratios/honey/object_insns"] == "bad"
    assert of["over/tuned/ns_per_event"] == ""


def test_contenders_and_what_is_wrong_with_them_are_named(measured: model.Report) -> None:
    text = html(measured)
    assert '<th class="num">honey / tuned</th>' in text
    assert "tuned differs from c in 3 entries" in text


def test_the_page_holds_all_its_parts(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    for part in ("Cost", "Budgets", "Maps and streams", "Where the difference comes from", "Sources", "Trend"):
        assert f"<h3>{part}</h3>" in text
    assert "assembly of trace_sendto" in text
    assert "call bpf_map_lookup_elem" in text


def test_the_page_fetches_nothing(page: Page) -> None:
    assert page.fetched == []


def look(run: Path, folder: Path, width: int, *options: str) -> dict[str, Any]:
    """What a browser makes of the page where it is ``width`` pixels wide."""
    assert CHROMIUM is not None
    copy = folder / "report.html"
    text = (run / "report.html").read_text(encoding="utf-8")
    copy.write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(FRAME.format(width=width), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=5000", *options]
    command += ["--window-size=1300,950", "--dump-dom", frame.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    match = re.search(r"<title>({.*?})</title>", done.stdout)
    assert match is not None, done.stderr
    seen: dict[str, Any] = json.loads(match[1].replace("&quot;", '"').replace("&amp;", "&"))
    return seen


def brightness(colour: str) -> float:
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


@needs_browser
def test_a_browser_shows_the_page_on_a_phone_without_scrolling_sideways(run: Path, tmp_path: Path) -> None:
    seen = look(run, tmp_path, 390)
    assert seen["overflow"] <= 0
    assert seen["plots"] >= 2
    assert seen["requests"] == []


@needs_browser
def test_a_browser_shows_the_page_dark_where_that_is_preferred(run: Path, tmp_path: Path) -> None:
    light = look(run, tmp_path, 1200, "--blink-settings=preferredColorScheme=1")
    dark = look(run, tmp_path, 1200, "--blink-settings=preferredColorScheme=0")
    assert brightness(light["back"]) > 200 > brightness(light["text"])
    assert brightness(dark["back"]) < 60 < brightness(dark["text"])
