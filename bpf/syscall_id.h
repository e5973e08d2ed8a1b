/* SPDX-License-Identifier: GPL-2.0-only */
/* Which system call it was, and what a family's programs want of it. */
#pragma once

#include "compat.h"

/* TRAIT_* by system call, set by the loader from the family's table row. */
const volatile __u8 syscall_traits[SYSCALL_IDS];

/*
 * rt_sigreturn puts the interrupted code's registers back and with them -1 for the
 * number, by which the kernel knows that nothing is to be restarted.
 */
const volatile __u32 sigreturn_id[2]; /* native, compat */

/* Of the call `nr` of `task`, which is self(). */
static __always_inline __u32 syscall_id(struct task_struct *task, int nr)
{
	bool compat = in_compat_syscall(task);
	__u32 id = nr;

	if (nr == -1)
		return exec_id(compat, nr, compat ? sigreturn_id[1] : sigreturn_id[0]);
	if (is_x32(id))
		return x32_id(id);
	if (id >= SYSCALL_COMPAT)
		return SYSCALL_UNKNOWN;
	return exec_id(compat, nr, compat ? id + SYSCALL_COMPAT : id);
}

static __always_inline __u8 traits_of(__u32 id)
{
	barrier_var(id); /* clang knows the bound that verifiers before 6.x have to see */
	return id < SYSCALL_IDS ? syscall_traits[id] : 0;
}

static __always_inline bool is_error(long ret)
{
	return (unsigned long)ret >= (unsigned long)-MAX_ERRNO;
}

/* include/linux/errno.h: the kernel's own codes for a call that a signal interrupted. */
static __always_inline bool is_interrupted(long ret)
{
	return ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK;
}
