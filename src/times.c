/* SPDX-License-Identifier: GPL-2.0-only */
#include "times.h"

#include <math.h>

/* The maximum, when it is of that epoch; one that is not exact is no less than it was. */
static uint64_t max_of(uint64_t word, uint64_t epoch)
{
	const uint64_t shifted = UINT64_C(1) << MAXIMUM_EXACT;
	uint64_t ns = word ^ epoch << MAXIMUM_BITS;

	if (ns >> MAXIMUM_BITS)
		return 0;
	return ns & shifted ? ((ns ^ shifted) + 1) << MAXIMUM_SHIFT : ns;
}

static void raise_to(uint64_t *max, uint64_t n)
{
	if (n > *max)
		*max = n;
}

/* Calls that end while the read goes on are in the new epoch, and may be in the counts. */
void times_add(struct time_sum *sum, const struct times *t, uint64_t epoch)
{
	sum->count += t->count;
	sum->sum += t->sum;
	raise_to(&sum->max, max_of(t->max[(epoch - 1) & 1], epoch - 1));
	raise_to(&sum->max, max_of(t->max[epoch & 1], epoch));
}

static unsigned shift_of(unsigned bucket)
{
	return HISTOGRAM_FIRST - HISTOGRAM_PARTS_LOG2 + bucket / HISTOGRAM_PARTS;
}

uint64_t times_bucket_end(unsigned bucket)
{
	return (UINT64_C(1) + HISTOGRAM_PARTS + bucket % HISTOGRAM_PARTS)
	       << shift_of(bucket);
}

static double bucket_middle(unsigned bucket)
{
	return (double)times_bucket_end(bucket) -
	       (double)(UINT64_C(1) << shift_of(bucket)) / 2;
}

double times_percentile(const uint64_t buckets[HISTOGRAM_BUCKETS], double percent,
			uint64_t max)
{
	uint64_t count = 0, below = 0;
	unsigned bucket = 0;
	double middle, rank;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += buckets[i];
	if (!count)
		return NAN;
	/* a product that should be whole may be a little more */
	rank = ceil((double)count * percent / 100 * (1 - 1e-12));
	for (; bucket < HISTOGRAM_BUCKETS - 1; bucket++) {
		below += buckets[bucket];
		if ((double)below >= rank)
			break;
	}
	middle = bucket_middle(bucket);
	if (max && (middle > (double)max || bucket == HISTOGRAM_BUCKETS - 1))
		return (double)max;
	return middle;
}
