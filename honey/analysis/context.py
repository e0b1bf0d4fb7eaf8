# SPDX-License-Identifier: Apache-2.0
"""The handler's context: what ``ctx.name`` and ``ctx.args[n]`` are in each kind of section."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from honey.analysis import convert, kernel_types
from honey.analysis.errors import suggestion
from honey.analysis.values import AddressValue, BoolValue, ContextValue, IntValue, MemoryValue, Value
from honey.ir import nodes as n
from honey.ir import types as t
from honey.kernel import functions
from honey.kernel.sections import Context
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.kernel.layout import KernelType
    from honey.kernel.sections import Section

NETWORK_ORDER: dict[tuple[str, str], t.Int] = {
    ("__sk_buff", "protocol"): t.BE16,
    ("__sk_buff", "vlan_proto"): t.BE16,
    ("__sk_buff", "remote_ip4"): t.BE32,
    ("__sk_buff", "local_ip4"): t.BE32,
    ("__sk_buff", "remote_port"): t.BE32,
    ("bpf_sock_addr", "user_ip4"): t.BE32,
    ("bpf_sock_addr", "user_port"): t.BE16,
    ("bpf_sock_addr", "msg_src_ip4"): t.BE32,
    ("bpf_sock_ops", "remote_ip4"): t.BE32,
    ("bpf_sock_ops", "local_ip4"): t.BE32,
    ("bpf_sock_ops", "remote_port"): t.BE32,
    ("sk_msg_md", "remote_ip4"): t.BE32,
    ("sk_msg_md", "local_ip4"): t.BE32,
    ("sk_msg_md", "remote_port"): t.BE32,
    ("bpf_sk_lookup", "remote_ip4"): t.BE32,
    ("bpf_sk_lookup", "local_ip4"): t.BE32,
}
"""Fields that are declared as host order and hold network order, as include/uapi/linux/bpf.h says beside them."""

_REGISTERS = ("di", "si", "dx", "cx", "r8", "r9")
"""The registers of a function's arguments on x86-64, as ``struct pt_regs`` calls them."""


def is_arguments(fl: Lowering, node: ast.Dot) -> bool:
    """Whether ``node`` is ``ctx.args``."""
    if node.name != "args" or not isinstance(node.target, ast.Var):
        return False
    binding = fl.scope.find(node.target.name)
    return binding is not None and isinstance(binding.value, ContextValue)


def argument(fl: Lowering, node: ast.Index, name: str) -> Value:
    """``ctx.args[n]``: a ``:u64``."""
    del name
    assert isinstance(node.target, ast.Dot)
    context = fl.value(node.target.target)
    assert isinstance(context, ContextValue)
    number = fl.constant(fl.required(fl.value(node.key), node.key.span))
    if number is None:
        raise fl.mistake("HNY0701", "the number of an argument must be constant", node.key.span, help="`ctx.args[0]`")
    array, place = _array(fl, context, node)
    if not 0 <= number < array.length:
        raise fl.mistake(
            "HNY0701", f"there are arguments 0 to {array.length - 1} here", node.key.span, help="count them from 0"
        )
    return IntValue(_argument(array, place, number))


def _argument(array: t.Array, place: n.Place, number: int) -> n.Expr:
    return n.Read(n.IndexPlace(place, n.Const(number, t.U64), array.element), array.element)


def _array(fl: Lowering, context: ContextValue, node: ast.Node) -> tuple[t.Array, n.Place]:
    whole = _whole(context)
    if isinstance(whole.type, t.Array):
        return t.Array(t.U64, whole.type.length), whole
    assert isinstance(whole.type, t.Struct)
    field = fl.unit.module.structs.field(whole.type, "args")
    if field is None or not isinstance(field.type, t.Array):
        raise fl.mistake(
            "HNY0701",
            "this context has no list of arguments",
            node.span,
            help=f"its fields are {', '.join(_names(fl, whole.type))}",
        )
    element = t.U64
    length = field.type.length or 12
    return t.Array(element, length), n.FieldPlace(whole, "args", field.type)


def _whole(context: ContextValue) -> n.Place:
    type_ = context.expr.type
    assert isinstance(type_, t.Ref)
    return n.DerefPlace(context.expr, type_.target)


def field(fl: Lowering, context: ContextValue, node: ast.Dot, name: str) -> Value:
    """``ctx.name``."""
    del name
    section = fl.section
    shape = section.shape if section is not None else Context.STRUCT
    if shape is Context.ARGUMENTS:
        return _function_argument(fl, context, node)
    if shape is Context.REGISTERS:
        return _register(fl, context, node)
    if section is not None and section.kind in ("tracepoint", "tp"):
        found = _tracepoint(fl, context, node, section.target)
        if found is not None:
            return found
    return _member(fl, context, node)


def _member(fl: Lowering, context: ContextValue, node: ast.Dot) -> Value:
    whole = _whole(context)
    if not isinstance(whole.type, t.Struct):
        raise fl.mistake("HNY0701", f"this context has no field {node.name}", node.name_span, help="use `ctx.args[n]`")
    found = fl.unit.module.structs.field(whole.type, node.name)
    if found is None:
        raise _unknown(fl, node, _names(fl, whole.type))
    from honey.analysis.access import read_place

    value = read_place(n.FieldPlace(whole, found.name, found.type), reference=False)
    order = NETWORK_ORDER.get((whole.type.name, found.name))
    if order is not None and isinstance(value, IntValue):
        return IntValue(n.Cast(convert.cast(value.expr, t.Int(order.bits)), order))
    return value


def _names(fl: Lowering, struct: t.Struct) -> list[str]:
    return [name for name in fl.unit.module.structs.field_names(struct) if name not in ("ent", "__data")]


def _unknown(fl: Lowering, node: ast.Dot, names: Iterable[str]) -> Exception:
    from honey.analysis import foreign

    known = list(dict.fromkeys(names))
    has = f"it has {', '.join(known)}" if known else "write `ctx.args[n]`"
    return fl.mistake(
        "HNY0701",
        f"the context has no field {node.name}",
        node.name_span,
        help=_from_helper(fl, foreign.CONTEXT.get(node.name)) or suggestion(node.name, known, "ctx.{}") or has,
    )


def _from_helper(fl: Lowering, help: str | None) -> str | None:
    """``help``, if it names a helper that programs of this kind may call."""
    from honey.kernel import helpers

    called = help.partition("`")[2].partition("(")[0] if help is not None else ""
    if called.startswith("Honey.Packet."):
        return help if fl.section is not None and fl.section.kind.startswith("xdp") else None
    found = helpers.helper(called) if called else None
    may = found is not None and fl.section is not None and found.allowed_in(fl.section.kind) is not False
    return help if may else None


# ---------------------------------------------------------------- tracepoints


def _tracepoint(fl: Lowering, context: ContextValue, node: ast.Dot, path: str) -> Value | None:
    if path.startswith("syscalls/sys_enter_"):
        return _syscall_argument(fl, context, node, path.partition("/")[2])
    from honey.kernel import tracepoints

    tracepoint = tracepoints.find(path)
    if tracepoint is None:
        return None
    found = tracepoint.field(node.name)
    if found is None:
        raise _unknown(fl, node, [field.name for field in tracepoint.fields])
    if not found.dynamic:
        return None
    return _dynamic(fl, context, found.member)


def _dynamic(fl: Lowering, context: ContextValue, member: str) -> Value:
    """A field whose bytes lie behind the record: their address in kernel memory."""
    whole = _whole(context)
    assert isinstance(whole.type, t.Struct)
    field = fl.unit.module.structs.field(whole.type, member)
    assert field is not None
    place = n.Read(n.FieldPlace(whole, field.name, field.type), field.type)
    offset = n.Binary(n.BinaryOp.AND, convert.cast(place, t.U64), n.Const(0xFFFF, t.U64), t.U64)
    address = n.Binary(n.BinaryOp.ADD, n.Cast(context.expr, t.U64), offset, t.U64)
    return AddressValue(n.Cast(address, t.Address(t.Space.KERNEL)))


def _syscall_argument(fl: Lowering, context: ContextValue, node: ast.Dot, name: str) -> Value | None:
    from honey.kernel import syscalls

    signature = syscalls.signature(name)
    if signature is None or node.name in ("id", "args"):
        return None
    found = signature.argument(node.name)
    if found is None:
        names = [argument.name for argument in signature.arguments]
        raise _unknown(fl, node, [*names, "id", "args"])
    array, place = _array(fl, context, node)
    return typed(_argument(array, place, found.index), found.type, t.Space.USER)


def typed(raw: n.Expr, type_: KernelType | None, space: t.Space) -> Value:
    """A 64-bit register as what it holds: an integer of its own width, or an address in ``space``."""
    converted = kernel_types.convert(type_)
    match converted:
        case t.Address(_, target):
            return AddressValue(n.Cast(raw, t.Address(space, target)))
        case t.Bool():
            return BoolValue(n.Binary(n.BinaryOp.NE, raw, n.Const(0, t.U64), t.BOOL))
        case t.Int(big_endian=False):
            return IntValue(convert.cast(raw, converted))
        case _:
            return IntValue(raw)


# ---------------------------------------------------------------- functions


def traced_function(section: Section) -> functions.Function | None:
    """The prototype of what a program with a function's arguments is attached to, or ``None``."""
    kind = section.kind.removesuffix(".s")
    if kind in ("lsm", "lsm_cgroup"):
        return functions.lsm_hook(section.target)
    if kind in ("tp_btf", "raw_tp", "raw_tracepoint"):
        return functions.raw_tracepoint(section.target)
    return functions.signature(section.target)


def _function_argument(fl: Lowering, context: ContextValue, node: ast.Dot) -> Value:
    """fentry, fexit, tp_btf, lsm: the arguments of the function by name, ``ret`` last."""
    section = fl.section
    assert section is not None
    kind = section.kind.removesuffix(".s")
    function = traced_function(section)
    if function is None:
        raise fl.mistake("HNY0701", "the arguments of this program have no names", node.span, help="use `ctx.args[n]`")
    names = [parameter.name for parameter in function.parameters]
    array = t.Array(t.U64, 12)
    if node.name == "ret" and kind in ("fexit", "fmod_ret", "lsm"):
        return typed(_argument(array, _whole(context), len(names)), function.result, t.Space.KERNEL)
    if node.name not in names:
        raise _unknown(fl, node, [*names, *(["ret"] if kind in ("fexit", "fmod_ret") else [])])
    index = names.index(node.name)
    return typed(_argument(array, _whole(context), index), function.parameters[index].type, t.Space.KERNEL)


def _register(fl: Lowering, context: ContextValue, node: ast.Dot) -> Value:
    """kprobe and uprobe: arguments by the function's names; kretprobe: ``ret``; else registers by their names."""
    section = fl.section
    assert section is not None
    of_kernel = section.kind.startswith(("kprobe", "kretprobe"))
    function = functions.signature(section.target.partition("+")[0]) if of_kernel else None
    returns = "ret" in section.kind
    if node.name == "ret" and returns:
        return typed(_read_register(fl, context, "ax"), function.result if function else None, t.Space.KERNEL)
    # At the function's end, the registers hold its arguments no more.
    names = [parameter.name for parameter in function.parameters] if function is not None and not returns else []
    if function is not None and node.name in names[: len(_REGISTERS)]:
        index = names.index(node.name)
        raw = _read_register(fl, context, _REGISTERS[index])
        return typed(raw, function.parameters[index].type, t.Space.KERNEL)
    whole = _whole(context)
    if isinstance(whole.type, t.Struct) and fl.unit.module.structs.field(whole.type, node.name) is not None:
        return _member(fl, context, node)
    if node.name == "ret" and of_kernel:
        help = f'the result is there when the function ends: `@sec "kretprobe/{section.target}"`'
        raise fl.mistake("HNY0701", "the context has no field ret", node.name_span, help=help)
    raise _unknown(fl, node, ["ret"] if returns else names)


def _read_register(fl: Lowering, context: ContextValue, name: str) -> n.Expr:
    whole = _whole(context)
    assert isinstance(whole.type, t.Struct)
    field = fl.unit.module.structs.field(whole.type, name)
    assert field is not None
    return n.Read(n.FieldPlace(whole, field.name, field.type), field.type)


__all__ = ["MemoryValue", "argument", "field", "is_arguments", "typed"]
