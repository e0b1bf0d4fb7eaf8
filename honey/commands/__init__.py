# SPDX-License-Identifier: Apache-2.0
"""The subcommands of `honey`: each module has `run(arguments) -> exit status`."""
