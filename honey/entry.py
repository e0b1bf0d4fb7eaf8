# SPDX-License-Identifier: Apache-2.0
"""The ``honey`` command as a process: an interrupt while the rest of it is loaded ends it without a traceback."""

from __future__ import annotations

import signal


def process() -> None:
    """Load and run the command, and end the process with its exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored, as it is after nohup(1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from honey import cli

    cli.process()
