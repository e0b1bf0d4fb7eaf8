# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with an object file."""

from __future__ import annotations


class ObjectError(Exception):
    """An object or its type information cannot be understood.

    ``message`` says what is wrong, ``path`` in which file ("" where it did not come from one).
    """

    def __init__(self, message: str, path: str = "") -> None:
        self.message = message
        self.path = path
        super().__init__(f"{path}: {message}" if path else message)
