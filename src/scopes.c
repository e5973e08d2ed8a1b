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
	unsigned host_times, other_times; /* see scopes_weigh_times() */
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
			s->refused_count -= series->weight;
		else
			s->series_count -= series->weight;
		tdelete(series, &s->by_series, compare_series);
		if (series->times)
			free(series->times->histogram);
		free(series->times);
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

void scopes_weigh_times(struct scopes *s, unsigned host, unsigned other)
{
	s->host_times = host;
	s->other_times = other;
}

static unsigned weight_of(const struct scopes *s, const struct scope *scope,
			  const struct series_id *id)
{
	if (id->column != LATENCY)
		return 1;
	return scope == &s->host ? s->host_times : s->other_times;
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
	series->weight = weight_of(s, scope, id);
	series->refused = s->series_count + series->weight > s->max_series &&
			  scope != &s->other;
	if (!tsearch(series, &s->by_series, compare_series)) {
		free(series);
		return NULL;
	}
	if (series->refused)
		s->refused_count += series->weight;
	else
		s->series_count += series->weight;
	*scope->last = series;
	scope->last = &series->next;
	return series;
}

static void rewind_times(struct series_times *t)
{
	t->value = t->base;
	t->retiring = 0;
	t->max = 0;
	if (t->histogram)
		memset(t->histogram->value, 0, sizeof(t->histogram->value));
}

void scopes_rewind(struct scopes *s)
{
	for (struct scope *scope = &s->host; scope; scope = scope->next)
		for (struct series *series = scope->series; series;
		     series = series->next) {
			series->value = series->base;
			series->retiring = 0;
			if (series->times)
				rewind_times(series->times);
		}
}

/* The series that counts for these. */
static struct series *counting_series(struct scopes *s, struct scope *scope,
				      const struct family *family,
				      const struct series_id *id)
{
	struct series *series = scopes_series(s, scope, family, id);

	if (series && series->refused && scope != &s->host)
		series = scopes_series(s, &s->other, family, id);
	return series;
}

bool scopes_add(struct scopes *s, struct scope *scope, const struct family *family,
		const struct series_id *id, uint64_t n, bool retire)
{
	struct series *series = counting_series(s, scope, family, id);

	if (!series)
		return false;
	series->value += n;
	if (retire)
		series->retiring += n;
	return true;
}

static bool add_buckets(struct series_times *t, const uint64_t *buckets)
{
	if (!t->histogram)
		t->histogram = calloc(1, sizeof(*t->histogram));
	for (unsigned i = 0; t->histogram && i < HISTOGRAM_BUCKETS; i++)
		t->histogram->value[i] += buckets[i];
	return t->histogram;
}

bool scopes_add_times(struct scopes *s, struct scope *scope, const struct family *family,
		      const struct series_id *id, const struct time_sum *sum,
		      const uint64_t buckets[HISTOGRAM_BUCKETS], bool retire)
{
	struct series *series = counting_series(s, scope, family, id);
	struct series_times *t;

	if (!series)
		return false;
	if (!series->times)
		series->times = calloc(1, sizeof(*series->times));
	t = series->times;
	if (!t)
		return false;
	series->value += sum->count;
	t->value += sum->sum;
	if (sum->max > t->max)
		t->max = sum->max;
	if (retire) {
		series->retiring += sum->count;
		t->retiring += sum->sum;
	}
	return !buckets || add_buckets(t, buckets);
}

static void commit_times(struct series *series)
{
	struct series_times *t = series->times;

	t->base += t->retiring;
	t->sent_count = series->value;
	t->sent_sum = t->value;
	if (t->histogram)
		memcpy(t->histogram->sent, t->histogram->value,
		       sizeof(t->histogram->sent));
}

void scopes_commit(struct scopes *s)
{
	for (struct scope *scope = &s->host; scope; scope = scope->next)
		for (struct series *series = scope->series; series;
		     series = series->next) {
			series->base += series->retiring;
			if (series->times)
				commit_times(series);
		}
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
