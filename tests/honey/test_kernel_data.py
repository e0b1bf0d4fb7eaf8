# SPDX-License-Identifier: Apache-2.0
"""The kernel's types: layouts checked against independent witnesses, C spellings, and what one look-up costs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from honey.kernel import types
from honey.kernel.generate import btf
from honey.kernel.generate.encode import encode_members
from honey.kernel.layout import (
    KernelEnum,
    KernelPointer,
    KernelStruct,
    KernelStructRef,
    big_endian_bits,
    decode_members,
    honey_name,
    spell,
    spell_field,
)
from honey.kernel.table import DATA_FOLDER, Table, TableError

RUNNING_BTF = Path("/sys/kernel/btf/vmlinux")


def known(name: str) -> KernelStruct:
    found = types.struct(name)
    assert found is not None
    return found


class TestTypes:
    def test_fields_have_offsets_and_wire_order(self) -> None:
        address = known("sockaddr_in")
        assert [(field.name, field.offset, honey_name(field.type)) for field in address.fields()][:2] == [
            ("sin_family", 0, "u16"),
            ("sin_port", 2, "be16"),
        ]
        inner = address.field("sin_addr")
        assert inner is not None
        nested = types.members_of(inner.type)
        assert nested is not None
        (word,) = nested.fields()
        assert (word.name, word.offset, big_endian_bits(word.type)) == ("s_addr", 0, 32)

    def test_nested_struct_is_a_reference_with_size(self) -> None:
        field = known("msghdr").field("msg_iter")
        assert field is not None
        assert field.type == KernelStructRef("struct", "iov_iter", 40)

    def test_anonymous_members_are_found_at_their_offset_in_the_whole(self) -> None:
        common = known("sock_common")
        assert [common.field(name).offset for name in ("skc_daddr", "skc_rcv_saddr", "skc_dport")] == [0, 4, 12]  # type: ignore[union-attr]

    def test_bit_fields(self) -> None:
        ihl, version = (known("iphdr").field(name) for name in ("ihl", "version"))
        assert ihl is not None
        assert version is not None
        assert (ihl.offset, ihl.bit_offset, ihl.bit_size) == (0, 0, 4)
        assert (version.offset, version.bit_offset, version.bit_size) == (0, 4, 4)
        assert spell_field(ihl) == "__u8 ihl:4"

    def test_typedefs_lead_to_structs(self) -> None:
        assert known("spinlock_t").spelling == "struct spinlock"
        assert known("atomic_t").spelling == "atomic_t"
        typedef = types.typedef("__be32")
        assert typedef is not None
        assert typedef.size == 4

    def test_enumerations(self) -> None:
        assert types.enum("pid_type") == KernelEnum("pid_type", 4, False)
        assert types.enum("task_struct") is None

    @pytest.mark.parametrize("name", ["no_such_struct", "", "a\nb", "a\tb", "ü"])
    def test_unknown_names_give_none(self, name: str) -> None:
        assert types.struct(name) is None
        assert types.typedef(name) is None

    def test_types_of_user_space_only_are_told_apart(self) -> None:
        storage = known("sockaddr_storage")
        assert (storage.size, storage.relocatable) == (128, False)
        assert known("sockaddr_in").relocatable

    def test_headers_and_stability(self) -> None:
        assert known("xdp_md").header == "linux/bpf.h"
        assert known("user_msghdr").header == ""
        assert known("user_msghdr").stable
        # The kernel's msghdr is not the one of libc; a task has no fixed layout at all.
        assert not known("msghdr").stable
        assert not known("task_struct").stable

    def test_every_type_decodes_and_its_fields_lie_within_it(self) -> None:
        for name in types.names():
            struct = types.struct(name)
            for field in struct.fields() if struct is not None else ():
                end = field.offset + (-(-(field.bit_offset + field.bit_size) // 8) or field.type.size)
                assert struct is not None
                assert end <= struct.size, (name, field)

    @pytest.mark.skipif(shutil.which("clang") is None, reason="clang, the witness for layouts, is not installed")
    def test_compiler_sees_the_same_layout_in_the_header(self, tmp_path: Path) -> None:
        names = ["sockaddr_in", "sockaddr_in6", "iphdr", "ipv6hdr", "tcphdr", "udphdr", "ethhdr", "iovec", "xdp_md"]
        structs = [known(name) for name in [*names, "__sk_buff", "bpf_sock_addr", "bpf_sock_ops", "bpf_fib_lookup"]]
        lines = sorted({f"#include <{struct.header}>" for struct in structs})
        for struct in structs:
            lines.append(f'_Static_assert(sizeof({struct.spelling}) == {struct.size}, "{struct.name}");')
            lines += [
                f'_Static_assert(__builtin_offsetof({struct.spelling}, {field.name}) == {field.offset}, "offset");'
                for field in struct.fields()
                if not field.bit_size
            ]
        source = tmp_path / "layout.c"
        source.write_text("\n".join(lines))
        result = subprocess.run(["clang", "-fsyntax-only", source], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr

    @pytest.mark.skipif(not RUNNING_BTF.exists(), reason="this machine's kernel has no BTF to compare with")
    def test_stable_types_have_their_fields_at_the_same_place_in_the_running_kernel(self) -> None:
        running = btf.parse(RUNNING_BTF.read_bytes())
        compared = 0
        for type_ in running.of_kind(btf.Kind.STRUCT):
            ours = types.struct(type_.name)
            if ours is None or not ours.stable or ours.keyword != "struct" or ours.name != type_.name:
                continue
            theirs = KernelStruct("struct", "", type_.size, decode_members(encode_members(running, type_)))
            # What is reserved is there to be taken by newer kernels.
            for field in (field for field in ours.fields() if not re.search("reserved|spare|^res1$", field.name)):
                other = theirs.field(field.name)
                assert other is None or (other.offset, other.bit_offset) == (field.offset, field.bit_offset), type_.name
                compared += 1
        assert compared > 500


class TestSpelling:
    @pytest.mark.parametrize(
        ("struct", "field", "expected"),
        [
            ("user_msghdr", "msg_iov", "struct iovec *msg_iov"),
            ("user_msghdr", "msg_name", "void *msg_name"),
            ("trace_event_raw_sys_enter", "args", "unsigned long args[6]"),
            ("trace_event_raw_sys_enter", "__data", "char __data[]"),
            ("sockaddr_in", "sin_port", "__be16 sin_port"),
            ("sockaddr_in", "sin_family", "unsigned short sin_family"),
            ("file_operations", "llseek", "void *llseek"),
            ("task_struct", "comm", "char comm[16]"),
            ("file", "f_count", "struct { __s64 counter; } f_count"),
        ],
    )
    def test_declarations_need_no_other_declaration(self, struct: str, field: str, expected: str) -> None:
        found = known(struct).field(field)
        assert found is not None
        assert spell_field(found) == expected

    def test_pointer_to_array(self) -> None:
        integers = known("in6_addr").field("in6_u")
        assert integers is not None
        words = types.members_of(integers.type)
        assert words is not None
        array = words.field("u6_addr32")
        assert array is not None
        assert spell(KernelPointer(array.type), "p") == "__be32 (*p)[4]"


TABLES = ("types", "functions", "syscalls", "tracepoints", "helpers", "constants")


def fresh_tables() -> Iterator[Table]:
    return (Table(Path(DATA_FOLDER, f"{name}.bin")) for name in TABLES)


class TestCost:
    def test_opening_decodes_nothing(self) -> None:
        for table in fresh_tables():
            assert (table.decoded_records, table.inflated_bytes) == (0, 0)

    def test_one_look_up_decodes_one_record_of_one_block(self) -> None:
        for table in fresh_tables():
            name = table.names()[table.count // 2]
            before = table.inflated_bytes
            assert table.get(name) is not None
            assert table.decoded_records == 1
            assert table.inflated_bytes - before <= 64 * 1024, table.name
            table.get(name)
            assert table.inflated_bytes - before <= 64 * 1024, "a block is inflated once"

    def test_names_decode_no_record(self) -> None:
        for table in fresh_tables():
            assert len(table.names()) == table.count
            assert table.decoded_records == 0

    def test_a_program_of_the_usual_kind_needs_little(self) -> None:
        table = Table(Path(DATA_FOLDER, "types.bin"))
        for name in ("trace_event_raw_sys_enter", "sockaddr_in", "in_addr", "user_msghdr", "msghdr", "iov_iter"):
            assert table.get(name) is not None
        assert table.decoded_records == 6
        assert table.inflated_bytes < 150_000

    def test_committed_data_stays_small_and_names_its_source(self) -> None:
        assert sum(path.stat().st_size for path in Path(DATA_FOLDER).iterdir()) < 3_000_000
        for table in fresh_tables():
            assert "Debian" in table.source


class TestDamage:
    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(TableError, match=r"cannot read the kernel data file types\.bin"):
            Table(tmp_path / "types.bin")

    def test_truncated_file(self, tmp_path: Path) -> None:
        path = tmp_path / "syscalls.bin"
        path.write_bytes(Path(DATA_FOLDER, "syscalls.bin").read_bytes()[:2000])
        with pytest.raises(TableError, match=r"syscalls\.bin is damaged"):
            Table(path).names()

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]\n", b'{"schema": 99}\n', b'{"schema": 1}\n'])
    def test_foreign_file(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "types.bin"
        path.write_bytes(content)
        with pytest.raises(TableError, match=r"types\.bin"):
            Table(path)
