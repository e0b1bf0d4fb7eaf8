# SPDX-License-Identifier: Apache-2.0
"""Effects as C: calls of kernel helpers, of libbpf's macros and of the program's own functions."""

from __future__ import annotations

from collections.abc import Callable

from honey.emit.clones import Family
from honey.emit.constants import c_string
from honey.emit.expressions import Expressions
from honey.emit.fragment import Binding, Fragment
from honey.emit.spelling import is_array
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.ir.walk import root_place, walk
from honey.records import dataclass, field

_REFUSED = frozenset({t.Space.CONTEXT, t.Space.USER, t.Space.KERNEL})
"""Memory that the verifier does not let helpers read a key or a value from."""
_REFUSED_BY_RINGS = _REFUSED | {t.Space.PACKET}
"""The same for the helper that copies a record into a ring buffer."""


@dataclass(slots=True)
class Effects:
    """Writes the effects of one function.

    ``declare(type, name, initialiser)`` puts a new local before the statement that is being written and gives its
    name, and ``declare_read`` one for a pointer that is read; ``raised`` is what a function that may raise passes on
    (``&raised``, or ``raised`` in one that was passed it).
    """

    expressions: Expressions
    declare: Callable[[t.Type, str, n.Expr], str]
    declare_read: Callable[[n.CoreRead], str]
    functions: dict[str, str]
    maps: dict[str, str]
    symbols: Symbols
    raised: str = "&raised"
    families: dict[str, Family] = field(default_factory=dict)
    map_parameter: str = ""
    """The parameter that holds the map, in a function that is written once for several."""

    def effect(self, effect: n.Effect) -> Fragment:
        """An effect as a C expression."""
        match effect:
            case n.MapLookup(name, key, type_):
                return self._call("bpf_map_lookup_elem", [self._map(name), self._stored(key, "key")], type_)
            case n.MapUpdate(name, key, value, flags):
                args = [self._map(name), self._stored(key, "key"), self._stored(value, "value"), self._arg(flags)]
                return self._call("bpf_map_update_elem", args, t.S64)
            case n.NewEntry(name, key, type_):
                function = self.expressions.features.new_entry(type_.target.size)
                return self._call(function, [self._map(name), self._stored(key, "key")], type_)
            case n.MapDelete(name, key):
                return self._call("bpf_map_delete_elem", [self._map(name), self._stored(key, "key")], t.S64)
            case n.ProbeRead(kind, target, size, source):
                args = [self.address(target), self._sizeof(target, size), self._pointer(source)]
                return self._call(kind.value, args, t.S64)
            case n.CoreRead():
                return self._core_read(effect)
            case n.RingReserve(name, type_):
                args = [self._map(name), f"sizeof({self.expressions.spelling.name(type_.target)})", "0"]
                return self._call("bpf_ringbuf_reserve", args, type_)
            case n.RingFinish(record, discard, flags):
                name = f"bpf_ringbuf_{'discard' if discard else 'submit'}"
                return self._call(name, [self._arg(record), self._arg(flags)], t.VOID)
            case n.RingOutput(name, value, flags):
                length = f"sizeof({self.expressions.spelling.name(value.type)})"
                data = self._stored(value, "value", refused=_REFUSED_BY_RINGS)
                args = [self._map(name), data, length, self._arg(flags)]
                return self._call("bpf_ringbuf_output", args, t.S64)
            case n.AtomicAdd(place, value):
                macro = self.expressions.features.atomic_add(place.type.size * 8)
                amount = self.expressions.converted(value, place.type)
                return self._call(macro, [self.expressions.place(place).text, amount], t.VOID)
            case n.PacketAt(context, offset, type_, least):
                assert isinstance(context.type, t.Ref)
                spelling = self.expressions.spelling
                reach = "before" if id(effect) in self.expressions.features.backward else _reach(offset)
                function = self.expressions.features.packet(spelling.name(context.type.target), reach)
                length = str(least) if least > type_.target.size else f"sizeof({spelling.name(type_.target)})"
                return self._call(function, [self._arg(context), self._arg(offset), length], type_)
            case n.HelperCall("barrier_var", (n.LocalPlace() as variable,), type_):
                return self._call("barrier_var", [self.expressions.place(variable).text], type_)
            case n.HelperCall(name, args, type_):
                return self._call(name, [self._helper_arg(arg) for arg in args], type_)
            case n.Call(name, args, type_):
                texts = [self.expressions.converted(arg, arg.type) for arg in args]
                texts += [self.raised] if self.symbols.functions[name].may_raise else []
                if name in self.families:
                    texts.insert(0, f"&{self.maps[self.families[name].maps[name]]}")
                return self._call(self.functions[name], texts, type_)
            case n.Printk(text, args):
                values = [self.expressions.expr(arg).within(Binding.ASSIGN) for arg in args]
                return self._call("bpf_printk", [c_string(text.encode()), *values], t.VOID)

    def _call(self, function: str, args: list[str], type_: t.Type) -> Fragment:
        return Fragment(f"{function}({', '.join(args)})", Binding.POSTFIX, type_)

    def _map(self, name: str) -> str:
        return self.map_parameter or f"&{self.maps[name]}"

    def _arg(self, expr: n.Expr) -> str:
        return self.expressions.converted(expr, expr.type)

    def _pointer(self, source: n.Expr) -> str:
        """An address to read from: any pointer will do, a number must become one."""
        if isinstance(source, n.Cast) and isinstance(source.operand.type, (t.Address, t.Ref)):
            return self._pointer(source.operand)
        return self.expressions.converted(
            n.Cast(source, t.Address()) if isinstance(source.type, t.Int) else source, t.Address()
        )

    def address(self, place: n.Place) -> str:
        return self.expressions.address(place).within(Binding.ASSIGN)

    def _sizeof(self, place: n.Place, size: int) -> str:
        if size != place.type.size:
            return str(size)
        if is_array(place.type) and isinstance(place, n.DerefPlace):
            return f"sizeof({self.expressions.spelling.name(place.type)})"
        return f"sizeof({self.expressions.place(place).text})"

    def _helper_arg(self, arg: n.Expr | n.MapName | n.Place) -> str:
        if isinstance(arg, n.MapName):
            return self._map(arg.map)
        if isinstance(arg, n.Place):
            return self.address(arg)
        return self._arg(arg)

    def _stored(self, value: n.Expr, name: str, refused: frozenset[t.Space] = _REFUSED) -> str:
        """A pointer to a value in memory; one that is nowhere yet is stored in a new local, or is ``refused`` there."""
        if isinstance(value, n.Read) and self._addressable(value.place, refused):
            return self.address(value.place)
        new = self.declare(value.type, name, value)
        return new if is_array(value.type) else f"&{new}"

    def _addressable(self, place: n.Place, refused: frozenset[t.Space]) -> bool:
        if self.symbols.in_bits(place):
            return False
        root = root_place(place)
        if isinstance(root, n.LocalPlace):
            # Kernels before 6.3 forget a number whose address a helper gets, and so how many turns there are.
            return root.local.id not in self.expressions.folded and root.local.id not in self.expressions.turns
        return not (isinstance(root, n.DerefPlace) and _space(root.ref.type) in refused)

    def _core_read(self, effect: n.CoreRead) -> Fragment:
        groups = self.symbols.read_path(effect.struct, effect.path) or ()
        in_bits = bool(groups and groups[-1][-1].bit_size)
        if in_bits and len(groups) > 1:
            pointer = self.declare_read(self._to_last_pointer(effect))
            last = ".".join(field.name for field in groups[-1])
            return self._call("BPF_CORE_READ_BITFIELD_PROBED", [pointer, last], effect.type)
        source, steps = self.core_path(effect)
        if effect.task:
            spelling = self.expressions.spelling
            name = self.expressions.features.task_read(steps, lambda head: spelling.declare(effect.type, head))
            return self._call(name, [], effect.type)
        macro = "BPF_CORE_READ_BITFIELD_PROBED" if in_bits else _core_macro(effect)
        return self._call(macro, [source, *steps], effect.type)

    def _to_last_pointer(self, effect: n.CoreRead) -> n.CoreRead:
        """The part of a read that leads to the pointer before its last fields."""
        groups = self.symbols.read_path(effect.struct, effect.path) or ()
        names = [part for step in effect.path for part in step.split(".")]
        path = tuple(names[: -len(groups[-1])])
        return n.CoreRead(effect.source, effect.struct, path, effect.user, groups[-2][-1].type)

    def core_into(self, target: str, effect: n.CoreRead) -> str:
        """The statement that reads an array, which is no value in C, into ``target``."""
        source, steps = self.core_path(effect)
        return f"{_core_macro(effect)}_INTO({', '.join([f'&{target}', source, *steps])})"

    def core_path(self, effect: n.CoreRead) -> tuple[str, list[str]]:
        """The pointer to start from, and the fields to follow: one text for each pointer on the way."""
        self.expressions.features.headers.add("bpf/bpf_core_read.h")
        source = effect.source
        target = source.type.target if isinstance(source.type, (t.Address, t.Ref)) else None
        if target != effect.struct:
            inner = source.operand if isinstance(source, n.Cast) else source
            source = n.Cast(inner, t.Address(t.Space.KERNEL, effect.struct))
        groups = self.symbols.read_path(effect.struct, effect.path) or ()
        steps = [".".join(field.name for field in group) for group in groups]
        if self._names_own_field(source):
            return self.declare(source.type, "pointer", source), steps
        return self.expressions.expr(source).within(Binding.ASSIGN), steps

    def _names_own_field(self, source: n.Expr) -> bool:
        """Whether ``source`` names a field of the program's own structs, which the macros would relocate, too."""
        for node in walk(source):
            match node:
                case n.FieldPlace(base) if not (isinstance(base.type, t.Struct) and base.type.kernel):
                    return True
                case n.LocalPlace(local) if isinstance(value := self.expressions.folded.get(local.id), n.Expr):
                    if self._names_own_field(value):
                        return True
        return False


def _reach(offset: n.Expr) -> str:
    """What is known of an offset into a packet: one that needed no mask is small."""
    if isinstance(offset, n.Const):
        return "at"
    return "from" if isinstance(offset, n.Binary) and offset.op is n.BinaryOp.AND else "near"


def _core_macro(effect: n.CoreRead) -> str:
    return "BPF_CORE_READ_USER" if effect.user else "BPF_CORE_READ"


def _space(type_: t.Type) -> t.Space | None:
    return type_.space if isinstance(type_, t.Ref) else None
