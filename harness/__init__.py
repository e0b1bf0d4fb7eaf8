# SPDX-License-Identifier: Apache-2.0
"""The harness: both sides of a pair compiled, run on the same events, compared, measured and judged."""
