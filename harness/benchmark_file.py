# SPDX-License-Identifier: Apache-2.0
"""Reading benchmark files: TOML to :class:`Benchmark`, with errors that say where, what, and what to write."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import tomli
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.benchmark import Benchmark
from harness.checkout import Checkout
from harness.errors import BenchmarkError, HarnessError, Problem
from workloads import oracles
from workloads import registry as workloads


def load_benchmark(path: Path, *, shown: str | None = None) -> Benchmark:
    """The benchmark in ``path``.

    ``shown`` is the name of the file in messages (default: the path as given). Raises :class:`BenchmarkError`.
    """
    shown = shown or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BenchmarkError(shown, (Problem("", f"cannot be read: {reason}"),)) from error
    try:
        document = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise BenchmarkError(shown, (Problem("", f"is not valid TOML: {error}"),)) from error
    try:
        benchmark = Benchmark.model_validate(document)
    except ValidationError as error:
        problems = tuple(_problem(details) for details in error.errors(include_url=False))
        raise BenchmarkError(shown, problems) from error
    if benchmark.name != path.stem:
        problem = Problem("name", f"is {benchmark.name!r} in a file called {path.name}", f'write "{path.stem}"')
        raise BenchmarkError(shown, (problem,))
    if problems := tuple(_unknown(benchmark)):
        raise BenchmarkError(shown, problems)
    return benchmark


def _unknown(benchmark: Benchmark) -> Iterator[Problem]:
    """Names in it of what there is not."""
    if benchmark.workload.name not in workloads.names():
        there = ", ".join(workloads.names())
        yield Problem("workload.name", f"there is no workload {benchmark.workload.name!r}", f"choose one of {there}")
    if benchmark.oracle is not None and benchmark.oracle not in oracles.names():
        there = ", ".join(oracles.names())
        yield Problem("oracle", f"there is no oracle {benchmark.oracle!r}", f"choose one of {there}")


def find_benchmarks(checkout: Checkout, names: Sequence[str]) -> list[Benchmark]:
    """The benchmarks called ``names`` (or paths of TOML files); all of them when there are no names."""
    return [load_benchmark(path, shown=checkout.relative(path)) for path in benchmark_paths(checkout, names)]


def benchmark_paths(checkout: Checkout, names: Sequence[str]) -> list[Path]:
    """The files of the benchmarks called ``names``; all when there are no names. Raises :class:`HarnessError`."""
    known = {path.stem: path for path in sorted(checkout.benchmarks.glob("*.toml"))}
    if not known and not names:
        raise HarnessError("there are no benchmarks in benchmarks/", hint="each is a file benchmarks/NAME.toml")
    return [_find(name, known) for name in names] if names else list(known.values())


def _find(name: str, known: dict[str, Path]) -> Path:
    if name in known:
        return known[name]
    path = Path(name)
    if path.suffix == ".toml" and path.exists():
        return path
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "there are: " + (", ".join(known) or "none")
    raise HarnessError(f"there is no benchmark called {name!r}", hint=hint)


def _problem(details: ErrorDetails) -> Problem:
    """One of pydantic's errors in our words."""
    path = details["loc"]
    where = _dotted(path)
    kind = details["type"]
    context = details.get("ctx", {})
    if kind == "missing":
        return Problem(where, "is missing", _example(path) or "write it")
    if kind == "extra_forbidden":
        return Problem(where, "is not known here", _suggestion(path))
    if kind in {"literal_error", "union_tag_invalid"}:
        expected = context.get("expected", context.get("expected_tags", ""))
        given = details["input"] if kind == "literal_error" else context.get("tag")
        return Problem(where, f"{given!r} is not possible", f"write {expected}")
    if kind == "union_tag_not_found":
        return Problem(where, "names no rule", 'write rule = "timestamp", "tolerance" or "ignore"')
    if kind == "value_error":
        return Problem(where, str(context.get("error", details["msg"])))
    if kind in {"model_type", "dict_type", "model_attributes_type"}:
        return Problem(where, f"must be a table, but it is {details['input']!r}", "write { KEY = VALUE, ... }")
    message = details["msg"].removeprefix("Input ").removeprefix("Value error, ").removeprefix("String ")
    return Problem(where, f"{message}, but it is {details['input']!r}", _example(path))


def _dotted(path: tuple[int | str, ...]) -> str:
    """``("budgets", 0, "metric")`` → ``budgets[0].metric``; the tags of unions are left out."""
    text = ""
    for _, step in _walk(path):
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _walk(path: tuple[int | str, ...]) -> list[tuple[Any, int | str]]:
    """Each real step of ``path`` with the type of the table it is a key of."""
    steps: list[tuple[Any, int | str]] = []
    here: Any = Benchmark
    for step in path:
        here = _plain(here)
        members = [member for member in get_args(here) if isinstance(member, type)]
        if get_origin(here) in {Union, UnionType} and isinstance(step, str):
            tagged = [m for m in members if step in _tags(m)]
            if tagged:
                here = tagged[0]
                continue
        steps.append((here, step))
        here = _below(here, step)
    return steps


def _tags(model: type) -> tuple[Any, ...]:
    if not issubclass(model, BaseModel) or "rule" not in model.model_fields:
        return ()
    return get_args(model.model_fields["rule"].annotation)


def _plain(kind: Any) -> Any:
    """``kind`` without ``Annotated`` and ``| None``."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        members = [member for member in get_args(kind) if member is not type(None)]
        if len(members) == 1:
            return _plain(members[0])
    return kind


def _below(kind: Any, step: int | str) -> Any:
    """The type of what stands under ``step`` in a value of type ``kind``."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step in (name, field.alias):
                return field.annotation
        return None
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


def _fields(path: tuple[int | str, ...]) -> dict[str, Any]:
    """The keys that are known where the last step of ``path`` stands, with their fields."""
    steps = _walk(path)
    kind = _plain(steps[-1][0]) if steps else None
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return {}
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def _example(path: tuple[int | str, ...]) -> str:
    field = _fields(path).get(str(path[-1])) if path else None
    examples = field.examples if field is not None else None
    return f"write {examples[0]}" if examples else ""


def _suggestion(path: tuple[int | str, ...]) -> str:
    known = list(_fields(path))
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return "known are " + ", ".join(known) if known else ""
