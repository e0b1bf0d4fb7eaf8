# SPDX-License-Identifier: Apache-2.0
"""Hands answers that never change to functions that would ask again.

    pid = current_pid()                         pid = current_pid()
    stats = stats_of(pid)                       stats = stats_of(pid)
    emit(length)                          →     emit(length, pid)
    def emit(length)                            def emit(length, pid)
      event.pid = current_pid()                   event.pid = pid

Proof obligation: the answer is the same for as long as a program runs (see `honey.passes.shared_calls`), and every
caller has it at hand when it calls.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir.footprint import CONSTANT_CALLS, Footprint, Writes, escaped_locals
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, next_local_id, pick, rewrite_block
from honey.passes.references import calls_of
from honey.passes.rewriting import CALLS, LETS
from honey.passes.shared_calls import Answer, Answers, Share, is_constant
from honey.records import replace

Handed = dict[str, list[Answer]]
"""What each function has been handed: the effect, and the parameter with its answer."""


def run(program: n.Program) -> n.Program:
    """``program`` with answers handed on."""
    handed: Handed = {}
    while True:
        step = _step(program, handed)
        if step is None:
            return program
        program = step


def _step(program: n.Program, handed: Handed) -> n.Program | None:
    """The program with one more answer handed to one more function; ``None`` if there is none left."""
    symbols = Symbols.of(program)
    calls = calls_of(program)
    called = [one for one in program.functions if one.section is None and one.name in calls]
    asking = [(one, asked) for one in called if (asked := _asked(one, symbols))]
    known = _known_at_calls(program, {one.name for one, _ in asking}, symbols, handed)
    for function, asked in asking:
        at_calls = [known.get(id(call), ()) for _, call in calls[function.name]]
        for effect in asked:
            answers = [next((one for one in some if one.effect == effect), None) for some in at_calls]
            if all(answer is not None for answer in answers):
                by_call = {id(call): answer for (_, call), answer in zip(calls[function.name], answers, strict=True)}
                return _handed_to(program, function, effect, by_call, handed)
    return None


def _known_at_calls(program: n.Program, asking: set[str], symbols: Symbols, handed: Handed) -> dict[int, Answers]:
    """What callers of the functions called ``asking`` know at their calls."""
    found: dict[int, Answers] = {}
    writes = Writes(symbols)
    for function in program.functions:
        if not any(call.function in asking for call in pick(function.body, CALLS)):
            continue
        share = Share(function, symbols, writes, escaped_locals(function), locals_written(function.body))
        share.block(function.body, tuple(handed.get(function.name, ())))
        found.update(share.at_calls)
    return found


def _asked(function: n.Function, symbols: Symbols) -> list[n.HelperCall | n.Call]:
    """The questions without arguments that a function asks, whose answer never changes."""
    found: list[n.HelperCall | n.Call] = []
    for node in pick(function.body, LETS):
        match node.value:
            case n.HelperCall(name, ()) as helper if name in CONSTANT_CALLS:
                found.append(helper)
            case n.Call(name, ()) as call if is_constant(symbols.functions[name], symbols):
                found.append(call)
    return found


def _handed_to(
    program: n.Program,
    function: n.Function,
    effect: n.HelperCall | n.Call,
    by_call: dict[int, Answer | None],
    handed: Handed,
) -> n.Program:
    asked = next(node.local for node in pick(function.body, LETS) if node.value == effect)
    name = asked.name or effect_name(effect)
    param = n.Local(next_local_id(function), name, effect.type)
    handed.setdefault(function.name, []).append(Answer(effect, param, Footprint()))

    def rule(node: Node) -> object:
        answer = by_call.get(id(node))
        if isinstance(node, n.Call) and answer is not None:
            return replace(node, args=(*node.args, _reading(answer.local)))
        return node

    def asking(node: Node) -> object:
        return replace(node, value=_reading(param)) if isinstance(node, n.Let) and node.value == effect else node

    functions = []
    for one in program.functions:
        body = rewrite_block(one.body, rule, CALLS)
        if one.name == function.name:
            body = rewrite_block(body, asking, LETS)
            functions.append(replace(one, params=(*one.params, param), body=body))
        else:
            functions.append(one if body is one.body else replace(one, body=body))
    return replace(program, functions=tuple(functions))


def effect_name(effect: n.HelperCall | n.Call) -> str:
    """What to call the answer of a question: its last words (``current_pid`` gives ``pid``)."""
    asked = effect.name if isinstance(effect, n.HelperCall) else effect.function
    return asked.removeprefix("bpf_").removeprefix("get_").removeprefix("current_")


def _reading(local: n.Local) -> n.Read:
    return n.Read(n.LocalPlace(local), local.type)
