/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preloaded into the daemon, plays a kernel that does not grant everything: bpf(2) fails
 * with EPERM where it would load a program or make a map whose name begins with one of
 *
 *	EBPF_REFUSE=PREFIX[,PREFIX...]
 *
 * Names are as the kernel gets them from libbpf: 15 bytes at most, so "task_newtask__b";
 * and the constants of an object are a map, "groups.rodata". The prefix "listns" refuses
 * that system call, "ring-buffer" maps of that type, which came with Linux 5.8 (EINVAL before).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARGUMENTS = 6, LISTNS = 470 /* the same on all 64-bit architectures */ };

static bool is_refused(const char *name)
{
	const char *prefix = getenv("EBPF_REFUSE");

	while (prefix && *prefix) {
		size_t bytes = strcspn(prefix, ",");

		if (bytes && strncmp(name, prefix, bytes) == 0)
			return true;
		prefix += bytes + (prefix[bytes] == ',');
	}
	return false;
}

static bool is_bpf_refused(long command, const union bpf_attr *attr)
{
	if (command == BPF_PROG_LOAD)
		return is_refused(attr->prog_name);
	if (command == BPF_MAP_CREATE)
		return is_refused(attr->map_name) ||
		       (attr->map_type == BPF_MAP_TYPE_RINGBUF &&
			is_refused("ring-buffer"));
	return false;
}

long syscall(long number, ...)
{
	long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long a[ARGUMENTS];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < ARGUMENTS; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if ((number == SYS_bpf && is_bpf_refused(a[0], (const union bpf_attr *)a[1])) ||
	    (number == LISTNS && is_refused("listns"))) {
		errno = EPERM;
		return -1;
	}
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
