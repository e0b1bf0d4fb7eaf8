# SPDX-License-Identifier: Apache-2.0
"""The text of quoted things: escapes, and the indentation of heredocs.

Bytes that escapes such as `\\xFF` put in and that are not UTF-8 are kept as lone surrogates, so
`text.encode(errors="surrogateescape")` gives the exact bytes.
"""

from __future__ import annotations

import re

_SIMPLE = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "d": "\x7f",
    "e": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "s": " ",
    "t": "\t",
    "v": "\v",
}

_ESCAPE = re.compile(
    r"\\(?:"
    r"u(?:\{(?P<long>[0-9A-Fa-f]{1,6})\}|(?P<four>[0-9A-Fa-f]{4}))"
    r"|x(?:\{(?P<old>[0-9A-Fa-f]{1,6})\}|(?P<byte>[0-9A-Fa-f]{1,2}))"
    r"|(?P<line>\r?\n)"
    r"|(?P<other>[^ux]))",
    re.DOTALL,
)


def unescape(escape: str) -> str | None:
    r"""The text that one escape (`\n`, `\x41`, `\u{1F41D}`, ...) stands for; `None` if it is not one."""
    match = _ESCAPE.fullmatch(escape)
    if match is None:
        return None
    if (byte := match["byte"]) is not None:
        value = int(byte, 16)
        return chr(value) if value < 0x80 else bytes((value,)).decode(errors="surrogateescape")
    if (code := match["long"] or match["four"] or match["old"]) is not None:
        point = int(code, 16)
        return chr(point) if point < 0xD800 or 0xDFFF < point <= 0x10FFFF else None
    if match["line"] is not None:
        return ""
    return _SIMPLE.get(match["other"], match["other"])


def unescape_all(text: str) -> str | None:
    """`text` with every escape resolved; `None` if one of them is not an escape."""
    out: list[str] = []
    at = 0
    while (backslash := text.find("\\", at)) != -1:
        out.append(text[at:backslash])
        match = _ESCAPE.match(text, backslash)
        resolved = unescape(match[0]) if match else None
        if match is None or resolved is None:
            return None
        out.append(resolved)
        at = match.end()
    out.append(text[at:])
    return "".join(out)


def heredoc_indent(data: bytes, closing: int) -> int | None:
    """How far the closing quotes at byte `closing` are indented, which is taken off every line of the heredoc.

    `None` if the quotes do not stand alone at the start of their line.
    """
    start = data.rfind(b"\n", 0, closing) + 1
    before = data[start:closing]
    return None if before.strip(b" \t") else len(before)


def dedent(text: str, indent: int) -> str:
    """`text` with up to `indent` blanks removed after each line end in it."""
    return re.sub(rf"\n[ \t]{{0,{indent}}}", "\n", text)


def has_lone_byte(text: str) -> bool:
    """Whether escapes have put a byte into `text` that is not part of any character."""
    return any("\udc80" <= character <= "\udcff" for character in text)
