/* SPDX-License-Identifier: GPL-2.0-only */
#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "map_access.h"
#include "snapshot.h"

/* One map that is being read. */
struct reading {
	struct rows *rows;
	const struct family *family;
	const bool *selected;
	const struct counter *counter;
	const struct timing *timing; /* NULL: none */
	int map;
	uint64_t count;
	struct time_sum time; /* of the row at hand; its count is 0 where it has none */
};

static void add(const struct reading *rd, struct scope *scope, uint32_t id, uint16_t code,
		const uint64_t *values, bool retire)
{
	const struct family *f = rd->family;
	struct series_id series = { .id = f->canonical ? f->canonical(id) : id,
				    .code = code };
	struct label ignored;

	if (id < f->ids && !rd->selected[id])
		return;
	for (unsigned i = 0; i < rd->counter->columns; i++) {
		series.column = i;
		if (f->describe(&series, &ignored) &&
		    !scopes_add(rd->rows->scopes, scope, f, &series, values[i], retire))
			rd->rows->error = -ENOMEM;
	}
}

/* `buckets` is NULL where there is no histogram. */
static void add_times(const struct reading *rd, struct scope *scope, uint32_t id,
		      const struct time_sum *time, const uint64_t *buckets, bool retire)
{
	const struct family *f = rd->family;
	struct series_id series = { .id = f->canonical ? f->canonical(id) : id,
				    .column = LATENCY };
	struct label ignored;

	if ((!time->count && !buckets) || (id < f->ids && !rd->selected[id]) ||
	    !f->describe(&series, &ignored))
		return;
	if (!scopes_add_times(rd->rows->scopes, scope, f, &series, time, buckets, retire))
		rd->rows->error = -ENOMEM;
}

/* A scope's total is the sum of its ids; a row may be that total itself. */
static void add_with_total(const struct reading *rd, struct scope *scope, uint32_t id,
			   const uint64_t *values, bool retire)
{
	const struct family *f = rd->family;

	add(rd, scope, id, 0, values, retire);
	add_times(rd, scope, id, &rd->time, NULL, retire);
	if (f->total_id && id != f->total_id) {
		add(rd, scope, f->total_id, 0, values, retire);
		add_times(rd, scope, f->total_id, &rd->time, NULL, retire);
	}
}

/* What a group or `other` counts, the host counts as well. */
static void add_to_host(const struct reading *rd, uint32_t id, const uint64_t *values,
			bool retire)
{
	add_with_total(rd, scopes_host(rd->rows->scopes), id, values, retire);
}

static bool is_zero(const struct reading *rd, const uint64_t *values)
{
	for (unsigned i = 0; i < rd->counter->columns; i++)
		if (values[i])
			return false;
	return true;
}

static void bury(struct rows *rows, int map, const struct row_key *key)
{
	if (rows->dead_count == rows->dead_room) {
		size_t room = rows->dead_room ? rows->dead_room * 2 : 64;
		void *dead = realloc(rows->dead, room * sizeof(*rows->dead));

		if (!dead) {
			rows->error = -ENOMEM;
			return;
		}
		rows->dead = dead;
		rows->dead_room = room;
	}
	rows->dead[rows->dead_count++] = (struct dead_row){ .map = map, .key = *key };
}

static void group_row(void *arg, const void *key, const uint64_t *values)
{
	struct reading *rd = arg;
	const struct row_key *row = key;
	struct group *group = groups_find(rd->rows->groups, row->group);

	rd->count++;
	if (!group) {
		rd->rows->error = -ENOMEM;
		return;
	}
	add_with_total(rd, group->scope, row->id, values, group->retiring);
	add_to_host(rd, row->id, values, group->retiring);
	if (group->retiring)
		bury(rd->rows, rd->map, row);
}

static void overflow_row(void *arg, const void *key, const uint64_t *values)
{
	const struct reading *rd = arg;
	uint32_t id = *(const uint32_t *)key;

	if (is_zero(rd, values))
		return;
	if (rd->rows->groups)
		add_with_total(rd, scopes_other(rd->rows->scopes), id, values, false);
	add_to_host(rd, id, values, false);
}

/* Of the slots of one CPU: columns alone, or struct calls. */
static void add_cpu_slots(const struct reading *rd, const struct cpu_calls *cpu)
{
	const uint64_t *slot = (const uint64_t *)cpu->slots;
	const bool timed = rd->timing && !rd->timing->detailed;

	for (struct slot_sum *sum = rd->rows->sums;
	     sum < rd->rows->sums + rd->rows->slots; sum++) {
		for (int i = 0; i < CALL_COLUMNS; i++)
			sum->column[i] += slot[i];
		slot += CALL_COLUMNS;
		if (!timed)
			continue;
		times_add(&sum->time, (const void *)slot, rd->timing->epoch);
		slot += sizeof(struct times) / sizeof(*slot);
	}
}

static void cpu_row(void *arg, const void *key, const uint64_t *values)
{
	const struct cpu_calls *cpu = (const void *)values;
	const struct reading *rd = arg;

	(void)key;
	for (uint32_t id = 0; id < SYSCALL_IDS; id++)
		for (int i = 0; i < CALL_COLUMNS; i++)
			rd->rows->host[id][i] += cpu->host[id][i];
	add_cpu_slots(rd, cpu);
}

/* Rows whose values are followed by times. */
static void timed_row(void *arg, const void *key, const uint64_t *values, unsigned copies,
		      unsigned columns)
{
	struct reading *rd = arg;
	uint64_t sums[COLUMNS_MAX] = { 0 };

	rd->time = (struct time_sum){ 0 };
	for (unsigned copy = 0; copy < copies; copy++, values += columns) {
		for (unsigned i = 0; i < rd->counter->columns; i++)
			sums[i] += values[i];
		times_add(&rd->time, (const void *)(values + rd->counter->columns),
			  rd->timing->epoch);
	}
	if (rd->counter->shape == COUNTER_GROUP)
		group_row(rd, key, sums);
	else
		overflow_row(rd, key, sums);
	rd->time = (struct time_sum){ 0 };
}

/* Of all CPUs, by rank. */
struct histogram_sum {
	struct time_sum time;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

struct histograms {
	const struct timing *timing;
	struct histogram_sum *sums;
};

static void cpu_histograms(void *arg, const void *key, const uint64_t *values)
{
	const struct histogram *histogram = (const void *)values;
	const struct histograms *h = arg;

	(void)key;
	for (uint32_t rank = 0; rank < h->timing->ranks; rank++, histogram++) {
		times_add(&h->sums[rank].time, &histogram->times, h->timing->epoch);
		for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
			h->sums[rank].buckets[i] += histogram->buckets[i];
	}
}

/* Where rows or slots have the times, the histogram adds its buckets to them only. */
static void add_histogram(const struct reading *rd, uint32_t rank,
			  const struct histogram_sum *sum)
{
	struct scope *host = scopes_host(rd->rows->scopes);
	struct time_sum none = { .max = sum->time.max };

	if (!sum->time.count)
		return;
	if (rank)
		add_times(rd, host, rd->timing->ids[rank],
			  rd->timing->detailed ? &none : &sum->time, sum->buckets, false);
	add_times(rd, host, rd->family->total_id, &none, sum->buckets, false);
}

static int add_histograms(struct reading *rd)
{
	struct histograms h = { .timing = rd->timing };
	int err = -ENOMEM;

	h.sums = calloc(rd->timing->ranks, sizeof(*h.sums));
	if (h.sums)
		err = snapshot_read(rd->map, cpu_histograms, &h);
	for (uint32_t rank = 0; rank < rd->timing->ranks && !err; rank++)
		add_histogram(rd, rank, &h.sums[rank]);
	free(h.sums);
	return err;
}

/* What was counted in a slot since its group has it. `scope` is NULL where the host is all. */
static void add_slot(const struct reading *rd, uint32_t slot, struct scope *scope,
		     bool retire)
{
	const struct rows *rows = rd->rows;
	const struct slot_sum *base = &rows->base[slot];
	struct slot_sum sum = rows->sums[slot];
	struct scope *host = scopes_host(rows->scopes);
	uint32_t total = rd->family->total_id;

	for (int i = 0; i < CALL_COLUMNS; i++)
		sum.column[i] -= base->column[i];
	sum.time.count -= base->time.count;
	sum.time.sum -= base->time.sum;
	if (scope) {
		add(rd, scope, total, 0, sum.column, retire);
		add(rd, host, total, 0, sum.column, retire);
		add_times(rd, scope, total, &sum.time, NULL, retire);
	}
	add_times(rd, host, total, &sum.time, NULL, retire);
}

static void add_slots(const struct reading *rd)
{
	const struct rows *rows = rd->rows;

	add_slot(rd, SLOT_OTHER, rows->groups ? scopes_other(rows->scopes) : NULL, false);
	/* a slot that was taken since the groups were refreshed is for the next read */
	for (uint32_t slot = 1; slot < rows->slots; slot++) {
		const struct group *group = groups_by_slot(rows->groups, slot);

		if (group)
			add_slot(rd, slot, group->scope, group->retiring);
	}
}

/* Array of struct cpu_calls: by id for the host, and by slot for the groups. */
static int add_cpus(struct reading *rd)
{
	struct rows *rows = rd->rows;
	struct scope *host = scopes_host(rows->scopes);
	int err;

	memset(rows->host, 0, SYSCALL_IDS * sizeof(rows->host[0]));
	memset(rows->sums, 0, rows->slots * sizeof(rows->sums[0]));
	err = snapshot_read(rd->map, cpu_row, rd);
	for (uint32_t id = 0; id < SYSCALL_IDS && !err; id++) {
		const uint64_t *values = rows->host[id];

		if (is_zero(rd, values))
			continue;
		add(rd, host, id, 0, values, false);
		if (!rows->groups)
			add(rd, host, rd->family->total_id, 0, values, false);
		rd->count++;
	}
	if (!err)
		add_slots(rd);
	return err;
}

static void code_row(void *arg, const void *key, const uint64_t *values)
{
	const struct reading *rd = arg;
	const struct error_key *error = key;

	add(rd, scopes_host(rd->rows->scopes), error->id, error->code, values, false);
}

static int add_counter(struct reading *rd)
{
	static snapshot_row_fn *const row[] = {
		[COUNTER_HOST_CODE] = code_row,
		[COUNTER_GROUP] = group_row,
		[COUNTER_OVERFLOW] = overflow_row,
	};

	switch (rd->counter->shape) {
	case COUNTER_CPUS:
		return add_cpus(rd);
	case COUNTER_HISTOGRAMS:
		return rd->timing ? add_histograms(rd) : 0;
	default:
		break;
	}
	if (rd->counter->shape == COUNTER_GROUP && !rd->rows->groups)
		return 0;
	if (rd->timing && rd->timing->detailed && rd->counter->shape != COUNTER_HOST_CODE)
		return snapshot_read_copies(rd->map, timed_row, rd);
	return snapshot_read(rd->map, row[rd->counter->shape], rd);
}

int rows_init(struct rows *rows, struct scopes *scopes, struct groups *groups,
	      uint32_t slots)
{
	*rows = (struct rows){ .scopes = scopes, .groups = groups, .slots = slots };
	rows->host = calloc(SYSCALL_IDS, sizeof(rows->host[0]));
	rows->sums = calloc(slots, sizeof(rows->sums[0]));
	rows->base = calloc(slots, sizeof(rows->base[0]));
	return rows->host && rows->sums && rows->base ? 0 : -ENOMEM;
}

void rows_fini(struct rows *rows)
{
	free(rows->host);
	free(rows->sums);
	free(rows->base);
	free(rows->dead);
}

void rows_begin(struct rows *rows)
{
	scopes_rewind(rows->scopes);
	rows->dead_count = 0;
	rows->error = 0;
}

int rows_add(struct rows *rows, const struct family *family, const struct loaded *loaded,
	     const bool *selected, const struct timing *timing, uint64_t *ret_count)
{
	struct reading rd = {
		.rows = rows, .family = family, .selected = selected, .timing = timing
	};
	int err = 0;

	for (int i = 0; i < COUNTERS_MAX && family->counters[i].map && !err; i++) {
		rd.counter = &family->counters[i];
		rd.map = loader_map(loaded, rd.counter->map);
		err = add_counter(&rd);
	}
	*ret_count = rd.count;
	return err ? err : rows->error;
}

void rows_commit(struct rows *rows)
{
	for (size_t i = 0; i < rows->dead_count; i++)
		map_delete(rows->dead[i].map, &rows->dead[i].key);
	for (uint32_t slot = 1; rows->groups && slot < rows->slots; slot++) {
		const struct group *group = groups_by_slot(rows->groups, slot);

		if (group && group->retiring)
			rows->base[slot] = rows->sums[slot];
	}
	scopes_commit(rows->scopes);
}
