/* SPDX-License-Identifier: GPL-2.0-only */
#include "selector.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *patterns[3];
	const char *name;
	bool is_listed;
};

static const struct row rows[] = {
	{ { "read" }, "read", true },
	{ { "read" }, "readv", false },
	{ { "read" }, "Read", false },
	{ { "read" }, "", false },
	{ { "/read/" }, "pread64", true },
	{ { "/^read$/" }, "readv", false },
	{ { "/^(read|write)v?$/" }, "writev", true },
	{ { "/^(read|write)v?$/" }, "pwritev", false },
	{ { "open", "/^mk/" }, "mkdirat", true },
	{ { "open", "/^mk/", "close" }, "close", true },
	{ { "open", "/^mk/", "close" }, "openat", false },
	{ { "/^docker-[0-9a-f]{12}$/" }, "docker-3f4a9d0b7c1e", true },
	{ { "a/b" }, "a/b", true },
	{ { "/a" }, "/a", true },
	{ { "/a" }, "a", false },
	{ { "/" }, "/", true },
	{ { "/\\// " }, "/\\// ", true },
	{ { "/\\//" }, "a/b", true },
};

static void entries_decide_and_ignore_turns_round(void **state)
{
	char err[80];

	(void)state;
	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		struct selector s = { 0 };

		for (size_t i = 0; i < 3 && row->patterns[i]; i++)
			assert_int_equal(
				selector_add(&s, row->patterns[i], err, sizeof(err)), 0);
		assert_int_equal(selector_matches(&s, row->name), row->is_listed);
		s.ignore = true;
		assert_int_equal(selector_matches(&s, row->name), !row->is_listed);
		selector_fini(&s);
	}
}

static void without_entries_all_matches(void **state)
{
	struct selector s = { 0 };

	(void)state;
	assert_true(selector_matches(&s, "read"));
	s.ignore = true;
	assert_true(selector_matches(&s, "read"));
	selector_fini(&s);
	selector_fini(NULL);
}

static void bad_patterns_are_refused_with_a_reason(void **state)
{
	static const char *const patterns[] = { "", "//", "/(/", "/[a/", "/a{2/", "/*(/" };
	struct selector s = { 0 };
	char err[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		err[0] = '\0';
		assert_int_equal(selector_add(&s, patterns[i], err, sizeof(err)),
				 -EINVAL);
		assert_true(err[0] != '\0');
	}
	assert_int_equal(selector_add(&s, "", err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "is empty");
	assert_int_equal(selector_add(&s, "/(/", err, 4), -EINVAL);
	assert_int_equal(strlen(err), 3);

	/* What was refused is not in the list. */
	assert_int_equal(s.count, 0);
	assert_true(selector_matches(&s, "read"));
	assert_int_equal(selector_add(&s, "read", err, sizeof(err)), 0);
	assert_false(selector_matches(&s, "write"));
	selector_fini(&s);
}

static void collect(const char *name, void *arg)
{
	char *all = arg;

	snprintf(all + strlen(all), 80 - strlen(all), "%s ", name);
}

static void each_name_leaves_expressions_out(void **state)
{
	struct selector s = { 0 };
	char all[80] = "";
	char err[80];

	(void)state;
	selector_each_name(&s, collect, all);
	assert_string_equal(all, "");
	assert_int_equal(selector_add(&s, "read", err, sizeof(err)), 0);
	assert_int_equal(selector_add(&s, "/write/", err, sizeof(err)), 0);
	assert_int_equal(selector_add(&s, "opne", err, sizeof(err)), 0);
	selector_each_name(&s, collect, all);
	assert_string_equal(all, "read opne ");
	selector_fini(&s);
}

static const char *name_by_index(unsigned index, void *arg)
{
	static const char *const names[] = { "read", NULL, "write" };

	(void)arg;
	return names[index];
}

static void the_first_entry_without_a_match_is_found(void **state)
{
	struct selector s = { 0 };
	char err[80];

	(void)state;
	assert_null(selector_idle_entry(&s, 3, name_by_index, NULL));
	assert_int_equal(selector_add(&s, "write", err, sizeof(err)), 0);
	assert_int_equal(selector_add(&s, "/^r/", err, sizeof(err)), 0);
	assert_null(selector_idle_entry(&s, 3, name_by_index, NULL));
	assert_string_equal(selector_idle_entry(&s, 2, name_by_index, NULL), "write");
	assert_int_equal(selector_add(&s, "/^x/", err, sizeof(err)), 0);
	assert_int_equal(selector_add(&s, "writ", err, sizeof(err)), 0);
	assert_string_equal(selector_idle_entry(&s, 3, name_by_index, NULL), "/^x/");
	selector_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_decide_and_ignore_turns_round),
		cmocka_unit_test(without_entries_all_matches),
		cmocka_unit_test(bad_patterns_are_refused_with_a_reason),
		cmocka_unit_test(each_name_leaves_expressions_out),
		cmocka_unit_test(the_first_entry_without_a_match_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
