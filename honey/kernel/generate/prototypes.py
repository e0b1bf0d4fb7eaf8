# SPDX-License-Identifier: Apache-2.0
"""Reads ``struct bpf_func_proto`` objects out of a kernel image: what the verifier expects of a helper's arguments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from honey.kernel.generate.btf import Btf, Kind
from honey.kernel.generate.image import KernelImage
from honey.kernel.helpers import Role
from honey.kernel.layout import KernelField, KernelStruct, decode_members

BASE_TYPE_MASK = 0xFF
"""BPF_BASE_TYPE_BITS of include/linux/bpf.h; flags are above."""

ROLES = {
    "ARG_ANYTHING": Role.ANY,
    "ARG_CONST_MAP_PTR": Role.MAP,
    "ARG_PTR_TO_MAP_KEY": Role.MAP_KEY,
    "ARG_PTR_TO_MAP_VALUE": Role.MAP_VALUE,
    "ARG_PTR_TO_MEM": Role.MEMORY,
    "ARG_CONST_SIZE": Role.SIZE,
    "ARG_CONST_SIZE_OR_ZERO": Role.SIZE_OR_ZERO,
    "ARG_PTR_TO_CTX": Role.CONTEXT,
    "ARG_PTR_TO_SPIN_LOCK": Role.MAP_FIELD,
    "ARG_PTR_TO_TIMER": Role.MAP_FIELD,
    "ARG_PTR_TO_KPTR": Role.MAP_FIELD,
    "ARG_PTR_TO_SOCK_COMMON": Role.SOCKET,
    "ARG_PTR_TO_SOCKET": Role.SOCKET,
    "ARG_PTR_TO_BTF_ID_SOCK_COMMON": Role.SOCKET,
    "ARG_PTR_TO_BTF_ID": Role.KERNEL_OBJECT,
    "ARG_PTR_TO_ALLOC_MEM": Role.RECORD,
    "ARG_CONST_ALLOC_SIZE_OR_ZERO": Role.ALLOCATION_SIZE,
    "ARG_PTR_TO_PERCPU_BTF_ID": Role.PER_CPU,
    "ARG_PTR_TO_FUNC": Role.FUNCTION,
    "ARG_PTR_TO_STACK": Role.STACK,
    "ARG_PTR_TO_CONST_STR": Role.STRING,
    "ARG_PTR_TO_DYNPTR": Role.DYNPTR,
}
TO_BE_FILLED = {Role.MEMORY: Role.MEMORY_OUT, Role.MAP_VALUE: Role.MAP_VALUE_OUT}

OTHERWISE_NAMED = {
    "lwt_push_encap": "bpf_lwt_in_push_encap_proto",
    "probe_read_str": "bpf_probe_read_compat_str_proto",
}
"""Helpers whose prototype's symbol does not contain their name."""


@dataclass(frozen=True, slots=True)
class Prototype:
    """The verifier's view of a helper; each argument's role, and whether it may be NULL."""

    gpl_only: bool
    may_sleep: bool
    may_be_null: bool
    arguments: tuple[tuple[Role, bool], ...]


class Prototypes:
    """Finds and decodes the prototypes of a kernel's helpers."""

    def __init__(
        self,
        kernel: Btf,
        types: Mapping[str, Any],
        symbols: Mapping[str, Sequence[int]],
        image: KernelImage,
        names: Collection[str],
    ) -> None:
        """``names`` are those of all helpers, without ``bpf_``."""
        self._symbols, self._image = symbols, image
        size, members = types["bpf_func_proto"]["s"]
        self._layout = KernelStruct("struct", "bpf_func_proto", size, decode_members(members))
        self._bases = {value: label for label, value in _enumerators(kernel, "bpf_arg_type") if value <= BASE_TYPE_MASK}
        self._flags = dict(_enumerators(kernel, "bpf_type_flag"))
        self._own = {f"bpf_{name}_proto" for name in names} & symbols.keys()

    def find(self, name: str) -> Prototype | None:
        """The prototype of the helper ``name`` (without ``bpf_``), ``None`` where this kernel has none.

        Where each program type has its own variant, they are alike in what matters here, and the first one serves.
        """
        symbol = self._symbol(name)
        if symbol is None:
            return None
        contents = [self._image.read(address, self._layout.size) for address in self._symbols[symbol]]
        # A weak placeholder of the same name is all zeros.
        content = next((content for content in contents if any(content)), bytes(self._layout.size))
        result = self._number(content, "ret_type")
        return Prototype(
            gpl_only=bool(self._number(content, "gpl_only")),
            may_sleep=bool(self._number(content, "might_sleep")),
            may_be_null=bool(result & self._flags["PTR_MAYBE_NULL"]),
            arguments=tuple(self._arguments(content)),
        )

    def _symbol(self, name: str) -> str | None:
        exact = OTHERWISE_NAMED.get(name, f"bpf_{name}_proto")
        if exact in self._symbols:
            return exact
        variants = (symbol for symbol in self._symbols if f"{name}_" in symbol and "_proto" in symbol)
        return min((symbol for symbol in variants if symbol not in self._own), key=lambda s: (len(s), s), default=None)

    def _arguments(self, content: bytes) -> list[tuple[Role, bool]]:
        arguments = []
        for position in range(1, 6):
            value = self._number(content, f"arg{position}_type")
            if value == 0:
                break
            role = ROLES[self._bases[value & BASE_TYPE_MASK]]
            if value & self._flags["MEM_UNINIT"]:
                role = TO_BE_FILLED.get(role, role)
            arguments.append((role, bool(value & self._flags["PTR_MAYBE_NULL"])))
        return arguments

    def _number(self, content: bytes, name: str) -> int:
        field: KernelField | None = self._layout.field(name)
        if field is None:
            raise ValueError(f"struct bpf_func_proto has no {name}")
        return int.from_bytes(content[field.offset : field.offset + field.type.size], "little")


def _enumerators(kernel: Btf, name: str) -> tuple[tuple[str, int], ...]:
    return next(type_.values for type_ in kernel.of_kind(Kind.ENUM) if type_.name == name)
