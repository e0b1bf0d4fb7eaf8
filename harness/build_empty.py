# SPDX-License-Identifier: Apache-2.0
"""Programs that do nothing, on the same hooks: what is measured of them is what measuring itself costs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from harness.build_refused import refused
from harness.errors import BuildError
from harness.objects import Program

#: What a program returns that lets everything take its course; 0 where a kind is not listed.
PASS = {"xdp": 2, "cgroup_skb": 1, "sk_skb": 1, "sockops": 1, "cgroup": 1}
_NAME = re.compile(r"[A-Za-z_]\w*\Z")
_HEAD = "#define SEC(name) __attribute__((section(name), used))\n"
_LICENSE = 'char LICENSE[] SEC("license") = "Dual BSD/GPL";\n'


def empty_source(programs: Mapping[str, Program]) -> str:
    """C with a program of each name and section that only returns."""
    parts = [_HEAD]
    for name, program in programs.items():
        if not _NAME.match(name) or '"' in program.section or "\\" in program.section:
            raise BuildError(f"{name} in section {program.section} cannot be written in C")
        value = PASS.get(program.kind.partition(".")[0], 0)
        parts.append(f'SEC("{program.section}") int {name}(void *ctx)\n{{\n\treturn {value};\n}}\n')
    return "\n".join([*parts, _LICENSE])


def build_empty(programs: Mapping[str, Program], output: Path, *, clang: str) -> Path:
    """Compile :func:`empty_source` to ``output``; gives ``output``. Raises :class:`BuildError`."""
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [clang, "-O2", "-g", "-target", "bpf", "-x", "c", "-c", "-", "-o", str(output)]
    source = empty_source(programs)
    done = subprocess.run(command, input=source, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise refused("the empty program", done.stderr)
    return output
