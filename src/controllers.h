/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stdint.h>

/* Where the kernel keeps a task's cgroup for a controller. */
struct controller {
	uint32_t index;	   /* in css_set.subsys */
	int32_t hierarchy; /* cgroup_root.hierarchy_id; 0 is cgroup v2 */
};

/*
 * Asks /proc/cgroups and the kernel's BTF, or that of the file `btf_path` unless NULL. Returns
 * 0, -ENOENT when this kernel does not have the controller or was told to disable it, -ENODEV when /proc/cgroups is not
 * shown to us, or another negative errno.
 */
int controller_find(const char *name, const char *btf_path, struct controller *ret);
