# SPDX-License-Identifier: Apache-2.0
"""What is wrong with an IR: never the user's fault, so it asks for a bug report."""

from __future__ import annotations

from honey.ir.text import dump_node


class IRError(Exception):
    """The IR breaks one of its rules.

    ``stage`` is the step that made it (``"analysis"`` or a pass), ``function`` where it is, ``node`` what breaks the
    rule, as text.
    """

    def __init__(self, message: str, node: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.node = dump_node(node) if node is not None else ""
        self.stage = ""
        self.function = ""

    def at(self, *, stage: str = "", function: str = "") -> IRError:
        """The same error with its place filled in where it was not known yet."""
        self.stage = self.stage or stage
        self.function = self.function or function
        return self

    def __str__(self) -> str:
        where = f" in {self.function}" if self.function else ""
        after = f" after {self.stage}" if self.stage else ""
        what = f"\n  {self.node}" if self.node else ""
        return f"internal error: ill-formed program{after}{where}: {self.message}{what}\nPlease report this as a bug."
