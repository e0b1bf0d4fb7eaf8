# SPDX-License-Identifier: Apache-2.0
"""Random expressions give the same in the interpreter, and in the kernel with and without optimisation."""

from __future__ import annotations

import json
import random
import struct
import subprocess
from pathlib import Path

import pytest
from bpftool import needs_kernel
from irbuild import Fn, deref, field, num, read, struct_def

from honey.emit import emit_c
from honey.emit.clang import Compiled, compile_c
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.verify import verify
from honey.passes import NAMES, run
from honey.simulator import Simulation

INTEGERS = (t.U8, t.U16, t.U32, t.U64, t.S8, t.S16, t.S32, t.S64)
NUMBERS = struct_def("numbers", *((f"{'s' if type_.signed else 'u'}{type_.bits}", type_) for type_ in INTEGERS))
XDP_MD = t.StructDef(
    t.Struct("xdp_md", 24, 4, kernel=True), (t.Field("data", t.U32, 0), t.Field("data_end", t.U32, 4)), foreign=True
)
ARITHMETIC = (n.BinaryOp.ADD, n.BinaryOp.SUB, n.BinaryOp.MUL, n.BinaryOp.AND, n.BinaryOp.OR, n.BinaryOp.XOR)
COMPARISONS = (n.BinaryOp.EQ, n.BinaryOp.NE, n.BinaryOp.LT, n.BinaryOp.LE, n.BinaryOp.GT, n.BinaryOp.GE)
EXPRESSIONS = 24


def _expression(rng: random.Random, source: n.Place, type_: t.Int, depth: int) -> n.Expr:
    """A random expression of ``type_`` over the numbers in the packet."""

    def inner(wanted: t.Int) -> n.Expr:
        return _expression(rng, source, wanted, depth - 1)

    if depth == 0 or rng.random() < 0.1:
        if rng.random() < 0.3:
            low = -(1 << (type_.bits - 1)) if type_.signed else 0
            high = low + (1 << type_.bits) - 1
            return num(rng.choice([0, 1, 2, 7, low, high, rng.randint(low, high)]), type_)
        return read(field(source, NUMBERS, f"{'s' if type_.signed else 'u'}{type_.bits}"))
    match rng.randrange(8):
        case 0 | 1 | 2:
            return n.Binary(rng.choice(ARITHMETIC), inner(type_), inner(type_), type_)
        case 3:
            divisor = n.Binary(n.BinaryOp.OR, inner(type_), num(1, type_), type_)
            return n.Binary(rng.choice([n.BinaryOp.DIV, n.BinaryOp.MOD]), inner(type_), divisor, type_)
        case 4:
            amount = num(rng.randrange(type_.bits), t.U32)
            return n.Binary(rng.choice([n.BinaryOp.SHL, n.BinaryOp.SHR]), inner(type_), amount, type_)
        case 5:
            return n.Cast(inner(rng.choice(INTEGERS)), type_)
        case 6:
            return n.Unary(rng.choice([n.UnaryOp.NEG, n.UnaryOp.INVERT]), inner(type_), type_)
        case _:
            operands = rng.choice(INTEGERS)
            test = n.Binary(rng.choice(COMPARISONS), inner(operands), inner(operands), t.BOOL)
            return n.Select(test, inner(type_), inner(type_), type_)


def _handler(rng: random.Random, name: str) -> n.Function:
    f = Fn(name, section="xdp")
    f.params = (f.local("ctx", t.Ref(XDP_MD.type, t.Space.CONTEXT, readonly=True)),)
    numbers = f.let("numbers", n.PacketAt(f.param(0), num(0), t.Ref(NUMBERS.type, t.Space.PACKET, nullable=True)))
    with f.when(n.IsNull(numbers)):
        f.ret()
    value = f.let("", _expression(rng, deref(numbers), rng.choice(INTEGERS), 4))
    if isinstance(value.type, t.Int) and value.type.bits == 64:
        high = n.Binary(n.BinaryOp.SHR, value, num(32, t.U32), value.type)
        value = f.let("", n.Binary(n.BinaryOp.XOR, value, high, value.type))
    f.ret(n.Cast(value, t.S32))
    return f.done()


def _program(seed: int) -> n.Program:
    rng = random.Random(seed)
    handlers = tuple(_handler(rng, f"e{index}") for index in range(EXPRESSIONS))
    return n.Program("Numbers", "numbers.ex", "GPL", (XDP_MD, NUMBERS), (), handlers)


def _run_in_kernel(obj: Path, packet: Path, names: list[str]) -> dict[str, int]:
    """What each program of ``obj`` returns for ``packet`` (``BPF_PROG_TEST_RUN``)."""
    script = (
        'mount -t bpf bpf /mnt && bpftool prog loadall "$1" /mnt/numbers || exit 1; packet=$2; shift 2; '
        "for name; do "
        'bpftool -j prog run pinned /mnt/numbers/$name data_in "$packet" data_out /dev/null || exit 2; done'
    )
    command = ["unshare", "-m", "sh", "-c", script, "sh", str(obj), str(packet), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    decoder, text, found = json.JSONDecoder(), done.stdout, {}
    for name in names:
        value, end = decoder.raw_decode(text.lstrip())
        text = text.lstrip()[end:]
        found[name] = struct.unpack("=i", struct.pack("=I", value["retval"]))[0]
    return found


@needs_kernel
@pytest.mark.kernel
@pytest.mark.parametrize("seed", range(4))
def test_three_ways_one_result(seed: int, tmp_path: Path) -> None:
    program = _program(seed)
    verify(program)
    packet = random.Random(seed + 1000).randbytes(NUMBERS.type.size + 32)
    (tmp_path / "packet").write_bytes(packet)
    names = [handler.name for handler in program.handlers]
    simulated = Simulation(program)
    wanted = {name: simulated.fire(name, packet=packet).value for name in names}
    for passes in ((), NAMES):
        optimised = run(program, passes)
        again = Simulation(optimised)
        assert {name: again.fire(name, packet=packet).value for name in names} == wanted
        compiled = compile_c(emit_c(optimised).text, tmp_path / "numbers.o")
        assert isinstance(compiled, Compiled), compiled
        assert _run_in_kernel(Path(compiled.output), tmp_path / "packet", names) == wanted
