/* SPDX-License-Identifier: GPL-2.0-only */
#include "monitor.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "bpf_shared.h"
#include "loader.h"
#include "snapshot.h"

/* ---- the kernel: of the family syscalls, with Latency and without groups ---- */

enum { CPUS_FD, EPOCH_FD, LOST_FD, OTHER_FD };

static uint64_t epoch;
static bool epoch_fails;
static uint64_t lost;
static bool lost_fails;
static struct {
	uint64_t words[sizeof(struct cpu_calls) / sizeof(uint64_t)];
	struct calls other;
} cpu;

struct kernel_found __wrap_loader_probe(const char *btf_path);
uint32_t __wrap_loader_registers_end(const char *btf_path);
int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report);
void __wrap_loader_stop(struct loaded *l);
int __wrap_loader_map(const struct loaded *l, const char *name);
uint64_t __wrap_loader_map_bytes(const struct loaded *l);
uint64_t __wrap_loader_missed_runs(const struct loaded *l);
void __wrap_loader_forgive(struct loaded *l);
int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value,
			       uint64_t flags);

struct kernel_found __wrap_loader_probe(const char *btf_path)
{
	(void)btf_path;
	return (struct kernel_found){ 0 };
}

uint32_t __wrap_loader_registers_end(const char *btf_path)
{
	(void)btf_path;
	return 0;
}

int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report)
{
	assert_true(plan->timed);
	*report = (struct load_report){ .door = &object->doors[0], .timed = true };
	*ret = (struct loaded *)&cpu;
	return 0;
}

void __wrap_loader_stop(struct loaded *l)
{
	(void)l;
}

int __wrap_loader_map(const struct loaded *l, const char *name)
{
	(void)l;
	return strcmp(name, "cpus") == 0	? CPUS_FD :
	       strcmp(name, ".data.epoch") == 0 ? EPOCH_FD :
	       strcmp(name, "lost") == 0	? LOST_FD :
						  OTHER_FD;
}

uint64_t __wrap_loader_map_bytes(const struct loaded *l)
{
	(void)l;
	return 0;
}

uint64_t __wrap_loader_missed_runs(const struct loaded *l)
{
	(void)l;
	return 0;
}

void __wrap_loader_forgive(struct loaded *l)
{
	(void)l;
}

int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg)
{
	uint32_t number = 0;

	if (fd == CPUS_FD)
		row(arg, &number, cpu.words);
	if (fd == LOST_FD && lost_fails)
		return -ENOMEM;
	if (fd == LOST_FD)
		row(arg, &number, &lost);
	return 0;
}

int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)
{
	(void)key, (void)flags;
	assert_int_equal(fd, EPOCH_FD);
	if (epoch_fails) {
		errno = EIO;
		return -EIO;
	}
	memcpy(&epoch, value, sizeof(epoch));
	return 0;
}

static void call(uint64_t ns)
{
	struct times *t = &cpu.other.times;
	uint64_t word = epoch << MAXIMUM_BITS | ns, max = t->max[epoch & 1];

	cpu.other.column[CALLS]++;
	t->count++;
	t->sum += ns;
	t->max[epoch & 1] = (max ^ word) >> MAXIMUM_BITS || word > max ? word : max;
}

/* ---- */

static void no_log(enum monitor_severity severity, const char *message)
{
	(void)severity, (void)message;
}

static void note_max(void *arg, const struct sample *sample)
{
	if (strcmp(sample->scope, "host") == 0 &&
	    strcmp(sample->instance, "syscall-max") == 0)
		*(double *)arg = sample->gauge * 1e9;
}

static void expect_max(struct monitor *m, double ns)
{
	double max = NAN;

	assert_int_equal(monitor_read(m, note_max, &max), 0);
	if (!(fabs(max - ns) < 0.5))
		fail_msg("%g ns, not %g", max, ns);
}

static struct monitor *start(struct settings *settings)
{
	struct monitor *m;

	settings_init(settings);
	settings->syscalls.on = settings->syscalls.latency = true;
	settings->groups.by = GROUP_BY_NONE;
	assert_int_equal(monitor_start(settings, no_log, &m), 0);
	return m;
}

static void an_epoch_that_could_not_begin_is_none(void **state)
{
	struct settings settings;
	struct monitor *m = start(&settings);
	double ignored;

	(void)state;
	call(1000);
	expect_max(m, 1000);
	epoch_fails = true;
	call(3000);
	assert_int_equal(monitor_read(m, note_max, &ignored), -EIO);
	epoch_fails = false;
	call(2000);
	expect_max(m, 3000);
	call(500);
	expect_max(m, 500);
	monitor_stop(m);
	settings_fini(&settings);
}

static void note_lost(void *arg, const struct sample *sample)
{
	if (strcmp(sample->scope, "self") == 0 && strcmp(sample->instance, "lost") == 0)
		*(int64_t *)arg = sample->derive;
}

static void expect_lost(struct monitor *m, int64_t wanted)
{
	int64_t seen = -1;

	assert_int_equal(monitor_read(m, note_lost, &seen), 0);
	assert_int_equal(seen, wanted);
}

static void a_counter_that_cannot_be_read_does_not_step_back(void **state)
{
	struct settings settings;
	struct monitor *m = start(&settings);

	(void)state;
	lost = 7;
	expect_lost(m, 7);
	lost = 9;
	lost_fails = true;
	expect_lost(m, 7);
	lost_fails = false;
	expect_lost(m, 9);
	monitor_stop(m);
	settings_fini(&settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_epoch_that_could_not_begin_is_none),
		cmocka_unit_test(a_counter_that_cannot_be_read_does_not_step_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
