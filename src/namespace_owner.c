/* SPDX-License-Identifier: GPL-2.0-only */
#include "namespace_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "bpf_shared.h"
#include "cgroup_name.h"
#include "cleanup.h"
#include "identifier.h"
#include "initial_namespace.h"
#include "namespace_names.h"

static bool is_in(uint32_t pid, unsigned type, uint64_t inode)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/ns/%s", pid,
		 namespace_name(type));
	return stat(path, &st) == 0 && st.st_ino == inode;
}

/* By the line "HIERARCHY:CONTROLLERS:PATH" of the hierarchy: see cgroups(7). */
static bool find_group(uint32_t pid, int32_t hierarchy, char *name, size_t size)
{
	cleanup_fclose FILE *f = NULL;
	cleanup_free char *line = NULL;
	char path[64], begin[16], *cgroup;
	bool found = false;
	size_t room = 0;

	snprintf(begin, sizeof(begin), "%" PRId32 ":", hierarchy);
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cgroup", pid);
	f = fopen(path, "re");
	while (f && !found && getline(&line, &room, f) > 0) {
		cgroup = strstr(line, ":/");
		if (!cgroup || strncmp(line, begin, strlen(begin)) != 0)
			continue;
		cgroup[strcspn(cgroup, "\n")] = '\0';
		cgroup_group_name(cgroup + 1, name, size);
		found = true;
	}
	return found;
}

/* False when there is no such process. */
static bool find_member(unsigned type, uint64_t inode, uint32_t but, uint32_t *ret)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while (proc && !found && (entry = readdir(proc))) {
		*ret = (uint32_t)strtoul(entry->d_name, NULL, 10);
		found = isdigit((unsigned char)entry->d_name[0]) && *ret != but &&
			is_in(*ret, type, inode);
	}
	if (proc)
		closedir(proc);
	return found;
}

enum {
	REMEMBERED = 64,
	LOOKUP_US = 50000, /* of CPU time per second, plus what the last of them takes */
};

struct owner {
	unsigned type;
	uint64_t inode;
	uint32_t member; /* 0: nobody */
	time_t until;	 /* seconds of CLOCK_MONOTONIC; 0: unused */
	char name[IDENTIFIER_PART_MAX + 1];
};

/*
 * In a cgroup namespace of our own paths begin at our own cgroup, and in a PID namespace of our own `pid` is
 * somebody else.
 */
static bool can_see_owners(void)
{
	return in_initial_namespace(NAMESPACE_CGROUP) &&
	       in_initial_namespace(NAMESPACE_PID);
}

static void look_up(struct owner *o, unsigned type, uint64_t inode, uint32_t pid,
		    int32_t hierarchy, time_t now)
{
	*o = (struct owner){ .type = type, .inode = inode, .until = now + 2 };
	if (!can_see_owners() || !find_member(type, inode, pid, &o->member) ||
	    !find_group(o->member, hierarchy, o->name, sizeof(o->name)))
		o->member = 0;
}

static int64_t cpu_microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* As many as fit into what a second may cost: /proc is as long as there are processes. */
static bool try_to_look_up(struct owner *o, unsigned type, uint64_t inode, uint32_t pid,
			   int32_t hierarchy, time_t now)
{
	static time_t second;
	static int64_t spent;

	if (second != now)
		spent = 0;
	second = now;
	if (spent >= LOOKUP_US)
		return false;
	spent -= cpu_microseconds();
	look_up(o, type, inode, pid, hierarchy, now);
	spent += cpu_microseconds();
	return true;
}

bool namespace_owner(unsigned type, uint64_t inode, uint32_t pid, int32_t hierarchy,
		     char *name, size_t size)
{
	static struct owner owners[REMEMBERED];
	struct owner *o = &owners[(inode + type) % REMEMBERED];
	struct timespec now;

	if (!inode)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((o->inode != inode || o->type != type || o->until <= now.tv_sec ||
	     o->member == pid) &&
	    !try_to_look_up(o, type, inode, pid, hierarchy, now.tv_sec))
		return false;
	if (o->member)
		snprintf(name, size, "%s", o->name);
	return o->member;
}
