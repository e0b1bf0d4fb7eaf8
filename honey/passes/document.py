# SPDX-License-Identifier: Apache-2.0
"""Makes ``docs/passes.md``: ``python -m honey.passes.document > docs/passes.md``.

What is said of a pass is its module's own description; before and after are compiled from ``examples.txt``.
"""

from __future__ import annotations

import ast
import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill, indent

from honey import compiler
from honey.passes import NAMES, select
from honey.syntax.source import SourceFile

_HERE = Path(__file__).parent

GROUPS: Mapping[str, Sequence[str]] = {
    "What is known when the program is compiled": (
        "constant-folding",
        "network-order",
        "known-ranges",
        "known-nulls",
        "flag-threading",
        "nested-branches",
        "dead-code",
        "unused-results",
    ),
    "Maps": (
        "in-place-update",
        "atomic-add",
        "zeroed-entries",
        "conditional-stores",
        "tested-inserts",
        "stored-twins",
        "by-reference",
        "keys-in-packets",
        "constant-data",
    ),
    "Reading memory": ("merged-reads", "fault-tests", "direct-reads", "filled-fields", "task-reads", "whole-headers"),
    "Calls": ("shared-calls", "handed-answers", "lifted-clocks", "inlining", "owned-arguments", "built-arguments"),
    "Registers and the stack": (
        "narrowing",
        "forwarding",
        "early-values",
        "late-stores",
        "late-structs",
        "late-questions",
        "struct-building",
        "short-lives",
        "placement",
        "scalar-fields",
    ),
    "The order of the code": ("expectations",),
}
"""The passes by what they are about; those of no group come last."""

MODULE = """\
defmodule Example do
  use Honey, license: "Dual BSD/GPL"
  import Honey.BpfHelpers

  defstruct :key do
    field(:pid, :u32)
    field(:kind, :u8)
    field(:port, :u16)
    field(:ip, :u32)
  end

  defstruct :stats do
    field(:count, :u64)
    field(:last, :u64)
    field(:peak, :u64)
  end

  defstruct :mac do
    field(:address, {:array, :u8, 6})
  end

  defstruct :record do
    field(:name, :string, size: 16)
  end

  defmap(:stats_of, :bpf_hash, key_type: :key, value_type: :stats, max_entries: 16)
  defmap(:by_pid, :bpf_hash, key_type: :u32, value_type: :stats, max_entries: 16)
  defmap(:by_mac, :bpf_hash, key_type: :mac, value_type: :u64, max_entries: 16)
  defmap(:counts, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 16)
  defmap(:records, :bpf_ringbuf, max_entries: 4096)
  defmap(:kinds, :bpf_hash, key_type: :u8, value_type: :u64, max_entries: 16)
"""
_HANDLER = '@sec "tracepoint/syscalls/sys_enter_sendto"\ndef on_sendto(ctx) do\n'


@dataclass(frozen=True, slots=True)
class Example:
    """A small program on which ``name``, after the passes ``before``, does something."""

    name: str
    before: tuple[str, ...]
    code: str

    @property
    def source(self) -> SourceFile:
        """The whole module."""
        text = indent(self.code, "  ")
        return SourceFile.from_text(f"{MODULE}\n{text}\nend\n", f"{self.name}.ex")

    def c(self, passes: Sequence[str]) -> str:
        """The functions that it is compiled to. Raises `ValueError` where it is wrong."""
        done = compiler.to_c(self.source, select(",".join(passes) or "none"))
        if done.c is None:
            raise ValueError(f"the example of {self.name}: {'; '.join(one.message for one in done.diagnostics)}")
        functions = done.c.text[done.c.text.index("#line") : done.c.text.rindex("char LICENSE[]")]
        return re.sub(r"^#line.*\n", "", functions, flags=re.MULTILINE).replace("\t", "    ").strip() + "\n"

    def difference(self) -> str:
        """What the pass does to the functions, all lines shown."""
        old, new = self.c(self.before), self.c((*self.before, self.name))
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=1_000, lineterm="")
        return "\n".join(line.rstrip() for line in list(lines)[3:])


def examples() -> dict[str, Example]:
    """The examples by pass."""
    text = (_HERE / "examples.txt").read_text(encoding="utf-8")
    found = {}
    for part in text.split("\n== ")[1:]:
        head, _, code = part.partition("\n")
        name, _, before = head.partition("|")
        body, _, functions = code.strip().partition("\n--\n")
        handler = body if body.startswith("@sec") else f"{_HANDLER}{indent(body, '  ')}\nend"
        whole = f"{handler}\n\n{functions}" if functions else handler
        found[name.strip()] = Example(name.strip(), tuple(before.replace(",", " ").split()), whole.rstrip())
    return found


def markdown() -> str:
    """The page."""
    shown = examples()
    groups = dict(GROUPS)
    rest = [name for name in NAMES if not any(name in names for names in groups.values())]
    if rest:
        groups["Others"] = rest
    order = fill(", ".join(f"`{name}`" for name in NAMES), width=120, break_on_hyphens=False)
    parts = [_HEAD.format(order=order, module=MODULE)]
    for title, names in groups.items():
        parts.append(f"## {title}")
        parts += [_section(name, shown[name]) for name in names if name in NAMES]
    return "\n\n".join(parts) + "\n"


_HEAD = """\
# Passes

Between analysis and emission the program goes through passes, each of which makes it cheaper and keeps what it does:
return values, the contents of maps and buffers, what is printed, under every fault of a helper. A pass is a module of
`honey/passes/` with one rule or a small table of them; its proof obligation says why nothing changes, and when it keeps
away. `honey compile --passes=-NAME` leaves one out, `--passes=none` all of them, and `harness run --ablation` counts
what each saves in a benchmark, and which need each other.

This page is made by `python -m honey.passes.document`: the words are those of the modules, and the differences are what
the compiler emits for the example without the pass (`-`) and with it (`+`). Where an example names others, they run
before it. The passes run in this order, some of them several times:

{order}.

<details><summary>The module that the examples are part of</summary>

```
{module}```

</details>"""


def _section(name: str, example: Example) -> str:
    after = f" after {', '.join(f'`{one}`' for one in example.before)}" if example.before else ""
    return (
        f"### {name}\n\n{_words(name)}\n\n"
        f"```\n{example.code}\n```\n\nThe C{after}:\n\n```diff\n{example.difference()}\n```"
    )


def _words(name: str) -> str:
    """A module's description as Markdown."""
    tree = ast.parse((_HERE / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8"))
    text = ast.get_docstring(tree) or ""
    return text.replace("``", "`").replace("Proof obligation", "**Proof obligation**")


if __name__ == "__main__":
    sys.stdout.write(markdown())
