// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Counts sendto calls by process, one map of each common kind, for tests of the agent. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sys_enter {
	__u64 unused;
	long id;
	unsigned long args[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} by_pid SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} sizes SEC(".maps");

__u64 total;

SEC("tracepoint/syscalls/sys_enter_sendto")
int count_sendto(struct sys_enter *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32, zero = 0;
	__u64 one = 1, *count, size = ctx->args[2], sent = (__u64)pid << 32 | size;

	count = bpf_map_lookup_elem(&by_pid, &pid);
	if (count)
		*count += 1;
	else
		bpf_map_update_elem(&by_pid, &pid, &one, BPF_ANY);
	count = bpf_map_lookup_elem(&per_cpu, &zero);
	if (count)
		*count += size;
	bpf_ringbuf_output(&sizes, &sent, sizeof(sent), 0);
	total += size;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
