# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with kernels."""

from __future__ import annotations

from harness.errors import RunError


class KernelError(RunError):
    """A kernel that is not known, cannot be fetched, or is no kernel image."""
