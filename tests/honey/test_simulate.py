# SPDX-License-Identifier: Apache-2.0
"""The simulator: events in, typed maps out, the same as the kernel does."""

from __future__ import annotations

import errno
import struct

import pytest
from irbuild import Fn, binary, cast, deref, eq, field, lookup, num, program, struct_def, update, value_of
from monitor_ir import monitor

import honey
from honey.ir import nodes as n
from honey.ir import types as t
from honey.simulation.memory import SimulationError
from honey.simulator import Simulation

SECTION = "tracepoint/syscalls/sys_enter_kill"


def sockaddr_in(address: tuple[int, int, int, int], port: int, family: int = 2) -> bytes:
    """An IPv4 address as user space passes it."""
    return struct.pack("=H", family) + struct.pack(">H", port) + bytes(address) + bytes(8)


@pytest.fixture
def sim() -> Simulation:
    """The traffic monitor."""
    return honey.simulate(monitor())


def test_an_event_is_booked_in_all_maps(sim: Simulation) -> None:
    sim.now_ns = 5_000
    result = sim.fire("sendto", pid=42, len=10, addr=sockaddr_in((10, 0, 0, 1), 53))
    assert result.value == 0
    assert result.printed == ()
    stats = {"bytes_sent": 10, "bytes_recv": 0, "packets_sent": 1, "packets_recv": 0, "last_update_ns": 5_000}
    key = {"pid": 42, "protocol": 17, "port": 53, "ip": 0x0A000001}
    assert list(sim.maps["traffic_map"]) == [key]
    assert sim.maps["traffic_map"][key] == stats
    assert sim.maps["pid_stats"] == {42: {**stats, "last_update_ns": 6_000}}
    assert sim.maps["protocol_totals"] == {17: 10}


def test_state_lasts_from_event_to_event(sim: Simulation) -> None:
    for size in (10, 20, 30):
        sim.fire("trace_sendto", pid=7, len=size)
    assert sim.maps["pid_stats"][7].bytes_sent == 60
    assert sim.maps["pid_stats"][7].packets_sent == 3


def test_early_exits_leave_no_trace(sim: Simulation) -> None:
    sim.fire("sendto", pid=0, len=10)
    sim.fire("sendto", pid=7, len=0)
    assert not sim.maps["traffic_map"]


def test_a_read_that_fails_leaves_the_key_alone(sim: Simulation) -> None:
    sim.fire("sendto", pid=7, len=1, addr=0xDEAD)
    sim.user.fault(sim.user.place(b"") + 2)
    address = sim.user.place(sockaddr_in((1, 2, 3, 4), 5))
    sim.user.fault(address + 8)
    sim.fire("sendto", pid=7, len=1, addr=address)
    assert list(sim.maps["traffic_map"]) == [{"pid": 7, "protocol": 17, "port": 0, "ip": 0}]


def test_a_kernel_read_of_user_memory_fails_as_on_x86(sim: Simulation) -> None:
    header = struct.pack("=QI4xQQQQ", sim.user.place(sockaddr_in((1, 2, 3, 4), 5)), 16, 0, 0, 1234, 0) + bytes(64)
    sim.fire("sendmsg", pid=7, msg=header)
    assert sim.maps["pid_stats"][7].bytes_sent == 1
    assert next(iter(sim.maps["traffic_map"])).port == 5


def test_a_kernel_pointer_is_followed(sim: Simulation) -> None:
    sim.fire("recvmsg", pid=7, msg=sim.kernel.place(bytes(16) + bytes(16) + struct.pack("=Q", 77) + bytes(56)))
    assert sim.maps["pid_stats"][7].bytes_recv == 77


def test_padding_of_keys_is_zero(sim: Simulation) -> None:
    sim.fire("sendto", pid=1, len=1)
    assert sim.maps["traffic_map"].raw().keys() == {struct.pack("=IBBHI", 1, 17, 0, 0, 0)}


def test_maps_can_be_written_from_outside(sim: Simulation) -> None:
    sim.maps["protocol_totals"][17] = 100
    sim.fire("sendto", pid=1, len=1)
    assert sim.maps["protocol_totals"][17] == 101
    del sim.maps["protocol_totals"][17]
    assert 17 not in sim.maps["protocol_totals"]
    with pytest.raises(ValueError, match="traffic_key has no field prot; it has pid, protocol, port, ip"):
        sim.maps["anomaly_map"][{"prot": 1}] = 1


def test_names_that_are_none_are_refused(sim: Simulation) -> None:
    with pytest.raises(SimulationError, match="no handler is 'sendfile'; there are trace_sendto"):
        sim.fire("sendfile")
    with pytest.raises(SimulationError, match="no field lenght"):
        sim.fire("sendto", lenght=1)


def _count(kind: n.MapKind = n.MapKind.HASH) -> n.Program:
    """Counts the first argument as a key, and returns what the update says."""
    definition = n.MapDef("counts", kind, t.U32, t.U64, 2)
    f = Fn("f", section=SECTION)
    key = f.let("key", cast(f.arg(0), t.U32))
    entry = f.let("entry", lookup(definition, key))
    with f.when(n.IsNull(entry)):
        f.ret(cast(f.let("", update(definition, key, num(1))), t.S32))
    f.increase(deref(entry), 1)
    f.ret()
    return program(f.done(), maps=(definition,))


def test_a_full_hash_refuses_new_keys_and_an_lru_drops_the_oldest() -> None:
    sim = Simulation(_count())
    assert [sim.fire("kill", args=[key]).value for key in (1, 2, 1, 3)] == [0, 0, 0, -errno.E2BIG]
    assert sim.maps["counts"] == {1: 2, 2: 1}
    lru = Simulation(_count(n.MapKind.LRU_HASH))
    assert [lru.fire("kill", args=[key]).value for key in (1, 2, 1, 3)] == [0, 0, 0, 0]
    assert lru.maps["counts"] == {1: 2, 3: 1}


def test_arrays_and_per_cpu_maps() -> None:
    array = Simulation(_count(n.MapKind.ARRAY))
    assert [array.fire("kill", args=[key]).value for key in (0, 0, 1, 2)] == [0, 0, 0, -errno.E2BIG]
    assert array.maps["counts"] == {0: 2, 1: 1}
    per_cpu = Simulation(_count(n.MapKind.PERCPU_HASH), cpus=2)
    for cpu in (0, 1, 1):
        per_cpu.fire("kill", args=[5], cpu=cpu)
    assert per_cpu.maps["counts"] == {5: (1, 2)}


def test_faults_on_demand() -> None:
    sim = Simulation(_count())
    sim.fail("bpf_map_update_elem", errno.ENOMEM)
    assert sim.fire("kill", args=[1]).value == -errno.ENOMEM
    assert not sim.maps["counts"]
    sim.restore("bpf_map_update_elem")
    assert sim.fire("kill", args=[1]).value == 0
    sim.fail("bpf_map_lookup_elem")
    sim.fire("kill", args=[1])
    assert sim.maps["counts"] == {1: 1}


def test_exceptions_print_once_and_end_the_handler_with_0() -> None:
    inner = Fn("inner", ("x", t.U64), result=t.U64)
    with inner.when(eq(inner.param(0), 0)):
        inner.fail("ArithmeticError", "bad argument in arithmetic expression")
    inner.ret(binary(n.BinaryOp.DIV, num(100), inner.param(0)))
    f = Fn("f", section=SECTION)
    f.may_raise = True
    f.ret(cast(f.let("x", n.Call("inner", (f.arg(0),), t.U64)), t.S32))
    sim = Simulation(program(inner.done(), f.done()))
    assert sim.fire("kill", args=[3]).value == 33
    failed = sim.fire("kill", args=[0])
    text = "** (ArithmeticError) bad argument in arithmetic expression at example.ex:3"
    assert (failed.value, failed.printed, failed.raised) == (0, (text,), text)


def test_ring_buffers_give_typed_records_and_fill_up() -> None:
    event = struct_def("event", ("pid", t.U32), ("comm", t.Chars(12)), ("port", t.BE16), ("flags", t.Array(t.U8, 2)))
    ring = n.MapDef("events", n.MapKind.RINGBUF, None, None, 64)
    f = Fn("f", section=SECTION)
    record = f.let("record", n.RingReserve("events", t.Ref(event.type, t.Space.RINGBUF, nullable=True)))
    with f.when(n.IsNull(record)):
        f.ret(num(1, t.S32))
    f.assign(
        deref(record), value_of(event, pid=cast(f.arg(0), t.U32), port=n.ByteSwap("htons", num(80, t.U16), t.BE16))
    )
    f.do(n.HelperCall("bpf_get_current_comm", (field(deref(record), event, "comm"), num(12, t.U32)), t.S64))
    f.do(n.RingFinish(deref(record).ref, False, num(0)))
    f.ret()
    sim = Simulation(program(f.done(), structs=(event,), maps=(ring,)))
    assert [sim.fire("kill", args=[9], comm="curl").value for _ in range(3)] == [0, 1, 1]
    assert sim.maps["events"].read() == [{"pid": 9, "comm": "curl", "port": 80, "flags": b"\0\0"}]
    assert sim.fire("kill", args=[9]).value == 0


def test_printk_formats_as_the_kernel_does() -> None:
    f = Fn("f", section=SECTION)
    f.do(n.Printk("%d %u %llx %5d|%-5d|%05u %%", (f.arg(0), f.arg(0), f.arg(0), f.arg(1), f.arg(1), f.arg(1))))
    f.ret()
    sim = Simulation(program(f.done()))
    assert sim.fire("kill", args=[-1, 42]).printed == ("-1 4294967295 ffffffffffffffff    42|42   |00042 %",)


def test_a_helper_without_a_stand_in_can_be_given_one() -> None:
    f = Fn("f", section=SECTION)
    f.ret(cast(f.let("", n.HelperCall("bpf_get_stackid", (f.arg(0),), t.S64)), t.S32))
    sim = Simulation(program(f.done()))
    with pytest.raises(SimulationError, match="bpf_get_stackid is not simulated"):
        sim.fire("kill")
    sim.helpers["bpf_get_stackid"] = lambda _, args: 2 * args[0] if isinstance(args[0], int) else 0
    assert sim.fire("kill", args=[21]).value == 42


def test_packets() -> None:
    header = struct_def("udphdr", ("source", t.BE16), ("dest", t.BE16))
    xdp_md = t.StructDef(t.Struct("xdp_md", 24, 4, kernel=True), (t.Field("data", t.U32, 0),))
    f = Fn("f", section="xdp")
    f.params = (f.local("ctx", t.Ref(xdp_md.type, t.Space.CONTEXT, readonly=True)),)
    udp = f.let("udp", n.PacketAt(f.param(0), num(2), t.Ref(header.type, t.Space.PACKET, nullable=True)))
    with f.when(n.IsNull(udp)):
        f.ret(num(1, t.S32, "XDP_DROP"))
    f.assign(field(deref(udp), header, "dest"), n.ByteSwap("htons", num(5353, t.U16), t.BE16))
    f.ret(num(2, t.S32, "XDP_PASS"))
    sim = Simulation(n.Program("P", "p.ex", "GPL", (xdp_md, header), (), (f.done(),)))
    assert sim.fire("xdp", packet=b"\0" * 5).value == 1
    result = sim.fire("f", packet=bytes(8))
    assert (result.value, result.packet) == (2, bytes(4) + struct.pack(">H", 5353) + bytes(2))


_PACKETS = """
defmodule Packets do
  use Honey, license: "GPL"
  import Honey.BpfHelpers

  @sec "tc"
  def long(ctx), do: if(ctx.len > 40, do: skb_change_tail(ctx, ctx.len + 4, 0), else: 3)

  @sec "tc"
  def kind(ctx), do: if(ctx.protocol == Honey.Net.htons(:ETH_P_IPV6), do: :TC_ACT_SHOT, else: :TC_ACT_OK)

  @sec "tracepoint/syscalls/sys_enter_kill"
  def on_kill(ctx), do: ctx.pid * 1000 + (get_current_pid_tgid() >>> 32)
end
"""


def test_the_context_tells_of_the_packet() -> None:
    sim = honey.simulate(_PACKETS)
    assert sim.fire("long", packet=bytes(40)).value == 3
    done = sim.fire("long", packet=bytes(41))
    assert (done.value, len(done.packet)) == (0, 45)
    assert sim.fire("long", packet=bytes(60), len=4).value == 3
    assert sim.fire("kind", packet=bytes(12) + b"\x86\xdd" + bytes(40)).value == 2
    assert sim.fire("kind", packet=bytes(12) + b"\x08\x00" + bytes(40)).value == 0
    assert sim.fire("kind", packet=bytes(12) + b"\x08\x00" + bytes(40), protocol=0xDD86).value == 2


def test_fields_that_are_called_like_the_tasks_are_given_apart() -> None:
    sim = honey.simulate(_PACKETS)
    assert sim.fire("kill", pid=7, context={"pid": 5}).value == 5007
    with pytest.raises(SimulationError, match="no field pidd"):
        sim.fire("kill", context={"pidd": 5})


_TASKS = """
defmodule Tasks do
  use Honey, license: "GPL"
  import Honey.BpfHelpers

  @sec "tracepoint/sched/sched_process_exit"
  def parent(_ctx) do
    task = get_current_task()
    if core_read(task, :task_struct, [:comm]) != "sh", do: return(-1)
    core_read(task, :task_struct, [:real_parent, :tgid]) * 1000 + core_read(task, :task_struct, [:pid])
  end

  @sec "tracepoint/sched/sched_process_fork"
  def name_space(_ctx), do: core_read(get_current_task(), :task_struct, [:nsproxy, :mnt_ns, :ns, :inum])
end
"""


@pytest.mark.parametrize("passes", [[], None], ids=["plain", "optimised"])
def test_the_current_task_lies_in_kernel_memory(passes: list[str] | None) -> None:
    sim = honey.simulate(_TASKS, passes=passes)
    sim.task.ppid = 5
    assert sim.fire("parent", pid=7, tid=8, comm="sh").value == 5008
    assert sim.fire("parent", pid=9, comm="sh").value == 5009
    assert sim.fire("parent", comm="bash").value == -1
    assert sim.fire("name_space").value == 0
    space = sim.kernel_struct("mnt_namespace", ns={"inum": 77})
    sim.task.address = sim.kernel_struct("task_struct", nsproxy=sim.kernel_struct("nsproxy", mnt_ns=space))
    assert sim.fire("name_space").value == 77


def test_structs_of_the_kernel_have_their_own_fields(sim: Simulation) -> None:
    with pytest.raises(SimulationError, match="no struct task_structs"):
        sim.kernel_struct("task_structs")
    with pytest.raises(SimulationError, match="struct task_struct has no field tgidd"):
        sim.kernel_struct("task_struct", tgidd=1)
    with pytest.raises(SimulationError, match="17 bytes do not fit comm"):
        sim.kernel_struct("task_struct", comm=bytes(17))
