# SPDX-License-Identifier: Apache-2.0
"""Reads what hangs on the current task by loads instead of by a helper call for each pointer on the way.

    task = bpf_get_current_task()                           files = current task -> files -> fdt -> fd
    files = core_read(task, task_struct, files.fdt.fd)  →   (three loads, no call)

Since Linux 5.11 ``bpf_get_current_task_btf`` gives the task as a pointer whose type the verifier knows (commit
3ca1032ab7ab), and lets programs load through it and through the pointers found there; the emitted C asks for the helper
when it is loaded, and reads as before where there is none.

Proof obligation. Such a load that faults gives 0, as the helper's copy of 0 bytes does, and so does one through null or
an address of user space (``PROBE_MEM`` in ``arch/x86/net/bpf_jit_comp.c``): each step gives the same, and so does the
whole. The verifier must know each type on the way: structs of the kernel's, no unions, nor members of one without a
name, of which it would take the first member, no bit-fields, and pointers to structs, the last field excepted, which
must not be one: it would be a pointer with a type itself, and not the number that the program computes with. The read
is the only use of the task's address that it replaces.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, pick, rewrite_block
from honey.passes.rewriting import LETS, each_function, with_body
from honey.records import replace

_HELPER = "bpf_get_current_task"
_STRUCT = "task_struct"


def run(program: n.Program) -> n.Program:
    """``program`` with its reads of the current task by loads."""
    symbols = Symbols.of(program)

    def rule(function: n.Function) -> n.Function:
        tasks = {node.local for node in pick(function.body, LETS) if _asks(node.value)}
        if not tasks:
            return function
        written = locals_written(function.body)
        steady = {local for local in tasks if local.id not in written}

        def by_loads(node: Node) -> Node:
            if not isinstance(node, n.CoreRead) or node.user or node.struct.name != _STRUCT:
                return node
            if _source(node.source) not in steady:
                return node
            nothing = n.Const(0, t.Address(t.Space.KERNEL, node.struct))
            return replace(node, source=nothing, task=True) if _is_known(node, symbols) else node

        return with_body(function, rewrite_block(function.body, by_loads))

    return each_function(program, rule)


def _asks(value: n.Expr | n.Effect | None) -> bool:
    return isinstance(value, n.HelperCall) and value.name == _HELPER


def _source(source: n.Expr) -> n.Local | None:
    """The local whose value a read starts from."""
    while isinstance(source, n.Cast):
        source = source.operand
    return source.place.local if isinstance(source, n.Read) and isinstance(source.place, n.LocalPlace) else None


def _is_known(read: n.CoreRead, symbols: Symbols) -> bool:
    """Whether the verifier knows the type of each step."""
    groups = symbols.read_path(read.struct, read.path) or ()
    struct: t.Type | None = read.struct
    for at, group in enumerate(groups):
        for field in group:
            definition = symbols.structs.get(struct.name) if isinstance(struct, t.Struct) else None
            if definition is None or not definition.type.kernel or field.bit_size or field.in_union:
                return False
            if not definition.spelling.startswith("struct "):
                return False
            struct = field.type
        if at < len(groups) - 1:
            if not isinstance(struct, t.Address) or struct.space is not t.Space.KERNEL:
                return False
            struct = struct.target
    number = isinstance(struct, t.Int)
    return bool(groups) and (number or (isinstance(struct, t.Address) and not isinstance(struct.target, t.Struct)))
