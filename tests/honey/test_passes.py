# SPDX-License-Identifier: Apache-2.0
"""Which passes run, and what is said of one that breaks the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from irbuild import Fn, program
from monitor_ir import monitor
from passes_c import SENDTO

from honey import compiler
from honey.emit import emit_c
from honey.ir import nodes as n
from honey.ir.error import IRError
from honey.passes import NAMES, ORDER, UnknownPass, run, select
from honey.passes.document import Example
from honey.records import replace


def test_selection_of_passes() -> None:
    assert select("all") == NAMES
    assert select("none") == ()
    assert select("dead-code,constant-folding") == ("constant-folding", "dead-code")
    assert "dead-code" not in select("all,-dead-code")
    assert select("-dead-code") == select("all,-dead-code")
    with pytest.raises(UnknownPass, match="there is no pass 'dead'"):
        select("dead")


def test_every_pass_leaves_a_well_formed_program_alone_when_run_twice() -> None:
    program_ = run(monitor())
    again = run(program_)
    assert emit_c(again).text.count("bpf_map_update_elem") == emit_c(program_).text.count("bpf_map_update_elem")
    assert set(ORDER) == set(NAMES)


def test_a_pass_that_breaks_the_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import honey.passes.dead_code as broken

    def without_return(whole: n.Program) -> n.Program:
        f = Fn("f", section="tracepoint/syscalls/sys_enter_kill")
        del whole
        return program(f.done())

    monkeypatch.setattr(broken, "run", without_return)
    with pytest.raises(IRError, match="after dead-code in f: a path ends without a result"):
        run(monitor(), ["dead-code"])


def test_a_pass_that_breaks_the_program_is_named_and_leaves_no_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verification comes after clang was given the C; nothing of that may be left."""

    def without_return(program: n.Program) -> n.Program:
        return replace(program, functions=tuple(replace(one, body=one.body[:-1]) for one in program.functions))

    monkeypatch.setattr(
        "honey.passes._pass", lambda name: without_return if name == "forwarding" else lambda same: same
    )
    source = Example("m", (), f"{SENDTO}0\nend").source
    with pytest.raises(compiler.InternalError, match="after forwarding in main: a path ends without a result"):
        compiler.compile_source(source, tmp_path / "m.bpf.o")
    assert list(tmp_path.iterdir()) == []
