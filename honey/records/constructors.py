# SPDX-License-Identifier: Apache-2.0
"""Constructors: one template for each number of arguments, compiled once, then fitted to each class.

A template stores its arguments by the ``__set__`` of the slots, which is also what a frozen class lets its constructor
do, and is as quick as an attribute. Fitting it to a class is a matter of giving its arguments the names of the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from honey.records.making import Field

REQUIRED: Any = type("Required", (), {"__repr__": lambda _: "REQUIRED"})()
"""The default of an argument that has none."""

Setter = Callable[[Any, Any], None]


def constructor(
    owner: str, arguments: Sequence[Field], setters: Sequence[Setter], *, checks: bool
) -> Callable[..., None]:
    """The ``__init__`` of the class called ``owner``; with ``checks`` it ends with a call of ``__post_init__``."""
    storing = [
        setter if (factory := argument.default_factory) is None else _making(setter, factory)
        for argument, setter in zip(arguments, setters, strict=True)
    ]
    function: Any = _template(len(arguments), checks)(*storing)
    names = ("self", *[argument.name for argument in arguments])
    function.__code__ = function.__code__.replace(co_varnames=names)
    function.__qualname__ = f"{owner}.__init__"
    function.__defaults__ = _defaults(arguments)
    result: Callable[..., None] = function
    return result


def _defaults(arguments: Sequence[Field]) -> tuple[object, ...]:
    """The defaults of the last arguments; REQUIRED stands for one that is made anew for each instance."""
    given = [argument.default is not REQUIRED or argument.default_factory is not None for argument in arguments]
    first = given.index(True) if True in given else len(given)
    if not all(given[first:]):
        raise TypeError(f"{arguments[first].name} has a default and one after it has none")
    return tuple([argument.default for argument in arguments[first:]])


def _making(setter: Setter, factory: Callable[[], object]) -> Setter:
    """Stores what it is given, or, if that is nothing, what ``factory`` makes."""

    def store(record: object, value: object) -> None:
        setter(record, factory() if value is REQUIRED else value)

    return store


@cache
def _template(count: int, checks: bool) -> Callable[..., Callable[..., None]]:
    """A function from the setters to a constructor of ``count`` arguments called a0, a1, ..."""
    arguments = [f"a{index}" for index in range(count)]
    body = [f"s{index}(self, a{index})" for index in range(count)]
    body += ["self.__post_init__()"] if checks else []
    lines = [
        f"def bind({', '.join(f's{index}' for index in range(count))}):",
        f"    def __init__({', '.join(['self', *arguments])}):",
        *(f"        {line}" for line in body or ["pass"]),
        "    return __init__",
    ]
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    bind: Callable[..., Callable[..., None]] = names["bind"]
    return bind
