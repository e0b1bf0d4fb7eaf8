# SPDX-License-Identifier: Apache-2.0
"""What the compiler accepts, the verifiers of older kernels accept: generated programs in a virtual machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiled import compiled, modules
from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy
from loaded_in_vm import OLDER, refused
from program_tests import dense_in_tests
from program_text import OTHERS, RUNNABLE, Generated, programs

pytestmark = [pytest.mark.slow, pytest.mark.vm]

MODULES = 150
"""So many are loaded in one machine, whose whole run has a time limit."""


def drawn(strategy: SearchStrategy[Generated], folder: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Both objects of generated modules, and their sources, by the same names."""
    objects, texts = dict[str, Path](), dict[str, str]()

    @settings(modules(MODULES), max_examples=MODULES)
    @given(strategy)
    def draw(generated: Generated) -> None:
        place = folder / f"m{len(objects)}"
        place.mkdir(exist_ok=True)
        done = compiled(generated, place)
        for side, path in done[1].items() if done is not None else ():
            name = f"{place.name}_{side}"
            objects[name], texts[name] = path.rename(folder / f"{name}.bpf.o"), generated.text

    draw()
    return objects, texts


@pytest.mark.parametrize("kernel", OLDER)
@pytest.mark.parametrize(
    "strategy",
    [programs(sections=RUNNABLE), programs(sections=OTHERS, trace=True), dense_in_tests()],
    ids=["run", "others", "tests"],
)
def test_older_kernels_accept_what_is_compiled(
    strategy: SearchStrategy[Generated], kernel: str, tmp_path: Path
) -> None:
    objects, texts = drawn(strategy, tmp_path)
    assert objects
    said = refused(objects, tmp_path, kernel)
    assert {texts[name]: problem for name, problem in said.items()} == {}
