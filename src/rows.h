/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of the kernel's maps, added up to the series of scopes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf_shared.h"
#include "families.h"
#include "groups.h"
#include "loader.h"
#include "scopes.h"

/* A row of a group that is retiring, to be removed from the kernel's map. */
struct dead_row {
	int map;
	struct row_key key;
};

/* How the calls of a family are timed. */
struct timing {
	uint64_t epoch;	     /* which the read has just begun */
	const uint32_t *ids; /* whose histogram it is, by rank; of rank 0: the rest's */
	uint32_t ranks;
	bool detailed; /* the rows have times; else the slots */
};

/* What was counted in a slot, cumulative but for the maximum. */
struct slot_sum {
	uint64_t column[CALL_COLUMNS];
	struct time_sum time;
};

struct rows {
	struct scopes *scopes; /* not owned */
	struct groups *groups; /* not owned; NULL: none, all is the host's */
	uint32_t slots;	       /* of the arrays by group */
	/* of all CPUs, in this read */
	uint64_t (*host)[CALL_COLUMNS]; /* by id */
	struct slot_sum *sums;
	/* By slot: what of `sums` was counted for groups that had it before. */
	struct slot_sum *base;
	struct dead_row *dead;
	size_t dead_count, dead_room;
	int error; /* of the rows since rows_begin(): there was no memory */
};

/* Returns 0 or -ENOMEM; rows_fini() in either case. */
int rows_init(struct rows *rows, struct scopes *scopes, struct groups *groups,
	      uint32_t slots);
void rows_fini(struct rows *rows);

/* Begins a read: no series has anything but what groups left that are gone. */
void rows_begin(struct rows *rows);

/*
 * Adds all rows of a family. `selected` says by id which are sent; `timing` is NULL when no calls
 * are timed. Returns 0 or a negative errno; then the series are incomplete until the next
 * rows_begin().
 */
int rows_add(struct rows *rows, const struct family *family, const struct loaded *loaded,
	     const bool *selected, const struct timing *timing, uint64_t *ret_count);

/*
 * Ends a read that did not fail: what groups counted that are retiring stays in their
 * series, and the kernel's rows of them are removed.
 */
void rows_commit(struct rows *rows);
