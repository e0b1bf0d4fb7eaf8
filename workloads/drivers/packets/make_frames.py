# SPDX-License-Identifier: Apache-2.0
"""Writes ``frames.json``: ``python -m workloads.drivers.packets.make_frames``."""

from __future__ import annotations

import json

from workloads.drivers.packets.frames import STORED, build


def main() -> None:
    """Build all frames and store them."""
    documents = [{"note": frame.note, "data": frame.data.hex()} for frame in build()]
    STORED.write_text(json.dumps(documents, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
