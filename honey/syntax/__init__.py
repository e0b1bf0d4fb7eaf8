# SPDX-License-Identifier: Apache-2.0
"""From source text to the surface syntax tree.

`honey.syntax.source` has positions, `honey.syntax.ast` the tree, `honey.syntax.parse` the way from one to the other.
"""
