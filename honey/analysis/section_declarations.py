# SPDX-License-Identifier: Apache-2.0
"""``@sec "..."``: what the function that follows is attached to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis.errors import Mistake, suggestion
from honey.kernel import sections
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from honey.analysis.module import Module

_FORMS = "sections are libbpf's, such as tracepoint/CATEGORY/NAME, kprobe/FUNCTION, xdp"


def checked(module: Module, value: ast.Node) -> sections.Section:
    """The section that ``value`` names, found to be one that the kernel has. Raises ``Mistake``."""
    if isinstance(value, ast.Var | ast.Atom):
        help = f'write `@sec "{value.name}"`'
        raise module.report.mistake("HNY0110", "a section is a text between double quotes", value.span, help=help)
    name = module.evaluator.text(value, "the section")
    section = sections.parse(name)
    if section is None:
        help = _meant(name) or suggestion(name.partition("/")[0], sections.names()) or _FORMS
        raise module.report.mistake("HNY0700", f'there is no program section "{name}"', value.span, help=help)
    if section.kind in ("tracepoint", "tp") and section.context is None:
        raise _unknown_tracepoint(module, section, value.span)
    _check_target(module, section, value.span)
    return section


def _meant(name: str) -> str | None:
    """A section whose kind or whose slash is missing."""
    from honey.kernel import tracepoints

    if (slashed := name.replace(":", "/").replace(" ", "/")) != name and sections.parse(slashed) is not None:
        return f'write `"{slashed}"`'
    found = _with_category(name, tracepoints.names())
    return f'write `"tracepoint/{found}"`' if found is not None else None


def _with_category(name: str, paths: Iterable[str]) -> str | None:
    return next((path for path in paths if path.endswith(f"/{name}")), None)


def _check_target(module: Module, section: sections.Section, span: Span) -> None:
    """Programs for one function of the kernel's cannot be loaded where it has none of that name."""
    if section.shape is not sections.Context.ARGUMENTS or section.kind == "freplace" or not section.target:
        return
    from honey.analysis.context import traced_function
    from honey.kernel import functions

    if traced_function(section) is None:
        raise module.report.mistake(
            "HNY0702",
            f"the kernel has no function {section.target} for {section.kind}",
            span,
            help=suggestion(section.target, functions.names()) or "`bpftool btf dump` lists a kernel's functions",
        )


def _unknown_tracepoint(module: Module, section: sections.Section, span: Span) -> Mistake:
    from honey.kernel import tracepoints

    message = (
        f"the kernel has no tracepoint {section.target}"
        if section.target
        else "a tracepoint section needs CATEGORY/NAME"
    )
    names = tracepoints.names()
    found = _with_category(section.target, names) if section.target else None
    help = f'write `"{section.kind}/{found}"`' if found is not None else suggestion(section.target, names)
    return module.report.mistake(
        "HNY0704", message, span, help=help or "`bpftool` and tracefs list a kernel's tracepoints"
    )
