# SPDX-License-Identifier: Apache-2.0
"""Programs that are dense in tests: look-ups, what is calculated from them, and truth values of both.

clang makes one test of several, and values of branches; what the verifier refuses of that shows where tests of entries,
of numbers in ranges, and of the packet's end are close to each other. A program is drawn as the number that a random
generator starts from: hypothesis has little to shrink in it, and draws evenly.
"""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st
from program_text import Generated

_VALUES = ("u8", "u16", "u32", "u64", "s8", "s32", "s64")
_CONSTANTS = (0, 1, 2, 3, 5, 7, 100, 127, 128, 200, 255, 256, 300, 500, 1000, 65535, 65536, 70000, 4294967295)
_WIDE = (4294967296, 9223372036854775807, -1, -5)
_AFTER = ("", "", " >>> 32", " >>> 8", " &&& 255", " * 2", " + 1")

_HEAD = """defmodule Tests do
  use Honey, license: "Dual BSD/GPL", trace: false
  import Honey.BpfHelpers
"""


class _Body:
    """Writes the statements of one handler, or of a function, of names that it has bound so far.

    ``functions`` are calls by the kind of what they give; ``packet``: whether there is a context.
    """

    def __init__(self, chance: Random, functions: dict[str, list[str]], *, packet: bool) -> None:
        self.chance = chance
        self.functions = functions
        self.packet = packet
        self.kind = "number"
        self.lines: list[str] = []
        self.entries: list[str] = []
        self.numbers = ["first", "second", "len"]
        self.truths: list[str] = []

    def write(self, kind: str = "number") -> list[str]:
        """The lines, the last of them the value: a ``number``, a ``truth`` value, or a ``pair`` of numbers."""
        self.kind = kind
        steps = (
            (4, self._entry),
            (4, self._found),
            (2, lambda: self._bind("n", self._number(2), self.numbers)),
            (3, lambda: self._bind("t", self._test(2), self.truths)),
            (3, lambda: self._bind("n", self._choice(self._test(2)), self.numbers)),
            (1, self._chosen_by_an_entry),
            (1, self._leave),
            (1, self._store),
            (1 if self.packet else 0, self._packet),
            (2 if self.functions else 0, self._call),
            (1, self._sum),
        )
        for _ in range(self.chance.randint(4, 14)):
            self.chance.choices([step for _, step in steps], [weight for weight, _ in steps])[0]()
        if kind == "truth":
            value = self._test(2)
        elif kind == "pair":
            value = f"{{{self._number(2)}, {self._number(2)}}}"
        else:
            value = self.chance.choice((self._number(2), self._choice(self._test(2))))
        return [*self.lines, value]

    def _leave(self) -> None:
        if self.kind == "number":
            self.lines.append(f"if {self._test(2)}, do: return({self._number(2)})")

    def _call(self) -> None:
        kind = self.chance.choice(list(self.functions))
        call = self._called(kind)
        if kind == "truth":
            self._bind("t", call, self.truths)
        elif kind == "number":
            self._bind("n", call, self.numbers)
        else:
            names = [f"{prefix}{len(self.lines)}" for prefix in ("l", "r")]
            self.lines.append(f"{{{', '.join(names)}}} = {call}")
            self.numbers += names

    def _called(self, kind: str) -> str:
        return self.chance.choice(self.functions[kind]).format(self._number(0))

    def _bind(self, prefix: str, value: str, names: list[str]) -> None:
        name = f"{prefix}{len(self.lines)}"
        self.lines.append(f"{name} = {value}")
        names.append(name)

    def _entry(self) -> None:
        self._bind("e", f"bpf_map_lookup_elem({self._map()}, {self._key()})", self.entries)

    def _found(self) -> None:
        found = f"bpf_map_lookup_elem({self._map()}, {self._key()}, {self._constant()})"
        self._bind("n", found + self.chance.choice(_AFTER), self.numbers)

    def _chosen_by_an_entry(self) -> None:
        if self.entries:
            entry = self.chance.choice(self.entries)
            value = self.chance.choice((entry, entry, self._constant()))
            other = self.chance.choice((self._constant(), self._number(1)))
            self._bind("n", f"if {entry} != nil, do: {value}, else: {other}", self.numbers)

    def _store(self) -> None:
        update = f"bpf_map_update_elem({self._map()}, {self._key()}, {self._number(1)})"
        self.lines.append(f"if {self._test(2)}, do: {update}")

    def _packet(self) -> None:
        at = self.chance.choice((2, 4, 6))
        self._bind("w", f"Honey.Packet.at(ctx, {at}, :u16) || return({self._number(2)})", self.numbers)

    def _sum(self) -> None:
        turns, op = self.chance.choice((1, 3, 9)), self.chance.choice(("+", "*", "|||"))
        value = self.chance.choice(("turn", self._number(0)))
        start = self._number(1)
        self._bind("n", f"Enum.reduce(0..{turns}, {start}, fn turn, sum -> sum {op} {value} end)", self.numbers)

    def _choice(self, test: str) -> str:
        one, other = (self.chance.choice((self._constant(), self._number(1))) for _ in range(2))
        return f"if {test}, do: {one}, else: {other}"

    def _map(self) -> str:
        return f":{self.chance.choice(_VALUES)}_of"

    def _key(self) -> str:
        return self.chance.choice(("first", "second", "first + 1", "len", "3", "3", "3", self._constant()))

    def _constant(self) -> str:
        return str(self.chance.choice(_CONSTANTS + _WIDE))

    def _number(self, depth: int) -> str:
        kind = self.chance.random()
        if depth == 0 or kind < 0.5:
            return self.chance.choice(self.numbers)
        if kind < 0.6:
            return self._constant()
        if kind < 0.65 and "number" in self.functions:
            return self._called("number")
        inner = self._number(depth - 1)
        if kind < 0.7:
            return f"({inner} {self.chance.choice(('>>>', '<<<'))} {self.chance.choice((1, 4, 8, 16, 31, 32, 48))})"
        if kind < 0.8:
            return f"({inner} &&& {self.chance.choice((1, 15, 255, 65535))})"
        if kind < 0.9:
            other = self.chance.choice((self._constant(), self._number(depth - 1)))
            return f"({inner} {self.chance.choice(('+', '-', '*', '|||'))} {other})"
        return f"rem({inner}, {self.chance.choice((2, 10, 100))})"

    def _test(self, depth: int) -> str:
        kind = self.chance.random()
        if kind < 0.3 and self.entries:
            return f"{self.chance.choice(self.entries)} {self.chance.choice(('==', '!='))} nil"
        if kind < 0.4 and self.truths:
            return self.chance.choice(("", "not ")) + self.chance.choice(self.truths)
        if kind < 0.7 or depth == 0:
            other = self.chance.choice((self._constant(), self._constant(), self._number(0)))
            return f"{self._number(1)} {self.chance.choice(('<', '>', '<=', '>=', '==', '!='))} {other}"
        return f"({self._test(depth - 1)} {self.chance.choice(('and', 'or'))} {self._test(depth - 1)})"


@st.composite
def dense_in_tests(draw: st.DrawFn, *, handlers: int = 4) -> Generated:
    """A module of ``handlers`` handlers whose statements test what those before have found."""
    chance = Random(draw(st.integers(0, 1 << 40)))
    maps = [f"  defmap(:{one}_of, :bpf_hash, key_type: :u8, value_type: :{one}, max_entries: 64)\n" for one in _VALUES]
    lines = [_HEAD, *maps]
    functions: dict[str, list[str]] = {}
    for number, kind in enumerate(("number", "number", "truth", "pair")):
        body = _Body(chance, dict(functions), packet=False)
        lines.append(f"\n  defp function{number}(first, second, len) do\n")
        lines += [f"    {line}\n" for line in body.write(kind)]
        lines.append("  end\n")
        functions.setdefault(kind, []).append(f"function{number}(first, {{}}, len)")
    named = []
    for number in range(handlers):
        named.append((f"handler{number}", "tc"))
        lines.append(f'\n  @sec "tc"\n  def handler{number}(ctx) do\n')
        lines.append("    first = Honey.Packet.at(ctx, 0, :u8) || return(0)\n")
        lines.append("    second = Honey.Packet.at(ctx, 1, :u16) || return(0)\n    len = ctx.len\n")
        lines += [f"    {line}\n" for line in _Body(chance, functions, packet=True).write()]
        lines.append("  end\n")
    return Generated(text="".join([*lines, "end\n"]), handlers=tuple(named))
