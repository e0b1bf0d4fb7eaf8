# SPDX-License-Identifier: Apache-2.0
"""C identifiers for what the source names: legal, unique where they are visible, as close to the source as can be."""

from __future__ import annotations

import re
from collections.abc import Iterable

from honey.records import dataclass, field

_WORDS = (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm typeof "
    "bool true false offsetof barrier barrier_var main"
)
KEYWORDS = frozenset(_WORDS.split())
"""C's words, and names with a meaning of their own: the headers' lower-case macros, C23's keywords, ``main``."""

_RESERVED = re.compile(
    r"(?:__|_[A-Z]|bpf_|BPF_|SEC$|KERNEL_VERSION$|LICENSE$|NULL$|READ_ONCE$|size_t$|\w+_packet_(?:at|near|from)$)"
)
"""Names that belong to the compiler, the kernel's headers or libbpf's."""

_FUNCTIONS = """
apart at_least at_most atomic_add atomic_add_u32 div_s64 div_u64 forget likely mod_s64 new_entry opaque outcome
stay_here unknown_zero unlikely
"""
_OWN = frozenset(_FUNCTIONS.split())
"""What the functions and macros are called that an emitted file may begin with."""


def identifier(name: str) -> str:
    """``name`` as C can write it: ``empty?`` is ``empty``, letters that C does not know are spelt by their code."""
    text = member_name(name)
    return f"{text}_" if text in _OWN or _RESERVED.match(text) else text


def member_name(name: str) -> str:
    """The same for a struct's field, whose name may also be one that belongs to the kernel."""
    text = "".join(
        char if char.isascii() and (char.isalnum() or char == "_") else "" if char in "?!" else f"_u{ord(char):x}"
        for char in name
    )
    if not text or text[0].isdigit():
        text = f"_{text}"
    return f"{text}_" if text in KEYWORDS else text


def member_path(path: str) -> str:
    """A dotted path of fields."""
    return ".".join(member_name(name) for name in path.split("."))


@dataclass(slots=True)
class Scope:
    """The names taken in a block and in the blocks around it; leaving the block frees its own."""

    outer: Scope | None = None
    own: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)

    def taken(self, name: str) -> bool:
        """Whether ``name`` means something here already."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.own:
                return True
            scope = scope.outer
        return False

    def new(self, wanted: str) -> str:
        """Take and give ``wanted``, or the first of ``wanted_2``, ``wanted_3``, ... that is free."""
        base = identifier(wanted)
        number = self._last_number(base)
        name = base if number == 1 else f"{base}_{number}"
        while self.taken(name):
            number += 1
            name = f"{base}_{number}"
        self.own.add(name)
        self.numbers[base] = number
        return name

    def _last_number(self, base: str) -> int:
        """The last number given to a name of this ``base`` here; those before it are taken."""
        scope: Scope | None = self
        found = 1
        while scope is not None:
            found = max(found, scope.numbers.get(base, 1))
            scope = scope.outer
        return found

    def inner(self) -> Scope:
        """The scope of a block inside this one."""
        return Scope(self)


def assign(names: Iterable[str], scope: Scope) -> dict[str, str]:
    """A C identifier for each name, all different and taken in ``scope``."""
    return {name: scope.new(name) for name in names}
