// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Asks with all kinds of CO-RE relocations, and writes the answers into the packet. */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define relocated __attribute__((preserve_access_index))

struct task_struct {
	char nothing_of_the_kind[3];
	int tgid;
	unsigned in_execve : 1;
	unsigned sched_reset_on_fork : 1;
	char comm[16];
	struct task_struct *real_parent;
	unsigned long long start_time;
	long no_such_field;
} relocated;

struct task_struct___other {
	unsigned long start_time;
	int exit_code;
} relocated;

struct sk_buff {
	unsigned char pkt_type : 3, ip_summed : 2;
	unsigned int len;
	union {
		unsigned int mark;
	};
	unsigned char cb[48];
} relocated;

struct iphdr {
	unsigned char ihl : 4, version : 4;
	unsigned short tot_len;
} relocated;

struct no_such_struct {
	int field;
} relocated;

struct pid_namespace;

enum bpf_map_type___mine {
	BPF_MAP_TYPE_HASH___mine = 77,
	BPF_MAP_TYPE_RINGBUF___mine = 78,
	NO_SUCH_TYPE___mine = 79,
};

#define ANSWERS 40

SEC("xdp")
int ask(struct xdp_md *ctx)
{
	unsigned long long *answer = (void *)(long)ctx->data;
	struct task_struct *task = 0;
	struct task_struct___other *other = 0;
	struct sk_buff *skb = 0;
	struct iphdr *ip = 0;
	struct no_such_struct *none = 0;
	int i = 0;

	if ((void *)(answer + ANSWERS) > (void *)(long)ctx->data_end)
		return 1;
	answer[i++] = bpf_core_field_offset(task->tgid);
	answer[i++] = bpf_core_field_size(task->tgid);
	answer[i++] = bpf_core_field_exists(task->tgid);
	answer[i++] = bpf_core_field_exists(task->no_such_field);
	answer[i++] = bpf_core_field_offset(task->comm);
	answer[i++] = bpf_core_field_offset(task->comm[3]);
	answer[i++] = bpf_core_field_size(task->comm);
	answer[i++] = bpf_core_field_offset(task->start_time);
	answer[i++] = bpf_core_field_offset(other->start_time);
	answer[i++] = bpf_core_field_offset(other->exit_code);
	answer[i++] = bpf_core_field_offset(skb->len);
	answer[i++] = bpf_core_field_offset(skb->mark);
	answer[i++] = bpf_core_field_offset(skb->cb[7]);
	answer[i++] = bpf_core_field_exists(none->field);
	answer[i++] = bpf_core_type_exists(struct task_struct);
	answer[i++] = bpf_core_type_exists(struct no_such_struct);
	answer[i++] = bpf_core_type_size(struct sk_buff);
	answer[i++] = bpf_core_type_size(struct no_such_struct);
	answer[i++] = bpf_core_enum_value_exists(enum bpf_map_type___mine, BPF_MAP_TYPE_HASH___mine);
	answer[i++] = bpf_core_enum_value_exists(enum bpf_map_type___mine, NO_SUCH_TYPE___mine);
	answer[i++] = bpf_core_enum_value(enum bpf_map_type___mine, BPF_MAP_TYPE_RINGBUF___mine);
	answer[i++] = __CORE_RELO(task, in_execve, BYTE_OFFSET);
	answer[i++] = __CORE_RELO(task, in_execve, BYTE_SIZE);
	answer[i++] = __CORE_RELO(task, in_execve, LSHIFT_U64);
	answer[i++] = __CORE_RELO(task, in_execve, RSHIFT_U64);
	answer[i++] = __CORE_RELO(task, in_execve, SIGNED);
	answer[i++] = __CORE_RELO(task, tgid, SIGNED);
	answer[i++] = __CORE_RELO(task, tgid, LSHIFT_U64);
	answer[i++] = __CORE_RELO(skb, pkt_type, BYTE_OFFSET);
	answer[i++] = __CORE_RELO(skb, ip_summed, LSHIFT_U64);
	answer[i++] = __CORE_RELO(skb, ip_summed, RSHIFT_U64);
	answer[i++] = __CORE_RELO(ip, version, BYTE_OFFSET);
	answer[i++] = __CORE_RELO(ip, version, LSHIFT_U64);
	answer[i++] = bpf_core_field_offset(ip->tot_len);
	if (bpf_core_field_exists(task->no_such_field))
		answer[i++] = bpf_core_field_offset(task->no_such_field);
	return 0;
}

/* Reaches a field that the target does not have. */
SEC("?xdp")
int stumble(struct xdp_md *ctx)
{
	struct task_struct *task = 0;

	return bpf_core_field_offset(task->no_such_field) + ctx->rx_queue_index;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
