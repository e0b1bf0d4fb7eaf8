# SPDX-License-Identifier: Apache-2.0
"""Pure expressions over `a`, `b`, `c`, as Elixir evaluates them and as a Honey program does.

A case is an expression, with the definitions that it needs behind it. Elixir itself says what it gives for all of
`INPUTS`; in Honey each case is a handler that takes the three numbers out of a packet and writes the result into it.
Values of all kinds become numbers in the same way on both sides (`number`).
"""

from __future__ import annotations

import base64
import re
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

ELIXIR = shutil.which("elixir")
FOLDER = Path(__file__).with_name("elixir")
INPUTS = ((0, 0, 0), (1, 2, 3), (7, -3, 2), (-7, 3, 5), (-1, -1, 1), (5, 5, -5), (12, 4, 100), (-8, 0, 64))
"""What `a`, `b` and `c` are."""

_DEFINITION = re.compile(r"^(?:defp |defguard |@)", re.MULTILINE)
_DEFINED = re.compile(r"^(?:defp |defguard |@)(\w+[?!]?)", re.MULTILINE)
_TOGETHER = 20
"""Cases in a module of Elixir's, which takes time for each module."""
_CHECKED = """  import Kernel, except: [+: 2, -: 2, *: 2, **: 2]
  import Bitwise, except: [<<<: 2]
  import Checked"""
_PACKET = struct.Struct("<qqqqq")

_HONEY_HEAD = """defmodule Cases do
  use Honey, license: "Dual BSD/GPL"
  alias Honey.Packet

  defstruct :point do
    field(:x, :s64)
    field(:y, :s64)
  end

  defstruct :line do
    field(:from, :point)
    field(:to, :point)
    field(:width, :s64)
  end

  defstruct :numbers do
    field(:a, :s64)
    field(:b, :s64)
    field(:c, :s64)
    field(:result, :s64)
    field(:done, :u64)
  end

  defp number(nil), do: -9999
  defp number(true), do: -9998
  defp number(false), do: -9997
  defp number(:ok), do: -9996
  defp number(:error), do: -9995
  defp number(:none), do: -9994
  defp number(int) when is_integer(int), do: int
  defp number(text) when is_binary(text), do: byte_size(text) - 9000
  defp number(%point{x: x, y: y}), do: number({x, y}) + 1
  defp number({}), do: -9993
  defp number({x}), do: number(x) * 31 + 1
  defp number({x, y}), do: (number(x) * 31 + number(y)) * 31 + 2
  defp number({x, y, z}), do: ((number(x) * 31 + number(y)) * 31 + number(z)) * 31 + 3
  defp number(list) when is_list(list), do: Enum.reduce(list, length(list) + 7, &(&2 * 31 + number(&1)))
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a case for each of `INPUTS`, or why there is nothing.

    ``None`` is for an exception, and the text ``overflow`` for a number that 64 bits do not hold.
    """

    values: tuple[int | str | None, ...] = ()
    refusal: str = ""


@dataclass(frozen=True)
class Case:
    """An expression and its definitions, called by its file and line; ``checked``: numbers may become too large.

    ``refused``: Honey says that it does not have that.
    """

    name: str
    body: str
    definitions: str = ""
    checked: bool = False
    refused: bool = False

    @classmethod
    def of(cls, name: str, text: str) -> Case:
        """A case from its text."""
        found = _DEFINITION.search(text)
        at = len(text) if found is None else found.start()
        return cls(name, text[:at].rstrip(), text[at:].rstrip())

    @cached_property
    def names(self) -> frozenset[str]:
        """What it defines."""
        return frozenset(_DEFINED.findall(self.definitions))

    def renamed(self, number: int) -> Case:
        """The same with names of its own, for a module of several cases."""
        body, definitions = self.body, self.definitions
        for name in self.names:
            pattern = re.compile(rf"(?<![\w:.]){re.escape(name)}(?![\w:?!])")
            new = re.sub(r"[?!]?$", rf"_{number}\g<0>", name, count=1)
            body, definitions = (pattern.sub(new, text) for text in (body, definitions))
        return replace(self, body=body, definitions=definitions)


def read(path: Path) -> list[Case]:
    """The cases of a file, which blank lines stand between; lines that begin with `#` are comments.

    `# refused` before a case: Honey says that it does not have that.
    """
    cases, lines, start, refused = [], list[str](), 0, False
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), ""], 1):
        if line.startswith("#"):
            refused = refused or line == "# refused"
            continue
        if line:
            start = start if lines else number
            lines.append(line)
        elif lines:
            cases.append(replace(Case.of(f"{path.stem}:{start}", "\n".join(lines)), refused=refused))
            lines, refused = [], False
    return cases


def by_elixir(cases: Sequence[Case]) -> list[Found]:
    """What Elixir makes of the cases, all in one process; what it refuses is asked again, each on its own."""
    found: dict[int, Found] = {}
    for together in (_TOGETHER, 1):
        left = [number for number in range(len(cases)) if number not in found]
        groups = [left[at : at + together] for at in range(0, len(left), together)]
        answers = _asked([_elixir(f"Cases{group[0]}", [cases[n] for n in group]) for group in groups]) if groups else []
        for group, answer in zip(groups, answers, strict=True):
            rows = answer.split(";")
            if not answer.startswith("error ") or together == 1:
                found.update(
                    (n, _found(row)) for n, row in zip(group, rows if len(group) > 1 else [answer], strict=True)
                )
    return [found[number] for number in range(len(cases))]


def _asked(modules: Sequence[str]) -> list[str]:
    assert ELIXIR is not None
    lines = b"".join(base64.b64encode(module.encode()) + b"\n" for module in modules)
    inputs = [",".join(map(str, each)) for each in INPUTS]
    command = [ELIXIR, str(FOLDER / "evaluate.exs"), *inputs]
    done = subprocess.run(command, input=lines, capture_output=True, check=True, timeout=600)
    found = done.stdout.decode().splitlines()
    assert len(found) == len(modules), done.stdout[-2000:].decode()
    return found


def _found(line: str) -> Found:
    if line.startswith("error "):
        return Found(refusal=line)
    other = {"raise": None, "overflow": "overflow"}
    return Found(tuple(other[value] if value in other else int(value) for value in line.split()))


def _elixir(name: str, cases: Sequence[Case]) -> str:
    """A module of functions `run_N`; all of its cases are checked, or none is."""
    parts = [f"defmodule {name} do\n{_CHECKED if cases[0].checked else '  import Bitwise'}\n"]
    for number, case in enumerate(cases):
        assert case.checked == cases[0].checked
        one = case.renamed(number)
        parts.append(
            f"{_indented(one.definitions, 2)}\n  def run_{number}(a, b, c) do\n{_indented(one.body, 4)}\n  end\n"
        )
    text = "".join(parts) + "end\n"
    return re.sub(r"%(point|line)\{", lambda found: f"%{found[1].title()}{{", text)


def _indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line if line else "" for line in text.splitlines())


def honey_module(cases: Sequence[Case], values: Sequence[tuple[int, int, int] | None]) -> str:
    """A Honey module with a handler `case_N` for each case; ``values`` are those that it knows when it is compiled."""
    parts = [_HONEY_HEAD]
    for number, (case, known) in enumerate(zip(cases, values, strict=True)):
        one = case.renamed(number)
        bound = "" if known is None else "".join(f"    {x} = {v}\n" for x, v in zip("abc", known, strict=True))
        arguments = ("a, b, c", "numbers.a, numbers.b, numbers.c") if known is None else ("", "")
        parts.append(
            f"\n{_indented(one.definitions, 2)}\n"
            f"  # {case.name}\n"
            f"  defp run_{number}({arguments[0]}) do\n{bound}{_indented(one.body, 4)}\n  end\n\n"
            f'  @sec "xdp"\n  def case_{number}(ctx) do\n    numbers = Packet.at(ctx, 0, :numbers) || return(0)\n'
            f"    numbers.result = number(run_{number}({arguments[1]}))\n    numbers.done = 1\n    2\n  end\n"
        )
    return "".join(parts) + "end\n"


def packet(values: tuple[int, int, int]) -> bytes:
    """The packet with three numbers."""
    return _PACKET.pack(*values, 0, 0) + bytes(24)


def result(left: bytes) -> int | None:
    """What a handler wrote into its packet; ``None`` where it raised before that."""
    *_, value, done = _PACKET.unpack_from(left)
    return int(value) if done else None
