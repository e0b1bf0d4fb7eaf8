# SPDX-License-Identifier: Apache-2.0
"""Writes ``syscalls_x86_64.json`` from the kernel's header of system call numbers.

    python -m harness.sim.make_syscalls [/usr/include/x86_64-linux-gnu/asm/unistd_64.h]

The file in the repository was made from the header of Debian's linux-libc-dev 6.1.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path


def main() -> None:
    """Read the header and write the table next to this module."""
    default = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
    header = Path(sys.argv[1] if len(sys.argv) > 1 else default).read_text(encoding="utf-8")
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", header)}
    target = Path(__file__).with_name("syscalls_x86_64.json")
    target.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
