# SPDX-License-Identifier: Apache-2.0
"""What the machine's C headers define: constants and structs, found by preprocessing and proved by compiling."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

HEADERS = (
    # The kernel's own view first: where libc differs (O_LARGEFILE), the kernel's value is what a program sees.
    *("linux/bpf.h", "linux/bpf_common.h", "linux/btf.h", "linux/pkt_cls.h", "linux/pkt_sched.h"),
    *(
        "linux/if_ether.h",
        "linux/if_arp.h",
        "linux/if_packet.h",
        "linux/if_vlan.h",
        "linux/if_tun.h",
        "linux/if_link.h",
    ),
    *("linux/in.h", "linux/in6.h", "linux/ip.h", "linux/ipv6.h", "linux/icmp.h", "linux/icmpv6.h", "linux/igmp.h"),
    *("linux/tcp.h", "linux/udp.h", "linux/mpls.h", "linux/seg6.h", "linux/lwtunnel.h"),
    *("linux/netfilter.h", "linux/netfilter_ipv4.h", "linux/netfilter/nf_conntrack_common.h"),
    *("linux/netlink.h", "linux/rtnetlink.h", "linux/un.h", "linux/vm_sockets.h", "linux/tls.h", "linux/net.h"),
    *("linux/perf_event.h", "linux/ptrace.h", "linux/seccomp.h", "linux/audit.h", "linux/elf.h", "linux/lirc.h"),
    *("linux/fcntl.h", "linux/openat2.h", "linux/stat.h", "linux/fs.h", "linux/mount.h", "linux/magic.h"),
    *("linux/mman.h", "linux/sched.h", "linux/sched/types.h", "linux/capability.h", "linux/prctl.h", "linux/futex.h"),
    *("linux/signal.h", "linux/time.h", "linux/wait.h", "linux/resource.h", "linux/eventpoll.h", "linux/poll.h"),
    *("linux/errno.h", "linux/limits.h", "linux/uio.h", "linux/socket.h", "linux/io_uring.h", "linux/utsname.h"),
    *("linux/ipc.h", "linux/shm.h", "linux/msg.h", "linux/sem.h", "linux/major.h", "linux/kdev_t.h"),
    *("asm/unistd.h", "asm/ptrace.h", "asm/signal.h", "asm/socket.h", "asm/ioctls.h"),
    # What only libc spells out.
    *("sys/socket.h", "netinet/in.h", "netinet/tcp.h", "netinet/udp.h", "netinet/ip.h", "arpa/inet.h", "errno.h"),
    *("fcntl.h", "sys/mman.h", "signal.h", "sched.h", "sys/stat.h", "sys/wait.h", "sys/resource.h", "sys/time.h"),
    *("sys/epoll.h", "poll.h", "sys/prctl.h", "sys/ptrace.h", "sys/mount.h", "sys/un.h", "sys/uio.h", "unistd.h"),
)
STRUCT_HEADERS = (
    *("linux/bpf.h", "linux/bpf_perf_event.h", "linux/in.h", "linux/in6.h", "linux/un.h", "linux/uio.h"),
    *("linux/if_ether.h", "linux/if_arp.h", "linux/if_packet.h", "linux/ip.h", "linux/ipv6.h", "linux/icmp.h"),
    *("linux/icmpv6.h", "linux/tcp.h", "linux/udp.h", "linux/time.h", "linux/time_types.h", "linux/openat2.h"),
    *("linux/netlink.h", "linux/perf_event.h", "linux/vm_sockets.h", "linux/stat.h", "asm/ptrace.h", "asm/stat.h"),
    *("sys/socket.h", "netinet/in.h", "netinet/tcp.h", "sys/un.h", "sys/uio.h", "sys/stat.h", "sys/time.h"),
    *("sys/resource.h", "sys/epoll.h", "poll.h", "sched.h", "sys/utsname.h"),
)
INCLUDE_FOLDERS = re.compile(r"^/usr/include/(x86_64-linux-gnu/)?")
MULTIARCH = "/usr/include/x86_64-linux-gnu"
COMPILE = ("clang", "-D_GNU_SOURCE", "-ferror-limit=0", "-x", "c")
MACRO = re.compile(r"^#define ([A-Za-z]\w*)(?!\() +\S", re.MULTILINE)
ENUMERATION = re.compile(r"\benum\b\s*\w*\s*\{([^{}]*)\}")
STRUCT = re.compile(r"\bstruct\s+(\w+)\s*\{")
LINE_MARKER = re.compile(r'^# \d+ "', re.MULTILINE)
FAILED_LINE = re.compile(r"^<stdin>:(\d+):\d+: error:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HeaderStructs:
    """``btf``: the BTF section of structs as laid out for eBPF; ``origins``: by struct the header that defines it."""

    btf: bytes
    origins: dict[str, str]


def header_constants() -> dict[str, int]:
    """The integer constants of ``HEADERS`` by name; of several values, that of the first header counts."""
    known: dict[str, int] = {}
    built_in = set(MACRO.findall(_clang("-dM", "-E", "-", source="")))
    for header in HEADERS:
        include = f"#include <{header}>\n"
        names = set(MACRO.findall(_clang("-dM", "-E", "-", source=include))) - built_in - known.keys()
        for body in ENUMERATION.findall(_clang("-E", "-P", "-", source=include)):
            names |= {match[1] for entry in body.split(",") if (match := re.match(r"\s*([A-Za-z]\w*)", entry))}
        names -= known.keys()
        checks = [f"char check_{name}[((0 ? 0 : ({name})) == 0) + 1];" for name in sorted(names)]
        good = [names for names, ok in zip(sorted(names), _accepted(include, checks), strict=True) if ok]
        known |= dict(zip(good, _values(include, good), strict=True))
    return known


def header_structs() -> Iterator[HeaderStructs]:
    """The structs that each of ``STRUCT_HEADERS`` defines, with all that it includes."""
    for header in STRUCT_HEADERS:
        include = f"#include <{header}>\n"
        origins = _struct_origins(_clang("-E", "-", source=include))
        lines = [f"struct {name} variable_{name};" for name in sorted(origins)]
        good = [line for line, ok in zip(lines, _accepted(include, lines), strict=True) if ok]
        if not good:
            raise ValueError(f"<{header}> defines no struct")
        elf = _object(include + "\n".join(good), "-target", "bpf", "-D__x86_64__", "-I", MULTIARCH, "-g")
        yield HeaderStructs(_section(elf, ".BTF").data(), origins)


def _struct_origins(preprocessed: str) -> dict[str, str]:
    """By struct the header that defines it, as one writes it in an ``#include``."""
    origins: dict[str, str] = {}
    for part in LINE_MARKER.split(preprocessed)[1:]:
        path, _, text = part.partition('"')
        for name in STRUCT.findall(text):
            origins.setdefault(name, INCLUDE_FOLDERS.sub("", path))
    return origins


def _accepted(include: str, lines: Sequence[str]) -> list[bool]:
    """Which of ``lines`` compile, each on its own."""
    source = include + "\n".join(lines) + "\n"
    flags = ("-Werror=gnu-folding-constant", "-Wno-everything", "-Werror=gnu-folding-constant")
    result = subprocess.run(
        [*COMPILE, *flags, "-fsyntax-only", "-"], input=source, capture_output=True, text=True, check=False
    )
    first = include.count("\n") + 1
    failed = {int(number) - first for number in FAILED_LINE.findall(result.stderr)}
    return [index not in failed for index in range(len(lines))]


def _values(include: str, names: Sequence[str]) -> list[int]:
    if not names:
        return []
    values = ",".join(f"(unsigned long long)({name})" for name in names)
    below_zero = ",".join(f"({name})<0" for name in names)
    elf = _object(
        f"{include}unsigned long long honey_values[]={{{values}}};\nunsigned char honey_negative[]={{{below_zero}}};\n"
    )
    raw, negative = (_symbol(elf, name) for name in ("honey_values", "honey_negative"))
    unsigned = [int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw), 8)]
    return [value - (1 << 64) if minus else value for value, minus in zip(unsigned, negative, strict=True)]


def _symbol(elf: ELFFile, name: str) -> bytes:
    symbol = _section(elf, ".symtab").get_symbol_by_name(name)[0]
    section: bytes = elf.get_section(symbol["st_shndx"]).data()
    return section[symbol["st_value"] :][: symbol["st_size"]]


def _section(elf: ELFFile, name: str) -> Any:
    """The section called ``name``; pyelftools decides by its content of which class it is."""
    section = elf.get_section_by_name(name)
    if section is None:
        raise ValueError(f"clang left out the section {name}")
    return section


def _object(source: str, *flags: str) -> ELFFile:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "headers.o"
        _clang(*flags, "-w", "-c", "-o", str(path), "-", source=source)
        return ELFFile(BytesIO(path.read_bytes()))


def _clang(*arguments: str, source: str) -> str:
    return subprocess.run([*COMPILE, *arguments], input=source, capture_output=True, text=True, check=True).stdout
