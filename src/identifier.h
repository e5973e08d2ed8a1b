/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Parts of a collectd identifier. A part holds at most DATA_MAX_NAME_LEN - 1 bytes;
 * dispatch.c asserts that this constant is not above the one of the installed headers.
 */
enum {
	IDENTIFIER_PART_MAX = 127,
	IDENTIFIER_HASH_LENGTH = 9, /* what identifier_part_hashed() adds: "-3f4a9d0b" */
};

/*
 * Copies `text` to `part` so that it is a legal part of an identifier: '/', blanks,
 * control characters, quotes, backslashes and bytes above 0x7e become '_'; what is longer
 * than min(size - 1, IDENTIFIER_PART_MAX), or empty, or would be "." or "..", or had
 * bytes replaced, ends in "-" and eight hex digits of a hash (FNV-1a, 32 bits) of the
 * whole of `text`, so that two texts do not become one part silently. Returns true when
 * `part` is not equal to `text`.
 */
bool identifier_part(const char *text, char *part, size_t size);

/*
 * The same, for a text that is legal but collides with another one's: always adds the
 * hash.
 */
void identifier_part_hashed(const char *text, const char *hashed, char *part,
			    size_t size);
