/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stdbool.h>

/*
 * By uname(2), for what the kernel neither tells nor refuses; all else is found out by trying. False where
 * the release is no number.
 */
bool kernel_is_before(unsigned major, unsigned minor);

/*
 * Whether tasks can be preempted in the kernel: by debugfs, the command line, or how the kernel was built, the
 * first of these that says it.
 */
bool kernel_is_preemptible(void);

/* What uname(2) says of how it was built, such as "PREEMPT_RT". */
bool kernel_is_built_with(const char *word);
