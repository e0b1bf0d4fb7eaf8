# SPDX-License-Identifier: Apache-2.0
"""`python -m honey`."""

import sys

from honey.cli import main

sys.exit(main())
