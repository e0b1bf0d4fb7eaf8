# SPDX-License-Identifier: Apache-2.0
"""Reading an eBPF object (relocatable ELF) as clang, Honey or another compiler wrote it."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.objects import btf as b
from harness.objects import types as t
from harness.objects.btf import Btf
from harness.objects.errors import ObjectError
from harness.objects.ext import BtfExt, CoreRelocation, Line, parse_ext
from harness.objects.insn import Insn, count_insns, decode_insns
from harness.objects.maps import DATA_SECTIONS, MapDefinition, map_definition

EM_BPF: Final = "EM_BPF"
SHF_EXECINSTR: Final = 4
TEXT: Final = ".text"


@dataclass(frozen=True, slots=True)
class Relocation:
    """What the instruction at byte ``offset`` of its section refers to.

    ``symbol`` is the symbol's name (a section's name for a section symbol), ``section`` where it is defined ("" for
    an undefined one) and ``value`` its offset there.
    """

    offset: int
    symbol: str
    section: str
    value: int


@dataclass(frozen=True, slots=True)
class Function:
    """A function symbol: its ``code`` is the bytes ``offset .. offset + len(code)`` of ``section``."""

    name: str
    section: str
    offset: int
    code: bytes

    @property
    def insns(self) -> list[Insn]:
        """Its slots."""
        return decode_insns(self.code)

    @property
    def insn_count(self) -> int:
        """Instructions, a 64-bit load counted once."""
        return count_insns(self.insns)


@dataclass(frozen=True, slots=True)
class Program(Function):
    """A function that can be loaded and attached; its ``section`` is libbpf's section name."""

    @property
    def kind(self) -> str:
        """The part of the section name before the first slash: ``tracepoint``, ``xdp``, ..."""
        return self.section.lstrip("?").partition("/")[0]

    @property
    def hook(self) -> str:
        """What an event calls this hook: ``syscalls/sys_enter_sendto``, ``xdp``, ``tc``, ``socket``."""
        section = self.section.lstrip("?")
        kind, _, target = section.partition("/")
        if kind in {"tracepoint", "tp", "raw_tracepoint", "raw_tp", "tp_btf"}:
            return target
        return {"classifier": "tc", "tcx": "tc", "action": "tc"}.get(kind.partition(".")[0], kind.partition(".")[0])


@dataclass(frozen=True, slots=True)
class BpfObject:
    """All of an object that matters here. Mappings keep the order of the file.

    ``functions`` holds every function, programs included, by name; ``relocations`` by (section, byte offset);
    ``core_relocations`` and ``lines`` likewise. ``data`` holds the content of the data sections.
    """

    path: str
    license: str
    btf: Btf
    programs: Mapping[str, Program]
    functions: Mapping[str, Function]
    maps: Mapping[str, MapDefinition]
    relocations: Mapping[tuple[str, int], Relocation]
    ext: BtfExt = field(default_factory=BtfExt)

    @property
    def lines(self) -> Mapping[tuple[str, int], Line]:
        """Source lines by (section, byte offset) where a line begins; see :meth:`line_at`."""
        return self.ext.lines

    @property
    def core_relocations(self) -> Mapping[tuple[str, int], CoreRelocation]:
        """CO-RE relocations by (section, byte offset)."""
        return self.ext.relocations

    def function_at(self, section: str, offset: int) -> Function | None:
        """The function that holds byte ``offset`` of ``section``."""
        for function in self.functions.values():
            if function.section == section and 0 <= offset - function.offset < len(function.code):
                return function
        return None

    def line_table(self, function: Function) -> list[Line | None]:
        """The source line of each slot of ``function``.

        Where the compiler names line 0, which is no line, the one before goes on.
        """
        starts = [at for (section, at), line in self.lines.items() if section == function.section and line.line]
        starts = sorted(at for at in starts if 0 <= at - function.offset < len(function.code))
        table: list[Line | None] = []
        for at in range(function.offset, function.offset + len(function.code), 8):
            index = bisect_right(starts, at)
            table.append(self.lines[function.section, starts[index - 1]] if index else None)
        return table

    @property
    def declared_maps(self) -> Mapping[str, MapDefinition]:
        """The maps the source declares, without the data sections."""
        return {name: definition for name, definition in self.maps.items() if not definition.is_data}


def read_object(path: Path | str) -> BpfObject:
    """Read the object at ``path``.

    Raises :class:`ObjectError` where the file cannot be read or is not an eBPF object with BTF.
    """
    try:
        return parse_object(Path(path).read_bytes(), str(path))
    except OSError as error:
        raise ObjectError(error.strerror or str(error), str(path)) from error


def parse_object(data: bytes, path: str = "") -> BpfObject:
    """Like :func:`read_object`, for the bytes of an object; ``path`` is for messages."""
    try:
        return _Reader(data, path).read()
    except ELFError as error:
        raise ObjectError(f"not a readable ELF file ({error})", path) from error
    except ObjectError as error:
        raise ObjectError(error.message, path) from error


class _Reader:
    """Takes one ELF file apart."""

    def __init__(self, data: bytes, path: str) -> None:
        self.path = path
        self.elf = ELFFile(io.BytesIO(data))
        if self.elf["e_machine"] != EM_BPF or not self.elf.little_endian:
            raise ObjectError("not a little-endian eBPF object", path)
        self.sections: list[Any] = list(self.elf.iter_sections())
        self.names: list[str] = [section.name for section in self.sections]
        self.symbols: list[Any] = []
        for section in self.sections:
            if section["sh_type"] == "SHT_SYMTAB":
                self.symbols = list(section.iter_symbols())

    def read(self) -> BpfObject:
        blob = self._content(".BTF")
        if blob is None:
            raise ObjectError("no BTF: compile with -g")
        btf = Btf(blob)
        ext = self._content(".BTF.ext")
        functions = self._functions()
        relocations = self._relocations()
        return BpfObject(
            path=self.path,
            license=(self._content("license") or b"").split(b"\0")[0].decode("utf-8", "replace"),
            btf=btf,
            programs={name: found for name, found in functions.items() if isinstance(found, Program)},
            functions=functions,
            maps=self._declared_maps(btf, relocations) | self._data_maps(btf),
            relocations=relocations,
            ext=parse_ext(ext, btf) if ext else BtfExt(),
        )

    def _content(self, name: str) -> bytes | None:
        if name not in self.names:
            return None
        section = self.sections[self.names.index(name)]
        if section["sh_type"] == "SHT_NOBITS":
            return bytes(section["sh_size"])
        content: bytes = section.data()
        return content

    def _section_of(self, symbol: Any) -> str:
        index = symbol["st_shndx"]
        return self.names[index] if isinstance(index, int) else ""

    def _functions(self) -> dict[str, Function]:
        found: list[Function] = []
        for symbol in self.symbols:
            section = self._section_of(symbol)
            if symbol["st_info"]["type"] != "STT_FUNC" or not section:
                continue
            start, size = symbol["st_value"], symbol["st_size"]
            content = self._content(section) or b""
            make = Function if section == TEXT else Program
            found.append(make(symbol.name, section, start, content[start : start + size]))
        found.sort(key=lambda function: (self.names.index(function.section), function.offset))
        return {function.name: function for function in found}

    def _relocations(self) -> dict[tuple[str, int], Relocation]:
        found: dict[tuple[str, int], Relocation] = {}
        for table in self.sections:
            if table["sh_type"] not in {"SHT_REL", "SHT_RELA"}:
                continue
            target = self.sections[table["sh_info"]]
            if not (target["sh_flags"] & SHF_EXECINSTR or target.name == ".maps"):
                continue
            for entry in table.iter_relocations():
                symbol = self.symbols[entry["r_info_sym"]]
                section = self._section_of(symbol)
                at = entry["r_offset"]
                found[target.name, at] = Relocation(at, symbol.name or section, section, symbol["st_value"])
        return found

    def _declared_maps(self, btf: Btf, relocations: Mapping[tuple[str, int], Relocation]) -> dict[str, MapDefinition]:
        if "maps" in self.names:
            raise ObjectError('maps in the section "maps" are not BTF-defined; declare them in ".maps"')
        offsets = {
            symbol.name: (symbol["st_value"], symbol["st_size"])
            for symbol in self.symbols
            if self._section_of(symbol) == ".maps" and symbol["st_info"]["type"] == "STT_OBJECT"
        }
        found: dict[str, MapDefinition] = {}
        section_id = btf.find(".maps", b.DATASEC)
        section = btf.type(section_id) if section_id is not None else None
        for variable_id, _, _ in section.variables if isinstance(section, t.DataSection) else ():
            variable = btf.type(variable_id)
            if not isinstance(variable, t.Variable) or variable.name not in offsets:
                raise ObjectError(f"map {btf.name(variable_id)} has no symbol")
            targets = self._targets(btf, variable, offsets[variable.name], relocations)
            found[variable.name] = map_definition(btf, variable.name, variable.type, targets)
        return dict(sorted(found.items(), key=lambda item: offsets[item[0]][0]))

    @staticmethod
    def _targets(
        btf: Btf,
        variable: t.Variable,
        place: tuple[int, int],
        relocations: Mapping[tuple[str, int], Relocation],
    ) -> tuple[str | None, ...]:
        """Names in ``values = {...}``, by slot."""
        declaration = btf.resolved(variable.type)
        start, size = place
        if not isinstance(declaration, t.Composite) or not declaration.members:
            return ()
        last = declaration.members[-1]
        if last.name != "values":
            return ()
        first = start + last.bit_offset // 8
        entries = [relocations.get((".maps", at)) for at in range(first, start + size, 8)]
        return tuple(entry.symbol if entry else None for entry in entries)

    def _data_maps(self, btf: Btf) -> dict[str, MapDefinition]:
        found = {}
        for name in self.names:
            if not any(name == prefix or name.startswith(prefix + ".") for prefix in DATA_SECTIONS):
                continue
            content = self._content(name) or b""
            if not content:
                continue
            type_id = btf.find(name, b.DATASEC)
            if type_id is not None:
                symbols = [symbol for symbol in self.symbols if self._section_of(symbol) == name]
                btf.place_section(type_id, len(content), {s.name: s["st_value"] for s in symbols})
            found[name] = MapDefinition(
                name=name,
                type="array",
                key_size=4,
                value_size=len(content),
                max_entries=1,
                value_type=type_id,
                initial=content,
            )
        return found
