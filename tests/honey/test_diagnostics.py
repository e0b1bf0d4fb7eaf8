# SPDX-License-Identifier: Apache-2.0
"""Diagnostics as people and editors see them."""

from __future__ import annotations

import json

import pytest

from honey.diagnostics import Diagnostic, Label, error
from honey.diagnostics.render import COLOURS, as_json, render, render_all
from honey.diagnostics.suggest import closest, did_you_mean
from honey.syntax.source import SourceFile, Span

SOURCE = SourceFile.from_text("defmodule A do\n  def f(x) do\n\ty = \u65e5\u672c + byts\n  end\nend\n", "dir/a.ex")


def span_of(text: str, source: SourceFile = SOURCE) -> Span:
    start = source.data.index(text.encode())
    return source.span(start, start + len(text.encode()))


def test_a_diagnostic_shows_place_line_carets_and_help() -> None:
    found = error("HNY0100", "`f` is wrong", SOURCE, span_of("f(x)"), help="write `g(x)`", notes=("a fact",))
    assert render(found).splitlines() == [
        "dir/a.ex:2:7: error[HNY0100]: `f` is wrong",
        "  |",
        "2 |   def f(x) do",
        "  |       ^^^^",
        "  = note: a fact",
        "  = help: write `g(x)`",
    ]


def test_carets_stand_under_the_text_after_tabs_and_wide_characters() -> None:
    lines = render(error("HNY0100", "what?", SOURCE, span_of("byts"))).splitlines()
    assert lines[0].startswith("dir/a.ex:3:11:")
    assert lines[2] == "3 |     y = \u65e5\u672c + byts"
    assert lines[3] == "  |                ^^^^"


def test_a_span_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    found = error("HNY0100", "what?", SOURCE, SOURCE.span(0, len(SOURCE.data)))
    assert render(found).splitlines()[3] == "  | ^^^^^^^^^^^^^^"


def test_an_empty_span_gets_one_caret() -> None:
    found = error("HNY0100", "what?", SOURCE, SOURCE.span(0, 0))
    assert render(found).splitlines()[3] == "  | ^"


def test_labels_show_their_own_lines_in_order() -> None:
    label = Label(span_of("defmodule"), "the module")
    found = error("HNY0100", "what?", SOURCE, span_of("f(x)"), labels=(label,))
    assert render(found).splitlines()[1:] == [
        "  |",
        "1 | defmodule A do",
        "  | ^^^^^^^^^ the module",
        "2 |   def f(x) do",
        "  |       ^^^^",
    ]


def test_without_a_span_only_the_file_is_named() -> None:
    assert render(error("HNY0100", "no module", SOURCE, None)) == "dir/a.ex: error[HNY0100]: no module"


def test_a_long_line_is_cut_around_the_place() -> None:
    source = SourceFile.from_text("x" * 5000 + " bad " + "y" * 5000)
    lines = render(error("HNY0100", "what?", source, span_of("bad", source))).splitlines()
    assert max(map(len, lines)) < 200
    assert lines[2].index("bad") == lines[3].index("^^^")


def test_control_characters_of_a_source_do_not_reach_the_terminal() -> None:
    source = SourceFile("a.ex", b"x = \x1b[31m \xff\n")
    assert "\x1b" not in render(error("HNY0100", "what?", source, source.span(0, 1)))


def test_colours_add_only_codes() -> None:
    found = error("HNY0100", "what?", SOURCE, span_of("f(x)"), help="so")
    coloured = render(found, COLOURS)
    assert "\x1b[" in coloured
    stripped = coloured
    for code in (COLOURS.error, COLOURS.strong, COLOURS.frame, COLOURS.help, COLOURS.reset):
        stripped = stripped.replace(code, "")
    assert [line.rstrip() for line in stripped.split("\n")] == render(found).split("\n")


def test_all_diagnostics_are_counted() -> None:
    one = error("HNY0100", "one", SOURCE, None)
    two = Diagnostic("HNY0300", "two", SOURCE, None, "warning")
    assert render_all([one, two]).endswith("\n\n1 error, 1 warning")
    assert render_all([one, one]).endswith("\n\n2 errors")
    assert render_all([]) == ""


def test_json_has_everything_an_editor_needs() -> None:
    label = Label(span_of("defmodule"), "the module")
    found = Diagnostic("HNY0300", "careful", SOURCE, span_of("f(x)"), "warning", "so", ("a fact",), (label,))
    document = json.loads(as_json([found]))
    assert document["schema"] == 1
    (shown,) = document["diagnostics"]
    assert shown["file"] == "dir/a.ex"
    assert shown["span"] == {"start": 21, "end": 25, "line": 2, "column": 7, "end_line": 2, "end_column": 11}
    assert (shown["code"], shown["severity"], shown["message"]) == ("HNY0300", "warning", "careful")
    assert (shown["help"], shown["notes"]) == ("so", ["a fact"])
    assert shown["labels"][0]["span"]["line"] == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("byts", "bytes"),
        ("bytse", "bytes"),
        ("BYTES", "bytes"),
        ("bpf_map_lokup_elem", "bpf_map_lookup_elem"),
        ("pidd", "pid"),
        ("dip", None),
        ("something_else", None),
        ("", None),
    ],
)
def test_the_name_that_was_meant(name: str, expected: str | None) -> None:
    assert closest(name, ["bytes", "bpf_map_lookup_elem", "bpf_map_update_elem", "pid"]) == expected


def test_a_suggestion_does_not_depend_on_the_order_of_candidates() -> None:
    assert closest("pad", ["pod", "pid"]) == closest("pad", ["pid", "pod"]) == "pid"


def test_the_suggestion_is_a_question() -> None:
    assert did_you_mean("af_init", ["AF_INET", "AF_UNIX"], ":") == "did you mean `:AF_INET`?"
    assert did_you_mean("xyz", ["AF_INET"]) is None
