/* SPDX-License-Identifier: GPL-2.0-only */
#include "live_namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf_shared.h"
#include "cleanup.h"
#include "initial_namespace.h"
#include "loader.h"
#include "namespace_names.h"
#include "seccomp_filter.h"

#include "live.skel.h"

static const struct object live_object = {
	.name = "live",
	.elf = live_bpf__elf_bytes,
	.doors = { { "iterator",
		     PREEMPTION_OFF,
		     { "task_namespaces", "file_namespaces" } } },
};

struct source {
	struct loaded *iterators; /* NULL: listns(2) */
	struct live_namespace *found;
	size_t count, room;
};

/*
 * include/uapi/linux/nsfs.h and the system call's number, the same on all 64-bit
 * architectures.
 */
enum { LISTNS = 470, LISTNS_BATCH = 512 };

struct listns_request {
	uint32_t size, spare;
	uint64_t after; /* a namespace's id; 0: from the first */
	uint32_t type, spare2;
	uint64_t owner; /* 0: all */
};

static const uint32_t flags[NAMESPACE_UNKNOWN] = {
	[NAMESPACE_CGROUP] = CLONE_NEWCGROUP, [NAMESPACE_IPC] = CLONE_NEWIPC,
	[NAMESPACE_MNT] = CLONE_NEWNS,	      [NAMESPACE_NET] = CLONE_NEWNET,
	[NAMESPACE_PID] = CLONE_NEWPID,	      [NAMESPACE_TIME] = 0x80 /* CLONE_NEWTIME */,
	[NAMESPACE_USER] = CLONE_NEWUSER,     [NAMESPACE_UTS] = CLONE_NEWUTS,
};

/*
 * Who is not privileged over the initial user and PID namespace is told of his own
 * namespaces only, without an error (may_list_ns() in the kernel's fs/nsfs.c or
 * kernel/nstree.c).
 */
static bool may_list_all(void)
{
	struct __user_cap_header_struct header = { .version =
							   _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &header, data) == 0 &&
	       data[0].effective & (1U << CAP_SYS_ADMIN) &&
	       in_initial_namespace(NAMESPACE_PID);
}

/* The number of namespaces of a type, or a negative errno. */
static long listns_count(unsigned type)
{
	struct listns_request request = { .size = sizeof(request), .type = flags[type] };
	uint64_t ids[LISTNS_BATCH];
	long n, sum = 0;

	do {
		n = syscall(LISTNS, &request, ids, (size_t)LISTNS_BATCH, 0);
		if (n < 0)
			return -errno;
		sum += n;
		if (n)
			request.after = ids[n - 1];
	} while (n == LISTNS_BATCH);
	return sum;
}

/* What the iterators and /proc will not show us; NULL: nothing. */
static const char *find_gap(void)
{
	cleanup_close int fd = open("/proc/1/mountinfo", O_RDONLY | O_CLOEXEC);

	if (access("/proc/self/ns/pid", F_OK) < 0)
		return "collectd sees no /proc; let it see the host's";
	if (!in_initial_namespace(NAMESPACE_PID))
		return "collectd is in a PID namespace of its own and sees its tasks alone; run it "
		       "in the host's (of containers, --pid=host)";
	/* the first process is there as long as we are, so it can only be hidden */
	if (fd < 0)
		return "/proc hides other users' processes, with the namespaces that they have "
		       "mounted; mount it without hidepid, or with a gid that collectd has, or "
		       "give it CAP_SYS_PTRACE";
	return NULL;
}

static void *source_start(const struct settings *settings, char *error, size_t size)
{
	struct source *s = calloc(1, sizeof(*s));
	struct load_plan plan = { .btf_path = settings->btf_path };
	struct load_report report = { .error = "there is no memory" };
	const char *gap;

	/* filters that end the daemon for calls that they do not know have not heard of this one */
	if (s && may_list_all() && !seccomp_kills(LISTNS) &&
	    listns_count(NAMESPACE_NET) > 0)
		return s;
	if (s && loader_start(&live_object, &plan, &s->iterators, &report) == 0) {
		gap = find_gap();
		snprintf(error, size, "%s", gap ? gap : "");
		return s;
	}
	if (settings->btf_path) /* no remedy here: libbpf takes no file for iterators */
		report.error[strcspn(report.error, ";")] = '\0';
	snprintf(error, size, "%s%s", report.error,
		 settings->btf_path ? "; set Live false in <Namespaces>" : "");
	free(s);
	return NULL;
}

static void source_stop(void *state)
{
	struct source *s = state;

	if (!s)
		return;
	loader_stop(s->iterators);
	free(s->found);
	free(s);
}

static int make_room(struct source *s, size_t more)
{
	size_t room = s->room ? s->room : 256;
	void *found;

	while (room < s->count + more)
		room *= 2;
	if (room == s->room)
		return 0;
	found = realloc(s->found, room * sizeof(*s->found));
	if (!found)
		return -ENOMEM;
	s->found = found;
	s->room = room;
	return 0;
}

/* The kernel hands out whole records: bpf_seq_write() is all or nothing. */
static int read_iterator(struct source *s, const char *program)
{
	cleanup_close int fd = bpf_iter_create(loader_link(s->iterators, program));
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		if (make_room(s, 256) < 0)
			return -ENOMEM;
		n = read(fd, s->found + s->count,
			 (s->room - s->count) * sizeof(*s->found));
		if (n > 0)
			s->count += (size_t)n / sizeof(*s->found);
	} while (n > 0 || (n < 0 && errno == EAGAIN));
	return n < 0 ? -errno : 0;
}

/* "… - nsfs nsfs rw", whose fourth field is like "net:[4026532567]"; see proc(5). */
static int note_mount(struct source *s, const char *line)
{
	char root[64];
	uint32_t inode;
	int colon = 0;

	if (!strstr(line, " - nsfs ") || sscanf(line, "%*d %*d %*s %63s", root) != 1 ||
	    sscanf(root, "%*[a-z_]%n:[%" SCNu32 "]", &colon, &inode) != 1)
		return 0;
	if (make_room(s, 1) < 0)
		return -ENOMEM;
	s->found[s->count++] = (struct live_namespace){
		.type = namespace_by_name(root, colon),
		.inode = inode,
	};
	return 0;
}

static int read_mounts(struct source *s, uint32_t pid)
{
	cleanup_fclose FILE *f = NULL;
	cleanup_free char *line = NULL;
	size_t size = 0;
	char path[64];
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/mountinfo", pid);
	f = fopen(path, "re");
	while (f && !err && getline(&line, &size, f) > 0)
		err = note_mount(s, line);
	return err; /* a process that has ended meanwhile is none */
}

static int compare(const void *a, const void *b)
{
	const struct live_namespace *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode > y->inode ? 1 : -1;
	/*
	 * who is in it comes first, and of these who most likely stays: pid 1 for the
	 * host's
	 */
	return (x->pid - 1 > y->pid - 1) - (x->pid - 1 < y->pid - 1);
}

static void sort_out(struct source *s)
{
	size_t kept = 0;

	qsort(s->found, s->count, sizeof(*s->found), compare);
	for (size_t i = 0; i < s->count; i++)
		if (!kept || s->found[kept - 1].inode != s->found[i].inode)
			s->found[kept++] = s->found[i];
	s->count = kept;
}

static int find_all(struct source *s)
{
	size_t tasks;
	int err;

	s->count = 0;
	err = read_iterator(s, "task_namespaces");
	if (!err)
		err = read_iterator(s, "file_namespaces");
	if (err)
		return err;
	sort_out(s);
	tasks = s->count;
	for (size_t i = 0; i < tasks && !err; i++)
		if (s->found[i].type == NAMESPACE_MNT && s->found[i].pid)
			err = read_mounts(s, s->found[i].pid);
	sort_out(s);
	return err;
}

static int source_read(void *state, double *values)
{
	struct source *s = state;
	int err = s->iterators ? find_all(s) : 0;

	if (err)
		return err;
	memset(values, 0, NAMESPACE_UNKNOWN * sizeof(*values));
	for (size_t i = 0; i < s->count; i++)
		if (s->found[i].type < NAMESPACE_UNKNOWN)
			values[s->found[i].type]++;
	for (unsigned type = 0; type < NAMESPACE_UNKNOWN && !s->iterators; type++) {
		long n = listns_count(type);

		if (n < 0)
			return (int)n;
		values[type] = (double)n;
	}
	return 0;
}

static void source_describe(unsigned index, struct label *ret)
{
	ret->type = "count";
	snprintf(ret->instance, sizeof(ret->instance), "namespace-%s",
		 namespace_name(index));
}

const struct gauge_source live_namespaces = {
	.start = source_start,
	.read = source_read,
	.stop = source_stop,
	.count = NAMESPACE_UNKNOWN,
	.describe = source_describe,
};
