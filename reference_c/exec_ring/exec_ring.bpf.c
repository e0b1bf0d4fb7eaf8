// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* An event through a ring buffer for each program that is executed. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define TASK_COMM_LEN 16
#define MAX_FILENAME 128

struct exec_event {
	__u64 time_ns;
	__u32 pid;
	__u32 tgid;
	char comm[TASK_COMM_LEN];
	char filename[MAX_FILENAME];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

/* A ring buffer has no type of its records: this keeps theirs in the object's BTF. */
const struct exec_event *record_type __attribute__((unused));

SEC("tracepoint/sched/sched_process_exec")
int trace_exec(struct trace_event_raw_sched_process_exec *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct exec_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	unsigned int offset = ctx->__data_loc_filename & 0xffff;

	if (!event)
		return 0;
	event->time_ns = bpf_ktime_get_ns();
	event->pid = (__u32)pid_tgid;
	event->tgid = pid_tgid >> 32;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	/* The record is not cleared by the kernel, and a string read leaves what comes after the string. */
	__builtin_memset(event->filename, 0, sizeof(event->filename));
	bpf_probe_read_kernel_str(event->filename, sizeof(event->filename), (void *)ctx + offset);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
