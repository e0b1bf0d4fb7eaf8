# SPDX-License-Identifier: Apache-2.0
"""Kernels to run under: by name from the distribution's packages, or any image given as a path."""

from harness.kernels.errors import KernelError
from harness.kernels.releases import DEFAULT, RELEASES
from harness.kernels.store import Kernel, Offer, check_kernel, find_kernel, offers

__all__ = ["DEFAULT", "RELEASES", "Kernel", "KernelError", "Offer", "check_kernel", "find_kernel", "offers"]
