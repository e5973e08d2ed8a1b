/* SPDX-License-Identifier: GPL-2.0-only */
#include "syscall_names.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <seccomp.h>

#include "bpf_shared.h"

#if defined(__x86_64__)
enum {
	ARCH_NATIVE = SCMP_ARCH_X86_64,
	ARCH_COMPAT = SCMP_ARCH_X86,
	ARCH_X32 = SCMP_ARCH_X32
};
#elif defined(__aarch64__)
enum { ARCH_NATIVE = SCMP_ARCH_AARCH64, ARCH_COMPAT = SCMP_ARCH_ARM, ARCH_X32 = 0 };
#else
#error "which tables of system calls does this architecture's kernel serve?"
#endif

static const struct table {
	uint32_t first, end;
	uint32_t arch; /* 0: this architecture has no such table */
	int offset;    /* of the numbers, as libseccomp gives them */
	const char *prefix;
} tables[] = {
	{ SYSCALL_NATIVE, SYSCALL_COMPAT, ARCH_NATIVE, 0, "" },
	{ SYSCALL_COMPAT, SYSCALL_X32, ARCH_COMPAT, 0, "compat_" },
	{ SYSCALL_X32, SYSCALL_UNKNOWN, ARCH_X32, 0x40000000, "x32_" },
};

enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

static struct {
	const char *name;
	uint32_t canonical;
	bool is_known;
} calls[SYSCALL_IDS];

static const char unknown[] = "unknown";

static char *unnamed(const struct table *t, uint32_t nr)
{
	char name[32];

	snprintf(name, sizeof(name), "%snr_%u", t->prefix, nr);
	return strdup(name);
}

static uint32_t find_before(uint32_t end, const char *name)
{
	for (uint32_t id = 0; id < end; id++)
		if (strcmp(calls[id].name, name) == 0)
			return id;
	return end;
}

static void fill(void)
{
	for (const struct table *t = tables; t < tables + TABLES; t++) {
		for (uint32_t id = t->first; id < t->end; id++) {
			int nr = (int)(id - t->first) + t->offset;
			char *name =
				t->arch ? seccomp_syscall_resolve_num_arch(t->arch, nr) :
					  NULL;

			calls[id].is_known = name;
			if (!name)
				name = unnamed(t, id - t->first);
			calls[id].name = name ? name : unknown;
			calls[id].canonical = find_before(id, calls[id].name);
		}
	}
	calls[SYSCALL_UNKNOWN].name = unknown;
	calls[SYSCALL_UNKNOWN].canonical = SYSCALL_UNKNOWN;
}

/* The table is for all of the process, until it ends. */
__attribute__((destructor)) static void empty(void)
{
	for (uint32_t id = 0; id < SYSCALL_IDS; id++)
		if (calls[id].name != unknown)
			free((void *)calls[id].name);
}

static void fill_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, fill);
}

const char *syscall_name(uint32_t id)
{
	fill_once();
	return calls[id < SYSCALL_IDS ? id : SYSCALL_UNKNOWN].name;
}

bool syscall_is_known(uint32_t id)
{
	fill_once();
	return id < SYSCALL_IDS && calls[id].is_known;
}

uint32_t syscall_canonical(uint32_t id)
{
	fill_once();
	return id < SYSCALL_IDS ? calls[id].canonical : id;
}

bool syscall_each_id(const char *name, void (*fn)(uint32_t id, void *arg), void *arg)
{
	bool found = false;

	fill_once();
	for (uint32_t id = 0; id < SYSCALL_IDS; id++) {
		if (strcmp(calls[id].name, name) != 0)
			continue;
		fn(id, arg);
		found = true;
	}
	return found;
}

static void note_sigreturn(uint32_t id, void *arg)
{
	uint32_t *ids = arg;

	if (id < SYSCALL_COMPAT)
		ids[0] = id;
	else if (id < SYSCALL_X32)
		ids[1] = id;
}

void syscall_sigreturn_ids(uint32_t ret[2])
{
	ret[0] = ret[1] = SYSCALL_UNKNOWN;
	syscall_each_id("rt_sigreturn", note_sigreturn, ret);
}
