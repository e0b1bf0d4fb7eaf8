# SPDX-License-Identifier: Apache-2.0
"""What a run says: ``report.json`` (the contract), and the forms for people and CI that are made from it alone."""
