// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What hammer.ex says, as C commonly has it: look up, change a copy, store the copy. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct pair {
	__u64 left;
	__u64 right;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct pair);
} counted SEC(".maps");

static __always_inline __u32 *key_of(struct __sk_buff *ctx)
{
	__u32 *key = (void *)(long)ctx->data;

	return (void *)(key + 1) > (void *)(long)ctx->data_end ? 0 : key;
}

#define CHANGING(name, change)                                          \
	SEC("tc") int name(struct __sk_buff *ctx)                         \
	{                                                               \
		__u32 *at = key_of(ctx), key;                           \
		struct pair *found, copy;                               \
									\
		if (!at)                                                \
			return 0;                                       \
		key = *at;                                              \
		found = bpf_map_lookup_elem(&counted, &key);            \
		if (found) {                                            \
			copy = *found;                                  \
			change;                                         \
			bpf_map_update_elem(&counted, &key, &copy, 0);  \
		}                                                       \
		return 2;                                               \
	}

CHANGING(count, copy.left += 1)
CHANGING(step_left, copy.left = copy.left * 5 + 1)
CHANGING(step_right, copy.right = copy.right * 5 + 1)
CHANGING(grow, copy.left += copy.left < 1000000000)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
