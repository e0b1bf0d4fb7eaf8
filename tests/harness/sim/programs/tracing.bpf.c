// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Tracepoints of other kinds, streams, per-CPU maps, and programs that go wrong. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define relocated __attribute__((preserve_access_index))

struct trace_entry {
	unsigned short type;
	unsigned char flags, preempt_count;
	int pid;
};

struct trace_event_raw_sys_enter {
	struct trace_entry ent;
	long id;
	unsigned long args[6];
	char __data[0];
} relocated;

struct trace_event_raw_sys_exit {
	struct trace_entry ent;
	long id;
	long ret;
	char __data[0];
} relocated;

struct trace_event_raw_sched_switch {
	struct trace_entry ent;
	char prev_comm[16];
	int prev_pid;
	int prev_prio;
	long prev_state;
	char next_comm[16];
	int next_pid;
	int next_prio;
	char __data[0];
} relocated;

struct trace_event_raw_sched_process_exec {
	struct trace_entry ent;
	unsigned __data_loc_filename;
	int pid;
	int old_pid;
	char __data[0];
} relocated;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} failures SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} executed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} switches SEC(".maps");

__u64 piece[64];

struct exec_event {
	__u64 now;
	__u32 pid;
	char comm[16];
	char file[20];
};

SEC("tp/raw_syscalls/sys_enter")
int count_call(struct trace_event_raw_sys_enter *ctx)
{
	__u32 id = ctx->id;
	__u64 *seen = bpf_map_lookup_elem(&calls, &id);

	if (seen)
		*seen += ctx->args[2];
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_write")
int count_failure(struct trace_event_raw_sys_exit *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32, one = 1, *seen;

	if (ctx->ret >= 0)
		return 0;
	seen = bpf_map_lookup_elem(&failures, &pid);
	if (seen)
		*seen += 1;
	else
		bpf_map_update_elem(&failures, &pid, &one, BPF_ANY);
	bpf_printk("write of %d: %ld, call %d", pid, ctx->ret, ctx->id);
	return 0;
}

SEC("tp/sched/sched_process_exec")
int on_exec(struct trace_event_raw_sched_process_exec *ctx)
{
	struct exec_event *event = bpf_ringbuf_reserve(&executed, sizeof(*event), 0);

	if (!event)
		return 1;
	__builtin_memset(event, 0, sizeof(*event));
	event->now = bpf_ktime_get_ns();
	event->pid = ctx->pid;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_probe_read_kernel_str(event->file, sizeof(event->file), (void *)ctx + (ctx->__data_loc_filename & 0xffff));
	if (ctx->old_pid == ctx->pid)
		bpf_ringbuf_submit(event, 0);
	else
		bpf_ringbuf_discard(event, 0);
	return 0;
}

/* Asks for more room than there is: 7 records of 520 bytes with their headers. */
SEC("tp/sched/sched_process_fork")
int fill(struct trace_event_raw_sched_process_exec *ctx)
{
	int kept = 0;

	for (int i = 0; i < 10; i++) {
		piece[0] = i;
		kept += bpf_ringbuf_output(&executed, piece, sizeof(piece), 0) == 0;
	}
	return kept;
}

SEC("tp/sched/sched_switch")
int on_switch(struct trace_event_raw_sched_switch *ctx)
{
	__u64 both = (__u64)ctx->prev_pid << 32 | (__u32)ctx->next_pid;

	bpf_perf_event_output(ctx, &switches, BPF_F_CURRENT_CPU, &both, sizeof(both));
	return ctx->prev_state;
}

SEC("tp/faults/behind_a_value")
int behind_a_value(void *ctx)
{
	__u32 id = 3;
	__u64 *seen = bpf_map_lookup_elem(&calls, &id);

	return seen ? (int)seen[1] : 0;
}

SEC("tp/faults/unchecked")
int unchecked(void *ctx)
{
	__u32 id = 600;
	__u64 *seen = bpf_map_lookup_elem(&calls, &id);

	return *seen;
}

SEC("tp/faults/unknown_helper")
int unknown_helper(void *ctx)
{
	return bpf_get_stack(ctx, &ctx, 8, 0);
}

SEC("tp/counts/constant")
int constant(void *ctx)
{
	return 7;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
