# SPDX-License-Identifier: Apache-2.0
"""Many runs as one."""

from __future__ import annotations

import pytest

from harness.errors import HarnessError
from harness.matrix import cells


def test_cells_are_all_combinations() -> None:
    found = cells(["kernels=5.10,6.1", "compilers=clang-14,clang-16"])
    assert [cell.name for cell in found] == ["5.10 clang-14", "5.10 clang-16", "6.1 clang-14", "6.1 clang-16"]
    assert found[1].options == ["--kernel", "5.10", "--compiler", "clang-16"]


def test_shards_are_disjoint_and_together_everything() -> None:
    axes = ["seeds=1,2,3,4,5,6,7"]
    parts = [cells(axes, f"{number}/3") for number in (1, 2, 3)]
    assert sorted(cell.name for part in parts for cell in part) == [str(number) for number in range(1, 8)]


@pytest.mark.parametrize(
    ("axes", "shard", "words"),
    [(["kernel=6.1"], "", "no axis"), (["kernels="], "", "no axis"), (["seeds=1"], "3/2", "no shard")],
)
def test_what_is_no_axis_or_shard_is_refused(axes: list[str], shard: str, words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        cells(axes, shard)
