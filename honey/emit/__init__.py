# SPDX-License-Identifier: Apache-2.0
"""From the IR to readable C, and from there to an object file with clang."""

from __future__ import annotations

from honey.emit.program import emit_c
from honey.emit.source import CLine, CSource

__all__ = ["CLine", "CSource", "emit_c"]
