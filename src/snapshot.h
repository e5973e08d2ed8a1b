/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Called for each entry of a map: `key` as the kernel has it; `values` the entry's value
 * as 64-bit columns, summed over the CPUs when the map is per CPU.
 */
typedef void snapshot_row_fn(void *arg, const void *key, const uint64_t *values);

/* The same with one copy of `columns` columns after the other: of each CPU, or only one. */
typedef void snapshot_copies_fn(void *arg, const void *key, const uint64_t *values,
				unsigned copies, unsigned columns);

/*
 * Reads a whole hash or array map whose values are 64-bit columns, in batches where the
 * kernel can. Entries that come or go meanwhile may or may not be seen; none that stays
 * is missed or seen twice. The map is not changed. Returns 0 or a negative errno; rows
 * may have been handed out before an error.
 */
int snapshot_read(int map_fd, snapshot_row_fn *row, void *arg);
int snapshot_read_copies(int map_fd, snapshot_copies_fn *row, void *arg);
