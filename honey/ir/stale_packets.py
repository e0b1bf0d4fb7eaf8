# SPDX-License-Identifier: Apache-2.0
"""Which references into a packet are used after a helper that may have moved the packet's bytes.

The verifier forgets all references into the packet at such a helper. A test for null is no use: it only asks what the
reference was when it was made.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import PACKET_MOVING_CALLS
from honey.ir.walk import Node, children, walk
from honey.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Moved:
    """What may have moved the packet: a helper, or a function that calls one, and where it is called."""

    name: str
    statement: n.Stmt


Stale = dict[int, Moved]
"""The references (locals, by id) that were made before the packet moved."""


@dataclass(slots=True)
class StalePackets:
    """The uses of stale references in a program's functions: each statement once, with what moved the packet."""

    functions: dict[str, n.Function]
    uses: list[tuple[n.Function, n.Stmt, Moved]] = field(default_factory=list)
    _moving: dict[str, str] = field(default_factory=dict)
    _left: list[Stale] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)
    _packets: set[int] = field(default_factory=set)

    @staticmethod
    def of(program: n.Program) -> StalePackets:
        """The uses in ``program``."""
        found = StalePackets({function.name: function for function in program.functions})
        for function in program.functions:
            if any(found._mover(node) for node in walk(function.body)):
                found._packets = {one.id for one in _packet_locals(function)}
                found._block(function, function.body, {})
        return found

    def _block(self, function: n.Function, block: n.Block, stale: Stale) -> Stale | None:
        """What is stale at the end of ``block``, ``None`` if nothing reaches it."""
        for statement in block:
            self._look(function, statement, stale)
            match statement:
                case n.Return() | n.Raise():
                    return None
                case n.Break():
                    self._left.append(stale)
                    return None
                case n.If(_, then, otherwise):
                    ends = [self._block(function, side, stale) for side in (then, otherwise)]
                    reached = [end for end in ends if end is not None]
                    if not reached:
                        return None
                    stale = {key: moved for end in reached for key, moved in end.items()}
                case n.For(_, body=body):
                    stale = self._loop(function, body, stale)
                case n.Let(local, value) | n.Assign(n.LocalPlace(local), value):
                    stale = self._after(statement, value, stale)
                    source = _copied(value)
                    if source in stale:
                        stale = {**stale, local.id: stale[source]}
                    else:
                        stale = {key: moved for key, moved in stale.items() if key != local.id}
                case n.Assign(_, value) | n.Eval(value):
                    stale = self._after(statement, value, stale)
                case _:
                    pass
        return stale

    def _loop(self, function: n.Function, body: n.Block, stale: Stale) -> Stale:
        """After a loop: what one turn makes stale, the next one may use."""
        outer, self._left = self._left, []
        for _ in range(2):
            end = self._block(function, body, stale)
            stale = {**stale, **(end or {})}
        for left in self._left:
            stale = {**stale, **left}
        self._left = outer
        return stale

    def _after(self, statement: n.Stmt, value: Node | None, stale: Stale) -> Stale:
        """``stale`` after ``value`` has been worked out."""
        name = self._mover(value) if value is not None else ""
        if not name:
            return stale
        assert isinstance(value, n.HelperCall | n.Call)
        made = {local for arg in value.args if (local := _handed_back(arg)) is not None}
        return {**stale, **dict.fromkeys(self._packets - made, Moved(name, statement))}

    def _look(self, function: n.Function, statement: n.Stmt, stale: Stale) -> None:
        """Notes the statement if it uses what is stale itself, not in a block of its own."""
        if not stale or id(statement) in self._seen:
            return
        value = statement.value if isinstance(statement, n.Let | n.Assign) else None
        if _copied(value) is not None and not (isinstance(statement, n.Assign) and _followed(statement.place, stale)):
            return
        own = (node for node in children(statement) if not isinstance(node, _STATEMENTS))
        for used in (local for node in own for local in _used(node)):
            if used in stale:
                self._seen.add(id(statement))
                self.uses.append((function, statement, stale[used]))
                return

    def _mover(self, node: Node) -> str:
        """The helper through which ``node`` itself may move the packet, or nothing."""
        match node:
            case n.HelperCall(name):
                return name if name in PACKET_MOVING_CALLS else ""
            case n.Call(name):
                if name not in self._moving:
                    self._moving[name] = ""  # for one that calls itself
                    body = self.functions[name].body
                    self._moving[name] = next((found for one in walk(body) if (found := self._mover(one))), "")
                return self._moving[name]
            case _:
                return ""


_STATEMENTS = (n.Let, n.Assign, n.Eval, n.If, n.For, n.Scope, n.Break, n.Return, n.Raise)


def _is_packet(type_: t.Type) -> bool:
    return isinstance(type_, t.Ref) and type_.space is t.Space.PACKET


def _packet_locals(function: n.Function) -> Iterator[n.Local]:
    yield from (param for param in function.params if _is_packet(param.type))
    yield from (node.local for node in walk(function.body) if isinstance(node, n.Let) and _is_packet(node.local.type))


def _copied(value: Node | None) -> int | None:
    """The local whose reference ``value`` is, and no more."""
    if isinstance(value, n.NonNull):
        return _copied(value.operand)
    if isinstance(value, n.Read) and isinstance(value.place, n.LocalPlace) and _is_packet(value.place.local.type):
        return value.place.local.id
    return None


def _followed(place: n.Place, stale: Stale) -> bool:
    return any(local in stale for local in _used(place))


def _used(node: Node) -> Iterator[int]:
    """The references into packets that ``node`` follows or hands on."""
    if isinstance(node, n.IsNull) and _copied(node.operand) is not None:
        return
    if isinstance(node, n.Read) and (local := _copied(node)) is not None:
        yield local
        return
    for child in children(node):
        yield from _used(child)


def _handed_back(arg: object) -> int | None:
    """The local into which a function puts a reference of its own through this argument."""
    if isinstance(arg, n.AddressOf) and isinstance(arg.place, n.LocalPlace) and _is_packet(arg.place.type):
        return arg.place.local.id
    return None
