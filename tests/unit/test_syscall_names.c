/* SPDX-License-Identifier: GPL-2.0-only */
#include "syscall_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bpf_shared.h"
#include "identifier.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum { NAME_BYTES_MAX = 60 };

/* An id, its name, and the lowest id of that name. */
struct row {
	uint32_t id;
	const char *name;
	uint32_t canonical;
};

#if defined(__x86_64__)
static const struct row rows[] = {
	{ SYSCALL_NATIVE + 0, "read", 0 },
	{ SYSCALL_NATIVE + 110, "getppid", 110 },
	{ SYSCALL_NATIVE + 308, "setns", 308 },
	{ SYSCALL_NATIVE + 435, "clone3", 435 },
	{ SYSCALL_COMPAT + 0, "restart_syscall", 219 },
	{ SYSCALL_COMPAT + 3, "read", 0 },
	{ SYSCALL_COMPAT + 64, "getppid", 110 },
	{ SYSCALL_COMPAT + 102, "socketcall", SYSCALL_COMPAT + 102 },
	{ SYSCALL_COMPAT + 195, "stat64", SYSCALL_COMPAT + 195 },
	{ SYSCALL_COMPAT + 346, "setns", 308 },
	{ SYSCALL_COMPAT + 359, "socket", 41 },
	{ SYSCALL_COMPAT + 435, "clone3", 435 },
	{ SYSCALL_X32 + 0, "read", 0 },
	{ SYSCALL_X32 + 110, "getppid", 110 },
	{ SYSCALL_X32 + 512, "rt_sigaction", 13 },
	{ SYSCALL_X32 + 545, "execveat", 322 },
	/* what is only in the other tables */
	{ SYSCALL_X32 + 13, "x32_nr_13", SYSCALL_X32 + 13 },
	{ SYSCALL_NATIVE + 511, "nr_511", 511 },
	{ SYSCALL_COMPAT + 511, "compat_nr_511", SYSCALL_COMPAT + 511 },
	{ SYSCALL_X32 + 575, "x32_nr_575", SYSCALL_X32 + 575 },
	{ SYSCALL_UNKNOWN, "unknown", SYSCALL_UNKNOWN },
};
static const uint32_t openat_ids[] = { 257, SYSCALL_COMPAT + 295, SYSCALL_X32 + 257 };
static const uint32_t sigreturn_ids[] = { 15, SYSCALL_COMPAT + 173 };
#elif defined(__aarch64__)
static const struct row rows[] = {
	{ SYSCALL_NATIVE + 63, "read", 63 },
	{ SYSCALL_NATIVE + 173, "getppid", 173 },
	{ SYSCALL_NATIVE + 268, "setns", 268 },
	{ SYSCALL_NATIVE + 435, "clone3", 435 },
	{ SYSCALL_COMPAT + 2, "fork", SYSCALL_COMPAT + 2 },
	{ SYSCALL_COMPAT + 3, "read", 63 },
	{ SYSCALL_COMPAT + 64, "getppid", 173 },
	{ SYSCALL_COMPAT + 281, "socket", 198 },
	{ SYSCALL_COMPAT + 375, "setns", 268 },
	{ SYSCALL_COMPAT + 435, "clone3", 435 },
	{ SYSCALL_NATIVE + 511, "nr_511", 511 },
	{ SYSCALL_COMPAT + 511, "compat_nr_511", SYSCALL_COMPAT + 511 },
	{ SYSCALL_X32 + 0, "x32_nr_0", SYSCALL_X32 + 0 },
	{ SYSCALL_UNKNOWN, "unknown", SYSCALL_UNKNOWN },
};
static const uint32_t openat_ids[] = { 56, SYSCALL_COMPAT + 322 };
static const uint32_t sigreturn_ids[] = { 139, SYSCALL_COMPAT + 173 };
#endif

static void numbers_are_named_by_their_own_table(void **state)
{
	(void)state;
	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		assert_string_equal(syscall_name(row->id), row->name);
		assert_int_equal(syscall_canonical(row->id), row->canonical);
	}
}

static void ids_beyond_all_tables_are_unknown(void **state)
{
	static const uint32_t ids[] = { SYSCALL_IDS, SYSCALL_ALL, SYSCALL_ROW_IDS,
					UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_string_equal(syscall_name(ids[i]), "unknown");
		assert_int_equal(syscall_canonical(ids[i]), ids[i]);
	}
}

static void every_name_is_legal_and_short(void **state)
{
	char part[NAME_BYTES_MAX];

	(void)state;
	for (uint32_t id = 0; id < SYSCALL_IDS; id++) {
		assert_true(syscall_name(id)[0]);
		/* false: it is legal and fits */
		assert_false(identifier_part(syscall_name(id), part, sizeof(part)));
		assert_null(strchr(syscall_name(id), '-')); /* parts the labels */
	}
}

static void one_name_is_one_canonical_id(void **state)
{
	(void)state;
	for (uint32_t a = 0; a < SYSCALL_IDS; a++) {
		uint32_t canonical = syscall_canonical(a);

		assert_true(canonical <= a);
		assert_int_equal(syscall_canonical(canonical), canonical);
		for (uint32_t b = 0; b < a; b++)
			assert_int_equal(strcmp(syscall_name(a), syscall_name(b)) == 0,
					 canonical == syscall_canonical(b));
	}
}

struct ids {
	uint32_t id[8];
	size_t count;
};

static void collect(uint32_t id, void *arg)
{
	struct ids *ids = arg;

	assert_true(ids->count < ARRAY_SIZE(ids->id));
	ids->id[ids->count++] = id;
}

static void each_id_gives_one_of_each_table(void **state)
{
	struct ids ids = { .count = 0 };

	(void)state;
	assert_true(syscall_each_id("openat", collect, &ids));
	assert_int_equal(ids.count, ARRAY_SIZE(openat_ids));
	assert_memory_equal(ids.id, openat_ids, sizeof(openat_ids));
	ids.count = 0;
	assert_true(syscall_each_id("unknown", collect, &ids));
	assert_int_equal(ids.count, 1);
	assert_int_equal(ids.id[0], SYSCALL_UNKNOWN);
}

static void each_id_of_no_system_call_is_none(void **state)
{
	static const char *const names[] = { "", "opena", "openatt", "OPENAT", "-1" };
	struct ids ids = { .count = 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_false(syscall_each_id(names[i], collect, &ids));
	assert_int_equal(ids.count, 0);
}

static void sigreturn_has_two_ids(void **state)
{
	uint32_t ids[2];

	(void)state;
	syscall_sigreturn_ids(ids);
	assert_memory_equal(ids, sigreturn_ids, sizeof(ids));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_named_by_their_own_table),
		cmocka_unit_test(ids_beyond_all_tables_are_unknown),
		cmocka_unit_test(every_name_is_legal_and_short),
		cmocka_unit_test(one_name_is_one_canonical_id),
		cmocka_unit_test(each_id_gives_one_of_each_table),
		cmocka_unit_test(each_id_of_no_system_call_is_none),
		cmocka_unit_test(sigreturn_has_two_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
