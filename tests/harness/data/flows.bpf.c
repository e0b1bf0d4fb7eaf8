// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Maps of the kinds that comparison tests need; the program only makes it a complete object. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) value *name

struct flow {
	u32 pid;
	u8 protocol;
	u16 port;
	u32 ip;
};

struct stats {
	u64 bytes;
	u64 packets;
	u64 last_ns;
};

struct executed {
	u32 pid;
	char comm[16];
	char file[24];
};

/* The records of a stream, whose type no map has. */
const struct executed *record_type __attribute__((unused));

struct {
	__uint(type, 1);
	__uint(max_entries, 4);
	__type(key, struct flow);
	__type(value, struct stats);
} flows SEC(".maps");

struct {
	__uint(type, 1);
	__uint(max_entries, 256);
	__type(key, u8);
	__type(value, u64);
} totals SEC(".maps");

struct {
	__uint(type, 6);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct stats);
} per_cpu SEC(".maps");

struct {
	__uint(type, 2);
	__uint(max_entries, 8);
	__type(key, u32);
	__type(value, u64);
} slots SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_sendto")
int on_sendto(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
