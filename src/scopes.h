/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scopes (host, other, and one per group's name) and the series of each. Values are
 * cumulative and never step back while a scope is there: what was counted by a group that
 * is gone stays in the `base` of the series that it was part of.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "families.h"
#include "times.h"

struct scope;

/* Of calls that were timed; the number of them is the series' own value. Times are in ns. */
struct series_times {
	uint64_t base, value, retiring;	    /* the sum, as in struct series */
	uint64_t max;			    /* of the last interval; 0: unknown */
	uint64_t sent_count, sent_sum;	    /* with the last read */
	struct series_histogram *histogram; /* NULL: none */
};

struct series_histogram {
	uint64_t value[HISTOGRAM_BUCKETS], sent[HISTOGRAM_BUCKETS];
};

struct series {
	const struct family *family;
	struct scope *scope;
	struct series_id id;
	uint64_t base;	   /* of groups that are gone */
	uint64_t value;	   /* base and what the rows of this read add */
	uint64_t retiring; /* of the value, from rows that are removed after this read */
	struct series_times *times; /* NULL: a counter */
	unsigned weight;	    /* in MaxSeries: how many values are sent of it */
	bool is_sent;		    /* by a read before this one */
	bool refused; /* by MaxSeries: counts in the twin of scope `other`, is not sent */
	struct series *next; /* of the scope, in order of creation */
};

struct scope {
	const char *name; /* a legal part of an identifier */
	const char *path; /* of the group's cgroup, or "pid:[inode]"; NULL: none */
	struct series *series, **last;
	unsigned groups; /* that count here and are not gone */
	unsigned idle;	 /* reads since there was none */
	struct scope *next;
};

struct scopes;

/* NULL when there is no memory. */
struct scopes *scopes_new(unsigned max_series);
void scopes_free(struct scopes *s);

struct scope *scopes_host(struct scopes *s);
struct scope *scopes_other(struct scopes *s);
struct scope *scopes_first(struct scopes *s); /* host, other, then groups; by ->next */

/*
 * The scope of the group whose own cgroup is at `path`, made when there is none; `name`
 * is made unique when another path has it. NULL when there is no memory.
 */
struct scope *scopes_of_group(struct scopes *s, const char *name, const char *path);

/*
 * The series, made when there is none; NULL when there is no memory. MaxSeries turns away
 * those of the host and of groups; `other` has as many as there are ids at most, and is
 * always complete.
 */
struct series *scopes_series(struct scopes *s, struct scope *scope,
			     const struct family *family, const struct series_id *id);

/*
 * How many values are sent of calls that were timed, per series of the host and of another scope.
 */
void scopes_weigh_times(struct scopes *s, unsigned host, unsigned other);

/* Before the rows of a read, also after one that failed: every value is its base again. */
void scopes_rewind(struct scopes *s);

/*
 * Adds to a series; with `retire`, what is added stays when the row is removed. A series
 * that MaxSeries turned away adds to its twin in `other` instead. Returns false when
 * there is no memory.
 */
bool scopes_add(struct scopes *s, struct scope *scope, const struct family *family,
		const struct series_id *id, uint64_t n, bool retire);

/* The same of times, and `buckets` (NULL: none) of a series that no group retires from. */
bool scopes_add_times(struct scopes *s, struct scope *scope, const struct family *family,
		      const struct series_id *id, const struct time_sum *sum,
		      const uint64_t buckets[HISTOGRAM_BUCKETS], bool retire);

/*
 * After a read that did not fail: what was added with `retire` becomes part of the bases.
 */
void scopes_commit(struct scopes *s);

/* After a read: forgets scopes that have had no group for `idle_max` reads. */
void scopes_expire(struct scopes *s, unsigned idle_max);

unsigned scopes_series_count(const struct scopes *s);  /* that are sent */
unsigned scopes_refused_count(const struct scopes *s); /* that MaxSeries turned away */
