# SPDX-License-Identifier: Apache-2.0
"""Which brackets, quotes and `do ... end` of a source do not match.

A parser only sees that something is wrong at the end of a file when an `end` is missing near its start. This module
goes over the source once more, after the parser has failed, with an eye on pairs and indentation only, and says which
opener or closer is the likely culprit. It can also mend the source, so that the parser finds the other errors.
"""

from __future__ import annotations

import re
from functools import cache

from honey.records import dataclass, field

CLOSER = {b"(": b")", b"[": b"]", b"{": b"}", b"#{": b"}", b"<<": b">>", b"do": b"end", b"fn": b"end"}
_BRACKETS = frozenset({b"(", b"[", b"{", b"<<"})
_ENOUGH = 20  # problems, after which a source is not worth going on with
_SIGIL_CLOSER = {b"(": b")", b"[": b"]", b"{": b"}", b"<": b">"}

_TOKEN = re.compile(
    rb"""
      (?P<skip>      [ \t\r]+ | \#[^\n]* )
    | (?P<newline>   \n )
    | (?P<sigil>     ~(?:[a-z]|[A-Z]+)(?P<quote>\"\"\"|'''|[(\[{<|/"']) )
    | (?P<string>    :?(?:\"\"\"|'''|["']) )
    | (?P<char>      \?(?:\\u\{[^}\n]*\}|\\x\{[^}\n]*\}|\\.|[^\s]) )
    | (?P<atom>      :(?:[A-Za-z_\x80-\xff][\w@\x80-\xff]*[?!]?|<<>>|%?\{\}|\[\]|<<<|>>>|<<~|~>>) )
    | (?P<type>      :: )
    | (?P<key>       [A-Za-z_\x80-\xff][\w@\x80-\xff]*[?!]?:(?=\s) )
    | (?P<member>    \.\s*[A-Za-z_\x80-\xff][\w@\x80-\xff]*[?!]? )
    | (?P<word>      [A-Za-z_\x80-\xff][\w@\x80-\xff]*[?!]? )
    | (?P<number>    \d[\w]* )
    | (?P<operator>  <<< | >>> | <<~ | ~>> | -> | => | \|> )
    | (?P<open>      << | [(\[{] )
    | (?P<close>     >> | [)\]}] )
    | (?P<other>     . )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A delimiter. `indent` is that of its line, `leads` whether it is the line's first token."""

    text: bytes
    start: int
    line: int
    indent: int
    leads: bool

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing out of balance.

    kind: `unclosed` (an opener without closer; `other` is what stands where its closer was expected, if anything),
    `stray` (a closer without opener), `mismatch` (a closer of another kind than the opener, which is `other`),
    `quote` (quotes that never end).
    """

    kind: str
    token: Token
    other: Token | None = None


@dataclass(slots=True)
class Balance:
    """What `check` found, and the edits that would mend it: (offset, bytes to drop, text to put in)."""

    problems: list[Problem] = field(default_factory=list)
    edits: list[tuple[int, int, bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Quote:
    """Quotes that an interpolation interrupts: what ends them, and whether they interpolate at all."""

    token: Token
    event: re.Pattern[bytes]
    """Matches what ends the quotes, an escape, or an interpolation's start."""


@cache
def _event(closer: bytes, interpolates: bool) -> re.Pattern[bytes]:
    return re.compile(rb"\\.?|" + re.escape(closer) + (rb"|\#\{" if interpolates else b""), re.DOTALL)


class _Scanner:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.balance = Balance()
        self.stack: list[Token] = []
        self.quotes: list[tuple[int, _Quote]] = []  # one for each `#{`, with its place on the stack
        self.too_deep: list[tuple[Token, Token]] = []  # closed by an `end` that is indented less
        self.too_far: list[tuple[Token, Token]] = []  # closed by an `end` that is indented more
        self.line = 1
        self.line_start = 0

    def scan(self) -> Balance:
        at, size = 0, len(self.data)
        while at < size and len(self.balance.problems) < _ENOUGH:
            match = _TOKEN.match(self.data, at)
            assert match is not None
            at = self._take(match)
        self._finish()
        return self.balance

    def _token(self, text: bytes, start: int) -> Token:
        line = self.data[self.line_start : start]
        return Token(text, start, self.line, len(line) - len(line.lstrip()), not line.strip())

    def _take(self, match: re.Match[bytes]) -> int:
        kind, text, start, end = match.lastgroup, match[0], match.start(), match.end()
        if kind == "newline":
            self.line += 1
            self.line_start = end
        elif kind == "sigil":
            closer = _SIGIL_CLOSER.get(match["quote"], match["quote"])
            return self._quoted(_Quote(self._token(text, start), _event(closer, text[1:2].islower())), end)
        elif kind == "string":
            return self._quoted(_Quote(self._token(text, start), _event(text.lstrip(b":"), True)), end)
        elif kind == "open" or (kind == "word" and text in (b"do", b"fn")):
            self.stack.append(self._token(text, start))
        elif kind == "close" or (kind == "word" and text == b"end"):
            return self._close(self._token(text, start))
        elif kind in ("member", "char", "skip"):
            self._count_lines(start, end)
        return end

    def _count_lines(self, start: int, end: int) -> None:
        if (lines := self.data.count(b"\n", start, end)) > 0:
            self.line += lines
            self.line_start = self.data.rfind(b"\n", start, end) + 1

    def _quoted(self, quote: _Quote, at: int) -> int:
        """Goes to the end of quotes, or into the interpolation in them. Returns the offset to go on from."""
        begin = at
        while (match := quote.event.search(self.data, at)) is not None and match[0].startswith(b"\\"):
            at = match.end()
        if match is None:
            if self.quotes:  # quotes that seem to open inside an interpolation: more likely it was not closed
                self.balance.problems.append(Problem("quote", self.stack[self.quotes[-1][0]]))
            else:
                self.balance.problems.append(Problem("quote", quote.token))
            self._count_lines(begin, len(self.data))
            return len(self.data)
        self._count_lines(begin, match.start())
        if match[0] == b"#{":
            self.quotes.append((len(self.stack), quote))
            self.stack.append(self._token(b"#{", match.start()))
        return match.end()

    def _close(self, closer: Token) -> int:
        """A closer: pairs it with its opener. What stands open in between is unclosed."""
        depth = len(self.stack) - 1
        floor = self.quotes[-1][0] if self.quotes else 0
        while depth >= floor and CLOSER[self.stack[depth].text] != closer.text:
            depth -= 1
        if depth < floor:
            if len(self.stack) > floor and closer.text != b"end" and self.stack[-1].text in _BRACKETS:
                self._mismatch(self.stack.pop(), closer)
            else:
                self._stray(closer)
            return closer.end
        for token in reversed(self.stack[depth + 1 :]):
            self.balance.problems.append(Problem("unclosed", token, closer))
            self.balance.edits.append((closer.start, 0, b" " + CLOSER[token.text] + b" "))
        opener = self.stack[depth]
        del self.stack[depth:]
        if closer.text == b"end" and closer.leads and closer.line != opener.line:
            if closer.indent < opener.indent:
                self.too_deep.append((opener, closer))
            elif closer.indent > opener.indent:
                self.too_far.append((opener, closer))
        elif closer.text == b"end" and not closer.leads and closer.line != opener.line:
            self.too_far.append((opener, closer))  # `end end`
        if opener.text == b"#{":
            return self._quoted(self.quotes.pop()[1], closer.end)
        return closer.end

    def _mismatch(self, opener: Token, closer: Token) -> None:
        """A bracket of the wrong kind, where one of its kind was never opened."""
        self.balance.problems.append(Problem("mismatch", closer, opener))
        self.balance.edits.append((closer.start, len(closer.text), CLOSER[opener.text]))

    def _stray(self, closer: Token) -> None:
        """A closer too many: this one, or an earlier one whose indentation gives it away."""
        if closer.text == b"end" and self.too_far:
            _, closer = self.too_far.pop(0)
        self.balance.problems.append(Problem("stray", closer))
        self.balance.edits.append((closer.start, len(closer.text), b" " * len(closer.text)))

    def _finish(self) -> None:
        """What is still open at the end of the file: it, or an earlier opener whose indentation gives it away."""
        if any(problem.kind == "quote" for problem in self.balance.problems):
            return
        for token in reversed(self.stack):
            if CLOSER[token.text] == b"end" and self.too_deep:
                culprit, closer = self.too_deep.pop(0)
                self.balance.problems.append(Problem("unclosed", culprit, closer))
                self.balance.edits.append((closer.start, 0, b"end "))
            else:
                self.balance.problems.append(Problem("unclosed", token))
                self.balance.edits.append((len(self.data), 0, b"\n" + CLOSER[token.text]))


def check(data: bytes) -> Balance:
    """Goes over a source once. The time is linear in its size."""
    return _Scanner(data).scan()


class Mended:
    """A source with the edits of a `Balance` applied, and the way back from its offsets."""

    def __init__(self, data: bytes, edits: list[tuple[int, int, bytes]]) -> None:
        pieces: list[bytes] = []
        self._shifts: list[tuple[int, int]] = []  # from this offset of the mended text on: how much was put in before
        at = shift = size = 0
        for start, dropped, text in sorted(edits, key=lambda edit: edit[0]):
            pieces += (data[at:start], text)
            size += start - at + len(text)
            shift += len(text) - dropped
            self._shifts.append((size, shift))
            at = start + dropped
        pieces.append(data[at:])
        self.data = b"".join(pieces)
        self._size = len(data)

    def original(self, offset: int) -> int:
        """The offset in the source of an offset in the mended text."""
        shift = 0
        for begin, value in self._shifts:
            if begin > offset:
                break
            shift = value
        return min(max(offset - shift, 0), self._size)
