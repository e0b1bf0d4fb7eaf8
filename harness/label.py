# SPDX-License-Identifier: Apache-2.0
"""How an entry's key is shown to people: templates such as ``pid {pid}, {protocol:ipproto}, {ip:ipv4}:{port}``."""

from __future__ import annotations

import ipaddress
import socket
import string
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

_PROTOCOLS = {
    value: name.removeprefix("IPPROTO_") for name, value in sorted(vars(socket).items()) if name.startswith("IPPROTO_")
}


def _bytes(value: Any, size: int) -> bytes:
    """A field's bytes as they lie in memory, from a number, a list of bytes, or bytes."""
    if isinstance(value, int):
        return value.to_bytes(size, "little")
    return value.encode("latin-1") if isinstance(value, str) else bytes(value)


#: What may stand after the colon of a template's field.
FORMATS: Mapping[str, Callable[[Any], str]] = MappingProxyType(
    {
        "": str,
        "hex": lambda value: f"{value:#x}",
        "be16": lambda value: str(int.from_bytes(_bytes(value, 2), "big")),
        "be32": lambda value: str(int.from_bytes(_bytes(value, 4), "big")),
        "ipv4": lambda value: str(ipaddress.IPv4Address(_bytes(value, 4))),
        "ipv6": lambda value: str(ipaddress.IPv6Address(_bytes(value, 16))),
        "mac": lambda value: ":".join(f"{byte:02x}" for byte in _bytes(value, 6)),
        "ipproto": lambda value: _PROTOCOLS.get(value, f"protocol {value}"),
    }
)


def check_label(template: str) -> None:
    """Raises :class:`ValueError` where ``template`` is not one."""
    for _, name, form, _ in string.Formatter().parse(template):
        if name == "":
            raise ValueError("{} names no field; write {key} for a key that is a number")
        if form and form not in FORMATS:
            known = ", ".join(sorted(filter(None, FORMATS)))
            raise ValueError(f"there is no format {form!r} for {{{name}}}; there are {known}")


def label(key: Any, template: str | None = None) -> str:
    """``key`` in words: by ``template`` if there is one, else ``field value, field value``.

    A template that does not fit the key gives the plain form: a label must not hide a difference.
    """
    if template:
        try:
            return _fill(template, key)
        except (KeyError, TypeError, ValueError):
            pass
    if isinstance(key, dict):
        return ", ".join(f"{name} {label(part)}" for name, part in key.items())
    if isinstance(key, list):
        return "[" + ", ".join(label(part) for part in key) + "]"
    return repr(key) if isinstance(key, (str, bytes)) else str(key)


def _fill(template: str, key: Any) -> str:
    values = {"key": key, **key} if isinstance(key, dict) else {"key": key}
    text = ""
    for literal, name, form, _ in string.Formatter().parse(template):
        text += literal
        if name is not None:
            value: Any = values
            for step in name.split("."):
                value = value[step]
            text += FORMATS[form or ""](value)
    return text
