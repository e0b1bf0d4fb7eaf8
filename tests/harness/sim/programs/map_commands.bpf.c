// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Works off a packet of commands on maps and writes into each what came of it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct command {
	__u8 map;
	__u8 operation;
	__u8 key;
	__u8 flags;
	__u32 value;
	__u64 result;
};

#define COMMANDS 24
#define MAP(NAME, TYPE, ENTRIES, FLAGS)                                                                               \
	struct {                                                                                                       \
		__uint(type, TYPE);                                                                                    \
		__uint(max_entries, ENTRIES);                                                                          \
		__uint(map_flags, FLAGS);                                                                              \
		__type(key, __u32);                                                                                    \
		__type(value, __u64);                                                                                  \
	} NAME SEC(".maps")

MAP(hashed, BPF_MAP_TYPE_HASH, 5, 0);
MAP(unallocated, BPF_MAP_TYPE_HASH, 5, BPF_F_NO_PREALLOC);
MAP(listed, BPF_MAP_TYPE_ARRAY, 5, 0);
MAP(cpu_hashed, BPF_MAP_TYPE_PERCPU_HASH, 5, 0);
MAP(cpu_listed, BPF_MAP_TYPE_PERCPU_ARRAY, 5, 0);
MAP(recent, BPF_MAP_TYPE_LRU_HASH, 200, 0);
MAP(cpu_recent, BPF_MAP_TYPE_LRU_PERCPU_HASH, 200, 0);

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 5);
	__type(value, __u64);
} queued SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 5);
	__type(value, __u64);
} stacked SEC(".maps");

struct prefix {
	__u32 length;
	__u8 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 5);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u64);
} routes SEC(".maps");

static __always_inline __u64 on_map(void *map, void *key, struct command *command)
{
	__u64 value = command->value, *found;

	switch (command->operation & 3) {
	case 0:
		found = bpf_map_lookup_elem(map, key);
		if (!found)
			return -1;
		*found += 1;
		return *found;
	case 1:
	case 2:
		return bpf_map_update_elem(map, key, &value, command->flags & 3);
	default:
		return bpf_map_delete_elem(map, key);
	}
}

static __always_inline __u64 on_queue(void *map, struct command *command)
{
	__u64 value = command->value;
	long done;

	switch (command->operation & 3) {
	case 0:
		done = bpf_map_peek_elem(map, &value);
		return done ? done : value;
	case 1:
		return bpf_map_push_elem(map, &value, command->flags & 2);
	case 2:
		return bpf_map_push_elem(map, &value, 0);
	default:
		done = bpf_map_pop_elem(map, &value);
		return done ? done : value;
	}
}

SEC("xdp")
int work(struct xdp_md *ctx)
{
	struct command *command = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	for (int i = 0; i < COMMANDS; i++, command++) {
		__u32 key;
		struct prefix prefix = {};

		if ((void *)(command + 1) > end)
			return i;
		key = command->key & 7;
		prefix.length = command->key & 3 ? command->key % 33 : 8;
		prefix.address[0] = command->value;
		prefix.address[1] = command->value >> 8 & 3;
		switch (command->map % 10) {
		case 0:
			command->result = on_map(&hashed, &key, command);
			break;
		case 1:
			command->result = on_map(&unallocated, &key, command);
			break;
		case 2:
			command->result = on_map(&listed, &key, command);
			break;
		case 3:
			command->result = on_map(&cpu_hashed, &key, command);
			break;
		case 4:
			command->result = on_map(&cpu_listed, &key, command);
			break;
		case 5:
			command->result = on_map(&recent, &key, command);
			break;
		case 6:
			command->result = on_map(&cpu_recent, &key, command);
			break;
		case 7:
			command->result = on_queue(&queued, command);
			break;
		case 8:
			command->result = on_queue(&stacked, command);
			break;
		default:
			command->result = on_map(&routes, &prefix, command);
		}
	}
	return COMMANDS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
