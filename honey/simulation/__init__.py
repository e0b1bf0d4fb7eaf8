# SPDX-License-Identifier: Apache-2.0
"""What a program sees of the kernel when it runs without one: memory, maps, clock, tasks, helpers."""
