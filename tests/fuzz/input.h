/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What fuzz targets share: libFuzzer's entry, taking the input apart, and what a target
 * says when something is not as promised. Inputs are made so that one can be written by
 * hand: commands are letters and strings end with their line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called for each input, in the same process: what it makes it has to free. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run, which libFuzzer takes for a find. */
#define CHECK(condition, ...)                                                      \
	do {                                                                       \
		if (!(condition)) {                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
				#condition);                                       \
			fprintf(stderr, "" __VA_ARGS__);                           \
			fputc('\n', stderr);                                       \
			abort();                                                   \
		}                                                                  \
	} while (0)

struct input {
	const uint8_t *data;
	size_t left;
};

/* 0 when there is nothing left, as in all of these. */
static inline uint8_t take_byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

/* A digit is its value, so that small numbers can be written down. */
static inline unsigned take_small(struct input *in)
{
	uint8_t byte = take_byte(in);

	return byte >= '0' && byte <= '9' ? byte - '0' : byte;
}

/* Any bytes; what is missing is 0. */
static inline void take_bytes(struct input *in, void *to, size_t size)
{
	size_t taken = size < in->left ? size : in->left;

	memset(to, 0, size);
	if (taken)
		memcpy(to, in->data, taken);
	in->data += taken;
	in->left -= taken;
}

static inline uint64_t take_u64(struct input *in)
{
	uint64_t value;

	take_bytes(in, &value, sizeof(value));
	return value;
}

/* Up to one of `ends`, which is taken too; up to the first NUL of these. To be freed. */
static inline char *take_text(struct input *in, const char *ends)
{
	size_t length = 0;
	char *text;

	while (length < in->left && !strchr(ends, in->data[length]))
		length++;
	text = strndup((const char *)in->data, length);
	CHECK(text);
	length += length < in->left;
	in->data += length;
	in->left -= length;
	return text;
}
