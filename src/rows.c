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
	int map;
	uint64_t count;
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

/* A scope's total is the sum of its ids; a row may be that total itself. */
static void add_with_total(const struct reading *rd, struct scope *scope, uint32_t id,
			   const uint64_t *values, bool retire)
{
	const struct family *f = rd->family;

	add(rd, scope, id, 0, values, retire);
	if (f->total_id && id != f->total_id)
		add(rd, scope, f->total_id, 0, values, retire);
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

static void cpu_row(void *arg, const void *key, const uint64_t *values)
{
	const struct cpu_calls *cpu = (const void *)values;
	struct reading *rd = arg;
	struct cpu_calls *sum = rd->rows->calls;

	(void)key;
	for (uint32_t id = 0; id < SYSCALL_IDS; id++)
		for (int i = 0; i < CALL_COLUMNS; i++)
			sum->host[id][i] += cpu->host[id][i];
	for (uint32_t slot = 0; slot < rd->rows->slots; slot++)
		for (int i = 0; i < CALL_COLUMNS; i++)
			sum->groups[slot][i] += cpu->groups[slot][i];
}

/* What was counted in a slot since its group has it. */
static void add_slot(const struct reading *rd, uint32_t slot, struct scope *scope,
		     bool retire)
{
	const struct rows *rows = rd->rows;
	uint32_t total = rd->family->total_id;
	uint64_t values[CALL_COLUMNS];

	for (int i = 0; i < CALL_COLUMNS; i++)
		values[i] = rows->calls->groups[slot][i] - rows->base[slot][i];
	add(rd, scope, total, 0, values, retire);
	add(rd, scopes_host(rows->scopes), total, 0, values, retire);
}

static void add_slots(const struct reading *rd)
{
	const struct rows *rows = rd->rows;

	add_slot(rd, SLOT_OTHER, scopes_other(rows->scopes), false);
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

	memset(rows->calls, 0,
	       sizeof(*rows->calls) + rows->slots * sizeof(rows->calls->groups[0]));
	err = snapshot_read(rd->map, cpu_row, rd);
	for (uint32_t id = 0; id < SYSCALL_IDS && !err; id++) {
		const uint64_t *values = (const uint64_t *)rows->calls->host[id];

		if (is_zero(rd, values))
			continue;
		add(rd, host, id, 0, values, false);
		if (!rows->groups)
			add(rd, host, rd->family->total_id, 0, values, false);
		rd->count++;
	}
	if (rows->groups && !err)
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

	if (rd->counter->shape == COUNTER_CPUS)
		return add_cpus(rd);
	if (rd->counter->shape == COUNTER_GROUP && !rd->rows->groups)
		return 0;
	return snapshot_read(rd->map, row[rd->counter->shape], rd);
}

int rows_init(struct rows *rows, struct scopes *scopes, struct groups *groups,
	      uint32_t slots)
{
	*rows = (struct rows){ .scopes = scopes, .groups = groups, .slots = slots };
	rows->calls =
		calloc(1, sizeof(*rows->calls) + slots * sizeof(rows->calls->groups[0]));
	rows->base = calloc(slots, sizeof(rows->base[0]));
	return rows->calls && rows->base ? 0 : -ENOMEM;
}

void rows_fini(struct rows *rows)
{
	free(rows->calls);
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
	     const bool *selected, uint64_t *ret_count)
{
	struct reading rd = { .rows = rows, .family = family, .selected = selected };
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
			memcpy(rows->base[slot], rows->calls->groups[slot],
			       sizeof(rows->base[0]));
	}
	scopes_commit(rows->scopes);
}
