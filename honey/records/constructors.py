# SPDX-License-Identifier: Apache-2.0
"""Constructors: one template for each shape of argument list, compiled once, then fitted to each class.

A template stores its arguments by the ``__set__`` of the slots, which is also what a frozen class lets its constructor
do, and is as quick as an attribute. Fitting it to a class is a matter of giving its arguments the names of the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

REQUIRED: Any = type("Required", (), {"__repr__": lambda _: "REQUIRED"})()
"""The default of an argument that has none."""


class Argument(Protocol):
    """What a constructor has to know of a field."""

    @property
    def name(self) -> str: ...
    @property
    def default(self) -> object: ...
    @property
    def default_factory(self) -> Callable[[], object] | None: ...


def constructor(
    owner: str, arguments: Sequence[Argument], setters: Sequence[Callable[[Any, Any], None]], *, checks: bool
) -> Callable[..., None]:
    """The ``__init__`` of the class called ``owner``; with ``checks`` it ends with a call of ``__post_init__``."""
    made = tuple(index for index, argument in enumerate(arguments) if argument.default_factory is not None)
    factories = [arguments[index].default_factory for index in made]
    function: Any = _template(len(arguments), made, checks)(*setters, *factories)
    names = ("self", *(argument.name for argument in arguments))
    function.__code__ = function.__code__.replace(co_varnames=names)
    function.__qualname__ = f"{owner}.__init__"
    function.__defaults__ = _defaults(arguments)
    result: Callable[..., None] = function
    return result


def _defaults(arguments: Sequence[Argument]) -> tuple[object, ...]:
    """The defaults of the last arguments; REQUIRED stands for one that is made anew for each instance."""
    given = [argument.default is not REQUIRED or argument.default_factory is not None for argument in arguments]
    first = given.index(True) if True in given else len(given)
    if not all(given[first:]):
        raise TypeError(f"{arguments[first].name} has a default and one after it has none")
    return tuple(argument.default for argument in arguments[first:])


@cache
def _template(count: int, made: tuple[int, ...], checks: bool) -> Callable[..., Callable[..., None]]:
    """A function from the setters and the factories to a constructor of ``count`` arguments called a0, a1, ..."""
    arguments = [f"a{index}" for index in range(count)]
    outer = [f"s{index}" for index in range(count)] + [f"f{index}" for index in made]
    values = [f"f{i}() if a{i} is REQUIRED else a{i}" if i in made else f"a{i}" for i in range(count)]
    body = [f"s{index}(self, {value})" for index, value in enumerate(values)]
    body += ["self.__post_init__()"] if checks else []
    lines = [
        f"def bind({', '.join(outer)}):",
        f"    def __init__({', '.join(['self', *arguments])}):",
        *(f"        {line}" for line in body or ["pass"]),
        "    return __init__",
    ]
    names: dict[str, Any] = {"REQUIRED": REQUIRED}
    exec("\n".join(lines), names)
    bind: Callable[..., Callable[..., None]] = names["bind"]
    return bind
