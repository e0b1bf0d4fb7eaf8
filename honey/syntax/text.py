# SPDX-License-Identifier: Apache-2.0
"""The syntax tree as indented text, for `honey compile --emit ast`."""

from __future__ import annotations

from honey.records import fields
from honey.syntax import ast


def dump(node: ast.Node) -> str:
    """One line a node: its kind, its place, and what it holds that is no node."""
    lines: list[str] = []
    _dump(node, "", "", lines)
    return "\n".join(lines) + "\n"


def _dump(node: ast.Node, label: str, indent: str, lines: list[str]) -> None:
    scalars: list[str] = []
    children: list[tuple[str, object]] = []
    for field in fields(node):
        value = getattr(node, field.name)
        if field.name.endswith("span") or value is None:
            continue
        if isinstance(value, ast.Node) or (isinstance(value, tuple) and any(isinstance(x, ast.Node) for x in value)):
            children.append((field.name, value))
        elif value != ():
            scalars.append(f"{field.name}={value!r}")
    place = f"{node.span.line}:{node.span.column}"
    lines.append(f"{indent}{label}{' '.join((type(node).__name__, *scalars))}  @{place}")
    for name, value in children:
        if isinstance(value, ast.Node):
            _dump(value, f"{name}: ", indent + "  ", lines)
        elif isinstance(value, tuple):
            for item in value:
                if isinstance(item, ast.Node):
                    _dump(item, f"{name}: ", indent + "  ", lines)
                else:
                    lines.append(f"{indent}  {name}: {item!r}")
