# SPDX-License-Identifier: Apache-2.0
"""The statements a block of `program_text` can have."""

from __future__ import annotations

from program_bindings import (
    bind_atom,
    bind_network,
    bind_number,
    bind_struct,
    bind_truth,
    change_byte,
    change_field,
    copy_struct,
    match_tagged,
    take_apart,
)
from program_branches import branch, case_of, join, leave, with_steps
from program_kernel import packet, read, record
from program_loops import gather, loop, reduce
from program_maps import add, delete, look_up, modify, update
from program_missing import count, missing
from program_writer import Statement

# One is drawn by its place: what stands twice comes twice as often, and hypothesis shrinks to what comes first.
STATEMENTS: tuple[Statement, ...] = (
    *(bind_number, bind_number, bind_struct, change_field, look_up, look_up, update, branch, branch, case_of, delete),
    *(add, modify, loop, leave, join, take_apart, packet, record, change_byte, copy_struct, reduce),
    *(bind_atom, bind_truth, match_tagged, read, bind_network, branch, with_steps, gather),
    *(missing, count),
)
