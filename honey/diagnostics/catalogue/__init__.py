# SPDX-License-Identifier: Apache-2.0
"""Every diagnostic code: what it means, why it is there, and an example of it.

The entries are data, in the TOML files beside this module, one file an area. To add a code, add a table to the
file of its area; `[HNY0205]` for example goes into `02_types.toml`:

    [HNY0205]
    title = "a value of the wrong type"          # a few words, lower case, no full stop
    reason = '''
    One or two paragraphs: why this is an error, and what to do.
    '''
    wrong = '''
    source that yields exactly this code
    '''
    right = '''
    the same source, mended: it compiles without a word
    '''

`severity = "warning"` marks a warning. An example that is no whole module (`defmodule` does not start it) is put into
one handler's body; see `module_of`. Where no example in a source is possible, `example = false` says so.

Areas: 00 syntax, 01 names and modules, 02 types, 03 nil, 04 byte order, 05 maps, 06 control flow, 07 contexts and
kernel types, 08 resources, 09 library.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from honey.diagnostics import Severity
from honey.records import dataclass

_WRAPPER = """\
defmodule Example do
  use Honey, license: "GPL"

  @sec "tracepoint/syscalls/sys_enter_write"
  def main(ctx) do
{body}
  end
end
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One code of the catalogue. `wrong` and `right` are sources, both `None` where an example is not possible."""

    code: str
    severity: Severity
    title: str
    reason: str
    wrong: str | None
    right: str | None
    area: str


@cache
def catalogue() -> dict[str, Entry]:
    """All entries, by code, in order."""
    import tomli

    entries: dict[str, Entry] = {}
    files = [item for item in resources.files(__package__).iterdir() if item.name.endswith(".toml")]
    for file in sorted(files, key=lambda item: item.name):
        area = file.name.removesuffix(".toml")
        for code, table in tomli.loads(file.read_text(encoding="utf-8")).items():
            if code in entries:
                raise ValueError(f"{file.name}: {code} is already in {entries[code].area}.toml")
            entries[code] = _entry(code, area, table)
    return dict(sorted(entries.items()))


def _entry(code: str, area: str, table: dict[str, object]) -> Entry:
    known = {"title", "reason", "wrong", "right", "severity", "example"}
    if unknown := table.keys() - known:
        raise ValueError(f"{code}: unknown keys {', '.join(sorted(unknown))}")
    if not code.startswith(f"HNY{area[:2]}") or len(code) != 7:
        raise ValueError(f"{code} does not belong into {area}.toml")
    severity = table.get("severity", "error")
    texts = {name: str(table[name]) for name in ("wrong", "right") if name in table}
    if table.get("example", True) and len(texts) != 2:
        raise ValueError(f"{code}: needs `wrong` and `right`, or `example = false`")
    return Entry(
        code=code,
        severity="warning" if severity == "warning" else "error",
        title=str(table["title"]),
        reason=str(table["reason"]).strip(),
        wrong=texts.get("wrong"),
        right=texts.get("right"),
        area=area,
    )


def module_of(example: str) -> str:
    """The whole source for an example: itself if it is a module, else a module with the example as handler body."""
    if "defmodule" in example:
        return example
    body = "\n".join(f"    {line}" if line else "" for line in example.rstrip("\n").split("\n"))
    return _WRAPPER.format(body=body)
