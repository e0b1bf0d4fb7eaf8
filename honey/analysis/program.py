# SPDX-License-Identifier: Apache-2.0
"""A whole source file: finding its module, and rounds of analysis until nothing new is learnt."""

from __future__ import annotations

from collections.abc import Iterable

from honey.analysis import bodies, handler_values, handlers, records, results, stack, work
from honey.analysis.errors import Mistake, Poisoned, Report, Restart
from honey.analysis.map_declarations import MapDeclaration
from honey.analysis.meaning import HANDLERS
from honey.analysis.module import FunctionDeclaration, Module
from honey.analysis.syntax_tree import binds_again, unread_attributes
from honey.analysis.unit import Knowledge, Unit
from honey.analysis.widening import with_converted_arguments
from honey.diagnostics import Diagnostic, Label
from honey.ir import nodes as n
from honey.ir.footprint import PACKET_MOVING_CALLS
from honey.ir.walk import pick, walk
from honey.syntax import ast
from honey.syntax.source import SourceFile

_HELPER_CALLS = frozenset({n.HelperCall})
_MOST_ROUNDS = 200
"""Each round learns something of a finite module; this many are never needed."""


def analyse_file(file: ast.File, source: SourceFile) -> tuple[n.Program | None, list[Diagnostic]]:
    """The program of a file, ``None`` if it has errors, and the diagnostics in order."""
    report = Report(source)
    found = _module(file, report)
    if found is None:
        return None, report.sorted()
    name, node = found
    knowledge = Knowledge()
    for _ in range(_MOST_ROUNDS):
        report = Report(source)
        module = Module(name, node.span, report)
        assert node.do_block is not None
        assert isinstance(node.do_block.body, ast.Block)
        module.read(node.do_block.body)
        unit = Unit(module, report, HANDLERS, knowledge)
        try:
            _functions(unit)
            maps = tuple(_map(unit, declared) for declared in module.maps.values())
        except Restart:
            continue
        break
    else:
        raise AssertionError("analysis does not come to an end")
    _check_module(module, node.do_block.body, report)
    if report.has_errors:
        return None, report.sorted()
    if len([function for function in unit.functions if function.section is not None]) != len(module.handlers):
        raise AssertionError("a handler is spoilt, and nobody has said why")
    program = _program(unit, maps, source)
    _check_licence(unit, program)
    stack.check(program, report)
    work.check(program, report)
    records.check(program, report)
    if any(node.name in PACKET_MOVING_CALLS for one in program.functions for node in pick(one.body, _HELPER_CALLS)):
        from honey.analysis import moved_packets

        moved_packets.check(program, report)
    handler_values.check(program, report)
    return (None if report.has_errors else program), report.sorted()


def _module(file: ast.File, report: Report) -> tuple[str, ast.Call] | None:
    """The file's one module; everything else at the top level is reported."""
    found: list[tuple[str, ast.Call]] = []
    for node in file.body.exprs:
        with report.mending():
            found.append(_defmodule(node, report))
    if not found and not report.has_errors:
        report.add(
            report.mistake(
                "HNY0100", "there is no module in this file", file.span, help="write `defmodule Name do ... end`"
            ).diagnostic
        )
    for _, extra in found[1:]:
        report.add(
            report.mistake(
                "HNY0100", "a file has one module, which becomes one object", extra.span, help="give it its own file"
            ).diagnostic
        )
    return found[0] if found and not report.has_errors else None


def _defmodule(node: ast.Node, report: Report) -> tuple[str, ast.Call]:
    match node:
        case ast.Call(target=None, name="defmodule", args=(ast.Alias(name=name),), do_block=ast.DoBlock(body=body)) if (
            isinstance(body, ast.Block)
        ):
            return name, node
        case ast.Call(target=None, name="defmodule", args=(ast.Var(name=name, span=span),)):
            help = f"write `defmodule {name[:1].upper()}{name[1:]} do`"
            raise report.mistake("HNY0100", "a module's name begins with a capital", span, help=help)
        case _:
            raise report.mistake(
                "HNY0100", "this stands outside of a module", node.span, help="put it into `defmodule Name do ... end`"
            )


def _functions(unit: Unit) -> None:
    for declared in unit.module.handlers:
        handlers.handler(unit, declared)
    for declared in unit.module.functions.values():
        if declared.section is None and not _is_used(unit, declared):
            _unused(unit, declared)


def _is_used(unit: Unit, declared: FunctionDeclaration) -> bool:
    return any(key[:2] == (declared.name, declared.arity) for key in unit.instances if isinstance(key, tuple))


def _unused(unit: Unit, declared: FunctionDeclaration) -> None:
    """What no handler reaches is not compiled; it is still read for mistakes that do not depend on its arguments."""
    reached = set().union(*(unit.reach((handler.name, handler.arity)) for handler in unit.module.handlers))
    if declared.private and (declared.name, declared.arity) not in reached | unit.mentioned:
        unit.report.warn(
            "HNY0109",
            f"the function {declared.name}/{declared.arity} is never called",
            declared.span,
            help="remove it, or give it a name that is called",
        )
    elif (declared.name, declared.arity) in reached and unit.report.has_errors:
        return
    try:
        bodies.rehearse(unit, declared)
    except (Mistake, Poisoned):
        return


def _check_section_names(module: Module, report: Report) -> None:
    """A section of the object is a symbol too: LLVM takes no other one of its name."""
    taken = {"license", *(handler.section.spelling for handler in module.handlers if handler.section is not None)}
    declared = [("handler", each.name, each.span) for each in module.handlers]
    declared += [("map", each.name, each.span) for each in module.maps.values()]
    for kind, name, span in declared:
        if name in taken:
            report.add(
                report.mistake(
                    "HNY0105",
                    f"a {kind} and a section of the object are both called {name}",
                    span,
                    help=f"both become symbols of the object: give the {kind} another name",
                ).diagnostic
            )


def _check_module(module: Module, body: ast.Block, report: Report) -> None:
    for handler in module.handlers:
        if (other := module.maps.get(handler.name)) is not None:
            report.add(
                report.mistake(
                    "HNY0105",
                    f"a handler and a map are both called {handler.name}",
                    handler.span,
                    help="both become symbols of the object: give one of them another name",
                    labels=(Label(other.span, "the map"),),
                ).diagnostic
            )
    _check_section_names(module, report)
    if not module.handlers and not report.has_errors:
        from honey.analysis import unknown_declarations

        report.add(unknown_declarations.no_handler(module, body).diagnostic)
    if not module.used:
        help = 'write `use Honey, license: "GPL"` below the `defmodule`'
        report.warn("HNY0112", f"{module.name} does not use Honey", module.span, help=help)
    for declared in module.functions.values():
        if any(binds_again(clause.patterns, clause.body) for clause in declared.clauses):
            from honey.analysis import lost_names

            lost_names.warn(declared, report)
    if module.attributes and not report.has_errors and (unread := unread_attributes(body)):
        from honey.analysis import unknown_declarations

        unknown_declarations.warn_of_attributes(module, unread)


def _map(unit: Unit, declared: MapDeclaration) -> n.MapDef:
    return n.MapDef(
        name=declared.name,
        kind=declared.kind,
        key=unit.key_type(declared, None) if declared.keyed else None,
        value=unit.value_type(declared, None) if declared.keyed else None,
        max_entries=declared.max_entries,
        flag_names=declared.flags,
        pin_by_name=declared.pin_by_name,
        print=declared.print,
        print_elem=declared.print_elem,
        span=declared.span,
        doc=declared.doc,
    )


def _program(unit: Unit, maps: Iterable[n.MapDef], source: SourceFile) -> n.Program:
    module = unit.module
    program = n.Program(
        module=module.name,
        file=source.name,
        license=module.license,
        structs=module.structs.used(),
        maps=tuple(maps),
        functions=tuple(with_converted_arguments(unit)),
        trace=module.trace and module.gpl,
        doc=module.doc,
    )
    return results.without_unused(program)


def _check_licence(unit: Unit, program: n.Program) -> None:
    """Reports helpers that the kernel gives only to programs under the GPL."""
    if unit.module.gpl:
        return
    from honey.kernel import helpers

    for function in program.functions:
        for node in walk(function.body):
            if not isinstance(node, n.Let | n.Assign | n.Eval):
                continue
            name = _helper(node.effect if isinstance(node, n.Eval) else node.value)
            found = helpers.helper(name) if name else None
            span = node.span or function.span
            if found is not None and found.gpl_only and span is not None:
                unit.report.add(
                    unit.report.mistake(
                        "HNY0905",
                        f"{name} is only for programs under the GPL, and this one is under {unit.module.license!r}",
                        span,
                        help='write `use Honey, license: "GPL"` or `license: "Dual BSD/GPL"`',
                    ).diagnostic
                )


def _helper(node: object) -> str:
    """The helper that an effect calls."""
    match node:
        case n.HelperCall(name):
            return name
        case n.ProbeRead(kind):
            return kind.value
        case n.CoreRead(user=user):
            return "bpf_probe_read_user" if user else "bpf_probe_read_kernel"
        case n.Printk():
            return "bpf_trace_printk"
        case _:
            return ""
