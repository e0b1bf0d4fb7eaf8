# SPDX-License-Identifier: Apache-2.0
"""The typed IR: functions of structured statements over expressions without effects.

Rules that ``honey.ir.verify`` checks between passes:

* An :data:`Expr` has no effect and cannot fail; it may be evaluated twice, moved over anything that does not write what
  it reads, or dropped. An :data:`Effect` stands only directly under ``Let``, ``Assign`` or ``Eval``.
* Operands of arithmetic and comparison have one type (``Cast`` makes it so); big-endian operands know
  ``eq``/``ne`` only.
* Integer arithmetic wraps at the width of the node's type. ``div``/``mod`` never see a zero divisor: analysis puts the
  test and the :class:`Raise` before them.
* A nullable reference is dereferenced only through :class:`NonNull`, and only where a test has shown it.
* A :class:`Local` is declared by exactly one ``Let``, ``For`` or parameter list, before use, and is visible to the end
  of its block. ``Let`` without a value leaves it uninitialised (a read's destination).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from honey.ir.types import BOOL, S64, VOID, Bool, Ref, Struct, StructDef, Type
from honey.records import dataclass, field

if TYPE_CHECKING:
    from honey.kernel.sections import Section
    from honey.syntax.source import Span


# ---------------------------------------------------------------- values and places


@dataclass(frozen=True, slots=True)
class Local:
    """A local variable or parameter; ``id`` is unique in its function, ``name`` is the source's (not unique).

    One that the compiler makes for itself has the name ``""``; if it is used once, no C variable comes of it.
    """

    id: int
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """The memory of a local."""

    local: Local

    @property
    def type(self) -> Type:
        """Type of what is stored there."""
        return self.local.type


@dataclass(frozen=True, slots=True)
class DerefPlace:
    """What a non-null reference points to."""

    ref: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """A field of a struct place; ``field`` may be a dotted path through anonymous members as C writes it."""

    base: Place
    field: str
    type: Type


@dataclass(frozen=True, slots=True)
class IndexPlace:
    """An element of an array place; analysis has made sure that ``index`` is in range."""

    base: Place
    index: Expr
    type: Type


Place = LocalPlace | DerefPlace | FieldPlace | IndexPlace


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Const:
    """An integer, boolean (0/1) or null (0 of a ``Ref``/``Address``) constant; ``name`` is its C spelling, if any."""

    value: int
    type: Type
    name: str = ""


@dataclass(frozen=True, slots=True)
class Bytes:
    """The constant contents of a ``Chars`` or ``Array`` of bytes, zero-filled to the type's size."""

    data: bytes
    type: Type


@dataclass(frozen=True, slots=True)
class Read:
    """The value stored in a place."""

    place: Place
    type: Type


@dataclass(frozen=True, slots=True)
class AddressOf:
    """A reference to a place (``type`` is a ``Ref`` to the place's type)."""

    place: Place
    type: Type


class UnaryOp(Enum):
    """Operators of one operand."""

    NEG = "-"
    INVERT = "~"
    NOT = "!"


class BinaryOp(Enum):
    """Operators of two operands; comparisons and logic give ``Bool``, logic is short-circuit."""

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    MOD = "%"
    AND = "&"
    OR = "|"
    XOR = "^"
    SHL = "<<"
    SHR = ">>"
    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LAND = "&&"
    LOR = "||"

    @property
    def compares(self) -> bool:
        """Whether the result is a truth value of two operands of one type."""
        return self in _COMPARISONS

    @property
    def logical(self) -> bool:
        """Whether this is short-circuit logic."""
        return self in {BinaryOp.LAND, BinaryOp.LOR}


_COMPARISONS = frozenset(
    {BinaryOp.EQ, BinaryOp.NE, BinaryOp.LT, BinaryOp.LE, BinaryOp.GT, BinaryOp.GE},
)


@dataclass(frozen=True, slots=True)
class Unary:
    """``op operand``."""

    op: UnaryOp
    operand: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Binary:
    """``left op right``; a shift's amount is masked to the width by whoever builds the node."""

    op: BinaryOp
    left: Expr
    right: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Cast:
    """Conversion between integer widths and signedness, integers and booleans, addresses and ``u64``.

    A reference may be cast to one with fewer rights (nullable, read-only); no code.
    """

    operand: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class ByteSwap:
    """Host order to network order or back: 16, 32 or 64 bits by the type; ``name`` is htons, ntohl, ..."""

    name: str
    operand: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Select:
    """``condition ? then : otherwise``; both sides have the node's type."""

    condition: Expr
    then: Expr
    otherwise: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class IsNull:
    """Whether a nullable reference or an address is null."""

    operand: Expr
    type: Bool = BOOL


@dataclass(frozen=True, slots=True)
class NonNull:
    """A nullable reference at a point where it is known not to be null; no code."""

    operand: Expr
    type: Ref


@dataclass(frozen=True, slots=True)
class StructValue:
    """A struct that is all zero, padding included, with some fields set; also for arrays (field names are indices)."""

    fields: tuple[tuple[str, Expr], ...]
    type: Type


Expr = Const | Bytes | Read | AddressOf | Unary | Binary | Cast | ByteSwap | Select | IsNull | NonNull | StructValue


# ---------------------------------------------------------------- effects


@dataclass(frozen=True, slots=True)
class MapLookup:
    """``bpf_map_lookup_elem``: a nullable reference to the stored value."""

    map: str
    key: Expr
    type: Ref


@dataclass(frozen=True, slots=True)
class MapUpdate:
    """``bpf_map_update_elem``; 0 or -errno."""

    map: str
    key: Expr
    value: Expr
    flags: Expr
    type: Type = S64


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Make an entry of zeros, unless another CPU just did, and look it up: a nullable reference, null without room.

    Stands where a look-up found nothing; made by the last passes only.
    """

    map: str
    key: Expr
    type: Ref


@dataclass(frozen=True, slots=True)
class MapDelete:
    """``bpf_map_delete_elem``; 0 or -errno."""

    map: str
    key: Expr
    type: Type = S64


class ReadKind(Enum):
    """Which helper reads memory that may fault."""

    USER = "bpf_probe_read_user"
    KERNEL = "bpf_probe_read_kernel"
    USER_STR = "bpf_probe_read_user_str"
    KERNEL_STR = "bpf_probe_read_kernel_str"


@dataclass(frozen=True, slots=True)
class ProbeRead:
    """Copy ``size`` bytes from ``source`` into ``target``; 0 (strings: the length) or -errno, and then zeros there."""

    kind: ReadKind
    target: Place
    size: int
    source: Expr
    type: Type = S64


@dataclass(frozen=True, slots=True)
class CoreRead:
    """``BPF_CORE_READ(source, path...)`` (``user``: ``..._USER``): a field through relocation, 0 on a fault.

    Each name of ``path`` is a field of what the one before it is, or of the struct that the one before it points to
    (an ``Address`` of a struct); each pointer on the way is a read of its own. ``task``: from the current task,
    through pointers whose types the verifier knows; ``source`` is not looked at.
    """

    source: Expr
    struct: Struct
    path: tuple[str, ...]
    user: bool
    type: Type
    task: bool = False


@dataclass(frozen=True, slots=True)
class RingReserve:
    """``bpf_ringbuf_reserve`` of one record of the target type: a nullable reference."""

    map: str
    type: Ref


@dataclass(frozen=True, slots=True)
class RingFinish:
    """``bpf_ringbuf_submit`` or, with ``discard``, ``bpf_ringbuf_discard`` of a non-null record."""

    record: Expr
    discard: bool
    flags: Expr
    type: Type = VOID


@dataclass(frozen=True, slots=True)
class RingOutput:
    """``bpf_ringbuf_output`` of a copy of ``value``; 0 or -errno."""

    map: str
    value: Expr
    flags: Expr
    type: Type = S64


@dataclass(frozen=True, slots=True)
class AtomicAdd:
    """Add to an integer of 32 or 64 bits in map or record memory, atomically."""

    place: Place
    value: Expr
    type: Type = VOID


@dataclass(frozen=True, slots=True)
class PacketAt:
    """A reference to ``type.target`` at ``offset`` bytes into the packet of ``context``, null past the packet's end.

    ``length``: bytes that must be there from ``offset`` on, if more are wanted than those of the target.
    """

    context: Expr
    offset: Expr
    type: Ref
    length: int = 0


@dataclass(frozen=True, slots=True)
class HelperCall:
    """Any other helper under its kernel name; references are passed as pointers, maps as ``MapName``."""

    name: str
    args: tuple[Expr | MapName | Place, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class MapName:
    """A map as a helper's argument."""

    map: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one of the program's own functions."""

    function: str
    args: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Printk:
    """``bpf_printk``: a line in the trace pipe; ``format`` as in C, arguments are 64-bit or references to chars."""

    format: str
    args: tuple[Expr, ...]
    type: Type = VOID


Effect = (
    MapLookup
    | MapUpdate
    | NewEntry
    | MapDelete
    | ProbeRead
    | CoreRead
    | RingReserve
    | RingFinish
    | RingOutput
    | AtomicAdd
    | PacketAt
    | HelperCall
    | Call
    | Printk
)


# ---------------------------------------------------------------- statements


class Walked:
    """What a statement keeps for `honey.ir.walk`: all that is below it, in order. It is not one of its fields."""

    __slots__ = ("walked",)


@dataclass(frozen=True, slots=True)
class Let(Walked):
    """Declare ``local``; without a value it is uninitialised.

    ``beyond``: a struct that starts 4 bytes beyond a multiple of 8 on the stack. ``static``: constants that lie in
    read-only memory, made once.
    """

    local: Local
    value: Expr | Effect | None
    span: Span | None = None
    beyond: bool = False
    static: bool = False


@dataclass(frozen=True, slots=True)
class Assign(Walked):
    """Store into a place."""

    place: Place
    value: Expr | Effect
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Eval(Walked):
    """An effect whose result nobody wants."""

    effect: Effect
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class If(Walked):
    """Branch on a ``Bool``; ``expected`` is how it nearly always turns out, where that is known."""

    condition: Expr
    then: Block
    otherwise: Block = ()
    span: Span | None = None
    expected: bool | None = None


@dataclass(frozen=True, slots=True)
class For(Walked):
    """Run ``body`` for ``local`` from ``start`` by ``step`` (may be negative) to before ``stop``; all are constants."""

    local: Local
    start: int
    stop: int
    step: int
    body: Block
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Scope(Walked):
    """Statements whose locals end with them, so that their memory is free for others; made by the last passes only."""

    body: Block
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Break(Walked):
    """Leave the innermost loop."""

    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Return(Walked):
    """Leave the function with a value (``None``: a function without result)."""

    value: Expr | None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Raise(Walked):
    """What raises in Elixir: print ``exception``, file and line once (if tracing), and leave the handler with 0."""

    exception: str
    detail: str = ""
    span: Span | None = None


Stmt = Let | Assign | Eval | If | For | Scope | Break | Return | Raise
Block = tuple[Stmt, ...]


# ---------------------------------------------------------------- program


class Inline(Enum):
    """Whether a function becomes a subprogram of its own, is inlined, or clang decides."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Function:
    """A handler (``section`` is set, one parameter: the context, result ``S32``) or a function shared by its callers.

    Struct parameters are ``Ref(..., STACK, readonly=True)``; a callee that changes its copy begins by making one.
    A struct result is a last parameter ``Ref(..., STACK)`` that the callee fills. ``may_raise`` says that a ``Raise``
    can happen inside or in a callee.
    """

    name: str
    params: tuple[Local, ...]
    result: Type
    body: Block
    section: Section | None = None
    may_raise: bool = False
    inline: Inline = Inline.AUTO
    span: Span | None = None
    doc: str = ""


class MapKind(Enum):
    """The kinds of map, named as the language names them; the value is the kernel's name."""

    HASH = "BPF_MAP_TYPE_HASH"
    ARRAY = "BPF_MAP_TYPE_ARRAY"
    PERCPU_HASH = "BPF_MAP_TYPE_PERCPU_HASH"
    PERCPU_ARRAY = "BPF_MAP_TYPE_PERCPU_ARRAY"
    LRU_HASH = "BPF_MAP_TYPE_LRU_HASH"
    LRU_PERCPU_HASH = "BPF_MAP_TYPE_LRU_PERCPU_HASH"
    RINGBUF = "BPF_MAP_TYPE_RINGBUF"


@dataclass(frozen=True, slots=True)
class MapDef:
    """A map; a ring buffer has neither key nor value, and its ``max_entries`` are bytes.

    ``flag_names`` are C spellings to be or-ed; ``print``/``print_elem`` are Honey Potion's options, for user space.
    """

    name: str
    kind: MapKind
    key: Type | None
    value: Type | None
    max_entries: int
    flag_names: tuple[str, ...] = ()
    pin_by_name: bool = False
    print: bool = False
    print_elem: tuple[str, ...] = ()
    span: Span | None = None
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """One module: everything that goes into one object file. ``file`` is the source's path as given to ``#line``."""

    module: str
    file: str
    license: str
    structs: tuple[StructDef, ...]
    maps: tuple[MapDef, ...]
    functions: tuple[Function, ...]
    trace: bool = True
    doc: str = ""
    options: dict[str, str] = field(default_factory=dict)

    def struct(self, name: str) -> StructDef:
        """The layout of the struct called ``name``; ``KeyError`` if there is none."""
        for definition in self.structs:
            if definition.type.name == name:
                return definition
        raise KeyError(name)

    def map(self, name: str) -> MapDef:
        """The map called ``name``; ``KeyError`` if there is none."""
        for definition in self.maps:
            if definition.name == name:
                return definition
        raise KeyError(name)

    @property
    def handlers(self) -> tuple[Function, ...]:
        """The functions that the kernel calls."""
        return tuple(function for function in self.functions if function.section is not None)
