/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events become notices: what a notification of collectd says, in words and in details. So many per
 * second as the operator wants are let through; the rest is counted and told in one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf_shared.h"
#include "settings.h"

enum {
	NOTICE_MESSAGE_MAX = 256, /* collectd's NOTIF_MAX_MSG_LEN */
	NOTICE_PART_MAX = 128,
	NOTICE_DETAILS_MAX = 16,
};

struct notice_detail {
	const char *name; /* static */
	bool is_number;
	int64_t number;
	char text[NOTICE_PART_MAX]; /* UTF-8 without control characters */
};

struct notice {
	unsigned family; /* its place in the table of families.c */
	enum notice_severity severity;
	uint64_t ns; /* when it happened: CLOCK_MONOTONIC */
	char scope[NOTICE_PART_MAX], type[NOTICE_PART_MAX], instance[NOTICE_PART_MAX];
	char group[NOTICE_PART_MAX]; /* the scope, or what the group is called that is in `other` */
	char actor_group[NOTICE_PART_MAX]; /* "": not known, or of no interest */
	int32_t hierarchy; /* by whose cgroups groups are told apart; 0: v2 */
	char message[NOTICE_MESSAGE_MAX]; /* UTF-8 without control characters */
	struct notice_detail details[NOTICE_DETAILS_MAX];
	unsigned detail_count;
	struct notice *next;
};

void notices_free(struct notice *first);

/* '?' stands for each byte that is no UTF-8, or of a character that moves a cursor. */
void notice_clean(char *text);

/* The message goes on; it is cut at a character's end where there is no room. */
__attribute__((format(printf, 2, 3))) void notice_say(struct notice *n,
						      const char *format, ...);

void notice_add_number(struct notice *n, const char *name, int64_t number);
void notice_add_text(struct notice *n, const char *name, const char *text);

/* Of a family: how many may still pass, and what did not. Zeroed but for the settings. */
struct notice_limit {
	const struct notify_settings *settings; /* NULL: nothing is told */
	double tokens;
	uint64_t last_ns; /* 0: none came yet */
	uint64_t passed, held_back;
	uint64_t untold;	    /* of those held back, and nobody was told */
	uint64_t untold_before;	    /* as many as at the drain before */
	uint64_t untold_since_ns;   /* the first of them came */
	uint64_t untold_last_ns;    /* the last of them were drained */
	enum notice_severity worst; /* of these */
};

/* Whether the event of that time may pass; what may not, or has no room, is counted. */
bool notice_limit_pass(struct notice_limit *l, uint64_t ns, enum notice_severity severity,
		       bool have_room);

/* What had passed cannot be told after all, for want of memory. */
void notice_limit_hold_back(struct notice_limit *l, uint64_t ns,
			    enum notice_severity severity);

/*
 * To be asked after each drain: how many were held back that nobody was told of. 0 while more of them
 * are drained in each second, but for no longer than a minute; then they are taken for told.
 */
uint64_t notice_limit_tell(struct notice_limit *l, uint64_t now_ns);

/* The same at once, as there will be no other drain. */
uint64_t notice_limit_take_untold(struct notice_limit *l);
