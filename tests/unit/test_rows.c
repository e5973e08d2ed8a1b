/* SPDX-License-Identifier: GPL-2.0-only */
#include "rows.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "snapshot.h"

/* ---- the kernel's maps ---- */

enum { MAX = 3, SLOTS = MAX + 1, CPUS = 2, ENTRIES = 8, NEVER = 1000 };
enum {
	CPUS_FD,
	CODES_FD,
	ROWS_FD,
	OVERFLOW_FD,
	FAMILY_FDS,
	STATES_FD,
	PATHS_FD,
	SLOTS_FD
};

union key {
	uint64_t group;
	uint32_t id;
	struct row_key row;
	struct error_key error;
};

struct entry {
	bool used;
	union key key;
	uint64_t values[CALL_COLUMNS];
};

union cpu {
	struct cpu_calls calls;
	uint64_t values[sizeof(struct cpu_calls) / sizeof(uint64_t) +
			SLOTS * CALL_COLUMNS];
};

static union cpu cpus[CPUS];
static struct entry maps[SLOTS_FD][ENTRIES]; /* but for CPUS_FD */
static int failing_fd, rows_until_failure;
static int adds_until_failure;
static bool realloc_fails;

static struct entry *find(int fd, const union key *key, size_t bytes)
{
	for (struct entry *e = maps[fd]; e < maps[fd] + ENTRIES; e++)
		if (e->used && memcmp(&e->key, key, bytes) == 0)
			return e;
	return NULL;
}

/* The entry's values, made when there is none. */
static uint64_t *entry(int fd, const union key *key)
{
	struct entry *e = find(fd, key, sizeof(*key));

	for (e = e ? e : maps[fd]; e->used && memcmp(&e->key, key, sizeof(*key)); e++)
		assert_true(e < maps[fd] + ENTRIES - 1);
	e->used = true;
	e->key = *key;
	return e->values;
}

static void count(uint64_t *values, uint64_t calls, uint64_t errors)
{
	values[CALLS] += calls;
	values[ERRORS] += errors;
}

static void count_row(uint64_t group, uint32_t id, uint64_t calls, uint64_t errors)
{
	union key key = { .row = { .group = group, .id = id } };

	count(entry(ROWS_FD, &key), calls, errors);
}

static void count_code(uint32_t id, uint32_t code, uint64_t n)
{
	union key key = { .row = { 0 } };

	key.error = (struct error_key){ .id = id, .code = code };
	count(entry(CODES_FD, &key), n, 0);
}

static void count_overflow(uint32_t id, uint64_t calls, uint64_t errors)
{
	union key key = { .row = { 0 } };

	key.id = id;
	count(entry(OVERFLOW_FD, &key), calls, errors);
}

/* As the kernel does without Detail: by id for the host, and by slot. */
static void count_cpu(int cpu, uint32_t id, uint32_t slot, uint64_t calls,
		      uint64_t errors)
{
	count((uint64_t *)cpus[cpu].calls.host[id], calls, errors);
	count((uint64_t *)&cpus[cpu].calls.slots[slot * CALL_COLUMNS], calls, errors);
}

static void admit(uint64_t id, uint32_t slot)
{
	union key key = { .row = { .group = id } };
	struct group_state state = { .slot = slot };

	memcpy(entry(STATES_FD, &key), &state, sizeof(state));
}

static void end(uint64_t id)
{
	union key key = { .row = { .group = id } };
	struct group_state state;

	memcpy(&state, entry(STATES_FD, &key), sizeof(state));
	state.gone = 1;
	memcpy(entry(STATES_FD, &key), &state, sizeof(state));
}

int __wrap_loader_map(const struct loaded *l, const char *name);
int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg);
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value);
int __wrap_bpf_map_delete_elem(int fd, const void *key);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value,
			       uint64_t flags);
bool __wrap_scopes_add(struct scopes *s, struct scope *scope, const struct family *family,
		       const struct series_id *id, uint64_t n, bool retire);
bool __real_scopes_add(struct scopes *s, struct scope *scope, const struct family *family,
		       const struct series_id *id, uint64_t n, bool retire);
void *__wrap_realloc(void *p, size_t size);
void *__real_realloc(void *p, size_t size);

int __wrap_loader_map(const struct loaded *l, const char *name)
{
	static const char *const names[FAMILY_FDS] = { "cpus", "codes", "rows",
						       "overflow" };

	(void)l;
	for (int fd = 0; fd < FAMILY_FDS; fd++)
		if (strcmp(names[fd], name) == 0)
			return fd;
	fail_msg("no map %s", name);
	return -1;
}

int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg)
{
	int left = fd == failing_fd ? rows_until_failure : NEVER;

	for (uint32_t cpu = 0; fd == CPUS_FD && cpu < CPUS && left-- > 0; cpu++)
		row(arg, &cpu, cpus[cpu].values);
	for (const struct entry *e = maps[fd]; fd != CPUS_FD && e < maps[fd] + ENTRIES;
	     e++)
		if (e->used && left-- > 0)
			row(arg, &e->key, e->values);
	return fd == failing_fd ? -EIO : 0;
}

/* Group 11 is /11.service. */
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	struct group_path path = { 0 };
	uint64_t id;

	assert_int_equal(fd, PATHS_FD);
	memcpy(&id, key, sizeof(id));
	path.bytes = 1 + (uint32_t)snprintf(path.names, sizeof(path.names), "%u.service",
					    (unsigned)id);
	memcpy(value, &path, sizeof(path));
	return 0;
}

int __wrap_bpf_map_delete_elem(int fd, const void *key)
{
	union key wanted = { .row = { 0 } };
	size_t bytes = fd == ROWS_FD ? sizeof(wanted.row) : sizeof(wanted.group);
	struct entry *e;

	if (fd == PATHS_FD)
		return 0;
	assert_true(fd == ROWS_FD || fd == STATES_FD);
	memcpy(&wanted, key, bytes);
	e = find(fd, &wanted, bytes);
	assert_non_null(e);
	memset(e, 0, sizeof(*e));
	return 0;
}

int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)
{
	(void)key, (void)value, (void)flags;
	assert_int_equal(fd, SLOTS_FD);
	return 0;
}

bool __wrap_scopes_add(struct scopes *s, struct scope *scope, const struct family *family,
		       const struct series_id *id, uint64_t n, bool retire)
{
	if (!adds_until_failure--)
		return false;
	return __real_scopes_add(s, scope, family, id, n, retire);
}

void *__wrap_realloc(void *p, size_t size)
{
	return realloc_fails ? NULL : __real_realloc(p, size);
}

/* ---- a family ---- */

/* Ids of calls; ALIAS is another number of TWIN. */
enum { READ = 3, WRITE = 7, OPEN = 1500, TWIN = 20, ALIAS = 21, ENOENT_CODE = 2 };

static bool describe(const struct series_id *id, struct label *ret)
{
	(void)ret;
	return id->id != SYSCALL_REST;
}

static uint32_t canonical(uint32_t id)
{
	return id == ALIAS ? TWIN : id;
}

static const struct family family = {
	.counters = {
		{ "cpus", COUNTER_CPUS, CALL_COLUMNS },
		{ "codes", COUNTER_HOST_CODE, 1 },
		{ "rows", COUNTER_GROUP, CALL_COLUMNS },
		{ "overflow", COUNTER_OVERFLOW, CALL_COLUMNS },
	},
	.total_id = SYSCALL_ALL,
	.ids = SYSCALL_ROW_IDS,
	.columns = CALL_COLUMNS,
	.describe = describe,
	.canonical = canonical,
};

struct fixture {
	struct selector select;
	struct scopes *scopes;
	struct groups *groups;
	struct rows rows;
	uint64_t row_count; /* of the last read */
	uint64_t last_total;
	bool selected[SYSCALL_ROW_IDS];
};

static void nothing_fails(void)
{
	failing_fd = -1;
	adds_until_failure = NEVER;
	realloc_fails = false;
}

static void setup(struct fixture *f, bool with_groups)
{
	struct groups_config config = {
		.select = &f->select,
		.states_fd = STATES_FD,
		.paths_fd = PATHS_FD,
		.slots_fd = SLOTS_FD,
		.max = MAX,
	};

	memset(f, 0, sizeof(*f));
	memset(f->selected, true, sizeof(f->selected));
	memset(cpus, 0, sizeof(cpus));
	memset(maps, 0, sizeof(maps));
	nothing_fails();
	f->scopes = scopes_new(100);
	f->groups = with_groups ? groups_new(&config, f->scopes) : NULL;
	assert_true(f->scopes && (f->groups || !with_groups));
	assert_int_equal(
		rows_init(&f->rows, f->scopes, f->groups, with_groups ? SLOTS : 1), 0);
}

static void teardown(struct fixture *f)
{
	groups_free(f->groups);
	rows_fini(&f->rows);
	scopes_free(f->scopes);
}

static const struct series *series(const struct scope *scope, uint32_t id, uint16_t code,
				   uint16_t column)
{
	for (const struct series *s = scope->series; s; s = s->next)
		if (s->id.id == id && s->id.code == code && s->id.column == column)
			return s;
	return NULL;
}

static uint64_t value(const struct scope *scope, uint32_t id, uint16_t column)
{
	const struct series *s = series(scope, id, 0, column);

	return s ? s->value : 0;
}

static uint64_t total(const struct scope *scope)
{
	return value(scope, SYSCALL_ALL, CALLS);
}

static struct scope *host(const struct fixture *f)
{
	return scopes_host(f->scopes);
}

static struct scope *other(const struct fixture *f)
{
	return scopes_other(f->scopes);
}

static struct scope *scope_of(const struct fixture *f, uint64_t group)
{
	return groups_find(f->groups, group)->scope;
}

/* As monitor_read() does it. */
static int try_read(struct fixture *f)
{
	int err;

	rows_begin(&f->rows);
	err = f->groups ? groups_refresh(f->groups) : 0;
	if (!err)
		err = rows_add(&f->rows, &family, NULL, f->selected, NULL, &f->row_count);
	if (err)
		return err;
	rows_commit(&f->rows);
	if (f->groups)
		groups_retire(f->groups);
	return 0;
}

/* And what holds after each: the host is the sum of the others, and never steps back. */
static void read_all(struct fixture *f)
{
	uint64_t sum = 0;

	assert_int_equal(try_read(f), 0);
	for (const struct scope *s = host(f)->next; s; s = s->next)
		sum += total(s);
	if (f->groups)
		assert_int_equal(total(host(f)), sum);
	assert_true(total(host(f)) >= f->last_total);
	f->last_total = total(host(f));
}

static void expect_totals(const struct scope *scope, uint64_t calls, uint64_t errors)
{
	assert_int_equal(value(scope, SYSCALL_ALL, CALLS), calls);
	assert_int_equal(value(scope, SYSCALL_ALL, ERRORS), errors);
}

/* ---- by CPU ---- */

static void cpus_are_summed(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	admit(11, 1);
	count_cpu(0, READ, 1, 5, 1);
	count_cpu(1, READ, 1, 7, 2);
	count_cpu(1, OPEN, SLOT_OTHER, 100, 0);
	for (int i = 0; i < 3; i++) { /* reading does not count */
		read_all(&f);
		assert_int_equal(f.row_count, 2);
		assert_int_equal(value(host(&f), READ, CALLS), 12);
		assert_int_equal(value(host(&f), READ, ERRORS), 3);
		assert_int_equal(value(host(&f), OPEN, CALLS), 100);
		assert_null(series(host(&f), WRITE, 0, CALLS));
		assert_null(series(scope_of(&f, 11), READ, 0, CALLS));
		expect_totals(scope_of(&f, 11), 12, 3);
		expect_totals(other(&f), 100, 0);
		expect_totals(host(&f), 112, 3);
	}
	teardown(&f);
}

static void without_groups_the_total_is_the_sum_of_ids(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, false);
	f.selected[WRITE] = false;
	count_cpu(0, READ, SLOT_OTHER, 5, 1);
	count_cpu(1, READ, SLOT_OTHER, 1, 0);
	count_cpu(1, WRITE, SLOT_OTHER, 30, 2);
	count_row(11, READ, 1000, 1000); /* is not looked at */
	read_all(&f);
	assert_int_equal(value(host(&f), READ, CALLS), 6);
	expect_totals(host(&f), 36, 3);
	count_overflow(READ, 4, 1);
	read_all(&f);
	expect_totals(host(&f), 40, 4);
	assert_int_equal(value(host(&f), READ, CALLS), 10);
	assert_null(other(&f)->series);
	teardown(&f);
}

static void a_slot_without_a_group_is_left_for_the_next_read(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	count_cpu(0, READ, 2, 7, 0);
	read_all(&f);
	assert_int_equal(value(host(&f), READ, CALLS), 7);
	expect_totals(host(&f), 0, 0);
	admit(11, 2);
	read_all(&f);
	expect_totals(scope_of(&f, 11), 7, 0);
	expect_totals(host(&f), 7, 0);
	teardown(&f);
}

static void a_slot_given_again_starts_from_0(void **state)
{
	const struct scope *gone;
	uint64_t counted = 0;
	struct fixture f;

	(void)state;
	setup(&f, true);
	for (uint64_t id = 11; id < 15; id++) {
		admit(id, 1);
		count_cpu(0, READ, 1, id, 1);
		read_all(&f);
		gone = scope_of(&f, id);
		end(id);
		count_cpu(1, READ, 1, 100, 0); /* between its last read and its end */
		read_all(&f);
		read_all(&f); /* the group is retiring */
		counted += id + 100;
		expect_totals(gone, id + 100, 1);
		expect_totals(host(&f), counted, id - 10);
		assert_int_equal(groups_count(f.groups), 0);
		assert_null(groups_by_slot(f.groups, 1));
		read_all(&f);
		expect_totals(gone, id + 100, 1);
		expect_totals(host(&f), counted, id - 10);
	}
	teardown(&f);
}

/* ---- by group and call ---- */

static void rows_count_for_group_and_host(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	admit(11, 1);
	count_row(11, READ, 5, 1);
	count_row(11, OPEN, 3, 3);
	count_row(11, SYSCALL_REST, 2, 0);
	count_row(12, READ, 40, 0); /* was not there when the groups were refreshed */
	count_overflow(READ, 100, 10);
	count_overflow(WRITE, 0, 0);
	read_all(&f);
	assert_int_equal(f.row_count, 4);
	assert_int_equal(value(scope_of(&f, 11), READ, CALLS), 5);
	assert_int_equal(value(scope_of(&f, 11), READ, ERRORS), 1);
	assert_int_equal(value(scope_of(&f, 11), OPEN, CALLS), 3);
	assert_null(series(scope_of(&f, 11), SYSCALL_REST, 0, CALLS));
	assert_int_equal(value(other(&f), READ, CALLS), 100);
	assert_null(series(other(&f), WRITE, 0, CALLS));
	assert_int_equal(value(host(&f), READ, CALLS), 145);
	expect_totals(scope_of(&f, 11), 10, 4);
	expect_totals(scope_of(&f, 12), 40, 0);
	expect_totals(other(&f), 100, 10);
	expect_totals(host(&f), 150, 14);
	teardown(&f);
}

static void a_row_may_be_the_total_itself(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	count_row(11, SYSCALL_ALL, 5, 1);
	count_overflow(SYSCALL_ALL, 2, 0);
	read_all(&f);
	expect_totals(scope_of(&f, 11), 5, 1);
	expect_totals(host(&f), 7, 1);
	teardown(&f);
}

static void unselected_ids_are_in_the_total_only(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	f.selected[READ] = false;
	count_cpu(0, READ, SLOT_OTHER, 1, 1);
	count_row(11, READ, 20, 0);
	count_overflow(READ, 300, 0);
	count_code(READ, ENOENT_CODE, 1);
	read_all(&f);
	for (const struct scope *s = host(&f); s; s = s->next)
		for (const struct series *series = s->series; series;
		     series = series->next)
			assert_int_equal(series->id.id, SYSCALL_ALL);
	expect_totals(scope_of(&f, 11), 20, 0);
	expect_totals(other(&f), 301, 1);
	expect_totals(host(&f), 321, 1);
	teardown(&f);
}

static void two_ids_of_one_name_are_one_series(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	count_row(11, TWIN, 5, 0);
	count_row(11, ALIAS, 6, 0);
	read_all(&f);
	assert_int_equal(value(scope_of(&f, 11), TWIN, CALLS), 11);
	assert_null(series(scope_of(&f, 11), ALIAS, 0, CALLS));
	assert_int_equal(value(host(&f), TWIN, CALLS), 11);
	expect_totals(host(&f), 11, 0);
	teardown(&f);
}

static void codes_are_the_host_s_and_in_no_total(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, true);
	count_code(READ, ENOENT_CODE, 5);
	count_code(READ, 13, 6);
	read_all(&f);
	assert_int_equal(series(host(&f), READ, ENOENT_CODE, 0)->value, 5);
	assert_int_equal(series(host(&f), READ, 13, 0)->value, 6);
	assert_null(series(host(&f), READ, 0, CALLS));
	expect_totals(host(&f), 0, 0);
	teardown(&f);
}

static void rows_of_a_retiring_group_are_removed(void **state)
{
	const struct scope *gone;
	struct fixture f;

	(void)state;
	setup(&f, true);
	admit(11, 1);
	admit(12, 2);
	count_row(11, READ, 5, 1);
	count_row(11, OPEN, 6, 0);
	count_row(12, READ, 70, 0);
	read_all(&f);
	gone = scope_of(&f, 11);
	end(11);
	count_row(11, READ, 1, 0);
	read_all(&f);
	assert_int_equal(f.row_count, 3);
	count_row(11, READ, 1, 0); /* and what a dying task did since */
	for (int i = 0; i < 3; i++) {
		read_all(&f);
		assert_int_equal(f.row_count, i ? 1 : 3);
		assert_int_equal(value(gone, READ, CALLS), 7);
		assert_int_equal(value(gone, OPEN, CALLS), 6);
		assert_int_equal(value(host(&f), READ, CALLS), 77);
		expect_totals(gone, 13, 1);
		expect_totals(host(&f), 83, 1);
	}
	teardown(&f);
}

/* ---- reads that fail ---- */

/* A group that retires in the next read, one that stays, and all kinds of rows. */
static void setup_much(struct fixture *f)
{
	setup(f, true);
	admit(11, 1);
	admit(12, 2);
	count_cpu(0, READ, 1, 1, 0);
	count_cpu(1, OPEN, 2, 20, 2);
	count_cpu(1, READ, SLOT_OTHER, 300, 0);
	count_row(11, READ, 4000, 1);
	count_row(12, WRITE, 50000, 0);
	count_overflow(READ, 600000, 0);
	count_code(READ, ENOENT_CODE, 1);
	end(11);
	read_all(f);
	count_row(11, READ, 4000, 1);
	count_cpu(0, READ, 1, 1, 0);
}

static void expect_much(struct fixture *f)
{
	const struct scope *gone = scope_of(f, 11), *kept = scope_of(f, 12);

	for (int i = 0; i < 3; i++) {
		read_all(f);
		expect_totals(gone, 8002, 2);
		expect_totals(kept, 50020, 2);
		expect_totals(other(f), 600300, 0);
		expect_totals(host(f), 658322, 4);
		assert_int_equal(value(host(f), READ, CALLS), 608000 + 302);
		assert_int_equal(series(host(f), READ, ENOENT_CODE, 0)->value, 1);
		assert_int_equal(groups_count(f->groups), 1);
	}
}

static void a_map_that_fails_counts_nothing_twice(void **state)
{
	struct fixture f;

	(void)state;
	for (int fd = 0; fd < FAMILY_FDS; fd++)
		for (int rows = 0; rows < 3; rows++) {
			setup_much(&f);
			failing_fd = fd;
			rows_until_failure = rows;
			for (int i = 0; i < 3; i++)
				assert_int_equal(try_read(&f), -EIO);
			nothing_fails();
			expect_much(&f);
			teardown(&f);
		}
}

static void no_memory_counts_nothing_twice(void **state)
{
	struct fixture f;
	int adds = 0, err = -ENOMEM;

	(void)state;
	for (; err; adds++) {
		setup_much(&f);
		adds_until_failure = adds;
		err = try_read(&f);
		assert_true(err == -ENOMEM || (!err && adds_until_failure >= 0));
		nothing_fails();
		if (err)
			expect_much(&f);
		teardown(&f);
	}
	assert_in_range(adds, 20, 100); /* or it was not all of them */
}

static void no_memory_for_dead_rows_counts_nothing_twice(void **state)
{
	struct fixture f;

	(void)state;
	setup_much(&f);
	realloc_fails = true;
	assert_int_equal(try_read(&f), -ENOMEM);
	nothing_fails();
	expect_much(&f);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpus_are_summed),
		cmocka_unit_test(without_groups_the_total_is_the_sum_of_ids),
		cmocka_unit_test(a_slot_without_a_group_is_left_for_the_next_read),
		cmocka_unit_test(a_slot_given_again_starts_from_0),
		cmocka_unit_test(rows_count_for_group_and_host),
		cmocka_unit_test(a_row_may_be_the_total_itself),
		cmocka_unit_test(unselected_ids_are_in_the_total_only),
		cmocka_unit_test(two_ids_of_one_name_are_one_series),
		cmocka_unit_test(codes_are_the_host_s_and_in_no_total),
		cmocka_unit_test(rows_of_a_retiring_group_are_removed),
		cmocka_unit_test(a_map_that_fails_counts_nothing_twice),
		cmocka_unit_test(no_memory_counts_nothing_twice),
		cmocka_unit_test(no_memory_for_dead_rows_counts_nothing_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
