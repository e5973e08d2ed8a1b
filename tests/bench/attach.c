/* SPDX-License-Identifier: GPL-2.0-only */
/*
 *	attach FILE.bpf.o
 *
 * Attaches each program of the file, prints "attached", and goes on until it is killed.
 *
 *	attach --others PID
 *
 * Prints the ids of the links by which programs are at the tracepoints that each system call
 * passes, as far as this kernel tells, without those that process PID holds.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

enum {
	LINK_TYPE_PERF_EVENT = 7, /* BPF_LINK_TYPE_PERF_EVENT, since 5.15 */
	OWN_MAX = 64,
};

static int attach_all(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;

	if (!object || bpf_object__load(object) < 0)
		return -errno;
	bpf_object__for_each_program (program, object) {
		if (!bpf_program__attach(program))
			return -errno;
	}
	return 0;
}

static bool is_syscall_tracepoint(const char *name)
{
	return name && (strcmp(name, "sys_exit") == 0 || strcmp(name, "sys_enter") == 0);
}

/* The tracepoint of a link made by tp_btf, or NULL. */
static const char *typed_tracepoint(const struct bpf_link_info *info)
{
	static const char prefix[] = "btf_trace_";
	static struct btf *vmlinux;
	const struct btf_type *type;
	const char *name;

	if (!vmlinux)
		vmlinux = btf__load_vmlinux_btf();
	type = vmlinux ? btf__type_by_id(vmlinux, info->tracing.target_btf_id) : NULL;
	name = type ? btf__name_by_offset(vmlinux, type->name_off) : NULL;
	if (!name || strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	return name + sizeof(prefix) - 1;
}

/* A classic tracepoint's link does not say which one it is to the oldest headers: taken as ours. */
static bool is_at_syscalls(int link)
{
	char name[64] = "";
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);

	info.raw_tracepoint.tp_name = (__u64)(unsigned long)name;
	info.raw_tracepoint.tp_name_len = sizeof(name);
	if (bpf_obj_get_info_by_fd(link, &info, &size) < 0) {
		/* the buffer is in the way of a type that has another use for its place */
		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		if (bpf_obj_get_info_by_fd(link, &info, &size) < 0)
			return false;
	}
	switch ((int)info.type) {
	case BPF_LINK_TYPE_RAW_TRACEPOINT:
		return is_syscall_tracepoint(name);
	case BPF_LINK_TYPE_TRACING:
		return is_syscall_tracepoint(typed_tracepoint(&info));
	default:
		return info.type == LINK_TYPE_PERF_EVENT;
	}
}

/* The id of the link behind an open descriptor, 0 when it is none. */
static __u32 link_id(const char *pid, const char *fd)
{
	char path[512], line[128];
	FILE *f;
	__u32 id = 0;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	f = fopen(path, "re");
	while (f && !id && fgets(line, sizeof(line), f))
		if (strncmp(line, "link_id:", 8) == 0)
			id = (__u32)strtoul(line + 8, NULL, 10);
	if (f)
		fclose(f);
	return id;
}

/* The links that a process holds. Returns how many. */
static int own_links(const char *pid, __u32 own[OWN_MAX])
{
	char path[64];
	struct dirent *entry;
	int count = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo", pid);
	d = opendir(path);
	while (d && (entry = readdir(d)) && count < OWN_MAX) {
		__u32 id = link_id(pid, entry->d_name);

		if (id)
			own[count++] = id;
	}
	if (d)
		closedir(d);
	return count;
}

static bool is_among(__u32 id, const __u32 *ids, int count)
{
	while (count--)
		if (ids[count] == id)
			return true;
	return false;
}

static int list_others(const char *pid)
{
	__u32 own[OWN_MAX], id = 0;
	int own_count = own_links(pid, own);

	while (bpf_link_get_next_id(id, &id) == 0) {
		int link = is_among(id, own, own_count) ? -1 : bpf_link_get_fd_by_id(id);

		if (link < 0)
			continue; /* or gone meanwhile */
		if (is_at_syscalls(link))
			printf("%u\n", id);
		close(link);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int err;

	if (argc == 3 && strcmp(argv[1], "--others") == 0)
		return list_others(argv[2]);
	if (argc != 2) {
		fprintf(stderr, "usage: attach FILE.bpf.o | --others PID\n");
		return 1;
	}
	err = attach_all(argv[1]);
	if (err) {
		fprintf(stderr, "attach: %s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	puts("attached");
	fflush(stdout);
	for (;;)
		pause();
}
