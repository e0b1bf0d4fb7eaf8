# SPDX-License-Identifier: Apache-2.0
"""``report.html``: one file that needs no network, for wide and narrow screens, light and dark."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.benchmark import HONEY, C
from harness.report import plots, words
from harness.report.cells import COSTS, rows
from harness.report.model import Ratio, Report

_HERE = Path(__file__).parent


def html(report: Report) -> str:
    """The report as a page. Every number carries, as ``data-json``, its JSON pointer (RFC 6901) into report.json."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(
        words=words, plots=plots, cells=rows, cell_costs=COSTS, num=_number, svg=Markup, pointer=_pointer
    )
    environment.globals.update(tone=_tone, compared_at=_compared_at)
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(report=report, style=Markup(style))


def _number(text: object, pointer: str) -> Markup:
    """``text`` with the place it comes from."""
    return Markup('<span data-json="{}">{}</span>').format(pointer, text)


def _tone(metric: str, one: Ratio | None) -> str:
    """The class of a mean ratio: none where it cannot be said whether it is for the better."""
    return {None: "", True: "good", False: "bad"}[words.better(metric, one.geomean, one.interval) if one else None]


def _compared_at(base: str) -> str:
    """Where in a benchmark Honey's ratios over ``base`` are."""
    return _pointer("ratios", HONEY) if base == C else _pointer("over", base)


def _pointer(*steps: object) -> str:
    """A JSON pointer from its steps."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
