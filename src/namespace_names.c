/* SPDX-License-Identifier: GPL-2.0-only */
#include "namespace_names.h"

#include <string.h>

#include "bpf_shared.h"

static const char *const names[NAMESPACE_TYPES] = {
	[NAMESPACE_CGROUP] = "cgroup",	 [NAMESPACE_IPC] = "ipc",
	[NAMESPACE_MNT] = "mnt",	 [NAMESPACE_NET] = "net",
	[NAMESPACE_PID] = "pid",	 [NAMESPACE_TIME] = "time",
	[NAMESPACE_USER] = "user",	 [NAMESPACE_UTS] = "uts",
	[NAMESPACE_UNKNOWN] = "unknown",
};

const char *namespace_name(unsigned type)
{
	return names[type < NAMESPACE_TYPES ? type : NAMESPACE_UNKNOWN];
}

unsigned namespace_by_name(const char *name, unsigned bytes)
{
	unsigned type = 0;

	while (type < NAMESPACE_UNKNOWN &&
	       (strlen(names[type]) != bytes || strncmp(names[type], name, bytes) != 0))
		type++;
	return type;
}
