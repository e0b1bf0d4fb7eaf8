# SPDX-License-Identifier: Apache-2.0
"""The workloads, one module or package each."""
