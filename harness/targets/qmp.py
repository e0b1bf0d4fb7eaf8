# SPDX-License-Identifier: Apache-2.0
"""QEMU's monitor protocol over a socket that QEMU inherits (docs/interop/qmp-spec of QEMU)."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from typing import Any


class QmpError(Exception):
    """QEMU refused a command, or is gone."""


class Qmp:
    """A monitor connection; every command has ``limit_s`` seconds."""

    def __init__(self, connection: socket.socket, *, limit_s: float = 20.0) -> None:
        self._connection = connection
        self._connection.settimeout(limit_s)
        self._stream = connection.makefile("rwb")
        self._limit_s = limit_s
        self._receive()  # the greeting
        self.command("qmp_capabilities")

    def command(self, name: str, **arguments: Any) -> Any:
        """Execute ``name``; gives its ``return``."""
        try:
            self._stream.write(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
            self._stream.flush()
        except OSError as problem:
            raise QmpError(f"{name}: QEMU is gone ({problem})") from problem
        while True:
            answer = self._receive()
            if "error" in answer:
                raise QmpError(f"{name}: {answer['error'].get('desc', answer['error'])}")
            if "return" in answer:
                return answer["return"]

    def wait_until(self, name: str, *, status: frozenset[str], failed: frozenset[str] = frozenset()) -> None:
        """Ask ``name`` again and again until its ``status`` is one of those given."""
        deadline = time.monotonic() + self._limit_s
        while True:
            said = self.command(name).get("status", "")
            if said in status:
                return
            if said in failed or time.monotonic() > deadline:
                raise QmpError(f"{name}: {said}")
            time.sleep(0.005)

    def close(self) -> None:
        """Close the connection; QEMU runs on."""
        with suppress(OSError):  # a command may still wait to be sent to a QEMU that is gone
            self._stream.close()
        self._connection.close()

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._stream.readline()
        except OSError as problem:
            raise QmpError(f"no answer from QEMU ({problem})") from problem
        if not line:
            raise QmpError("QEMU ended")
        answer: dict[str, Any] = json.loads(line)
        return answer
