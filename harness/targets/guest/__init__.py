# SPDX-License-Identifier: Apache-2.0
"""What runs inside a virtual machine before the agent: the first process, and how it speaks with the host."""
