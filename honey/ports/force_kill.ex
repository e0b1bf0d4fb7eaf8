# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule ForceKill do
  @moduledoc "Remembers which processes somebody tried to kill with SIGKILL; an entry that is there already stays."
  use Honey, license: "Dual BSD/GPL"

  @sigkill 9

  defmap(:killed, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: 1024)

  @sec "tracepoint/syscalls/sys_enter_kill"
  def record_kill(ctx) do
    if ctx.args[1] != @sigkill, do: return(0)
    map_update_elem(:killed, ctx.args[0], 1, :BPF_NOEXIST)
    0
  end
end
