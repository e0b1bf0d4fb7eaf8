# SPDX-License-Identifier: Apache-2.0
"""Compares what the sides and the oracle left in the maps, entry by entry, in typed values."""
