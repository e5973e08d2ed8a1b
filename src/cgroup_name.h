/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stddef.h>

/*
 * The group that the cgroup at `path` (from the root of its hierarchy, "/" for the root
 * itself) belongs to. A cgroup below a container or a systemd unit belongs to it. Writes
 * the group's name to `name`, never cut and never longer than IDENTIFIER_PART_MAX: see
 * identifier.h. Returns the number of bytes of `path` that lead to the group's own
 * cgroup: two paths of one group agree in them. Pure: no file is read.
 */
size_t cgroup_group_name(const char *path, char *name, size_t size);
