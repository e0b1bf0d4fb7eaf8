# SPDX-License-Identifier: Apache-2.0
"""Who takes part in the network workload, and what the seed decides."""

from __future__ import annotations

import random
from dataclasses import dataclass

from workloads.drivers.network.script import HOOKS, Lane, Script

#: Below the ephemeral ports of Linux and above the well-known ones.
_PORTS = range(20_000, 30_000)


@dataclass(frozen=True, slots=True)
class Stage:
    """The script, its chance, and the lanes: client and server with two threads each, and single-threaded others."""

    script: Script
    chance: random.Random
    ports: list[int]
    client: Lane
    client_2: Lane
    server: Lane
    server_2: Lane

    def port(self) -> int:
        """A port that nothing else here uses."""
        return self.ports.pop()

    def host(self) -> str:
        """An address in 127.0.0.0/8."""
        low, high = 1, 254
        return f"127.{self.chance.randint(low, high)}.{self.chance.randint(0, 255)}.{self.chance.randint(low, high)}"

    def bytes(self, low: int, high: int) -> bytes:
        """A payload of ``low`` to ``high`` bytes."""
        return self.chance.randbytes(self.chance.randint(low, high))


def new_stage(seed: int, hooks: frozenset[str] = HOOKS) -> Stage:
    """The stage that ``seed`` sets; ``hooks`` are the calls that count."""
    chance = random.Random(seed)
    script = Script(hooks=hooks)
    client, client_2 = script.actor("client", "client-2")
    server, server_2 = script.actor("server", "server-2")
    return Stage(script, chance, chance.sample(_PORTS, 500), client, client_2, server, server_2)
