// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Packets and bytes by source MAC address; the least recently seen address makes room for a new one. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct mac {
	__u8 address[6];
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct mac);
	__type(value, struct traffic);
} traffic_by_mac SEC(".maps");

SEC("xdp")
int count_traffic(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u64 bytes = data_end - data;
	struct traffic *traffic;
	struct mac source;

	if ((void *)(eth + 1) > data_end)
		return XDP_PASS;
	__builtin_memcpy(&source, eth->h_source, sizeof(source));

	traffic = bpf_map_lookup_elem(&traffic_by_mac, &source);
	if (traffic) {
		__sync_fetch_and_add(&traffic->packets, 1);
		__sync_fetch_and_add(&traffic->bytes, bytes);
	} else {
		struct traffic first = { .packets = 1, .bytes = bytes };

		bpf_map_update_elem(&traffic_by_mac, &source, &first, BPF_ANY);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
