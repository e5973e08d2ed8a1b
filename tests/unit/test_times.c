/* SPDX-License-Identifier: GPL-2.0-only */
#include "times.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
/* The kernel side's own. */
#include "../../bpf/histogram.h"

static uint64_t bucket_begin(unsigned bucket)
{
	return bucket ? times_bucket_end(bucket - 1) : 0;
}

static void buckets_follow_each_other(void **state)
{
	(void)state;
	assert_int_equal(times_bucket_end(0), 40);
	assert_int_equal(times_bucket_end(3), 64);
	assert_int_equal(times_bucket_end(4), 80);
	assert_true(times_bucket_end(HISTOGRAM_BUCKETS - 1) == UINT64_C(1)
								       << HISTOGRAM_LAST);
	for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++)
		assert_true(times_bucket_end(i) > bucket_begin(i));
}

/* At each end of a bucket, and just before and after it. */
static void what_the_kernel_puts_into_a_bucket_is_in_it(void **state)
{
	(void)state;
	assert_int_equal(bucket_of(0), 0);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		assert_int_equal(bucket_of(bucket_begin(i)), i);
		assert_int_equal(bucket_of(times_bucket_end(i) - 1), i);
		assert_int_equal(bucket_of(times_bucket_end(i)), i + 1);
	}
	assert_int_equal(bucket_of(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

/* Whatever time it was: what a percentile says of it is off by an eighth at most. */
static void the_middle_is_off_by_an_eighth(void **state)
{
	(void)state;
	for (uint64_t ns = 32; ns < UINT64_C(1) << 44; ns += ns / 17 + 1) {
		uint64_t buckets[HISTOGRAM_BUCKETS] = { 0 };
		double said;

		buckets[bucket_of(ns)] = 1;
		said = times_percentile(buckets, 50, 0);
		assert_true(fabs(said - (double)ns) <= (double)ns / 8);
	}
}

static void percentiles_are_by_rank(void **state)
{
	uint64_t buckets[HISTOGRAM_BUCKETS] = { 0 };

	(void)state;
	assert_true(isnan(times_percentile(buckets, 50, 0)));
	buckets[bucket_of(1000)] = 90;
	buckets[bucket_of(1000000)] = 9;
	buckets[bucket_of(1000000000)] = 1;
	assert_true(times_percentile(buckets, 0.1, 0) < 1200);
	assert_true(times_percentile(buckets, 90, 0) < 1200);
	assert_true(times_percentile(buckets, 90.1, 0) > 800000);
	assert_true(times_percentile(buckets, 99, 0) < 1200000);
	assert_true(times_percentile(buckets, 99.1, 0) > 800000000);
}

static void no_percentile_is_above_the_maximum(void **state)
{
	uint64_t buckets[HISTOGRAM_BUCKETS] = { 0 };
	uint64_t longest = UINT64_C(1) << 47; /* beyond the last bucket */

	(void)state;
	buckets[bucket_of(1025)] = 1;
	assert_true(times_percentile(buckets, 99, 1025) == 1025);
	buckets[HISTOGRAM_BUCKETS - 1] = 99;
	assert_true(times_percentile(buckets, 99, longest) == (double)longest);
}

static uint64_t maximum(uint64_t epoch, uint64_t ns)
{
	return epoch << MAXIMUM_BITS | ns;
}

static void sums_add_up_and_maxima_are_of_the_interval(void **state)
{
	/* the read has begun epoch 8: 7 was the interval, and 5 is forgotten */
	const struct times cpus[] = {
		{ 3, 300, { maximum(6, 900), maximum(7, 150) } },
		{ 2, 100, { maximum(8, 170), maximum(5, 999) } },
	};
	struct time_sum sum = { 0 };

	(void)state;
	times_add(&sum, &cpus[0], 8);
	times_add(&sum, &cpus[1], 8);
	assert_int_equal(sum.count, 5);
	assert_int_equal(sum.sum, 400);
	assert_int_equal(sum.max, 170);
}

/* What a read makes of a maximum. */
static uint64_t told(uint64_t ns)
{
	const struct times t = { 1, ns, { 0, maximum_word(7, ns) } };
	struct time_sum sum = { 0 };

	times_add(&sum, &t, 8);
	return sum.max;
}

/* To the ns up to a minute; then it is no less, and half a millisecond more at most. */
static void a_maximum_is_right_up_to_a_year(void **state)
{
	const uint64_t s = 1000000000, exact = UINT64_C(1) << MAXIMUM_EXACT;

	(void)state;
	assert_true(exact > 60 * s);
	assert_true(told(1) == 1);
	assert_true(told(exact - 1) == exact - 1);
	for (uint64_t ns = exact; ns < 366 * 24 * 3600 * s; ns += ns / 3 + 12345) {
		assert_true(told(ns) >= ns && told(ns) <= ns + 530000);
		assert_true(maximum_word(7, ns) < maximum_word(7, ns + 530000));
		assert_true(maximum_word(7, ns) < maximum_word(8, 0));
	}
}

/* As many as a maximum has room for the number of. */
static const uint64_t epochs = UINT64_C(1) << (64 - MAXIMUM_BITS);

static void epochs_wrap(void **state)
{
	const struct times before = { 1, 10, { 0, maximum(epochs - 1, 10) } };
	const struct times after = { 1, 20, { maximum(0, 20), 0 } };
	struct time_sum sum = { 0 };

	(void)state;
	times_add(&sum, &before, epochs);
	assert_int_equal(sum.max, 10);
	times_add(&sum, &after, epochs + 1);
	assert_int_equal(sum.max, 20);
}

/* A year of 1 s: no call of so long ago is the longest of now. */
static void epochs_are_many(void **state)
{
	const uint64_t now = 365 * 24 * 3600;

	(void)state;
	for (uint64_t then = 0; then < now; then++) {
		const struct times t = { 1,
					 10,
					 { maximum(then, 10), maximum(then, 10) } };
		struct time_sum sum = { 0 };

		times_add(&sum, &t, now + 1);
		assert_int_equal(sum.max, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_follow_each_other),
		cmocka_unit_test(what_the_kernel_puts_into_a_bucket_is_in_it),
		cmocka_unit_test(the_middle_is_off_by_an_eighth),
		cmocka_unit_test(percentiles_are_by_rank),
		cmocka_unit_test(no_percentile_is_above_the_maximum),
		cmocka_unit_test(sums_add_up_and_maxima_are_of_the_interval),
		cmocka_unit_test(a_maximum_is_right_up_to_a_year),
		cmocka_unit_test(epochs_wrap),
		cmocka_unit_test(epochs_are_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
