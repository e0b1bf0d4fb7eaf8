# SPDX-License-Identifier: Apache-2.0
"""Of maps and streams that everybody changes, only some entries are looked at."""

from __future__ import annotations

import struct

from harness.agent.watch import Watched

ENTRY = struct.Struct("<IIQ")  # key: operation and pid; value


def dump(*entries: tuple[int, int, int]) -> bytes:
    return b"".join(ENTRY.pack(*entry) for entry in entries)


def test_entries_of_the_workload_s_own_processes_are_kept() -> None:
    watched = Watched.read({"part": "key", "offset": 4, "size": 4})
    contents = dump((1, 100, 7), (1, 999, 8), (2, 101, 9))
    assert watched.entries(contents, 8, 16, (100, 101)) == dump((1, 100, 7), (2, 101, 9))


def test_a_number_in_the_value_can_say_whose_an_entry_is() -> None:
    watched = Watched.read({"part": "value", "offset": 0, "size": 8})
    assert watched.entries(dump((1, 2, 100), (3, 4, 5)), 8, 16, (100,)) == dump((1, 2, 100))


def test_keys_are_kept_by_range_whoever_made_them() -> None:
    watched = Watched.read({"part": "key", "offset": 0, "size": 4, "ranges": [[5, 6], [9, 9]]})
    contents = dump(*((key, 0, 0) for key in range(12)))
    assert watched.entries(contents, 8, 16, ()) == dump((5, 0, 0), (6, 0, 0), (9, 0, 0))


def test_records_of_others_are_left_out() -> None:
    watched = Watched.read({"part": "value", "offset": 4, "size": 4})
    assert watched.record(struct.pack("<II", 1, 100), (100,))
    assert not watched.record(struct.pack("<II", 100, 1), (100,))
