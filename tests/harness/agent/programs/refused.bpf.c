// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The verifier takes the first program and refuses the second, which reads through a pointer that may be NULL. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} some SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_sendto")
int fine(void *ctx)
{
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_recvfrom")
int careless(void *ctx)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&some, &key);

	return *value;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
