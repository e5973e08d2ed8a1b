/* SPDX-License-Identifier: GPL-2.0-only */
#include "cost.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

/* ---- the kernel ---- */

enum { PARTS = 2, INTERVAL = 60, BEGIN = 1000 };

/* What stands for objects that are loaded: of each, what the kernel has measured. */
static struct run_stats stats[PARTS];
static struct timespec now;
static int enable_error; /* 0: it can be switched on */
static int stats_fd;	 /* that was given out last */
static unsigned times_enabled;

int __wrap_bpf_enable_stats(enum bpf_stats_type type);
struct run_stats __wrap_loader_run_stats(const struct loaded *l);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_bpf_enable_stats(enum bpf_stats_type type)
{
	assert_int_equal(type, BPF_STATS_RUN_TIME);
	if (enable_error) {
		errno = enable_error;
		return -enable_error;
	}
	times_enabled++;
	stats_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(stats_fd >= 0);
	return stats_fd;
}

struct run_stats __wrap_loader_run_stats(const struct loaded *l)
{
	return *(const struct run_stats *)l;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	assert_int_equal(clock, CLOCK_MONOTONIC);
	*ret = now;
	return 0;
}

static bool is_measuring(void)
{
	return stats_fd >= 0 && fcntl(stats_fd, F_GETFD) >= 0;
}

static void pass(time_t seconds, long ns)
{
	now.tv_sec += seconds;
	now.tv_nsec += ns;
}

/* It counts only while it is asked to. */
static void run(int part, uint64_t runs, uint64_t ns)
{
	if (!is_measuring())
		return;
	stats[part].runs += runs;
	stats[part].ns += ns;
}

/* ---- what is sent ---- */

struct sent {
	unsigned count;
	double per_second[PARTS], duration[PARTS], cpus[PARTS];
};

static const char *const names[PARTS] = { "groups", "syscalls" };

static double *find_value(struct sent *sent, const char *type, const char *instance)
{
	for (int part = 0; part < PARTS; part++) {
		bool is_run = strncmp(instance, "run-", 4) == 0 &&
			      strcmp(instance + 4, names[part]) == 0;

		if (is_run && strcmp(type, "operations_per_second") == 0)
			return &sent->per_second[part];
		if (is_run && strcmp(type, "duration") == 0)
			return &sent->duration[part];
		if (strncmp(instance, "cpus-", 5) == 0 && strcmp(type, "gauge") == 0 &&
		    strcmp(instance + 5, names[part]) == 0)
			return &sent->cpus[part];
	}
	fail_msg("%s-%s", type, instance);
	return NULL;
}

static void note_sample(void *arg, const struct sample *sample)
{
	struct sent *sent = arg;

	assert_string_equal(sample->scope, "self");
	assert_int_equal(sample->kind, SAMPLE_GAUGE);
	*find_value(sent, sample->type, sample->instance) = sample->gauge;
	sent->count++;
}

static struct sent send_all(const struct cost *c)
{
	struct sent sent = { 0 };
	const struct sink sink = { .fn = note_sample, .arg = &sent };

	cost_send(c, &sink);
	return sent;
}

static void expect(double value, double wanted)
{
	if (!(fabs(value - wanted) <= fabs(wanted) * 1e-9))
		fail_msg("%.17g, not %.17g", value, wanted);
}

/* ---- */

static struct cost *setup(void)
{
	struct cost *c = cost_new(INTERVAL);

	assert_non_null(c);
	memset(stats, 0, sizeof(stats));
	now = (struct timespec){ .tv_sec = BEGIN };
	enable_error = 0;
	stats_fd = -1;
	times_enabled = 0;
	for (int part = 0; part < PARTS; part++)
		assert_int_equal(cost_add(c, names[part], (void *)&stats[part]), 0);
	return c;
}

static void tick(struct cost *c)
{
	assert_int_equal(cost_tick(c), 0);
}

static void nothing_is_sent_before_the_first_second_has_passed(void **state)
{
	struct cost *c = setup();

	(void)state;
	assert_int_equal(send_all(c).count, 0);
	tick(c);
	assert_true(is_measuring());
	run(0, 10, 1000);
	assert_int_equal(send_all(c).count, 0);
	pass(1, 0);
	tick(c);
	assert_false(is_measuring());
	assert_int_equal(send_all(c).count, 3 * PARTS);
	cost_free(c);
}

/* In one and a quarter seconds, as the thread that ticks may be late. */
static void what_was_measured_is_told_by_the_second(void **state)
{
	struct cost *c = setup();
	struct sent sent;

	(void)state;
	stats[1] = (struct run_stats){ 7000000, 9000000000 }; /* of others, before */
	tick(c);
	run(0, 5000, 2500000);
	run(1, 1000000, 250000000);
	pass(1, 250000000);
	tick(c);
	sent = send_all(c);
	expect(sent.per_second[0], 4000);
	expect(sent.duration[0], 500e-9);
	expect(sent.cpus[0], 0.002);
	expect(sent.per_second[1], 800000);
	expect(sent.duration[1], 250e-9);
	expect(sent.cpus[1], 0.2);
	cost_free(c);
}

static void without_runs_there_is_no_duration(void **state)
{
	struct cost *c = setup();
	struct sent sent;

	(void)state;
	tick(c);
	run(1, 10, 1000);
	pass(1, 0);
	tick(c);
	sent = send_all(c);
	assert_true(isnan(sent.duration[0]));
	assert_true(sent.per_second[0] == 0 && sent.cpus[0] == 0);
	expect(sent.duration[1], 100e-9);
	cost_free(c);
}

/* Ticked each second for two intervals and a bit: on in the first second of each. */
static void it_is_measured_for_a_second_of_each_interval(void **state)
{
	struct cost *c = setup();

	(void)state;
	for (int second = 0; second < 2 * INTERVAL + 10; second++) {
		tick(c);
		assert_int_equal(is_measuring(), second % INTERVAL == 0);
		assert_int_equal(times_enabled, 1 + second / INTERVAL);
		run(0, 100 + (uint64_t)second, 1000);
		pass(1, 0);
		if (second > INTERVAL) /* the last one, until there is a newer one */
			expect(send_all(c).per_second[0], second <= 2 * INTERVAL ?
								  100 + INTERVAL :
								  100 + 2 * INTERVAL);
		else if (second)
			expect(send_all(c).per_second[0], 100);
	}
	cost_free(c);
}

static void what_the_kernel_refuses_is_told_and_tried_again(void **state)
{
	struct cost *c = setup();

	(void)state;
	enable_error = EPERM;
	assert_int_equal(cost_tick(c), -EPERM);
	pass(1, 0);
	enable_error = EINVAL;
	assert_int_equal(cost_tick(c), -EINVAL);
	assert_int_equal(send_all(c).count, 0);
	enable_error = 0;
	pass(1, 0);
	tick(c);
	assert_true(is_measuring());
	cost_free(c);
}

static void a_failure_leaves_what_was_found(void **state)
{
	struct cost *c = setup();

	(void)state;
	tick(c);
	run(0, 10, 1000);
	pass(1, 0);
	tick(c);
	pass(INTERVAL, 0);
	enable_error = EMFILE;
	assert_int_equal(cost_tick(c), -EMFILE);
	expect(send_all(c).per_second[0], 10);
	cost_free(c);
}

static void the_end_switches_it_off(void **state)
{
	struct cost *c = setup();

	(void)state;
	tick(c);
	assert_true(is_measuring());
	cost_free(c);
	assert_false(is_measuring());
	cost_free(NULL);
}

static void there_is_room_for_all_families_and_the_groups(void **state)
{
	struct cost *c = cost_new(INTERVAL);

	(void)state;
	assert_non_null(c);
	for (int i = 0; i < FAMILY_COUNT + 1; i++)
		assert_int_equal(cost_add(c, names[0], (void *)&stats[0]), 0);
	assert_int_equal(cost_add(c, names[0], (void *)&stats[0]), -ENOSPC);
	cost_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_sent_before_the_first_second_has_passed),
		cmocka_unit_test(what_was_measured_is_told_by_the_second),
		cmocka_unit_test(without_runs_there_is_no_duration),
		cmocka_unit_test(it_is_measured_for_a_second_of_each_interval),
		cmocka_unit_test(what_the_kernel_refuses_is_told_and_tried_again),
		cmocka_unit_test(a_failure_leaves_what_was_found),
		cmocka_unit_test(the_end_switches_it_off),
		cmocka_unit_test(there_is_room_for_all_families_and_the_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
