// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * User and kernel time of each task.
 *
 * A slice is what a task runs between being switched in and being switched out. Kernel time is the part of it between
 * entry and exit of a system call, user time the rest. A call that is switched out in its midst ends there as far as
 * the slice is concerned, and goes on when the task is switched in again.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define MAX_TASKS 10240

struct cpu_times {
	__u64 user_ns;
	__u64 kernel_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TASKS);
	__type(key, __u32);
	__type(value, __u64);
} slice_start SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TASKS);
	__type(key, __u32);
	__type(value, __u64);
} call_start SEC(".maps");

/* Kernel time of the running slice, deleted when it is taken off the slice's user time. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TASKS);
	__type(key, __u32);
	__type(value, __u64);
} slice_kernel SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TASKS);
	__type(key, __u32);
	__type(value, struct cpu_times);
} cpu_times SEC(".maps");

static __always_inline void add_times(__u32 task, __u64 user_ns, __u64 kernel_ns)
{
	struct cpu_times *times = bpf_map_lookup_elem(&cpu_times, &task);

	if (times) {
		times->user_ns += user_ns;
		times->kernel_ns += kernel_ns;
	} else {
		struct cpu_times first = { .user_ns = user_ns, .kernel_ns = kernel_ns };

		bpf_map_update_elem(&cpu_times, &task, &first, BPF_ANY);
	}
}

static __always_inline void add_slice_kernel(__u32 task, __u64 ns)
{
	__u64 *kernel = bpf_map_lookup_elem(&slice_kernel, &task);

	if (kernel)
		*kernel += ns;
	else
		bpf_map_update_elem(&slice_kernel, &task, &ns, BPF_ANY);
}

static __always_inline void switch_out(__u32 task, __u64 now)
{
	__u64 *start = bpf_map_lookup_elem(&slice_start, &task);
	__u64 *call = bpf_map_lookup_elem(&call_start, &task);
	__u64 *kernel, user_ns, kernel_ns = 0;

	if (!start)
		return;
	user_ns = now - *start;
	bpf_map_delete_elem(&slice_start, &task);

	kernel = bpf_map_lookup_elem(&slice_kernel, &task);
	if (kernel) {
		kernel_ns = *kernel;
		bpf_map_delete_elem(&slice_kernel, &task);
	}
	if (call)
		kernel_ns += now - *call;
	add_times(task, user_ns > kernel_ns ? user_ns - kernel_ns : 0, kernel_ns);
}

static __always_inline void switch_in(__u32 task, __u64 now)
{
	__u64 *call = bpf_map_lookup_elem(&call_start, &task);

	if (call)
		*call = now;
	bpf_map_update_elem(&slice_start, &task, &now, BPF_ANY);
}

SEC("tracepoint/sched/sched_switch")
int trace_switch(struct trace_event_raw_sched_switch *ctx)
{
	__u64 now = bpf_ktime_get_ns();

	if (ctx->prev_pid)
		switch_out(ctx->prev_pid, now);
	if (ctx->next_pid)
		switch_in(ctx->next_pid, now);
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_enter")
int trace_enter(struct trace_event_raw_sys_enter *ctx)
{
	__u32 task = (__u32)bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&call_start, &task, &now, BPF_ANY);
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_exit")
int trace_exit(struct trace_event_raw_sys_exit *ctx)
{
	__u32 task = (__u32)bpf_get_current_pid_tgid();
	__u64 *call = bpf_map_lookup_elem(&call_start, &task);

	if (!call)
		return 0;
	add_slice_kernel(task, bpf_ktime_get_ns() - *call);
	bpf_map_delete_elem(&call_start, &task);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
