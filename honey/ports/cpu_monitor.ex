# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule CpuMonitor do
  @moduledoc """
  User and kernel time of each task.

  A slice is what a task runs between being switched in and being switched out. Kernel time is the part of it between
  entry and exit of a system call, user time the rest. A call that is switched out in its midst ends there as far as the
  slice is concerned, and goes on when the task is switched in again.
  """
  use Honey, license: "Dual BSD/GPL"

  @max_tasks 10_240

  defstruct :cpu_times do
    field(:user_ns, :u64)
    field(:kernel_ns, :u64)
  end

  defmap(:slice_start, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: @max_tasks)
  defmap(:call_start, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: @max_tasks)
  # Kernel time of the running slice, deleted when it is taken off the slice's user time.
  defmap(:slice_kernel, :bpf_hash, key_type: :u32, value_type: :u64, max_entries: @max_tasks)
  defmap(:cpu_times, :bpf_hash, key_type: :u32, value_type: :cpu_times, max_entries: @max_tasks)

  @sec "tracepoint/sched/sched_switch"
  def trace_switch(ctx) do
    now = ktime_get_ns()
    if ctx.prev_pid != 0, do: switch_out(ctx.prev_pid, now)
    if ctx.next_pid != 0, do: switch_in(ctx.next_pid, now)
    0
  end

  @sec "tracepoint/raw_syscalls/sys_enter"
  def trace_enter(_ctx) do
    map_update_elem(:call_start, current_task(), ktime_get_ns())
    0
  end

  @sec "tracepoint/raw_syscalls/sys_exit"
  def trace_exit(_ctx) do
    task = current_task()
    call = map_lookup_elem(:call_start, task)
    if call == nil, do: return(0)
    ns = ktime_get_ns() - call
    Honey.Map.update(:slice_kernel, task, ns, fn kernel -> kernel + ns end)
    map_delete_elem(:call_start, task)
    0
  end

  defp current_task, do: get_current_pid_tgid() &&& 0xFFFFFFFF

  defp switch_out(task, now) do
    start = map_lookup_elem(:slice_start, task)
    if start == nil, do: return(0)
    slice = now - start
    call = map_lookup_elem(:call_start, task, now)
    map_delete_elem(:slice_start, task)
    kernel_ns = (Honey.Map.pop(:slice_kernel, task) || 0) + now - call
    user_ns = slice - min(slice, kernel_ns)

    Honey.Map.update(
      :cpu_times,
      task,
      %cpu_times{user_ns: user_ns, kernel_ns: kernel_ns},
      fn times ->
        %{times | user_ns: times.user_ns + user_ns, kernel_ns: times.kernel_ns + kernel_ns}
      end
    )

    0
  end

  defp switch_in(task, now) do
    call = map_lookup_elem(:call_start, task)
    if call, do: Honey.Map.update(:call_start, task, now, fn _ -> now end)
    map_update_elem(:slice_start, task, now)
    0
  end
end
