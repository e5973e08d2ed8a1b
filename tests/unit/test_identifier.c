/* SPDX-License-Identifier: GPL-2.0-only */
#include "identifier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum { PART_SIZE = IDENTIFIER_PART_MAX + 1 };

/* The hashes are FNV-1a as published: of no bytes 811c9dc5, of "a" e40c292c. */
static const struct {
	const char *text, *part;
} rows[] = {
	{ "nginx.service", "nginx.service" },
	{ "docker-3f4a9d0b7c1e", "docker-3f4a9d0b7c1e" },
	{ "getty@tty1.service", "getty@tty1.service" },
	{ "!#$%&()*+,-.:;<=>?@[]^_{|}~", "!#$%&()*+,-.:;<=>?@[]^_{|}~" },
	{ "...", "..." },
	{ "", "-811c9dc5" },
	{ ".", ".-2b0c98f1" },
	{ "..", "..-a3d4a70d" },
	{ "a/b", "a_b-3a8e75c1" },
	{ "a b", "a_b-10a3f9f2" },
	{ "a\\b", "a_b-299c2fb6" },
	{ "a\"b", "a_b-18aa16b8" },
	{ "a'b", "a_b-2aa1e449" },
	{ "a`b", "a_b-11435db2" },
	{ "a\tb", "a_b-42e2b167" },
	{ "a\x7f"
	  "b",
	  "a_b-1b54b691" },
	{ "caf\xc3\xa9", "caf__-a82b5049" },
};

static void legal_texts_stay_and_others_get_a_hash(void **state)
{
	char part[PART_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool changed = identifier_part(rows[i].text, part, sizeof(part));

		assert_string_equal(part, rows[i].part);
		assert_int_equal(changed, strcmp(rows[i].text, rows[i].part) != 0);
	}
}

static void longest_text_stays_and_longer_ones_are_hashed(void **state)
{
	char text[2 * PART_SIZE] = "", other[2 * PART_SIZE] = "";
	char part[2 * PART_SIZE], other_part[2 * PART_SIZE];

	(void)state;
	memset(text, 'x', IDENTIFIER_PART_MAX);
	assert_false(identifier_part(text, part, sizeof(part)));
	assert_string_equal(part, text);

	memset(text, 'x', PART_SIZE);
	assert_true(identifier_part(text, part, sizeof(part)));
	assert_int_equal(strlen(part), IDENTIFIER_PART_MAX);
	assert_memory_equal(part, text, IDENTIFIER_PART_MAX - 9);
	assert_int_equal(part[IDENTIFIER_PART_MAX - 9], '-');

	memset(other, 'x', PART_SIZE);
	other[PART_SIZE - 1] = 'y';
	identifier_part(other, other_part, sizeof(other_part));
	assert_string_not_equal(part, other_part);
}

static void no_size_is_overrun(void **state)
{
	char part[PART_SIZE + 1];

	(void)state;
	for (size_t size = 0; size <= 40; size++) {
		memset(part, '!', sizeof(part));
		identifier_part("a name of more bytes than there is room", part, size);
		identifier_part_hashed("name", "path", part, size);
		assert_int_equal(part[size], '!');
		if (size > 0)
			assert_true(strlen(part) < size);
	}
	assert_true(identifier_part("ab", part, 2));
	assert_false(identifier_part("ab", part, 3));
	assert_string_equal(part, "ab");
}

static void hashed_always_adds_the_hash_of_the_other_text(void **state)
{
	char part[PART_SIZE], other[PART_SIZE];

	(void)state;
	identifier_part_hashed("a-b", "a", part, sizeof(part));
	assert_string_equal(part, "a-b-e40c292c");
	identifier_part_hashed("a-b", "/a/b", part, sizeof(part));
	identifier_part_hashed("a-b", "/a-b", other, sizeof(other));
	assert_string_not_equal(part, other);
	identifier_part_hashed("a/b", "a", part, sizeof(part));
	assert_string_equal(part, "a_b-e40c292c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(legal_texts_stay_and_others_get_a_hash),
		cmocka_unit_test(longest_text_stays_and_longer_ones_are_hashed),
		cmocka_unit_test(no_size_is_overrun),
		cmocka_unit_test(hashed_always_adds_the_hash_of_the_other_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
