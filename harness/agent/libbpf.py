# SPDX-License-Identifier: Apache-2.0
"""libbpf through ctypes: opening, loading and attaching objects.

Works with libbpf 0.5 (Ubuntu 22.04) to 1.x: what a version lacks is looked up by symbol, not by version number. Before
1.0 a failed call may give an error pointer (``-errno`` cast to a pointer) instead of NULL with ``errno``.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ctypes import c_bool, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from typing import ClassVar

from harness.agent.errors import AgentError

_NAMES = ("libbpf.so.1", "libbpf.so.0", "libbpf.so")
_MAX_ERRNO = 4095
_DEBUG = 2  # LIBBPF_DEBUG
_CALL = 0x85  # BPF_JMP | BPF_CALL; a source register of 0 means a helper
_PRINTK = (6, 177)  # BPF_FUNC_trace_printk, BPF_FUNC_trace_vprintk

_PRINT = ctypes.CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)
SAMPLE = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)


class _OpenOptions(ctypes.Structure):
    """``struct bpf_object_open_opts`` as far as every version since 0.5 has it."""

    _fields_ = (
        ("sz", c_size_t),
        ("object_name", c_char_p),
        ("relaxed_maps", c_bool),
        ("pin_root_path", c_char_p),
        ("attach_prog_fd", c_uint32),
        ("kconfig", c_char_p),
        ("btf_custom_path", c_char_p),
    )


class _LoadAttributes(ctypes.Structure):
    """``struct bpf_object_load_attr``, gone in 1.0."""

    _fields_ = (("obj", c_void_p), ("log_level", c_int), ("target_btf_path", c_char_p))


class Libbpf:
    """The library, with its messages collected instead of printed, by the instance that opened an object last."""

    #: The library keeps the last one that it was given, and may call it when its instance has long gone.
    _callbacks: ClassVar[list[object]] = []

    def __init__(self) -> None:
        self._library = _load_library()
        self._libc = ctypes.CDLL(None)
        self._messages: list[str] = []
        self._debugging = False
        self._callback = _PRINT(self._collect)
        self._callbacks.append(self._callback)
        self._declare()
        self.call("libbpf_set_print", self._callback)
        if self.has("libbpf_set_strict_mode"):
            self.call("libbpf_set_strict_mode", c_int(-1))

    def version(self) -> str:
        """As ``1.1``; libbpf before 0.6 cannot say, which gives ``0.5 or older``."""
        if not self.has("libbpf_major_version"):
            return "0.5 or older"
        return f"{self.call('libbpf_major_version')}.{self.call('libbpf_minor_version')}"

    def has(self, name: str) -> bool:
        """Whether this version has the function ``name``."""
        return hasattr(self._library, name)

    def call(self, name: str, *arguments: object) -> int:
        """Call ``name``; for pointers give an ``int`` that is 0 on error, with the error number in ``errno``."""
        function: Callable[..., int | None] = getattr(self._library, name)
        return function(*arguments) or 0

    def text(self, name: str, pointer: int) -> str:
        """Call ``name``, which gives a string."""
        function = getattr(self._library, name)
        function.restype = c_char_p
        value: bytes | None = function(c_void_p(pointer))
        return (value or b"").decode(errors="replace")

    def messages(self) -> str:
        """What libbpf printed since the last call; its words for debugging only where they were asked for."""
        text = "".join(self._messages)
        self._messages.clear()
        return text

    @contextmanager
    def debugging(self) -> Iterator[None]:
        """Keep what libbpf says for debugging too; it says a lot."""
        self._debugging = True
        try:
            yield
        finally:
            self._debugging = False

    def open(self, path: str, name: str, pin_root: str) -> Object:
        """The object at ``path``, not yet loaded; maps that ask for pinning are pinned below ``pin_root``."""
        options = _OpenOptions(object_name=name.encode(), pin_root_path=pin_root.encode())
        options.sz = ctypes.sizeof(options)
        self.messages()
        self.call("libbpf_set_print", self._callback)
        pointer = self.call("bpf_object__open_file", path.encode(), ctypes.byref(options))
        if code := pointer_error(pointer):
            raise AgentError("open object", f"{os.path.basename(path)}: {os.strerror(code)}", log=self.messages())
        return Object(self, pointer)

    def _collect(self, level: int, form: bytes, arguments: int) -> int:
        if level >= _DEBUG and not self._debugging:
            return 0
        buffer = ctypes.create_string_buffer(1 << 12)
        copied = ctypes.create_string_buffer(32)  # va_list is used up by printing: keep it for a second, longer try
        ctypes.memmove(copied, arguments, 32)
        length: int = self._libc.vsnprintf(buffer, c_size_t(len(buffer)), form, c_void_p(arguments))
        if length >= len(buffer):
            buffer = ctypes.create_string_buffer(length + 1)
            self._libc.vsnprintf(buffer, c_size_t(len(buffer)), form, copied)
        self._messages.append(buffer.value.decode(errors="replace"))
        return length

    def _declare(self) -> None:
        pointers = (
            "bpf_object__open_file bpf_object__next_program bpf_program__next bpf_object__next_map bpf_map__next "
            "bpf_program__attach bpf_program__insns ring_buffer__new perf_buffer__new"
        )
        for name in pointers.split():
            if self.has(name):
                getattr(self._library, name).restype = c_void_p
        getattr(self._library, "libbpf_set_print").restype = c_void_p  # noqa: B009 (one way of naming functions)


class Object:
    """An opened object; :meth:`close` unloads what nothing else holds."""

    def __init__(self, library: Libbpf, pointer: int) -> None:
        self._library = library
        self._pointer = pointer

    def load(self) -> int:
        """Load all programs and make all maps; gives 0 or an error number. The words are in ``messages()``."""
        result = self._library.call("bpf_object__load", c_void_p(self._pointer))
        return abs(result) if result < 0 else result

    def load_logging(self, level: int) -> int:
        """As :meth:`load`, with each program's log among the messages: the way of libbpf before 0.8."""
        attributes = _LoadAttributes(self._pointer, level, None)
        with self._library.debugging():
            return abs(self._library.call("bpf_object__load_xattr", ctypes.byref(attributes)))

    def programs(self) -> Iterator[Program]:
        """The programs, in the object's order."""
        for pointer in self._each("bpf_object__next_program", "bpf_program__next"):
            yield Program(self._library, pointer)

    def maps(self) -> Iterator[tuple[str, int]]:
        """Name and file descriptor of each map. A section's own map (``NAME.bss``) is called by the section."""
        for pointer in self._each("bpf_object__next_map", "bpf_map__next"):
            name = self._library.text("bpf_map__name", pointer)
            at = name.find(".")
            yield (name[at:] if at > 0 else name), self._library.call("bpf_map__fd", c_void_p(pointer))

    def close(self) -> None:
        """Give the object back; nothing happens the second time."""
        if self._pointer:
            self._library.call("bpf_object__close", c_void_p(self._pointer))
            self._pointer = 0

    def _each(self, name: str, old: str) -> Iterator[int]:
        pointer = 0
        while True:
            if self._library.has(name):
                pointer = self._library.call(name, c_void_p(self._pointer), c_void_p(pointer))
            else:
                pointer = self._library.call(old, c_void_p(pointer), c_void_p(self._pointer))
            if pointer == 0:
                return
            yield pointer


class Program:
    """A program of an object."""

    def __init__(self, library: Libbpf, pointer: int) -> None:
        self._library = library
        self._pointer = pointer
        self.name = library.text("bpf_program__name", pointer)
        self.section = library.text("bpf_program__section_name", pointer)

    def fd(self) -> int:
        """Its file descriptor once loaded."""
        return self._library.call("bpf_program__fd", c_void_p(self._pointer))

    def log_to(self, buffer: ctypes.Array[ctypes.c_char], level: int) -> bool:
        """Ask for the verifier's log; ``False`` where libbpf is too old (before 0.8)."""
        if not self._library.has("bpf_program__set_log_buf"):
            return False
        self._library.call("bpf_program__set_log_level", c_void_p(self._pointer), c_uint32(level))
        self._library.call("bpf_program__set_log_buf", c_void_p(self._pointer), buffer, c_size_t(len(buffer)))
        return True

    def prints(self) -> bool:
        """Whether it may call ``bpf_trace_printk`` or ``bpf_trace_vprintk`` (libbpf before 0.6 cannot say: yes)."""
        if not self._library.has("bpf_program__insns"):
            return True
        count = self._library.call("bpf_program__insn_cnt", c_void_p(self._pointer))
        code = ctypes.string_at(self._library.call("bpf_program__insns", c_void_p(self._pointer)), count * 8)
        return any(
            code[at] == _CALL and code[at + 1] >> 4 == 0 and int.from_bytes(code[at + 4 : at + 8], "little") in _PRINTK
            for at in range(0, len(code), 8)
        )

    def attach(self) -> Callable[[], object]:
        """Attach where the section's name says; gives what detaches it. ``AgentError`` with libbpf's words."""
        self._library.messages()
        link = self._library.call("bpf_program__attach", c_void_p(self._pointer))
        if code := pointer_error(link):
            raise AgentError("attach", os.strerror(code), program=self.name, log=self._library.messages())
        return lambda: self._library.call("bpf_link__destroy", c_void_p(link))


def pointer_error(pointer: int) -> int:
    """The error number that a pointer from libbpf stands for, 0 for a real pointer."""
    if pointer == 0:
        return ctypes.get_errno() or 22
    return (1 << 64) - pointer if pointer > (1 << 64) - _MAX_ERRNO else 0


def _load_library() -> ctypes.CDLL:
    for name in _NAMES:
        with suppress(OSError):
            return ctypes.CDLL(name, use_errno=True)
    raise AgentError("load libbpf", f"none of {', '.join(_NAMES)} is installed (Debian and Ubuntu: libbpf1 or libbpf0)")
