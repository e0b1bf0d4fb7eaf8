// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Counts the traffic that each process asks for, seen from the entry of the socket system calls:
 * per (process, protocol, IPv4 peer), per protocol, and per process.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2

#define MAX_FLOWS 10240
#define MAX_PIDS 10240
#define MAX_PROTOCOLS 256
#define MAX_ANOMALIES 1024

struct traffic_key {
	__u32 pid;
	__u8 protocol;
	__u16 port; /* host order */
	__u32 ip; /* network order */
};

struct traffic_stats {
	__u64 bytes_sent;
	__u64 bytes_recv;
	__u64 packets_sent;
	__u64 packets_recv;
	__u64 last_update_ns;
};

enum direction {
	SENT,
	RECEIVED,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_FLOWS);
	__type(key, struct traffic_key);
	__type(value, struct traffic_stats);
} traffic_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PROTOCOLS);
	__type(key, __u8);
	__type(value, __u64);
} protocol_totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PIDS);
	__type(key, __u32);
	__type(value, struct traffic_stats);
} pid_stats SEC(".maps");

/* Written by the user space that judges the traffic, never here. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_ANOMALIES);
	__type(key, struct traffic_key);
	__type(value, __u64);
} anomaly_map SEC(".maps");

static __always_inline void add_packet(struct traffic_stats *stats, enum direction direction, __u64 bytes)
{
	if (direction == SENT) {
		stats->bytes_sent += bytes;
		stats->packets_sent += 1;
	} else {
		stats->bytes_recv += bytes;
		stats->packets_recv += 1;
	}
	stats->last_update_ns = bpf_ktime_get_ns();
}

static __always_inline void update_protocol(__u8 protocol, __u64 bytes)
{
	__u64 *total = bpf_map_lookup_elem(&protocol_totals, &protocol);

	if (total) {
		*total += bytes;
		bpf_map_update_elem(&protocol_totals, &protocol, total, BPF_ANY);
	} else {
		bpf_map_update_elem(&protocol_totals, &protocol, &bytes, BPF_ANY);
	}
}

static __always_inline void update_stats(void *map, const void *key, enum direction direction, __u64 bytes)
{
	struct traffic_stats *stats = bpf_map_lookup_elem(map, key);

	if (stats) {
		add_packet(stats, direction, bytes);
		bpf_map_update_elem(map, key, stats, BPF_ANY);
	} else {
		struct traffic_stats first = {};

		add_packet(&first, direction, bytes);
		bpf_map_update_elem(map, key, &first, BPF_ANY);
	}
}

static __always_inline void book(const struct traffic_key *key, enum direction direction, __u64 bytes)
{
	update_protocol(key->protocol, bytes);
	update_stats(&traffic_map, key, direction, bytes);
	update_stats(&pid_stats, &key->pid, direction, bytes);
}

/* The padding is part of what the map compares, so the whole key is cleared and not only its fields. */
static __always_inline void init_key(struct traffic_key *key, __u32 pid, __u8 protocol)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->pid = pid;
	key->protocol = protocol;
}

/* Takes address and port from user memory if they are IPv4 and can be read; else the key stays as it is. */
static __always_inline void read_peer(struct traffic_key *key, const struct sockaddr_in *addr)
{
	struct sockaddr_in peer;
	__u16 family;

	if (bpf_probe_read_user(&family, sizeof(family), &addr->sin_family))
		return;
	if (family != AF_INET)
		return;
	if (bpf_probe_read_user(&peer, sizeof(peer), addr))
		return;
	key->ip = peer.sin_addr.s_addr;
	key->port = bpf_ntohs(peer.sin_port);
}

/* The bytes a message asks for; a header that is missing or tells nothing counts as one byte. */
static __always_inline __u64 message_bytes(const struct msghdr *msg)
{
	__u64 bytes = 0;

	if (msg)
		bytes = BPF_CORE_READ(msg, msg_iter.count);
	return bytes ? bytes : 1;
}

SEC("tracepoint/syscalls/sys_enter_sendto")
int trace_sendto(struct trace_event_raw_sys_enter *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct sockaddr_in *addr = (void *)ctx->args[4];
	__u64 bytes = ctx->args[2];
	struct traffic_key key;

	if (pid == 0 || bytes == 0)
		return 0;

	init_key(&key, pid, IPPROTO_UDP);
	if (addr)
		read_peer(&key, addr);
	book(&key, SENT, bytes);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_recvfrom")
int trace_recvfrom(struct trace_event_raw_sys_enter *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u64 bytes = ctx->args[2];
	struct traffic_key key;

	if (pid == 0)
		return 0;
	if (bytes == 0)
		bytes = 1;

	init_key(&key, pid, IPPROTO_UDP);
	book(&key, RECEIVED, bytes);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_sendmsg")
int trace_sendmsg(struct trace_event_raw_sys_enter *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct msghdr *msg = (void *)ctx->args[1];
	struct traffic_key key;
	struct msghdr header;

	if (pid == 0)
		return 0;

	init_key(&key, pid, IPPROTO_TCP);
	if (msg && bpf_probe_read_user(&header, sizeof(header), msg) == 0 && header.msg_name)
		read_peer(&key, header.msg_name);
	book(&key, SENT, message_bytes(msg));
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_recvmsg")
int trace_recvmsg(struct trace_event_raw_sys_enter *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct msghdr *msg = (void *)ctx->args[1];
	struct traffic_key key;

	if (pid == 0)
		return 0;

	init_key(&key, pid, IPPROTO_TCP);
	book(&key, RECEIVED, message_bytes(msg));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
