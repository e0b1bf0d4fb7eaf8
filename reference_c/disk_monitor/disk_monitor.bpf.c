// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Reads and writes of each process: bytes from the return value, number and latency, per (process, operation) and per
 * process. A call that failed is not booked.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define MAX_ENTRIES 10240

enum operation {
	READ,
	WRITE,
	PREAD64,
	PWRITE64,
	READV,
	WRITEV,
};

struct io_key {
	__u32 pid;
	__u32 operation;
};

struct io_stats {
	__u64 bytes;
	__u64 operations;
	__u64 total_ns;
	__u64 min_ns;
	__u64 max_ns;
};

/* When the call that a thread is in began. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} started SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_ENTRIES);
	__type(key, struct io_key);
	__type(value, struct io_stats);
} io_by_operation SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_ENTRIES);
	__type(key, __u32);
	__type(value, struct io_stats);
} io_by_pid SEC(".maps");

static __always_inline int enter(void)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&started, &thread, &now, BPF_ANY);
	return 0;
}

static __always_inline void add(void *map, const void *key, __u64 bytes, __u64 latency)
{
	struct io_stats *stats = bpf_map_lookup_elem(map, key);

	if (stats) {
		stats->bytes += bytes;
		stats->operations++;
		stats->total_ns += latency;
		if (latency < stats->min_ns)
			stats->min_ns = latency;
		if (latency > stats->max_ns)
			stats->max_ns = latency;
	} else {
		struct io_stats first = {
			.bytes = bytes,
			.operations = 1,
			.total_ns = latency,
			.min_ns = latency,
			.max_ns = latency,
		};

		bpf_map_update_elem(map, key, &first, BPF_ANY);
	}
}

static __always_inline int leave(struct trace_event_raw_sys_exit *ctx, enum operation operation)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 thread = (__u32)pid_tgid;
	__u64 *start = bpf_map_lookup_elem(&started, &thread);
	struct io_key key = { .pid = pid_tgid >> 32, .operation = operation };
	__u64 latency;

	if (!start)
		return 0;
	latency = bpf_ktime_get_ns() - *start;
	bpf_map_delete_elem(&started, &thread);
	if (ctx->ret < 0)
		return 0;
	add(&io_by_operation, &key, ctx->ret, latency);
	add(&io_by_pid, &key.pid, ctx->ret, latency);
	return 0;
}

#define TRACE(name, operation)                                        \
	SEC("tracepoint/syscalls/sys_enter_" #name)                   \
	int enter_##name(struct trace_event_raw_sys_enter *ctx)       \
	{                                                             \
		return enter();                                       \
	}                                                             \
	SEC("tracepoint/syscalls/sys_exit_" #name)                    \
	int exit_##name(struct trace_event_raw_sys_exit *ctx)         \
	{                                                             \
		return leave(ctx, operation);                         \
	}

TRACE(read, READ)
TRACE(write, WRITE)
TRACE(pread64, PREAD64)
TRACE(pwrite64, PWRITE64)
TRACE(readv, READV)
TRACE(writev, WRITEV)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
