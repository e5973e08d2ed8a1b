/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The calling process. Returns 0, or -1 with errno. */
static int enter_cgroup(const char *cgroup)
{
	char path[4096];
	int fd, n;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = (int)write(fd, "0", 1);
	close(fd);
	return n == 1 ? 0 : -1;
}
