# SPDX-License-Identifier: Apache-2.0
"""`python -m honey`."""

from honey.cli import process

process()
