// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A small firewall at the driver: UDP over IPv4 to port 3000 is dropped, to port 3001 it is sent on to port 3000 with a
 * checksum that is right again, and all else passes.
 *
 * Up to two VLAN tags and IP options are stepped over. A fragment other than the first has no ports: it passes. IPv6
 * and whatever ends before its headers do pass too.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IP 0x0800
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define IP_OFFSET 0x1fff /* the fragment's offset, without the flags */
#define MAX_VLAN_TAGS 2

#define DROPPED_PORT 3000
#define REWRITTEN_PORT 3001

enum verdict {
	PASSED,
	DROPPED,
	REWRITTEN,
	VERDICTS,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VERDICTS);
	__type(key, __u32);
	__type(value, __u64);
} verdicts SEC(".maps");

static __always_inline int count(enum verdict verdict, int action)
{
	__u32 key = verdict;
	__u64 *packets = bpf_map_lookup_elem(&verdicts, &key);

	if (packets)
		__sync_fetch_and_add(packets, 1);
	return action;
}

/* RFC 1624: what the checksum becomes when one 16-bit word of what it covers changes. */
static __always_inline __sum16 checksum_replace(__sum16 checksum, __be16 from, __be16 to)
{
	__u32 sum = (__u16)~checksum + (__u16)~from + to;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

SEC("xdp")
int drop_udp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	void *next = eth + 1;
	struct udphdr *udp;
	struct iphdr *ip;
	__be16 proto;

	if (next > data_end)
		return count(PASSED, XDP_PASS);
	proto = eth->h_proto;
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		struct vlan_hdr *vlan = next;

		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(vlan + 1) > data_end)
			return count(PASSED, XDP_PASS);
		proto = vlan->h_vlan_encapsulated_proto;
		next = vlan + 1;
	}
	if (proto != bpf_htons(ETH_P_IP))
		return count(PASSED, XDP_PASS);

	ip = next;
	if ((void *)(ip + 1) > data_end || ip->ihl < 5 || ip->protocol != IPPROTO_UDP ||
	    (ip->frag_off & bpf_htons(IP_OFFSET)))
		return count(PASSED, XDP_PASS);

	udp = (void *)ip + ip->ihl * 4;
	if ((void *)(udp + 1) > data_end)
		return count(PASSED, XDP_PASS);
	if (udp->dest == bpf_htons(DROPPED_PORT))
		return count(DROPPED, XDP_DROP);
	if (udp->dest != bpf_htons(REWRITTEN_PORT))
		return count(PASSED, XDP_PASS);

	/* A checksum of 0 means that there is none, so one that becomes 0 is written as its other zero. */
	if (udp->check) {
		udp->check = checksum_replace(udp->check, bpf_htons(REWRITTEN_PORT), bpf_htons(DROPPED_PORT));
		if (!udp->check)
			udp->check = 0xffff;
	}
	udp->dest = bpf_htons(DROPPED_PORT);
	return count(REWRITTEN, XDP_PASS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
