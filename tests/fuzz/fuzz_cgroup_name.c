/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths of cgroups, one a line, become names: legal ones, and different ones for different
 * groups. Who may make cgroups chooses these paths, and in a container that can be anybody.
 */
#include "input.h"

#include "cgroup_name.h"
#include "identifier.h"
#include "scopes.h"

enum { PATHS_MAX = 32 };

static void check_name(const char *name)
{
	size_t length = strlen(name);

	CHECK(length > 0 && length <= IDENTIFIER_PART_MAX, "%s", name);
	CHECK(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	for (const char *c = name; *c; c++)
		CHECK(*c > ' ' && *c <= '~' && *c != '/', "%s", name);
}

/* No byte is written beyond a buffer of any size: on the heap, where it is seen. */
static void check_size(const char *path, size_t size)
{
	char *name = malloc(size);

	CHECK(name || !size);
	cgroup_group_name(path, name, size);
	CHECK(!size || memchr(name, '\0', size));
	identifier_part(path, name, size);
	CHECK(!size || memchr(name, '\0', size));
	free(name);
}

static void check_part(const char *text)
{
	char part[IDENTIFIER_PART_MAX + 1], again[IDENTIFIER_PART_MAX + 1];
	bool changed = identifier_part(text, part, sizeof(part));

	check_name(part);
	CHECK(changed == (strcmp(text, part) != 0));
	CHECK(!identifier_part(part, again, sizeof(again)), "%s", part);
	CHECK(strcmp(part, again) == 0, "%s and then %s", part, again);
}

/* Adds what is found for `path` to the scopes, as the plugin does. */
static const struct scope *check_path(struct scopes *scopes, const char *path)
{
	char name[IDENTIFIER_PART_MAX + 1], again[IDENTIFIER_PART_MAX + 1];
	size_t bytes = cgroup_group_name(path, name, sizeof(name));
	char *own = strndup(path, bytes);
	const struct scope *scope;

	CHECK(own);
	check_name(name);
	CHECK(bytes <= strlen(path), "%zu", bytes);
	/* the group's own cgroup has the same name, and leads to itself */
	CHECK(cgroup_group_name(own, again, sizeof(again)) == bytes, "%s", own);
	CHECK(strcmp(name, again) == 0, "%s: %s, but %s: %s", path, name, own, again);
	scope = scopes_of_group(scopes, name, own);
	CHECK(scope && strcmp(scope->path, own) == 0);
	CHECK(scope == scopes_of_group(scopes, name, own));
	check_name(scope->name);
	free(own);
	return scope;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct scope *found[PATHS_MAX];
	struct input in = { data, size };
	struct scopes *scopes = scopes_new(1);
	size_t small = take_byte(&in);
	int count = 0;

	CHECK(scopes);
	for (; in.left && count < PATHS_MAX; count++) {
		char *path = take_text(&in, "\n");

		check_size(path, small);
		check_part(path);
		found[count] = check_path(scopes, path);
		for (int i = 0; i < count; i++)
			CHECK(found[i] == found[count] ||
				      strcmp(found[i]->name, found[count]->name) != 0,
			      "%s", found[i]->name);
		free(path);
	}
	scopes_free(scopes);
	return 0;
}
