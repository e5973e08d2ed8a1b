/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events of any bytes, as no kernel would leave them in the buffer: what is said of them is text, within
 * bounds, and ends.
 */
#include "input.h"

#include "families.h"
#include "notices.h"

/* Well-formed, and nothing that moves a cursor: by a table of its own, RFC 3629, section 4. */
static bool is_text(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t more = *s < 0x80 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;

		if (*s < ' ' || *s == 0x7f || (*s >= 0x80 && *s < 0xc2) || *s > 0xf4)
			return false;
		if ((*s == 0xc2 && s[1] < 0xa0) || (*s == 0xe0 && s[1] < 0xa0) ||
		    (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
		    (*s == 0xf4 && s[1] > 0x8f))
			return false;
		for (s++; more--; s++)
			if ((*s & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static void check(const struct family *f, const struct event *event, struct notice *n)
{
	CHECK(f->severity(event) <= NOTICE_FAILURE);
	f->words(event, n);
	CHECK(memchr(n->message, '\0', sizeof(n->message)) && n->message[0]);
	CHECK(is_text(n->message), "%s", n->message);
	CHECK(n->detail_count <= NOTICE_DETAILS_MAX);
	for (unsigned i = 0; i < n->detail_count; i++)
		CHECK(n->details[i].is_number || is_text(n->details[i].text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct event event;
	struct label label;

	take_bytes(&in, &event, sizeof(event));
	event.id &= 0x7f; /* most of them are some family's */
	for (const struct family *f = families; f < families + FAMILY_COUNT; f++) {
		const struct series_id id = { .id = event.id };
		struct notice n = { .scope = "docker-3f4a9d0b7c1e" };

		if (f->notify && f->describe(&id, &label))
			check(f, &event, &n);
	}
	return 0;
}
