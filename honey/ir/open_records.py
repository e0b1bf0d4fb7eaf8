# SPDX-License-Identifier: Apache-2.0
"""Which ring buffer records are reserved, and neither submitted nor discarded, where a function is left.

The verifier refuses a program that may keep a record. Where an exception leaves a handler, the record is discarded on
the way; where the source itself leaves, that is an error of the source.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir.walk import Node, walk
from honey.records import dataclass, field


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """A record that is still reserved; ``sure`` says that its reference is known not to be null here."""

    local: n.Local
    reserved: n.Let
    sure: bool = False


Open = dict[int, OpenRecord]


@dataclass(slots=True)
class OpenRecords:
    """What is open where a function is left: by the ``id`` of the ``Return``, the ``Raise``, or the statement with a
    call that may raise."""

    at: dict[int, tuple[OpenRecord, ...]] = field(default_factory=dict)
    returns: list[tuple[n.Return, OpenRecord]] = field(default_factory=list)

    @staticmethod
    def of(function: n.Function) -> OpenRecords:
        """What is open in ``function``."""
        found = OpenRecords()
        if any(isinstance(node, n.RingReserve) for node in walk(function.body)):
            found._block(function.body, {})
        return found

    def _block(self, block: n.Block, open_: Open) -> Open | None:
        """What is open at the end of ``block``, ``None`` if nothing reaches it."""
        for statement in block:
            if open_:
                self.at[id(statement)] = tuple(open_.values())
            match statement:
                case n.Return(value):
                    kept = _locals(value) if value is not None else set()
                    self.returns += [(statement, one) for one in open_.values() if one.local.id not in kept]
                    return None
                case n.Raise() | n.Break():
                    return None
                case n.Let(local, n.RingReserve()):
                    open_ = {**open_, local.id: OpenRecord(local, statement)}
                case n.If(condition, then, otherwise):
                    ends = [
                        self._block(side, _refined(open_, condition, truth))
                        for side, truth in ((then, True), (otherwise, False))
                    ]
                    reached = [end for end in ends if end is not None]
                    if not reached:
                        return None
                    open_ = {key: one for end in reached for key, one in end.items()}
                    open_ = {
                        key: OpenRecord(one.local, one.reserved, all(key in end and end[key].sure for end in reached))
                        for key, one in open_.items()
                    }
                case n.For(_, body=body):
                    self._block(body, open_)
                case n.Let(_, value) | n.Assign(_, value) | n.Eval(value) if isinstance(value, n.RingFinish | n.Call):
                    gone = _locals(value)
                    open_ = {key: one for key, one in open_.items() if key not in gone}
                case _:
                    pass
        return open_


def _locals(root: Node) -> set[int]:
    return {node.local.id for node in walk(root) if isinstance(node, n.LocalPlace)}


def _refined(open_: Open, condition: n.Expr, truth: bool) -> Open:
    """``open_`` where ``condition`` has turned out as ``truth``."""
    match condition:
        case n.Unary(n.UnaryOp.NOT, operand):
            return _refined(open_, operand, not truth)
        case n.IsNull(n.Read(n.LocalPlace(local))) if local.id in open_:
            known = open_[local.id]
            rest = {key: one for key, one in open_.items() if key != local.id}
            return rest if truth else {**rest, local.id: OpenRecord(known.local, known.reserved, sure=True)}
        case n.Binary(n.BinaryOp.LAND, left, right) if truth:
            return _refined(_refined(open_, left, truth), right, truth)
        case n.Binary(n.BinaryOp.LOR, left, right) if not truth:
            return _refined(_refined(open_, left, truth), right, truth)
        case _:
            return open_
