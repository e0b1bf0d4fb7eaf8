# SPDX-License-Identifier: Apache-2.0
"""What happens on a kernel while programs are attached to it, and models of what they should then have counted.

This package goes to the target as it is: Python 3.10 and its standard library, scapy where it is installed.
"""
