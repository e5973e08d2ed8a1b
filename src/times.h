/* SPDX-License-Identifier: GPL-2.0-only */
/* How long calls took, added up from what the kernel's side writes: see bpf/shared.h. */
#pragma once

#include <stdint.h>

#include "bpf_shared.h"

struct time_sum {
	uint64_t count, sum; /* ns, cumulative */
	uint64_t max;	     /* ns, of the last interval; 0: unknown */
};

/* Adds what one CPU has; `epoch` is that which the read has just begun. */
void times_add(struct time_sum *sum, const struct times *t, uint64_t epoch);

/* Where the bucket ends, in ns. */
uint64_t times_bucket_end(unsigned bucket);

/*
 * The time, in ns, that `percent` of the calls in `buckets` took at most, give or take an eighth; NAN
 * when there is none. `max` as in struct time_sum.
 */
double times_percentile(const uint64_t buckets[HISTOGRAM_BUCKETS], double percent,
			uint64_t max);
