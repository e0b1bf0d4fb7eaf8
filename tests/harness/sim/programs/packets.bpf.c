// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Packet programs that between them use most of what packet programs can do. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/in.h>
#include <linux/udp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

unsigned long long load_byte(void *skb, unsigned long long off) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long off) asm("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long off) asm("llvm.bpf.load.word");

struct mac_key {
	__u8 mac[6];
};

struct mac_stats {
	__u64 packets;
	__u64 bytes;
	__u32 shortest;
	__u32 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct mac_key);
	__type(value, struct mac_stats);
} by_mac SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} by_protocol SEC(".maps");

int xdp_second(struct xdp_md *ctx);
int xdp_again(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, int (struct xdp_md *));
} steps SEC(".maps") = {
	.values = { [0] = (void *)&xdp_second, [2] = (void *)&xdp_again },
};

__u64 total;
__u32 sizes[4];
const volatile __u32 divisor = 7;
__u32 last = 42;

static __noinline void count(struct ethhdr *eth, __u64 bytes)
{
	struct mac_key key;
	struct mac_stats *stats;

	__builtin_memcpy(key.mac, eth->h_source, 6);
	stats = bpf_map_lookup_elem(&by_mac, &key);
	if (stats) {
		stats->packets++;
		__sync_fetch_and_add(&stats->bytes, bytes);
		if (bytes < stats->shortest)
			stats->shortest = bytes;
	} else {
		struct mac_stats fresh = {.packets = 1, .bytes = bytes, .shortest = bytes};

		bpf_map_update_elem(&by_mac, &key, &fresh, BPF_ANY);
	}
}

SEC("xdp")
int xdp_count(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__u32 protocol = 255;
	__u64 *seen;

	if ((void *)(eth + 1) > end)
		return XDP_ABORTED;
	total += end - data;
	sizes[(__u32)(end - data) % 4]++;
	last = (__u32)(end - data) / divisor + ctx->rx_queue_index;
	count(eth, end - data);
	if (eth->h_proto == bpf_htons(ETH_P_IP) && (void *)(ip + 1) <= end)
		protocol = ip->protocol;
	seen = bpf_map_lookup_elem(&by_protocol, &protocol);
	if (seen)
		(*seen)++;
	return protocol == 255 ? XDP_PASS : XDP_TX;
}

SEC("xdp")
int xdp_rewrite(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__u8 mac[6];
	__u32 sum;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	__builtin_memcpy(mac, eth->h_source, 6);
	__builtin_memcpy(eth->h_source, eth->h_dest, 6);
	__builtin_memcpy(eth->h_dest, mac, 6);
	ip->ttl--;
	ip->saddr = bpf_htonl(bpf_ntohl(ip->saddr) * 3 + 1);
	ip->check = 0;
	sum = bpf_csum_diff(0, 0, (__be32 *)ip, sizeof(*ip), 0);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~sum;
	return XDP_TX;
}

/* The first byte says by how much the head moves, the second the tail; the result is what the helpers say. */
SEC("xdp")
int xdp_adjust(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	signed char *moves = data;
	int head, tail, first, second;

	if ((void *)(moves + 2) > end)
		return -1;
	head = moves[0];
	tail = moves[1] * 8;
	first = bpf_xdp_adjust_head(ctx, head);
	second = bpf_xdp_adjust_tail(ctx, tail);
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + 4 <= end)
		*(__u32 *)data = end - data;
	return first * 1000 + second;
}

SEC("xdp")
int xdp_bytes(struct xdp_md *ctx)
{
	__u8 piece[16] = {};
	int first = bpf_xdp_load_bytes(ctx, 6, piece, sizeof(piece));
	int second;

	piece[0] ^= 0xff;
	second = bpf_xdp_store_bytes(ctx, 20, piece, sizeof(piece));
	return first * 1000 + second + bpf_xdp_get_buff_len(ctx);
}

SEC("xdp")
int xdp_second(struct xdp_md *ctx)
{
	total += 1000;
	bpf_tail_call(ctx, &steps, 3);
	return 22;
}

SEC("xdp")
int xdp_first(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	total++;
	if (data + 1 > end)
		return 1;
	bpf_tail_call(ctx, &steps, *(__u8 *)data);
	return 11;
}

/* Calls itself until the kernel says no. */
SEC("xdp")
int xdp_again(struct xdp_md *ctx)
{
	total++;
	bpf_tail_call(ctx, &steps, 2);
	return 33;
}

struct bpf_map;

struct sum {
	void *ctx;
	__u32 bytes;
	__u64 rounds;
};

static long add_byte(__u32 index, struct sum *sum)
{
	__u8 byte = 0;

	if (bpf_xdp_load_bytes(sum->ctx, index, &byte, 1))
		return 1;
	sum->bytes += byte;
	sum->rounds++;
	return 0;
}

static long add_entry(struct bpf_map *map, __u32 *key, __u64 *value, struct sum *sum)
{
	sum->rounds += *key * *value;
	*value += 1;
	return *key == 200;
}

SEC("xdp")
int xdp_loop(struct xdp_md *ctx)
{
	struct sum sum = {.ctx = ctx};
	long rounds = bpf_loop(64, add_byte, &sum, 0);
	long entries = bpf_for_each_map_elem(&by_protocol, add_entry, &sum, 0);

	total = sum.rounds << 32 | sum.bytes;
	return rounds + entries;
}

static __noinline int spread(struct __sk_buff *skb, int a, int b, int c)
{
	return skb->len * a + skb->mark * b + skb->priority * c + bpf_ntohs(skb->protocol);
}

SEC("tc")
int tc_fields(struct __sk_buff *skb)
{
	__u32 words[8], even, odd;
	int i;

	skb->mark = skb->len ^ 0x5a5a;
	skb->priority = skb->mark >> 3;
	skb->cb[0] = skb->len;
	skb->cb[1] = 77;
	skb->tc_index = skb->pkt_type;
	skb->queue_mapping = 5;
	even = skb->cb[0];
	odd = skb->cb[1];
	for (i = 0; i < 8; i++)
		words[i] = spread(skb, i, i * i, i & 1 ? odd : even);
	bpf_skb_store_bytes(skb, 14, words, sizeof(words), 0);
	return words[7] & 0x7fffffff;
}

SEC("tc")
int tc_checksums(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct udphdr *udp = (void *)(ip + 1);
	__be32 from, to = bpf_htonl(0x0a0b0c0d);
	__be16 port, new_port = bpf_htons(4321);
	int results = 0;

	if ((void *)(udp + 1) > end || ip->protocol != IPPROTO_UDP)
		return -1;
	from = ip->saddr;
	port = udp->dest;
	results |= bpf_l3_csum_replace(skb, 14 + offsetof(struct iphdr, check), from, to, sizeof(to));
	results |= bpf_l4_csum_replace(skb, 34 + offsetof(struct udphdr, check), from, to,
				       BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | sizeof(to));
	results |= bpf_l4_csum_replace(skb, 34 + offsetof(struct udphdr, check), port, new_port,
				       BPF_F_MARK_MANGLED_0 | sizeof(new_port));
	results |= bpf_skb_store_bytes(skb, 14 + offsetof(struct iphdr, saddr), &to, sizeof(to), 0);
	results |= bpf_skb_store_bytes(skb, 34 + offsetof(struct udphdr, dest), &new_port, sizeof(new_port), 0);
	return results;
}

SEC("tc")
int tc_grow(struct __sk_buff *skb)
{
	__u8 pieces[6] = {};
	int first = bpf_skb_load_bytes(skb, 30, pieces, sizeof(pieces));
	int second = bpf_skb_change_tail(skb, skb->len + pieces[0] - 40, 0);
	int third = bpf_skb_load_bytes(skb, 1000, pieces, sizeof(pieces));

	return first * 10000 + second * 100 + third + skb->len * 100000;
}

SEC("socket")
int socket_loads(struct __sk_buff *skb)
{
	__u64 where = load_byte(skb, 0) & 0x1f;

	return (load_word(skb, 4) + load_half(skb, where)) ^ load_byte(skb, where + 3) ^ skb->len;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
