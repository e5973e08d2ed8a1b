/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's group ids, and the scope that each counts for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scopes.h"
#include "selector.h"

struct group {
	uint64_t id;
	uint32_t slot;	     /* 0 until a refresh has told it */
	struct scope *scope; /* its own, or `other` when it is not selected */
	char *name; /* owned; what it is called when it is not selected, else NULL */
	unsigned char refreshes; /* since it is known; up to 2 */
	bool gone;		 /* as a read before said; its last counts are in */
	bool retiring;		 /* its rows are removed after this read */
	struct group *next;
};

struct groups;

struct groups_config {
	bool by_pid_namespace;
	const struct selector *select;	   /* lives as long as the groups */
	int states_fd, paths_fd, slots_fd; /* the kernel's maps, not owned */
	uint32_t max;
};

/*
 * Gives the kernel the slots 1 to `max`. NULL and errno when that fails or there is no
 * memory.
 */
struct groups *groups_new(const struct groups_config *config, struct scopes *scopes);
void groups_free(struct groups *g);

/*
 * Before the rows of a read: asks the kernel which groups there are and which are gone. A
 * group that is found gone for the second time is retiring. Returns 0 or a negative errno.
 */
int groups_refresh(struct groups *g);

/* The group that has the slot, as the last refresh found it; NULL: none. */
struct group *groups_by_slot(const struct groups *g, uint32_t slot);

/* The group, named when it is new; NULL when there is no memory for it. */
struct group *groups_find(struct groups *g, uint64_t id);

/* The scope of a group that the kernel has told of, be it not read yet; NULL: it has not. */
struct scope *groups_scope(struct groups *g, uint64_t id);

/* What a group is called that is not selected; NULL: it is, or nothing is known of it. */
const char *groups_unselected_name(struct groups *g, uint64_t id);

/*
 * After a read: forgets the groups that are retiring; the kernel may use their slots
 * again.
 */
void groups_retire(struct groups *g);

unsigned groups_count(const struct groups *g);

/*
 * "/a/b" of the names b, a as the kernel notes them (struct group_path); "/" for none.
 * Cut names give "/.../b". Never writes more than `size` bytes, of which GROUP_PATH_MAX +
 * 8 always suffice.
 */
struct group_path;
void group_path_text(const struct group_path *path, char *text, size_t size);
