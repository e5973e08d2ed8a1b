/* SPDX-License-Identifier: GPL-2.0-only */
#include "groups.h"

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf_shared.h"
#include "cgroup_name.h"
#include "identifier.h"
#include "map_access.h"
#include "snapshot.h"

enum { PATH_TEXT_MAX = GROUP_PATH_MAX + 8 };

struct groups {
	struct groups_config config;
	struct scopes *scopes;
	void *by_id;		/* tsearch(3) tree */
	struct group **by_slot; /* max + 1 */
	struct group *first;
	unsigned count;
};

static int compare_id(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int give_slot(const struct groups *g, uint32_t slot)
{
	return map_update(g->config.slots_fd, NULL, &slot);
}

static int fill_slots(struct groups *g)
{
	g->by_slot = calloc(g->config.max + 1, sizeof(struct group *));
	if (!g->by_slot)
		return -ENOMEM;
	for (uint32_t slot = 1; slot <= g->config.max; slot++)
		if (give_slot(g, slot) < 0)
			return -errno;
	return 0;
}

struct groups *groups_new(const struct groups_config *config, struct scopes *scopes)
{
	struct groups *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return NULL;
	g->config = *config;
	g->scopes = scopes;
	err = fill_slots(g);
	if (!err)
		return g;
	groups_free(g);
	errno = -err;
	return NULL;
}

static void free_group(struct groups *g, struct group *group)
{
	tdelete(group, &g->by_id, compare_id);
	free(group->name);
	free(group);
	g->count--;
}

void groups_free(struct groups *g)
{
	if (!g)
		return;
	for (struct group *group = g->first, *next; group; group = next) {
		next = group->next;
		free_group(g, group);
	}
	free(g->by_slot);
	free(g);
}

void group_path_text(const struct group_path *path, char *text, size_t size)
{
	size_t end = path->bytes < sizeof(path->names) ? path->bytes :
							 sizeof(path->names);
	size_t used = snprintf(text, size, "%s", path->cut ? "/..." : "");

	/* the last name begins after the NUL before it */
	while (end > 0 && used < size) {
		size_t begin = end - 1;

		while (begin > 0 && path->names[begin - 1])
			begin--;
		used += snprintf(text + used, size - used, "/%.*s",
				 (int)(end - 1 - begin), path->names + begin);
		end = begin;
	}
	if (!used)
		snprintf(text, size, "/");
}

/* The scope of a group of that name, which keeps it where it is not selected. */
static struct scope *scope_of(struct groups *g, struct group *group, const char *name,
			      const char *path)
{
	if (selector_matches(g->config.select, name))
		return scopes_of_group(g->scopes, name, path);
	group->name = strdup(name);
	return scopes_other(g->scopes);
}

/*
 * A container or unit owns the cgroups below its own: they are one group, by the path to
 * that.
 */
static struct scope *scope_of_cgroup(struct groups *g, struct group *group,
				     const char *path)
{
	char name[IDENTIFIER_PART_MAX + 1], own[PATH_TEXT_MAX];
	size_t bytes = cgroup_group_name(path, name, sizeof(name));

	snprintf(own, sizeof(own), "%.*s", (int)bytes, path);
	return scope_of(g, group, name, own);
}

static struct scope *scope_of_pid_namespace(struct groups *g, struct group *group)
{
	char name[IDENTIFIER_PART_MAX + 1], path[64];
	uint32_t inode = group->id;

	snprintf(name, sizeof(name), "pidns-%" PRIu32, inode);
	snprintf(path, sizeof(path), "pid:[%" PRIu32 "]", inode);
	return scope_of(g, group, name, path);
}

static struct scope *find_scope(struct groups *g, struct group *group)
{
	struct group_path path;
	char text[PATH_TEXT_MAX];

	if (g->config.by_pid_namespace)
		return scope_of_pid_namespace(g, group);
	/* the kernel notes the path before it makes the first row */
	if (map_lookup(g->config.paths_fd, &group->id, &path) < 0)
		return scopes_other(g->scopes);
	group_path_text(&path, text, sizeof(text));
	return scope_of_cgroup(g, group, text);
}

static struct group *new_group(struct groups *g, uint64_t id)
{
	struct group *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	group->id = id;
	group->scope = find_scope(g, group);
	if (!group->scope || !tsearch(group, &g->by_id, compare_id)) {
		free(group->name);
		free(group);
		return NULL;
	}
	group->scope->groups++;
	group->next = g->first;
	g->first = group;
	g->count++;
	return group;
}

static struct group *find(const struct groups *g, uint64_t id)
{
	struct group key = { .id = id };
	struct group **node = tfind(&key, &g->by_id, compare_id);

	return node ? *node : NULL;
}

struct group *groups_find(struct groups *g, uint64_t id)
{
	struct group *group = find(g, id);

	return group ? group : new_group(g, id);
}

/* NULL: the kernel has not told of it. */
static struct group *find_told(struct groups *g, uint64_t id)
{
	struct group *group = find(g, id);
	struct group_state state;

	if (!group && map_lookup(g->config.states_fd, &id, &state) == 0)
		group = new_group(g, id);
	return group;
}

struct scope *groups_scope(struct groups *g, uint64_t id)
{
	struct group *group = find_told(g, id);

	return group ? group->scope : NULL;
}

const char *groups_unselected_name(struct groups *g, uint64_t id)
{
	struct group *group = find_told(g, id);

	return group ? group->name : NULL;
}

struct group *groups_by_slot(const struct groups *g, uint32_t slot)
{
	return slot <= g->config.max ? g->by_slot[slot] : NULL;
}

/*
 * Not at once, since a second task that admits the group at the same time may still be writing
 * the path, be it the same: see note_path() in bpf/group.h.
 */
static void forget_path(const struct groups *g, struct group *group)
{
	if (group->refreshes < 2 && group->refreshes++ == 1)
		map_delete(g->config.paths_fd, &group->id);
}

struct refresh {
	struct groups *groups;
	int err;
};

static void note_state(void *arg, const void *key, const uint64_t *values)
{
	const struct group_state *state = (const void *)values;
	struct refresh *r = arg;
	struct group *group;
	uint64_t id;

	memcpy(&id, key, sizeof(id));
	group = groups_find(r->groups, id);
	if (!group) {
		r->err = -ENOMEM;
		return;
	}
	forget_path(r->groups, group);
	/* it keeps the first one, which groups_retire() clears */
	if (!group->slot && state->slot <= r->groups->config.max) {
		group->slot = state->slot;
		r->groups->by_slot[state->slot] = group;
	}
	group->retiring = state->gone && group->gone;
	group->gone = state->gone;
}

int groups_refresh(struct groups *g)
{
	struct refresh r = { .groups = g };
	int err = snapshot_read(g->config.states_fd, note_state, &r);

	return err ? err : r.err;
}

void groups_retire(struct groups *g)
{
	for (struct group **at = &g->first; *at;) {
		struct group *group = *at;

		if (!group->retiring) {
			at = &group->next;
			continue;
		}
		*at = group->next;
		map_delete(g->config.states_fd, &group->id);
		/* two CPUs that admit a group at once may leave its path a second time */
		map_delete(g->config.paths_fd, &group->id);
		g->by_slot[group->slot] = NULL;
		if (group->slot)
			give_slot(g, group->slot);
		group->scope->groups--;
		free_group(g, group);
	}
}

unsigned groups_count(const struct groups *g)
{
	return g->count;
}
