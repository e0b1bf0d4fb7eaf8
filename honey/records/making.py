# SPDX-License-Identifier: Apache-2.0
"""What `honey.records` gives at run time.

Supported is what the compiler needs: ``@dataclass(slots=True)``, with or without ``frozen``, ``order`` and ``eq``,
fields with a default, a ``default_factory``, ``init=False``, ``repr=False`` or ``compare=False``, and
``__post_init__``, and the fields of a base class before a class's own. Annotations must be strings (``from __future__
import annotations``); there are no class variables with annotations and no keyword-only fields.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NoReturn, TypeVar

from honey.records.constructors import REQUIRED, constructor

T = TypeVar("T")


class Field:
    """One field of a class: what `field` was told, and the name and annotation it stands under."""

    __slots__ = ("compare", "default", "default_factory", "init", "name", "repr", "type")

    def __init__(
        self,
        default: object = REQUIRED,
        default_factory: Callable[[], object] | None = None,
        init: bool = True,
        repr: bool = True,
        compare: bool = True,
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.init = init
        self.repr = repr
        self.compare = compare
        self.name = ""
        self.type = ""


def field(**options: Any) -> Any:
    """A field with more to say than its default; the options are those of `Field`."""
    return Field(**options)


def fields(record: object) -> tuple[Field, ...]:
    """The fields of a class, or of an instance of one, in order."""
    found: tuple[Field, ...] = record.__record_fields__  # type: ignore[attr-defined]  # all classes made here have it
    return found


def replace(record: T, /, **changes: Any) -> T:
    """A copy of ``record`` in which some fields have other values."""
    for item in fields(record):
        if item.init and item.name not in changes:
            changes[item.name] = getattr(record, item.name)
    return type(record)(**changes)


def dataclass(
    *, slots: bool, frozen: bool = False, eq: bool = True, order: bool = False
) -> Callable[[type[T]], type[T]]:
    """Makes a class of an annotated one, with slots, a constructor, a representation and comparison."""
    if not slots:
        raise TypeError("records have slots")

    def make(source: type[T]) -> type[T]:
        made: type[T] = _make(source, frozen=frozen, eq=eq, order=order)
        return made

    return make


def _make(source: type, *, frozen: bool, eq: bool, order: bool) -> Any:
    members = dict(source.__dict__)
    own = tuple([_field(members, name, text) for name, text in source.__annotations__.items()])
    found = (*getattr(source, "__record_fields__", ()), *own)
    arguments = [item for item in found if item.init]
    members.pop("__dict__", None)
    members.pop("__weakref__", None)
    members["__slots__"] = tuple([item.name for item in own])
    members["__record_fields__"] = found
    members["__dataclass_fields__"] = _STANDARD_FIELDS
    members.setdefault("__match_args__", tuple([item.name for item in arguments]))
    members.setdefault("__repr__", _repr)
    if eq:
        _add_comparison(members, tuple([item.name for item in found if item.compare]), frozen=frozen, order=order)
    if frozen:
        members.update(_FROZEN)
    made: Any = type(source)(source.__name__, source.__bases__, members)
    setters = [getattr(made, item.name).__set__ for item in arguments]
    made.__init__ = constructor(made.__qualname__, arguments, setters, checks="__post_init__" in members)
    return made


def _field(members: dict[str, Any], name: str, annotation: object) -> Field:
    """The field of an annotated name, whose default leaves the class: a slot is to take its place."""
    default = members.pop(name, REQUIRED)
    item = default if type(default) is Field else Field(default)
    item.name = name
    item.type = str(annotation)
    return item


def _add_comparison(members: dict[str, Any], names: tuple[str, ...], *, frozen: bool, order: bool) -> None:
    values = _getter(names)

    def equal(self: object, other: object) -> bool:
        if self is other:
            return True
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    members.setdefault("__eq__", equal)
    if "__hash__" not in members or members["__hash__"] is None:
        members["__hash__"] = (lambda self: hash(values(self))) if frozen else None
    if order:
        members.update(_ordering(values))


def _getter(names: tuple[str, ...]) -> Callable[[object], Any]:
    """What is compared of an instance: a tuple, or the value itself where there is one only."""
    return attrgetter(*names) if names else lambda _: ()


def _ordering(values: Callable[[object], Any]) -> dict[str, Callable[[object, object], bool]]:
    def alike(self: object, other: object) -> bool:
        return other.__class__ is self.__class__

    return {
        "__lt__": lambda self, other: values(self) < values(other) if alike(self, other) else NotImplemented,
        "__le__": lambda self, other: values(self) <= values(other) if alike(self, other) else NotImplemented,
        "__gt__": lambda self, other: values(self) > values(other) if alike(self, other) else NotImplemented,
        "__ge__": lambda self, other: values(self) >= values(other) if alike(self, other) else NotImplemented,
    }


def _repr(self: object) -> str:
    shown = ", ".join(f"{item.name}={getattr(self, item.name)!r}" for item in fields(self) if item.repr)
    return f"{type(self).__qualname__}({shown})"


def _refuse_set(_: object, name: str, _value: object) -> NoReturn:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(_: object, name: str) -> NoReturn:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _get_state(self: object) -> list[object]:
    return [getattr(self, item.name) for item in fields(self)]


def _set_state(self: object, state: list[object]) -> None:
    for item, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, item.name, value)


_FROZEN: dict[str, Callable[..., Any]] = {
    "__setattr__": _refuse_set,
    "__delattr__": _refuse_delete,
    "__getstate__": _get_state,
    "__setstate__": _set_state,
}


class _StandardFields:
    """``__dataclass_fields__``, by which `dataclasses` knows its classes: made when something asks for it."""

    def __get__(self, _: object, owner: type) -> dict[str, Any]:
        return {item.name: standard for item, standard in zip(fields(owner), _standard(owner), strict=True)}


def _standard(owner: type) -> tuple[Any, ...]:
    import dataclasses

    described: list[tuple[str, Any, Any]] = []
    for item in fields(owner):
        options: dict[str, Any] = {"init": item.init, "repr": item.repr, "compare": item.compare}
        if item.default is not REQUIRED:
            options["default"] = item.default
        if item.default_factory is not None:
            options["default_factory"] = item.default_factory
        described.append((item.name, item.type, dataclasses.field(**options)))
    return dataclasses.fields(dataclasses.make_dataclass(owner.__name__, described))


_STANDARD_FIELDS = _StandardFields()
