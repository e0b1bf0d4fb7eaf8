# SPDX-License-Identifier: Apache-2.0
"""A good source and a bad one, for the command."""

from __future__ import annotations

from pathlib import Path

GOOD = """\
defmodule Hello do
  use Honey, license: "GPL"

  @sec "tracepoint/syscalls/sys_enter_write"
  def main(_ctx) do
    1
  end
end
"""
BAD = GOOD.replace("    1\n", "    x = [1 2]\n    x += 1\n")


def write_sources(folder: Path) -> Path:
    """``good.ex`` and ``bad.ex`` in ``folder``, which is given back."""
    (folder / "good.ex").write_text(GOOD, encoding="utf-8")
    (folder / "bad.ex").write_text(BAD, encoding="utf-8")
    return folder
