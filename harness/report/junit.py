# SPDX-License-Identifier: Apache-2.0
"""``junit.xml``: each map, oracle check and budget is a test case, so that CI names what failed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

from harness.report import words
from harness.report.model import BenchmarkReport, Failure, Report

#: Control characters that XML 1.0 cannot hold.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class _Case:
    """A test case: ``kind`` is "" where it passed, else failure, error or skipped, with ``message`` and ``text``."""

    name: str
    kind: str = ""
    message: str = ""
    text: str = ""


def junit(report: Report) -> str:
    """The report in JUnit's format."""
    root = ET.Element("testsuites", name="harness")
    if report.error is not None:
        _suite(root, "run", [_error("run", report.error)])
    for benchmark in report.benchmarks:
        _suite(root, words.part_name(report, benchmark), list(_cases(benchmark)))
    if "total" in report.timings:  # pairs are run together, so that none has a time of its own
        root.set("time", f"{report.timings['total']:.3f}")
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: ET.Element, name: str, cases: list[_Case]) -> None:
    suite = ET.SubElement(root, "testsuite", name=name, tests=str(len(cases)))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.kind == kind for case in cases)))
    for case in cases:
        element = ET.SubElement(suite, "testcase", classname=name, name=case.name)
        if case.kind:
            ET.SubElement(element, case.kind, message=_clean(case.message)).text = _clean(case.text) or None


def _cases(benchmark: BenchmarkReport) -> Iterator[_Case]:
    if benchmark.error is not None:
        yield _error("run", benchmark.error)
        return
    parity = benchmark.parity
    for name, one in parity.maps.items():
        if not one.compared:
            yield _Case(f"map {name}", "skipped", one.note)
            continue
        yield _difference_case(benchmark, f"map {name}: C = Honey", name, one.differences, ("sides", "padding"))
        if one.oracle_differences is not None:
            case = f"map {name}: = oracle"
            yield _difference_case(benchmark, case, name, one.oracle_differences, ("oracle", "total"))
    for name, stream in parity.streams.items():
        yield _difference_case(benchmark, f"stream {name}: C = Honey", name, stream.differences, ("sides",))
        if stream.oracle_differences is not None:
            case = f"stream {name}: = oracle"
            yield _difference_case(benchmark, case, name, stream.oracle_differences, ("oracle",))
    if not parity.events:
        yield _Case("events", "failure", "no events were driven: equal maps would mean nothing")
    for outcome in benchmark.budgets:
        said = f"{words.budget_figure(outcome, outcome.figure)}, {words.budget_limit(outcome)}"
        said += f"; {outcome.note}" if outcome.note else ""
        kind = {True: "", False: "failure", None: "skipped"}[outcome.ok]
        yield _Case(f"budget: {words.budget_name(outcome)}", kind, said if kind == "failure" else "not measured")


def _difference_case(benchmark: BenchmarkReport, name: str, place: str, count: int, between: tuple[str, ...]) -> _Case:
    if count == 0:
        return _Case(name)
    texts = [d.text for d in benchmark.differences if d.place == place and d.between in between]
    return _Case(name, "failure", f"{count} differ", "\n".join(texts))


def _error(name: str, error: Failure) -> _Case:
    return _Case(name, "error", f"{error.step}: {error.message}", error.log or "")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
