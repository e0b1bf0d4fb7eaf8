// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What hangs on the current task: who it is, and the socket behind the descriptor that it writes to. */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define relocated __attribute__((preserve_access_index))

struct sock_common {
	unsigned short skc_family;
	__u32 skc_daddr;
	__u16 skc_dport;
} relocated;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	__u16 sk_type;
} relocated;

struct socket {
	struct sock *sk;
} relocated;

struct file {
	void *private_data;
} relocated;

struct fdtable {
	struct file **fd;
} relocated;

struct files_struct {
	struct fdtable *fdt;
} relocated;

struct task_struct {
	int pid, tgid;
	char comm[16];
	struct task_struct *group_leader;
	struct files_struct *files;
} relocated;

struct enter {
	__u64 common;
	__s64 id;
	__u64 args[6];
};

struct seen {
	__u32 pid, tgid, leader;
	__u32 address;
	__u16 family, protocol, type, port;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct seen);
} sockets SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_write")
int on_write(struct enter *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 fd = ctx->args[0], tgid = bpf_get_current_pid_tgid() >> 32;
	struct seen *seen = bpf_map_lookup_elem(&sockets, &tgid);
	struct file **files, *file = 0;
	struct socket *socket;
	struct sock *sk;

	/* Only the process whose entry user space has made. */
	if (!seen)
		return 0;
	seen->pid = BPF_CORE_READ(task, pid);
	seen->tgid = BPF_CORE_READ(task, tgid);
	/* Loads through pointers whose types the verifier knows, which may be null. */
	seen->leader = bpf_get_current_task_btf()->group_leader->pid;
	BPF_CORE_READ_STR_INTO(&seen->comm, task, comm);
	files = bpf_get_current_task_btf()->files->fdt->fd;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	seen->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	seen->protocol = BPF_CORE_READ(sk, sk_protocol);
	seen->type = BPF_CORE_READ(sk, sk_type);
	seen->port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	seen->address = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
