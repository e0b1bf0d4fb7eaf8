# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule ExecRing do
  @moduledoc "An event through a ring buffer for each program that is executed."
  use Honey, license: "Dual BSD/GPL"

  defstruct :exec_event do
    field(:time_ns, :u64)
    field(:pid, :u32)
    field(:tgid, :u32)
    field(:comm, :string, size: 16)
    field(:filename, :string, size: 128)
  end

  defmap(:events, :bpf_ringbuf, max_entries: 262_144)

  @sec "tracepoint/sched/sched_process_exec"
  def trace_exec(ctx) do
    Honey.Ring.emit(:events, %exec_event{
      time_ns: ktime_get_ns(),
      pid: get_current_pid_tgid(),
      tgid: get_current_pid_tgid() >>> 32,
      comm: get_current_comm(),
      filename: probe_read_kernel_str(ctx.filename, 128, "")
    })
  end
end
