# SPDX-License-Identifier: Apache-2.0
"""What programs meet in the kernel: system calls, tracepoints, functions, helpers, constants, kinds of sections."""

from __future__ import annotations

import errno
import re
import signal
import socket

import pytest

from honey.kernel import constants, functions, helpers, sections, syscalls, tracepoints
from honey.kernel.helpers import Role
from honey.kernel.layout import KernelInt, KernelStructRef, honey_name, pointee, spell
from honey.kernel.sections import Context


class TestSyscalls:
    def test_arguments(self) -> None:
        call = syscalls.signature("sendto")
        assert call is not None
        assert call.number == 44
        assert [argument.name for argument in call.arguments] == ["fd", "buff", "len", "flags", "addr", "addr_len"]
        assert [honey_name(argument.type) for argument in call.arguments] == ["s32", "ptr", "u64", "u32", "ptr", "s32"]
        address = call.argument("addr")
        assert address is not None
        assert address.index == 4
        assert pointee(address.type) == KernelStructRef("struct", "sockaddr", 16)

    @pytest.mark.parametrize("spelling", ["sendmsg", "sys_enter_sendmsg", "sys_exit_sendmsg"])
    def test_message_is_the_one_of_user_space(self, spelling: str) -> None:
        call = syscalls.signature(spelling)
        assert call is not None
        message = pointee(call.arguments[1].type)
        assert message is not None
        assert message.name == "user_msghdr"

    def test_names_of_tracepoint_and_call_are_the_same_entry(self) -> None:
        assert syscalls.signature("fstat") is syscalls.signature("newfstat")
        assert syscalls.signature("no_such_call") is None

    def test_all_fit_into_six_registers_and_have_numbers_of_their_own(self) -> None:
        calls = {id(call): call for name in syscalls.names() if (call := syscalls.signature(name)) is not None}.values()
        assert all(len(call.arguments) <= 6 for call in calls)
        assert len({call.number for call in calls}) == len(calls) > 300


class TestTracepoints:
    def test_fields(self) -> None:
        switch = tracepoints.find("sched/sched_switch")
        assert switch is not None
        assert switch.struct == "trace_event_raw_sched_switch"
        next_pid = switch.field("next_pid")
        assert next_pid is not None
        assert (next_pid.offset, honey_name(next_pid.type)) == (56, "s32")
        assert switch.field("ent") is None

    @pytest.mark.parametrize(
        ("path", "struct"),
        [
            ("sched/sched_wakeup", "trace_event_raw_sched_wakeup_template"),
            ("sched/sched_process_exit", "trace_event_raw_sched_process_template"),
            ("sched/sched_process_exec", "trace_event_raw_sched_process_exec"),
            ("raw_syscalls/sys_enter", "trace_event_raw_sys_enter"),
            ("syscalls/sys_enter_kill", "trace_event_raw_sys_enter"),
            ("syscalls/sys_exit_kill", "trace_event_raw_sys_exit"),
        ],
    )
    def test_events_have_the_struct_of_their_class(self, path: str, struct: str) -> None:
        assert tracepoints.context(path) == struct

    def test_dynamic_fields_have_their_plain_name(self) -> None:
        executed = tracepoints.find("sched/sched_process_exec")
        assert executed is not None
        name = executed.field("filename")
        assert name is not None
        assert (name.dynamic, name.member, name.type) == (True, "__data_loc_filename", KernelInt("char", 1, True))

    @pytest.mark.parametrize(
        "path", ["sched/no_such", "syscalls/sys_enter_no_such", "syscalls/sys_leave_kill", "sched"]
    )
    def test_unknown_ones_give_none(self, path: str) -> None:
        assert tracepoints.find(path) is None

    def test_every_one_has_fields(self) -> None:
        found = [tracepoints.find(path) for path in tracepoints.names()]
        assert all(tracepoint is not None for tracepoint in found)
        assert len(found) > 1000


class TestFunctions:
    def test_parameters_and_result(self) -> None:
        send = functions.signature("tcp_sendmsg")
        assert send is not None
        assert [(parameter.name, spell(parameter.type)) for parameter in send.parameters] == [
            ("sk", "struct sock *"),
            ("msg", "struct msghdr *"),
            ("size", "unsigned long"),
        ]
        assert honey_name(send.result) == "s32"

    def test_what_programs_are_handed(self) -> None:
        switch, hook = functions.raw_tracepoint("sched_switch"), functions.lsm_hook("file_open")
        iterator = functions.iterator("task")
        assert switch is not None
        assert hook is not None
        assert iterator is not None
        assert [parameter.name for parameter in switch.parameters][:3] == ["preempt", "prev", "next"]
        assert [parameter.name for parameter in hook.parameters] == ["file"]
        assert [parameter.name for parameter in iterator.parameters] == ["meta", "task"]

    def test_unknown_ones_give_none(self) -> None:
        assert functions.signature("no_such_function") is None
        assert functions.raw_tracepoint("no_such_tracepoint") is None


class TestHelpers:
    def test_roles_of_arguments(self) -> None:
        read = helpers.helper("probe_read_user")
        assert read is not None
        assert (read.name, read.number, read.gpl_only, read.since) == ("bpf_probe_read_user", 112, True, (5, 5))
        assert [argument.role for argument in read.arguments] == [Role.MEMORY_OUT, Role.SIZE_OR_ZERO, Role.ANY]

    def test_results_that_may_be_missing(self) -> None:
        lookup, reserve = helpers.helper("bpf_map_lookup_elem"), helpers.helper("bpf_ringbuf_reserve")
        assert lookup is not None
        assert reserve is not None
        assert lookup.may_be_null
        assert not lookup.gpl_only
        assert reserve.may_be_null
        assert [argument.role for argument in reserve.arguments] == [Role.MAP, Role.ALLOCATION_SIZE, Role.ANY]

    @pytest.mark.parametrize(
        ("name", "kind", "allowed"),
        [
            ("bpf_ktime_get_ns", "xdp", True),
            ("bpf_get_current_comm", "xdp", False),
            ("bpf_get_current_comm", "tracepoint", True),
            ("bpf_skb_store_bytes", "tc", True),
            ("bpf_skb_store_bytes", "kprobe", False),
            ("bpf_get_func_arg", "fentry", True),
            ("bpf_get_func_arg", "tp_btf", False),
            ("bpf_cgrp_storage_get", "tracepoint", None),
            ("bpf_ktime_get_ns", "freplace", None),
        ],
    )
    def test_where_they_may_be_called(self, name: str, kind: str, allowed: bool | None) -> None:
        found = helpers.helper(name)
        assert found is not None
        assert found.allowed_in(kind) is allowed

    def test_numbers_are_those_of_the_header(self) -> None:
        for name in helpers.names():
            found = helpers.helper(name)
            assert found is not None
            if (number := constants.value(f"BPF_FUNC_{name.removeprefix('bpf_')}")) is not None:
                assert found.number == number, name

    def test_unknown_ones_give_none(self) -> None:
        assert helpers.helper("bpf_no_such") is None


class TestConstants:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("IPPROTO_UDP", 17),
            ("ETH_P_IP", 0x0800),
            ("BPF_ANY", 0),
            ("BPF_NOEXIST", 1),
            ("XDP_PASS", 2),
            ("TC_ACT_SHOT", 2),
            ("BPF_F_CURRENT_CPU", 0xFFFFFFFF),
            ("AT_FDCWD", -100),
            ("O_LARGEFILE", 0o100000),
            ("TCP_ESTABLISHED", 1),
            ("CLONE_NEWNET", 0x40000000),
            ("NO_SUCH_CONSTANT", None),
        ],
    )
    def test_values(self, name: str, expected: int | None) -> None:
        assert constants.value(name) == expected

    def test_python_knows_the_same_values(self) -> None:
        families = {
            name: int(value) for name, value in vars(socket).items() if re.match("(AF|SOCK|IPPROTO|MSG)_", name)
        }
        signals = {entry.name: entry.value for entry in signal.Signals if not entry.name.startswith("SIGRT")}
        errors = {name: number for number, name in errno.errorcode.items()}
        expected = families | signals | errors
        ours = {name: constants.value(name) for name in expected}
        differing = {name for name, value in ours.items() if value not in (None, expected[name])}
        assert differing == set()
        assert sum(value is not None for value in ours.values()) > 200


class TestSections:
    @pytest.mark.parametrize(
        ("name", "kind", "target", "spelling", "context"),
        [
            ("xdp_md", "xdp", "", "xdp", "xdp_md"),
            ("xdp/devmap", "xdp/devmap", "", "xdp/devmap", "xdp_md"),
            ("tc/ingress", "tc", "ingress", "tc", "__sk_buff"),
            ("socket", "socket", "", "socket", "__sk_buff"),
            (
                "tracepoint/syscalls/sys_enter_sendto",
                "tracepoint",
                "syscalls/sys_enter_sendto",
                "tracepoint/syscalls/sys_enter_sendto",
                "trace_event_raw_sys_enter",
            ),
            (
                "tp/sched/sched_switch",
                "tp",
                "sched/sched_switch",
                "tp/sched/sched_switch",
                "trace_event_raw_sched_switch",
            ),
            ("tracepoint/no/such", "tracepoint", "no/such", "tracepoint/no/such", None),
            ("raw_tp/sys_enter", "raw_tp", "sys_enter", "raw_tp/sys_enter", "bpf_raw_tracepoint_args"),
            ("kprobe/tcp_sendmsg", "kprobe", "tcp_sendmsg", "kprobe/tcp_sendmsg", "pt_regs"),
            ("fentry/tcp_sendmsg", "fentry", "tcp_sendmsg", "fentry/tcp_sendmsg", None),
            ("iter/task", "iter", "task", "iter/task", "bpf_iter__task"),
            ("cgroup/connect4", "cgroup/connect4", "", "cgroup/connect4", "bpf_sock_addr"),
            ("perf_event", "perf_event", "", "perf_event", "bpf_perf_event_data"),
        ],
    )
    def test_parts(self, name: str, kind: str, target: str, spelling: str, context: str | None) -> None:
        section = sections.parse(name)
        assert section is not None
        assert (section.kind, section.target, section.spelling, section.context) == (kind, target, spelling, context)

    def test_types_are_the_kernel_s(self) -> None:
        section = sections.parse("lsm.s/file_open")
        assert section is not None
        assert (section.program_type, section.attach_type) == ("BPF_PROG_TYPE_LSM", "BPF_LSM_MAC")
        assert section.sleepable
        assert section.shape is Context.ARGUMENTS
        for name in sections.names():
            found = sections.kind(name)
            assert found is not None
            assert constants.value(found.program_type) is not None

    @pytest.mark.parametrize("name", ["", "socket1", "no_such", "tracepoints/a/b", "/"])
    def test_unknown_ones_give_none(self, name: str) -> None:
        assert sections.parse(name) is None
