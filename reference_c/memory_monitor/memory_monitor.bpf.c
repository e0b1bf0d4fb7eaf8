// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What each process asks of the kernel's memory management: mmap, munmap and brk, at their entry. Mappings smaller than
 * MIN_LENGTH are left out; more given back than was taken counts down to 0 and no further.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define MIN_LENGTH 16384
#define MAX_PROCESSES 10240

struct memory_stats {
	__u64 current_bytes;
	__u64 peak_bytes;
	__u64 total_mapped;
	__u64 total_unmapped;
	__u64 mmaps;
	__u64 munmaps;
	__u64 brks;
};

enum memory_operation {
	MMAP = 1,
	MUNMAP,
	BRK,
};

struct memory_event {
	__u64 time_ns;
	__u32 pid;
	__u32 operation;
	__u64 address;
	__u64 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PROCESSES);
	__type(key, __u32);
	__type(value, struct memory_stats);
} memory_by_pid SEC(".maps");

/* Where the program break of a process was last asked to be. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PROCESSES);
	__type(key, __u32);
	__type(value, __u64);
} program_break SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} events SEC(".maps");

/* A ring buffer has no type of its records: this keeps theirs in the object's BTF. */
const struct memory_event *record_type __attribute__((unused));

static const struct memory_stats no_stats;

static __always_inline struct memory_stats *stats_of(__u32 pid)
{
	struct memory_stats *stats = bpf_map_lookup_elem(&memory_by_pid, &pid);

	if (stats)
		return stats;
	bpf_map_update_elem(&memory_by_pid, &pid, &no_stats, BPF_NOEXIST);
	return bpf_map_lookup_elem(&memory_by_pid, &pid);
}

static __always_inline void grow(struct memory_stats *stats, __u64 length)
{
	stats->total_mapped += length;
	stats->current_bytes += length;
	if (stats->current_bytes > stats->peak_bytes)
		stats->peak_bytes = stats->current_bytes;
}

static __always_inline void shrink(struct memory_stats *stats, __u64 length)
{
	stats->total_unmapped += length;
	stats->current_bytes -= length < stats->current_bytes ? length : stats->current_bytes;
}

static __always_inline void emit_event(__u32 pid, enum memory_operation operation, __u64 address, __u64 length)
{
	struct memory_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return;
	event->time_ns = bpf_ktime_get_ns();
	event->pid = pid;
	event->operation = operation;
	event->address = address;
	event->length = length;
	bpf_ringbuf_submit(event, 0);
}

SEC("tracepoint/syscalls/sys_enter_mmap")
int trace_mmap(struct trace_event_raw_sys_enter *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u64 length = ctx->args[1];
	struct memory_stats *stats;

	if (length < MIN_LENGTH)
		return 0;
	stats = stats_of(pid);
	if (!stats)
		return 0;
	grow(stats, length);
	stats->mmaps++;
	emit_event(pid, MMAP, ctx->args[0], length);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_munmap")
int trace_munmap(struct trace_event_raw_sys_enter *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u64 length = ctx->args[1];
	struct memory_stats *stats;

	if (length < MIN_LENGTH)
		return 0;
	stats = stats_of(pid);
	if (!stats)
		return 0;
	shrink(stats, length);
	stats->munmaps++;
	emit_event(pid, MUNMAP, ctx->args[0], length);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_brk")
int trace_brk(struct trace_event_raw_sys_enter *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u64 wanted = ctx->args[0];
	struct memory_stats *stats;
	__u64 *last, change = 0;

	stats = stats_of(pid);
	if (!stats)
		return 0;
	stats->brks++;
	if (!wanted) /* a question, not a change */
		return 0;

	last = bpf_map_lookup_elem(&program_break, &pid);
	if (!last) {
		bpf_map_update_elem(&program_break, &pid, &wanted, BPF_ANY);
	} else {
		if (wanted > *last) {
			change = wanted - *last;
			grow(stats, change);
		} else {
			change = *last - wanted;
			shrink(stats, change);
		}
		*last = wanted;
	}
	emit_event(pid, BRK, wanted, change);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
