/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A list of exact names and POSIX extended regular expressions in slashes, in the way of
 * collectd's ignorelist (which the daemon does not export): with no entry everything
 * matches; `ignore` (the option IgnoreSelected) turns the answer round.
 */
struct selector {
	struct selector_entry *entries;
	size_t count;
	bool ignore;
};

void selector_fini(struct selector *s);

/*
 * Adds "name" or "/regex/". Returns 0, -ENOMEM, or -EINVAL with regcomp's reason (or "is
 * empty") in `err`.
 */
int selector_add(struct selector *s, const char *pattern, char *err, size_t size);

bool selector_matches(const struct selector *s, const char *name);

/*
 * Calls `fn` for each exact name, so that a caller can warn of names that do not exist.
 */
void selector_each_name(const struct selector *s, void (*fn)(const char *name, void *arg),
			void *arg);

/* The name of that index, good until the next call; NULL: it has none. */
typedef const char *selector_name_fn(unsigned index, void *arg);

/*
 * The first entry, as the operator wrote it, that matches none of the names with an index below `names`;
 * NULL: each matches some. Lives as long as the selector.
 */
const char *selector_idle_entry(const struct selector *s, unsigned names,
				selector_name_fn *name, void *arg);
