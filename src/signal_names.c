/* SPDX-License-Identifier: GPL-2.0-only */
#include "signal_names.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "bpf_shared.h"

/* As glibc counts them; the kernel's first is 32, of which the C library keeps some for itself. */
enum { FIRST_REALTIME = 34 };

/* sigabbrev_np(3) came with glibc 2.32 only. The same numbers on all architectures that we know. */
static const char *const names[SIGNAL_IDS] = {
	[SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",	      [SIGQUIT] = "SIGQUIT",
	[SIGILL] = "SIGILL",   [SIGTRAP] = "SIGTRAP",	      [SIGABRT] = "SIGABRT",
	[SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",	      [SIGKILL] = "SIGKILL",
	[SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV",	      [SIGUSR2] = "SIGUSR2",
	[SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM",	      [SIGTERM] = "SIGTERM",
	[SIGCHLD] = "SIGCHLD", [SIGCONT] = "SIGCONT",	      [SIGSTOP] = "SIGSTOP",
	[SIGTSTP] = "SIGTSTP", [SIGTTIN] = "SIGTTIN",	      [SIGTTOU] = "SIGTTOU",
	[SIGURG] = "SIGURG",   [SIGXCPU] = "SIGXCPU",	      [SIGXFSZ] = "SIGXFSZ",
	[SIGPROF] = "SIGPROF", [SIGWINCH] = "SIGWINCH",	      [SIGIO] = "SIGIO",
	[SIGPWR] = "SIGPWR",   [SIGVTALRM] = "SIGVTALRM",     [SIGSYS] = "SIGSYS",
	[16] = "SIGSTKFLT",    [FIRST_REALTIME] = "SIGRTMIN",
};

static char others[SIGNAL_IDS][sizeof("SIGRTMIN+4294967295")];

static void fill(void)
{
	for (uint32_t n = 0; n < SIGNAL_IDS; n++) {
		if (n > FIRST_REALTIME)
			snprintf(others[n], sizeof(others[n]), "SIGRTMIN+%u",
				 n - FIRST_REALTIME);
		else
			snprintf(others[n], sizeof(others[n]), "SIG%u", n);
	}
}

const char *signal_name(uint32_t number)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (number >= SIGNAL_IDS)
		number = 0;
	if (names[number])
		return names[number];
	pthread_once(&once, fill);
	return others[number];
}

bool signal_is_fatal(uint32_t number)
{
	return number != SIGCHLD && number != SIGCONT && number != SIGURG &&
	       number != SIGWINCH;
}
