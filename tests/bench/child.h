/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

/*
 * Runs it in a process of its own, which exits with what it returns. Returns how that ended, as wait(2)
 * says it, or -1 with errno. The process shares the memory: to copy the page tables for it takes up to
 * 40 times as long as all else, and never the same time.
 */
static int run_child(int (*run)(void *argument), void *argument)
{
	static char stack[64 * 1024] __attribute__((aligned(16)));
	int status;
	pid_t pid = clone(run, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD,
			  argument);

	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -1 : status;
}
