/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is kept of a time: its bucket, and the word of a maximum. Plain C without the kernel's types, so that a
 * unit test can have it, too.
 */
#pragma once

#include "shared.h"

static __always_inline __u32 log2_of(__u64 n)
{
	__u32 log = 0;

	if (n >> 32) {
		n >>= 32;
		log = 32;
	}
	if (n >> 16) {
		n >>= 16;
		log += 16;
	}
	if (n >> 8) {
		n >>= 8;
		log += 8;
	}
	if (n >> 4) {
		n >>= 4;
		log += 4;
	}
	if (n >> 2) {
		n >>= 2;
		log += 2;
	}
	return log + (n >> 1);
}

/* See struct histogram. */
static __always_inline __u32 bucket_of(__u64 ns)
{
	__u32 log = log2_of(ns), bucket;

	if (log < HISTOGRAM_FIRST)
		return 0;
	bucket = (log - HISTOGRAM_FIRST) * HISTOGRAM_PARTS +
		 (ns >> (log - HISTOGRAM_PARTS_LOG2) & (HISTOGRAM_PARTS - 1));
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* See struct times; the time is less than 2^(MAXIMUM_EXACT + MAXIMUM_SHIFT) ns. */
static __always_inline __u64 maximum_word(__u64 epoch, __u64 ns)
{
	if (ns >> MAXIMUM_EXACT)
		ns = 1ULL << MAXIMUM_EXACT | ns >> MAXIMUM_SHIFT;
	return epoch << MAXIMUM_BITS | ns;
}
