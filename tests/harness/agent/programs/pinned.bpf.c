// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A map that asks to be pinned by its name, and lines printed for each call. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_sendto")
int count_sendto(void *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u64 one = 1, *count = bpf_map_lookup_elem(&calls, &pid);

	if (count)
		*count += 1;
	else
		bpf_map_update_elem(&calls, &pid, &one, BPF_ANY);
	bpf_printk("a call of %d", pid);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
