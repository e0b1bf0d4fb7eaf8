# SPDX-License-Identifier: Apache-2.0
"""Records behave as the dataclasses of the standard library that they stand for."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
from typing import Any

import pytest

from honey import records

_DECLARATIONS = """
from __future__ import annotations

@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    note: str = field(default="", compare=False, repr=False)

    @property
    def sum(self):
        return self.x + self.y

@dataclass(frozen=True, slots=True)
class Named(Point):
    name: str = "p"

@dataclass(frozen=True, slots=True)
class Other:
    x: int
    y: int = 2
    note: str = ""

@dataclass(frozen=True, slots=True)
class Empty:
    pass

@dataclass(frozen=True, slots=True, order=True)
class Span:
    start: int
    end: int

@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    x: int

@dataclass(slots=True)
class State:
    seen: list[int] = field(default_factory=list)
    count: int = 0
    double: int = field(init=False)

    def __post_init__(self):
        self.double = 2 * self.count
"""


def _module(name: str, maker: Any) -> Any:
    module = type(sys)(name)
    module.dataclass, module.field = maker.dataclass, maker.field  # type: ignore[attr-defined]  # they are made here
    sys.modules[name] = module
    exec(_DECLARATIONS, vars(module))
    return module


OURS = _module("test_records_ours", records)
STANDARD = _module("test_records_standard", dataclasses)


@pytest.fixture(params=[OURS, STANDARD], ids=["ours", "standard"])
def m(request: pytest.FixtureRequest) -> Any:
    """The classes, as made by each of the two: what is asserted of ours is so of the standard ones."""
    return request.param


def test_construction(m: Any) -> None:
    assert (m.Point(1).y, m.Point(y=5, x=4).sum, m.Point(1, note="n").note) == (2, 9, "n")
    assert m.Named(1, 2, "", "q").name == "q"
    assert str(inspect.signature(m.Span)).replace(" -> None", "").replace("'", "") in (
        "(start, end)",
        "(start: int, end: int)",
    )
    for arguments, words in ((((), {}), "missing 1 required"), (((1,), {"z": 3}), "unexpected keyword argument 'z'")):
        with pytest.raises(TypeError, match=words):
            m.Point(*arguments[0], **arguments[1])


def test_state_of_their_own(m: Any) -> None:
    one, two = m.State(count=3), m.State()
    one.seen.append(1)
    assert (one.double, two.seen) == (6, [])
    with pytest.raises(TypeError):
        hash(one)
    with pytest.raises(AttributeError):
        one.unknown = 1


def test_comparison(m: Any) -> None:
    assert m.Point(1, note="a") == m.Point(1, note="b")
    assert m.Point(1) != m.Other(1)
    assert m.Point(1) != m.Named(1)
    assert m.Empty() == m.Empty()
    assert len({m.Point(1, note="a"), m.Point(1, note="b"), m.Point(2)}) == 2
    assert m.Identity(1) != m.Identity(1)
    assert m.Span(1, 2) < m.Span(1, 3) <= m.Span(2, 0)
    with pytest.raises(TypeError):
        _ = m.Span(1, 2) < 3


def test_they_cannot_be_changed(m: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        m.Point(1).x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del m.Point(1).x
    assert not hasattr(m.Point(1), "__dict__")


def test_representation_and_patterns(m: Any) -> None:
    assert repr(m.Named(1)) == "Named(x=1, y=2, name='p')"
    match m.Span(3, 4):
        case m.Span(start, end):
            assert (start, end) == (3, 4)
        case other:
            pytest.fail(repr(other))


def test_copies(m: Any) -> None:
    point = m.Named(1, note="kept")
    for same in (copy.copy(point), copy.deepcopy(point), pickle.loads(pickle.dumps(point))):
        assert (same, same.note, type(same)) == (point, "kept", m.Named)
    assert pickle.loads(pickle.dumps(m.State([1], 2))).seen == [1]


def test_the_functions_of_dataclasses_take_them(m: Any) -> None:
    assert [field.name for field in dataclasses.fields(m.Named)] == ["x", "y", "note", "name"]
    assert dataclasses.replace(m.Point(1, note="n"), y=7) == m.Point(1, 7)
    assert dataclasses.asdict(m.Named(1)) == {"x": 1, "y": 2, "note": "", "name": "p"}
    assert dataclasses.is_dataclass(m.Empty)


def test_fields_and_replace() -> None:
    assert [field.name for field in records.fields(OURS.Named)] == ["x", "y", "note", "name"]
    assert records.replace(OURS.Point(1, note="n"), x=7).note == "n"
    with pytest.raises(TypeError):
        records.replace(OURS.Point(1), z=7)
