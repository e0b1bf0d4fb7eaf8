# SPDX-License-Identifier: Apache-2.0
"""Writes ``frames.json`` and ``frames.pcap``: ``python -m workloads.drivers.packets.make_frames``."""

from __future__ import annotations

import json

from workloads.drivers.packets.frames import STORED, build, save


def main() -> None:
    """Build all frames and store them."""
    frames = build()
    documents = [{"note": frame.note, "data": frame.data.hex()} for frame in frames]
    STORED.write_text(json.dumps(documents, indent=1) + "\n", encoding="utf-8")
    save(STORED.with_suffix(".pcap"), frames)


if __name__ == "__main__":
    main()
