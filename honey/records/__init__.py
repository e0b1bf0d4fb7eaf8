# SPDX-License-Identifier: Apache-2.0
"""`dataclass`, `field`, `fields` and `replace` as the standard library's `dataclasses` has them, made quickly.

The standard library writes and compiles the source of each method of each class, which for the compiler's classes took
longer than all the rest of its start-up. Here the classes share their methods, and their constructors come from
templates (see `honey.records.making`). To a type checker they are the standard ones; the functions of `dataclasses`
accept them, and so do `copy` and `pickle`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import fields as fields
    from dataclasses import replace as replace
else:
    from honey.records.making import dataclass, field, fields, replace

__all__ = ["dataclass", "field", "fields", "replace"]
