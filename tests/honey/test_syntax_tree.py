# SPDX-License-Identifier: Apache-2.0
"""The syntax tree: what is special about it, its positions, and its limits."""

from __future__ import annotations

import pytest
from counting import calls_of

from honey.syntax import ast
from honey.syntax.nesting import MAX_NESTING
from honey.syntax.parse import parse
from honey.syntax.source import SourceFile
from honey.syntax.text import dump


def tree(text: str) -> ast.Block:
    file, diagnostics = parse(SourceFile.from_text(text))
    assert not diagnostics, diagnostics
    return file.body


def only(text: str) -> ast.Node:
    (expr,) = tree(text).exprs
    return expr


def test_a_field_is_not_a_call() -> None:
    field, call = tree("ctx.len\nctx.len()").exprs
    assert isinstance(field, ast.Dot)
    assert field.name == "len"
    assert isinstance(call, ast.Call)
    assert call.name == "len"


def test_keyword_and_block_form_of_if_are_the_same() -> None:
    assert only("if a, do: b, else: c") == only("if a do\n  b\nelse\n  c\nend")


def test_keywords_beside_do_stay_arguments() -> None:
    call = only("for i <- 0..3, into: x, do: i")
    assert isinstance(call, ast.Call)
    assert call.keywords is not None
    assert call.keywords.get("into") == only("x")
    assert call.keywords.get("do") is None
    assert call.do_block is not None
    assert len(call.positional) == 1


def test_parentheses_leave_no_trace() -> None:
    assert only("(a + b)") == only("a + b")
    assert only("a * (b + c)") != only("a * b + c")


def test_not_in_is_not_of_in() -> None:
    assert only("a not in b") == only("not (a in b)") == only("not a in b")


def test_an_attribute_is_set_or_read() -> None:
    assert only("@sec") == ast.Attribute(only("x").span, "sec", None)
    assert only('@sec "xdp"') == ast.Attribute(only("x").span, "sec", only('"xdp"'))


@pytest.mark.parametrize(
    ("text", "value"),
    [("10_240", 10240), ("0xFF", 255), ("0b101", 5), ("0o17", 15), ("?a", 97), ("?\\n", 10)],
)
def test_integers(text: str, value: int) -> None:
    assert only(text) == ast.Int(only("x").span, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a\\tb"', b"a\tb"),
        ('"\\x41\\xff"', b"A\xff"),
        ('"\\u{1F41D}"', "\U0001f41d".encode()),
        ('"\\u00e9é"', "éé".encode()),
        ('"one\\\n two"', b"one two"),
        ('"""\n  a\n    b\n  """', b"a\n  b\n"),
        ('"""\n  a\\\n  b\n  """', b"ab\n"),
        ('"""\n"""', b""),
        ("~s(a\\nb)", b"a\nb"),
        ("~S(a\\nb)", b"a\\nb"),
    ],
)
def test_text(text: str, value: bytes) -> None:
    node = only(text)
    assert isinstance(node, ast.Str | ast.Sigil)
    assert all(isinstance(part, str) for part in node.parts)
    assert "".join(map(str, node.parts)).encode(errors="surrogateescape") == value


def test_interpolation_splits_a_heredoc_without_its_indentation() -> None:
    node = only('"""\n    one #{x}\n      two\n    """')
    assert isinstance(node, ast.Str)
    assert node.literal is None
    before, inner, after = node.parts
    assert (before, after) == ("one ", "\n  two\n")
    assert isinstance(inner, ast.Interpolation)


def test_positions_count_characters_and_bytes() -> None:
    text = 'x = "é\U0001f41d" + yy\nzz'
    body = tree(text)
    assign = body.exprs[0]
    assert isinstance(assign, ast.Binary)
    assert isinstance(assign.right, ast.Binary)
    name = assign.right.right.span
    assert (name.line, name.column, name.end_column) == (1, 12, 14)
    assert text.encode()[name.start : name.end] == b"yy"
    assert (body.exprs[1].span.line, body.exprs[1].span.column) == (2, 1)


def test_spans_do_not_matter_in_comparison() -> None:
    assert only("f(a,\n  b)") == only("f(a, b)")


def test_windows_line_ends_are_read() -> None:
    assert tree("if a do\r\n  b\r\nend\r\nc\r\n") == tree("if a do\n  b\nend\nc\n")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "# a\n# b\n"])
def test_a_source_may_be_empty(text: str) -> None:
    assert tree(text).exprs == ()


@pytest.mark.parametrize(
    "deep",
    [
        "(" * 5000 + "1" + ")" * 5000,
        "[" * 5000 + "]" * 5000,
        "1" + " + 1" * 5000,
        "- " * 3001 + "1",
        "f " * 5000 + "1",
        "if a do\n" * 3000 + "end\n" * 3000,
        '"#{' * 3000 + '}"' * 3000,
        "%{a: " * 3000 + "1" + "}" * 3000,
        "a" + ".b" * 5000,
        "a" + "[0]" * 5000,
        "fn -> " * 3000 + "1" + " end" * 3000,
    ],
    ids=lambda text: text[:8],
)
def test_deep_nesting_is_an_error_and_no_crash(deep: str) -> None:
    _, diagnostics = parse(SourceFile.from_text(deep))
    assert [diagnostic.code for diagnostic in diagnostics] == ["HNY0010"]


def test_what_is_nested_up_to_the_limit_is_read() -> None:
    depth = MAX_NESTING - 1
    tree("[" * depth + "1" + "]" * depth)


def test_the_work_grows_with_the_size_of_the_source() -> None:
    function = "  def f{}(ctx) do\n    x = ctx.len + 1\n    if x > 2, do: return(0)\n    x\n  end\n\n"

    def work(count: int) -> int:
        source = SourceFile.from_text("defmodule M do\n" + "".join(function.format(i) for i in range(count)) + "end\n")
        return calls_of(lambda: parse(source))

    work(1)  # what is loaded once is loaded now
    small, large = work(150), work(1500)
    assert large < 10.5 * small, (small, large)


def test_the_dump_names_kinds_places_and_values() -> None:
    file, _ = parse(SourceFile.from_text('f(a, "b#{c}")'))
    assert dump(file).splitlines() == [
        "File  @1:1",
        "  body: Block  @1:1",
        "    exprs: Call name='f'  @1:1",
        "      args: Var name='a'  @1:3",
        "      args: Str  @1:6",
        "        parts: 'b'",
        "        parts: Interpolation  @1:8",
        "          expr: Var name='c'  @1:10",
    ]
