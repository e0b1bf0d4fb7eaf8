// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The network monitor once more, for the same maps with the same contents, written for cost alone.
 *
 * - A value that was looked up is changed in place and not stored again, with atomic adds: one instruction where
 *   load, add and store take three, and exact when several CPUs meet on one entry.
 * - The socket address is read once, straight to where the key wants its port and its address. A read that fails
 *   leaves zeros, which is no AF_INET, so there is no return code to look at.
 * - One key in memory serves all three maps, and one clock reading both entries.
 * - Everything that is not needed at the same time shares its stack bytes.
 * - What happens once in the life of an entry is moved out of the way of what happens with each event.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2

#define likely(x) __builtin_expect(!!(x), 1)

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

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct traffic_key);
	__type(value, struct traffic_stats);
} traffic_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u8);
	__type(value, __u64);
} protocol_totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct traffic_stats);
} pid_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct traffic_key);
	__type(value, __u64);
} anomaly_map SEC(".maps");

enum direction {
	SENT,
	RECEIVED,
};

/*
 * The stack of a handler. The key starts at 4, so that all of it but the pid is one aligned word, and a sockaddr_in
 * that is read to 8 puts its port and its address where the key has them, with the family on protocol and padding.
 * Storing the protocol into that word, or into the family, clears the padding on a little-endian machine.
 */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the layout of union frame is for little-endian machines"
#endif

union frame {
	struct {
		__u32 unused;
		struct traffic_key key;
	};
	struct {
		__u64 unused_and_pid;
		__u64 protocol_port_ip;
		struct traffic_stats first;
	};
	struct {
		__u64 also_unused_and_pid;
		__u16 family;
		__be16 port;
		__be32 ip;
		__u8 rest_of_sockaddr[8];
	};
};

static __always_inline void add(void *map, union frame *f, enum direction direction, __u64 bytes, __u64 now)
{
	struct traffic_stats *stats = bpf_map_lookup_elem(map, &f->key);

	if (likely(stats)) {
		__sync_fetch_and_add(direction == SENT ? &stats->bytes_sent : &stats->bytes_recv, bytes);
		__sync_fetch_and_add(direction == SENT ? &stats->packets_sent : &stats->packets_recv, 1);
		stats->last_update_ns = now;
		return;
	}
	f->first.bytes_sent = direction == SENT ? bytes : 0;
	f->first.bytes_recv = direction == SENT ? 0 : bytes;
	f->first.packets_sent = direction == SENT;
	f->first.packets_recv = direction == RECEIVED;
	f->first.last_update_ns = now;
	bpf_map_update_elem(map, &f->key, &f->first, BPF_ANY);
}

static __always_inline void book(union frame *f, enum direction direction, __u64 bytes)
{
	__u64 *total = bpf_map_lookup_elem(&protocol_totals, &f->key.protocol);
	__u64 now;

	if (likely(total)) {
		__sync_fetch_and_add(total, bytes);
	} else {
		f->first.bytes_sent = bytes;
		bpf_map_update_elem(&protocol_totals, &f->key.protocol, &f->first.bytes_sent, BPF_ANY);
	}
	now = bpf_ktime_get_ns();
	add(&traffic_map, f, direction, bytes, now);
	add(&pid_stats, f, direction, bytes, now);
}

/* Completes the key. What cannot be read reads as zero. */
static __always_inline void set_peer(union frame *f, const void *addr, __u8 protocol)
{
	if (addr) {
		bpf_probe_read_user(&f->family, sizeof(struct sockaddr_in), addr);
		if (likely(f->family == AF_INET)) {
			f->key.port = bpf_ntohs(f->port);
			f->family = protocol;
			return;
		}
	}
	f->protocol_port_ip = protocol;
}

/*
 * A missing header is an address that cannot be read, and so reads as 0 like every other. The barriers keep clang
 * from turning "if (!bytes)" into a choice between two registers, which costs one instruction more.
 */
static __always_inline __u64 message_bytes(union frame *f, const struct msghdr *msg)
{
	__u64 bytes;

	bpf_core_read(&f->protocol_port_ip, sizeof(bytes), &msg->msg_iter.count);
	bytes = f->protocol_port_ip;
	if (!bytes) {
		bytes = 1;
		barrier_var(bytes);
	}
	return bytes;
}

SEC("tracepoint/syscalls/sys_enter_sendto")
int trace_sendto(struct trace_event_raw_sys_enter *ctx)
{
	const void *addr = (void *)ctx->args[4];
	__u64 bytes = ctx->args[2];
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	union frame f;

	if (!pid || !bytes)
		return 0;
	f.key.pid = pid;
	set_peer(&f, addr, IPPROTO_UDP);
	book(&f, SENT, bytes);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_recvfrom")
int trace_recvfrom(struct trace_event_raw_sys_enter *ctx)
{
	__u64 bytes = ctx->args[2];
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	union frame f;

	if (!pid)
		return 0;
	if (!bytes) {
		bytes = 1;
		barrier_var(bytes);
	}
	f.key.pid = pid;
	f.protocol_port_ip = IPPROTO_UDP;
	book(&f, RECEIVED, bytes);
	return 0;
}

/* The header lies over all but the pid: it is done with as soon as its msg_name is known. */
union message_frame {
	union frame frame;
	struct {
		__u64 unused_and_pid;
		void *msg_name;
		__u8 rest_of_msghdr[sizeof(struct msghdr) - sizeof(void *)];
	};
};

SEC("tracepoint/syscalls/sys_enter_sendmsg")
int trace_sendmsg(struct trace_event_raw_sys_enter *ctx)
{
	struct msghdr *msg = (void *)ctx->args[1];
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	const void *name = 0;
	union message_frame f;
	__u64 bytes;

	if (!pid)
		return 0;
	f.frame.key.pid = pid;
	bytes = message_bytes(&f.frame, msg);
	if (msg) {
		/* All of it, as in the plain program: a header of which a part is missing has no address in either. */
		bpf_probe_read_user(&f.msg_name, sizeof(struct msghdr), msg);
		name = f.msg_name;
	}
	set_peer(&f.frame, name, IPPROTO_TCP);
	book(&f.frame, SENT, bytes);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_recvmsg")
int trace_recvmsg(struct trace_event_raw_sys_enter *ctx)
{
	struct msghdr *msg = (void *)ctx->args[1];
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	union frame f;
	__u64 bytes;

	if (!pid)
		return 0;
	f.key.pid = pid;
	bytes = message_bytes(&f, msg);
	f.protocol_port_ip = IPPROTO_TCP;
	book(&f, RECEIVED, bytes);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
