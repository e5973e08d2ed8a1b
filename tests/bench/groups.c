/* SPDX-License-Identifier: GPL-2.0-only */
/*
 *	groups make DIRECTORY N
 *	groups live DIRECTORY N
 *	groups remove DIRECTORY N
 *
 * Makes N cgroups in a cgroup, and in each a process that makes some 60 different system calls and
 * ends; only the latter; or removes them again, those that are there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../live/harmless.h"
#include "cgroup.h"
#include "child.h"

enum { REMOVE_ATTEMPTS = 500 };

static int be_in(void *cgroup)
{
	if (enter_cgroup(cgroup) < 0)
		return 1;
	call_harmless();
	return 0;
}

static int live_in(char *cgroup)
{
	int status = run_child(be_in, cgroup);

	if (status < 0)
		return -1;
	errno = ECHILD;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int make(char *cgroup)
{
	return mkdir(cgroup, 0755) < 0 ? -1 : live_in(cgroup);
}

/* A process that has just been waited for may hold its cgroup for a moment. */
static int remove_patiently(char *cgroup)
{
	const struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };

	for (int i = 0; i < REMOVE_ATTEMPTS; i++) {
		if (rmdir(cgroup) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			break;
		nanosleep(&moment, NULL);
	}
	return -1;
}

int main(int argc, char **argv)
{
	int (*act)(char *cgroup) = NULL;
	int failed = 0;
	long count;

	if (argc == 4 && strcmp(argv[1], "make") == 0)
		act = make;
	if (argc == 4 && strcmp(argv[1], "live") == 0)
		act = live_in;
	if (argc == 4 && strcmp(argv[1], "remove") == 0)
		act = remove_patiently;
	if (!act) {
		fprintf(stderr, "usage: groups make|live|remove DIRECTORY N\n");
		return 1;
	}
	count = strtol(argv[3], NULL, 10);
	for (long i = 0; i < count; i++) {
		char path[4000];

		snprintf(path, sizeof(path), "%s/group-%ld", argv[2], i);
		if (act(path) == 0)
			continue;
		fprintf(stderr, "groups: %s %s: %s\n", argv[1], path, strerror(errno));
		failed = 1;
		if (act != remove_patiently)
			break;
	}
	return failed;
}
