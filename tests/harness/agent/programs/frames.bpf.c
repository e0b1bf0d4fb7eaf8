// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Does with a frame what its first byte of data says: 1 drops, 2 passes, 3 sends back; a frame that passes is marked. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int obey(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data;

	if (data + 19 > (unsigned char *)(long)ctx->data_end)
		return XDP_DROP;
	if (data[18] == XDP_PASS)
		data[0] = 0xaa;
	return data[18];
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
