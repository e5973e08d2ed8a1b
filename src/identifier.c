/* SPDX-License-Identifier: GPL-2.0-only */
#include "identifier.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A dash and eight hex digits. */

static uint32_t fnv1a(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

static bool is_legal_byte(char c)
{
	return c > ' ' && c <= '~' && !strchr("/\\\"'`", c);
}

static bool is_legal_part(const char *text, size_t limit)
{
	const char *c;

	if (!*text || !strcmp(text, ".") || !strcmp(text, ".."))
		return false;
	for (c = text; *c; c++)
		if (!is_legal_byte(*c))
			return false;
	return (size_t)(c - text) <= limit;
}

static size_t part_limit(size_t size)
{
	return size > IDENTIFIER_PART_MAX ? IDENTIFIER_PART_MAX : size - 1;
}

bool identifier_part(const char *text, char *part, size_t size)
{
	if (size == 0)
		return true;
	if (!is_legal_part(text, part_limit(size))) {
		identifier_part_hashed(text, text, part, size);
		return true;
	}
	memcpy(part, text, strlen(text) + 1);
	return false;
}

void identifier_part_hashed(const char *text, const char *hashed, char *part, size_t size)
{
	size_t limit, room, i;

	if (size == 0)
		return;
	limit = part_limit(size);
	room = limit > IDENTIFIER_HASH_LENGTH ? limit - IDENTIFIER_HASH_LENGTH : 0;
	for (i = 0; i < room && text[i]; i++)
		part[i] = is_legal_byte(text[i]) ? text[i] : '_';
	snprintf(part + i, limit + 1 - i, "-%08x", (unsigned int)fnv1a(hashed));
}
