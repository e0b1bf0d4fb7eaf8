# SPDX-License-Identifier: Apache-2.0
"""The kernel's helper functions (``man 7 bpf-helpers``), one Python function each, by subject."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from harness.sim.helper_table import Helper
from harness.sim.helpers import maps, packets, reads, task, text

#: All simulated helpers by number, except ``bpf_tail_call``, which the machine does itself.
HELPERS: Final[Mapping[int, Helper]] = MappingProxyType(
    {helper.number: helper for module in (maps, reads, task, text, packets) for helper in module.TABLE.helpers}
)
