/* SPDX-License-Identifier: GPL-2.0-only */
#include "scopes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "identifier.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Scopes take a family for an address and no more. */
static const struct family fruit = { .name = "fruit" }, fish = { .name = "fish" };

static struct series_id id_of(uint32_t id)
{
	return (struct series_id){ .id = id };
}

static void add(struct scopes *s, struct scope *scope, uint32_t id, uint64_t n,
		bool retire)
{
	struct series_id series = id_of(id);

	assert_true(scopes_add(s, scope, &fruit, &series, n, retire));
}

/* NULL when there is none; makes none. */
static const struct series *find_series(const struct scope *scope, uint32_t id)
{
	for (const struct series *series = scope->series; series; series = series->next)
		if (series->family == &fruit && series->id.id == id)
			return series;
	return NULL;
}

static uint64_t value_of(const struct scope *scope, uint32_t id)
{
	const struct series *series = find_series(scope, id);

	return series ? series->value : 0;
}

static bool is_refused(const struct scope *scope, uint32_t id)
{
	const struct series *series = find_series(scope, id);

	assert_non_null(series);
	return series->refused;
}

static bool has_scope(struct scopes *s, const struct scope *scope)
{
	const struct scope *at = scopes_first(s);

	while (at && at != scope)
		at = at->next;
	return at;
}

static void scopes_begin_with_host_and_other(void **state)
{
	struct scopes *s = scopes_new(10);
	struct scope *group = scopes_of_group(s, "a", "/a");

	(void)state;
	assert_ptr_equal(scopes_first(s), scopes_host(s));
	assert_ptr_equal(scopes_host(s)->next, scopes_other(s));
	assert_ptr_equal(scopes_other(s)->next, group);
	assert_null(group->next);
	assert_string_equal(scopes_host(s)->name, "host");
	assert_string_equal(scopes_other(s)->name, "other");
	assert_null(scopes_host(s)->path);
	assert_null(scopes_other(s)->path);
	assert_string_equal(group->name, "a");
	assert_string_equal(group->path, "/a");
	assert_int_equal(scopes_series_count(s), 0);
	scopes_free(s);
	scopes_free(NULL);
}

/* What one series is given in a read, and what it then is. */
struct read {
	uint64_t live, retired;
	bool fails;
	uint64_t value;
};

static const struct read reads[] = {
	{ .live = 5, .value = 5 },
	{ .live = 5, .value = 5 }, /* not 10: rows are cumulative */
	{ .live = 9, .value = 9 },
	{ .live = 2, .fails = true, .value = 2 },
	{ .live = 9, .value = 9 },
	{ .live = 4, .retired = 6, .fails = true, .value = 10 }, /* its rows are kept */
	{ .live = 4, .retired = 6, .fails = true, .value = 10 },
	{ .live = 4, .retired = 6, .value = 10 },
	{ .live = 4, .value = 10 },
	{ .live = 5, .value = 11 },
	{ .retired = 5, .value = 11 },
	{ .value = 11 },
	{ .value = 11 },
	{ .retired = 1, .value = 12 },
	{ .live = 7, .value = 19 },
};

static void retired_counts_stay_in_the_base(void **state)
{
	struct scopes *s = scopes_new(10);
	struct scope *scopes[] = { scopes_host(s), scopes_other(s),
				   scopes_of_group(s, "a", "/a") };

	(void)state;
	for (const struct read *r = reads; r < reads + ARRAY_SIZE(reads); r++) {
		scopes_rewind(s);
		for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
			add(s, scopes[i], 1, r->retired, true);
			add(s, scopes[i], 1, r->live, false);
		}
		for (size_t i = 0; i < ARRAY_SIZE(scopes); i++)
			assert_int_equal(value_of(scopes[i], 1), r->value);
		if (!r->fails)
			scopes_commit(s);
		for (size_t i = 0; i < ARRAY_SIZE(scopes); i++)
			assert_int_equal(value_of(scopes[i], 1), r->value);
	}
	scopes_free(s);
}

static void counts_above_32_bits_are_kept(void **state)
{
	const uint64_t large = UINT64_C(0xffffffff00);
	struct scopes *s = scopes_new(10);

	(void)state;
	add(s, scopes_host(s), 1, large, true);
	scopes_commit(s);
	scopes_rewind(s);
	add(s, scopes_host(s), 1, large, false);
	assert_true(value_of(scopes_host(s), 1) == 2 * large);
	scopes_free(s);
}

static void each_part_of_an_id_makes_a_series(void **state)
{
	static const struct series_id ids[] = {
		{ 1, 0, 0 }, { 1, 0, 1 }, { 1, 2, 0 }, { 2, 0, 0 }, { 65537, 0, 0 }
	};
	static const struct family *const families_[] = { &fruit, &fish };
	struct scopes *s = scopes_new(100);
	struct scope *scopes[] = { scopes_host(s), scopes_of_group(s, "a", "/a") };
	const struct series *made[20];
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		const struct series_id *id = &ids[i % 5];

		made[i] = scopes_series(s, scopes[i / 10], families_[i / 5 % 2], id);
		assert_int_equal(scopes_series_count(s), i + 1);
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(made[i], made[j]);
	}
	for (size_t i = 0; i < 20; i++)
		assert_ptr_equal(made[i],
				 scopes_series(s, scopes[i / 10], families_[i / 5 % 2],
					       &ids[i % 5]));
	/* and each is in its scope's list, in order of creation */
	for (size_t i = 0; i < 2; i++)
		for (const struct series *x = scopes[i]->series; x; x = x->next)
			assert_ptr_equal(x, made[count++]);
	assert_int_equal(count, 20);
	scopes_free(s);
}

/* ---- names ---- */

struct name_row {
	const char *name, *path;
	bool is_kept;
};

static const struct name_row name_rows[] = {
	{ "nginx.service", "/system.slice/nginx.service", true },
	{ "nginx.service", "/other.slice/nginx.service", false },
	{ "nginx.service", "/third.slice/nginx.service", false },
	{ "self", "/self", false },
	{ "host", "/host", false },
	{ "other", "/other", false },
	{ "other", "/a/other", false },
	{ "root", "/", true },
	{ "Host", "/Host", true },
};

static void no_two_paths_have_one_name(void **state)
{
	static const char *const taken[] = { "self", "host", "other" };
	struct scopes *s = scopes_new(10);
	struct scope *scopes[ARRAY_SIZE(name_rows)];
	char ignored[IDENTIFIER_PART_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(name_rows); i++) {
		const struct name_row *row = &name_rows[i];
		struct scope *scope = scopes_of_group(s, row->name, row->path);

		scopes[i] = scope;
		assert_int_equal(strcmp(scope->name, row->name) == 0, row->is_kept);
		assert_memory_equal(scope->name, row->name, strlen(row->name));
		assert_string_equal(scope->path, row->path);
		assert_false(identifier_part(scope->name, ignored, sizeof(ignored)));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(scope->name, scopes[j]->name);
		for (size_t j = 0; j < ARRAY_SIZE(taken); j++)
			assert_string_not_equal(scope->name, taken[j]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(name_rows); i++)
		assert_ptr_equal(scopes[i], scopes_of_group(s, name_rows[i].name,
							    name_rows[i].path));
	scopes_free(s);
}

static void a_long_name_made_unique_is_legal(void **state)
{
	struct scopes *s = scopes_new(10);
	char name[IDENTIFIER_PART_MAX + 1], ignored[IDENTIFIER_PART_MAX + 1];
	const struct scope *second;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_string_equal(scopes_of_group(s, name, "/1")->name, name);
	second = scopes_of_group(s, name, "/2");
	assert_string_not_equal(second->name, name);
	assert_false(identifier_part(second->name, ignored, sizeof(ignored)));
	scopes_free(s);
}

/* Whoever may name cgroups may name one as another would be named to make it unique. */
static void a_name_made_unique_may_be_taken_too(void **state)
{
	struct scopes *s = scopes_new(10);
	char hashed[IDENTIFIER_PART_MAX + 1];
	const struct scope *a, *b, *c;

	(void)state;
	identifier_part_hashed("web", "/2/web", hashed, sizeof(hashed));
	a = scopes_of_group(s, hashed, "/1");
	b = scopes_of_group(s, "web", "/1/web");
	c = scopes_of_group(s, "web", "/2/web");
	assert_string_equal(a->name, hashed);
	assert_string_equal(b->name, "web");
	assert_string_not_equal(c->name, a->name);
	assert_string_not_equal(c->name, b->name);
	scopes_free(s);
}

/* ---- MaxSeries ---- */

static void max_series_keeps_what_was_there_first(void **state)
{
	struct scopes *s = scopes_new(3);
	struct scope *host = scopes_host(s), *other = scopes_other(s);
	struct scope *a = scopes_of_group(s, "a", "/a");

	(void)state;
	for (int read = 0; read < 3; read++) {
		scopes_rewind(s);
		add(s, host, 1, 16, false);
		add(s, a, 1, 5, false);
		add(s, a, 2, 6, false);
		/* no more room: */
		add(s, a, 3, 7, false);
		add(s, host, 2, 20, false);
		scopes_commit(s);
		assert_false(is_refused(host, 1));
		assert_false(is_refused(a, 1));
		assert_false(is_refused(a, 2));
		assert_true(is_refused(a, 3));
		assert_true(is_refused(host, 2));
		assert_int_equal(value_of(a, 1), 5);
		assert_int_equal(value_of(a, 2), 6);
		assert_int_equal(value_of(a, 3), 0);
		/* the twin of the group's, never of the host's */
		assert_false(is_refused(other, 3));
		assert_int_equal(value_of(other, 3), 7);
		assert_null(find_series(other, 2));
		assert_int_equal(scopes_series_count(s), 4);
		assert_int_equal(scopes_refused_count(s), 2);
	}
	scopes_free(s);
}

static void other_is_never_refused(void **state)
{
	struct scopes *s = scopes_new(0);

	(void)state;
	for (uint32_t id = 0; id < 50; id++) {
		add(s, scopes_other(s), id, 1, false);
		add(s, scopes_of_group(s, "a", "/a"), id, 2, false);
		assert_false(is_refused(scopes_other(s), id));
		assert_int_equal(value_of(scopes_other(s), id), 3);
	}
	assert_int_equal(scopes_series_count(s), 50);
	assert_int_equal(scopes_refused_count(s), 50);
	scopes_free(s);
}

static void refused_counts_of_a_retired_group_stay_in_other(void **state)
{
	struct scopes *s = scopes_new(0);
	struct scope *a = scopes_of_group(s, "a", "/a");

	(void)state;
	scopes_rewind(s);
	add(s, a, 1, 9, true);
	scopes_commit(s);
	scopes_expire(s, 0);
	assert_int_equal(scopes_refused_count(s), 0);
	scopes_rewind(s);
	assert_int_equal(value_of(scopes_other(s), 1), 9);
	scopes_free(s);
}

static void freed_slots_are_for_new_series(void **state)
{
	struct scopes *s = scopes_new(2);
	struct scope *a = scopes_of_group(s, "a", "/a");
	struct scope *b = scopes_of_group(s, "b", "/b");

	(void)state;
	a->groups = b->groups = 1;
	add(s, a, 1, 1, false);
	add(s, a, 2, 1, false);
	add(s, b, 1, 1, false);
	assert_true(is_refused(b, 1));
	a->groups = 0;
	scopes_expire(s, 0);
	assert_false(has_scope(s, a));
	assert_int_equal(scopes_series_count(s), 1); /* the twin of b's */
	scopes_rewind(s);
	add(s, b, 1, 3, false);
	add(s, b, 2, 4, false);
	add(s, b, 3, 5, false);
	/* b's first has begun in `other`, which would step back if it went on by itself */
	assert_true(is_refused(b, 1));
	assert_int_equal(value_of(scopes_other(s), 1), 3);
	assert_false(is_refused(b, 2));
	assert_int_equal(value_of(b, 2), 4);
	assert_true(is_refused(b, 3));
	scopes_free(s);
}

/* ---- expiry ---- */

enum { IDLE_MAX = 3 };

static void an_idle_scope_is_forgotten(void **state)
{
	struct scopes *s = scopes_new(10);
	struct scope *a = scopes_of_group(s, "a", "/a");

	(void)state;
	a->groups = 1;
	add(s, a, 1, 5, true);
	scopes_commit(s);
	for (int read = 0; read < 10; read++)
		scopes_expire(s, IDLE_MAX);
	assert_true(has_scope(s, a));
	a->groups = 0;
	for (int read = 0; read < IDLE_MAX; read++) {
		scopes_expire(s, IDLE_MAX);
		assert_true(has_scope(s, a));
	}
	scopes_expire(s, IDLE_MAX);
	assert_null(scopes_other(s)->next);
	assert_int_equal(scopes_series_count(s), 0);
	/* a new life under the old name */
	a = scopes_of_group(s, "a", "/a");
	assert_string_equal(a->name, "a");
	assert_null(a->series);
	scopes_free(s);
}

static void host_and_other_do_not_expire(void **state)
{
	struct scopes *s = scopes_new(10);

	(void)state;
	add(s, scopes_host(s), 1, 5, false);
	add(s, scopes_other(s), 1, 5, false);
	for (int read = 0; read < 10; read++)
		scopes_expire(s, 0);
	assert_int_equal(value_of(scopes_host(s), 1), 5);
	assert_int_equal(value_of(scopes_other(s), 1), 5);
	scopes_free(s);
}

static void a_scope_that_is_back_in_time_goes_on(void **state)
{
	struct scopes *s = scopes_new(10);
	struct scope *a = scopes_of_group(s, "a", "/a");

	(void)state;
	add(s, a, 1, 5, true);
	scopes_commit(s);
	for (int life = 0; life < 3; life++) {
		for (int read = 0; read < IDLE_MAX; read++)
			scopes_expire(s, IDLE_MAX);
		assert_ptr_equal(scopes_of_group(s, "a", "/a"), a);
		a->groups = 1;
		scopes_expire(s, IDLE_MAX); /* begins to count anew */
		a->groups = 0;
	}
	scopes_rewind(s);
	add(s, a, 1, 2, false);
	assert_int_equal(value_of(a, 1), 7);
	scopes_free(s);
}

/* ---- all of it at random, against a model ---- */

enum {
	PATHS = 40,
	GROUPS = 60,
	IDS = 6,
	READS = 4000,
	MAX_SERIES = 120, /* of PATHS * IDS */
};

struct fake_group {
	struct scope *scope; /* NULL: there is none */
	uint64_t rows[IDS];  /* as the kernel's map has them */
};

struct model {
	struct scopes *s;
	uint32_t seed;
	struct fake_group groups[GROUPS];
	uint64_t total[IDS];	    /* all that was ever counted */
	uint64_t given[PATHS][IDS]; /* of it, to a path's scope as long as it is there */
	uint64_t refused[IDS];	    /* of it, to series that were refused and are gone */
	uint64_t forgotten[IDS];    /* of it, to series that were sent and are gone */
	int expired;
};

static uint32_t roll(struct model *m, uint32_t below)
{
	m->seed = m->seed * 1664525u + 1013904223u;
	return (m->seed >> 8) % below;
}

static int path_index(const struct scope *scope)
{
	int index;

	assert_int_equal(sscanf(scope->path, "/%d", &index), 1);
	return index;
}

static void let_time_pass(struct model *m)
{
	for (struct fake_group *g = m->groups; g < m->groups + GROUPS; g++) {
		char path[16];

		if (!g->scope && roll(m, 20) == 0) {
			snprintf(path, sizeof(path), "/%u", roll(m, PATHS));
			g->scope = scopes_of_group(m->s, "same", path);
			g->scope->groups++;
		}
		for (uint32_t id = 0; id < IDS && g->scope; id++) {
			uint32_t n = roll(m, 3) ? 0 : roll(m, 1000);

			g->rows[id] += n;
			m->total[id] += n;
			m->given[path_index(g->scope)][id] += n;
		}
	}
}

/* `count` groups only, when the read fails then. */
static void read_groups(struct model *m, const bool retiring[], uint32_t count)
{
	scopes_rewind(m->s);
	for (uint32_t i = 0; i < count; i++) {
		const struct fake_group *g = &m->groups[i];

		for (uint32_t id = 0; id < IDS && g->scope; id++) {
			if (!g->rows[id])
				continue;
			add(m->s, g->scope, id, g->rows[id], retiring[i]);
			add(m->s, scopes_host(m->s), id, g->rows[id], retiring[i]);
		}
	}
}

static void check_scopes(const struct model *m)
{
	for (uint32_t id = 0; id < IDS; id++) {
		uint64_t sum = m->forgotten[id] + value_of(scopes_other(m->s), id);
		uint64_t other = m->refused[id];

		for (const struct scope *x = scopes_other(m->s)->next; x; x = x->next) {
			const struct series *series = find_series(x, id);
			uint64_t given = m->given[path_index(x)][id];

			if (!series)
				assert_true(given == 0);
			else if (series->refused)
				other += given;
			else
				assert_true(series->value == given);
			if (series && series->refused)
				assert_true(series->value == 0);
			sum += series ? series->value : 0;
		}
		assert_true(value_of(scopes_host(m->s), id) == m->total[id]);
		assert_true(value_of(scopes_other(m->s), id) == other);
		assert_true(sum == m->total[id]);
	}
}

static void expire(struct model *m)
{
	bool there[PATHS] = { false }, was_sent[PATHS][IDS] = { { false } };

	for (const struct scope *x = scopes_other(m->s)->next; x; x = x->next)
		for (const struct series *y = x->series; y; y = y->next)
			was_sent[path_index(x)][y->id.id] = !y->refused;
	scopes_expire(m->s, IDLE_MAX);
	for (const struct scope *x = scopes_other(m->s)->next; x; x = x->next)
		there[path_index(x)] = true;
	for (int path = 0; path < PATHS; path++) {
		for (int id = 0; id < IDS && !there[path]; id++) {
			uint64_t *to = was_sent[path][id] ? m->forgotten : m->refused;

			to[id] += m->given[path][id];
			m->expired += m->given[path][id] > 0;
			m->given[path][id] = 0;
		}
	}
}

static void remove_retired(struct model *m, const bool retiring[])
{
	for (int i = 0; i < GROUPS; i++) {
		if (!m->groups[i].scope || !retiring[i])
			continue;
		m->groups[i].scope->groups--;
		m->groups[i] = (struct fake_group){ 0 };
	}
}

static void check_counts(const struct model *m)
{
	unsigned sent = 0, refused = 0;

	for (const struct scope *x = scopes_first(m->s); x; x = x->next)
		for (const struct series *y = x->series; y; y = y->next)
			*(y->refused ? &refused : &sent) += 1;
	assert_int_equal(scopes_series_count(m->s), sent);
	assert_int_equal(scopes_refused_count(m->s), refused);
	assert_true(sent <= MAX_SERIES + IDS);
}

static void nothing_is_lost(void **state)
{
	struct model m = { .s = scopes_new(MAX_SERIES), .seed = 1 };
	unsigned refused_max = 0;

	(void)state;
	/* as the engine does with series that are sent from the first read on */
	for (uint32_t id = 0; id < IDS; id++)
		add(m.s, scopes_host(m.s), id, 0, false);
	for (int read = 0; read < READS; read++) {
		bool retiring[GROUPS];

		/* from time to time most groups end, and their scopes have the time to expire */
		for (int i = 0; i < GROUPS; i++)
			retiring[i] = roll(&m, read / 20 % 2 ? 3 : 30) == 0;
		let_time_pass(&m);
		if (roll(&m, 8) == 0)
			read_groups(&m, retiring, roll(&m, GROUPS));
		else {
			read_groups(&m, retiring, GROUPS);
			check_scopes(&m);
			scopes_commit(m.s);
			remove_retired(&m, retiring);
			expire(&m);
		}
		check_counts(&m);
		if (scopes_refused_count(m.s) > refused_max)
			refused_max = scopes_refused_count(m.s);
	}
	/* it was a test only if all of that has happened */
	assert_true(m.expired > 100 && refused_max > 50);
	assert_true(m.forgotten[0] > 0 && m.refused[0] > 0);
	scopes_free(m.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes_begin_with_host_and_other),
		cmocka_unit_test(retired_counts_stay_in_the_base),
		cmocka_unit_test(counts_above_32_bits_are_kept),
		cmocka_unit_test(each_part_of_an_id_makes_a_series),
		cmocka_unit_test(no_two_paths_have_one_name),
		cmocka_unit_test(a_long_name_made_unique_is_legal),
		cmocka_unit_test(a_name_made_unique_may_be_taken_too),
		cmocka_unit_test(max_series_keeps_what_was_there_first),
		cmocka_unit_test(other_is_never_refused),
		cmocka_unit_test(refused_counts_of_a_retired_group_stay_in_other),
		cmocka_unit_test(freed_slots_are_for_new_series),
		cmocka_unit_test(an_idle_scope_is_forgotten),
		cmocka_unit_test(host_and_other_do_not_expire),
		cmocka_unit_test(a_scope_that_is_back_in_time_goes_on),
		cmocka_unit_test(nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
