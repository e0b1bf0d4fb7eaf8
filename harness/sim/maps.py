# SPDX-License-Identifier: Apache-2.0
"""Simulated maps: hash and array kinds (kernel ``kernel/bpf/hashtab.c``, ``arraymap.c``, ``lpm_trie.c``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final

from harness.objects.maps import MapDefinition
from harness.sim.faults import ProgramError
from harness.sim.helper_table import negative
from harness.sim.memory import M32, Memory

ENOENT: Final = 2
E2BIG: Final = 7
EEXIST: Final = 17
EINVAL: Final = 22
ENOSPC: Final = 28

BPF_ANY: Final = 0
BPF_NOEXIST: Final = 1
BPF_EXIST: Final = 2
#: Up to this many elements an array has all of them ready; beyond, they are made when they are first looked up.
_EAGER: Final = 4096


class SimMap:
    """What all maps have; kinds override what they can do.

    ``address`` is what programs see as the map. ``direct`` is, where a look-up is nothing more than that, a dictionary
    from key to address; ``by_number`` says that ``at(index)`` finds values. ``cpu`` is set by the machine.
    """

    direct: dict[bytes, int] | None = None
    by_number: ClassVar[bool] = False
    update: Callable[[bytes, bytes, int], int] | None = None

    def __init__(self, definition: MapDefinition, memory: Memory, cpus: int) -> None:
        self.definition = definition
        self.name = definition.name
        self.key_size = definition.key_size
        self.value_size = definition.value_size
        self.max_entries = definition.max_entries
        self.memory = memory
        self.cpus = cpus if definition.per_cpu else 1
        self.cpu = 0
        self.stride = -(-definition.value_size // 8) * 8 if definition.per_cpu else definition.value_size
        self.address = memory.place(None)

    def find(self, key: bytes) -> int:
        """The address of the value, 0 where there is none."""
        del key
        raise ProgramError(f"map {self.name} ({self.definition.type}) has no look-up")

    def at(self, index: int) -> int:
        """The address of element ``index``, 0 where there is none."""
        return self.find(index.to_bytes(4, "little"))

    def delete(self, key: bytes) -> int:
        """0 or the negative errno."""
        del key
        return negative(EINVAL)

    def clear(self) -> None:
        """Back to how the map was created."""

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values as user space reads them: a per-CPU value is all CPUs' values, rounded up to 8 bytes."""
        return iter(())

    def load(self, items: Iterator[tuple[bytes, bytes]]) -> None:
        """Fill the map as user space does."""
        for key, value in items:
            assert self.update is not None
            self.update(key, value, BPF_ANY)

    def _value(self, address: int) -> bytes:
        return bytes(self.memory.regions[address >> 32])

    def _fresh(self, value: bytes) -> int:
        """A new element whose value on this CPU is ``value``; other CPUs start with zeros."""
        content = bytearray(self.stride * self.cpus)
        start = self.stride * self.cpu
        content[start : start + len(value)] = value
        return self.memory.allocate(content)

    def _overwrite(self, address: int, value: bytes) -> None:
        """Change a value where it lies."""
        content = self.memory.regions[address >> 32]
        start = (address & M32) + self.stride * self.cpu
        content[start : start + len(value)] = value


class HashMap(SimMap):
    """``hash``: an update of a present key makes a new element, and pointers to the old one no longer matter."""

    full: ClassVar[int] = E2BIG
    """The error for one key more than the map holds."""

    def __init__(self, definition: MapDefinition, memory: Memory, cpus: int) -> None:
        super().__init__(definition, memory, cpus)
        self.index: dict[bytes, int] = {}
        self.direct = self.index
        self.update = self._update

    def find(self, key: bytes) -> int:
        return self.index.get(key, 0)

    def _update(self, key: bytes, value: bytes, flags: int) -> int:
        present = self.index.get(key)
        if flags > BPF_EXIST:
            return negative(EINVAL)
        if present is None:
            if flags == BPF_EXIST:
                return negative(ENOENT)
            if len(self.index) >= self.max_entries and not self._make_room():
                return negative(self.full)
        elif flags == BPF_NOEXIST:
            return negative(EEXIST)
        self._store(key, value, present)
        return 0

    def _make_room(self) -> bool:
        return False

    def _store(self, key: bytes, value: bytes, present: int | None) -> None:
        if present is not None:
            self.memory.retire(present)
        self.index[key] = self.memory.allocate(bytearray(value))

    def delete(self, key: bytes) -> int:
        address = self.index.pop(key, None)
        if address is None:
            return negative(ENOENT)
        self.memory.retire(address)
        return 0

    def clear(self) -> None:
        for key in list(self.index):
            self.delete(key)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        for key, address in list(self.index.items()):
            yield key, self._value(address)


class PerCpuHashMap(HashMap):
    """``percpu_hash``: present values are changed in place."""

    def __init__(self, definition: MapDefinition, memory: Memory, cpus: int) -> None:
        super().__init__(definition, memory, cpus)
        self.direct = None

    def find(self, key: bytes) -> int:
        address = self.index.get(key, 0)
        return address + self.stride * self.cpu if address else 0

    def _store(self, key: bytes, value: bytes, present: int | None) -> None:
        if present is None:
            self.index[key] = self._fresh(value)
        else:
            self._overwrite(present, value)

    def load(self, items: Iterator[tuple[bytes, bytes]]) -> None:
        for key, values in items:
            self._update(key, b"", BPF_ANY)
            self.memory.regions[self.index[key] >> 32][: len(values)] = values


class LruHashMap(HashMap):
    """``lru_hash``: when full, what was used longest ago goes.

    The kernel approximates this with per-CPU free lists and a reference bit, and may evict before the map is full; here
    the order is exact, so that results repeat.
    """

    def __init__(self, definition: MapDefinition, memory: Memory, cpus: int) -> None:
        super().__init__(definition, memory, cpus)
        self.direct = None

    def find(self, key: bytes) -> int:
        address = self.index.pop(key, 0)
        if address:
            self.index[key] = address
        return address

    def _make_room(self) -> bool:
        return self.delete(next(iter(self.index))) == 0

    def _store(self, key: bytes, value: bytes, present: int | None) -> None:
        self.index.pop(key, None)
        super()._store(key, value, present)


class LruPerCpuHashMap(PerCpuHashMap):
    """``lru_percpu_hash``: both of the above."""

    def find(self, key: bytes) -> int:
        address = self.index.pop(key, 0)
        if not address:
            return 0
        self.index[key] = address
        return address + self.stride * self.cpu

    def _make_room(self) -> bool:
        return self.delete(next(iter(self.index))) == 0


class ArrayMap(SimMap):
    """``array`` and ``percpu_array``: every index below ``max_entries`` has a value, zero at first."""

    by_number: ClassVar[bool] = True

    def __init__(self, definition: MapDefinition, memory: Memory, cpus: int) -> None:
        super().__init__(definition, memory, cpus)
        self.update = self._update
        self.elements: dict[int, int] = {}
        if self.max_entries <= _EAGER:
            for index in range(self.max_entries):
                self.elements[index] = self._element()

    def _element(self) -> int:
        return self.memory.allocate(bytearray(self.stride * self.cpus))

    def at(self, index: int) -> int:
        address = self.elements.get(index)
        if address is None:
            if index >= self.max_entries:
                return 0
            address = self.elements[index] = self._element()
        return address + self.stride * self.cpu

    def find(self, key: bytes) -> int:
        return self.at(int.from_bytes(key, "little"))

    def _update(self, key: bytes, value: bytes, flags: int) -> int:
        if flags > BPF_EXIST:
            return negative(EINVAL)
        address = self.find(key)
        if not address:
            return negative(E2BIG)
        if flags == BPF_NOEXIST:
            return negative(EEXIST)
        self._overwrite(address - self.stride * self.cpu, value)
        return 0

    def load(self, items: Iterator[tuple[bytes, bytes]]) -> None:
        for key, values in items:
            address = self.find(key)
            self.memory.regions[address >> 32][: len(values)] = values

    def clear(self) -> None:
        for address in self.elements.values():
            content = self.memory.regions[address >> 32]
            content[:] = bytes(len(content))

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        zero = bytes(self.stride * self.cpus)
        for index in range(self.max_entries):
            address = self.elements.get(index)
            yield index.to_bytes(4, "little"), zero if address is None else self._value(address)


class DataMap(SimMap):
    """A data section: one value at an address that is known when a program is translated."""

    def __init__(self, definition: MapDefinition, memory: Memory, cpus: int) -> None:
        super().__init__(definition, memory, cpus)
        self.content = bytearray(definition.initial or b"")
        self.content_address = memory.place(self.content)

    def clear(self) -> None:
        self.content[:] = self.definition.initial or b""

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        yield bytes(4), bytes(self.content)


class LpmTrieMap(HashMap):
    """``lpm_trie``: a key is a prefix length (four bytes) and an address; the longest prefix that matches wins.

    The bits of an address behind its prefix do not count, but stay in the key that user space reads.
    """

    full: ClassVar[int] = ENOSPC

    def __init__(self, definition: MapDefinition, memory: Memory, cpus: int) -> None:
        super().__init__(definition, memory, cpus)
        self.direct = None
        self._given: dict[bytes, bytes] = {}

    def _masked(self, key: bytes, length: int) -> bytes:
        bits = 8 * (self.key_size - 4)
        mask = ((1 << length) - 1) << bits - length
        address = int.from_bytes(key[4:], "big") & mask
        return length.to_bytes(4, "little") + address.to_bytes(self.key_size - 4, "big")

    def find(self, key: bytes) -> int:
        for length in range(min(int.from_bytes(key[:4], "little"), 8 * (self.key_size - 4)), -1, -1):
            address = self.index.get(self._masked(key, length))
            if address:
                return address
        return 0

    def _update(self, key: bytes, value: bytes, flags: int) -> int:
        length = int.from_bytes(key[:4], "little")
        if length > 8 * (self.key_size - 4):
            return negative(EINVAL)
        result = super()._update(self._masked(key, length), value, flags)
        if result == 0:
            self._given[self._masked(key, length)] = key
        return result

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        for key, value in super().items():
            yield self._given[key], value

    def delete(self, key: bytes) -> int:
        length = int.from_bytes(key[:4], "little")
        if length > 8 * (self.key_size - 4):
            return negative(EINVAL)
        return super().delete(self._masked(key, length))


class ReferenceMap(SimMap):
    """Maps of programs, maps or devices: values are names that user space puts there.

    ``prog_array`` is used by tail calls, ``array_of_maps`` and ``hash_of_maps`` give another map's address,
    ``devmap`` and ``cpumap`` only say whether an entry is there (for ``bpf_redirect_map``).
    """

    def __init__(self, definition: MapDefinition, memory: Memory, cpus: int) -> None:
        super().__init__(definition, memory, cpus)
        self.targets: dict[bytes, Any] = {}

    def put(self, key: int | bytes, target: Any) -> None:
        """Set an entry: a program's name, a :class:`SimMap`, a device's or CPU's number."""
        self.targets[key.to_bytes(self.key_size, "little") if isinstance(key, int) else key] = target

    def find(self, key: bytes) -> int:
        target = self.targets.get(key)
        return target.address if isinstance(target, SimMap) else 0

    def delete(self, key: bytes) -> int:
        return 0 if self.targets.pop(key, None) is not None else negative(ENOENT)
