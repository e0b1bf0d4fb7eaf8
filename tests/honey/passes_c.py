# SPDX-License-Identifier: Apache-2.0
"""Small programs as C after some passes, in the module that the page on passes uses."""

from __future__ import annotations

import re

from honey.passes.document import Example

SENDTO = '@sec "tracepoint/syscalls/sys_enter_sendto"\ndef main(ctx) do\n'
_MAPS = """\
defmap(:recent, :bpf_lru_hash, key_type: :u32, value_type: :u64, max_entries: 16)
defmap(:each_cpu, :bpf_percpu_hash, key_type: :u32, value_type: :u64, max_entries: 16)
"""


def c_of(body: str, passes: str, functions: str = "") -> str:
    """The functions of a program whose handler has ``body``, as C after ``passes``, without layout."""
    code = f"{_MAPS}\n{SENDTO}{body.strip()}\nend\n\n{functions}"
    return re.sub(r"\s+", " ", Example("m", (), code).c([passes]))


def xdp_of(body: str, passes: str, functions: str = "") -> str:
    """The same for a handler that sees packets, after an Ethernet header and one of IP."""
    head = "ip = Honey.Packet.at(ctx, 14, :iphdr) || return(:XDP_PASS)"
    handler = f'@sec "xdp"\ndef see(ctx) do\n{head}\n{body.strip()}\n:XDP_PASS\nend\n'
    return c_of("0", passes, f"{handler}\n{functions}")
