/* SPDX-License-Identifier: GPL-2.0-only */
#include "scopes.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identifier.h"

struct scopes {
	struct scope host, other;
	void *by_series; /* tsearch(3) trees */
	void *by_path;
	void *by_name;
	unsigned max_series, series_count, refused_count;
};

static int compare_uint(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_series(const void *a, const void *b)
{
	const struct series *x = a, *y = b;
	int order = compare_uint((uintptr_t)x->scope, (uintptr_t)y->scope);

	if (!order)
		order = compare_uint((uintptr_t)x->family, (uintptr_t)y->family);
	if (!order)
		order = compare_uint(x->id.id, y->id.id);
	if (!order)
		order = compare_uint(x->id.code, y->id.code);
	return order ? order : compare_uint(x->id.column, y->id.column);
}

static int compare_path(const void *a, const void *b)
{
	return strcmp(((const struct scope *)a)->path, ((const struct scope *)b)->path);
}

static int compare_name(const void *a, const void *b)
{
	return strcmp(((const struct scope *)a)->name, ((const struct scope *)b)->name);
}

/* The member that equals `key`, or NULL. */
static void *find(void *const *tree, const void *key,
		  int (*compare)(const void *, const void *))
{
	void **node = tfind(key, tree, compare);

	return node ? *node : NULL;
}

struct scopes *scopes_new(unsigned max_series)
{
	struct scopes *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->max_series = max_series;
	s->host = (struct scope){ .name = "host",
				  .last = &s->host.series,
				  .next = &s->other };
	s->other = (struct scope){ .name = "other", .last = &s->other.series };
	if (tsearch(&s->host, &s->by_name, compare_name) &&
	    tsearch(&s->other, &s->by_name, compare_name))
		return s;
	scopes_free(s);
	return NULL;
}

static void drop_series(struct scopes *s, struct scope *scope)
{
	for (struct series *series = scope->series, *next; series; series = next) {
		next = series->next;
		if (series->refused)
			s->refused_count--;
		else
			s->series_count--;
		tdelete(series, &s->by_series, compare_series);
		free(series);
	}
	scope->series = NULL;
}

static void free_group(struct scopes *s, struct scope *scope)
{
	drop_series(s, scope);
	tdelete(scope, &s->by_path, compare_path);
	tdelete(scope, &s->by_name, compare_name);
	free((char *)scope->name);
	free((char *)scope->path);
	free(scope);
}

void scopes_free(struct scopes *s)
{
	if (!s)
		return;
	for (struct scope *scope = s->other.next, *next; scope; scope = next) {
		next = scope->next;
		free_group(s, scope);
	}
	drop_series(s, &s->host);
	drop_series(s, &s->other);
	tdelete(&s->host, &s->by_name, compare_name);
	tdelete(&s->other, &s->by_name, compare_name);
	free(s);
}

struct scope *scopes_host(struct scopes *s)
{
	return &s->host;
}

struct scope *scopes_other(struct scopes *s)
{
	return &s->other;
}

struct scope *scopes_first(struct scopes *s)
{
	return &s->host;
}

/* `self` is taken too: by the plugin's own values. */
static bool is_name_taken(struct scopes *s, const char *name)
{
	struct scope key = { .name = name };

	return strcmp(name, "self") == 0 || find(&s->by_name, &key, compare_name);
}

/*
 * Adds a hash of the path where the name is taken; and where that is, a hash of it and a
 * number.
 */
static void make_unique(struct scopes *s, const char *name, const char *path,
			char *unique, size_t size)
{
	char hashed[IDENTIFIER_PART_MAX + 16];

	snprintf(unique, size, "%s", name);
	for (unsigned n = 0; is_name_taken(s, unique); n++) {
		identifier_part_hashed(name, path, unique, size);
		/* the number keeps a chain of hashes from going round in a circle */
		snprintf(hashed, sizeof(hashed), "%u %s", n, unique);
		path = hashed;
	}
}

static struct scope *new_group(struct scopes *s, const char *name, const char *path)
{
	struct scope *scope = calloc(1, sizeof(*scope));
	char unique[IDENTIFIER_PART_MAX + 1];

	if (!scope)
		return NULL;
	make_unique(s, name, path, unique, sizeof(unique));
	scope->name = strdup(unique);
	scope->path = strdup(path);
	scope->last = &scope->series;
	if (scope->name && scope->path && tsearch(scope, &s->by_path, compare_path) &&
	    tsearch(scope, &s->by_name, compare_name))
		return scope;
	if (scope->name && scope->path)
		tdelete(scope, &s->by_path, compare_path);
	free((char *)scope->name);
	free((char *)scope->path);
	free(scope);
	return NULL;
}

struct scope *scopes_of_group(struct scopes *s, const char *name, const char *path)
{
	struct scope key = { .path = path };
	struct scope *scope = find(&s->by_path, &key, compare_path);

	if (scope)
		return scope;
	scope = new_group(s, name, path);
	if (scope) {
		scope->next = s->other.next;
		s->other.next = scope;
	}
	return scope;
}

struct series *scopes_series(struct scopes *s, struct scope *scope,
			     const struct family *family, const struct series_id *id)
{
	struct series key = { .scope = scope, .family = family, .id = *id };
	struct series *series = find(&s->by_series, &key, compare_series);

	if (series)
		return series;
	series = malloc(sizeof(*series));
	if (!series)
		return NULL;
	*series = key;
	series->refused = s->series_count >= s->max_series && scope != &s->other;
	if (!tsearch(series, &s->by_series, compare_series)) {
		free(series);
		return NULL;
	}
	if (series->refused)
		s->refused_count++;
	else
		s->series_count++;
	*scope->last = series;
	scope->last = &series->next;
	return series;
}

void scopes_rewind(struct scopes *s)
{
	for (struct scope *scope = &s->host; scope; scope = scope->next)
		for (struct series *series = scope->series; series;
		     series = series->next) {
			series->value = series->base;
			series->retiring = 0;
		}
}

bool scopes_add(struct scopes *s, struct scope *scope, const struct family *family,
		const struct series_id *id, uint64_t n, bool retire)
{
	struct series *series = scopes_series(s, scope, family, id);

	if (series && series->refused && scope != &s->host)
		series = scopes_series(s, &s->other, family, id);
	if (!series)
		return false;
	series->value += n;
	if (retire)
		series->retiring += n;
	return true;
}

void scopes_commit(struct scopes *s)
{
	for (struct scope *scope = &s->host; scope; scope = scope->next)
		for (struct series *series = scope->series; series; series = series->next)
			series->base += series->retiring;
}

void scopes_expire(struct scopes *s, unsigned idle_max)
{
	for (struct scope **at = &s->other.next; *at;) {
		struct scope *scope = *at;

		scope->idle = scope->groups ? 0 : scope->idle + 1;
		if (scope->idle > idle_max) {
			*at = scope->next;
			free_group(s, scope);
		} else {
			at = &scope->next;
		}
	}
}

unsigned scopes_series_count(const struct scopes *s)
{
	return s->series_count;
}

unsigned scopes_refused_count(const struct scopes *s)
{
	return s->refused_count;
}
