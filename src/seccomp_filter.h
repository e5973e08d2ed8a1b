/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter of system calls that this process may run under. */
#pragma once

#include <stdbool.h>

/* Whether there is one. */
bool seccomp_has_filter(void);

/*
 * Whether it ends who makes the system call `nr`, as filters of systemd do unless they have
 * SystemCallErrorNumber=: 1 or 0. Tried by a child, with a first argument of -1, which the call must refuse. Where
 * there is a filter and no child can be made, a negative errno: the daemon's life is at stake.
 */
int seccomp_kills(long nr);
