# SPDX-License-Identifier: Apache-2.0
"""Names and numbers of the kernel's bpf(2) interface, from ``uapi.json`` (see ``make_uapi``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

_TABLES: Final = json.loads(Path(__file__).with_name("uapi.json").read_text(encoding="utf-8"))

#: ``{"hash": 1, ...}``: ``enum bpf_map_type`` in lower case without ``BPF_MAP_TYPE_``.
MAP_TYPES: Final[Mapping[str, int]] = MappingProxyType(_TABLES["map_types"])
MAP_TYPE_NAMES: Final[Mapping[int, str]] = MappingProxyType({n: name for name, n in reversed(list(MAP_TYPES.items()))})
#: ``{"xdp": 6, ...}``: ``enum bpf_prog_type`` likewise.
PROGRAM_TYPES: Final[Mapping[str, int]] = MappingProxyType(_TABLES["program_types"])
#: ``{"bpf_map_lookup_elem": 1, ...}``.
HELPERS: Final[Mapping[str, int]] = MappingProxyType(_TABLES["helpers"])
HELPER_NAMES: Final[Mapping[int, str]] = MappingProxyType({n: name for name, n in HELPERS.items()})
