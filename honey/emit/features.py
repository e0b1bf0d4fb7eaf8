# SPDX-License-Identifier: Apache-2.0
"""What an emitted file needs above its functions: headers, constants, small helpers. Collected while it is written."""

from __future__ import annotations

from collections.abc import Callable

from honey.emit.spelling import mentions_bool
from honey.ir import types as t
from honey.records import dataclass, field

KNOWN_CONSTANTS = ("BPF_ANY", "BPF_NOEXIST", "BPF_EXIST", "BPF_F_NO_PREALLOC", "XDP_", "BPF_MAP_TYPE_")
"""Constants (or prefixes of them) that every version of <linux/bpf.h> in use declares; others are defined on the spot,
which does no harm where a header has them as well."""

SIGNED_DIVISION = {
    "div_s64": (
        "/* Division of signed numbers, which eBPF does not have before its fourth version. */",
        "static __always_inline __s64 div_s64(__s64 dividend, __s64 divisor) {",
        "\t__u64 above = dividend < 0 ? -(__u64)dividend : (__u64)dividend;",
        "\t__u64 below = divisor < 0 ? -(__u64)divisor : (__u64)divisor;",
        "\t__u64 quotient = above / below;",
        "",
        "\tbarrier_var(quotient);",
        "\treturn (dividend < 0) != (divisor < 0) ? -quotient : quotient;",
        "}",
    ),
    "mod_s64": (
        "/* Remainder of signed numbers, which eBPF does not have before its fourth version. */",
        "static __always_inline __s64 mod_s64(__s64 dividend, __s64 divisor) {",
        "\t__u64 above = dividend < 0 ? -(__u64)dividend : (__u64)dividend;",
        "\t__u64 below = divisor < 0 ? -(__u64)divisor : (__u64)divisor;",
        "\t__u64 rest = above % below;",
        "",
        "\treturn dividend < 0 ? -rest : rest;",
        "}",
    ),
}

APART = (
    "/* A test that clang does not merge with others: the verifier refuses two pointers as one number. */",
    '#define stay_here() asm volatile("" ::"i"(__COUNTER__))',
    "#define apart(test) \\",
    "\t({ \\",
    "\t\tbool holds_ = false; \\",
    "\t\tstay_here(); \\",
    "\t\tif (test) { \\",
    "\t\t\tstay_here(); \\",
    "\t\t\tholds_ = true; \\",
    "\t\t} \\",
    "\t\tholds_; \\",
    "\t})",
)

OUTCOME = (
    "/* Whether a test holds, as a number that is not the test itself. */",
    "#define outcome(test) \\",
    "\t({ \\",
    "\t\tbool holds_ = false; \\",
    "\t\tif (test) { \\",
    "\t\t\tholds_ = true; \\",
    "\t\t\tbarrier_var(holds_); \\",
    "\t\t} \\",
    "\t\tholds_; \\",
    "\t})",
)

DIVISION = (
    "/* A quotient that clang does not compare with a product in 128 bits, which eBPF does not have. */",
    "static __always_inline __u64 div_u64(__u64 dividend, __u64 divisor) {",
    "\t__u64 quotient = dividend / divisor;",
    "",
    "\tbarrier_var(quotient);",
    "\treturn quotient;",
    "}",
)

READ_ONCE = (
    "/* A read that is not merged with one of another place: the verifier would refuse that. */",
    '#define READ_ONCE(x) ({ typeof(x) x_ = *(volatile typeof(x) *)&(x); asm volatile(""); x_; })',
)

WRITE_ONCE = (
    "/* A store that is not merged with one to another place, which the verifier would refuse as well. */",
    '#define WRITE_ONCE(x, value) ({ *(volatile typeof(x) *)&(x) = (value); asm volatile(""); })',
)

OPAQUE = (
    "/* The same number, unknown to clang: a loop must not be counted by what its number is compared with. */",
    "#define opaque(number) ({ typeof(number) same_ = (number); barrier_var(same_); same_; })",
)

UNKNOWN_ZERO = (
    "/* 0, of which the verifier does not know it: it takes the difference of two pointers for any number. */",
    '#define unknown_zero() ({ __u64 zero_; asm volatile("%0 = r10\\n\\t%0 -= r10" : "=r"(zero_)); zero_; })',
)

FORGET = (
    "/* Adds such a 0, so that the verifier follows a loop once, not once for each number. */",
    "#define forget(number, zero) \\",
    "\tdo { \\",
    "\t\t__u64 value_ = (number); \\",
    '\t\tasm volatile("%0 += %1" : "+r"(value_) : "r"(zero)); \\',
    "\t\t(number) = value_; \\",
    "\t} while (0)",
)

VAGUE = (
    "/* A number plus such a 0: what the verifier learns of the sum it does not know of the number. */",
    "#define vague(number, zero) \\",
    "\t({ \\",
    "\t\t__u64 value_ = (number); \\",
    '\t\tasm volatile("%0 += %1" : "+r"(value_) : "r"(zero)); \\',
    "\t\t(typeof(number))value_; \\",
    "\t})",
)

JUMP = (
    "/* A jump at the end of a turn: kernels before 6.7 refuse a loop that falls back to its start. */",
    '#define jump(turn) ({ asm volatile("goto +0" : "+r"(turn)); })',
)

ATOMIC_ADD = (
    "/* Adds to a number that others add to as well. (__sync_fetch_and_add copies the amount to a register first.) */",
    "/* clang-format off */",
    '#define {name}(number, amount) asm volatile("lock *({type} *)%0 += %1" : "+m"(number) : "r"((__u64)(amount)))',
    "/* clang-format on */",
)

EXPECTED = {
    True: "#define likely(condition) __builtin_expect(!!(condition), 1)",
    False: "#define unlikely(condition) __builtin_expect(!!(condition), 0)",
}

FRAME = (
    "/* Puts a struct 4 bytes beyond a multiple of 8, where its constant part is made of aligned words. */",
    "struct {tag} {{",
    "\t__u32 : 32;",
    "\t{spelling} {member};",
    "}} __attribute__((aligned(8)));",
)

AT_LEAST = (
    "/* The larger of two numbers; without the barrier clang would choose between two registers. */",
    "static __always_inline __u64 at_least(__u64 number, __u64 least) {",
    "\tif (number >= least) return number;",
    "\tbarrier_var(least);",
    "\treturn least;",
    "}",
)

AT_MOST = (
    "/* The smaller of two numbers; without the barrier clang would subtract first and then look whether it could. */",
    "static __always_inline __u64 at_most(__u64 number, __u64 most) {",
    "\tif (number <= most) return number;",
    "\tbarrier_var(most);",
    "\treturn most;",
    "}",
)

PACKET_AT = (
    "/* The packet's bytes from an offset on, or NULL where the packet is too short. */",
    "static __always_inline void *{name}({context} *ctx, __u64 offset, __u64 size) {{",
    "\tvoid *end = (void *)(long)ctx->data_end;",
    "\tvoid *bytes = (void *)(long)ctx->data + offset;",
    "",
    "\tif (bytes + size > end) return NULL;",
    "\tif (!bytes) __builtin_unreachable();",
    "\treturn bytes;",
    "}}",
)

PACKET_BEFORE = (
    "/* The same for bytes that end where others lie. (The barrier keeps their end a pointer of its own.) */",
    "static __always_inline void *{name}({context} *ctx, __u64 offset, __u64 size) {{",
    "\tvoid *end = (void *)(long)ctx->data_end;",
    "\tvoid *bytes = (void *)(long)ctx->data + offset;",
    "\tvoid *behind = bytes + size;",
    "",
    "\tbarrier_var(behind);",
    "\tif (behind > end) return NULL;",
    "\tif (!bytes) __builtin_unreachable();",
    "\treturn bytes;",
    "}}",
)

PACKET_NEAR = (
    "/* The same for an offset that is known to be small. (The barriers keep one pointer for test and use.) */",
    "static __always_inline void *{name}({context} *ctx, __u64 offset, __u64 size) {{",
    "\tvoid *end = (void *)(long)ctx->data_end;",
    "\tvoid *bytes = (void *)(long)ctx->data + offset;",
    "",
    "\tif (__builtin_constant_p(offset)) return {at}(ctx, offset, size);",
    "\tbarrier_var(bytes);",
    "\tif (bytes + size > end) return NULL;",
    "\tbarrier_var(bytes);",
    "\tif (!bytes) __builtin_unreachable();",
    "\treturn bytes;",
    "}}",
)

PACKET_FROM = (
    "/* The same for any offset: the verifier follows packets up to 65535 bytes. */",
    "static __always_inline void *{name}({context} *ctx, __u64 offset, __u64 size) {{",
    "\tvoid *end = (void *)(long)ctx->data_end;",
    "\tvoid *bytes = (void *)(long)ctx->data;",
    "",
    "\tif (!__builtin_constant_p(offset)) barrier_var(offset);",
    "\tif (offset > 0xffff - size) return NULL;",
    "\tbytes += offset;",
    "\tif (!__builtin_constant_p(offset)) barrier_var(bytes);",
    "\treturn bytes + size > end ? NULL : bytes;",
    "}}",
)

PACKET = {"at": PACKET_AT, "before": PACKET_BEFORE, "near": PACKET_NEAR, "from": PACKET_FROM}
"""The function that finds packet bytes: at a constant offset, before others, at a small offset, at any."""


CROWDED_PACKET = ("\tbarrier_var(ctx); /* clang would keep the address of a field that is read so often */", "")

NEW_ENTRY = (
    "/* Makes an entry of zeros, unless another CPU just did, and finds it; NULL if there is no room for it. */",
    "static __noinline void *new_entry(void *map, const void *key) {{",
    "\tstatic const __u64 zeros[{words}];",
    "",
    "\tbpf_map_update_elem(map, key, zeros, BPF_NOEXIST);",
    "\treturn bpf_map_lookup_elem(map, key);",
    "}}",
)

TASK_READ = (
    "/* What hangs on the current task, 0 on a fault: by loads where the kernel gives the task with its type. */",
    "static __always_inline {head} {{",
    "\tif (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))",
    "\t\treturn bpf_get_current_task_btf()->{fields};",
    "\treturn BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), {steps});",
    "}}",
)


@dataclass(slots=True)
class Features:
    """What the functions written so far have used."""

    taken: frozenset[str] = frozenset()
    """What the program's own functions and maps are called."""
    headers: set[str] = field(default_factory=set)
    constants: dict[str, int] = field(default_factory=dict)
    helpers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    multiplies: bool = False
    """Whether clang may make a product of a division, one that takes 128 bits."""
    crowded: bool = False
    """Whether a program looks at its context so often that each look needs the address anew (`honey.emit.once`)."""
    backward: frozenset[int] = frozenset()
    """Searches in a packet (by identity) for bytes that end where others lie (`honey.emit.packet_ends`)."""
    frames: dict[str, tuple[str, ...]] = field(default_factory=dict)
    largest_entry: int = 0
    """Bytes of the largest value that an entry is made with."""

    def frame(self, spelling: str, name: str, member: str) -> str:
        """The tag of a struct with room of 4 bytes before ``member``, which has the struct type ``spelling``."""
        tag = f"{name}_{member}_frame" if not name.endswith(member) else f"{name}_frame"
        self.frames[tag] = tuple(line.format(tag=tag, spelling=spelling, member=member) for line in FRAME)
        return tag

    def constant(self, name: str, value: int) -> str:
        """Note that C's constant ``name`` is used; gives the name."""
        if not name.startswith(KNOWN_CONSTANTS):
            self.constants[name] = value
        return name

    def division(self) -> str:
        """The name of the function that divides where numbers are multiplied as well."""
        self.helpers["div_u64"] = DIVISION
        return "div_u64"

    def signed_division(self, *, remainder: bool) -> str:
        """The name of the function that divides signed numbers."""
        name = "mod_s64" if remainder else "div_s64"
        self.helpers[name] = SIGNED_DIVISION[name]
        return name

    def packet(self, context: str, reach: str) -> str:
        """The name of the function that finds packet bytes from a context of the given C type.

        ``reach`` says what is known of the offset, as in `PACKET`.
        """
        tag = context.removeprefix("struct ").lstrip("_")
        at = self.packet(context, "at") if reach == "near" else ""
        name = f"{tag}_packet_{reach}"
        lines = (*PACKET[reach][:2], *CROWDED_PACKET, *PACKET[reach][2:]) if self.crowded else PACKET[reach]
        self.helpers[name] = tuple(line.format(name=name, context=context, at=at) for line in lines)
        self.null()
        return name

    def task_read(self, steps: list[str], declare: Callable[[str], str]) -> str:
        """The name of the function that reads from the task; ``steps`` are fields, a pointer apart.

        ``declare`` gives the function's head by its name and parameters.
        """
        name = f"task_{'_'.join(steps).replace('.', '_')}"
        while name in self.taken:
            name += "_"
        head, fields, listed = declare(f"{name}(void)"), "->".join(steps), ", ".join(steps)
        self.helpers[name] = tuple(line.format(head=head, fields=fields, steps=listed) for line in TASK_READ)
        return name

    def atomic_add(self, bits: int) -> str:
        """The name of the macro that adds to a number of 32 or 64 bits."""
        name = "atomic_add" if bits == 64 else f"atomic_add_u{bits}"
        self.helpers[name] = tuple(line.format(name=name, type=f"u{bits}") for line in ATOMIC_ADD)
        return name

    def new_entry(self, size: int) -> str:
        """The name of the function that makes entries, of up to ``size`` bytes and those it was asked for before."""
        self.largest_entry = max(size, self.largest_entry)
        self.helpers["new_entry"] = tuple(line.format(words=-(-self.largest_entry // 8)) for line in NEW_ENTRY)
        return "new_entry"

    def expected(self, condition: str, *, truth: bool) -> str:
        """A condition that nearly always turns out to be ``truth``."""
        name = "likely" if truth else "unlikely"
        self.helpers[name] = (EXPECTED[truth],)
        return f"{name}({condition})"

    def at_least(self) -> str:
        """The name of the macro that gives the larger of two unsigned numbers."""
        self.helpers["at_least"] = AT_LEAST
        return "at_least"

    def at_most(self) -> str:
        """The name of the function that gives the smaller of two unsigned numbers."""
        self.helpers["at_most"] = AT_MOST
        return "at_most"

    def apart(self, test: str) -> str:
        """A test of a pointer that stays one."""
        self.boolean()
        self.helpers["apart"] = APART
        return f"apart({test})"

    def outcome(self, test: str) -> str:
        """The outcome of a test of a pointer, as a number."""
        self.boolean()
        self.helpers["outcome"] = OUTCOME
        return f"outcome({test})"

    def read_once(self, field: str) -> str:
        """A read of ``field`` that stays where it is."""
        self.helpers["READ_ONCE"] = READ_ONCE
        return f"READ_ONCE({field})"

    def write_once(self, field: str, value: str) -> str:
        """The statement that stores into a ``field`` where it stands."""
        self.helpers["WRITE_ONCE"] = WRITE_ONCE
        return f"WRITE_ONCE({field}, {value});"

    def opaque(self, number: str) -> str:
        """A number of which clang does not know that it is the same."""
        self.helpers["opaque"] = OPAQUE
        return f"opaque({number})"

    def unknown_zero(self) -> str:
        """A zero that makes the verifier `forget` what it is added to."""
        self.helpers["unknown_zero"] = UNKNOWN_ZERO
        return "unknown_zero()"

    def forget(self, number: str, zero: str) -> str:
        """The statement that makes the verifier forget what it knows of a number."""
        self.helpers["forget"] = FORGET
        return f"forget({number}, {zero});"

    def vague(self, number: str, zero: str) -> str:
        """A number of which the verifier learns nothing by what is learnt of this expression."""
        self.helpers["vague"] = VAGUE
        return f"vague({number}, {zero})"

    def jump(self, turn: str) -> str:
        """A jump to what follows, behind which a loop's ``turn`` has its value."""
        self.helpers["jump"] = JUMP
        return f"jump({turn})"

    def null(self) -> str:
        """The null pointer."""
        self.headers.add("stddef.h")
        return "NULL"

    def types(self, *types: t.Type | None) -> None:
        """Note what the spelling of ``types`` needs."""
        if any(map(mentions_bool, types)):
            self.boolean()

    def boolean(self) -> None:
        """Note that ``bool`` is used."""
        self.headers.add("stdbool.h")
