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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"

enum { REMOVE_ATTEMPTS = 500 };

/* What does nothing with arguments that are all -1. */
static const int harmless[] = {
	SYS_read,
	SYS_write,
	SYS_close,
	SYS_fstat,
	SYS_lseek,
	SYS_ioctl,
	SYS_pread64,
	SYS_pwrite64,
	SYS_readv,
	SYS_writev,
	SYS_dup,
	SYS_dup3,
	SYS_sendto,
	SYS_recvfrom,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_shutdown,
	SYS_bind,
	SYS_listen,
	SYS_connect,
	SYS_accept,
	SYS_getsockname,
	SYS_getpeername,
	SYS_setsockopt,
	SYS_getsockopt,
	SYS_fcntl,
	SYS_flock,
	SYS_fsync,
	SYS_fdatasync,
	SYS_ftruncate,
	SYS_getdents64,
	SYS_fchdir,
	SYS_fchmod,
	SYS_fchown,
	SYS_fallocate,
	SYS_readahead,
	SYS_fstatfs,
	SYS_fsetxattr,
	SYS_fgetxattr,
	SYS_flistxattr,
	SYS_fremovexattr,
	SYS_inotify_rm_watch,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_timerfd_settime,
	SYS_timerfd_gettime,
	SYS_splice,
	SYS_tee,
	SYS_syncfs,
	SYS_getpid,
	SYS_getppid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getpgid,
	SYS_getsid,
	SYS_sched_yield,
};

static int live_in(const char *cgroup)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (enter_cgroup(cgroup) < 0)
			_exit(1);
		for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
			syscall(harmless[i], -1, -1, -1, -1, -1, -1);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	errno = ECHILD;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int make(const char *cgroup)
{
	return mkdir(cgroup, 0755) < 0 ? -1 : live_in(cgroup);
}

/* A process that has just been waited for may hold its cgroup for a moment. */
static int remove_patiently(const char *cgroup)
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
	int (*act)(const char *cgroup) = NULL;
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
