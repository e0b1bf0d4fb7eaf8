# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule CountSyscalls do
  @moduledoc "Counts the system calls of the whole machine by number."
  use Honey, license: "Dual BSD/GPL"

  defmap(:syscall_counts, :bpf_array, key_type: :u32, value_type: :u64, max_entries: 512)

  @sec "tracepoint/raw_syscalls/sys_enter"
  def count_syscall(ctx) do
    Honey.Map.add(:syscall_counts, ctx.id, 1)
    0
  end
end
