# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a source that could not be read, in words that help."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from honey.diagnostics import Diagnostic, Label, error
from honey.syntax import delimiters
from honey.syntax.convert.names import RESERVED
from honey.syntax.habits import habit_in
from honey.syntax.source import SourceFile, Span

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

MAX_ERRORS = 10
"""Errors of syntax reported for one file: more of them are seldom of use."""


_CLOSERS = frozenset({"end", ")", "]", "}", ">>"})
_MOST_FAULTS = 1000  # nodes looked at
_LOOK_BACK = 200  # bytes
_OPERATOR_AT_END = re.compile(rb"(?<![?:])(->|[-+*/=<>|&!^~.]+|,|\\\\|\b(?:and|or|in|not|when)\b)(?:\s|#[^\n]*\n)*\Z")
_ENDS = re.compile(rb"(?:\s|#[^\n]*\n)*(?:\Z|[)\]},]|>>|end\b)")
_NEVER_FIRST = frozenset({"end", ")", "]", "}", ">>", ",", "else", "rescue", "catch", "after", "do"})
_HEAD = re.compile(r"([ \t]*)(\w+)")
_DO = re.compile(r"\bdo\b|\bfn\b")
_BLOCK_WORDS = frozenset(
    {"if", "unless", "case", "cond", "for", "with", "try", "def", "defp", "defmodule", "defstruct", "quote"}
)
_OPENERS = {")": "(", "]": "[", "}": "{", ">>": "<<"}


def explain(root: TsNode, source: SourceFile, reparse: Callable[[bytes], TsNode]) -> list[Diagnostic]:
    """At least one error for a source whose tree has ERROR or MISSING nodes, or misread reserved words.

    `reparse` reads the source again with its delimiters mended, so that errors besides those come to light too.
    """
    balance = delimiters.check(source.data)
    found = [_delimiter(problem, source) for problem in balance.problems]
    if not found:
        found = _tree_errors(root, source, lambda offset: offset)
    elif not any(problem.kind == "quote" for problem in balance.problems):
        found += _beyond(balance, source, reparse)
    if not found:
        found = [_whole(root, source)]
    found.sort(key=lambda diagnostic: (diagnostic.span is None, diagnostic.span))
    return found[:MAX_ERRORS]


# --- delimiters -----------------------------------------------------------------------------------------------------


def _delimiter(problem: delimiters.Problem, source: SourceFile) -> Diagnostic:
    token = problem.token
    span = source.span(token.start, token.end)
    text = token.text.decode(errors="replace")
    if problem.kind == "quote":
        what = (
            "interpolation"
            if text == "#{"
            else "heredoc"
            if text.endswith(('"""', "'''"))
            else "sigil"
            if text.startswith("~")
            else "string"
        )
        return error("HNY0006", f"this {what} never ends", source, span, help=f"close it with `{_quote_end(text)}`")
    habit = _habit(source, span, around=span)
    if habit is not None:
        return habit
    if problem.kind == "mismatch" and problem.other is not None:
        opener = problem.other.text.decode()
        label = Label(source.span(problem.other.start, problem.other.end), "what is open here")
        help = f"write `{delimiters.CLOSER[problem.other.text].decode()}`"
        message = f"this `{text}` does not close the `{opener}` before it"
        return error("HNY0005", message, source, span, help=help, labels=(label,))
    if problem.kind == "stray":
        if text == "end" and (headless := _missing_do(source, span)) is not None:
            return headless
        missing = "`do` or `fn`" if text == "end" else f"`{_OPENERS[text]}`"
        help = f"remove it, or put in the {missing} that is missing before it"
        return error("HNY0005", f"this `{text}` closes nothing", source, span, help=help)
    labels: tuple[Label, ...] = ()
    if problem.other is not None:
        other = problem.other.text.decode()
        place = source.span(problem.other.start, problem.other.end)
        labels = (Label(place, f"this `{other}` belongs to something further out"),)
    if text in ("do", "fn"):
        help = f"write an `end` for it, indented like the line of its `{text}`"
        return error("HNY0003", f"this `{text}` has no `end`", source, span, help=help, labels=labels)
    closer = delimiters.CLOSER[token.text].decode()
    return error(
        "HNY0004", f"this `{text}` is never closed", source, span, help=f"close it with `{closer}`", labels=labels
    )


def _missing_do(source: SourceFile, end: Span) -> Diagnostic | None:
    """For an `end` that closes nothing: the line above, indented alike, that starts a block and lacks its `do`."""
    for number in range(end.line - 1, 0, -1):
        match = _HEAD.match(source.line(number))
        if match is None or len(match[1]) > end.column - 1:
            continue
        if len(match[1]) < end.column - 1 or match[2] not in _BLOCK_WORDS or _DO.search(source.line(number)):
            return None
        offset = end.start - len("\n".join(source.line(n) for n in range(number, end.line)).encode()) - end.column
        span = source.span(offset + len(match[1]), offset + len(match[1]) + len(match[2]))
        habit = _habit(source, span)
        help = habit.help if habit is not None else f"write `{match[2]} ... do`"
        return error("HNY0017", f"this `{match[2]}` has an `end`, but no `do`", source, span, help=help)
    return None


def _quote_end(text: str) -> str:
    opener = text[-3:] if text.endswith(('"""', "'''")) else text[-1]
    return {"(": ")", "[": "]", "{": "}", "<": ">"}.get(opener, opener)


def _beyond(balance: delimiters.Balance, source: SourceFile, reparse: Callable[[bytes], TsNode]) -> list[Diagnostic]:
    """Errors that have nothing to do with the delimiters: on no line that an unclosed bracket covers."""
    covered: set[int] = set()
    for problem in balance.problems:
        last = problem.other.line if problem.other is not None else problem.token.line
        if problem.token.text in (b"do", b"fn"):
            covered.update((problem.token.line, last))
        else:
            covered.update(range(problem.token.line, last + 1))
    mended = delimiters.Mended(source.data, balance.edits)
    others = _tree_errors(reparse(mended.data), source, mended.original)
    return [other for other in others if other.span is not None and other.span.line not in covered]


# --- the tree -------------------------------------------------------------------------------------------------------


def _tree_errors(root: TsNode, source: SourceFile, original: Callable[[int], int]) -> list[Diagnostic]:
    """One error for each line that tree-sitter could not make sense of."""
    faults = list(islice(_faults(root), _MOST_FAULTS))
    # The delimiters match, so one that tree-sitter misses is only a consequence of something else.
    causes = [node for node in faults if not (node.is_missing and node.type in _CLOSERS)]
    found: dict[int, Diagnostic] = {}
    for node in causes or faults:
        diagnostic = _fault(node, source, original)
        if diagnostic.span is not None:
            found.setdefault(diagnostic.span.line, diagnostic)
        if len(found) > MAX_ERRORS:
            break
    return list(found.values())


def _faults(root: TsNode) -> Iterator[TsNode]:
    """The outermost ERROR nodes, the MISSING ones and misread reserved words, in the order of the text."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.is_missing or (node.is_error and node.parent is not None):
            yield node
        elif node.child_count == 0:
            invented = node.start_byte == node.end_byte and node is not root
            if invented or (node.type == "identifier" and _is_reserved(node)):
                yield node
        else:
            stack.extend(reversed(node.children))


def _is_reserved(node: TsNode) -> bool:
    return node.text is not None and node.text.decode(errors="replace") in RESERVED


def _fault(node: TsNode, source: SourceFile, original: Callable[[int], int]) -> Diagnostic:
    leaf = _first_leaf(node)
    start = original(leaf.start_byte)
    end = max(original(leaf.end_byte), start)
    if start == end:
        start = _end_of_text_before(source, start)
        end = start
    span = source.span(start, end)
    habit = _habit(source, span)
    if habit is not None:
        return habit
    text = source.text(span).split("\n", 1)[0]
    if node.is_missing and not node.is_named:
        return error("HNY0009", f"`{node.type}` is missing here", source, span)
    if node.is_error and _ENDS.match(source.data, end) and _OPERATOR_AT_END.match(text.encode()):
        return error("HNY0009", f"an expression is missing after `{text}`", source, span)
    if (dangling := _dangling(source, start)) is not None and (start == end or text in _NEVER_FIRST):
        what = f"an expression is missing after `{source.text(dangling)}`"
        return error("HNY0009", what, source, dangling)
    if start == end:
        return error("HNY0009", "an expression is missing here", source, span)
    if text == "\\":
        line = source.line(span.line)[span.column - 1 :]
        return error("HNY0012", f"`{line[:2]}` does not start an escape that Elixir knows", source, span)
    shown = text if len(text) <= 40 else text[:37] + "..."
    if text in RESERVED:
        return error("HNY0007", f"`{shown}` is a reserved word and cannot stand here", source, span)
    return error("HNY0007", f"`{shown}` is not expected here", source, span, help=_what_now(source, span))


def _dangling(source: SourceFile, offset: int) -> Span | None:
    """The operator or comma that stands before an offset and waits for its right side."""
    match = _OPERATOR_AT_END.search(source.data[max(0, offset - _LOOK_BACK) : offset])
    if match is None:
        return None
    base = max(0, offset - _LOOK_BACK)
    return source.span(base + match.start(1), base + match.end(1))


def _first_leaf(node: TsNode) -> TsNode:
    while node.child_count > 0:
        node = node.children[0]
    return node


def _end_of_text_before(source: SourceFile, offset: int) -> int:
    return len(source.data[:offset].rstrip())


def _habit(source: SourceFile, span: Span, around: Span | None = None) -> Diagnostic | None:
    """A habit of another language in the line of `span`; one that has to do with `around`, if that is given."""
    line = source.line(span.line)
    finding = habit_in(line)
    if finding is None:
        return None
    begin = span.start - len(line[: span.column - 1].encode())
    start, end = (begin + len(line[:column].encode()) for column in (finding.start, finding.end))
    if around is not None and not (start <= around.start < end):
        return None
    return error("HNY0008", finding.message, source, source.span(start, end), help=finding.help)


def _what_now(source: SourceFile, span: Span) -> str | None:
    """A guess at what is missing between two values that stand side by side."""
    before = source.data[: span.start].rstrip(b" \t")
    after = source.data[span.start : span.end]
    if before[-1:].isalnum() and (after[:1].isalnum() or after[:1] in b"\"':"):
        return "is a comma or an operator missing before it?"
    if after == b",":
        return "remove the comma, or write what belongs beside it"
    return None


def _whole(root: TsNode, source: SourceFile) -> Diagnostic:
    span = source.span(root.start_byte, root.end_byte)
    return error("HNY0007", "this is not Elixir syntax", source, span)
