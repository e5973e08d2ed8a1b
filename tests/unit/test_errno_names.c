/* SPDX-License-Identifier: GPL-2.0-only */
#include "errno_names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "identifier.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum { CODE_MAX = 4095 }; /* the kernel's MAX_ERRNO */

struct row {
	int code;
	const char *name;
};

static const struct row named[] = {
	{ EPERM, "EPERM" },	{ ENOENT, "ENOENT" },	    { EAGAIN, "EAGAIN" },
	{ EDEADLK, "EDEADLK" }, { ETIMEDOUT, "ETIMEDOUT" }, { EHWPOISON, "EHWPOISON" },
};

/* Not to be seen by programs, but an exit hook sees some of them. */
static const struct row unnamed[] = {
	{ 512, "errno_512" },
	{ 516, "errno_516" },
	{ 524, "errno_524" },
	{ CODE_MAX, "errno_4095" },
};

static void codes_have_libc_s_names(void **state)
{
	char number[32];

	(void)state;
	for (const struct row *row = named; row < named + ARRAY_SIZE(named); row++) {
		snprintf(number, sizeof(number), "errno_%d", row->code);
		assert_string_equal(errno_name(row->code),
				    HAVE_STRERRORNAME_NP ? row->name : number);
	}
}

static void codes_without_a_name_are_numbers(void **state)
{
	(void)state;
	for (const struct row *row = unnamed; row < unnamed + ARRAY_SIZE(unnamed); row++)
		assert_string_equal(errno_name(row->code), row->name);
}

static void each_code_has_a_legal_name_of_its_own(void **state)
{
	char part[20];

	(void)state;
	for (int a = 1; a <= CODE_MAX; a++) {
		assert_false(identifier_part(errno_name(a), part, sizeof(part)));
		assert_ptr_equal(errno_name(a), errno_name(a)); /* static */
		for (int b = 1; b < a; b++)
			assert_string_not_equal(errno_name(a), errno_name(b));
	}
}

static void codes_that_no_call_returns_have_a_legal_name(void **state)
{
	static const int codes[] = { 0, -1, CODE_MAX + 1, INT32_MAX, INT32_MIN };
	char part[20];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		assert_false(identifier_part(errno_name(codes[i]), part, sizeof(part)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_have_libc_s_names),
		cmocka_unit_test(codes_without_a_name_are_numbers),
		cmocka_unit_test(each_code_has_a_legal_name_of_its_own),
		cmocka_unit_test(codes_that_no_call_returns_have_a_legal_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
