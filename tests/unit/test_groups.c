/* SPDX-License-Identifier: GPL-2.0-only */
#include "groups.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "bpf_shared.h"
#include "snapshot.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- paths ---- */

enum { PATH_TEXT_MAX = GROUP_PATH_MAX + 8 };

struct path_row {
	const char *names; /* as the kernel notes them, from the cgroup up */
	uint32_t bytes;	   /* of these */
	uint32_t cut;
	const char *text;
};

#define NAMES(s) s, sizeof(s) - 1

static const struct path_row path_rows[] = {
	{ NAMES(""), 0, "/" },
	{ NAMES("a\0"), 0, "/a" },
	{ NAMES("nginx.service\0system.slice\0"), 0, "/system.slice/nginx.service" },
	{ NAMES("c\0b\0a\0"), 0, "/a/b/c" },
	{ NAMES("c\0b\0"), 1, "/.../b/c" },
	{ NAMES(""), 1, "/..." },
	/* `bytes` says how far, not what is behind it */
	{ "c\0b\0a\0", 4, 0, "/b/c" },
};

static void names_become_a_path(void **state)
{
	char text[PATH_TEXT_MAX];

	(void)state;
	for (const struct path_row *row = path_rows;
	     row < path_rows + ARRAY_SIZE(path_rows); row++) {
		struct group_path path = { .bytes = row->bytes, .cut = row->cut };

		memset(path.names, 'x', sizeof(path.names));
		memcpy(path.names, row->names, row->bytes);
		group_path_text(&path, text, sizeof(text));
		assert_string_equal(text, row->text);
	}
}

static void a_full_buffer_is_not_cut_again(void **state)
{
	struct group_path path = { .bytes = GROUP_PATH_MAX, .cut = 1 };
	char text[PATH_TEXT_MAX], expected[PATH_TEXT_MAX];
	size_t used;

	(void)state;
	/* one name, and as many as there can be */
	memset(path.names, 'n', sizeof(path.names));
	path.names[GROUP_PATH_MAX - 1] = '\0';
	group_path_text(&path, text, sizeof(text));
	snprintf(expected, sizeof(expected), "/.../%.*s", GROUP_PATH_MAX - 1, path.names);
	assert_string_equal(text, expected);

	used = snprintf(expected, sizeof(expected), "/...");
	for (size_t i = 0; i < GROUP_PATH_MAX; i += 2) {
		path.names[i] = 'n';
		path.names[i + 1] = '\0';
		used += snprintf(expected + used, sizeof(expected) - used, "/n");
	}
	group_path_text(&path, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void no_byte_is_written_beyond_the_size(void **state)
{
	static const char names[] = "charlie\0bravo\0alpha";
	enum { GUARD = 64 };

	(void)state;
	for (uint32_t cut = 0; cut < 2; cut++) {
		struct group_path path = { .bytes = sizeof(names), .cut = cut };

		memcpy(path.names, names, sizeof(names));
		for (size_t size = 0; size < 40; size++) {
			char *text = malloc(size + GUARD);

			assert_non_null(text);
			memset(text, '#', size + GUARD);
			group_path_text(&path, text, size);
			if (size)
				assert_non_null(memchr(text, '\0', size));
			for (size_t i = size; i < size + GUARD; i++)
				assert_int_equal(text[i], '#');
			free(text);
		}
	}
}

/* The kernel writes no such thing, but it is not ours. */
static void bad_paths_are_survived(void **state)
{
	static const uint32_t bytes[] = {
		1, 2, GROUP_PATH_MAX - 1, GROUP_PATH_MAX, GROUP_PATH_MAX + 1, UINT32_MAX
	};
	static const char fills[] = { 'x', '\0', '/', '\xff' };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bytes) * ARRAY_SIZE(fills); i++) {
		struct group_path *path = calloc(1, sizeof(*path));
		char *text = malloc(PATH_TEXT_MAX);

		assert_true(path && text);
		path->bytes = bytes[i / ARRAY_SIZE(fills)];
		path->cut = i % 2;
		memset(path->names, fills[i % ARRAY_SIZE(fills)], sizeof(path->names));
		group_path_text(path, text, PATH_TEXT_MAX);
		assert_non_null(memchr(text, '\0', PATH_TEXT_MAX));
		assert_int_equal(text[0], '/');
		free(text);
		free(path);
	}
}

/* ---- the kernel's maps ---- */

enum { STATES_FD = 3, PATHS_FD = 4, SLOTS_FD = 5, ENTRIES = 16 };

static struct entry {
	uint64_t id; /* 0: none */
	bool has_state, has_path;
	struct group_state state;
	struct group_path path;
} entries[ENTRIES];

static int states_error;
static unsigned free_slots[ENTRIES + 1]; /* how often each has been given */

static struct entry *find_entry(uint64_t id)
{
	for (struct entry *e = entries; e < entries + ENTRIES; e++)
		if (e->id == id)
			return e;
	return NULL;
}

/* As the kernel's side does at a group's first row. "/a/b" is noted as b, a. */
static void admit(uint64_t id, const char *path)
{
	struct entry *e = find_entry(0);

	assert_null(find_entry(id));
	assert_non_null(e);
	*e = (struct entry){ .id = id, .has_state = true, .has_path = path };
	e->state.slot = (uint32_t)(e - entries) + 1;
	assert_int_equal(free_slots[e->state.slot], 1);
	free_slots[e->state.slot]--;
	for (size_t end = path ? strlen(path) : 0; end > 1;) {
		size_t begin = end;

		while (path[begin - 1] != '/')
			begin--;
		memcpy(e->path.names + e->path.bytes, path + begin, end - begin);
		e->path.bytes += end - begin + 1;
		end = begin - 1;
	}
}

static void end(uint64_t id)
{
	find_entry(id)->state.gone = 1;
}

int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg);
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value);
int __wrap_bpf_map_delete_elem(int fd, const void *key);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value,
			       uint64_t flags);

int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg)
{
	assert_int_equal(fd, STATES_FD);
	for (const struct entry *e = entries; e < entries + ENTRIES && !states_error;
	     e++) {
		uint64_t value;

		memcpy(&value, &e->state, sizeof(value));
		if (e->id && e->has_state)
			row(arg, &e->id, &value);
	}
	return states_error;
}

int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	const struct entry *e = find_entry(*(const uint64_t *)key);

	assert_int_equal(fd, PATHS_FD);
	if (!e || !e->has_path) {
		errno = ENOENT;
		return -ENOENT;
	}
	memcpy(value, &e->path, sizeof(e->path));
	return 0;
}

int __wrap_bpf_map_delete_elem(int fd, const void *key)
{
	struct entry *e = find_entry(*(const uint64_t *)key);
	bool *has = e ? fd == STATES_FD ? &e->has_state : &e->has_path : NULL;

	assert_true(fd == STATES_FD || fd == PATHS_FD);
	if (!has || !*has) {
		errno = ENOENT;
		return -ENOENT;
	}
	*has = false;
	if (!e->has_state && !e->has_path)
		e->id = 0;
	return 0;
}

int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)
{
	uint32_t slot = *(const uint32_t *)value;

	assert_int_equal(fd, SLOTS_FD);
	assert_null(key);
	assert_int_equal(flags, BPF_ANY);
	assert_in_range(slot, 1, ENTRIES);
	free_slots[slot]++;
	return 0;
}

struct fixture {
	struct selector select;
	struct scopes *scopes;
	struct groups *groups;
};

static void setup(struct fixture *f, bool by_pid_namespace, const char *pattern)
{
	char err[80];
	struct groups_config config = {
		.by_pid_namespace = by_pid_namespace,
		.select = &f->select,
		.states_fd = STATES_FD,
		.paths_fd = PATHS_FD,
		.slots_fd = SLOTS_FD,
		.max = ENTRIES,
	};

	memset(f, 0, sizeof(*f));
	memset(entries, 0, sizeof(entries));
	memset(free_slots, 0, sizeof(free_slots));
	states_error = 0;
	if (pattern)
		assert_int_equal(selector_add(&f->select, pattern, err, sizeof(err)), 0);
	f->scopes = scopes_new(100);
	f->groups = groups_new(&config, f->scopes);
	assert_true(f->scopes && f->groups);
}

static void teardown(struct fixture *f)
{
	groups_free(f->groups);
	scopes_free(f->scopes);
	selector_fini(&f->select);
}

static void a_group_is_named_once_by_its_path(void **state)
{
	struct fixture f;
	struct group *group;

	(void)state;
	setup(&f, false, NULL);
	admit(11, "/system.slice/nginx.service");
	group = groups_find(f.groups, 11);
	assert_int_equal(group->id, 11);
	assert_string_equal(group->scope->name, "nginx.service");
	assert_string_equal(group->scope->path, "/system.slice/nginx.service");
	assert_int_equal(group->scope->groups, 1);
	assert_false(group->gone || group->retiring);
	groups_refresh(f.groups);
	assert_true(find_entry(11)->has_path); /* somebody may be writing it yet */
	groups_refresh(f.groups);
	assert_false(find_entry(11)->has_path);
	assert_true(find_entry(11)->has_state);
	assert_ptr_equal(groups_find(f.groups, 11), group);
	assert_int_equal(group->scope->groups, 1);
	assert_int_equal(groups_count(f.groups), 1);
	teardown(&f);
}

static void a_slot_is_given_back_when_its_group_is_gone(void **state)
{
	struct fixture f;
	uint32_t slot;

	(void)state;
	setup(&f, false, NULL);
	for (slot = 1; slot <= ENTRIES; slot++)
		assert_int_equal(free_slots[slot], 1);
	admit(11, "/a");
	slot = find_entry(11)->state.slot;
	assert_null(groups_by_slot(f.groups, slot));
	assert_int_equal(groups_refresh(f.groups), 0);
	assert_int_equal(groups_by_slot(f.groups, slot)->id, 11);
	end(11);
	for (int read = 0; read < 2; read++) {
		assert_int_equal(groups_refresh(f.groups), 0);
		assert_int_equal(groups_by_slot(f.groups, slot)->id, 11);
		assert_int_equal(free_slots[slot], 0);
		groups_retire(f.groups);
	}
	assert_null(groups_by_slot(f.groups, slot));
	assert_int_equal(free_slots[slot], 1);
	assert_null(groups_by_slot(f.groups, ENTRIES + 1));
	teardown(&f);
}

static void the_root_is_a_group(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, false, NULL);
	admit(1, "/");
	assert_string_equal(groups_find(f.groups, 1)->scope->name, "root");
	assert_string_equal(groups_find(f.groups, 1)->scope->path, "/");
	teardown(&f);
}

static void a_group_without_a_path_is_other(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, false, NULL);
	admit(11, NULL);
	assert_ptr_equal(groups_find(f.groups, 11)->scope, scopes_other(f.scopes));
	assert_ptr_equal(groups_find(f.groups, 12)->scope, scopes_other(f.scopes));
	assert_int_equal(groups_count(f.groups), 2);
	teardown(&f);
}

#define ID "3f4a9d0b7c1e5a6b8c2d4e6f8091a2b3c4d5e6f708192a3b4c5d6e7f80911223"

struct nested {
	const char *path, *name, *own;
};

static const struct nested nested[] = {
	{ "/system.slice/web.service", "web.service", "/system.slice/web.service" },
	{ "/system.slice/web.service/worker", "web.service",
	  "/system.slice/web.service" },
	{ "/system.slice/web.service/worker/1", "web.service",
	  "/system.slice/web.service" },
	{ "/system.slice/docker-" ID ".scope/init", "docker-3f4a9d0b7c1e",
	  "/system.slice/docker-" ID ".scope" },
	{ "/system.slice/docker-" ID ".scope", "docker-3f4a9d0b7c1e",
	  "/system.slice/docker-" ID ".scope" },
};

static void nested_cgroups_share_a_scope(void **state)
{
	const struct scope *web, *docker;
	struct fixture f;

	(void)state;
	setup(&f, false, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(nested); i++) {
		const struct group *group;

		admit(i + 1, nested[i].path);
		group = groups_find(f.groups, i + 1);
		assert_string_equal(group->scope->name, nested[i].name);
		assert_string_equal(group->scope->path, nested[i].own);
	}
	web = groups_find(f.groups, 1)->scope;
	docker = groups_find(f.groups, 4)->scope;
	assert_int_equal(web->groups, 3);
	assert_int_equal(docker->groups, 2);
	assert_ptr_equal(groups_find(f.groups, 2)->scope, web);
	assert_ptr_equal(groups_find(f.groups, 3)->scope, web);
	assert_ptr_equal(groups_find(f.groups, 5)->scope, docker);
	assert_int_equal(groups_count(f.groups), 5);
	teardown(&f);
}

static void what_is_not_selected_is_other(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, false, "/^docker-/");
	admit(1, "/system.slice/web.service");
	admit(2, "/system.slice/docker-" ID ".scope/init");
	assert_ptr_equal(groups_find(f.groups, 1)->scope, scopes_other(f.scopes));
	assert_string_equal(groups_find(f.groups, 2)->scope->name, "docker-3f4a9d0b7c1e");
	assert_int_equal(scopes_other(f.scopes)->groups, 1);
	assert_string_equal(groups_unselected_name(f.groups, 1), "web.service");
	assert_null(groups_unselected_name(f.groups, 2));
	groups_refresh(f.groups);
	end(1);
	groups_refresh(f.groups);
	assert_false(find_entry(1)->has_path); /* or the map would fill up */
	groups_refresh(f.groups);
	groups_retire(f.groups);
	assert_null(find_entry(1));
	assert_int_equal(scopes_other(f.scopes)->groups, 0);
	teardown(&f);
}

static void a_group_found_gone_twice_is_retiring(void **state)
{
	struct group *group, *kept;
	struct scope *scope;
	struct fixture f;

	(void)state;
	setup(&f, false, NULL);
	admit(11, "/system.slice/web.service");
	admit(12, "/system.slice/web.service/worker");
	group = groups_find(f.groups, 11);
	kept = groups_find(f.groups, 12);
	scope = group->scope;
	for (int read = 0; read < 3; read++) {
		assert_int_equal(groups_refresh(f.groups), 0);
		assert_false(group->gone || group->retiring);
		groups_retire(f.groups);
	}
	end(11);
	assert_int_equal(groups_refresh(f.groups), 0);
	assert_true(group->gone && !group->retiring);
	groups_retire(f.groups); /* its last counts may not have been read */
	assert_ptr_equal(groups_find(f.groups, 11), group);
	assert_int_equal(groups_refresh(f.groups), 0);
	assert_true(group->gone && group->retiring);
	assert_ptr_equal(groups_find(f.groups, 11), group);
	assert_int_equal(scope->groups, 2);
	assert_true(find_entry(11)->has_state);
	groups_retire(f.groups);
	assert_null(find_entry(11));
	assert_non_null(find_entry(12));
	assert_int_equal(scope->groups, 1);
	assert_int_equal(groups_count(f.groups), 1);
	assert_ptr_equal(groups_find(f.groups, 12), kept);
	assert_false(kept->gone || kept->retiring);
	teardown(&f);
}

static void a_group_that_was_never_read_is_named_and_retired(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, false, NULL);
	admit(11, "/system.slice/web.service");
	end(11);
	groups_refresh(f.groups);
	assert_int_equal(groups_count(f.groups), 1);
	assert_string_equal(groups_find(f.groups, 11)->scope->name, "web.service");
	groups_retire(f.groups);
	groups_refresh(f.groups);
	groups_retire(f.groups);
	assert_int_equal(groups_count(f.groups), 0);
	assert_null(find_entry(11));
	teardown(&f);
}

static void a_failed_refresh_changes_nothing(void **state)
{
	const struct group *group;
	struct fixture f;

	(void)state;
	setup(&f, false, NULL);
	admit(11, "/system.slice/web.service");
	group = groups_find(f.groups, 11);
	end(11);
	states_error = -ENOMEM;
	assert_int_equal(groups_refresh(f.groups), -ENOMEM);
	assert_int_equal(groups_refresh(f.groups), -ENOMEM);
	assert_false(group->gone || group->retiring);
	teardown(&f);
}

/* Ids are handed out once, but a scope goes on with the unit's next cgroup. */
static void a_unit_s_next_cgroup_has_the_same_scope(void **state)
{
	const struct scope *scope;
	struct fixture f;

	(void)state;
	setup(&f, false, NULL);
	for (uint64_t id = 11; id < 20; id++) {
		admit(id, "/system.slice/web.service");
		if (id == 11)
			scope = groups_find(f.groups, id)->scope;
		assert_ptr_equal(groups_find(f.groups, id)->scope, scope);
		assert_int_equal(scope->groups, 1);
		end(id);
		groups_refresh(f.groups);
		groups_refresh(f.groups);
		groups_retire(f.groups);
		assert_int_equal(scope->groups, 0);
	}
	teardown(&f);
}

static void pid_namespaces_go_by_their_inode(void **state)
{
	const uint64_t inode = 4026532567, life = UINT64_C(77) << 32;
	const struct scope *scope;
	struct fixture f;

	(void)state;
	setup(&f, true, NULL);
	admit(inode, NULL);
	admit(inode | life, NULL);
	scope = groups_find(f.groups, inode)->scope;
	assert_string_equal(scope->name, "pidns-4026532567");
	assert_string_equal(scope->path, "pid:[4026532567]");
	/* the stamp of its life tells groups apart, not scopes */
	assert_ptr_not_equal(groups_find(f.groups, inode | life),
			     groups_find(f.groups, inode));
	assert_ptr_equal(groups_find(f.groups, inode | life)->scope, scope);
	end(inode);
	groups_refresh(f.groups);
	groups_refresh(f.groups);
	groups_retire(f.groups);
	assert_null(find_entry(inode));
	assert_non_null(find_entry(inode | life));
	assert_int_equal(scope->groups, 1);
	teardown(&f);
}

static void pid_namespaces_are_selected_too(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true, "pidns-4026531836");
	assert_ptr_equal(groups_find(f.groups, 4026532567)->scope,
			 scopes_other(f.scopes));
	assert_string_equal(groups_find(f.groups, 4026531836)->scope->name,
			    "pidns-4026531836");
	teardown(&f);
}

static void many_groups_are_found_again(void **state)
{
	struct group *groups[2000];
	struct fixture f;

	(void)state;
	setup(&f, false, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		groups[i] =
			groups_find(f.groups, i * 7919 % 2003 + (i % 2 ? 0 : 1ull << 40));
	assert_int_equal(groups_count(f.groups), ARRAY_SIZE(groups));
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		assert_ptr_equal(groups_find(f.groups, groups[i]->id), groups[i]);
	assert_int_equal(groups_count(f.groups), ARRAY_SIZE(groups));
	groups_free(NULL);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_a_path),
		cmocka_unit_test(a_full_buffer_is_not_cut_again),
		cmocka_unit_test(no_byte_is_written_beyond_the_size),
		cmocka_unit_test(bad_paths_are_survived),
		cmocka_unit_test(a_group_is_named_once_by_its_path),
		cmocka_unit_test(a_slot_is_given_back_when_its_group_is_gone),
		cmocka_unit_test(the_root_is_a_group),
		cmocka_unit_test(a_group_without_a_path_is_other),
		cmocka_unit_test(nested_cgroups_share_a_scope),
		cmocka_unit_test(what_is_not_selected_is_other),
		cmocka_unit_test(a_group_found_gone_twice_is_retiring),
		cmocka_unit_test(a_group_that_was_never_read_is_named_and_retired),
		cmocka_unit_test(a_failed_refresh_changes_nothing),
		cmocka_unit_test(a_unit_s_next_cgroup_has_the_same_scope),
		cmocka_unit_test(pid_namespaces_go_by_their_inode),
		cmocka_unit_test(pid_namespaces_are_selected_too),
		cmocka_unit_test(many_groups_are_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
