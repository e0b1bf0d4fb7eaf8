# SPDX-License-Identifier: Apache-2.0
"""Reading and emptying maps of every kind, in batches and one by one."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator

import pytest

from agent.job_folder import compile_program
from harness.agent import bpf
from harness.agent.bcc_binding import find_bcc
from harness.agent.libbpf import Libbpf
from harness.agent.load import LoadedSide, load_side
from harness.agent.maps import BatchReader, BpfMap, dump, empty, is_empty, possible_cpus, with_contents

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("kernel")]

ENTRIES = 10_000


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedSide]:
    folder = tmp_path_factory.mktemp("kinds")
    side = load_side(
        Libbpf(), "test", compile_program("kinds", folder), pin_root="/sys/fs/bpf/none", cpus=possible_cpus()
    )
    yield side
    side.close()


def one_by_one(_fd: int, _batch: bpf.Batch) -> tuple[int, bool]:
    raise OSError(errno.EINVAL, "no batches here")


def readers() -> list[tuple[str, BatchReader]]:
    bcc = find_bcc()
    found: list[tuple[str, BatchReader]] = [("bpf", bpf.lookup_batch), ("one by one", one_by_one)]
    return [*found, ("bcc", bcc.lookup_batch)] if bcc else found


def pair(number: int, what: BpfMap) -> tuple[bytes, bytes]:
    value = struct.pack("<Q", number * 3)
    return struct.pack("<I", number), value * (what.value_bytes // 8)


@pytest.mark.parametrize("name", ["hash", "lru_hash", "percpu_hash"])
def test_hashes_are_read_whole_and_emptied(loaded: LoadedSide, name: str) -> None:
    what = loaded.maps[name]
    wanted = dict(pair(number, what) for number in range(ENTRIES))
    for key, value in wanted.items():
        bpf.update(what.fd, key, value)
    for title, reader in readers():
        data = dump(what, reader)
        step = what.entry_bytes
        found = {data[at : at + 4]: data[at + 4 : at + step] for at in range(0, len(data), step)}
        assert found == wanted, title
    assert not is_empty(what)
    empty(what)
    assert is_empty(what)
    assert dump(what) == b""


@pytest.mark.parametrize("name", ["array", "percpu_array"])
def test_arrays_are_read_whole_and_zeroed(loaded: LoadedSide, name: str) -> None:
    what = loaded.maps[name]
    key, value = pair(4999, what)
    assert is_empty(what)
    bpf.update(what.fd, key, value)
    for title, reader in readers():
        data = dump(what, reader)
        assert len(data) == 5000 * what.entry_bytes, title
        assert data.endswith(key + value), title
    assert not is_empty(what)
    empty(what)
    assert is_empty(what)


def test_prefixes_are_read_and_removed(loaded: LoadedSide) -> None:
    what = loaded.maps["lpm_trie"]
    key, value = struct.pack("<I4B", 24, 10, 1, 2, 0), struct.pack("<Q", 9)
    bpf.update(what.fd, key, value)
    assert dump(what) == key + value
    empty(what)
    assert is_empty(what)


@pytest.mark.parametrize(("name", "order"), [("queue", [1, 2, 3]), ("stack", [3, 2, 1])])
def test_queues_and_stacks_come_in_their_order(loaded: LoadedSide, name: str, order: list[int]) -> None:
    what = loaded.maps[name]
    for number in (1, 2, 3):
        bpf.update(what.fd, b"", struct.pack("<Q", number))
    assert [value for (value,) in struct.iter_unpack("<Q", dump(what))] == order
    assert dump(what) == b""


def test_variables_go_back_to_what_they_began_with(loaded: LoadedSide) -> None:
    data, key = loaded.maps[".data"], struct.pack("<I", 0)
    assert dump(data) == key + struct.pack("<Q", 42)
    bpf.update(data.fd, key, struct.pack("<Q", 1000))
    assert not is_empty(data)
    empty(data)
    assert dump(data) == key + struct.pack("<Q", 42)
    empty(loaded.maps[".rodata"])
    assert dump(loaded.maps[".rodata"]).startswith(key + struct.pack("<Q", 7))


def test_contents_set_up_count_as_empty(loaded: LoadedSide) -> None:
    kept, other = pair(1, loaded.maps["hash"]), pair(2, loaded.maps["hash"])
    what = with_contents(loaded.maps["hash"], [kept])
    assert is_empty(what)
    bpf.update(what.fd, *other)
    assert not is_empty(what)
    empty(what)
    assert dump(what) == kept[0] + kept[1]
    bpf.delete(what.fd, kept[0])
