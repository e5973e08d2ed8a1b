/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long calls took, for a target that plays the kernel: what was counted of a series since the last
 * read, what was sent of it, and what has to hold between the two.
 */
#pragma once

#include <math.h>

#include "input.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
/* The kernel side's own. */
#include "../../bpf/histogram.h"
#include "samples.h"

enum {
	PERCENTS = 4,
	LE_FIRST = 10, /* powers of two, in ns */
	LES = 26,      /* the last one is infinity */
};

/* ns; the kernel side tells no longer times. */
#define TIME_END (UINT64_C(1) << (MAXIMUM_EXACT + MAXIMUM_SHIFT))

/* What is sent of a series. */
enum {
	PART_AVERAGE,
	PART_MAX,
	PART_PERCENTILES,
	PART_LES = PART_PERCENTILES + PERCENTS,
	PARTS = PART_LES + LES,
};

static const struct percentiles percents = { { 50, 99, 0.01, 99.99 }, PERCENTS };
static const unsigned percents_sorted[PERCENTS] = { 2, 0, 1, 3 };

struct call_time {
	uint64_t ns, calls;
};

struct timed {
	char *name; /* "scope's path|what was timed" */
	bool has_histogram;
	/* since the last read */
	struct call_time *times;
	size_t time_count;
	uint64_t count, sum, max;
	/* ever, of LES */
	uint64_t below[LES];
	/* by this read */
	uint64_t heard; /* a bit for each of PARTS */
	double seconds[PART_LES];
	uint64_t le[LES];
	struct timed *next;
};

struct timed_all {
	struct timed *first;
	uint64_t longest;     /* ns, ever */
	bool maxima_are_late; /* a read has failed: some are of longer than the interval */
	bool is_wild;	      /* what was counted is not known */
	bool les_may_wrap;
};

static inline struct timed *timed_find(struct timed_all *all, const char *path,
				       const char *what, size_t length)
{
	struct timed *t;
	char name[2048];

	snprintf(name, sizeof(name), "%s|%.*s", path, (int)length, what);
	for (t = all->first; t; t = t->next)
		if (strcmp(t->name, name) == 0)
			return t;
	t = calloc(1, sizeof(*t));
	CHECK(t);
	t->name = strdup(name);
	t->next = all->first;
	all->first = t;
	return t;
}

static inline void timed_free(struct timed_all *all)
{
	for (struct timed *t = all->first, *next; t; t = next) {
		next = t->next;
		free(t->name);
		free(t->times);
		free(t);
	}
	all->first = NULL;
}

static inline void timed_count(struct timed_all *all, struct timed *t, uint64_t ns,
			       uint64_t calls)
{
	if (!calls)
		return;
	t->times = realloc(t->times, (t->time_count + 1) * sizeof(*t->times));
	CHECK(t->times);
	t->times[t->time_count++] = (struct call_time){ ns, calls };
	t->count += calls;
	t->sum += calls * ns;
	t->max = ns > t->max ? ns : t->max;
	all->longest = ns > all->longest ? ns : all->longest;
	for (unsigned i = 0; i < LES; i++)
		if (i == LES - 1 || ns < UINT64_C(1) << (LE_FIRST + i))
			t->below[i] += calls;
}

/* ---- what was sent ---- */

static inline void part_name(unsigned part, char *name, size_t size)
{
	if (part == PART_AVERAGE)
		snprintf(name, size, "-average");
	else if (part == PART_MAX)
		snprintf(name, size, "-max");
	else if (part < PART_LES)
		snprintf(name, size, "-percentile-%.12g",
			 percents.values[part - PART_PERCENTILES]);
	else if (part == PARTS - 1)
		snprintf(name, size, "-le-inf");
	else
		snprintf(name, size, "-le-%.12g",
			 (double)(UINT64_C(1) << (LE_FIRST + part - PART_LES)) / 1e9);
}

/* Which one it is that an instance ends with; `ret_length` is of what is before. */
static inline unsigned part_of(const char *instance, size_t *ret_length)
{
	char name[64];

	for (unsigned part = 0; part < PARTS; part++) {
		size_t length = strlen(instance);

		part_name(part, name, sizeof(name));
		if (length > strlen(name) &&
		    strcmp(instance + length - strlen(name), name) == 0) {
			*ret_length = length - strlen(name);
			return part;
		}
	}
	CHECK(false, "%s", instance);
	return 0;
}

static inline bool is_timed(const struct sample *s)
{
	return strcmp(s->type, "latency") == 0 ||
	       strcmp(s->type, "total_operations") == 0;
}

static inline void timed_hear(struct timed_all *all, const char *path,
			      const struct sample *s)
{
	size_t length;
	unsigned part = part_of(s->instance, &length);
	struct timed *t = timed_find(all, path, s->instance, length);

	CHECK(!(t->heard >> part & 1), "%s: %s is sent twice", path, s->instance);
	CHECK((strcmp(s->type, "latency") == 0) == (part < PART_LES));
	CHECK((s->kind == SAMPLE_GAUGE) == (part < PART_LES));
	if (s->is_before) {
		CHECK(part >= PART_LES && !s->derive, "%s: %s", path, s->instance);
		return;
	}
	t->heard |= UINT64_C(1) << part;
	if (part < PART_LES)
		t->seconds[part] = s->gauge;
	else
		t->le[part - PART_LES] = (uint64_t)s->derive;
}

/* ---- whatever the kernel has ---- */

static inline void check_time(const struct timed *t, double seconds, double limit)
{
	CHECK(isnan(seconds) || (seconds >= 0 && seconds <= limit), "%s: %.17g", t->name,
	      seconds);
}

static inline void check_percentiles(const struct timed *t)
{
	const double *p = t->seconds + PART_PERCENTILES, max = t->seconds[PART_MAX];
	double last = 0;

	for (unsigned i = 0; i < PERCENTS; i++) {
		double seconds = p[percents_sorted[i]];

		CHECK(isnan(seconds) == isnan(p[0]), "%s", t->name);
		if (isnan(seconds))
			continue;
		CHECK(seconds > 0 && seconds >= last, "%s: %.17g, %.17g", t->name, last,
		      seconds);
		CHECK(isnan(max) || seconds <= max, "%s: %.17g, %.17g", t->name, seconds,
		      max);
		last = seconds;
	}
	check_time(t, last, (double)TIME_END / 1e9);
}

static inline void check_any(const struct timed_all *all, const struct timed *t)
{
	const uint64_t basic = (1 << PART_PERCENTILES) - 1,
		       full = (UINT64_C(1) << PARTS) - 1;

	CHECK(t->heard == basic || t->heard == full, "%s: %llx", t->name,
	      (unsigned long long)t->heard);
	check_time(t, t->seconds[PART_AVERAGE], (double)UINT64_MAX / 1e9);
	check_time(t, t->seconds[PART_MAX], (double)TIME_END / 1e9);
	CHECK(t->seconds[PART_MAX] != 0, "%s", t->name);
	if (t->heard == basic)
		return;
	check_percentiles(t);
	for (unsigned i = 1; i < LES && !all->les_may_wrap; i++)
		CHECK((int64_t)t->le[i - 1] >= 0 && t->le[i] >= t->le[i - 1],
		      "%s: %llu, %llu", t->name, (unsigned long long)t->le[i - 1],
		      (unsigned long long)t->le[i]);
}

/* ---- and where it counts as it should ---- */

static inline int compare_times(const void *a, const void *b)
{
	const struct call_time *x = a, *y = b;

	return (x->ns > y->ns) - (x->ns < y->ns);
}

/* The call of that rank, from 1 on; the times are sorted. */
static inline uint64_t time_of_rank(const struct timed *t, double rank)
{
	uint64_t calls = 0;

	for (size_t i = 0; i < t->time_count; i++) {
		calls += t->times[i].calls;
		if ((double)calls >= rank)
			return t->times[i].ns;
	}
	CHECK(false, "%s", t->name);
	return 0;
}

static inline void check_exact_percentiles(const struct timed *t)
{
	if (t->time_count)
		qsort(t->times, t->time_count, sizeof(*t->times), compare_times);
	for (unsigned i = 0; i < PERCENTS; i++) {
		double rank = ceil((double)t->count * percents.values[i] / 100 - 1e-6);
		double ns = t->seconds[PART_PERCENTILES + i] * 1e9, truly;

		CHECK(isnan(ns) == !t->count, "%s: %.17g", t->name, ns);
		if (!t->count)
			continue;
		truly = (double)time_of_rank(t, rank);
		if (bucket_of((uint64_t)truly) == HISTOGRAM_BUCKETS - 1)
			truly = t->seconds[PART_MAX] * 1e9;
		CHECK(fabs(ns - truly) <= fmax(truly / 8, 36) * (1 + 1e-9),
		      "%s: percentile %g is %.17g, not %.17g", t->name,
		      percents.values[i], ns, truly);
	}
}

/* What is sent for a maximum: beyond its exact part, the next multiple. */
static inline uint64_t told_max(uint64_t ns)
{
	const uint64_t step = UINT64_C(1) << MAXIMUM_SHIFT;

	return ns >> MAXIMUM_EXACT ? (ns / step + 1) * step : ns;
}

static inline void check_exact_max(const struct timed_all *all, const struct timed *t)
{
	double least = (double)told_max(t->max) / 1e9;
	double max = t->seconds[PART_MAX];

	if (!t->count || (!t->max && !all->maxima_are_late))
		CHECK(isnan(max), "%s: %.17g", t->name, max);
	else if (!all->maxima_are_late)
		CHECK(max == least, "%s: %.17g, not %.17g", t->name, max, least);
	else if (t->max)
		CHECK(max >= least && max <= (double)told_max(all->longest) / 1e9,
		      "%s: %.17g, not from %.17g to %.17g", t->name, max, least,
		      (double)told_max(all->longest) / 1e9);
}

static inline void check_exact(const struct timed_all *all, const struct timed *t)
{
	double average = t->seconds[PART_AVERAGE];

	CHECK(t->heard >> PART_PERCENTILES || !t->has_histogram, "%s", t->name);
	if (t->count)
		CHECK(average == (double)t->sum / (double)t->count / 1e9,
		      "%s: %.17g, not %llu ns in %llu calls", t->name, average,
		      (unsigned long long)t->sum, (unsigned long long)t->count);
	else
		CHECK(isnan(average), "%s: %.17g", t->name, average);
	check_exact_max(all, t);
	if (!t->has_histogram)
		return;
	check_exact_percentiles(t);
	for (unsigned i = 0; i < LES; i++)
		CHECK(t->le[i] == t->below[i], "%s: %u: %llu, not %llu", t->name, i,
		      (unsigned long long)t->le[i], (unsigned long long)t->below[i]);
}

static inline bool starts_with(const char *s, const char *start)
{
	return strncmp(s, start, strlen(start)) == 0;
}

/* After a read that did not fail. `is_complete`: no series of the host was turned away. */
static inline void timed_check(struct timed_all *all, bool is_complete)
{
	for (struct timed *t = all->first; t; t = t->next) {
		if (t->heard)
			check_any(all, t);
		if (t->heard && !all->is_wild && !starts_with(t->name, "other|"))
			check_exact(all, t);
		CHECK(t->heard || all->is_wild || !is_complete || !t->has_histogram,
		      "%s is not sent", t->name);
		t->heard = 0;
		t->time_count = 0;
		t->count = t->sum = t->max = 0;
	}
}
