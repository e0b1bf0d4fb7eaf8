// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Asks the running kernel which helpers one kind of program may call:
 *
 *     probe_helpers LAST_HELPER PROGRAM_TYPE ATTACH_TYPE SLEEPABLE ATTACH_BTF_ID
 *
 * prints a line of LAST_HELPER characters, for helper 1 and up: 1 it may, 0 it may not. A line with a single "?" says
 * that the kernel refuses such programs for another reason. It has no libc, so that it runs in an empty initramfs.
 */
#include <asm/unistd.h>
#include <linux/bpf.h>

static char log[1 << 16];
static char line[4096];

static long call(long number, long a, long b, long c)
{
	long result;

	asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

static int number(const char *text)
{
	int value = 0;

	while (*text)
		value = value * 10 + *text++ - '0';
	return value;
}

static int logged(const char *phrase)
{
	for (const char *at = log; *at; at++) {
		int i = 0;

		while (phrase[i] && at[i] == phrase[i])
			i++;
		if (!phrase[i])
			return 1;
	}
	return 0;
}

/* The kernel has no such helper for this program type; the words changed with 6.11. */
static int refused(void)
{
	return logged("unknown func") || logged("invalid func") || logged("cannot use helper");
}

/* 1: the kernel knows the helper for such a program, 0: it does not. */
static int try(int helper, int program_type, int attach_type, int sleepable, int attach_btf_id)
{
	struct bpf_insn code[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = helper },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = program_type,
		.insns = (unsigned long)code,
		.insn_cnt = sizeof(code) / sizeof(*code),
		.license = (unsigned long)"GPL",
		.log_buf = (unsigned long)log,
		.log_size = sizeof(log),
		.log_level = 1,
		.prog_flags = sleepable ? BPF_F_SLEEPABLE : 0,
		.expected_attach_type = attach_type,
		.attach_btf_id = attach_btf_id,
	};
	long program;

	log[0] = 0;
	program = call(__NR_bpf, BPF_PROG_LOAD, (long)&attr, sizeof(attr));
	if (program >= 0) {
		call(__NR_close, program, 0, 0);
		return 1;
	}
	return log[0] && !refused();
}

void run(long *stack)
{
	char **arguments = (char **)(stack + 1);
	int last = number(arguments[1]), setup[4];
	long length = 0;

	for (int i = 0; i < 4; i++)
		setup[i] = number(arguments[2 + i]);
	/* Helper 0 does not exist: a kernel that gets as far as looking for it says so. */
	try(BPF_FUNC_unspec, setup[0], setup[1], setup[2], setup[3]);
	if (refused())
		for (int helper = 1; helper <= last; helper++)
			line[length++] = '0' + try(helper, setup[0], setup[1], setup[2], setup[3]);
	else
		line[length++] = '?';
	line[length++] = '\n';
	call(__NR_write, 1, (long)line, length);
	call(__NR_exit, 0, 0, 0);
}

asm(".globl _start\n_start: mov %rsp, %rdi\nand $-16, %rsp\ncall run\n");
