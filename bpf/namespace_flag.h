/* SPDX-License-Identifier: GPL-2.0-only */
/* NAMESPACE_* types and the CLONE_NEW* flags by which the kernel names them. */
#pragma once

#include "compat.h"

/* volatile keeps clang from a mergeable section of its own, whose BTF the kernel refuses */
static const volatile __u32 flag_of[NAMESPACE_UNKNOWN] = {
	[NAMESPACE_CGROUP] = CLONE_NEWCGROUP, [NAMESPACE_IPC] = CLONE_NEWIPC,
	[NAMESPACE_MNT] = CLONE_NEWNS,	      [NAMESPACE_NET] = CLONE_NEWNET,
	[NAMESPACE_PID] = CLONE_NEWPID,	      [NAMESPACE_TIME] = CLONE_NEWTIME,
	[NAMESPACE_USER] = CLONE_NEWUSER,     [NAMESPACE_UTS] = CLONE_NEWUTS,
};

enum {
	ANY_NAMESPACE = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWNET |
			CLONE_NEWPID | CLONE_NEWTIME | CLONE_NEWUSER | CLONE_NEWUTS,
};

static __always_inline __u32 namespace_type(__u32 flag)
{
	__u32 type = 0;

	while (type < NAMESPACE_UNKNOWN && flag_of[type] != flag)
		type++;
	return type;
}
