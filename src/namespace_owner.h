/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The group, by its cgroup's name in the hierarchy (0: v2), of the first process that is in the namespace and
 * is not `pid`. Looks through /proc, and remembers for a second or two what it found, as many may join one
 * namespace. False when there is none, or it is not shown, as to a container, or looking has taken too long in
 * this second. One thread at a time.
 */
bool namespace_owner(unsigned type, uint64_t inode, uint32_t pid, int32_t hierarchy,
		     char *name, size_t size);
