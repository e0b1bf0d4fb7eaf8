// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Reads memory as the packet asks, and writes what came of it into the packet. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define ROOM 128

struct request {
	__u64 address;
	__u32 size;
	__u32 kind;
	__s64 result;
	__u8 bytes[ROOM];
};

SEC("xdp")
int read(struct xdp_md *ctx)
{
	struct request *request = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	const void *address;
	__u8 bytes[ROOM];
	__u32 size;
	long result;

	if ((void *)(request + 1) > end)
		return 1;
	address = (void *)request->address;
	size = request->size;
	if (size > ROOM)
		return 2;
	__builtin_memset(bytes, 0xee, sizeof(bytes));
	switch (request->kind) {
	case 0:
		result = bpf_probe_read_user(bytes, size, address);
		break;
	case 1:
		result = bpf_probe_read_user_str(bytes, size, address);
		break;
	case 2:
		result = bpf_probe_read_kernel(bytes, size, address);
		break;
	default:
		result = bpf_probe_read_kernel_str(bytes, size, address);
	}
	request->result = result;
	__builtin_memcpy(request->bytes, bytes, sizeof(bytes));
	return 0;
}

/* The string of the packet's first byte as a number, and compared. */
SEC("xdp")
int text(struct xdp_md *ctx)
{
	struct {
		char text[16];
		__s64 number;
		__s64 signed_result;
		__u64 unsigned_number;
		__s64 unsigned_result;
		__s64 compared;
		__s64 made_length;
		char made[56];
	} *packet = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	static const char word[] = "12abc";
	static const char form[] = "%d|%5u|%-6x|%s|%llx|%c|%%|%i %08X";
	char string[16], made[56] = {};
	unsigned long large = 0;
	__u64 values[8];
	long number = 0;

	if ((void *)(packet + 1) > end)
		return 1;
	__builtin_memcpy(string, packet->text, sizeof(string));
	string[15] = 0;
	packet->signed_result = bpf_strtol(string, sizeof(string), 0, &number);
	packet->number = number;
	packet->unsigned_result = bpf_strtoul(string, sizeof(string), 10, &large);
	packet->unsigned_number = large;
	packet->compared = bpf_strncmp(string, sizeof(string), word);
	values[0] = number;
	values[1] = large;
	values[2] = number;
	values[3] = (unsigned long)word;
	values[4] = large;
	values[5] = 'a' + (large & 15);
	values[6] = -number;
	values[7] = number * 3;
	packet->made_length = bpf_snprintf(made, sizeof(made), form, values, sizeof(values));
	__builtin_memcpy(packet->made, made, sizeof(made));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
