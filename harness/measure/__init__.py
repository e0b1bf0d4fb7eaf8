# SPDX-License-Identifier: Apache-2.0
"""Figures of cost: gathered from objects, the kernel's own words and cost rounds; never made up where they lack."""
