# SPDX-License-Identifier: Apache-2.0
"""A wrong port is found, each kind of wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from run_bench import FAULTS, HONEY, Harness, assert_found, latest, wrong_port


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_port_is_found_without_a_kernel(harness: Harness, tmp_path: Path, fault: str) -> None:
    done = harness(wrong_port(tmp_path, fault), on="sim")
    assert_found(done, latest(tmp_path), fault)


#: Faults in the Honey port, as patterns that fit however it is written: what is replaced and by what, and words that
#: the report must say.
HONEY_FAULTS = {
    "bytes booked on the wrong side": (r"(?<!:)\bbytes_recv\b", "bytes_sent", "bytes_recv is 0 in honey"),
    "port cut to a byte": (r"Net\.ntohs\(([\w.]+)\)", r"(Net.ntohs(\1) &&& 0xFF)", "missing in honey"),
    "packets counted twice": (r"(?<!:)\bpackets_recv\b([^\n]*?)\b1\b", r"packets_recv\g<1>2", "packets_recv is"),
    "no time": (r"BpfHelpers\.(?:bpf_)?ktime_get_ns\(\)", "0", "last_update_ns is 0"),
}


def wrong_honey(folder: Path, pattern: str, new: str) -> Path:
    """The Honey port with something replaced."""
    source = HONEY.read_text(encoding="utf-8")
    text, times = re.subn(pattern, new, source)
    assert times
    wrong = folder / "wrong.ex"
    wrong.write_text(text, encoding="utf-8")
    return wrong


@pytest.mark.parametrize("fault", HONEY_FAULTS)
def test_a_wrong_honey_port_is_found(harness: Harness, tmp_path: Path, fault: str) -> None:
    pattern, new, words = HONEY_FAULTS[fault]
    done = harness(wrong_honey(tmp_path, pattern, new), on="sim")
    assert done.returncode == 1, done.stdout + done.stderr
    found = latest(tmp_path)
    assert not found.parity.equal
    texts = [difference.text for difference in found.differences]
    assert any(words in text for text in texts), texts


def test_a_honey_port_that_does_not_compile_is_shown_with_its_diagnostic(harness: Harness, tmp_path: Path) -> None:
    done = harness(wrong_honey(tmp_path, r"Net\.ntohs\(([\w.]+)\)", r"\1"), on="sim")
    assert done.returncode == 2
    assert "Honey.Net" in done.stdout
    assert "wrong.ex" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.kernel
@pytest.mark.parametrize("fault", ["port left in network order", "padding not zeroed"])
def test_a_wrong_port_is_found_on_a_kernel(harness: Harness, tmp_path: Path, fault: str) -> None:
    done = harness(wrong_port(tmp_path, fault))
    assert_found(done, latest(tmp_path), fault)


def test_the_same_mistake_on_both_sides_is_found_by_the_oracle(harness: Harness, tmp_path: Path) -> None:
    wrong = wrong_port(tmp_path, "port left in network order")
    done = harness(wrong, c=wrong, on="sim")
    assert done.returncode == 1, done.stdout + done.stderr
    assert latest(tmp_path).parity.equal
    assert latest(tmp_path).parity.oracle_equal is False
