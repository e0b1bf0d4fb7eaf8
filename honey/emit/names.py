# SPDX-License-Identifier: Apache-2.0
"""C identifiers for what the source names: legal, unique where they are visible, as close to the source as can be."""

from __future__ import annotations

import re
from collections.abc import Iterable

from honey.records import dataclass, field

_WORDS = (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm typeof "
    "bool true false offsetof barrier barrier_var main"
)
KEYWORDS = frozenset(_WORDS.split())
"""C's words, and names with a meaning of their own: the headers' lower-case macros, C23's keywords, ``main``."""

_MATHS = """
acos acosh asin asinh atan atan2 atanh cabs cacos cacosh carg casin casinh catan catanh cbrt ccos ccosh ceil cexp
cimag clog conj copysign cos cosh cpow cproj creal csin csinh csqrt ctan ctanh erf erfc exp exp2 exp10 expm1 fabs fdim
finite floor fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log log10 log1p log2 logb lrint lround
modf nan nearbyint nextafter nexttoward pow remainder remquo rint round roundeven scalbln scalbn sin sinh sqrt tan
tanh tgamma trunc
"""
_OTHERS = """
abort abs aligned_alloc alloca bcmp bcopy bzero calloc exit free index isalnum isalpha isblank iscntrl isdigit
isgraph islower isprint ispunct isspace isupper isxdigit labs llabs malloc memalign memccpy memchr memcmp memcpy
memmove mempcpy memset printf realloc rindex scanf snprintf sprintf sscanf stpcpy stpncpy strcasecmp strcat strchr
strcmp strcpy strcspn strdup strerror strlcat strlcpy strlen strncasecmp strncat strncmp strncpy strndup strpbrk
strrchr strspn strstr strtod strtof strtok strtol strtold strtoll strtoul strtoull strxfrm tolower toupper va_copy
va_end va_start vfork vprintf vscanf vsnprintf vsprintf vsscanf wcschr wcscmp wcslen wcsncmp wmemchr wmemcmp wmemcpy
wmemmove
"""
LIBRARY = frozenset([*_OTHERS.split(), *(name + suffix for name in _MATHS.split() for suffix in ("", "f", "l"))])
"""What clang 14 to 19 know without a header (the LIBBUILTINs of their Builtins.def; a test asks the clang at hand).

An object's symbol of such a name is an error, or has the meaning of C's function: what follows the end of a program
called ``exit`` cannot be reached. Static functions and variables may have any of them.
"""

_RESERVED = re.compile(
    r"(?:__|_[A-Z]|bpf_|BPF_|SEC$|KERNEL_VERSION$|LICENSE$|NULL$|READ_ONCE$|WRITE_ONCE$|size_t$|\w+_packet_(?:at|near|from)$)"
)
"""Names that belong to the compiler, the kernel's headers or libbpf's."""

_FUNCTIONS = """
apart at_least at_most atomic_add atomic_add_u32 div_s64 div_u64 forget likely mod_s64 new_entry opaque outcome
stay_here unknown_zero unlikely
"""
_OWN = frozenset(_FUNCTIONS.split())
"""What the functions and macros are called that an emitted file may begin with."""


def identifier(name: str) -> str:
    """``name`` as C can write it: ``empty?`` is ``empty``, letters that C does not know are spelt by their code."""
    text = member_name(name)
    return f"{text}_" if text in _OWN or _RESERVED.match(text) else text


def symbol(name: str) -> str:
    """What to call a map or a program, which become symbols of the object."""
    return f"{name}_" if name in LIBRARY else name


def member_name(name: str) -> str:
    """The same for a struct's field, whose name may also be one that belongs to the kernel."""
    text = "".join(
        char if char.isascii() and (char.isalnum() or char == "_") else "" if char in "?!" else f"_u{ord(char):x}"
        for char in name
    )
    if not text or text[0].isdigit():
        text = f"_{text}"
    return f"{text}_" if text in KEYWORDS else text


def member_path(path: str) -> str:
    """A dotted path of fields."""
    return ".".join(member_name(name) for name in path.split("."))


@dataclass(slots=True)
class Scope:
    """The names taken in a block and in the blocks around it; leaving the block frees its own."""

    outer: Scope | None = None
    own: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)

    def taken(self, name: str) -> bool:
        """Whether ``name`` means something here already."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.own:
                return True
            scope = scope.outer
        return False

    def new(self, wanted: str) -> str:
        """Take and give ``wanted``, or the first of ``wanted_2``, ``wanted_3``, ... that is free."""
        base = identifier(wanted)
        number = self._last_number(base)
        name = base if number == 1 else f"{base}_{number}"
        while self.taken(name):
            number += 1
            name = f"{base}_{number}"
        self.own.add(name)
        self.numbers[base] = number
        return name

    def _last_number(self, base: str) -> int:
        """The last number given to a name of this ``base`` here; those before it are taken."""
        scope: Scope | None = self
        found = 1
        while scope is not None:
            found = max(found, scope.numbers.get(base, 1))
            scope = scope.outer
        return found

    def inner(self) -> Scope:
        """The scope of a block inside this one."""
        return Scope(self)


def assign(names: Iterable[str], scope: Scope, *, symbols: bool = False) -> dict[str, str]:
    """A C identifier for each name, all different and taken in ``scope``; ``symbols`` of the object or not."""
    return {name: scope.new(symbol(name) if symbols else name) for name in names}
