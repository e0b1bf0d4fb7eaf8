# SPDX-License-Identifier: Apache-2.0
"""The table of helpers.

Numbers, prototypes and descriptions are those of libbpf's ``bpf_helper_defs.h``, which is generated from
``include/uapi/linux/bpf.h``; what the verifier expects is read from the kernel's image; which kinds of programs may
call a helper was asked of that kernel when it ran.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honey.kernel.generate.ctext import type_from_text
from honey.kernel.generate.prototypes import Prototype, Prototypes
from honey.kernel.helpers import Role

DEFINITIONS = Path("/usr/include/bpf/bpf_helper_defs.h")
RELEASES = Path(__file__).with_name("helper_releases.json")
DEFINITION = re.compile(
    r"/\*\n \* bpf_\w+\n(?P<comment>(?: \*.*\n)*?) \*/\nstatic (?P<result>[^(]*)\(\*bpf_(?P<name>\w+)\)"
    r"\((?P<arguments>[^)]*)\) = \(void \*\) (?P<number>\d+);"
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A helper as the header declares it; ``arguments`` are names with the text of their types."""

    name: str
    number: int
    result: str
    arguments: tuple[tuple[str, str], ...]
    variadic: bool
    summary: str


def definitions() -> list[Definition]:
    """The helpers of ``bpf_helper_defs.h`` in the order of their numbers; names without ``bpf_``."""
    found = [_definition(match) for match in DEFINITION.finditer(DEFINITIONS.read_text())]
    if [definition.number for definition in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"{DEFINITIONS} does not define helpers 1 to {len(found)}")
    return found


def _definition(match: re.Match[str]) -> Definition:
    words = [argument.strip() for argument in match["arguments"].split(",")]
    arguments = []
    for word in words:
        if word not in ("void", "..."):
            type_, name = re.fullmatch(r"(.*?)\b(\w+)", word, re.DOTALL).groups()  # type: ignore[union-attr]
            arguments.append((name, type_))
    return Definition(
        match["name"],
        int(match["number"]),
        match["result"],
        tuple(arguments),
        "..." in words,
        _summary(match["comment"]),
    )


def _summary(comment: str) -> str:
    """The first sentence of the description, markup left out."""
    text = " ".join(line.removeprefix(" *").strip() for line in comment.splitlines())
    first = re.split(r"(?<=\.)\s|\sReturns?\s", text.strip(), maxsplit=1)[0]
    return re.sub(r"[*\\`]|\s(?=\s)", "", first)


def helper_records(
    types: Mapping[str, Any], prototypes: Prototypes, allowed: Mapping[str, str], found: list[Definition]
) -> dict[str, Any]:
    """Records by full name. ``allowed``: for each kind of section a character a helper, ``1`` if it may be called."""
    releases = json.loads(RELEASES.read_text())["last_helper"]
    records: dict[str, Any] = {}
    for definition in found:
        prototype = prototypes.find(definition.name)
        roles = list(prototype.arguments) if prototype is not None else _roles_by_type(definition)
        if len(roles) > len(definition.arguments):
            raise ValueError(f"bpf_{definition.name} has {len(definition.arguments)} arguments, {len(roles)} roles")
        # The verifier leaves some arguments unchecked that the header declares (bpf_get_branch_snapshot's flags).
        roles += [(Role.ANY, False)] * (len(definition.arguments) - len(roles))
        records[f"bpf_{definition.name}"] = {
            "number": definition.number,
            "result": type_from_text(definition.result, types),
            "may_be_null": _may_be_null(definition, prototype),
            "arguments": [
                [name, type_from_text(type_, types), role.value, int(optional)]
                for (name, type_), (role, optional) in zip(definition.arguments, roles, strict=True)
            ],
            "gpl_only": prototype.gpl_only if prototype is not None else None,
            "may_sleep": prototype.may_sleep if prototype is not None else None,
            "variadic": definition.variadic,
            "since": _since(definition.number, releases),
            "sections": [kind for kind, line in allowed.items() if line[definition.number - 1] == "1"],
            "summary": definition.summary,
        }
    return records


def _may_be_null(definition: Definition, prototype: Prototype | None) -> bool:
    return prototype.may_be_null if prototype is not None else "*" in definition.result


def _roles_by_type(definition: Definition) -> list[tuple[Role, bool]]:
    """A guess for helpers that the kernel at hand lacks."""
    roles = {"ctx": Role.CONTEXT, "map": Role.MAP}
    return [(roles.get(name, Role.ANY), False) for name, _ in definition.arguments]


def _since(number: int, releases: Mapping[str, int]) -> list[int]:
    release = next(release for release, last in releases.items() if number <= last)
    return [int(part) for part in release.split(".")]
