# SPDX-License-Identifier: Apache-2.0
"""The numbers of the system calls that workloads make."""

from __future__ import annotations

import platform
from typing import Final

#: asm/unistd_64.h (x86-64) and asm-generic/unistd.h (arm64).
NUMBERS: Final = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "lseek": 8, "mmap": 9, "munmap": 11, "brk": 12, "pread64": 17,
        "pwrite64": 18, "readv": 19, "writev": 20, "nanosleep": 35, "getitimer": 36, "socket": 41, "connect": 42,
        "sendto": 44, "recvfrom": 45, "sendmsg": 46, "recvmsg": 47, "shutdown": 48, "bind": 49, "listen": 50,
        "setsockopt": 54, "kill": 62, "getppid": 110, "sched_rr_get_interval": 148, "openat": 257,
        "timerfd_create": 283, "timerfd_settime": 286, "accept4": 288, "eventfd2": 290, "recvmmsg": 299,
        "sendmmsg": 307, "getrandom": 318, "memfd_create": 319,
    },
    "aarch64": {
        "eventfd2": 19, "openat": 56, "close": 57, "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66,
        "pread64": 67, "pwrite64": 68, "timerfd_create": 85, "timerfd_settime": 86, "nanosleep": 101, "getitimer": 102,
        "sched_rr_get_interval": 127, "kill": 129, "getppid": 173, "socket": 198, "bind": 200, "listen": 201,
        "connect": 203, "sendto": 206, "recvfrom": 207, "setsockopt": 208, "shutdown": 210, "sendmsg": 211,
        "recvmsg": 212, "brk": 214, "munmap": 215, "mmap": 222, "accept4": 242, "recvmmsg": 243, "sendmmsg": 269,
        "getrandom": 278, "memfd_create": 279,
    },
}  # fmt: skip

#: A call that has no name, or whose name does not matter: ``number_400``.
NUMBERED: Final = "number_"


def number_of(name: str) -> int:
    """The number of a call on this machine (x86-64's where the machine's are not known)."""
    if name.startswith(NUMBERED):
        return int(name.removeprefix(NUMBERED))
    return NUMBERS.get(platform.machine(), NUMBERS["x86_64"])[name]
