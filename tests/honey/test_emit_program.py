# SPDX-License-Identifier: Apache-2.0
"""Emitted files: readable, laid out, mapped to the Honey lines, and taken by clang and by the kernel's verifier."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bpftool import load, needs_kernel
from irbuild import Fn, add, cast, deref, eq, field, hash_map, lookup, num, program, read, struct_def, update, value_of
from monitor_ir import KEY, monitor

from honey.emit import CSource, emit_c
from honey.emit.clang import ClangFailed, ClangMissing, ClangRun, Compiled, command, compile_c, find_clang
from honey.emit.names import LIBRARY, symbol
from honey.emit.program import HEADERS
from honey.emit.structs import UNFIT
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.verify import verify
from honey.kernel import types

ROOT = Path(__file__).parents[2]
SECTION = "tracepoint/syscalls/sys_enter_kill"
COUNTS = hash_map("counts", t.U32, t.U64)


def emit(whole: n.Program) -> CSource:
    """The C of a program that is well formed."""
    verify(whole)
    return emit_c(whole)


def body(whole: n.Program, name: str = "f") -> list[str]:
    """The lines of one function, without indentation and directives."""
    text = re.sub(r"^#line.*\n", "", emit(whole).text, flags=re.MULTILINE)
    found = re.search(rf"^[^\n]*\b{name}\([^\n]* {{\n(.*?)^}}", text, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    return [line.strip() for line in found.group(1).splitlines() if line.strip()]


def handler(f: Fn, **parts: object) -> n.Program:
    """A program of one handler."""
    f.ret()
    return program(f.done(), **parts)  # type: ignore[arg-type]  # as given


def test_the_monitor_reads_like_c_by_hand() -> None:
    assert body(monitor(), "trace_sendto") == [
        "__u32 pid = bpf_get_current_pid_tgid() >> 32;",
        "if (pid == 0) return 0;",
        "__u64 bytes = ctx->args[2];",
        "if (bytes == 0) return 0;",
        "struct traffic_key key = { .pid = pid, .protocol = IPPROTO_UDP };",
        "struct sockaddr_in *addr = (void *)READ_ONCE(ctx->args[4]);",
        "if (addr) {",
        "__u16 family;",
        "if (bpf_probe_read_user(&family, sizeof(family), addr) == 0 && family == AF_INET) {",
        "struct sockaddr_in peer;",
        "if (bpf_probe_read_user(&peer, sizeof(peer), addr) == 0) {",
        "key.port = bpf_ntohs(peer.sin_port);",
        "key.ip = peer.sin_addr.s_addr;",
        "}",
        "}",
        "}",
        "book_sent(&key, bytes);",
        "return 0;",
    ]


def test_kernel_structs_have_the_used_fields_only_and_are_relocated() -> None:
    text = emit(monitor()).text
    assert "vmlinux.h" not in text
    assert "struct trace_event_raw_sys_enter {\n\t__u64 args[6];\n} __attribute__((preserve_access_index));" in text
    assert "struct iov_iter {\n\t__u64 count;\n};" in text
    assert "struct traffic_key {\n\t__u32 pid;\n\t__u8 protocol;\n\t__u8 __pad5[1];\n\t__u16 port;\n" in text


def test_the_same_program_gives_the_same_text_without_a_path_of_the_machine() -> None:
    text = emit(monitor()).text
    assert text == emit(monitor()).text
    assert not re.search(r'"/|\s/\w', text)


@pytest.mark.skipif(shutil.which("clang-format") is None, reason="clang-format is not installed")
def test_clang_format_has_nothing_to_change() -> None:
    text = emit(monitor()).text
    style = f"--style=file:{ROOT / '.clang-format'}"
    done = subprocess.run(["clang-format", style], input=text, capture_output=True, text=True, check=True)
    assert done.stdout == text


def _mapped_lines(source: CSource) -> dict[str, int]:
    """What each line of text is booked under, as a compiler counts."""
    counted = 0
    found: dict[str, int] = {}
    for line in source.text.splitlines():
        directive = re.match(r"#line (\d+)", line)
        if directive is not None:
            counted = int(directive.group(1))
            continue
        if counted:
            found.setdefault(line.strip(), counted)
            counted += 1
    return found


def test_every_statement_is_booked_under_its_honey_line() -> None:
    source = emit(monitor())
    mapped = _mapped_lines(source)
    wanted = {line.text.strip(): line.source for line in source.lines if line.source}
    firsts: dict[str, int] = {}
    for line in source.lines:
        if line.source:
            firsts.setdefault(line.text.strip(), line.source)
    assert wanted
    assert {text: mapped[text] for text in firsts} == firsts


def test_annotated_text_has_comments_instead_of_directives() -> None:
    text = emit(monitor()).annotated
    assert "#line" not in text
    assert "if (pid == 0) return 0; /* monitor.ex:63 */" in text


def test_a_key_that_is_no_variable_gets_one() -> None:
    f = Fn("f", section=SECTION)
    entry = f.let("entry", lookup(COUNTS, cast(f.arg(1), t.U32)))
    with f.when(n.IsNull(entry)):
        f.do(update(COUNTS, cast(f.arg(1), t.U32), num(1)))
    with f.otherwise():
        f.increase(deref(entry), 1)
    lines = body(handler(f, maps=(COUNTS,)))
    assert lines[:2] == ["__u32 key = READ_ONCE(ctx->args[1]);", "__u64 *entry = bpf_map_lookup_elem(&counts, &key);"]
    assert "(*entry)++;" in lines


def test_else_if_chains_stay_flat() -> None:
    f = Fn("f", section=SECTION)
    x = f.var("x", t.U64)
    with f.when(eq(f.arg(0), 1)):
        f.assign(x, num(1))
    with f.otherwise():
        with f.when(eq(f.arg(0), 2)):
            f.assign(x, num(2))
        with f.otherwise():
            f.assign(x, num(3))
    f.do(n.Printk("%llu", (read(x),)))
    assert body(handler(f))[1:7] == [
        "if (READ_ONCE(ctx->args[0]) == 1) {",
        "x = 1;",
        "} else if (READ_ONCE(ctx->args[0]) == 2) {",
        "x = 2;",
        "} else {",
        "x = 3;",
    ]


def test_names_are_those_of_the_source_made_legal_and_unique() -> None:
    f = Fn("f", section=SECTION)
    f.let("int", f.arg(0))
    f.let("x", f.arg(0))
    f.let("x", f.arg(1))
    f.let("counts", f.arg(1))
    f.let("empty?", f.arg(1))
    f.let("größe", f.arg(1))
    f.let("bpf_redirect", f.arg(1))
    names = [line.split()[1] for line in body(handler(f, maps=(COUNTS,)))[:-1]]
    assert names == ["int_", "x", "x_2", "counts_2", "empty", "gr_uf6_udfe", "bpf_redirect_"]


def _raising() -> n.Program:
    half = Fn("half", ("x", t.U64), result=t.U64)
    with half.when(eq(half.param(0), 0)):
        half.fail("ArithmeticError", "bad argument in arithmetic expression")
    half.ret(n.Binary(n.BinaryOp.DIV, num(100), half.param(0), t.U64))
    outer = Fn("outer", ("x", t.U64), result=t.U64)
    outer.may_raise = True
    outer.ret(outer.let("result", n.Call("half", (outer.param(0),), t.U64)))
    f = Fn("f", section=SECTION)
    f.may_raise = True
    f.do(update(COUNTS, num(0, t.U32), f.let("result", n.Call("outer", (f.arg(0),), t.U64))))
    return handler_of(f, half, outer)


def handler_of(f: Fn, *others: Fn) -> n.Program:
    """A program of one handler and functions."""
    f.ret()
    return program(*(other.done() for other in others), f.done(), maps=(COUNTS,))


def test_what_raises_prints_once_and_leaves_the_handler() -> None:
    whole = _raising()
    assert body(whole, "half") == [
        "if (x == 0) {",
        'bpf_printk("** (ArithmeticError) bad argument in arithmetic expression at example.ex:3");',
        "*raised = true;",
        "return 0;",
        "}",
        "return 100 / x;",
    ]
    assert body(whole, "outer")[:2] == ["__u64 result = half(x, raised);", "if (*raised) return 0;"]
    assert body(whole)[:3] == [
        "bool raised = false;",
        "__u64 result = outer(ctx->args[0], &raised);",
        "if (raised) return 0;",
    ]


def test_without_tracing_nothing_is_printed() -> None:
    assert "bpf_printk" not in emit(replace(_raising(), trace=False)).text


def test_maps_show_what_was_asked_for() -> None:
    text = emit(
        program(
            structs=(KEY,),
            maps=(
                hash_map("seen", KEY.type, t.Chars(16), 5, flag_names=("BPF_F_NO_PREALLOC",), pin_by_name=True),
                n.MapDef("events", n.MapKind.RINGBUF, None, None, 4096),
            ),
        )
    ).text
    assert "\t__uint(map_flags, BPF_F_NO_PREALLOC);\n\t__uint(pinning, LIBBPF_PIN_BY_NAME);\n" in text
    assert "\t__type(key, struct traffic_key);\n\t__type(value, char[16]);\n} seen SEC" in text
    assert "\t__uint(type, BPF_MAP_TYPE_RINGBUF);\n\t__uint(max_entries, 4096);\n} events SEC" in text


def test_a_function_is_emitted_once_and_only_if_called() -> None:
    unused = Fn("unused", result=t.VOID)
    unused.ret()
    whole = _raising()
    text = emit(replace(whole, functions=(*whole.functions, unused.done()))).text
    assert text.count("half(__u64 x") == 1
    assert "unused" not in text


def _everything() -> n.Program:
    """A handler with each kind of effect that a tracepoint may have."""
    event = struct_def("event", ("pid", t.U32), ("comm", t.Chars(16)), ("size", t.U64), ("parts", t.Array(t.U16, 4)))
    ring = n.MapDef("events", n.MapKind.RINGBUF, None, None, 4096)
    arrays = n.MapDef("slots", n.MapKind.ARRAY, t.U32, event.type, 4)
    f = Fn("f", section="tracepoint/syscalls/sys_enter_write")
    record = f.let("record", n.RingReserve("events", t.Ref(event.type, t.Space.RINGBUF, nullable=True)))
    with f.when(n.IsNull(record)):
        f.ret()
    f.assign(deref(record), value_of(event, pid=num(1, t.U32), comm=n.Bytes(b"none", t.Chars(16))))
    f.do(n.HelperCall("bpf_get_current_comm", (field(deref(record), event, "comm"), num(16, t.U32)), t.S64))
    with f.loop("i", 0, 4) as i:
        f.assign(n.IndexPlace(field(deref(record), event, "parts"), i, t.U16), cast(i, t.U16))
    with f.loop("j", 3, -1, -1, t.S32) as j:
        with f.when(eq(j, 2)):
            f.statements.append(n.Break())
        f.do(n.Printk("%d", (j,)))
    copy = f.let("copy", read(field(deref(record), event, "comm")))
    f.do(n.ProbeRead(n.ReadKind.USER_STR, copy.place, 16, f.arg(1)))
    slot = f.let("slot", lookup(arrays, num(2, t.U32)))
    with f.when(n.IsNull(slot)):
        f.do(n.RingFinish(deref(record).ref, True, num(0)))
        f.ret()
    f.assign(field(deref(slot), event, "comm"), copy)
    f.do(n.AtomicAdd(field(deref(slot), event, "size"), num(1)))
    f.do(n.RingFinish(deref(record).ref, False, num(0)))
    f.do(n.RingOutput("events", value_of(event, size=num(7)), num(0)))
    f.do(n.MapDelete("slots", num(1, t.U32)))
    signed = f.let("signed", cast(f.arg(2), t.S64))
    f.do(n.Printk("%lld", (n.Binary(n.BinaryOp.DIV, signed, num(3, t.S64), t.S64),)))
    f.ret()
    return program(f.done(), structs=(event,), maps=(ring, arrays, COUNTS))


def _packet() -> n.Program:
    """An XDP program that looks into the packet; it is called main, as C's first function is."""
    xdp_md = t.Struct("xdp_md", 24, 4, kernel=True)
    eth = struct_def("ethhdr", ("h_dest", t.Array(t.U8, 6)), ("h_source", t.Array(t.U8, 6)), ("h_proto", t.BE16))
    context = t.StructDef(xdp_md, (t.Field("data", t.U32, 0), t.Field("data_end", t.U32, 4)))
    f = Fn("main", section="xdp")
    f.params = (f.local("ctx", t.Ref(xdp_md, t.Space.CONTEXT, readonly=True)),)
    packet = t.Ref(eth.type, t.Space.PACKET, nullable=True)
    header = f.let("eth", n.PacketAt(f.param(0), num(0), packet))
    with f.when(n.IsNull(header)):
        f.ret(num(2, t.S32, "XDP_PASS"))
    ip = eq(read(field(deref(header), eth, "h_proto")), n.ByteSwap("htons", num(0x800, t.U16, "ETH_P_IP"), t.BE16))
    f.ret(n.Select(ip, num(1, t.S32, "XDP_DROP"), num(2, t.S32, "XDP_PASS"), t.S32))
    return n.Program("Packets", "packets.ex", "GPL", (context, eth), (), (f.done(),))


@pytest.mark.parametrize("build", [monitor, _raising, _everything, _packet])
def test_clang_takes_it_without_a_warning_and_the_kernel_loads_it(build: object, tmp_path: Path) -> None:
    assert callable(build)
    outcome = compile_c(emit(build()).text, tmp_path / "out.o")
    assert isinstance(outcome, Compiled), outcome
    assert outcome.warnings == ""
    assert [path.name for path in tmp_path.iterdir()] == ["out.o"]
    if needs_kernel.args[0]:
        pytest.skip(f"compiled, but not loaded: {needs_kernel.kwargs['reason']}")
    assert load(Path(outcome.output)) == ""


def test_the_object_holds_honey_lines_and_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("monitor.ex").write_text("".join(f"honey line {number}\n" for number in range(1, 200)))
    outcome = compile_c(emit(monitor()).text, tmp_path / "out.o")
    assert isinstance(outcome, Compiled), outcome
    data = Path(outcome.output).read_bytes()
    assert b"honey line 63\0" in data
    assert str(tmp_path).encode() not in data


@pytest.mark.parametrize("build", [monitor, _packet])
def test_headers_that_clang_reads_ahead_change_nothing(
    build: Callable[[], n.Program], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object is that of the C alone, as a user may compile it, and so is what clang says."""
    monkeypatch.chdir(tmp_path)
    text = emit(build()).text + "static int unused(void) { return 1; }\n"
    clang = find_clang()
    assert isinstance(clang, str)
    alone = subprocess.run(command(clang, "alone.o"), input=text, capture_output=True, text=True, check=True)
    run = ClangRun("ahead.o")
    try:
        outcome = run.start(clang, headers=HEADERS) or run.send(text) or run.finish()
    finally:
        run.abandon()
    assert isinstance(outcome, Compiled), outcome
    assert Path("ahead.o").read_bytes() == Path("alone.o").read_bytes()
    assert "unused function" in outcome.warnings
    assert outcome.warnings == alone.stderr


def test_a_missing_clang_is_a_value(tmp_path: Path) -> None:
    missing = find_clang({"PATH": str(tmp_path)})
    assert isinstance(missing, ClangMissing)
    assert "install the package `clang`" in str(missing)
    asked = find_clang({"HONEY_CLANG": "/nowhere/clang", "PATH": ""})
    assert isinstance(asked, ClangMissing)
    assert "/nowhere/clang" in str(asked)


def test_what_clang_refuses_is_a_value_and_leaves_no_file(tmp_path: Path) -> None:
    outcome = compile_c("int broken(", tmp_path / "out.o")
    assert isinstance(outcome, ClangFailed)
    assert "error: expected" in str(outcome)
    assert list(tmp_path.iterdir()) == []


def test_adding_in_place_is_written_as_such() -> None:
    f = Fn("f", ("x", t.U32), ("y", t.U64), result=t.VOID)
    place = f.param(0).place
    f.assign(place, cast(add(cast(f.param(0), t.U64), f.param(1)), t.U32))
    caller = Fn("caller", section=SECTION)
    caller.do(n.Call("f", (num(1, t.U32), num(2)), t.VOID))
    caller.ret()
    assert body(program(f.done(), caller.done())) == ["x += y;"]


def test_the_headers_that_declare_structs_fit_ebpf(tmp_path: Path) -> None:
    declared = {found.header for name in types.names() if (found := types.struct(name)) is not None and found.header}
    taken = sorted(header for header in declared if header.startswith("linux/") and header not in UNFIT)
    assert {"linux/ip.h", "linux/tcp.h"} <= set(taken)
    text = "".join(f"#include <{header}>\n" for header in ("linux/bpf.h", *taken))
    assert isinstance(compile_c(text, tmp_path / "headers.o"), Compiled)


def test_no_map_has_the_name_of_a_function_that_clang_knows(tmp_path: Path) -> None:
    known = sorted({*LIBRARY, "abs", "exit", "free", "index", "log"})
    text = "".join(f"int {symbol(name)}[1];\n" for name in known)
    assert isinstance(compile_c(text, tmp_path / "symbols.o"), Compiled)
    assert symbol("counts") == "counts"
