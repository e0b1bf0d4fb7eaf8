# SPDX-License-Identifier: Apache-2.0
"""The typed intermediate representation: nodes, types, verifier, traversal and interpreter."""
