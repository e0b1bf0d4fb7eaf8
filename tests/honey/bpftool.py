# SPDX-License-Identifier: Apache-2.0
"""Loads an object into the running kernel for a test, in a mount namespace of its own, so that nothing stays behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def missing() -> str:
    """Why objects cannot be loaded here; ``""`` if they can."""
    if os.geteuid() != 0:
        return "loading programs needs root"
    if shutil.which("bpftool") is None:
        return "bpftool is not installed"
    done = subprocess.run(["unshare", "-m", "mount", "-t", "bpf", "bpf", "/mnt"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "the bpf file system cannot be mounted"


needs_kernel = pytest.mark.skipif(bool(missing()), reason=missing())


def load(obj: Path) -> str:
    """Load every program of ``obj`` through the verifier; what bpftool says against it, ``""`` if nothing."""
    script = 'mount -t bpf bpf /mnt && exec bpftool prog loadall "$1" /mnt/honey_test'
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(obj)], capture_output=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).decode(errors="replace")
