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

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = "reference_c/network_monitor/network_monitor.bpf.c"
BENCHMARK = f"""
schema = 1
name = "pair"
oracle = "network_monitor"
truth = "pid_stats"
[sides]
honey = {{ source = "{REFERENCE}" }}
c = {{ source = "{REFERENCE}" }}
[workload]
name = "network"
cost_options = {{ profile = "cost", events = 20 }}
[maps.traffic_map]
scope = "key.pid"
volatile."value.last_update_ns" = {{ rule = "timestamp", tolerance_ns = 50_000_000 }}
[maps.pid_stats]
scope = "key"
volatile."value.last_update_ns" = {{ rule = "timestamp", tolerance_ns = 50_000_000 }}
[[budgets]]
metric = "object_insns"
geomean = 1.0
at_most = 500
"""
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed to look at the page with")

#: Tells, from inside the page, how it came out.
PROBE = """<script>document.title = JSON.stringify({
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  back: getComputedStyle(document.body).backgroundColor,
  text: getComputedStyle(document.body).color,
  plots: [...document.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().width > 200).length,
  requests: performance.getEntriesByType("resource").map(r => r.name),
});</script>"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a simulated run, the second of two so that there is a history."""
    folder = tmp_path_factory.mktemp("html")
    benchmark = folder / "pair.toml"
    benchmark.write_text(BENCHMARK, encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "run", str(benchmark), "--target", "sim", "-q"]
    for _ in range(3):
        done = subprocess.run(
            [*command, "--reports", str(folder / "reports")], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "reports" / "latest"


class Page(HTMLParser):
    """Collects what carries ``data-json``, what a table's number cells hold besides, and what is fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.traced: list[tuple[str, str]] = []
        self.loose: list[str] = []
        self.fetched: list[str] = []
        self.stack: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        for name in ("src", "href"):
            value = found.get(name) or ""
            if value and not value.startswith(("#", "data:")):
                self.fetched.append(value)
        if tag not in {"meta", "link", "br", "rect", "line", "polyline"}:
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
        elif any(tag == "td" and found.get("class") == "num" for tag, found in self.stack) and "code" not in [
            found.get("class") for _, found in self.stack
        ]:
            self.loose.append(data)


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    parsed = Page()
    parsed.feed((run / "report.html").read_text(encoding="utf-8"))
    return parsed


def resolve(document: Any, pointer: str) -> Any:
    for escaped in pointer.split("/")[1:]:
        step = escaped.replace("~1", "/").replace("~0", "~")
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def test_every_number_is_that_of_the_json(run: Path, page: Page) -> None:
    document = json.loads((run / "report.json").read_bytes())
    assert len(page.traced) > 200
    for pointer, text in page.traced:
        value = resolve(document, pointer)
        shown = re.findall(r"[-+]?[\d,]+\.?\d*", text)[-1].replace(",", "")
        places = len(shown.partition(".")[2])
        assert float(shown) == pytest.approx(value, abs=0.51 * 10**-places), (pointer, text)


def test_number_cells_hold_no_number_of_another_origin(page: Page) -> None:
    assert [text for text in page.loose if re.search(r"\d", text)] == []


def test_the_page_holds_all_its_parts(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    for part in ("Cost", "Budgets", "Maps and streams", "Where the difference comes from", "Sources", "Trend"):
        assert f"<h3>{part}</h3>" in text
    assert "assembly of trace_sendto" in text
    assert "call bpf_map_lookup_elem" in text


def test_the_page_fetches_nothing(page: Page) -> None:
    assert page.fetched == []


def look(run: Path, folder: Path, *options: str) -> dict[str, Any]:
    """What a browser makes of the page."""
    assert CHROMIUM is not None
    copy = folder / "report.html"
    text = (run / "report.html").read_text(encoding="utf-8")
    copy.write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", *options, "--dump-dom", copy.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    match = re.search(r"<title>({.*?})</title>", done.stdout)
    assert match is not None, done.stderr
    seen: dict[str, Any] = json.loads(match[1].replace("&quot;", '"').replace("&amp;", "&"))
    return seen


def brightness(colour: str) -> float:
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


@needs_browser
def test_a_browser_shows_the_page_on_a_phone_without_scrolling_sideways(run: Path, tmp_path: Path) -> None:
    seen = look(run, tmp_path, "--window-size=500,900")
    assert seen["overflow"] <= 0
    assert seen["plots"] >= 2
    assert seen["requests"] == []


@needs_browser
def test_a_browser_shows_the_page_dark_where_that_is_preferred(run: Path, tmp_path: Path) -> None:
    light = look(run, tmp_path, "--window-size=1200,900", "--blink-settings=preferredColorScheme=1")
    dark = look(run, tmp_path, "--window-size=1200,900", "--blink-settings=preferredColorScheme=0")
    assert brightness(light["back"]) > 200 > brightness(light["text"])
    assert brightness(dark["back"]) < 60 < brightness(dark["text"])
