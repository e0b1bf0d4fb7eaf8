# SPDX-License-Identifier: Apache-2.0
"""Which reads of a context clang must leave as they are.

Where two branches end with loads of one width, clang may make one load of them, from a pointer that is the context in
one case and a map value in the other, or that is the context at one of two offsets. The verifier rewrites loads from a
context and refuses that: "same insn cannot be used with different pointers", or "dereference of modified ctx ptr".
Loads from before a branch are no better, if only its two sides use them: LLVM moves them there (InstCombine,
``TryToSinkInstruction``). It merges volatile loads (SimplifyCFG, ``canSinkInstructions``), but neither moves them nor
merges inline assembly, so that an empty one behind a volatile load keeps it, and its address, where it is.

So every read is written like that, with these exceptions: in a function without branches; where there is nothing to
merge with, the same read in another turn of a loop included; and before the first branch that does more than leave, if
a call or such a read follows before that branch: LLVM moves no load over those.

Where an address has more than 20 uses in memory accesses (CodeGenPrepare, ``MaxMemoryUsesToScan``), LLVM computes it
once and keeps it, instead of making it a part of each load, which the verifier refuses, too. In a `crowded` program,
each read begins with a copy of the context's address, of which clang does not know that it is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import in_context
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, blocks_of, own_nodes, root_place, walk

Looks = Counter[str]
"""How often a context's fields are read, by name."""
_FOLLOWED = 20
_DIVISIONS = (n.BinaryOp.DIV, n.BinaryOp.MOD)


def reads_once(
    program_reads_memory: bool, function: n.Function, folded: Mapping[int, n.Expr | n.Effect], symbols: Symbols
) -> frozenset[n.Read]:
    """The reads of a handler's context that need ``READ_ONCE``.

    ``program_reads_memory``: there are other loads to merge them with, in any function, as clang inlines. ``folded``
    are values that are written where their local (by id) is read.
    """
    exposed: list[n.Read] = []
    last: list[n.Read] = []
    count = 0
    branched = function.section is None
    for statement in function.body:
        if isinstance(statement, n.Let) and statement.local.id in folded:
            continue
        nodes = [*_written(statement, folded)]
        reads = [node for node in nodes if isinstance(node, n.Read) and in_context(node.place)]
        count += sum(_loads(read.type) for read in reads) * (2 if isinstance(statement, n.For) else 1)
        branched = branched or (not _leaves(statement) and any(_branches(node, symbols) for node in nodes))
        if branched:
            exposed += reads
        elif any(isinstance(node, n.Effect) for node in own_nodes(statement)):
            last = []
        elif reads:
            last = reads
    if not branched or (count == 1 and not program_reads_memory):
        return frozenset()
    return frozenset((*last, *exposed))


def _written(root: Node, folded: Mapping[int, n.Expr | n.Effect]) -> Iterator[Node]:
    """The nodes of a statement as it is written: with the values that are folded into it."""
    for node in walk(root):
        yield node
        if isinstance(node, n.LocalPlace) and node.local.id in folded:
            yield from _written(folded[node.local.id], folded)


def _loads(type_: t.Type) -> int:
    """How many loads read a value of the context."""
    return type_.length if isinstance(type_, t.Array | t.Chars) else 1


def reads_memory(program: n.Program) -> bool:
    """Whether a function reads memory behind a reference other than the context."""
    return any(
        isinstance(node, n.Read) and isinstance(root_place(node.place), n.DerefPlace) and not in_context(node.place)
        for function in program.functions
        for node in walk(function.body)
    )


def _branches(node: Node, symbols: Symbols) -> bool:
    """Whether clang may make a branch of a node.

    Functions are inlined: a call is one, unless it is sure to lead to a helper's without one.
    """
    match node:
        case n.Call(name):
            return not _calls_helper(symbols.functions[name].body, symbols)
        case n.If() | n.For() | n.Select() | n.PacketAt() | n.CoreRead():
            return True
        case _:
            return _is_choice(node)


def _is_choice(node: Node) -> bool:
    """Whether an operator evaluates one operand or the other, or is written as a function that does."""
    return isinstance(node, n.Binary) and (node.op.logical or node.op in _DIVISIONS)


def _calls_helper(body: n.Block, symbols: Symbols) -> bool:
    nodes = list(walk(body))
    return any(isinstance(node, n.Effect) for node in nodes) and not any(_branches(node, symbols) for node in nodes)


def _leaves(statement: n.Stmt) -> bool:
    """Whether a statement does nothing but leave, with a constant, if a plain comparison holds."""
    return (
        isinstance(statement, n.If)
        and not statement.otherwise
        and not any(isinstance(node, n.Select) or _is_choice(node) for node in walk(statement.condition))
        and all(isinstance(one, n.Raise) or _returns_constant(one) for one in statement.then)
    )


def _returns_constant(statement: n.Stmt) -> bool:
    return isinstance(statement, n.Return) and (statement.value is None or isinstance(statement.value, n.Const))


def is_crowded(handlers: Iterable[n.Function], symbols: Symbols) -> bool:
    """Whether one of ``handlers`` reads a field more than 20 times, were all loops and calls written out."""
    known: dict[str, Looks] = {}
    return any(max(_looks(one, symbols, known).values(), default=0) > _FOLLOWED for one in handlers)


def _looks(function: n.Function, symbols: Symbols, known: dict[str, Looks]) -> Looks:
    if function.name not in known:
        known[function.name] = Counter()  # of a function that calls itself, one turn counts
        known[function.name] = _in_block(function.body, symbols, known)
    return known[function.name]


def _in_block(block: n.Block, symbols: Symbols, known: dict[str, Looks]) -> Looks:
    total: Looks = Counter()
    for statement in block:
        turns = len(range(statement.start, statement.stop, statement.step)) if isinstance(statement, n.For) else 1
        for inner in blocks_of(statement):
            for name, count in _in_block(inner, symbols, known).items():
                total[name] += count * turns
        for node in own_nodes(statement):
            match node:
                case n.PacketAt():
                    total.update(("data", "data_end"))
                case n.Read(n.FieldPlace(_, name) as place) | n.Assign(n.FieldPlace(_, name) as place) if in_context(
                    place
                ):
                    total[name] += 1
                case n.Call(name):
                    total.update(_looks(symbols.functions[name], symbols, known))
    return total
