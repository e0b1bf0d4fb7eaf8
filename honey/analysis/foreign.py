# SPDX-License-Identifier: Apache-2.0
"""Names that people bring along from C, from the rest of Elixir and from other languages: what to write in their place.

Looked at only where a name has turned out to mean nothing.
"""

from __future__ import annotations

_PRINT = 'write `bpf_printk(["pid %d", pid])` or `Logger.info("pid #{pid}")`'
_RECORDS = "eBPF has no processes: tell user space through a map or a ring buffer"
_CLOCK = "the time is `bpf_ktime_get_ns()`, in nanoseconds since the machine was started"
_FILES = "a program in the kernel reaches no files: user space writes and reads its maps and ring buffers"
_HEAP = "there is no heap: keep it in a map, or in a struct that is bound to a name"
_MAPS = "write `bpf_map_lookup_elem(:map, key)` and `bpf_map_update_elem(:map, key, value)`, with a map of `defmap`"
_TEXTS = 'texts are compared with `==`, `String.starts_with?` or a pattern such as `"ba" <> rest`'
_TEXT_SIZE = "write `byte_size(text)`"
_ORDER = "lists have a fixed length and order here: sort in user space"
_INTEGERS = "numbers are integers here, and `div(a, b)` leaves the fraction out"
_TASK = "`bpf_get_current_pid_tgid()` has it"

VARIABLES: dict[str, str] = {
    **dict.fromkeys(("NULL", "null", "nullptr", "None", "NONE", "Nil", "NIL", "undefined"), "write `nil`"),
    **dict.fromkeys(("TRUE", "True"), "write `true`"),
    **dict.fromkeys(("FALSE", "False"), "write `false`"),
    "return": "write `return(0)`",
    "break": "a loop is left by leaving a function: put it into a `defp`, and write `return(value)` there",
    "continue": "put the rest of the turn into an `if`",
    "pass": "write `nil`, or leave the branch out",
}
"""Names that stand alone."""

CONSTANTS: dict[str, str] = {
    **dict.fromkeys(("TC_ACT_DROP", "TC_DROP"), "TC_ACT_SHOT"),
    **dict.fromkeys(("TC_ACT_PASS", "TC_PASS", "TC_OK", "TC_ACT_ACCEPT"), "TC_ACT_OK"),
    **dict.fromkeys(("XDP_ACCEPT", "XDP_OK", "XDP_ALLOW"), "XDP_PASS"),
    **dict.fromkeys(("XDP_SHOT", "XDP_DENY", "XDP_REJECT", "XDP_BLOCK"), "XDP_DROP"),
    **dict.fromkeys(("ETH_P_IPV4", "ETHERTYPE_IP"), "ETH_P_IP"),
    **dict.fromkeys(("ETHERTYPE_IPV6", "ETH_P_IP6"), "ETH_P_IPV6"),
    **dict.fromkeys(("AF_INET4", "AF_IPV4"), "AF_INET"),
    **dict.fromkeys(("AF_IPV6", "AF_INET_6"), "AF_INET6"),
    **dict.fromkeys(("UDP", "PROTO_UDP", "IP_PROTO_UDP"), "IPPROTO_UDP"),
    **dict.fromkeys(("TCP", "PROTO_TCP", "IP_PROTO_TCP"), "IPPROTO_TCP"),
    **dict.fromkeys(("ICMP", "PROTO_ICMP"), "IPPROTO_ICMP"),
}
"""Constants under another name than the kernel's."""

FUNCTIONS: dict[str, str] = {
    **dict.fromkeys(("printf", "print", "println", "puts", "printk", "pr_info", "fprintf", "echo"), _PRINT),
    **dict.fromkeys(("strcmp", "strncmp", "memcmp", "bpf_strcmp"), 'compare with `==`: `comm == "bash"`'),
    **dict.fromkeys(("memcpy", "memmove", "__builtin_memcpy", "strcpy", "strncpy"), "`=` copies: `copy = original`"),
    **dict.fromkeys(("memset", "__builtin_memset"), "`%name{}` is a struct whose fields and padding are all zero"),
    **dict.fromkeys(("strlen", "len"), _TEXT_SIZE),
    **dict.fromkeys(("malloc", "calloc", "kmalloc", "free", "kfree"), _HEAP),
    **dict.fromkeys(("round", "floor", "ceil"), _INTEGERS),
    **dict.fromkeys(("sleep", "usleep", "time"), _CLOCK),
    **dict.fromkeys(("getpid", "gettid", "get_pid"), "write `bpf_get_current_pid_tgid() >>> 32`"),
    **dict.fromkeys(("rand", "random"), "write `bpf_get_prandom_u32()`"),
    "range": "a range is written `0..9`",
    "goto": "leave with `return(value)`",
    "switch": "write `case x do 1 -> ...; _ -> ... end`, a line for each clause",
    "make_ref": _RECORDS,
    "put_in": "change a field in place, `x.field = value`, or copy with a change: `%{x | field: value}`",
    "update_in": "change a field in place, `x.field = value`, or copy with a change: `%{x | field: value}`",
}
"""Functions that are called without a module."""

MODULES: dict[str, str] = {
    **dict.fromkeys(
        ("GenServer", "Agent", "Task", "Process", "Supervisor", "DynamicSupervisor", "Registry", "Node", "GenStage"),
        _RECORDS,
    ),
    **dict.fromkeys(("System", "DateTime", "NaiveDateTime", "Date", "Time", "Calendar", ":timer", ":os"), _CLOCK),
    **dict.fromkeys(("File", "Path", "Port", "Code", "Application", "Config", ":file", ":gen_tcp", ":inet"), _FILES),
    **dict.fromkeys((":ets", ":dets", ":mnesia", ":persistent_term", ":maps"), _MAPS),
    **dict.fromkeys((":rand", ":random", ":crypto"), "a random number is `bpf_get_prandom_u32()`"),
    **dict.fromkeys(("Float", "Decimal", ":math"), "eBPF has no floating-point numbers: count in a smaller unit"),
    "Stream": "write `Enum`: a list here has a length that is known, and nothing is gained by being lazy",
    "Regex": _TEXTS,
    "MapSet": "a set is a map of the kernel's: `defmap(:seen, :bpf_hash, key_type: :u32, value_type: :u8, ...)`",
    "Tuple": "write `elem(tuple, 0)`, or take it apart: `{a, b} = tuple`",
    ":erlang": "of Erlang's functions there are those of `Kernel`, without a module's name; " + _CLOCK,
    "Access": "write `map[:key]`",
}
"""Modules; those of Erlang's with their colon."""

MEMBERS: dict[tuple[str, str], str] = {
    **dict.fromkeys((("Map", "update"), ("Map", "update!")), "for an entry of a kernel's map write `Honey.Map.update`"),
    **dict.fromkeys((("Map", "delete"), ("Map", "pop")), "an entry of a kernel's map goes with `Honey.Map.pop`"),
    **dict.fromkeys(
        (("Honey.Map", name) for name in ("get", "fetch", "fetch!", "lookup")), "write `bpf_map_lookup_elem(:map, key)`"
    ),
    **dict.fromkeys(
        (("Honey.Map", name) for name in ("put", "set", "insert")), "write `bpf_map_update_elem(:map, key, value)`"
    ),
    **dict.fromkeys((("Honey.Map", name) for name in ("delete", "remove")), "write `bpf_map_delete_elem(:map, key)`"),
    **dict.fromkeys(
        (("Honey.Map", name) for name in ("inc", "increment", "incr", "count")), "write `Honey.Map.add(:map, key, 1)`"
    ),
    ("Map", "new"): "write `%{}`; a map of the kernel's is declared with `defmap(:name, :bpf_hash, ...)`",
    **dict.fromkeys((("Enum", name) for name in ("sort", "sort_by", "shuffle", "sort_desc")), _ORDER),
    **dict.fromkeys((("Enum", "random"), ("Enum", "take_random")), "a random number is `bpf_get_prandom_u32()`"),
    **dict.fromkeys(
        (("String", name) for name in ("contains?", "equivalent?", "match?", "ends_with?", "upcase", "downcase")),
        _TEXTS,
    ),
    ("String", "to_integer"): "a text cannot be read as a number here: let user space do it",
    **dict.fromkeys((("Integer", "to_string"), ("Integer", "to_charlist")), 'put it into a text: `"#{number}"`'),
}
"""Functions of modules of which others are known."""

TYPES: dict[str, str] = {
    **dict.fromkeys(("int", "signed", "i32", "int32", "int32_t"), "write `:s32`"),
    **dict.fromkeys(("unsigned", "uint", "uint32", "unsigned_int"), "write `:u32`"),
    **dict.fromkeys(("long", "i64", "int64", "longlong", "integer", "ssize"), "write `:s64`"),
    **dict.fromkeys(("ulong", "uint64", "size", "unsigned_long", "non_neg_integer", "pos_integer"), "write `:u64`"),
    **dict.fromkeys(("short", "i16", "int16"), "write `:s16`"),
    **dict.fromkeys(("ushort", "uint16"), "write `:u16`"),
    **dict.fromkeys(("byte", "uchar", "uint8", "unsigned_char"), "write `:u8`"),
    **dict.fromkeys(("i8", "int8"), "write `:s8`"),
    "char": "write `:u8` for one byte, `:string, size: 16` for a text",
    "boolean": "write `:bool`",
    **dict.fromkeys(("float", "double"), "eBPF has no floating-point numbers: count in a smaller unit, as `:u64`"),
    **dict.fromkeys(("binary", "text", "str", "bitstring", "charlist", "comm"), "write `:string, size: 16`"),
    **dict.fromkeys(("pointer", "void", "address", "addr"), "an address is `:ptr`"),
    "atom": "an atom is kept as a number: write `:u32`",
    "list": "write `{:array, :u32, 8}`",
    "map": "declare a struct: `defstruct :name do field(:count, :u64) end`",
    **dict.fromkeys(("ip", "ipv4", "ip4"), "an IPv4 address is `:be32`"),
    "port": "a port is `:u16`, or `:be16` in network order",
    "mac": "write `{:array, :u8, 6}`",
}
"""Types, without their colon."""

CONTEXT: dict[str, str] = {
    **dict.fromkeys(("pid", "tgid", "process_id"), "write `bpf_get_current_pid_tgid() >>> 32`"),
    **dict.fromkeys(("tid", "thread_id"), "write `bpf_get_current_pid_tgid() &&& 0xFFFFFFFF`"),
    **dict.fromkeys(("uid", "user"), "write `bpf_get_current_uid_gid() &&& 0xFFFFFFFF`"),
    **dict.fromkeys(("gid", "group"), "write `bpf_get_current_uid_gid() >>> 32`"),
    **dict.fromkeys(("comm", "process", "command", "task_name"), "write `bpf_get_current_comm()`"),
    **dict.fromkeys(("cpu", "cpu_id"), "write `bpf_get_smp_processor_id()`"),
    **dict.fromkeys(("ts", "timestamp", "time", "now", "ktime"), "write `bpf_ktime_get_ns()`"),
    "task": "write `bpf_get_current_task()`",
    **dict.fromkeys(("len", "length", "size", "data_len", "packet_len"), "write `Honey.Packet.length(ctx)`"),
}
"""What is asked of a context and is got from a helper."""

DECLARATIONS: dict[str, str] = {
    "defmodule": "a file has one module, which becomes one object: put the functions into this one",
    **dict.fromkeys(
        ("defmacro", "defmacrop"), "macros cannot be declared here: write a function (`defp`), or `for` around it"
    ),
    **dict.fromkeys(
        ("defprotocol", "defimpl", "defoverridable", "defcallback"),
        "write a function with one clause for each kind of value",
    ),
    "defexception": 'an exception needs no declaration: `raise "what is wrong"`',
    "defdelegate": "write `def name(x), do: Other.name(x)`",
    "defrecord": "declare a struct: `defstruct :name do`, a line `field(:port, :u16)` for each field, `end`",
    "function": "a function is declared with `def name(x) do`",
    "SEC": 'write `@sec "..."` on the line before a `def`',
}
"""What is declared in other modules."""

USAGE: dict[str, str] = {
    "bpf_map_lookup_elem": "(:map, key)",
    "bpf_map_update_elem": "(:map, key, value)",
    "bpf_map_delete_elem": "(:map, key)",
    "bpf_probe_read_user": "(pointer, :type)",
    "bpf_probe_read_kernel": "(pointer, :type)",
    "bpf_probe_read_user_str": "(pointer, 64)",
    "bpf_probe_read_kernel_str": "(pointer, 64)",
    "bpf_core_read": "(pointer, :type, [:field])",
    "bpf_core_read_user": "(pointer, :type, [:field])",
    "bpf_ringbuf_reserve": "(:map, :type)",
    "bpf_ringbuf_output": "(:map, value)",
    "bpf_get_current_comm": "()",
    "Honey.Map.update": "(:map, key, first, fn old -> old + 1 end)",
    "Honey.Map.add": "(:map, key, 1)",
    "Honey.Map.entry": "(:map, key, first)",
    "Honey.Map.pop": "(:map, key)",
    "Honey.Ring.emit": "(:map, %event{pid: pid})",
    "Honey.Packet.at": "(ctx, 0, :ethhdr)",
    "Honey.Packet.length": "(ctx)",
}
"""How functions with a shape of their own are called."""
