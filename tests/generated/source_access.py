# SPDX-License-Identifier: Apache-2.0
"""Reads and writes of memory for `source_evaluator`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from source_memory import SIZES, Layouts, Network, Number, View, decoded, encoded
from source_values import NEVER, Raised, Symbol, Value, copied, is_own, without_bits


class Access:
    """Values where they lie: structs, arrays, the packet. Nothing is read or written on a quiet run."""

    def __init__(self) -> None:
        self.layouts, self.packet, self.quiet = Layouts(), bytearray(), False

    def quietly(self) -> AbstractContextManager[None]:
        """Nothing happens, and nothing is known but types."""
        return self._run(quiet=True)

    def loudly(self) -> AbstractContextManager[None]:
        """Constants are known on a quiet run as well."""
        return self._run(quiet=False)

    @contextmanager
    def _run(self, *, quiet: bool) -> Iterator[None]:
        before, self.quiet = self.quiet, quiet
        try:
            yield
        finally:
            self.quiet = before

    def present(self, value: Value) -> Any:
        """The value where there is one; what Elixir cannot do with nil raises."""
        if value is None and not self.quiet:
            raise Raised
        return NEVER if value is None else value

    def own(self, value: Value) -> Value:
        """A value as it is bound: structs are copied, references are not."""
        return copied(value, self.layouts.size(value.type)) if is_own(value) else value

    def field(self, value: Value, name: str) -> Value:
        if value == Symbol("ctx"):
            return Number(len(self.packet), False)
        view = self.present(value)
        if view is NEVER:
            return NEVER
        type_, at = self.layouts.known[view.type[7:]].fields[name]
        return self.loaded(view, type_, at)

    def index(self, view: View, index: Value) -> int:
        if self.quiet:
            return 0
        at = self.present(index).value
        if not 0 <= at < self.layouts.size(view.type):
            raise Raised
        return int(at)

    def loaded(self, view: View, type_: str, at: int = 0) -> Value:
        """What lies there: an integer, or a view of a part."""
        if type_ not in SIZES:
            return View(type_, view.home, view.memory, view.offset + at)
        data = bytes(view.memory[view.offset + at : view.offset + at + SIZES[type_]])
        return without_bits(decoded(data or bytes(SIZES[type_]), type_)) if self.quiet else decoded(data, type_)

    def store(self, view: View, type_: str, at: int, value: Value) -> None:
        if self.quiet:
            return
        data = self.stored(value, type_)
        view.memory[view.offset + at : view.offset + at + len(data)] = data

    def stored(self, value: Value, type_: str) -> bytes:
        """The bytes of a value that is stored as ``type_``."""
        value = self.present(value)
        match value:
            case Number(bits=int(bits)) | Network(bits=int(bits)):
                return encoded(bits, type_)
            case View():
                return bytes(value.memory[value.offset : value.offset + self.layouts.size(type_)])
            case list():
                return b"".join(self.stored(each, "u8") for each in value).ljust(self.layouts.size(type_), b"\0")
            case _:
                raise NotImplementedError(repr(value))
