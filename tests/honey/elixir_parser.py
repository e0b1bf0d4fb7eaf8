# SPDX-License-Identifier: Apache-2.0
"""Elixir's own parser as a judge: what it makes of a source, and Honey's tree in the same form.

The form is a text; `quoted.exs` writes it from Elixir's quoted form, `form` from Honey's tree. What Honey's tree does
not tell apart on purpose (`do:` and `do ... end`, parentheses around one expression) the form does not either.
"""

from __future__ import annotations

import base64
import re
import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

from honey.syntax import ast

ELIXIR = shutil.which("elixir")
_SCRIPT = Path(__file__).with_name("elixir") / "quoted.exs"
_PLAIN = re.compile(r"[a-zA-Z0-9_@?!.%&|<>=+*/^~:-]+")


def elixir_forms(sources: Sequence[bytes]) -> list[str]:
    """For each source `ok FORM` or `error MESSAGE`, by Elixir's parser."""
    assert ELIXIR is not None
    lines = b"".join(base64.b64encode(source) + b"\n" for source in sources)
    done = subprocess.run([ELIXIR, str(_SCRIPT)], input=lines, capture_output=True, check=True, timeout=300)
    found = done.stdout.decode().splitlines()
    assert len(found) == len(sources), done.stderr.decode()
    return found


def form(node: ast.Node) -> str:
    """Honey's tree in the form that `quoted.exs` prints."""
    match node:
        case ast.File(body=body):
            return form(body)
        case ast.Int(value=value):
            return f"i:{value}"
        case ast.Float(value=number):
            return "f:" + struct.pack(">d", number).hex().upper()
        case ast.Atom(name=name):
            return "a:" + _name(name)
        case ast.Str(parts=parts):
            return _string(parts)
        case ast.Charlist(parts=parts):
            return _charlist(parts)
        case ast.Sigil(name=name, parts=parts, modifiers=modifiers):
            text = _string(parts)
            binary = text if text.startswith("(") else f"(<<>> {text})" if parts else "(<<>>)"
            return f"(sigil_{name} {binary} {_ints(modifiers)})"
        case ast.Var(name=name):
            return "v:" + _name(name)
        case ast.Alias(parts=names):
            first = form(ast.Var(node.span, names[0])) if not names[0][0].isupper() else "a:" + _name(names[0])
            return f"(__aliases__ {' '.join((first, *('a:' + _name(part) for part in names[1:])))})"
        case ast.MultiAlias(base=base, aliases=aliases):
            return f"(remote {form(base)} a:{_name('{}')}{_args(aliases)})"
        case ast.Attribute(name=name, value=None):
            return f"(@ v:{_name(name)})"
        case ast.Attribute(name=name, value=ast.Node() as value_node):
            return f"(@ ({_name(name)}{_args((value_node,))}))"
        case ast.Pin(name=name):
            return f"(^ v:{_name(name)})"
        case ast.Pair(key=key, value=value_node):
            return f"{{{form(key)} {form(value_node)}}}"
        case ast.KeywordList(pairs=pairs):
            return f"[{' '.join(map(form, pairs))}]"
        case ast.Tuple(items=(left, right)):
            return f"{{{form(left)} {form(right)}}}"
        case ast.Tuple(items=items):
            return f"({_name('{}')}{_args(items)})"
        case ast.ListLit(items=items, tail=None):
            return f"[{' '.join(map(form, items))}]"
        case ast.ListLit(items=items, tail=ast.Node() as tail):
            last = f"(| {form(items[-1])} {form(tail)})"
            return f"[{' '.join((*map(form, items[:-1]), last))}]"
        case ast.MapLit(base=map_base, entries=entries):
            return _map(map_base, entries)
        case ast.StructLit(name=struct_name, base=map_base, entries=entries):
            return f"(% {form(struct_name)} {_map(map_base, entries)})"
        case ast.Bitstring(segments=segments):
            return f"(<<>>{_args(segments)})"
        case ast.Dot(target=target, name=name):
            return f"(dot {form(target)} a:{_name(name)})"
        case ast.Index(target=target, key=key):
            return f"(remote a:Elixir.Access a:get {form(target)} {form(key)})"
        case ast.Call(target=None, name=name, args=args, do_block=do_block):
            return f"({_name(name)}{_args(args)}{_block(do_block)})"
        case ast.Call(target=ast.Node() as target, name=name, args=args, do_block=do_block):
            return f"(remote {form(target)} a:{_name(name)}{_args(args)}{_block(do_block)})"
        case ast.AtomText(parts=parts):
            return f"(remote a:erlang a:binary_to_atom {_string(parts)} a:utf8)"
        case ast.UnquotedCall(name=unquoted, args=args):
            return f"(call (unquote {form(unquoted)}){_args(args)})"
        case ast.Apply(function=function, args=args):
            return f"(apply {form(function)}{_args(args)})"
        case ast.Binary(op="//", left=ast.Binary(op="..", left=low, right=high), right=step):
            return f"(..// {form(low)} {form(high)} {form(step)})"
        case ast.Binary(op=op, left=left, right=right):
            return f"({_name(op)} {form(left)} {form(right)})"
        case ast.Unary(op=op, operand=operand):
            return f"({_name(op)} {form(operand)})"
        case ast.Capture(expr=expr):
            return f"(& {form(expr)})"
        case ast.CaptureArg(index=index):
            return f"(& i:{index})"
        case ast.Fn(clauses=clauses):
            return f"(fn{''.join(' ' + _clause(clause) for clause in clauses)})"
        case ast.Clauses(clauses=clauses):
            return f"[{' '.join(map(_clause, clauses))}]"
        case ast.Block(exprs=(one,)):
            return form(one)
        case ast.Block(exprs=exprs):
            return f"(__block__{_args(exprs)})"
    raise AssertionError(node)


def _name(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return "#" + text.encode(errors="surrogateescape").hex().upper()


def _args(nodes: Sequence[ast.Node]) -> str:
    return "".join(" " + form(node) for node in nodes)


def _ints(text: str) -> str:
    return f"[{' '.join(f'i:{ord(character)}' for character in text)}]"


def _parts(parts: Sequence[str | ast.Interpolation], convert: str) -> list[str]:
    shown = []
    for part in parts:
        if isinstance(part, str):
            shown.append("s:" + _name(part))
        elif convert == "string":
            shown.append(f"(:: (remote a:Elixir.Kernel a:to_string {form(part.expr)}) v:binary)")
        else:
            shown.append(f"(remote a:Elixir.Kernel a:to_string {form(part.expr)})")
    return shown


def _string(parts: Sequence[str | ast.Interpolation]) -> str:
    if not any(isinstance(part, ast.Interpolation) for part in parts):
        return "s:" + _name("".join(part for part in parts if isinstance(part, str)))
    return f"(<<>> {' '.join(_parts(parts, 'string'))})"


def _charlist(parts: Sequence[str | ast.Interpolation]) -> str:
    if not any(isinstance(part, ast.Interpolation) for part in parts):
        return _ints("".join(part for part in parts if isinstance(part, str)))
    return f"(remote a:Elixir.List a:to_charlist [{' '.join(_parts(parts, 'charlist'))}])"


def _map(base: ast.Node | None, entries: Sequence[ast.Pair]) -> str:
    if base is None:
        return f"({_name('%{}')}{_args(entries)})"
    return f"({_name('%{}')} (| {form(base)} [{' '.join(map(form, entries))}]))"


def _clause(clause: ast.Clause) -> str:
    patterns = [form(pattern) for pattern in clause.patterns]
    if clause.guard is not None:
        patterns = [f"(when {' '.join((*patterns, form(clause.guard)))})"]
    body = form(clause.body) if clause.body.exprs else "a:nil"
    return f"(-> [{' '.join(patterns)}] {body})"


def _block(block: ast.DoBlock | None) -> str:
    if block is None:
        return ""
    sections = {
        "do": block.body,
        "else": block.else_,
        "rescue": block.rescue,
        "catch": block.catch,
        "after": block.after,
    }
    shown = (f" {name}: {form(section)}" for name, section in sections.items() if section is not None)
    return f" (block{''.join(shown)})"
