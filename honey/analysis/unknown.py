# SPDX-License-Identifier: Apache-2.0
"""The errors for names that mean nothing here: which one was probably meant, and what is written in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from honey.analysis import foreign
from honey.analysis.control import CONSTRUCTS
from honey.analysis.errors import number_of, shown, suggestion
from honey.analysis.types import SCALARS
from honey.analysis.values import FunctionValue
from honey.diagnostics.suggest import closest
from honey.library import BARE, find, modules, names_of
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.syntax.source import Span

_RECORDS = "tell user space through a map or a ring buffer"
_LEAVING = "test what may fail, and leave with `return(value)`"

_NEVER_IN_EBPF: dict[str, str | None] = {
    **dict.fromkeys(("receive", "spawn", "send", "self"), f"eBPF has no processes: {_RECORDS}"),
    **dict.fromkeys(("try", "throw", "exit"), f"no exception can be caught: {_LEAVING}"),
    "while": "write `for i <- 0..99 do ... end`, and leave with `return(value)`",
    **dict.fromkeys(("quote", "unquote", "apply", "super")),
    **dict.fromkeys(
        ("def", "defp", "defmap", "defstruct", "defmodule"), "declarations stand in the module, outside of functions"
    ),
}
"""What eBPF has not: processes, exceptions that are caught, code that makes code; with what to do in their place."""

_IN_C = {"&": "&&&", "|": "|||", "^": "bxor(a, b)", "~": "~~~"}


# ---------------------------------------------------------------- variables


def variable(fl: Lowering, node: ast.Var) -> Exception:
    """There is no variable of this name."""
    return fl.mistake("HNY0101", f"there is no variable {node.name}", node.span, help=_for_variable(fl, node.name))


def _for_variable(fl: Lowering, name: str) -> str | None:
    module = fl.unit.module
    if name in foreign.VARIABLES:
        return foreign.VARIABLES[name]
    if name == "_":
        return "`_` stands for a value that nobody wants, in a pattern; is a `->` missing behind it?"
    if name.startswith("_"):
        return "a name that starts with `_` is bound but not meant to be read"
    if name in fl.ended:
        line, form = fl.ended[name].line, f"`{name} = if ... do ... else ... end`"
        return f"what line {line} binds ends with its branch or loop; a branch gives a value: {form}"
    known = [*fl.scope.names(), *(called for called, arity in module.functions if arity == 0)]
    if (found := suggestion(name, known)) is not None:
        return found
    if name in module.maps or name in SCALARS or module.structs.find(name) is not None:
        return f"did you mean the atom `:{name}`?"
    if name in module.attributes or name in module.evaluator.variables:
        known_here = "set it with" if name not in module.attributes else "write"
        return f"a function does not see the module's variables: {known_here} `@{name}`"
    arities = [arity for called, arity in module.functions if called == name]
    if arities:
        return f"a function is called as `{name}(...)`, and passed on as `&{name}/{arities[0]}`"
    atoms = [*module.maps, *module.structs.declared]
    if (near := closest(name, atoms)) is not None:
        return f"did you mean the atom `:{near}`?"
    here = [one for one in fl.scope.names() if not one.startswith("_")]
    all_here = f"the names known here are {', '.join(here)}" if 0 < len(here) <= _FEW else None
    return suggestion(name, [*CONSTRUCTS, "else", "end", "true", "false"]) or all_here


_FEW = 6
"""Names that a help lists."""


def constant(fl: Lowering, name: str, span: Span, show: str = "{}") -> Exception:
    """There is no constant of C of this name; ``show`` is how a constant is written here."""
    return fl.mistake("HNY0900", f"there is no constant {name}", span, help=for_constant(fl, name, show))


def for_constant(fl: Lowering, name: str, show: str = ":{}") -> str | None:
    """What a constant that does not exist was probably meant to be."""
    from honey.kernel import constants

    attribute = next((known for known in fl.unit.attributes if known.upper() == name), None)
    if attribute is not None:
        return f"did you mean `@{attribute}`?"
    if name in foreign.VARIABLES:
        return foreign.VARIABLES[name]
    if name in foreign.CONSTANTS:
        return f"did you mean `{show.format(foreign.CONSTANTS[name])}`?"
    own = f"a constant of the module is an attribute: `@{name.lower()} 10`"
    return (suggestion(name, constants.names(), show) if len(name) > _SHORT else None) or own


_SHORT = 4
"""Characters of a constant's name that too many others are like."""


# ---------------------------------------------------------------- calls


def local(fl: Lowering, node: ast.Call) -> Exception:
    """There is no function of this name, or none with so many arguments."""
    name = node.name
    bound = fl.scope.find(name)
    if bound is not None and isinstance(bound.value, FunctionValue):
        text = shown(fl.report, node.span, f"{name}(...)")
        help = f"a function in a variable is called with a dot: `{text.replace(name, name + '.', 1)}`"
        return fl.mistake("HNY0102", f"{name} is a variable, and no function of the module", node.name_span, help=help)
    if bound is not None and (operator := _bitwise(node)) is not None:
        return operator_of_c(fl, node, operator)
    if name in _NEVER_IN_EBPF:
        help_ = _NEVER_IN_EBPF[name]
        first = node.args[0] if node.args else None
        if name.startswith("def") and isinstance(first, ast.Call | ast.Var | ast.Atom):
            for kind in ("function", "map", "struct"):
                fl.report.spoil(kind, first.name)
        return fl.mistake("HNY0107", f"`{name}` cannot be compiled to eBPF", node.name_span, help=help_)
    if node.do_block is not None:
        meant = suggestion(name, [*CONSTRUCTS, "for", "unless"])
        help_ = meant or foreign.FUNCTIONS.get(name)
        return fl.mistake("HNY0107", f"`{name}` is no construct with a `do` block", node.name_span, help=help_)
    fl.report.forgive("function", name)
    arities = {arity for called, arity in fl.unit.module.functions if called == name}
    arities |= {arity for module in BARE for called, arity in names_of(module) if called == name}
    if arities:
        fl.unit.mentioned.update((name, arity) for arity in arities)
        return wrong_number(fl, node, name, arities)
    message = f"there is no function {name}/{len(node.args)}"
    return fl.mistake("HNY0102", message, node.name_span, help=_for_function(fl, node))


def _for_function(fl: Lowering, node: ast.Call) -> str | None:
    name = node.name
    if (declared := _declared_in_c(fl, node)) is not None:
        return declared
    if name in foreign.FUNCTIONS:
        return foreign.FUNCTIONS[name]
    bare = name.removeprefix("bpf_")
    for module in modules():
        if find(module, bare, len(node.args)) is not None:
            return f"did you mean `{module}.{bare}`?"
    known = [called for called, _ in fl.unit.module.functions]
    known += [called for module in BARE for called, _ in names_of(module)]
    if not name.startswith("bpf_"):
        known += [called.removeprefix("bpf_") for called, _ in names_of("Honey.BpfHelpers")]
    return suggestion(name, known)


def _declared_in_c(fl: Lowering, node: ast.Call) -> str | None:
    """`int x = 3`, which is a call of `int` for Elixir."""
    inner: ast.Node = node
    while isinstance(inner, ast.Call) and inner.target is None and len(inner.args) == 1:
        if not fl.report.source.text(inner.span).startswith(f"{inner.name} "):
            return None
        inner = inner.args[0]
    if inner is node or not isinstance(inner, ast.Binary) or inner.op != "=":
        return None
    return f"a name is bound without its type: `{shown(fl.report, inner.span, 'x = ...')}`"


def _bitwise(node: ast.Call) -> str | None:
    """`x & 1`, which is a call of `x` with a capture for Elixir."""
    match node.args:
        case (ast.Capture() | ast.CaptureArg(),):
            return "&"
        case (ast.Pin(),):
            return "^"
        case _:
            return None


def operator_of_c(fl: Lowering, node: ast.Call, operator: str) -> Exception:
    """An operator of C between two values."""
    left, _, right = fl.report.source.text(node.span).partition(operator)
    whole = bitwise(operator, left.strip(), right.strip())
    return fl.mistake("HNY0008", f"`{operator}` is no bitwise operator in Elixir", node.span, help=f"write `{whole}`")


def bitwise(operator: str, left: str, right: str) -> str:
    """How C's bitwise operation is written."""
    return f"bxor({left}, {right})" if operator == "^" else f"{left} {_IN_C[operator]} {right}"


def wrong_number(fl: Lowering, node: ast.Call, name: str, arities: set[int]) -> Exception:
    """There are functions of this name with other numbers of arguments."""
    wanted = " or ".join(map(str, sorted(arities)))
    noun = number_of(max(arities), "argument").partition(" ")[2]
    full = name.removeprefix("Honey.BpfHelpers.")
    usage = foreign.USAGE.get(full) or foreign.USAGE.get(f"bpf_{full}")
    help = f"write `{name}{usage}`" if usage is not None else None
    if name.endswith("printk") and node.args and isinstance(node.args[0], ast.Str):
        given = ", ".join(fl.report.source.text(arg.span) for arg in node.args)
        help = f"put the format and the values into a list: `{name}([{given}])`"
    return fl.mistake("HNY0604", f"{name} takes {wanted} {noun}, not {len(node.args)}", node.span, help=help)


# ---------------------------------------------------------------- modules


def module(fl: Lowering, name: str, node: ast.Call) -> Exception:
    """There is no module of this name."""
    assert node.target is not None
    help: str | None
    if name in foreign.MODULES:
        help = foreign.MODULES[name]
    elif name == "Honey":
        bare = ast.Call(node.span, None, node.name, node.name_span, node.args, None)
        help = _for_function(fl, bare) or _ALL
    else:
        aliases = fl.unit.aliases
        written = {full: full for full in modules()}
        for full in modules():
            short = full.rpartition(".")[2]
            written.setdefault(short, short if aliases.expand((short,)) == full else full)
        found = closest(name, written) or closest(name.rpartition(".")[2], written)
        help = f"did you mean `{written[found]}`?" if found is not None else _ALL
    return fl.mistake("HNY0103", f"there is no module {name} here", node.target.span, help=help)


_ALL = (
    "Honey's modules are BpfHelpers, Net, Map, Packet, Ring, Ethhdr and XDP; of Elixir's: Bitwise, Enum, Integer, IO,"
    " Kernel, Keyword, List, Logger, Map, String"
)


def member(fl: Lowering, name: str, node: ast.Call, known: Sequence[tuple[str, int]]) -> Exception:
    """The module ``name`` has no function like that."""
    arities = {arity for called, arity in known if called == node.name}
    if arities:
        return wrong_number(fl, node, f"{name}.{node.name}", arities)
    names = list(dict.fromkeys(called for called, _ in known))
    if not node.name.startswith("bpf_"):
        names += [called.removeprefix("bpf_") for called in names if called.startswith("bpf_")]
    all_of = None if name.startswith("Honey.") else f"of {name} there are {', '.join(names)}"
    known_as = foreign.MEMBERS.get((name, node.name))
    help = "; ".join(filter(None, (known_as, all_of))) if known_as else suggestion(node.name, names) or all_of
    return fl.mistake("HNY0102", f"{name} has no function {node.name}", node.name_span, help=help)


def called_value(fl: Lowering, node: ast.Call) -> Exception:
    """``:ets.insert(...)``, ``ctx.len 3``: a call of what is no module."""
    match node.target:
        case ast.Atom(name=name, span=span):
            help = foreign.MODULES.get(f":{name}", _ALL)
            return fl.mistake("HNY0103", f"there is no module :{name} here", span, help=help)
        case ast.Int():
            help = "to do something several times, write `for _ <- 1..5 do ... end`"
            return fl.mistake("HNY0107", "a number has no functions", node.span, help=help)
        case _:
            pass
    if (operator := _bitwise(node)) is not None:
        return operator_of_c(fl, node, operator)
    text = fl.report.source.text(node.span).partition("(")[0].partition(" ")[0]
    message = f"`{text}` is a field, and takes no arguments"
    help = "is an operator or a comma missing behind it? A function is called by its module's name"
    return fl.mistake("HNY0107", message, node.span, help=help)
