# SPDX-License-Identifier: Apache-2.0
"""eBPF objects as data: programs, maps, types and source lines, read without a kernel.

>>> read_object(path).programs["handler"].section            # doctest: +SKIP
>>> Decoder(obj.btf, obj.maps["m"].value_type).decode(raw)   # doctest: +SKIP
"""

from harness.objects.btf import Btf, read_btf
from harness.objects.decode import Decoder, padding
from harness.objects.elf import BpfObject, Function, Program, Relocation, read_object
from harness.objects.errors import ObjectError
from harness.objects.ext import CoreRelocation, Line
from harness.objects.insn import Insn
from harness.objects.link import Linked, link
from harness.objects.maps import MapDefinition

__all__ = [
    "BpfObject",
    "Btf",
    "CoreRelocation",
    "Decoder",
    "Function",
    "Insn",
    "Line",
    "Linked",
    "MapDefinition",
    "ObjectError",
    "Program",
    "Relocation",
    "link",
    "padding",
    "read_btf",
    "read_object",
]
