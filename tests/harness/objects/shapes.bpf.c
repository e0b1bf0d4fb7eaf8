// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Types of all kinds, as map keys and values. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum color { RED, GREEN = 5, BLUE = -1 };

struct inner {
	__u16 a;
	__u8 b;
	/* hole 1 */
};

struct plain {
	__u32 pid;
	__u8 protocol;
	/* hole 1 */
	__u16 port;
	__u32 ip;
	/* hole 4 */
	__s64 when;
	enum color color;
	_Bool yes;
	/* tail 3 */
};

struct nested {
	struct inner one;
	struct inner many[3];
	char name[7];
	__u8 mac[6];
	/* hole 3 */
	__u32 longs[20];
	void *pointer;
	__u8 __pad[3];
	__s8 last;
	/* tail 4 */
};

struct shared {
	union {
		__u64 whole;
		struct {
			__u32 low;
			__u16 high;
		};
		__u8 bytes[3];
	};
	union {
		__u16 number;
		__u8 octet;
	} named;
	/* hole 2 */
	__u32 flag : 1;
	__u32 kind : 4;
	__s32 delta : 6;
	__u32 rest : 21;
	const volatile __u64 constant;
};

typedef struct {
	struct plain plain;
	unsigned __int128 wide;
} all_together;

#define MAP(NAME, KEY, VALUE)                                                                                         \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_HASH);                                                                       \
		__uint(max_entries, 8);                                                                                \
		__type(key, KEY);                                                                                      \
		__type(value, VALUE);                                                                                  \
	} NAME SEC(".maps")

MAP(plain_map, __u32, struct plain);
MAP(nested_map, struct inner, struct nested);
MAP(shared_map, enum color, struct shared);
MAP(wide_map, __s16, all_together);

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 77);
	__uint(key_size, 6);
	__uint(value_size, 24);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sizes_only SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 9);
		__type(key, __u32);
		__type(value, struct inner);
	});
} outer SEC(".maps");

int changed = 3;
__u64 zeroed;
const volatile __u16 limit = 500;

static __noinline int shared_function(struct inner *inner, int times)
{
	struct plain *plain = bpf_map_lookup_elem(&plain_map, &times);

	return plain ? plain->port * times + inner->a : changed++;
}

static long each(__u32 index, void *context)
{
	zeroed += index;
	return shared_function(context, index);
}

SEC("tracepoint/syscalls/sys_enter_write")
int first(void *ctx)
{
	struct inner inner = {.a = limit};

	return shared_function(&inner, 1) + shared_function(&inner, 2);
}

SEC("xdp.frags")
int second(struct xdp_md *ctx)
{
	struct inner inner = {.a = 3};
	struct nested nested = {};
	struct shared shared = {};
	all_together all = {};
	__s16 key = 0;

	bpf_map_update_elem(&nested_map, &inner, &nested, 0);
	bpf_map_update_elem(&shared_map, &key, &shared, 0);
	bpf_map_update_elem(&wide_map, &key, &all, 0);
	return bpf_loop(3, each, &inner, 0) + shared_function(&inner, 3);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
