# SPDX-License-Identifier: Apache-2.0
"""Asks for the task's name where it is kept, not into a local that is copied there.

    comm: char[16]                                  entry = lookup(map, key)
    get_current_comm(comm)                          if is_null(entry)
    entry = lookup(map, key)                  →       value = %stats{first: now}
    if is_null(entry)                                 get_current_comm(value.comm)
      update(map, key, %stats{first: now,             update(map, key, value)
                              comm: comm})

It is asked for where it is wanted only, and is not copied.

Proof obligation: the local is filled once, and read once, behind that and in no loop that begins in between. The helper
gives the same at any moment of a run, as only the task itself changes its name, and has no other effect. The struct's
field is not read before it is filled. Helpers may write to the stack, to map values and to records.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import blocks_of, map_blocks, next_local_id, pick, root_place, uses
from honey.passes.rewriting import as_block, each_function, effect_of, with_blocks, with_body, with_effect
from honey.records import dataclass, replace

_ASKING = "bpf_get_current_comm"
_HELPERS = frozenset((n.HelperCall,))
_WRITTEN = (t.Space.STACK, t.Space.MAP, t.Space.RINGBUF)
_READS_AND_FILL = 2


def run(program: n.Program) -> n.Program:
    """``program`` with names of tasks where they are kept."""

    def rule(function: n.Function) -> n.Function:
        if not any(node.name == _ASKING for node in pick(function.body, _HELPERS)):
            return function
        ids = iter(range(next_local_id(function), 1 << 30))
        counts = uses(function.body)
        return with_body(function, map_blocks(function.body, lambda block: _block(block, counts, ids)))

    return each_function(program, rule)


@dataclass(frozen=True, slots=True)
class _Name:
    """A local that the helper fills, and the call that does."""

    local: n.Local
    fill: n.Eval

    def into(self, place: n.Place) -> n.Eval:
        """The call for another place."""
        call = self.fill.effect
        assert isinstance(call, n.HelperCall)
        return replace(self.fill, effect=replace(call, args=(place, *call.args[1:])))


def _block(block: n.Block, counts: dict[int, int], ids: Iterator[int]) -> n.Block:
    at = 0
    while at + 1 < len(block):
        name = _filled(block[at], block[at + 1])
        if name is not None and counts[name.local.id] == _READS_AND_FILL:
            rest = _kept_in(block[at + 2 :], name, ids)
            if rest is not None:
                block = (*block[:at], *rest)
                continue
        at += 1
    return block


def _filled(declaration: n.Stmt, fill: n.Stmt) -> _Name | None:
    match declaration, fill:
        case n.Let(local, None), n.Eval(n.HelperCall(name, (n.LocalPlace(target), *_))):
            return _Name(local, fill) if name == _ASKING and target == local else None
        case _:
            return None


def _kept_in(block: n.Block, name: _Name, ids: Iterator[int]) -> n.Block | None:
    """The block with ``name`` filled in where it is kept, ``None`` where it is used for something else."""
    for at, statement in enumerate(block):
        if not uses(statement)[name.local.id]:
            continue
        if isinstance(statement, n.If) and not uses(statement.condition)[name.local.id]:
            inner = [_kept_in(one, name, ids) if uses(one)[name.local.id] else one for one in blocks_of(statement)]
            if None in inner:
                return None
            return (*block[:at], with_blocks(statement, [one for one in inner if one is not None]), *block[at + 1 :])
        instead = _kept_by(statement, name, ids)
        return as_block((*block[:at], *instead, *block[at + 1 :]), block) if instead is not None else None
    return None


def _kept_by(statement: n.Stmt, name: _Name, ids: Iterator[int]) -> n.Block | None:
    """What stands for a statement that keeps the name."""
    whole = n.Read(n.LocalPlace(name.local), name.local.type)
    match statement:
        case n.Assign(place, value) if _can_be_filled(place, name):
            if value == whole:
                return (name.into(place),)
        case n.Let(local, value):
            place = n.LocalPlace(local)
        case _:
            return _kept_by_effect(statement, name, ids)
    found = _without(value, whole) if isinstance(value, n.StructValue) else None
    if found is None:
        return _kept_by_effect(statement, name, ids)
    assert isinstance(statement, n.Let | n.Assign)
    return (replace(statement, value=found[0]), name.into(_at(place, found[1])))


def _kept_by_effect(statement: n.Stmt, name: _Name, ids: Iterator[int]) -> n.Block | None:
    """A struct that a map or a ring buffer is given lies in a local of its own then."""
    effect = effect_of(statement)
    if not isinstance(effect, n.MapUpdate | n.RingOutput) or not isinstance(effect.value, n.StructValue):
        return None
    found = _without(effect.value, n.Read(n.LocalPlace(name.local), name.local.type))
    if found is None:
        return None
    made = n.Local(next(ids), "value", effect.value.type)
    place = n.LocalPlace(made)
    given = replace(effect, value=n.Read(place, made.type))
    return (
        n.Let(made, found[0], name.fill.span),
        name.into(_at(place, found[1])),
        with_effect(statement, given),
    )


def _can_be_filled(place: n.Place, name: _Name) -> bool:
    root = root_place(place)
    if uses(place)[name.local.id]:
        return False
    if isinstance(root, n.DerefPlace):
        return isinstance(root.ref.type, t.Ref) and root.ref.type.space in _WRITTEN
    return True


_Path = tuple[tuple[str, t.Type], ...]
"""Names and types of fields, one inside the other."""


def _without(value: n.StructValue, whole: n.Read) -> tuple[n.StructValue, _Path] | None:
    """The struct without its field that is ``whole``, and the way to that field."""
    for field, part in value.fields:
        rest = tuple(each for each in value.fields if each[0] != field)
        if part == whole:
            return replace(value, fields=rest), ((field, part.type),)
        found = _without(part, whole) if isinstance(part, n.StructValue) else None
        if found is not None:
            inner, path = found
            fields = tuple((one, inner if one == field else each) for one, each in value.fields)
            return replace(value, fields=fields), ((field, part.type), *path)
    return None


def _at(place: n.Place, path: _Path) -> n.Place:
    for field, type_ in path:
        place = n.FieldPlace(place, field, type_)
    return place
