# SPDX-License-Identifier: Apache-2.0
"""Keys and values through their types: decoding, encoding, padding, speed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.objects import BpfObject, Decoder, ObjectError, padding

VALUES = ("plain_map", "nested_map", "shared_map", "wide_map")


def decoder(obj: BpfObject, name: str) -> Decoder:
    type_id = obj.maps[name].value_type
    assert type_id is not None
    return Decoder(obj.btf, type_id)


def test_numbers_have_their_size_and_sign(shapes: BpfObject) -> None:
    value = {"pid": 0xFFFFFFFF, "protocol": 255, "port": 1, "ip": 2, "when": -3, "color": -1, "yes": 1}
    raw = decoder(shapes, "plain_map").encode(value)
    assert raw.hex(" ", 4) == "ffffffff ff000100 02000000 00000000 fdffffff ffffffff ffffffff 01000000"
    assert decoder(shapes, "plain_map").decode(raw) == value | {"color": 0xFFFFFFFF}


def test_structs_arrays_and_text_nest(shapes: BpfObject) -> None:
    value: dict[str, Any] = {
        "one": {"a": 1, "b": 2},
        "many": [{"a": 3, "b": 4}, {"a": 5, "b": 6}, {"a": 7, "b": 8}],
        "name": "bash",
        "mac": [1, 2, 3, 4, 5, 6],
        "longs": list(range(20)),
        "pointer": 0xFFFF888000000000,
        "last": -1,
    }
    nested = decoder(shapes, "nested_map")
    assert nested.decode(nested.encode(value)) == value
    assert nested.decode(nested.encode({"name": "ganzvol"}))["name"] == "ganzvol"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"\0a"])
def test_char_arrays_that_are_no_text_stay_bytes(shapes: BpfObject, content: bytes) -> None:
    nested = decoder(shapes, "nested_map")
    raw = nested.encode({"name": content})
    assert nested.decode(raw)["name"] == content.ljust(7, b"\0")
    assert nested.encode(nested.decode(raw)) == raw


def test_unions_show_every_reading_and_bit_fields_their_bits(shapes: BpfObject) -> None:
    shared = decoder(shapes, "shared_map")
    raw = shared.encode({"whole": 0x0605040302010000, "flag": 1, "kind": 9, "delta": -5, "rest": 3, "constant": 7})
    value = shared.decode(raw)
    assert (value["low"], value["high"], value["bytes"]) == (0x02010000, 0x0403, [0, 0, 1])
    assert (value["flag"], value["kind"], value["delta"], value["rest"]) == (1, 9, -5, 3)
    assert value["constant"] == 7


def test_padding_is_what_no_field_covers(shapes: BpfObject) -> None:
    found = {name: padding(shapes.btf, decoder(shapes, name).type_id) for name in VALUES}
    assert found == {
        "plain_map": [(5, 1), (12, 4), (29, 3)],
        "nested_map": [(3, 1), (7, 1), (11, 1), (15, 1), (29, 3), (120, 3), (124, 4)],
        "shared_map": [(15, 1)],
        "wide_map": [(5, 1), (12, 4), (29, 3)],
    }


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(min_size=128, max_size=128), name=st.sampled_from(VALUES))
def test_decoding_loses_nothing_but_padding(shapes: BpfObject, raw: bytes, name: str) -> None:
    found = decoder(shapes, name)
    content = bytearray(raw[: found.size])
    for offset, size in padding(shapes.btf, found.type_id):
        content[offset : offset + size] = bytes(size)
    again = bytearray(found.encode(found.decode(raw)))
    if name == "shared_map":
        # Eleven of the bits before, three of the bits after the boundary belong to no field.
        content[11] &= 0x07
        content[14] &= 0x1F
    assert again == content


def test_many_at_once_are_as_one_by_one(shapes: BpfObject) -> None:
    found = decoder(shapes, "plain_map")
    entries = [found.encode({"pid": n, "when": -n}) for n in range(50)]
    one_by_one = [found.decode(entry) for entry in entries]
    assert found.decode_many(b"".join(entries)) == one_by_one
    apart = b"".join(b"key." + entry + bytes(4) for entry in entries)
    assert found.decode_many(apart, offset=4, stride=40) == one_by_one


def test_a_million_entries_decode_in_seconds(shapes: BpfObject) -> None:
    found = decoder(shapes, "plain_map")
    raw = found.encode({"pid": 7}) * 1_000_000
    started = time.process_time()
    assert len(found.decode_many(raw)) == 1_000_000
    assert time.process_time() - started < 5


def test_what_does_not_fit_is_refused(shapes: BpfObject) -> None:
    found = decoder(shapes, "nested_map")
    for value, words in (
        ({"nothing": 1}, "no field nothing"),
        ({"name": "far too long"}, "does not fit"),
        ({"mac": [0] * 7}, "7 elements"),
    ):
        with pytest.raises(ObjectError, match=words):
            found.encode(value)
    with pytest.raises(ObjectError, match="128 bytes, not 3"):
        found.decode(b"abc")
    function = shapes.btf.find("shared_function")
    assert function is not None
    with pytest.raises(ObjectError, match="has no size"):
        Decoder(shapes.btf, function)
