// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Says hello for each write(2) of one process, whose pid user space puts into the map. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_write")
int hello(struct trace_event_raw_sys_enter *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u32 zero = 0;
	__u32 *wanted = bpf_map_lookup_elem(&target, &zero);

	if (wanted && *wanted == pid)
		bpf_printk("Hello World from %d", pid);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
