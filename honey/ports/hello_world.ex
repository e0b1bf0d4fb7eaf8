# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
defmodule HelloWorld do
  @moduledoc "Says hello for each write(2) of one process, whose pid user space puts into the map."
  use Honey, license: "Dual BSD/GPL"

  defmap(:target, :bpf_array, key_type: :u32, value_type: :u32, max_entries: 1)

  @sec "tracepoint/syscalls/sys_enter_write"
  def hello(_ctx) do
    pid = get_current_pid_tgid() >>> 32
    target = map_lookup_elem(:target, 0)
    if target == pid, do: printk(["Hello World from %d", pid])
    0
  end
end
