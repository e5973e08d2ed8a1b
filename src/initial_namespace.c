/* SPDX-License-Identifier: GPL-2.0-only */
#include "initial_namespace.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bpf_shared.h"
#include "namespace_names.h"

/* include/linux/proc_ns.h */
static const uint32_t inodes[NAMESPACE_TYPES] = {
	[NAMESPACE_CGROUP] = 0xEFFFFFFB,
	[NAMESPACE_PID] = 0xEFFFFFFC,
};

bool in_initial_namespace(unsigned type)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", namespace_name(type));
	return stat(path, &st) == 0 && st.st_ino == inodes[type];
}
