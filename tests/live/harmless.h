/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* System calls that do nothing with arguments that are all -1. */
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

/* Each of them once. */
static inline void call_harmless(void)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		syscall(harmless[i], -1, -1, -1, -1, -1, -1);
}
