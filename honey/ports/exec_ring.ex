# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule ExecRing do
  @moduledoc "An event through a ring buffer for each program that is executed."
  use Honey, license: "Dual BSD/GPL"
  alias Honey.BpfHelpers

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
    event = BpfHelpers.ringbuf_reserve(:events, :exec_event) || return(0)
    pid_tgid = BpfHelpers.get_current_pid_tgid()
    event.time_ns = BpfHelpers.ktime_get_ns()
    event.pid = pid_tgid
    event.tgid = pid_tgid >>> 32
    event.comm = BpfHelpers.get_current_comm()
    filename = BpfHelpers.probe_read_kernel_str(ctx.filename, 128)
    if filename, do: event.filename = filename
    BpfHelpers.ringbuf_submit(event)
    0
  end
end
