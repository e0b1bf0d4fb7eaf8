# SPDX-License-Identifier: Apache-2.0
"""Values for `program_text`: expressions of a wanted type from the names in scope."""

from __future__ import annotations

from program_types import ATOMS, HOST, NETWORK, FunctionType, MapType, StructType
from program_writer import Writer

NUMBERS: tuple[int, ...] = (0, 1, 2, 3, 5, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 1000, 65535, 65536)
NUMBERS += (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, -1, -2, -7, -128, -129, -(2**31), -(2**63), 2**63, 2**64 - 1)
SMALL = (0, 1, 2, 3, 4, 5, 6, 7)
_INTEGERS = (
    *("atom", "atom", "binary", "binary", "binary", "bits", "divide", "shift", "extreme", "choose", "unary"),
    *("call", "call", "host", "size", "element", "fuel", "maybe", "default", "sum", "fn"),
)
_TRUTHS = ("compare", "compare", "compare", "logic", "not", "in", "nil", "same", "network", "call", "atom")
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
HTON = {"be16": "htons", "be32": "htonl", "be64": "htonll"}
_NTOH = {"be16": "ntohs", "be32": "ntohl", "be64": "ntohll"}


def value_of(w: Writer, kind: str, depth: int) -> str:
    if kind == "bool":
        return truth(w, depth)
    if kind.startswith("struct:"):
        return struct_value(w, w.structure(kind[7:]), depth)
    return integer(w, depth)


def stored(w: Writer, type_: str, depth: int) -> str:
    """A value to be stored as ``type_``."""
    if type_.startswith("struct:"):
        return struct_value(w, w.structure(type_[7:]), depth)
    if type_ in NETWORK:
        return network(w, type_, depth)
    if type_.startswith("array:"):
        return f"[{', '.join(integer(w, 0) for _ in range(int(type_[6:])))}]"
    return integer(w, depth)


def struct_value(w: Writer, struct: StructType, depth: int) -> str:
    kinds = w.scope.of(f"struct:{struct.name}") + w.scope.of(f"ref:{struct.name}")
    kinds = [known for known in kinds if known not in w.unchecked]  # a struct or nil cannot be changed in place
    if kinds and w.chance(50):
        return w.pick(kinds)
    calls = [known for known in w.functions if known.result == f"struct:{struct.name}"]
    if calls and depth > 1 and w.chance(30) and (call := _call(w, calls, depth)):
        return call
    given = []
    for name, type_ in struct.fields:
        if w.chance(60):
            given.append(f"{name}: {stored(w, type_, min(depth - 1, 1))}")
    return f"%{struct.name}{{{', '.join(given)}}}"


def network(w: Writer, type_: str, depth: int) -> str:
    known = w.scope.of(type_) + [place for place, found in w.readable() if found == type_]
    if known and w.chance(60):
        return w.pick(known)
    return f"Honey.Net.{HTON[type_]}({integer(w, min(depth - 1, 1))})"


def integer(w: Writer, depth: int) -> str:
    fields = [place for place, type_ in w.readable() if type_ in HOST]
    names = w.scope.of("int")
    atoms = [*["name"] * (3 * bool(names)), *["field"] * (2 * bool(fields)), "literal"]
    if depth <= 0:
        return _atom(w, w.pick(atoms), names, fields)
    kind = w.pick(_INTEGERS)
    return _calculated(w, kind, depth) or _given(w, kind, depth) or _atom(w, w.pick(atoms), names, fields)


def _calculated(w: Writer, kind: str, depth: int) -> str:
    """An operation on integers; nothing if ``kind`` is none."""
    match kind:
        case "binary":
            return f"({integer(w, depth - 1)} {w.pick(('+', '-', '*'))} {integer(w, depth - 1)})"
        case "bits":
            op = w.pick(("&&&", "|||"))
            if w.chance(30):
                return f"bxor({integer(w, depth - 1)}, {integer(w, depth - 1)})"
            return f"({integer(w, depth - 1)} {op} {integer(w, depth - 1)})"
        case "divide":
            divisor = w.literal(NUMBERS[1:]) if w.chance(50) else integer(w, depth - 1)
            return f"{w.pick(('div', 'rem'))}({integer(w, depth - 1)}, {divisor})"
        case "shift":
            amount = w.literal((1, 3, 8, 31, 32, 63, 64, 65, -1)) if w.chance(60) else integer(w, depth - 1)
            return f"({integer(w, depth - 1)} {w.pick(('<<<', '>>>'))} {amount})"
        case "extreme":
            return f"{w.pick(('max', 'min'))}({integer(w, depth - 1)}, {integer(w, depth - 1)})"
        case "choose":
            return f"if({truth(w, depth - 1)}, do: {integer(w, depth - 1)}, else: {integer(w, depth - 1)})"
        case "unary":
            inner = integer(w, depth - 1)
            return w.pick((f"(-({inner}))", f"~~~({inner})", f"abs({inner})"))
        case "sum":
            return f"Enum.sum([{integer(w, depth - 1)}, {integer(w, 0)}])"
        case "fn":
            bound = w.name("z")
            with w.scoped():
                argument = integer(w, depth - 1)
                w.bind(bound, "int")
                body = integer(w, depth - 1)
            return f"(fn {bound} -> {body} end).({argument})"
    return ""


def _given(w: Writer, kind: str, depth: int) -> str:
    """An integer from a function, a struct, a map; nothing if there is none of this ``kind``."""
    match kind:
        case "call":
            calls = [known for known in w.functions if known.result == "int"]
            if calls and (call := _call(w, calls, depth)):
                return call
        case "host":
            type_ = w.pick(NETWORK)
            return f"Honey.Net.{_NTOH[type_]}({network(w, type_, depth - 1)})"
        case "size":
            struct = w.structs[0]
            return w.pick((f"sizeof(:{struct.name})", f"offsetof(:{struct.name}, :{struct.fields[-1][0]})"))
        case "element":
            arrays = [place for place, type_ in w.readable() if type_.startswith("array")]
            if arrays:
                index = w.pick(("0", "2")) if w.chance(60) else any_index(w)
                return f"{w.pick(arrays)}[{index}]"
        case "maybe" if w.scope.of("maybe"):
            name = w.pick(w.scope.of("maybe"))
            return w.pick((name, f"({name} || {integer(w, depth - 1)})"))
        case "default":
            found = w.any_map()
            if found.value in HOST:
                return f"{lookup(w, found, 1)[:-1]}, {integer(w, depth - 1)})"
        case "fuel" if w.recursive and not w.loops:
            start = f"{integer(w, depth - 1)} &&& {w.pick(('3', '7', '1'))}"
            return f"fuel({w.pick(('4', '1', '8'))}, total({start}, {integer(w, depth - 1)}))"
    return ""


def any_index(w: Writer) -> str:
    """A number that is not known when the module is compiled, so that it is not refused."""
    names = [name for name in w.scope.of("int") if name.startswith(("w", "ctx", "i"))]
    inner = w.pick(names) if names else "0"
    return f"({inner} &&& {w.pick(('3', '1', '7'))})" if w.chance(40) and names else inner


def _atom(w: Writer, kind: str, names: list[str], fields: list[str]) -> str:
    if kind == "name":
        return w.pick(names)
    return w.pick(fields) if kind == "field" else w.literal(NUMBERS)


def _call(w: Writer, calls: list[FunctionType], depth: int) -> str:
    found = w.pick(calls)
    args = []
    for kind in found.params:
        if kind == "atom":
            args.append(w.pick([*w.scope.of("atom"), f":{w.pick(ATOMS)}"]))
        elif kind == "maybe":
            args.append(w.pick([*w.scope.of("maybe"), *(each for each in w.scope.of("int")), "1"]))
        elif kind.startswith("ref:"):
            known = w.scope.of(kind) + w.scope.of(f"struct:{kind[4:]}")
            if not known:
                return ""
            args.append(w.pick(known))
        else:
            args.append(value_of(w, kind, depth - 1))
    return f"{found.name}({', '.join(args)})"


def truth(w: Writer, depth: int) -> str:
    if depth <= 0:
        flags = w.scope.of("bool")
        if flags and w.chance(50):
            return w.pick(flags)
        return f"{integer(w, 0)} {w.pick(_COMPARISONS)} {integer(w, 0)}"
    match w.pick(_TRUTHS):
        case "logic":
            return f"({truth(w, depth - 1)} {w.pick(('and', 'or', '&&', '||'))} {truth(w, depth - 1)})"
        case "not":
            return f"not ({truth(w, depth - 1)})"
        case "in":
            if w.chance(50):
                return f"{integer(w, depth - 1)} in [{w.literal(NUMBERS)}, {w.literal(NUMBERS)}]"
            return f"{integer(w, depth - 1)} in {w.literal(SMALL)}..{w.literal((10, 100, 255))}"
        case "nil" if w.scope.of("maybe"):
            name = w.pick(w.scope.of("maybe"))
            return w.pick((f"is_nil({name})", f"{name} != nil", f"{name} == {integer(w, depth - 1)}"))
        case "same":
            known = w.scope.starting("struct:") + w.scope.starting("ref:")
            if known:
                source, kind = w.pick(known)
                struct = w.structure(kind.partition(":")[2])
                return f"{source} {w.pick(('==', '!='))} {struct_value(w, struct, 1)}"
        case "network":
            type_ = w.pick(NETWORK)
            op = w.pick(("==", "!="))
            return f"{network(w, type_, depth - 1)} {op} {network(w, type_, depth - 1)}"
        case "call":
            calls = [known for known in w.functions if known.result == "bool"]
            if calls and (call := _call(w, calls, depth)):
                return call
        case "atom" if w.scope.of("atom"):
            return f"{w.pick(w.scope.of('atom'))} {w.pick(('==', '!='))} :{w.pick(ATOMS)}"
    return f"{integer(w, depth - 1)} {w.pick(_COMPARISONS)} {integer(w, depth - 1)}"


def lookup(w: Writer, found: MapType, depth: int) -> str:
    return f"BpfHelpers.bpf_map_lookup_elem(:{found.name}, {stored(w, found.key, depth)})"


def leaving(w: Writer, depth: int) -> str:
    if w.result == "int" and w.scope.of("maybe") and w.chance(15):
        name = w.pick(w.scope.of("maybe"))
        return f"return({name} || {w.literal(SMALL)})"  # a test around it may have shown that it is nil
    return f"return({value_of(w, w.result, depth)})"
