# SPDX-License-Identifier: Apache-2.0
"""Reading objects: programs, maps, types, lines, and a program with all it calls."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from harness.objects import BpfObject, Btf, ObjectError, link, read_btf, read_object
from harness.objects import types as t
from harness.objects.btf import VMLINUX
from harness.objects.insn import CALL, LD_IMM64, PSEUDO_CALL, PSEUDO_FUNC

SOURCE = Path(__file__).with_name("shapes.bpf.c")


def test_programs_and_functions(shapes: BpfObject) -> None:
    assert shapes.license == "Dual BSD/GPL"
    assert {name: (p.section, p.kind, p.hook) for name, p in shapes.programs.items()} == {
        "first": ("tracepoint/syscalls/sys_enter_write", "tracepoint", "syscalls/sys_enter_write"),
        "second": ("xdp.frags", "xdp.frags", "xdp"),
    }
    assert set(shapes.functions) == {"first", "second", "shared_function", "each"}


def test_maps_as_they_are_declared(shapes: BpfObject) -> None:
    plain = shapes.maps["plain_map"]
    assert (plain.type, plain.key_size, plain.value_size, plain.max_entries) == ("hash", 4, 32, 8)
    assert plain.value_type is not None
    assert shapes.btf.describe(plain.value_type) == "struct plain"
    sizes = shapes.maps["sizes_only"]
    assert (sizes.type, sizes.key_size, sizes.value_size) == ("lru_percpu_hash", 6, 24)
    assert (sizes.flags, sizes.pinned_by_name, sizes.per_cpu, sizes.key_type) == (2, True, True, None)
    assert (shapes.maps["ring"].type, shapes.maps["ring"].max_entries) == ("ringbuf", 65536)
    inner = shapes.maps["outer"].inner
    assert inner is not None
    assert (inner.type, inner.max_entries, inner.value_size) == ("array", 9, 4)


def test_data_sections_are_maps_with_contents(shapes: BpfObject) -> None:
    contents = {name: definition.initial for name, definition in shapes.maps.items() if definition.is_data}
    assert contents == {".data": struct.pack("<i", 3), ".rodata": struct.pack("<H", 500), ".bss": bytes(8)}
    assert not any(name.startswith(".") for name in shapes.declared_maps)


@pytest.mark.skipif(shutil.which("bpftool") is None, reason="bpftool is not installed")
@pytest.mark.parametrize("which", ["object", "kernel"])
def test_types_are_those_that_bpftool_shows(shapes: BpfObject, shapes_path: Path, which: str) -> None:
    if which == "kernel" and not VMLINUX.exists():
        pytest.skip("the kernel has no BTF")
    btf, path = (read_btf(), VMLINUX) if which == "kernel" else (shapes.btf, shapes_path)
    dumped = subprocess.run(
        ["bpftool", "-j", "btf", "dump", "file", str(path)], capture_output=True, check=True, timeout=60
    )
    shown = json.loads(dumped.stdout)["types"]
    assert len(btf) == len(shown) + 1
    every = 1 if which == "object" else 37
    for entry in shown[::every]:
        found = btf.type(entry["id"])
        assert found.name == entry["name"].replace("(anon)", "")
        if "size" in entry and not isinstance(found, t.DataSection):
            assert btf.size(entry["id"]) == entry["size"]
        if isinstance(found, t.Composite):
            mine = [(m.name or "(anon)", m.type, m.bit_offset, m.bit_size) for m in found.members]
            assert mine == [
                (m["name"], m["type_id"], m["bits_offset"], m.get("bitfield_size", 0)) for m in entry["members"]
            ]
        elif isinstance(found, t.Enum):
            assert [name for name, _ in found.values] == [value["name"] for value in entry["values"]]
        elif isinstance(found, (t.Alias, t.Pointer)):
            target = found.target
            assert target == entry["type_id"]


def test_linking_appends_what_is_called_once(shapes: BpfObject) -> None:
    linked = link(shapes, "second")
    assert [name for _, name in linked.functions] == ["second", "each", "shared_function"]
    starts = {start for start, _ in linked.functions}
    calls = [
        slot + 1 + insn.imm
        for slot, insn in enumerate(linked.insns)
        if (insn.code, insn.src) in {(CALL, PSEUDO_CALL), (LD_IMM64, PSEUDO_FUNC)}
    ]
    assert len(calls) == 3
    assert set(calls) <= starts
    assert linked.insn_count == len(linked.insns) - sum(insn.code == LD_IMM64 for insn in linked.insns)
    maps = {reference.name for reference in linked.references.values() if reference.kind == "map"}
    assert maps == {"nested_map", "shared_map", "wide_map", "plain_map"}


def test_every_instruction_has_the_line_it_came_from(shapes: BpfObject) -> None:
    linked = link(shapes, "first")
    lines = SOURCE.read_text(encoding="utf-8").splitlines()
    assert len(linked.lines) == len(linked.insns)
    for line in linked.lines:
        assert line is not None
        assert line.text == lines[line.line - 1].strip()
        assert Path(line.file).name == SOURCE.name


def test_files_that_are_no_objects_are_refused(tmp_path: Path) -> None:
    for content, words in ((b"", "ELF"), (b"\x7fELF nonsense", "ELF"), (Path("/bin/true").read_bytes(), "eBPF")):
        path = tmp_path / "broken.o"
        path.write_bytes(content)
        with pytest.raises(ObjectError, match=words) as caught:
            read_object(path)
        assert caught.value.path == str(path)
    with pytest.raises(ObjectError, match="No such file"):
        read_object(tmp_path / "missing.o")
    bare = tmp_path / "bare.o"
    command = ["clang", "-O2", "-target", "bpf", "-xc", "-", "-c", "-o", str(bare)]
    subprocess.run(command, input=b"int zero(void) { return 0; }", check=True, timeout=60)
    with pytest.raises(ObjectError, match="compile with -g"):
        read_object(bare)


@pytest.mark.parametrize(
    "content", [b"", b"\xeb\x9f" + bytes(40), struct.pack("<HBBIIIII", 0xEB9F, 2, 0, 24, 0, 0, 0, 1)]
)
def test_damaged_types_are_refused(content: bytes) -> None:
    with pytest.raises(ObjectError):
        Btf(content)
