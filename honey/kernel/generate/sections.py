# SPDX-License-Identifier: Apache-2.0
"""The table of section names: the names and types are asked from libbpf, the contexts from the kernel's BTF."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any

from honey.kernel.generate.btf import Btf, Kind
from honey.kernel.sections import Context

PROGRAM_TYPE, ATTACH_TYPE = "BPF_PROG_TYPE_", "BPF_"
NO_SUCH_SECTION = "no-such-section"
CONTEXT_TYPES = "bpf_ctx_convert"
"""The kernel's list of the context that each program type has (include/linux/bpf_types.h)."""

ARGUMENT_TYPES = frozenset({"BPF_PROG_TYPE_TRACING", "BPF_PROG_TYPE_LSM", "BPF_PROG_TYPE_EXT"})


def section_kinds(kernel: Btf) -> dict[str, dict[str, Any]]:
    """By kind of section, in libbpf's order, the fields of ``honey.kernel.sections.SectionKind``."""
    libbpf = ctypes.CDLL("libbpf.so.1")
    contexts = _contexts(kernel)
    program_types = _enumerators(kernel, "bpf_prog_type")
    attach_types = _enumerators(kernel, "bpf_attach_type")
    rows: dict[str, dict[str, Any]] = {}
    for spelling in _known_sections(libbpf):
        name = spelling.rstrip("+")
        program, attach = _types_of(libbpf, f"{name}/x" if spelling.endswith("+") else name)
        context = contexts.get(program_types[program])
        rows[name] = {
            "program_type": program_types[program],
            "attach_type": attach_types[attach] if attach or "ingress" in name else None,
            "shape": _shape(name, program_types[program], context).value,
            "context": context,
            "sleepable": name.endswith(".s") or name == "syscall",
            "takes_target": spelling.endswith("+"),
        }
    return rows


def _shape(name: str, program_type: str, context: str | None) -> Context:
    if program_type in ARGUMENT_TYPES and not name.startswith("iter"):
        return Context.ARGUMENTS
    if context == "pt_regs":
        return Context.REGISTERS
    has_struct = context is not None or program_type in ("BPF_PROG_TYPE_TRACEPOINT", "BPF_PROG_TYPE_TRACING")
    return Context.STRUCT if has_struct else Context.OPAQUE


def _contexts(kernel: Btf) -> dict[str, str]:
    """The context struct's tag by program type; the member ``BPF_PROG_TYPE_X_prog`` has it as its type."""
    converter = next(type_ for type_ in kernel.of_kind(Kind.STRUCT) if type_.name == CONTEXT_TYPES)
    contexts = {}
    for member in converter.members:
        program_type, _, side = member.name.rpartition("_")
        type_ = kernel.unqualified(member.type)
        while type_.kind is Kind.TYPEDEF:
            type_ = kernel.unqualified(type_.ref)
        if side == "prog" and type_.kind is Kind.STRUCT:
            contexts[program_type] = type_.name
    return contexts


def _enumerators(kernel: Btf, name: str) -> Mapping[int, str]:
    enumeration = next(type_ for type_ in kernel.of_kind(Kind.ENUM) if type_.name == name)
    return {value: label for label, value in enumeration.values}


def _types_of(libbpf: ctypes.CDLL, section: str) -> tuple[int, int]:
    program, attach = ctypes.c_int(0), ctypes.c_int(0)
    if libbpf.libbpf_prog_type_by_name(section.encode(), ctypes.byref(program), ctypes.byref(attach)) != 0:
        raise ValueError(f"libbpf does not know the section {section}")
    return program.value, attach.value


def _known_sections(libbpf: ctypes.CDLL) -> list[str]:
    """The names that libbpf lists when it is asked for one it does not know; ``+`` stands for ``/TARGET``."""
    messages: list[str] = []
    libc = ctypes.CDLL(None)

    def note(_level: int, text: bytes, arguments: int) -> int:
        buffer = ctypes.create_string_buffer(1 << 16)
        libc.vsnprintf(buffer, len(buffer), text, ctypes.c_void_p(arguments))
        messages.append(buffer.value.decode())
        return 0

    with_print: Callable[..., Any] = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    callback = with_print(note)
    libbpf.libbpf_set_print.restype = ctypes.c_void_p
    before = libbpf.libbpf_set_print(callback)
    program, attach = ctypes.c_int(0), ctypes.c_int(0)
    libbpf.libbpf_prog_type_by_name(NO_SUCH_SECTION.encode(), ctypes.byref(program), ctypes.byref(attach))
    libbpf.libbpf_set_print(ctypes.c_void_p(before))
    listing = next(message for message in messages if " are: " in message)
    return listing.partition(" are: ")[2].split()
