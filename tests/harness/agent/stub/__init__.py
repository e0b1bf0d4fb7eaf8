# SPDX-License-Identifier: Apache-2.0
"""Workloads for tests of the agent: they stand in for the package ``workloads`` in a job folder."""
