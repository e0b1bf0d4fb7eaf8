# SPDX-License-Identifier: Apache-2.0
"""``result.json``, what the agent brings back from a target, as frozen models. Keys not known are left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import RunError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AgentError(_Part):
    """What went wrong on the target, and in which step. ``log`` holds the verifier's words."""

    step: str
    message: str
    side: str | None = None
    program: str | None = None
    log: str | None = None


class KernelFacts(_Part):
    """The kernel a run took place on."""

    release: str
    version: str = ""
    machine: str = ""
    btf: bool = True
    cpus: int = 1


class LoadedProgram(_Part):
    """What the kernel says of a loaded program; None where it does not say it.

    Sizes are bytes, ``load_ns`` nanoseconds; ``verified_insns`` are those the verifier processed.
    """

    xlated_insns: int | None = None
    jited_bytes: int | None = None
    stack_bytes: int | None = None
    verified_insns: int | None = None
    peak_states: int | None = None
    total_states: int | None = None
    load_ns: int | None = None


class MapFile(_Part):
    """A map's dump: ``entries`` times key bytes and ``value_bytes`` (per-CPU maps: all CPUs). Sizes are bytes.

    ``file`` is None for a map whose entries cannot be listed, such as a ring buffer.
    """

    file: str | None = None
    type: str
    key_size: int
    value_size: int
    value_bytes: int | None = None
    max_entries: int
    entries: int | None = None


class StreamFile(_Part):
    """What a stream sent: ``records`` of it in ``file``, and how many were ``lost``."""

    file: str
    records: int = 0
    lost: int = 0


class RunCost(_Part):
    """What the kernel counted for a program while ``BPF_ENABLE_STATS`` was held."""

    run_time_ns: int = 0
    run_cnt: int = 0


class CounterSums(_Part):
    """What the CPU's hardware counters came to in a program's runs; reading them is in there as well."""

    runs: int = 0
    instructions: int = 0
    cycles: int = 0
    cache_misses: int = 0


class Phase(_Part):
    """One phase of a benchmark. Times are ``CLOCK_MONOTONIC`` nanoseconds of the target.

    ``block`` is the cost block it belongs to, set when blocks are brought together.
    ``stable`` is False where the maps did not stand still for long enough to be read at one moment; ``deviations`` say
    what the workload could not do as planned, ``notes`` how it was done, ``stalls`` from when until when its CPU stood
    still. ``unavailable`` says why there are no
    ``counters``.
    """

    kind: str
    side: str | None = None
    round: int = 0
    block: int = 0
    start_ns: int = 0
    end_ns: int = 0
    events: str | None = None
    pids: tuple[int, ...] = ()
    maps: dict[str, dict[str, MapFile]] = {}
    streams: dict[str, dict[str, StreamFile]] = {}
    stable: bool = True
    deviations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    stalls: tuple[tuple[int, int], ...] = ()
    programs: dict[str, RunCost] = {}
    counters: dict[str, CounterSums] = {}
    unavailable: str = ""
    error: AgentError | None = None


class BenchmarkResult(_Part):
    """What a target has to say of one benchmark; ``programs`` by side and handler."""

    name: str
    programs: dict[str, dict[str, LoadedProgram]] = {}
    phases: tuple[Phase, ...] = ()
    error: AgentError | None = None


class Result(_Part):
    """All that came back. Paths in it are relative to ``folder``."""

    schema_: Literal[1] = Field(alias="schema")
    kernel: KernelFacts | None = None
    agent: dict[str, Any] = {}
    benchmarks: tuple[BenchmarkResult, ...] = ()
    timings: dict[str, float] = {}
    error: AgentError | None = None


def read_result(folder: Path) -> Result:
    """The result in ``folder``. Raises :class:`RunError` where there is none or it is not one."""
    path = folder / "result.json"
    try:
        return Result.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise RunError("the target left no result.json: the agent did not come to its end") from error
    except (OSError, ValidationError) as error:
        raise RunError("the target's result.json cannot be read", details=str(error)) from error
