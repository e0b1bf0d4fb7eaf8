# SPDX-License-Identifier: Apache-2.0
"""Writes ``packets.json``: ``python -m workloads.drivers.network.make_packets``."""

from __future__ import annotations

import json

from workloads.drivers.network.packets import STORED, build


def main() -> None:
    """Build all packets and store them."""
    documents = [{"name": p.name, "way": p.way, "data": p.data.hex(), "error": p.error} for p in build()]
    STORED.write_text(json.dumps(documents, indent=1) + "\n")


if __name__ == "__main__":
    main()
