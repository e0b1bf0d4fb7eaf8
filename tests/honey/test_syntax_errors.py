# SPDX-License-Identifier: Apache-2.0
"""Errors of syntax: found where they are, several in one run, in words that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from honey.diagnostics import Diagnostic
from honey.syntax.habits import habit_in
from honey.syntax.parse import parse
from honey.syntax.source import SourceFile


def errors(text: str | bytes) -> list[Diagnostic]:
    source = SourceFile("t.ex", text) if isinstance(text, bytes) else SourceFile.from_text(text, "t.ex")
    _, diagnostics = parse(source)
    return diagnostics


def places(text: str) -> list[tuple[str, int, int]]:
    found = []
    for diagnostic in errors(text):
        assert diagnostic.span is not None
        found.append((diagnostic.code, diagnostic.span.line, diagnostic.span.column))
    return found


MISSING_END = """\
defmodule A do
  def f(x) do
    if x == 0 do
      1
    y = 2
  end

  def g(x) do
    x
  end
end
"""

EXTRA_END = """\
defmodule A do
  def f(x) do
    x
    end
  end

  def g(x) do
    x
  end
end
"""


def test_a_missing_end_is_found_by_the_indentation() -> None:
    assert places(MISSING_END) == [("HNY0003", 3, 15)]
    (label,) = errors(MISSING_END)[0].labels
    assert label.span.line == 6


def test_an_extra_end_is_found_by_the_indentation() -> None:
    assert places(EXTRA_END) == [("HNY0005", 4, 5)]


def test_errors_beside_a_missing_end_are_reported_too() -> None:
    text = MISSING_END.replace("  def g(x) do\n    x\n", "  def g(x) do\n    [1 2]\n")
    assert places(text) == [("HNY0003", 3, 15), ("HNY0007", 9, 8)]


def test_a_missing_end_at_the_end_of_the_file_is_the_openers() -> None:
    assert places("defmodule A do\n  def f(x) do\n    x\n  end\n") == [("HNY0003", 1, 13)]


def test_a_block_without_do_is_named() -> None:
    text = "def f(x) do\n  if x > 1\n    2\n  end\nend\n"
    assert places(text) == [("HNY0017", 2, 3)]


@pytest.mark.parametrize(
    ("text", "code", "column", "help"),
    [
        ("x = f(1, 2", "HNY0004", 6, "`)`"),
        ("x = [1, 2", "HNY0004", 5, "`]`"),
        ("x = {1, 2", "HNY0004", 5, "`}`"),
        ("x = 1)", "HNY0005", 6, "remove"),
        ("x = (1]", "HNY0005", 7, "`)`"),
        ('x = "abc', "HNY0006", 5, '`"`'),
        ("x = 'abc", "HNY0006", 5, "`'`"),
        ("x = ~s(abc", "HNY0006", 5, "`)`"),
        ('x = "abc #{y"', "HNY0006", 10, "`}`"),
        ('x = """\nabc', "HNY0006", 5, '`"""`'),
        ('x = """abc\n"""', "HNY0006", 5, "break the line"),
        ("x = [1 2]", "HNY0007", 8, "comma"),
        ("x = f(1,, 2)", "HNY0009", 8, None),
        ("x =", "HNY0009", 3, None),
        ("f a,", "HNY0009", 4, None),
        ("18446744073709551616", "HNY0011", 1, "18446744073709551615"),
        ("9" * 10000, "HNY0011", 1, "18446744073709551615"),
        ('"\\u{110000}"', "HNY0012", 2, None),
        ("%{a = 1}", "HNY0013", 3, "`a: 1`"),
        ("{a: 1}", "HNY0013", 2, "`[name: value]`"),
        ("x = end", "HNY0005", 5, "remove"),
        ("[f a, b]", "HNY0016", 2, "`f(...)`"),
    ],
)
def test_one_error(text: str, code: str, column: int, help: str | None) -> None:
    (found,) = errors(text)
    assert found.span is not None
    assert (found.code, found.span.line, found.span.column) == (code, 1, column)
    if help is not None:
        assert help in (found.help or "")


@pytest.mark.parametrize(
    ("line", "column", "help"),
    [
        ("x += 1", 3, "`x = x + ...`"),
        ("if x % 2 == 0, do: 1", 6, "`rem(x, 2)`"),
        ("y = x << 2", 7, "`x <<< 2`"),
        ("y = x >> 2", 7, "`x >>> 2`"),
        ("y = x ? 1 : 2", 7, "`if(a, do: b, else: c)`"),
        ("y = p->len", 6, "`p.len`"),
        ("foo (1, 2)", 4, "`foo(...)`"),
        ("x = 1 // one", 7, "`#`"),
        ("/* text */", 1, "`#`"),
        ("if (x) {", 8, "`do` and `end`"),
        ("for (i = 0; i < 3; i += 1)", 1, "`for i <- 0..n do ... end`"),
        ("switch (x) {", 1, "`case x do`"),
        ("if (!x) return 0;", 1, "`if !x, do: return 0`"),
        ("x = 0x10UL", 9, "`0x10`"),
        ("x = 0XFF", 5, "`0xFF`"),
        ("x = (u32) y", 5, "leave it out"),
        ("*x = 3", 1, "changes in place"),
        ("x = ~y", 5, "`~~~y`"),
        ("x = 0...5", 6, "`0..5`"),
        ("f = fn x => x end", 10, "`->`"),
        ("x = 2 \u2013 1", 7, "`-`"),
        ("f(\u201cGPL\u201d)", 3, '`"`'),
        ("if x > 3 do: 1", 10, "`, do: value`"),
        ("if x > 3:", 9, "`do`"),
        ("pid: :u32", 1, "`field(:pid, :u32)`"),
        (":u32 pid", 1, "`field(:pid, :u32)`"),
    ],
)
def test_habits_from_c_are_answered_with_elixir(line: str, column: int, help: str) -> None:
    found = errors(f"{line}\n" + ("}\n" if line.endswith("{") else ""))
    assert found
    assert found[0].span is not None
    assert found[0].code == "HNY0008"
    assert (found[0].span.line, found[0].span.column) == (1, column)
    assert help in (found[0].help or "")


def test_habits_are_not_seen_in_strings_and_comments() -> None:
    (found,) = errors('x = "a += 1" # y % 2\n1 1')
    assert found.span is not None
    assert (found.code, found.span.line) == ("HNY0007", 2)


def test_several_errors_come_in_one_run() -> None:
    text = "def f(x) do\n  x += 1\n  y = [1 2]\n  z = p->q\nend\n"
    assert [(code, line) for code, line, _ in places(text)] == [("HNY0008", 2), ("HNY0007", 3), ("HNY0008", 4)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f(x) do\n  if x do\n    1\n  else if x > 2 do\n    2\n  end\nend\n", [("HNY0008", 4, 3)]),
        ("def f(x) do\n  if x do\n    1\n  elsif x > 2 do\n    2\n  end\nend\n", [("HNY0008", 4, 3)]),
        ("def f(x) do\n  if x do\n    1\n  else do\n    2\n  end\nend\n", [("HNY0008", 4, 3)]),
        ("def f(x) do\n  if x\n    1\n  else\n    2\n  end\nend\n", [("HNY0017", 2, 3)]),
        ("def f(x) do\n  if x, do:\n    1\n  else\n    2\n  end\nend\n", [("HNY0017", 2, 9)]),
        ("def f(x) do\n  if x > 3 od\n    1\n  end\nend\n", [("HNY0017", 2, 3)]),
        ("def f(x) do\n  if x, do\n    1\n  end\nend\n", [("HNY0008", 2, 7)]),
        ("def f(x) do\n  if x > do\n    1\n  end\nend\n", [("HNY0009", 2, 8)]),
        ("def f(x) {\n  x\n}\n", [("HNY0008", 1, 10)]),
        ("def f(x) do\n  for (i = 0; i < 3; i++) {\n    i\n  }\nend\n", [("HNY0008", 2, 3)]),
        ("defmodule A do\n  def f(x) do\n    x\n  end end\n\n  def g(x) do\n    x\n  end\nend\n", [("HNY0005", 4, 7)]),
        ("def f(x) do\n  // text\n  y = 1\n  y\nend\n", [("HNY0008", 2, 3)]),
        ("def f(x) do\n  /* text */\n  y = 1\n  y\nend\n", [("HNY0008", 2, 3)]),
        ("def f(x) do\n<<<<<<< HEAD\n  1\n=======\n  2\n>>>>>>> other\nend\n", [("HNY0007", 2, 1)]),
        ("def f(x) do\n  y = x.\n  0\nend\n", [("HNY0009", 2, 8)]),
        ('use Honey license: "GPL"\n', [("HNY0007", 1, 11)]),
        ("field :pid :u32\n", [("HNY0007", 1, 12)]),
        ("def f(x) do\n  PT_REGS_PARM1(x)\nend\n", [("HNY0007", 2, 3)]),
        ('defmodule A do\n  @sec "tc" "tc"\n  def f(x) do\n    y = 1\n    y == x\n  end\nend\n', [("HNY0007", 2, 3)]),
        ("def f(x) do\n  case x do\n    1 -> 2,\n    _ -> 3\n  end\nend\n", [("HNY0008", 3, 11)]),
        ("def f(x) do\n  cond do\n    x > 1 -> 2\n    else -> 3\n  end\nend\n", [("HNY0008", 4, 5)]),
        ("def f(x) do\n  g = fn(y) { y + 1 }\n  g.(x)\nend\n", [("HNY0008", 2, 7)]),
    ],
)
def test_a_mistake_is_told_once_and_where_it_is(text: str, found: list[tuple[str, int, int]]) -> None:
    assert places(text) == found


def test_habits_are_not_looked_for_in_heredocs() -> None:
    text = 'def f(x) do\n  """\n  switch (x) {\n  """\n  x = [1 2]\nend\n'
    assert [(code, line) for code, line, _ in places(text)] == [("HNY0007", 5)]


def test_no_accepted_line_is_taken_for_a_habit() -> None:
    programs = Path(__file__).parent.parent / "programs"
    sources = [text for path in sorted(programs.glob("*.case")) if "--- error" not in (text := path.read_text("utf-8"))]
    lines = [line for text in sources for line in text.partition("--- source")[2].partition("\n---")[0].split("\n")]
    assert len(lines) > 1000
    assert [line for line in lines if habit_in(line, sure=True) is not None] == []


def test_a_word_that_is_nearly_an_end_is_pointed_at() -> None:
    (found,) = errors("def f(x) do\n  if x do\n    1\n  edn\n  2\nend\n")
    assert found.code == "HNY0003"
    assert [label.span.line for label in found.labels if "its `end`" in label.message] == [4]


def test_the_number_of_errors_is_limited() -> None:
    assert len(errors("[1 2]\n" * 500)) == 10


def test_bytes_that_are_no_text_are_an_error_at_their_place() -> None:
    (found,) = errors(b"x = 1\ny = \xff\n")
    assert found.span is not None
    assert (found.code, found.span.line, found.span.column) == ("HNY0001", 2, 5)


@pytest.mark.parametrize("character", ["\0", "\x1b", "\u202e", "\ufeff"])
def test_invisible_characters_are_refused(character: str) -> None:
    (found,) = errors(f'x = "é{character}"')
    assert found.span is not None
    assert (found.code, found.span.column) == ("HNY0002", 7)
    assert f"U+{ord(character):04X}" in found.message
