# SPDX-License-Identifier: Apache-2.0
"""`python -m honey`."""

from honey.entry import process

process()
