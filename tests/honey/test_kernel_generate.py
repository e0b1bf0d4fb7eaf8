# SPDX-License-Identifier: Apache-2.0
"""The generator of the kernel's facts: BTF of compiled C comes back as the types that were written."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from honey.kernel.generate.__main__ import main
from honey.kernel.generate.btf import Btf, Kind, parse
from honey.kernel.generate.ctext import type_from_text
from honey.kernel.generate.encode import encode_members, encode_type
from honey.kernel.generate.functions import function_records
from honey.kernel.generate.syscalls import syscall_records
from honey.kernel.generate.table import write_table
from honey.kernel.layout import KernelStruct, decode_members, decode_type, spell, spell_field
from honey.kernel.table import Table

SOURCE = """
typedef unsigned short __be16;
struct other;
enum colour { RED, GREEN };
typedef struct { int counter; } count_t;
struct sample {
    const char *name;
    __be16 port;
    unsigned int low : 3, high : 7;
    union { long whole; struct { int first, second; }; };
    struct other *next;
    int (*callback)(int);
    enum colour colour;
    count_t count;
    volatile unsigned long long table[2][3];
} sample;
int work(struct sample *sample, long times) { return times; }
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Btf:
    if shutil.which("clang") is None:
        pytest.skip("clang, which makes the BTF to read, is not installed")
    target = tmp_path_factory.mktemp("btf") / "sample.o"
    subprocess.run(
        ["clang", "-target", "bpf", "-g", "-O1", "-x", "c", "-c", "-o", target, "-"],
        input=SOURCE,
        text=True,
        check=True,
    )
    with target.open("rb") as file:
        section = ELFFile(file).get_section_by_name(".BTF")
        assert section is not None
        return parse(section.data())


def struct(btf: Btf, name: str) -> KernelStruct:
    type_ = next(type_ for type_ in btf.of_kind(Kind.STRUCT) if type_.name == name)
    return KernelStruct("struct", name, type_.size, decode_members(encode_members(btf, type_)))


def test_members_come_back_as_written(compiled: Btf) -> None:
    sample = struct(compiled, "sample")
    assert [spell_field(field) for field in sample.fields()] == [
        "char *name",
        "__be16 port",
        "unsigned int low:3",
        "unsigned int high:7",
        "long whole",
        "int first",
        "int second",
        "struct other *next",
        "void *callback",
        "__u32 colour",
        "struct { int counter; } count",
        "unsigned long long table[2][3]",
    ]


def test_offsets_are_those_of_the_whole_struct(compiled: Btf) -> None:
    fields = {field.name: field for field in struct(compiled, "sample").fields()}
    assert (fields["port"].offset, fields["whole"].offset, fields["second"].offset) == (8, 16, 20)
    assert (fields["high"].offset, fields["high"].bit_offset, fields["high"].bit_size) == (8, 19, 7)


def test_functions_keep_their_parameters(compiled: Btf) -> None:
    result, parameters = function_records(compiled)["work"]
    assert spell(decode_type(result)) == "int"
    assert [spell(decode_type(type_), name) for name, type_ in parameters] == ["struct sample *sample", "long times"]


def test_what_is_no_btf_is_refused() -> None:
    with pytest.raises(ValueError, match="not a BTF section"):
        parse(bytes(24))


def test_every_type_can_be_written_and_read_back(compiled: Btf, tmp_path: Path) -> None:
    records = {
        f"type{type_.id}": encode_type(compiled, type_.id)
        for type_ in compiled.of_kind(Kind.STRUCT, Kind.TYPEDEF, Kind.PTR, Kind.ARRAY, Kind.INT)
    }
    path = tmp_path / "sample.bin"
    write_table(path, records, title="sample", source="a compiler")
    table = Table(path)
    assert {name: table.get(name) for name in table.names()} == records
    assert table.get("type") is None


def test_tables_of_many_blocks_find_each_record_and_are_always_the_same(tmp_path: Path) -> None:
    records: dict[str, Any] = {f"key{number:05}": ["é", number] for number in range(5000)}
    first, second = tmp_path / "first.bin", tmp_path / "second.bin"
    write_table(first, records, title="t", source="s")
    write_table(second, dict(reversed(records.items())), title="t", source="s")
    assert first.read_bytes() == second.read_bytes()
    table = Table(first)
    assert all(table.get(name) == record for name, record in records.items())
    assert table.get("key") is table.get("key99999") is table.get("key000001") is None


def test_empty_table(tmp_path: Path) -> None:
    path = tmp_path / "empty.bin"
    write_table(path, {}, title="t", source="s")
    assert Table(path).names() == ()
    assert Table(path).get("a") is None


TYPES = {"iovec": {"s": [16, []]}, "pid_t": {"t": "int"}, "colour": {"e": [4, 1]}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("const struct iovec *", "struct iovec *p"),
        ("const char *const *", "char **p"),
        ("unsigned", "unsigned int p"),
        ("pid_t", "int p"),
        ("const enum colour", "__s32 p"),
        ("struct unheard_of *", "struct unheard_of *p"),
        ("void *", "void *p"),
    ],
)
def test_types_are_read_from_text(text: str, expected: str) -> None:
    assert spell(decode_type(type_from_text(text, TYPES)), "p") == expected


def test_unknown_type_names_are_refused() -> None:
    with pytest.raises(ValueError, match="no type is called 'unheard_of_t'"):
        type_from_text("unheard_of_t *", TYPES)


def test_formats_of_system_calls_give_their_arguments() -> None:
    text = """
name: sys_enter_readv
format:
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;
\tfield:unsigned long fd;\toffset:16;\tsize:8;\tsigned:0;
\tfield:const struct iovec * vec;\toffset:24;\tsize:8;\tsigned:0;
"""
    records = syscall_records({"syscalls/sys_enter_readv": text, "sched/sched_switch": ""}, TYPES)
    assert records == {"readv": [19, [["fd", "unsigned long"], ["vec", ["*", ["s", "iovec", 16]]]]]}


def test_a_file_that_is_no_kernel_is_said_to_be_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "vmlinuz"
    image.write_bytes(bytes(4096))
    assert main(["--image", str(image), "--output", str(tmp_path)]) == 2
    assert "is no kernel image" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["vmlinuz"]
