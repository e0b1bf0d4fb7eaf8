# SPDX-License-Identifier: Apache-2.0
"""The body of one function as C."""

from __future__ import annotations

from honey.emit.clones import Family
from honey.emit.effects import Effects
from honey.emit.expressions import Expressions
from honey.emit.features import Features
from honey.emit.fold import folded_locals
from honey.emit.forgetting import forgotten
from honey.emit.fragment import Binding, Fragment, join
from honey.emit.names import Scope, member_name
from honey.emit.once import reads_once
from honey.emit.returns import without_last_return
from honey.emit.source import Writer
from honey.emit.spelling import Spelling, is_array
from honey.emit.turns import turn_numbers
from honey.emit.unrolling import PRAGMA, unrolled
from honey.emit.zero_tests import inner_tests
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import in_context
from honey.ir.nonnull import locals_written
from honey.ir.open_records import OpenRecords
from honey.ir.symbols import Symbols
from honey.ir.walk import uses, walk
from honey.kernel.results import when_raised
from honey.records import dataclass, field

_COMPOUND = {
    n.BinaryOp.ADD,
    n.BinaryOp.SUB,
    n.BinaryOp.MUL,
    n.BinaryOp.AND,
    n.BinaryOp.OR,
    n.BinaryOp.XOR,
    n.BinaryOp.SHL,
}
"""Operators whose low bits depend on the operands' low bits only, so that ``x op= y`` may compute in a wider type."""

_EFFECT_NAMES: dict[type, str] = {
    n.MapLookup: "entry",
    n.RingReserve: "record",
    n.PacketAt: "packet",
    n.CoreRead: "field",
    n.Call: "result",
    n.HelperCall: "value",
}
"""What a result is called that the source has no name for; other effects give an error number."""

_PLAIN = (n.Assign, n.Eval, n.Return, n.Break)
"""Statements that may stand behind an ``if`` without braces."""


@dataclass(frozen=True, slots=True)
class FileContext:
    """What all functions of a file share."""

    symbols: Symbols
    spelling: Spelling
    features: Features
    globals: Scope
    functions: dict[str, str]
    maps: dict[str, str]
    families: dict[str, Family]
    """Functions that are written as one of a family, by name."""
    file: str
    trace: bool
    reads_memory: bool


@dataclass(slots=True)
class FunctionWriter:
    """Writes one function. ``raises`` holds where a raise is noted: ``None`` in a handler, which just returns."""

    context: FileContext
    function: n.Function
    writer: Writer
    scope: Scope = field(init=False)
    expressions: Expressions = field(init=False)
    effects: Effects = field(init=False)
    raised: str = ""
    stored: dict[n.Expr, str] = field(default_factory=dict)
    changing: frozenset[int] = field(init=False)
    kept_apart: set[int] = field(default_factory=set)
    """Branches (by identity) whose test clang must not join with the one around it."""
    open_records: OpenRecords = field(init=False)

    def __post_init__(self) -> None:
        context = self.context
        self.scope = context.globals.inner()
        self.changing = locals_written(self.function.body)
        self.open_records = OpenRecords.of(self.function)
        self.expressions = Expressions(context.spelling, context.features, self._folded_effect)
        self.effects = Effects(self.expressions, self._declare_stored, context.functions, context.maps, context.symbols)
        self.effects.families = context.families
        raising = frozenset(name for name, callee in context.symbols.functions.items() if callee.may_raise)
        self.expressions.folded = folded_locals(self.function, raising)
        self.expressions.turns = turn_numbers(self.function)
        self.expressions.once = reads_once(
            context.reads_memory, self.function, self.expressions.folded, context.symbols
        )

    def write(self) -> None:
        """Write the function: comment, signature, body."""
        function, writer = self.function, self.writer
        family = self.context.families.get(function.name)
        if family is not None:
            self.effects.map_parameter = self.scope.new("map")
        for param in function.params:
            self.expressions.names[param.id] = self.scope.new(param.name or "arg")
        signature = self.signature()
        if function.doc:
            writer.comment(function.doc)
        writer.source = function.span.line if function.span is not None else 0
        c_name = self.context.functions[function.name]
        if function.section is not None and c_name != function.name:
            writer.line(f'{signature} __asm__("{function.name}");', mapped=False)
            writer.blank()
        if function.section is not None:
            writer.source = max(writer.source - 1, 0)
            writer.line(f'SEC("{function.section.spelling}")')
            writer.source = function.span.line if function.span is not None else 0
        writer.open(f"{signature} {{")
        if function.section is not None and self._calls_raising():
            self.context.features.boolean()
            self.raised = self.scope.new("raised")
            self.effects.raised = f"&{self.raised}"
            writer.line(f"bool {self.raised} = false;")
        body = function.body
        self.statements(without_last_return(body) if isinstance(function.result, t.Void) else body)
        writer.close()

    def _folded_effect(self, effect: n.Effect) -> Fragment:
        return self.effects.effect(effect)

    def signature(self) -> str:
        """The function's head, without its body."""
        function, spelling = self.function, self.context.spelling
        params = [spelling.declare(param.type, self.expressions.names[param.id]) for param in function.params]
        if self.effects.map_parameter:
            params.insert(0, f"void *{self.effects.map_parameter}")
        if any(_is_bool(type_) for type_ in (function.result, *(param.type for param in function.params))):
            self.context.features.boolean()
        if any(_mentions_bool(type_) for type_ in (function.result, *(param.type for param in function.params))):
            self.context.features.boolean()
        if function.section is not None:
            return f"int {self.context.functions[function.name]}({', '.join(params)})"
        if function.may_raise:
            self.context.features.boolean()
            self.raised = self.effects.raised = self.scope.new("raised")
            params.append(f"bool *{self.raised}")
        inline = _inline(function, len(params))
        prefix = " ".join(["static", *([inline] if inline else [])])
        head = f"{self.context.functions[function.name]}({', '.join(params) or 'void'})"
        return f"{prefix} {spelling.declare(function.result, head)}"

    def _calls_raising(self) -> bool:
        functions = self.context.symbols.functions
        return any(isinstance(node, n.Call) and functions[node.function].may_raise for node in walk(self.function.body))

    # ------------------------------------------------------------ blocks

    def statements(self, block: n.Block) -> None:
        """Write statements in the current scope."""
        at = 0
        while at < len(block):
            if self._read_in_condition(block[at : at + 3]):
                at += 2
            elif self._conjunction(block[at : at + 2]):
                at += 1
            else:
                self.statement(block[at])
            at += 1

    def _read_in_condition(self, three: n.Block) -> bool:
        """Write ``if (a && (read, b))`` for a truth value that is asked once: ``b`` after a read."""
        match three:
            case (
                n.Let(flag, None),
                n.If(condition, (n.Eval(n.ProbeRead() as read), n.Assign(one, known)), (n.Assign(other, n.Const(0)),)),
                n.If(n.Read(asked)) as branch,
            ) if one == other == asked == n.LocalPlace(flag) and isinstance(known, n.Expr):
                pass
            case _:
                return False
        if uses(self.function.body)[flag.id] != 3:
            return False
        self.writer.source = branch.span.line if branch.span is not None else self.writer.source
        both = f"({self.effects.effect(read).text}, {self.expressions.condition(known).text})"
        left = self.expressions.condition(condition)
        self._branch(branch, join(n.BinaryOp.LAND, left, Fragment(both, Binding.POSTFIX, t.S32), t.S32).text)
        return True

    def _conjunction(self, pair: n.Block) -> bool:
        """Write ``bool b = a && read == 0;`` where ``pair`` declares a truth value and reads if another one holds."""
        match pair:
            case (n.Let(n.Local(type=t.Bool()) as local, None), n.If(condition, (first, last), (other,)) as branch):
                value = _read_and_tested(local, first, last, other, self.expressions.folded)
            case _:
                return False
        if value is None:
            return False
        if branch.span is not None:
            self.writer.source = branch.span.line
        both = join(n.BinaryOp.LAND, self.expressions.condition(condition), self.expressions.expr(value), t.S32)
        self.context.features.boolean()
        name = self.expressions.names[local.id] = self.scope.new(local.name or _default_name(None))
        self.writer.line(f"{self.context.spelling.declare(local.type, name)} = {both.text};")
        return True

    def block(self, block: n.Block) -> None:
        """Write statements in a scope of their own, one level deeper."""
        outer, stored = self.scope, dict(self.stored)
        self.scope = outer.inner()
        self.writer.depth += 1
        self.statements(block)
        self.writer.depth -= 1
        self.scope, self.stored = outer, stored

    def statement(self, statement: n.Stmt) -> None:
        """Write one statement."""
        span = getattr(statement, "span", None)
        if span is not None:
            self.writer.source = span.line
        match statement:
            case n.Let(local, n.StructValue() as value, beyond=True):
                self._let_in_frame(local, value)
            case n.Let(local, value, static=static):
                self._let(local, value, "static const " if static else "")
            case n.Assign(place, value):
                self._assign(place, value)
            case n.Eval(effect):
                self.writer.line(f"{self.effects.effect(effect).text};")
            case n.If():
                self._if(statement)
            case n.For():
                self._for(statement)
            case n.Scope(body):
                self.writer.line("{", mapped=False)
                self.block(body)
                self.writer.line("}", mapped=False)
            case n.Break():
                self.writer.line("break;")
            case n.Return(value):
                self.writer.line(self._return(value))
            case n.Raise():
                self._raise(statement)
        if isinstance(statement, (n.Let, n.Assign, n.Eval)):
            self._leave_if_raised(statement)

    # ------------------------------------------------------------ declarations and stores

    def _let(self, local: n.Local, value: n.Expr | n.Effect | None, prefix: str = "") -> None:
        if local.id in self.expressions.folded:
            return
        name = self.scope.new(local.name or _default_name(value))
        declaration = prefix + self.context.spelling.declare(local.type, name)
        if isinstance(local.type, t.Bool):
            self.context.features.boolean()
        if value is None:
            self.expressions.names[local.id] = name
            self.writer.line(f"{declaration};")
        elif is_array(local.type) and not _initialises(value):
            self.expressions.names[local.id] = name
            self.writer.line(f"{declaration};")
            self._copy_array(n.LocalPlace(local), value)
        else:
            self._initialise(f"{declaration} =", value, local.type)
            self.expressions.names[local.id] = name

    def _let_in_frame(self, local: n.Local, value: n.StructValue) -> None:
        """Declare a struct inside another one that begins 4 bytes before it."""
        assert isinstance(local.type, t.Struct)
        member = member_name(local.name or _default_name(value))
        spelling = self.context.spelling.base(local.type)
        tag = self.context.features.frame(spelling, local.type.name, member)
        frame = self.scope.new("frame")
        inner = n.StructValue(((member, value),), value.type)
        self._initialise(f"struct {tag} {frame} =", inner, local.type)
        self.expressions.names[local.id] = f"{frame}.{member}"

    def _initialise(self, head: str, value: n.Expr | n.Effect, type_: t.Type) -> None:
        """``head value;``, a struct's fields one a line where a single line would be too long."""
        space = "" if head.endswith(")") else " "
        line = f"{head}{space}{self.expressions.initialiser(value, type_)};"
        if not isinstance(value, n.StructValue) or self.writer.fits(line):
            self.writer.line(line)
            return
        self.writer.open(f"{head}{space}{{")
        for item in self.expressions.brace_items(value):
            self.writer.line(f"{item},", mapped=False)
        self.writer.close("};")

    def _declare_stored(self, type_: t.Type, name: str, value: n.Expr) -> str:
        """A local for a value that must lie in memory, before the current statement; shared if nothing changes it."""
        if value in self.stored:
            return self.stored[value]
        new = self.scope.new(name)
        declaration = self.context.spelling.declare(type_, new)
        if is_array(type_) and not _initialises(value):
            self.writer.line(f"{declaration};")
            source = self.expressions.expr(value).text
            self.writer.line(f"__builtin_memcpy({new}, {source}, sizeof({new}));")
        else:
            self._initialise(f"{declaration} =", value, type_)
        if self._unchanging(value):
            self.stored[value] = new
        return new

    def _unchanging(self, value: n.Expr) -> bool:
        return not any(
            isinstance(node, n.DerefPlace) or (isinstance(node, n.LocalPlace) and node.local.id in self.changing)
            for node in walk(value)
        )

    def _assign(self, place: n.Place, value: n.Expr | n.Effect) -> None:
        if is_array(place.type):
            self._copy_array(place, value)
            return
        target = self.expressions.place(place)
        compound = self._compound(place, value)
        if compound is None and isinstance(value, n.StructValue):
            self._initialise(f"{target.text} = ({self.context.spelling.name(value.type)})", value, place.type)
            return
        if compound is None:
            text = self.expressions.converted(value, place.type)
            if isinstance(value, n.Unary) and isinstance(value.operand, n.IsNull):
                text = self.context.features.apart(text)
            self.writer.line(f"{target.text} = {text};")
            return
        op, operand = compound
        if isinstance(operand, n.Const) and operand.value == 1 and op in (n.BinaryOp.ADD, n.BinaryOp.SUB):
            pointer = target.text.startswith("*")
            self.writer.line(f"{f'({target.text})' if pointer else target.text}{op.value * 2};")
        else:
            self.writer.line(f"{target.text} {op.value}= {self.expressions.converted(operand, place.type)};")

    def _compound(self, place: n.Place, value: n.Expr | n.Effect) -> tuple[n.BinaryOp, n.Expr] | None:
        """What ``place = place op operand`` consists of, if that is what it is."""
        if isinstance(value, n.Read) and isinstance(value.place, n.LocalPlace):
            value = self.expressions.folded.get(value.place.local.id, value)
        if isinstance(value, n.Cast) and isinstance(value.operand.type, t.Int):
            value = value.operand
        wide = value.type
        if not isinstance(value, n.Binary) or value.op not in _COMPOUND or wide.size < place.type.size:
            return None
        if not isinstance(place.type, t.Int) or (value.op is n.BinaryOp.SHL and wide != place.type):
            return None
        left = value.left.operand if isinstance(value.left, n.Cast) else value.left
        if left != n.Read(place, place.type):
            return None
        return value.op, value.right

    def _copy_array(self, place: n.Place, value: n.Expr | n.Effect) -> None:
        """Arrays are no values in C: they are read into, or copied."""
        target = self.expressions.place(place).text
        if isinstance(value, n.CoreRead):
            self.writer.line(f"{self.effects.core_into(target, value)};")
            return
        source = self.expressions.value(value).text
        size = place.type.size
        if isinstance(value, n.Read) and in_context(value.place):
            source = f"({self.context.spelling.name(value.type)}){self.expressions.initialiser(value, value.type)}"
        if isinstance(value, n.Bytes) and isinstance(value.type, t.Chars):
            source = f"({self.context.spelling.name(value.type)}){{ {source} }}"
        if isinstance(value, n.StructValue) and not value.fields:
            self.writer.line(f"__builtin_memset({target}, 0, {size});")
        else:
            self.writer.line(f"__builtin_memcpy({target}, {source}, {size});")

    # ------------------------------------------------------------ control

    def _if(self, statement: n.If, *, prefix: str = "") -> None:
        condition = self.expressions.condition(statement.condition).text
        if id(statement) in self.kept_apart:
            condition = self.context.features.apart(condition)
        self.kept_apart.update(id(inner) for inner in inner_tests(statement))
        if statement.expected is not None:
            condition = self.context.features.expected(condition, truth=statement.expected)
        self._branch(statement, condition, prefix)

    def _branch(self, statement: n.If, condition: str, prefix: str = "") -> None:
        """Write a branch whose condition is written already."""
        leave = self._one_line_exit(statement)
        if leave is not None and not prefix and self.writer.fits(f"if ({condition}) {leave}"):
            self.writer.line(f"if ({condition}) {leave}")
            return
        self.writer.line(f"{prefix}if ({condition}) {{")
        opened = len(self.writer.lines)
        self.block(statement.then)
        plain = not prefix and not statement.otherwise and isinstance(statement.then[-1], _PLAIN)
        if plain and self.writer.without_braces(opened):
            return
        match statement.otherwise:
            case ():
                self.writer.line("}", mapped=False)
            case (n.If() as inner,) if not self._needs_memory(inner.condition):
                self.writer.source = inner.span.line if inner.span is not None else self.writer.source
                self._if(inner, prefix="} else ")
            case otherwise:
                self.writer.line("} else {", mapped=False)
                self.block(otherwise)
                self.writer.line("}", mapped=False)

    def _needs_memory(self, condition: n.Expr) -> bool:
        """Whether writing the condition may declare a local first, which has no place behind an ``else``."""
        folded = self.expressions.folded
        return any(isinstance(node, n.LocalPlace) and node.local.id in folded for node in walk(condition))

    def _one_line_exit(self, statement: n.If) -> str | None:
        if len(statement.then) != 1 or statement.otherwise:
            return None
        match statement.then[0]:
            case n.Return(value) if not isinstance(value, n.StructValue):
                return self._return(value)
            case n.Break():
                return "break;"
            case n.Raise() as left if not self.context.trace and self.function.section is not None:
                return None if self._discards(left) else self._nothing()
            case _:
                return None

    def _for(self, statement: n.For) -> None:
        local = statement.local
        outer, self.scope = self.scope, self.scope.inner()
        name = self.expressions.names[local.id] = self.scope.new(local.name or "i")
        step = statement.step
        compare = "<" if step > 0 else ">"
        sign = "+" if step > 0 else "-"
        advance = f"{name}{sign}{sign}" if abs(step) == 1 else f"{name} {sign}= {abs(step)}"
        start = self.expressions.converted(n.Const(statement.start, local.type), local.type)
        declaration = self.context.spelling.declare(local.type, name)
        written_out = unrolled(statement)
        if written_out:
            self.writer.line(PRAGMA, mapped=False)
        self.writer.line(f"for ({declaration} = {start}; {name} {compare} {statement.stop}; {advance}) {{")
        if not written_out:
            self._forget(forgotten(statement, self.function, self.context.symbols))
        self.block(statement.body)
        self.writer.line("}", mapped=False)
        self.scope = outer

    def _forget(self, numbers: list[n.Local]) -> None:
        self.writer.depth += 1
        for each in numbers:
            if each.id not in self.expressions.folded:
                self.writer.line(self.context.features.forget(self.expressions.names[each.id]))
        self.writer.depth -= 1

    def _return(self, value: n.Expr | None) -> str:
        if value is None:
            return "return;"
        return f"return {self.expressions.converted(value, self.function.result)};"

    # ------------------------------------------------------------ exceptions

    def _raise(self, statement: n.Raise) -> None:
        if self.context.trace:
            line = statement.span.line if statement.span is not None else 0
            words = f"** ({statement.exception}) {statement.detail}".rstrip()
            text = f"{words} at {self.context.file}:{line}"
            plain = "".join(char if char.isascii() and char.isprintable() else "?" for char in text)
            self.writer.line(f"{self.effects.effect(n.Printk(plain.replace('%', '%%'), ())).text};")
        if self.function.section is None:
            self.writer.line(f"*{self.raised} = true;")
        for discard in self._discards(statement):
            self.writer.line(discard)
        self.writer.line(self._nothing())

    def _discards(self, statement: n.Stmt) -> list[str]:
        """An exception gives back the records that are reserved where it happens."""
        lines = []
        for one in self.open_records.at.get(id(statement), ()):
            name = self.expressions.names[one.local.id]
            lines.append(f"{'' if one.sure else f'if ({name}) '}bpf_ringbuf_discard({name}, 0);")
        return lines

    def _leave_if_raised(self, statement: n.Let | n.Assign | n.Eval) -> None:
        effect = statement.effect if isinstance(statement, n.Eval) else statement.value
        if isinstance(effect, n.Call) and self.context.symbols.functions[effect.function].may_raise:
            test = self.raised if self.function.section is not None else f"*{self.raised}"
            discards = self._discards(statement)
            if not discards:
                self.writer.line(f"if ({test}) {self._nothing()}")
                return
            self.writer.open(f"if ({test}) {{")
            for line in (*discards, self._nothing()):
                self.writer.line(line)
            self.writer.close()

    def _nothing(self) -> str:
        """Leave the function; what it gives back does not count."""
        match self.function.result:
            case t.Void():
                return "return;"
            case t.Ref() | t.Address():
                return f"return {self.context.features.null()};"
            case t.Bool():
                return "return false;"
            case _:
                section = self.function.section
                return f"return {when_raised(section) if section is not None else 0};"


def _read_and_tested(
    local: n.Local, first: n.Stmt, last: n.Stmt, other: n.Stmt, folded: dict[int, n.Expr | n.Effect]
) -> n.Expr | None:
    """What ``local`` is after a read that is written where its result is tested, if it is false without the read."""
    place = n.LocalPlace(local)
    match first, last, other:
        case n.Let(result, n.ProbeRead()), n.Assign(one, value), n.Assign(another, n.Const(0)):
            wanted = one == another == place and result.id in folded
            return value if wanted and isinstance(value, n.Expr) else None
        case _:
            return None


def _mentions_bool(type_: t.Type) -> bool:
    """Whether C spells ``type_`` with ``bool``."""
    return isinstance(type_.target if isinstance(type_, t.Ref) else type_, t.Bool)


def _inline(function: n.Function, params: int) -> str:
    """C's word for how the function is called; calls of their own have room for five arguments."""
    if function.inline is n.Inline.ALWAYS or params > 5:
        return "__always_inline"
    return "__noinline" if function.inline is n.Inline.NEVER else ""


def _is_bool(type_: t.Type) -> bool:
    """Whether C spells the type, or what it points to, with ``bool``."""
    return isinstance(type_.target if isinstance(type_, t.Ref) else type_, t.Bool)


def _default_name(value: n.Expr | n.Effect | None) -> str:
    if isinstance(value, n.Expr) and isinstance(value.type, t.Struct):
        return value.type.name.rpartition("_")[2]
    if value is None or isinstance(value, n.Expr):
        return "value"
    return _EFFECT_NAMES.get(type(value), "err")


def _initialises(value: n.Expr | n.Effect) -> bool:
    """Whether an array's value is written where it is declared; one in a context is read element by element."""
    return isinstance(value, n.StructValue | n.Bytes) or (isinstance(value, n.Read) and in_context(value.place))
