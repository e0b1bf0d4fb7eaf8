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
 * - An entry begins as zeros and is then changed like one that was there. No value is put together for that, and one
 *   function makes the entries of all maps.
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
 * The key of an event on the stack. It starts at 4, so that all of it but the pid is one aligned word. Storing the
 * protocol into that word, or into its first 16 bits, clears the padding on a little-endian machine.
 */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the layout of union key_frame is for little-endian machines"
#endif

union key_frame {
	struct {
		__u32 unused;
		struct traffic_key key;
	};
	struct {
		__u64 unused_and_pid;
		__u64 protocol_port_ip;
	};
};

/*
 * Makes an entry of zeros, unless another CPU just did, and finds it: all fields of an event are added or stored, so
 * that what is done to an entry that was there is right for a new one, too.
 */
static __noinline void *new_entry(void *map, const void *key)
{
	static const struct traffic_stats zeros;

	bpf_map_update_elem(map, key, &zeros, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

static __always_inline void add(void *map, const void *key, enum direction direction, __u64 bytes, __u64 now)
{
	struct traffic_stats *stats = bpf_map_lookup_elem(map, key);

	if (!stats)
		stats = new_entry(map, key);
	if (stats) {
		__sync_fetch_and_add(direction == SENT ? &stats->bytes_sent : &stats->bytes_recv, bytes);
		__sync_fetch_and_add(direction == SENT ? &stats->packets_sent : &stats->packets_recv, 1);
		stats->last_update_ns = now;
	}
}

static __always_inline void book(const struct traffic_key *key, enum direction direction, __u64 bytes)
{
	__u64 *total = bpf_map_lookup_elem(&protocol_totals, &key->protocol);
	__u64 now;

	if (!total)
		total = new_entry(&protocol_totals, &key->protocol);
	if (total)
		__sync_fetch_and_add(total, bytes);
	now = bpf_ktime_get_ns();
	add(&traffic_map, key, direction, bytes, now);
	add(&pid_stats, &key->pid, direction, bytes, now);
}

/* A sockaddr_in that is read to 8 puts its port and its address where the key has them, its family on the protocol. */
union peer_frame {
	union key_frame at;
	struct {
		__u64 unused_and_pid;
		__u16 family;
		__be16 port;
		__be32 ip;
		__u8 rest_of_sockaddr[8];
	};
};

/* Completes the key. What cannot be read reads as zero. */
static __always_inline void set_peer(union peer_frame *f, const void *addr, __u8 protocol)
{
	if (addr) {
		bpf_probe_read_user(&f->family, sizeof(struct sockaddr_in), addr);
		if (likely(f->family == AF_INET)) {
			f->at.key.port = bpf_ntohs(f->port);
			f->family = protocol;
			return;
		}
	}
	f->at.protocol_port_ip = protocol;
}

/*
 * A missing header is an address that cannot be read, and so reads as 0 like every other. The barriers keep clang
 * from turning "if (!bytes)" into a choice between two registers, which costs one instruction more.
 */
static __always_inline __u64 message_bytes(union key_frame *f, const struct msghdr *msg)
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
	union peer_frame f;

	if (!pid || !bytes)
		return 0;
	f.at.key.pid = pid;
	set_peer(&f, addr, IPPROTO_UDP);
	book(&f.at.key, SENT, bytes);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_recvfrom")
int trace_recvfrom(struct trace_event_raw_sys_enter *ctx)
{
	__u64 bytes = ctx->args[2];
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	union key_frame f;

	if (!pid)
		return 0;
	if (!bytes) {
		bytes = 1;
		barrier_var(bytes);
	}
	f.key.pid = pid;
	f.protocol_port_ip = IPPROTO_UDP;
	book(&f.key, RECEIVED, bytes);
	return 0;
}

/* The header lies over all but the pid: it is done with as soon as its msg_name is known. */
union message_frame {
	union peer_frame peer;
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
	f.peer.at.key.pid = pid;
	bytes = message_bytes(&f.peer.at, msg);
	if (msg) {
		/* All of it, as in the plain program: a header of which a part is missing has no address in either. */
		bpf_probe_read_user(&f.msg_name, sizeof(struct msghdr), msg);
		name = f.msg_name;
	}
	set_peer(&f.peer, name, IPPROTO_TCP);
	book(&f.peer.at.key, SENT, bytes);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_recvmsg")
int trace_recvmsg(struct trace_event_raw_sys_enter *ctx)
{
	struct msghdr *msg = (void *)ctx->args[1];
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	union key_frame f;
	__u64 bytes;

	if (!pid)
		return 0;
	f.key.pid = pid;
	bytes = message_bytes(&f, msg);
	f.protocol_port_ip = IPPROTO_TCP;
	book(&f.key, RECEIVED, bytes);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
