# SPDX-License-Identifier: Apache-2.0
"""Running eBPF objects without a kernel: exact instruction counts and map contents, on any operating system."""

from harness.sim.faults import Fault, SimulationError
from harness.sim.machine import Clock, Execution, Machine
from harness.sim.profile import Path, Profile

__all__ = ["Clock", "Execution", "Fault", "Machine", "Path", "Profile", "SimulationError"]
