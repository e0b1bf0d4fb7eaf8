# SPDX-License-Identifier: Apache-2.0
"""``report.html``: one file that needs no network, for wide and narrow screens, light and dark."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.report import plots, words
from harness.report.cells import rows
from harness.report.model import Report

_HERE = Path(__file__).parent


def html(report: Report) -> str:
    """The report as a page. Every number carries, as ``data-json``, its JSON pointer (RFC 6901) into report.json."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(words=words, plots=plots, cells=rows, num=_number, svg=Markup, pointer=_pointer)
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(report=report, style=Markup(style))


def _number(text: object, pointer: str) -> Markup:
    """``text`` with the place it comes from."""
    return Markup('<span data-json="{}">{}</span>').format(pointer, text)


def _pointer(*steps: object) -> str:
    """A JSON pointer from its steps."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
