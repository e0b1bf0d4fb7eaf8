# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a source that could not be read, in words that help."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from honey.diagnostics import Diagnostic, Label, error
from honey.diagnostics.suggest import closest
from honey.syntax import delimiters
from honey.syntax.convert.names import RESERVED
from honey.syntax.hints import (
    all_habits,
    first_habit,
    first_macro,
    habit_at,
    habit_between,
    habit_of_line,
    macro_at,
    misspelt_end,
)
from honey.syntax.source import SourceFile, Span

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

MAX_ERRORS = 10
"""Errors of syntax reported for one file: more of them are seldom of use."""


_CONFLICT = re.compile(rb"^(?:<{7} |>{7} |={7}$).*", re.MULTILINE)
_CLOSERS = frozenset({"end", ")", "]", "}", ">>"})
_MOST_FAULTS = 1000  # nodes looked at
_LOOK_BACK = 200  # bytes
_OPERATOR_AT_END = re.compile(rb"(?<![?:])(->|[-+*/=<>|&!^~.]+|,|\\\\|\b(?:and|or|in|not|when)\b)(?:\s|#[^\n]*\n)*\Z")
_ENDS = re.compile(rb"(?:\s|#[^\n]*\n)*(?:\Z|[)\]},]|>>|end\b)")
_NEVER_FIRST = frozenset({"end", ")", "]", "}", ">>", ",", "else", "rescue", "catch", "after", "do"})
_HEAD = re.compile(r"([ \t]*)(\w+)")
_DO = re.compile(r"\bdo\b(?!:\s*$)|\bfn\b")
_DO_WITH_COLON = re.compile(r"\bdo:\s*$")
_LAST_WORD = re.compile(r"([A-Za-z]+)\s*$")
_MIDDLE = frozenset({"else", "rescue", "catch", "after"})
"""Words that part a block, indented like its first line."""
_BLOCK_WORDS = frozenset(
    {"if", "unless", "case", "cond", "for", "with", "try", "def", "defp", "defmodule", "defstruct", "quote"}
)
_FEW = 5  # errors that one line may have brought about
_MOST_TRIED = 1_000_000  # bytes read anew to find the line with an error
_SHOWN = 60  # characters of a line that a help repeats
_DOT_AT_END = re.compile(rb"[ \t]*(\.)[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_OPEN_CALL = re.compile(rb"(?:^|[\s=(,])[a-z_]\w*[ \t]+\Z")
_VALUE_BEHIND = re.compile(rb"[ \t]+([A-Za-z_]\w*:?|:\w+|\d\w*|\"[^\"\n]*\")")
_ANY_VALUE = re.compile(rb"[:\w\"]")
_JOINING = frozenset({"do", "and", "or", "in", "not", "when", "end", "else"})
_OPENERS = {")": "(", "]": "[", "}": "{", ">>": "<<"}


def explain(root: TsNode, source: SourceFile, reparse: Callable[[bytes], TsNode]) -> list[Diagnostic]:
    """At least one error for a source whose tree has ERROR or MISSING nodes, or misread reserved words.

    `reparse` reads the source again with its delimiters mended, so that errors besides those come to light too.
    """
    conflict = _CONFLICT.search(source.data)
    if conflict is not None:
        span = source.span(conflict.start(), conflict.end())
        return [
            error("HNY0007", "this marks a conflict of versions", source, span, help="keep one of the two versions")
        ]
    balance = delimiters.check(source.data)
    found = [_delimiter(problem, source) for problem in balance.problems]
    if not found:
        found = _tree_errors(root, source.data, source, lambda offset: offset, reparse)
    elif not any(problem.kind == "quote" for problem in balance.problems):
        found += _beyond(balance, found, source, reparse)
    if not found:
        found = [first_habit(source) or first_macro(source) or _culprit(source, reparse) or _whole(root, source)]
    elif not balance.problems and (1 < len(found) <= _FEW or (len(found) == 1 and _is_doubtful(found[0], source))):
        culprit = _culprit(source, reparse)
        found = [culprit] if culprit is not None else found
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
    habit = habit_at(source, span, around=span)
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
        if (inside := habit_between(source, token.line, problem.other)) is not None:
            return inside
        help = f"write an `end` for it, indented like the line of its `{text}`"
        labels += misspelt_end(source, token.line, problem.other)
        return error("HNY0003", f"this `{text}` has no `end`", source, span, help=help, labels=labels)
    closer = delimiters.CLOSER[token.text].decode()
    return error(
        "HNY0004", f"this `{text}` is never closed", source, span, help=f"close it with `{closer}`", labels=labels
    )


def _missing_do(source: SourceFile, end: Span) -> Diagnostic | None:
    """For an `end` that closes nothing: the line above, indented alike, that starts a block and lacks its `do`."""
    for number in range(end.line - 1, 0, -1):
        line = source.line(number)
        match = _HEAD.match(line)
        if match is None or len(match[1]) > end.column - 1 or match[2] in _MIDDLE:
            continue
        if len(match[1]) < end.column - 1 or match[2] not in _BLOCK_WORDS or _DO.search(line):
            return None
        offset = source.line_start(number)
        if (colon := _DO_WITH_COLON.search(line)) is not None:
            at = offset + len(line[: colon.start()].encode())
            what = "`do:` takes one value, and no block with an `end`"
            return error("HNY0017", what, source, source.span(at, at + 3), help="write `do`")
        span = source.span(offset + len(match[1]), offset + len(match[1]) + len(match[2]))
        habit = habit_at(source, span)
        last = _LAST_WORD.search(line)
        if habit is not None:
            help = habit.help
        elif last is not None and last[1] != match[2] and closest(last[1], ("do",)) is not None:
            help = f"did you mean `do` in place of `{last[1]}`?"
        else:
            help = f"write `{line.strip()} do`" if len(line.strip()) < _SHOWN else f"write `{match[2]} ... do`"
        return error("HNY0017", f"this `{match[2]}` has an `end`, but no `do`", source, span, help=help)
    return None


def _quote_end(text: str) -> str:
    opener = text[-3:] if text.endswith(('"""', "'''")) else text[-1]
    return {"(": ")", "[": "]", "{": "}", "<": ">"}.get(opener, opener)


def _beyond(
    balance: delimiters.Balance, found: list[Diagnostic], source: SourceFile, reparse: Callable[[bytes], TsNode]
) -> list[Diagnostic]:
    """Errors that have nothing to do with the delimiters: on no line that an unclosed bracket covers."""
    covered: set[int] = set()
    for diagnostic, problem in zip(found, balance.problems, strict=True):
        if diagnostic.span is not None and diagnostic.span.start != problem.token.start:  # it is told elsewhere
            covered.update(range(diagnostic.span.line, problem.token.line + 1))
            covered.update(range(problem.token.line, diagnostic.span.line + 1))
    for problem in balance.problems:
        last = problem.other.line if problem.other is not None else problem.token.line
        if problem.token.text in (b"do", b"fn"):
            covered.update((problem.token.line, last))
        else:
            covered.update(range(problem.token.line, last + 1))
    mended = delimiters.Mended(source.data, balance.edits)
    others = _tree_errors(reparse(mended.data), mended.data, source, mended.original, reparse)
    return [
        other
        for other in others
        if other.span is not None and other.span.line not in covered and not _is_doubtful(other, source)
    ]


# --- the tree -------------------------------------------------------------------------------------------------------


def _tree_errors(
    root: TsNode, data: bytes, source: SourceFile, original: Callable[[int], int], reparse: Callable[[bytes], TsNode]
) -> list[Diagnostic]:
    """The errors that have nothing to do with each other: each with the lines of those before left out.

    `data` is what `root` was read from; its lines are those of the source.
    """
    found: dict[int, Diagnostic] = {}
    while len(found) < MAX_ERRORS:
        diagnostics = _faults_by_line(root, source, original, found)
        fresh = [one for one in diagnostics if one.span is not None and one.span.line not in found]
        if not fresh or fresh[0].span is None:
            break
        line = fresh[0].span.line
        found[line] = fresh[0]
        shorter = _without_line(data, line)
        if shorter is None:  # the line is part of something larger: what else there is may be a consequence
            if fresh[0].code != "HNY0008":
                found.update((one.span.line, one) for one in fresh[1:] if one.span is not None)
            break
        root, data = _furthest(shorter, line, reparse)
    if len(found) < MAX_ERRORS and (root is not None and next(_faults(root), None) is None):
        found = {**{one.span.line: one for one in all_habits(source, arrows=True) if one.span is not None}, **found}
    return sorted(found.values(), key=lambda one: one.span.line if one.span is not None else 0)[:MAX_ERRORS]


def _is_doubtful(diagnostic: Diagnostic, source: SourceFile) -> bool:
    """Whether an error is at a word or an operator that is more likely to be right itself."""
    text = source.text(diagnostic.span) if diagnostic.span is not None else ""
    return diagnostic.code == "HNY0007" and (text in RESERVED or _OPERATOR_AT_END.match(text.encode()) is not None)


def _culprit(source: SourceFile, reparse: Callable[[bytes], TsNode]) -> Diagnostic | None:
    """The error in the one line without which a source makes sense, where the parser points at something else."""
    if source.line_count * len(source.data) > _MOST_TRIED:
        return None
    for number in range(1, source.line_count + 1):
        line = source.line(number)
        texts = _without_line(source.data, number) if line.strip() else None
        if texts is None or all(next(_faults(root), None) or root.has_error for root in map(reparse, texts[:2])):
            continue
        start = source.line_start(number)
        node = next(_faults(reparse(line.encode())), None)
        if node is not None:
            return _fault(node, source, start.__add__, is_first=True)
        return error("HNY0007", "this line is not Elixir syntax", source, source.line_span(number))
    return None


def _furthest(texts: list[bytes], line: int, reparse: Callable[[bytes], TsNode]) -> tuple[TsNode, bytes]:
    """The one of several texts that makes sense the furthest; the first that does beyond the line after ``line``."""
    read: list[tuple[TsNode, bytes]] = []
    for text in texts:
        root = reparse(text)
        first = next(_faults(root), None)
        read.append((root, text))
        if first is None or first.start_point[0] > line:  # rows count from 0
            return read[-1]
    return min(read, key=lambda one: _first_fault(one[0]))


def _first_fault(root: TsNode) -> int:
    """How far a tree makes sense, as a number that is the smaller the further it does."""
    first = next(_faults(root), None)
    return -first.start_byte if first is not None else -root.end_byte - 1


def _without_line(data: bytes, number: int) -> list[bytes] | None:
    """A source with something harmless in place of a line; `None` if that line holds halves of blocks or brackets."""
    lines = data.split(b"\n")
    line = lines[number - 1]
    if delimiters.check(line).problems:
        return None
    room = len(line)
    texts = (b"", b"0", b"0,", b"0 -> 0")
    return [
        b"\n".join([*lines[: number - 1], text.ljust(room), *lines[number:]]) for text in texts if len(text) <= room
    ]


def _faults_by_line(
    root: TsNode, source: SourceFile, original: Callable[[int], int], before: Iterable[int]
) -> list[Diagnostic]:
    """One error for each line that tree-sitter could not make sense of."""
    faults = list(islice(_faults(root), _MOST_FAULTS))
    # The delimiters match, so one that tree-sitter misses is only a consequence of something else.
    causes = [node for node in faults if not (node.is_missing and node.type in _CLOSERS)]
    found: dict[int, Diagnostic] = {}
    for node in causes or faults:
        diagnostic = _fault(node, source, original, is_first=not found and not before)
        if diagnostic.span is None or (found and _follows(diagnostic, found, source)):
            continue
        found.setdefault(diagnostic.span.line, diagnostic)
        if len(found) > MAX_ERRORS:
            break
    return list(found.values())


def _follows(diagnostic: Diagnostic, found: Iterable[int], source: SourceFile) -> bool:
    """Whether an error is likely to be there only because of one that has been found."""
    assert diagnostic.span is not None
    text = source.text(diagnostic.span)
    if diagnostic.code == "HNY0007" and (text in _NEVER_FIRST or text in RESERVED):
        return True
    return _OPERATOR_AT_END.match(text.encode()) is not None and diagnostic.span.line - 1 in found


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


def _fault(node: TsNode, source: SourceFile, original: Callable[[int], int], *, is_first: bool) -> Diagnostic:
    leaf = _first_leaf(node)
    start = original(leaf.start_byte)
    end = max(original(leaf.end_byte), start)
    if start == end:
        start = _end_of_text_before(source, start)
        end = start
    span = source.span(start, end)
    habit = habit_at(source, span) or (habit_of_line(source, span.line - 1) if is_first and span.line > 1 else None)
    if habit is not None:
        return habit
    text = source.text(span).split("\n", 1)[0].rstrip()
    if (macro := macro_at(source, span)) is not None:
        return macro
    if is_first and text in RESERVED and (habit := first_habit(source)) is not None:
        return habit
    if (dot := _DOT_AT_END.match(source.data, end)) is not None:
        return error("HNY0009", "a name is missing after `.`", source, source.span(dot.start(1), dot.end(1)))
    if (after := _behind_argument(source, span)) is not None:
        return after
    if node.is_missing and not node.is_named:
        return error("HNY0009", f"`{node.type}` is missing here", source, span)
    if node.is_error and _ENDS.match(source.data, end) and _OPERATOR_AT_END.match(text.encode()):
        help = "remove the comma, or write what belongs behind it" if text == "," else None
        return error("HNY0009", f"an expression is missing after `{text}`", source, span, help=help)
    if (dangling := _dangling(source, start)) is not None and (start == end or text in _NEVER_FIRST):
        what = f"an expression is missing after `{source.text(dangling)}`"
        help = "remove the comma, or write what belongs behind it" if source.text(dangling) == "," else None
        return error("HNY0009", what, source, dangling, help=help)
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


def _behind_argument(source: SourceFile, span: Span) -> Diagnostic | None:
    """`use Honey license: "GPL"`: the value that a comma is missing before, where a call has no parentheses."""
    line = source.data[source.line_start(span.line) : span.start]
    behind = _VALUE_BEHIND.match(source.data, span.end)
    if _ANY_VALUE.match(source.data, span.start) is None:
        return None
    if behind is None or _OPEN_CALL.search(line) is None or behind[1].decode() in _JOINING:
        return None
    text = behind[1].decode(errors="replace")
    what = f"`{text}` is not expected here"
    help = f"write a comma before it: `{source.text(span)}, {text}`"
    return error("HNY0007", what, source, source.span(behind.start(1), behind.end(1)), help=help)


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
