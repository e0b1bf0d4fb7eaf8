// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* One map of each kind that can be read. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MAP(NAME, KIND, ENTRIES)                \
	struct {                                \
		__uint(type, KIND);             \
		__uint(max_entries, ENTRIES);   \
		__type(key, __u32);             \
		__type(value, __u64);           \
	} NAME SEC(".maps")

MAP(hash, BPF_MAP_TYPE_HASH, 20000);
MAP(lru_hash, BPF_MAP_TYPE_LRU_HASH, 20000);
MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 20000);
MAP(array, BPF_MAP_TYPE_ARRAY, 5000);
MAP(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, 5000);

struct prefix {
	__u32 length;
	__u32 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 100);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u64);
} lpm_trie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 100);
	__type(value, __u64);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 100);
	__type(value, __u64);
} stack SEC(".maps");

__u64 start_value = 42;
const volatile __u64 fixed = 7;

SEC("tracepoint/syscalls/sys_enter_sendto")
int touch(void *ctx)
{
	start_value += fixed;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
