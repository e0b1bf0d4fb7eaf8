# SPDX-License-Identifier: Apache-2.0
"""What the translation of one program knows of its surroundings, and the texts it makes for memory and maps."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, Final

from harness.objects.link import Linked
from harness.sim import alu
from harness.sim.helper_table import Helper
from harness.sim.memory import M32
from harness.sim.state import TOP, Range, State

#: Struct codes of unsigned numbers by size; capitals in lower case are the signed ones.
CODES: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}
FRAME_SIZE: Final = 512


@dataclass(frozen=True, slots=True)
class Region:
    """A region whose address is known while translating.

    The generated code knows its bytes as ``name``, and with ``views`` (for regions that never change their size) as
    ``name`` + struct code, a view as numbers. ``size`` is how much of it a program may touch. A ``rewritten`` region
    is a packet program's context: a list of fields in place of bytes.
    """

    name: str
    base: int
    size: int
    views: bool = True
    rewritten: bool = False


@dataclass(frozen=True, slots=True)
class PacketFields:
    """A packet program's context: offsets of the fields that hold packet addresses, and of the eight-byte fields."""

    size: int
    pointers: frozenset[int]
    wide: frozenset[int] = frozenset()


@dataclass(slots=True)
class Unit:
    """One program under translation.

    ``values`` are the 64-bit immediates after relocation, by slot; ``broken`` says why a slot cannot run;
    ``maps`` and ``functions`` are found by address. ``slow_access`` is set where a program may follow pointers that
    lead out of its own memory.

    Filled in by the translation: ``entries``, what is known of r1 to r5 where a function begins; ``inputs``, which of
    them it reads; ``called``, the helpers in use; ``low_water``, the lowest offset that a function uses of its frame;
    ``reads_context``, whether what is in the context matters at all.
    """

    linked: Linked
    values: dict[int, int]
    broken: dict[int, str]
    helpers: dict[int, Helper]
    regions: dict[int, Region]
    maps: dict[int, Any]
    functions: dict[int, int]
    frames: dict[int, Region]
    context: Region
    fields: PacketFields | None = None
    packet_range: Range = TOP
    slow_access: bool = False
    names: dict[str, Any] = field(default_factory=dict)
    called: set[int] = field(default_factory=set)
    low_water: dict[int, int] = field(default_factory=dict)
    reads_context: bool = False
    entries: dict[int, State] = field(default_factory=dict)
    inputs: dict[int, set[int]] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    joins: dict[int, int] = field(default_factory=dict)

    def region_of(self, low: int, high: int) -> Region | None:
        """The region that holds every address from ``low`` to ``high``."""
        return self.regions.get(low >> 32) if low >> 32 == high >> 32 else None

    def expose(self, prefix: str, thing: Any) -> str:
        """A name for ``thing`` in the generated code."""
        name = f"{prefix}{len(self.names)}"
        for known, value in self.names.items():
            if value is thing and known.startswith(prefix):
                return known
        self.names[name] = thing
        return name


def namespace_of_structs() -> dict[str, Any]:
    """``load_I``, ``store_I``, ... for every size and sign."""
    names: dict[str, Any] = {"int_from": int.from_bytes}
    for code in "BHIQbhiq":
        layout = struct.Struct("<" + code)
        names[f"load_{code}"] = layout.unpack_from
        names[f"store_{code}"] = layout.pack_into
    return names


@dataclass(frozen=True, slots=True)
class Place:
    """Where a load or store goes: a container and an index into it, both as text."""

    container: str
    index: str
    direct: bool

    def load(self, code: str) -> str:
        """The number there."""
        return f"{self.container}[{self.index}]" if self.direct else f"load_{code}({self.container}, {self.index})[0]"

    def store(self, code: str, value: str) -> str:
        """The statement that stores ``value`` (which must fit)."""
        if self.direct:
            return f"{self.container}[{self.index}] = {value}"
        return f"store_{code}({self.container}, {self.index}, {value})"


def place_in(region: Region, base: alu.Operand, offset: int, size: int, code: str) -> Place | None:
    """The place ``offset`` bytes after ``base``, which lies in ``region``; None where it is out of bounds for sure."""
    low = base.low + offset
    at = low & M32
    if at + size > region.size:
        return None
    if not base.constant:
        index = f"{base.text} - {region.base - offset:#x}"
        return Place(region.name, index, direct=size == 1 and code == "B")
    if size == 1 and code == "B":
        return Place(region.name, str(at), direct=True)
    if region.views and at % size == 0:
        return Place(region.name + code, str(at // size), direct=True)
    return Place(region.name, str(at), direct=False)
