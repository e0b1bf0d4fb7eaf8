// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Looks at socket calls in many ways; every map is keyed by something that begins with the pid. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/socket.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2

struct enter {
	__u64 common;
	__s64 id;
	__u64 args[6];
};

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
} __attribute__((preserve_access_index));

struct iov_iter {
	__u64 count;
} __attribute__((preserve_access_index));

struct msghdr {
	void *msg_name;
	int msg_namelen;
	struct iov_iter msg_iter;
} __attribute__((preserve_access_index));

struct user_msghdr {
	void *msg_name;
	int msg_namelen;
	void *msg_iov;
	__u64 msg_iovlen;
};

struct iovec {
	void *base;
	__u64 length;
};

struct key {
	__u32 pid;
	__u16 port;
	__u16 call;
	__u32 ip;
};

struct stats {
	__u64 bytes;
	__u64 calls;
	__s64 first_error;
	__u8 timed;
	char comm[15];
	char text[32];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct key);
	__type(value, struct stats);
} by_peer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u64);
} by_size SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} tasks SEC(".maps");

static __noinline struct stats *stats_of(struct key *key)
{
	struct stats *stats = bpf_map_lookup_elem(&by_peer, key);
	struct stats fresh = {};

	if (stats)
		return stats;
	bpf_get_current_comm(fresh.comm, sizeof(fresh.comm));
	bpf_map_update_elem(&by_peer, key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&by_peer, key);
}

static __noinline int address(struct key *key, const void *pointer)
{
	struct sockaddr_in in = {};
	__u16 family = 0;
	int result = bpf_probe_read_user(&family, sizeof(family), pointer);

	if (result || family != AF_INET)
		return result;
	result = bpf_probe_read_user(&in, sizeof(in), pointer);
	key->port = bpf_ntohs(in.sin_port);
	key->ip = in.sin_addr.s_addr;
	return result;
}

static __always_inline void book(struct key *key, __u64 bytes, int result)
{
	struct stats *stats = stats_of(key);
	__u64 size = (__u64)key->pid | bytes << 32, one = 1, *seen;

	if (!stats)
		return;
	__sync_fetch_and_add(&stats->bytes, bytes);
	stats->calls++;
	if (!stats->first_error)
		stats->first_error = result;
	stats->timed = bpf_ktime_get_ns() != 0;
	seen = bpf_map_lookup_elem(&by_size, &size);
	if (seen)
		*seen += one;
	else
		bpf_map_update_elem(&by_size, &size, &one, BPF_ANY);
}

static __always_inline __u32 pid_of(struct key *key, __u16 call)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 tgid = BPF_CORE_READ(task, tgid), pid = BPF_CORE_READ(task, pid);
	__u64 both = bpf_get_current_pid_tgid();

	key->pid = both >> 32;
	key->call = call;
	if (tgid != key->pid || pid != (__u32)both)
		key->pid = 0;
	bpf_map_update_elem(&tasks, &tgid, &pid, BPF_ANY);
	return key->pid;
}

SEC("tracepoint/syscalls/sys_enter_sendto")
int on_sendto(struct enter *ctx)
{
	struct key key = {};
	__u64 bytes = ctx->args[2];
	struct stats *stats;
	int result = 0;

	if (!pid_of(&key, ctx->id) || bytes == 0)
		return 0;
	if (ctx->args[4])
		result = address(&key, (void *)ctx->args[4]);
	book(&key, bytes, result);
	stats = stats_of(&key);
	if (stats && bytes >= sizeof(stats->text)) {
		bpf_probe_read_user(stats->text, sizeof(stats->text), (void *)ctx->args[1]);
		stats->text[31] = bpf_probe_read_user_str(stats->text, 20, (void *)ctx->args[1]);
	}
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_recvfrom")
int on_recvfrom(struct enter *ctx)
{
	struct key key = {};

	if (pid_of(&key, ctx->id))
		book(&key, ctx->args[2] ? ctx->args[2] : 1, 0);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_sendmsg")
int on_sendmsg(struct enter *ctx)
{
	struct msghdr *kernel = (void *)ctx->args[1];
	struct user_msghdr user = {};
	struct key key = {};
	struct iovec vector;
	__u64 bytes = BPF_CORE_READ(kernel, msg_iter.count), i;
	int result;

	if (!pid_of(&key, ctx->id))
		return 0;
	result = bpf_probe_read_user(&user, sizeof(user), (void *)ctx->args[1]);
	for (i = 0; i < 8 && i < user.msg_iovlen; i++) {
		if (bpf_probe_read_user(&vector, sizeof(vector), user.msg_iov + i * sizeof(vector)))
			break;
		bytes += vector.length;
	}
	if (user.msg_name)
		result |= address(&key, user.msg_name);
	book(&key, bytes ? bytes : 1, result);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
