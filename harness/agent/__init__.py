# SPDX-License-Identifier: Apache-2.0
"""What runs beside the kernel under test: loads objects, attaches them, drives workloads, reads maps and costs.

Only the standard library is needed (Python 3.10), libbpf through ctypes, and bcc's binding where it is installed.
Nothing here imports the rest of the harness: a target gets this package, ``workloads`` and the objects, no more.
"""
