# SPDX-License-Identifier: Apache-2.0
"""The traffic monitor as IR written by hand, the way analysis makes it of straightforward Honey."""

from __future__ import annotations

from irbuild import (
    CTX_DEF,
    Fn,
    add,
    cast,
    deref,
    eq,
    field,
    hash_map,
    lookup,
    ne,
    negate,
    num,
    read,
    struct_def,
    update,
    value_of,
)

from honey.ir import nodes as n
from honey.ir import types as t

KEY = struct_def("traffic_key", ("pid", t.U32), ("protocol", t.U8), ("port", t.U16), ("ip", t.BE32))
STATS = struct_def(
    "traffic_stats",
    ("bytes_sent", t.U64),
    ("bytes_recv", t.U64),
    ("packets_sent", t.U64),
    ("packets_recv", t.U64),
    ("last_update_ns", t.U64),
)
IN_ADDR = struct_def("in_addr", ("s_addr", t.BE32))
SOCKADDR_IN = struct_def(
    "sockaddr_in",
    ("sin_family", t.U16),
    ("sin_port", t.BE16),
    ("sin_addr", IN_ADDR.type),
    ("sin_zero", t.Array(t.U8, 8)),
)
IOV_ITER = t.StructDef(
    t.Struct("iov_iter", 40, 8, kernel=True), (t.Field("count", t.U64, 16),), spelling="struct iov_iter"
)
MSGHDR = t.StructDef(
    t.Struct("msghdr", 96, 8, kernel=True),
    (t.Field("msg_name", t.Address(t.Space.KERNEL), 0), t.Field("msg_iter", IOV_ITER.type, 16)),
    spelling="struct msghdr",
)

TRAFFIC = hash_map("traffic_map", KEY.type, STATS.type, 10240)
PROTOCOLS = hash_map("protocol_totals", t.U8, t.U64, 256)
PIDS = hash_map("pid_stats", t.U32, STATS.type, 10240)
ANOMALIES = hash_map("anomaly_map", KEY.type, t.U64, 1024)

UDP, TCP = num(17, t.U8, "IPPROTO_UDP"), num(6, t.U8, "IPPROTO_TCP")


def _protocol() -> n.Function:
    f = Fn("update_protocol", ("protocol", t.U8), ("bytes", t.U64), result=t.VOID)
    protocol, size = f.param(0), f.param(1)
    total = f.let("total", lookup(PROTOCOLS, protocol))
    with f.when(n.IsNull(total)):
        f.do(update(PROTOCOLS, protocol, size))
    with f.otherwise():
        f.do(update(PROTOCOLS, protocol, add(read(deref(total)), size)))
    f.ret()
    return f.done()


def _stats(definition: n.MapDef, key_type: t.Type, *, sent: bool) -> n.Function:
    name = f"update_{definition.name}_{'sent' if sent else 'recv'}"
    f = Fn(name, ("key", key_type), ("bytes", t.U64), result=t.VOID)
    key = read(deref(f.param(0))) if isinstance(key_type, t.Ref) else f.param(0)
    side = "sent" if sent else "recv"
    stats = f.let("stats", lookup(definition, key))
    with f.when(n.IsNull(stats)):
        now = f.let("", n.HelperCall("bpf_ktime_get_ns", (), t.U64))
        fields: dict[str, n.Expr] = {f"bytes_{side}": f.param(1), f"packets_{side}": num(1), "last_update_ns": now}
        f.do(update(definition, key, value_of(STATS, **fields)))
    with f.otherwise():
        f.increase(field(deref(stats), STATS, f"bytes_{side}"), f.param(1))
        f.increase(field(deref(stats), STATS, f"packets_{side}"), 1)
        now = f.let("", n.HelperCall("bpf_ktime_get_ns", (), t.U64))
        f.assign(field(deref(stats), STATS, "last_update_ns"), now)
        f.do(update(definition, key, read(deref(stats))))
    f.ret()
    return f.done()


def _book(*, sent: bool) -> n.Function:
    key_ref = t.Ref(KEY.type, t.Space.STACK, readonly=True)
    side = "sent" if sent else "recv"
    f = Fn(f"book_{side}", ("key", key_ref), ("bytes", t.U64), result=t.VOID)
    key, size = deref(f.param(0)), f.param(1)
    f.do(n.Call("update_protocol", (read(field(key, KEY, "protocol")), size), t.VOID))
    f.do(n.Call(f"update_traffic_map_{side}", (f.param(0), size), t.VOID))
    f.do(n.Call(f"update_pid_stats_{side}", (read(field(key, KEY, "pid")), size), t.VOID))
    f.ret()
    return f.done()


def _handler(name: str, first_line: int) -> tuple[Fn, n.Read]:
    f = Fn(f"trace_{name}", section=f"tracepoint/syscalls/sys_enter_{name}")
    f.first_line = f.line = first_line
    ids = f.let("", n.HelperCall("bpf_get_current_pid_tgid", (), t.U64))
    pid = f.let("pid", cast(n.Binary(n.BinaryOp.SHR, ids, num(32, t.U32), t.U64), t.U32))
    with f.when(eq(pid, 0)):
        f.ret()
    return f, pid


def _read_user(f: Fn, target: n.Place, source: n.Expr) -> n.Read:
    return f.let("", n.ProbeRead(n.ReadKind.USER, target, target.type.size, source))


def _peer(f: Fn, key: n.Place, addr: n.Expr) -> None:
    """Port and address of an IPv4 peer, as ``sendto`` and ``sendmsg`` read it."""
    family = f.var("family", t.U16)
    err = _read_user(f, family, addr)
    inet = eq(read(family), num(2, t.U16, "AF_INET"))
    with f.when(n.Binary(n.BinaryOp.LAND, eq(err, 0), inet, t.BOOL)):
        peer = f.var("peer", SOCKADDR_IN.type)
        err = _read_user(f, peer, addr)
        with f.when(eq(err, 0)):
            port = n.ByteSwap("ntohs", read(field(peer, SOCKADDR_IN, "sin_port")), t.U16)
            f.assign(field(key, KEY, "port"), port)
            f.assign(field(key, KEY, "ip"), read(n.FieldPlace(peer, "sin_addr.s_addr", t.BE32)))


def _book_in(f: Fn, key: n.Read, size: n.Expr, side: str) -> None:
    ref = n.AddressOf(key.place, t.Ref(KEY.type, t.Space.STACK))
    f.do(n.Call(f"book_{side}", (ref, size), t.VOID))
    f.ret()


def _sendto() -> n.Function:
    f, pid = _handler("sendto", 60)
    size = f.let("bytes", f.arg(2))
    with f.when(eq(size, 0)):
        f.ret()
    key = f.let("key", value_of(KEY, pid=pid, protocol=UDP))
    addr = f.let("addr", cast(f.arg(4), t.Address(t.Space.USER, SOCKADDR_IN.type)))
    with f.when(negate(n.IsNull(addr))):
        _peer(f, key.place, addr)
    _book_in(f, key, size, "sent")
    return f.done()


def _recvfrom() -> n.Function:
    f, pid = _handler("recvfrom", 90)
    asked = f.arg(2)
    size = f.let("bytes", n.Select(eq(asked, 0), num(1), asked, t.U64))
    key = f.let("key", value_of(KEY, pid=pid, protocol=UDP))
    _book_in(f, key, size, "recv")
    return f.done()


def _message_bytes() -> n.Function:
    f = Fn("message_bytes", ("msg", t.Address(t.Space.USER, MSGHDR.type)), result=t.U64)
    with f.when(n.IsNull(f.param(0))):
        f.ret(num(1))
    count = f.let("count", n.CoreRead(f.param(0), MSGHDR.type, ("msg_iter", "count"), False, t.U64))
    f.ret(n.Select(ne(count, 0), count, num(1), t.U64))
    return f.done()


def _message(name: str, side: str, first_line: int) -> n.Function:
    f, pid = _handler(name, first_line)
    msg = f.let("msg", cast(f.arg(1), t.Address(t.Space.USER, MSGHDR.type)))
    size = f.let("bytes", n.Call("message_bytes", (msg,), t.U64))
    key = f.let("key", value_of(KEY, pid=pid, protocol=TCP))
    if side == "sent":
        header = f.var("header", MSGHDR.type)
        with f.when(negate(n.IsNull(msg))):
            err = _read_user(f, header, msg)
            name_field = read(field(header, MSGHDR, "msg_name"))
            with f.when(n.Binary(n.BinaryOp.LAND, eq(err, 0), negate(n.IsNull(name_field)), t.BOOL)):
                _peer(f, key.place, f.let("addr", name_field))
    _book_in(f, key, size, side)
    return f.done()


def monitor() -> n.Program:
    """The whole program."""
    key_ref = t.Ref(KEY.type, t.Space.STACK, readonly=True)
    functions = [_protocol()]
    for sent in (True, False):
        functions += [_stats(TRAFFIC, key_ref, sent=sent), _stats(PIDS, t.U32, sent=sent), _book(sent=sent)]
    functions += [_message_bytes(), _sendto(), _recvfrom()]
    functions += [_message("sendmsg", "sent", 100), _message("recvmsg", "recv", 130)]
    structs = (CTX_DEF, KEY, STATS, IN_ADDR, SOCKADDR_IN, IOV_ITER, MSGHDR)
    maps = (TRAFFIC, PROTOCOLS, PIDS, ANOMALIES)
    return n.Program("Monitor", "monitor.ex", "Dual BSD/GPL", structs, maps, tuple(functions))
