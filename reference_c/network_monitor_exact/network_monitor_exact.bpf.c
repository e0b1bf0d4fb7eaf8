// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The traffic that processes really cause: bytes from the return values of the socket system calls, the protocol from
 * the socket itself, the peer from the address that was given or, for a connected socket, from the socket.
 * A call that failed is not booked.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

#define MAX_FLOWS 10240
#define MAX_THREADS 10240
#define MAX_PIDS 10240
#define MAX_MESSAGES 64 /* of one sendmmsg or recvmmsg */

struct flow {
	__u32 pid;
	__u16 family;
	__u16 port; /* host order */
	__u8 protocol;
	__be32 address[4]; /* an IPv4 address takes the first */
};

struct traffic {
	__u64 bytes_sent;
	__u64 bytes_recv;
	__u64 packets_sent;
	__u64 packets_recv;
	__u64 last_update_ns;
};

/* What the exit of a call must know of its entry. */
struct call {
	__u64 name; /* the address, or the message headers, in user memory */
	__u32 fd;
};

enum direction {
	SENT,
	RECEIVED,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_THREADS);
	__type(key, __u32);
	__type(value, struct call);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_FLOWS);
	__type(key, struct flow);
	__type(value, struct traffic);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PIDS);
	__type(key, __u32);
	__type(value, struct traffic);
} traffic_by_pid SEC(".maps");

static __always_inline int enter(__u32 fd, __u64 name)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct call call = {};

	call.name = name;
	call.fd = fd;
	bpf_map_update_elem(&calls, &thread, &call, BPF_ANY);
	return 0;
}

static __always_inline void add(void *map, const void *key, enum direction direction, __u64 bytes, __u64 now)
{
	struct traffic *traffic = bpf_map_lookup_elem(map, key);

	if (!traffic) {
		struct traffic first = { .last_update_ns = now };

		if (direction == SENT) {
			first.bytes_sent = bytes;
			first.packets_sent = 1;
		} else {
			first.bytes_recv = bytes;
			first.packets_recv = 1;
		}
		bpf_map_update_elem(map, key, &first, BPF_ANY);
		return;
	}
	if (direction == SENT) {
		__sync_fetch_and_add(&traffic->bytes_sent, bytes);
		__sync_fetch_and_add(&traffic->packets_sent, 1);
	} else {
		__sync_fetch_and_add(&traffic->bytes_recv, bytes);
		__sync_fetch_and_add(&traffic->packets_recv, 1);
	}
	traffic->last_update_ns = now;
}

static __always_inline void book(const struct flow *flow, enum direction direction, __u64 bytes)
{
	__u64 now = bpf_ktime_get_ns();

	add(&flows, flow, direction, bytes, now);
	add(&traffic_by_pid, &flow->pid, direction, bytes, now);
}

/* The sock behind a file descriptor of the current task, or NULL. */
static __always_inline struct sock *sock_of(__u32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file **files = BPF_CORE_READ(task, files, fdt, fd);
	struct socket *socket;
	struct file *file;

	if (bpf_probe_read_kernel(&file, sizeof(file), files + fd))
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

static __always_inline void peer_from_socket(struct flow *flow, struct sock *sk)
{
	if (flow->family == AF_INET) {
		__be32 address = BPF_CORE_READ(sk, __sk_common.skc_daddr);

		__builtin_memcpy(flow->address, &address, sizeof(address));
	} else if (flow->family == AF_INET6) {
		struct in6_addr address = BPF_CORE_READ(sk, __sk_common.skc_v6_daddr);

		__builtin_memcpy(flow->address, &address, sizeof(address));
	} else {
		return;
	}
	flow->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

/* Takes the peer from an address in user memory; whether there was one that could be used. */
static __always_inline bool peer_from_user(struct flow *flow, const void *name)
{
	struct sockaddr_in6 address6;
	struct sockaddr_in address;

	if (flow->family == AF_INET) {
		if (bpf_probe_read_user(&address, sizeof(address), name) || address.sin_family != AF_INET)
			return false;
		__builtin_memcpy(flow->address, &address.sin_addr, sizeof(address.sin_addr));
		flow->port = bpf_ntohs(address.sin_port);
		return true;
	}
	if (flow->family == AF_INET6) {
		if (bpf_probe_read_user(&address6, sizeof(address6), name) || address6.sin6_family != AF_INET6)
			return false;
		__builtin_memcpy(flow->address, &address6.sin6_addr, sizeof(address6.sin6_addr));
		flow->port = bpf_ntohs(address6.sin6_port);
		return true;
	}
	return false;
}

/* Everything of the key but the peer. */
static __always_inline void init_flow(struct flow *flow, struct sock *sk)
{
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->pid = bpf_get_current_pid_tgid() >> 32;
	flow->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	flow->protocol = BPF_CORE_READ(sk, sk_protocol);
}

static __always_inline int leave_single(struct trace_event_raw_sys_exit *ctx, enum direction direction, bool message)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct call *stored = bpf_map_lookup_elem(&calls, &thread);
	struct user_msghdr header;
	const void *name;
	struct flow flow;
	struct sock *sk;
	__u32 fd;

	if (!stored)
		return 0;
	fd = stored->fd;
	name = (void *)stored->name;
	bpf_map_delete_elem(&calls, &thread);
	if (ctx->ret < 0)
		return 0;
	if (message)
		name = bpf_probe_read_user(&header, sizeof(header), name) ? 0 : header.msg_name;

	sk = sock_of(fd);
	init_flow(&flow, sk);
	if (!peer_from_user(&flow, name))
		peer_from_socket(&flow, sk);
	book(&flow, direction, ctx->ret);
	return 0;
}

static __always_inline int leave_many(struct trace_event_raw_sys_exit *ctx, enum direction direction)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct call *stored = bpf_map_lookup_elem(&calls, &thread);
	struct mmsghdr *messages, message;
	struct flow flow;
	struct sock *sk;
	__u32 fd;

	if (!stored)
		return 0;
	fd = stored->fd;
	messages = (void *)stored->name;
	bpf_map_delete_elem(&calls, &thread);

	sk = sock_of(fd);
	for (int i = 0; i < MAX_MESSAGES; i++) {
		if (i >= ctx->ret)
			break;
		if (bpf_probe_read_user(&message, sizeof(message), messages + i))
			break;
		init_flow(&flow, sk);
		if (!peer_from_user(&flow, message.msg_hdr.msg_name))
			peer_from_socket(&flow, sk);
		book(&flow, direction, message.msg_len);
	}
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_sendto")
int enter_sendto(struct trace_event_raw_sys_enter *ctx)
{
	return enter(ctx->args[0], ctx->args[4]);
}

SEC("tracepoint/syscalls/sys_exit_sendto")
int exit_sendto(struct trace_event_raw_sys_exit *ctx)
{
	return leave_single(ctx, SENT, false);
}

SEC("tracepoint/syscalls/sys_enter_recvfrom")
int enter_recvfrom(struct trace_event_raw_sys_enter *ctx)
{
	return enter(ctx->args[0], ctx->args[4]);
}

SEC("tracepoint/syscalls/sys_exit_recvfrom")
int exit_recvfrom(struct trace_event_raw_sys_exit *ctx)
{
	return leave_single(ctx, RECEIVED, false);
}

SEC("tracepoint/syscalls/sys_enter_sendmsg")
int enter_sendmsg(struct trace_event_raw_sys_enter *ctx)
{
	return enter(ctx->args[0], ctx->args[1]);
}

SEC("tracepoint/syscalls/sys_exit_sendmsg")
int exit_sendmsg(struct trace_event_raw_sys_exit *ctx)
{
	return leave_single(ctx, SENT, true);
}

SEC("tracepoint/syscalls/sys_enter_recvmsg")
int enter_recvmsg(struct trace_event_raw_sys_enter *ctx)
{
	return enter(ctx->args[0], ctx->args[1]);
}

SEC("tracepoint/syscalls/sys_exit_recvmsg")
int exit_recvmsg(struct trace_event_raw_sys_exit *ctx)
{
	return leave_single(ctx, RECEIVED, true);
}

SEC("tracepoint/syscalls/sys_enter_sendmmsg")
int enter_sendmmsg(struct trace_event_raw_sys_enter *ctx)
{
	return enter(ctx->args[0], ctx->args[1]);
}

SEC("tracepoint/syscalls/sys_exit_sendmmsg")
int exit_sendmmsg(struct trace_event_raw_sys_exit *ctx)
{
	return leave_many(ctx, SENT);
}

SEC("tracepoint/syscalls/sys_enter_recvmmsg")
int enter_recvmmsg(struct trace_event_raw_sys_enter *ctx)
{
	return enter(ctx->args[0], ctx->args[1]);
}

SEC("tracepoint/syscalls/sys_exit_recvmmsg")
int exit_recvmmsg(struct trace_event_raw_sys_exit *ctx)
{
	return leave_many(ctx, RECEIVED);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
