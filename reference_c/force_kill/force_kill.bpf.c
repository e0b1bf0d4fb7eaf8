// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Remembers which processes somebody tried to kill with SIGKILL; an entry that is there already stays as it is. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define SIGKILL 9

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} killed SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_kill")
int record_kill(struct trace_event_raw_sys_enter *ctx)
{
	__u32 pid = ctx->args[0];
	__u64 one = 1;

	if (ctx->args[1] != SIGKILL)
		return 0;
	bpf_map_update_elem(&killed, &pid, &one, BPF_NOEXIST);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
