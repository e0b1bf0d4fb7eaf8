# SPDX-License-Identifier: Apache-2.0
"""Reads into a ring buffer's record or a map's entry at once, not into a local that is copied there.

    let text: char[128] = zeros                         event.filename = zeros
    err = probe_read_kernel_str(text, ...)          →   err = probe_read_kernel_str(event.filename, ...)
    if err >= 0
      event.filename = text

and the same for a helper that fills its argument, and for a text that takes the place of one that cannot be read. A
copy of a string is a load and a store a byte.

Proof obligation: the local is used for nothing else; nothing lies between the read and the copy but what is stored in
its place after a failure; what is read from is not in a map where the target is. The target is a record that was
reserved, which nobody else sees before it is submitted, or an entry, of which others see each step of a change. Where
the copy depends on the read's success, the target is a record and has not been written before: what it holds after a
failure was undefined, and is zeros now.
"""

from __future__ import annotations

from collections.abc import Callable

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import reads
from honey.ir.walk import map_blocks, rewrite, root_place, uses, walk
from honey.passes.rewriting import each_function, with_body

_LET_READ_COPY = 3


def run(program: n.Program) -> n.Program:
    """``program`` with reads straight into records."""

    def rule(function: n.Function) -> n.Function:
        counts = uses(function.body)
        return with_body(function, map_blocks(function.body, lambda block: _block(block, function, counts)))

    return each_function(program, rule)


def _block(block: n.Block, function: n.Function, counts: dict[int, int]) -> n.Block:
    out: list[n.Stmt] = []
    at = 0
    changed = False
    while at < len(block):
        found = _direct(block[at : at + _LET_READ_COPY], function, counts)
        length = _LET_READ_COPY
        if found is None:
            found = _with_default(block[at : at + _LET_READ_COPY + 1], counts)
            length = _LET_READ_COPY + 1
        changed = changed or found is not None
        out.extend(found if found is not None else block[at : at + 1])
        at += length if found is not None else 1
    return tuple(out) if changed else block


def _direct(statements: n.Block, function: n.Function, counts: dict[int, int]) -> n.Block | None:
    """What stands for a declaration, a read and a copy, None where they are not that."""
    if len(statements) < _LET_READ_COPY or not isinstance(statements[0], n.Let):
        return None
    declaration, read, copy = statements
    assert isinstance(declaration, n.Let)
    local, initial = declaration.local, declaration.value
    zeroed = isinstance(initial, n.StructValue) and not initial.fields
    if not isinstance(local.type, (t.Chars, t.Array)) or not (initial is None or zeroed):
        return None
    assign, conditional = _copied(copy, local)
    if assign is None or counts[local.id] != uses(read)[local.id] + 1 or not _reads_into(read, local):
        return None
    place = assign.place
    if not _in_record(place) and (conditional or not _in_entry(place, read)):
        return None
    if conditional and (not zeroed or _written_before(place, assign, function)):
        return None
    first = (n.Assign(place, initial, declaration.span),) if isinstance(initial, n.StructValue) else ()
    return (*first, rewrite(read, _instead(local, place)))


def _with_default(statements: n.Block, counts: dict[int, int]) -> n.Block | None:
    """The same for a read, a branch that stores a constant text if it fails, and a copy of what came of it."""
    match statements:
        case (
            n.Let(local, n.StructValue(()) as zeros, span),
            n.Let() as read,
            n.If(condition, (n.Assign(n.LocalPlace(target), n.Bytes()),), ()) as branch,
            n.Assign(place, n.Read(n.LocalPlace(copied))),
        ) if local == target == copied and not uses(condition)[local.id]:
            pass
        case _:
            return None
    if place.type != local.type or counts[local.id] != uses(read)[local.id] + 2 or not _reads_into(read, local):
        return None
    if not _in_record(place) and not _in_entry(place, read):
        return None
    instead = _instead(local, place)
    return (n.Assign(place, zeros, span), rewrite(read, instead), rewrite(branch, instead))


def _instead(local: n.Local, place: n.Place) -> Callable[[object], object]:
    return lambda node: place if node == n.LocalPlace(local) else node


def _copied(statement: n.Stmt, local: n.Local) -> tuple[n.Assign | None, bool]:
    """The assignment of all of ``local``, and whether it depends on something."""
    conditional = isinstance(statement, n.If) and len(statement.then) == 1 and not statement.otherwise
    inner = statement.then[0] if isinstance(statement, n.If) and conditional else statement
    if isinstance(inner, n.Assign) and inner.value == n.Read(n.LocalPlace(local), local.type):
        return (inner, conditional) if inner.place.type == local.type else (None, False)
    return None, False


def _reads_into(statement: n.Stmt, local: n.Local) -> bool:
    """Whether the statement has all of ``local`` filled by a read or a helper, and does nothing else with it."""
    if not isinstance(statement, (n.Let, n.Eval)):
        return False
    match statement.effect if isinstance(statement, n.Eval) else statement.value:
        case n.ProbeRead(_, n.LocalPlace(target), _, source):
            return target == local and local.id not in uses(source)
        case n.HelperCall(_, (n.LocalPlace(target), *others)):
            return target == local and not any(local.id in uses(other) for other in others)
        case _:
            return False


def _in_record(place: n.Place) -> bool:
    return _space_of(place) is t.Space.RINGBUF


def _in_entry(place: n.Place, read: n.Stmt) -> bool:
    """Whether the place is in a map's entry, and the read looks at nothing in maps."""
    return _space_of(place) is t.Space.MAP and t.Space.MAP not in reads(read).spaces


def _space_of(place: n.Place) -> t.Space | None:
    root = root_place(place)
    return root.ref.type.space if isinstance(root, n.DerefPlace) and isinstance(root.ref.type, t.Ref) else None


def _written_before(place: n.Place, own: n.Assign, function: n.Function) -> bool:
    """Whether the function writes a part of a record that may be ``place`` elsewhere as well."""
    if not isinstance(place, n.FieldPlace):
        return True
    return any(
        isinstance(node, n.Assign)
        and node is not own
        and _in_record(node.place)
        and (not isinstance(node.place, n.FieldPlace) or node.place.field == place.field)
        for node in walk(function.body)
    )
