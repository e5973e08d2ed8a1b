/* SPDX-License-Identifier: GPL-2.0-only */
#include "notices.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void notices_free(struct notice *first)
{
	while (first) {
		struct notice *next = first->next;

		free(first);
		first = next;
	}
}

/* Bytes of the character at `s` that may be shown; 0: it may not. RFC 3629. */
static size_t character_bytes(const unsigned char *s)
{
	size_t more = s[0] < 0x80 ? 0 :
		      s[0] < 0xc2 ? 4 :
		      s[0] < 0xe0 ? 1 :
		      s[0] < 0xf0 ? 2 :
				    3;
	uint32_t code = more ? s[0] & (0x3f >> more) : s[0];

	if (more > 3 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) ||
	    code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	/*
	 * C0, DEL and C1; separators of lines, U+2028 and 2029; and what turns the direction of writing: U+061C,
	 * 200E, 200F, 202A to 202E, 2066 to 2069
	 */
	if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
	    code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069))
		return 0;
	return more + 1;
}

void notice_clean(char *text)
{
	for (unsigned char *s = (unsigned char *)text; *s;) {
		size_t bytes = character_bytes(s);

		if (!bytes)
			*s = '?';
		s += bytes ? bytes : 1;
	}
}

/* snprintf() may have cut a character: its bytes go. */
static void drop_cut(char *text, size_t size)
{
	size_t end = strlen(text), begin = end;

	if (end + 1 < size)
		return;
	while (begin > 0 && ((unsigned char)text[begin - 1] & 0xc0) == 0x80)
		begin--;
	if (begin > 0 && (unsigned char)text[begin - 1] >= 0xc0 &&
	    !character_bytes((unsigned char *)text + begin - 1))
		text[begin - 1] = '\0';
}

void notice_say(struct notice *n, const char *format, ...)
{
	size_t used = strlen(n->message);
	va_list args;

	va_start(args, format);
	vsnprintf(n->message + used, sizeof(n->message) - used, format, args);
	va_end(args);
	drop_cut(n->message, sizeof(n->message));
	notice_clean(n->message);
}

/* NULL: there is no room for more. */
static struct notice_detail *add(struct notice *n, const char *name)
{
	struct notice_detail *d;

	if (n->detail_count == NOTICE_DETAILS_MAX)
		return NULL;
	d = &n->details[n->detail_count++];
	d->name = name;
	return d;
}

void notice_add_number(struct notice *n, const char *name, int64_t number)
{
	struct notice_detail *d = add(n, name);

	if (!d)
		return;
	d->is_number = true;
	d->number = number;
}

void notice_add_text(struct notice *n, const char *name, const char *text)
{
	struct notice_detail *d = add(n, name);

	if (!d)
		return;
	snprintf(d->text, sizeof(d->text), "%s", text);
	drop_cut(d->text, sizeof(d->text));
	notice_clean(d->text);
}

enum { NS_PER_S = 1000000000, UNTOLD_MAX_S = 60 };

/* A token for each that may pass: so many per second, and never more than the burst. */
static void refill(struct notice_limit *l, uint64_t ns)
{
	double burst = l->settings->burst;

	if (!l->last_ns)
		l->tokens = burst;
	else if (ns > l->last_ns) /* CPUs are not in step */
		l->tokens += (double)(ns - l->last_ns) / NS_PER_S * l->settings->rate;
	if (l->tokens > burst)
		l->tokens = burst;
	if (ns > l->last_ns)
		l->last_ns = ns;
}

static void hold_back(struct notice_limit *l, uint64_t ns, enum notice_severity severity)
{
	if (!l->untold) {
		l->untold_since_ns = ns;
		l->worst = severity;
	}
	if (severity > l->worst)
		l->worst = severity;
	l->untold++;
	l->held_back++;
}

bool notice_limit_pass(struct notice_limit *l, uint64_t ns, enum notice_severity severity,
		       bool have_room)
{
	refill(l, ns);
	if (l->tokens >= 1 && have_room) {
		l->tokens--;
		l->passed++;
		return true;
	}
	hold_back(l, ns, severity);
	return false;
}

void notice_limit_hold_back(struct notice_limit *l, uint64_t ns,
			    enum notice_severity severity)
{
	l->passed--;
	hold_back(l, ns, severity);
}

uint64_t notice_limit_take_untold(struct notice_limit *l)
{
	uint64_t untold = l->untold;

	l->untold = 0;
	l->untold_before = 0;
	return untold;
}

uint64_t notice_limit_tell(struct notice_limit *l, uint64_t now_ns)
{
	/* not by the time of the last: a buffer that is full has nothing new until it is drained */
	if (l->untold != l->untold_before)
		l->untold_last_ns = now_ns;
	l->untold_before = l->untold;
	if (now_ns < l->untold_last_ns + NS_PER_S &&
	    now_ns < l->untold_since_ns + (uint64_t)UNTOLD_MAX_S * NS_PER_S)
		return 0;
	return notice_limit_take_untold(l);
}
