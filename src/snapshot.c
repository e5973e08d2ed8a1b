/* SPDX-License-Identifier: GPL-2.0-only */
#include "snapshot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cleanup.h"
#include "map_access.h"

/* A batch holds at least one bucket of a hash; on ENOSPC it is doubled. */
enum { BATCH_ROWS = 1024, BATCH_BYTES = 1 << 20 };

struct reader {
	int fd;
	int cpus; /* copies of the value; 1 when the map is not per CPU */
	size_t key_bytes;
	size_t value_bytes; /* of one copy, a multiple of 8 */
	uint32_t entries;
	bool is_mappable;
	snapshot_copies_fn *row;
	void *arg;
};

static bool is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static int reader_init(struct reader *r, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -errno;
	r->fd = fd;
	r->cpus = is_per_cpu(info.type) ? libbpf_num_possible_cpus() : 1;
	r->key_bytes = info.key_size;
	r->value_bytes = (info.value_size + 7) / 8 * 8;
	r->entries = info.max_entries;
	r->is_mappable = info.type == BPF_MAP_TYPE_ARRAY &&
			 info.map_flags & BPF_F_MMAPABLE;
	return r->cpus < 0 ? r->cpus : 0;
}

static void hand_out(const struct reader *r, const void *key, const uint64_t *values)
{
	r->row(r->arg, key, values, r->cpus, r->value_bytes / 8);
}

static bool make_room(const struct reader *r, uint32_t rows, char **keys, char **values)
{
	free(*keys);
	free(*values);
	*keys = calloc(rows, r->key_bytes);
	*values = calloc(rows, r->value_bytes * r->cpus);
	return *keys && *values;
}

static int read_batches(const struct reader *r, uint32_t rows, uint32_t *ret_done)
{
	cleanup_free char *keys = NULL, *values = NULL;
	/* where the next batch begins: opaque, of the key's size but at least 4 bytes */
	cleanup_free void *position = calloc(1, r->key_bytes + 4);
	bool first = true;
	int err;

	if (!position || !make_room(r, rows, &keys, &values))
		return -ENOMEM;
	do {
		uint32_t count = rows;

		err = map_lookup_batch(r->fd, first ? NULL : position, position, keys,
				       values, &count);
		/* the bucket that is next has more: once more from there */
		if (err == -ENOSPC && rows < r->entries) {
			rows *= 2;
			if (!make_room(r, rows, &keys, &values))
				return -ENOMEM;
			continue;
		}
		/* ENOENT comes with the last rows, not after them */
		if (err < 0 && err != -ENOENT)
			return err;
		for (uint32_t i = 0; i < count; i++)
			hand_out(r, keys + i * r->key_bytes,
				 (uint64_t *)(values + i * r->value_bytes * r->cpus));
		*ret_done += count;
		first = false;
	} while (err != -ENOENT);
	return 0;
}

static int read_one_by_one(const struct reader *r)
{
	cleanup_free char *key = calloc(1, r->key_bytes);
	cleanup_free char *next = calloc(1, r->key_bytes);
	cleanup_free uint64_t *values = calloc(r->cpus, r->value_bytes);
	bool first = true;

	if (!key || !next || !values)
		return -ENOMEM;
	while (bpf_map_get_next_key(r->fd, first ? NULL : key, next) == 0) {
		/* the key after one that is gone is the first: go on from the one before */
		if (map_lookup(r->fd, next, values) < 0) {
			if (errno != ENOENT)
				return -errno;
			continue;
		}
		hand_out(r, next, values);
		memcpy(key, next, r->key_bytes);
		first = false;
	}
	return errno == ENOENT ? 0 : -errno;
}

/*
 * Word by word: bpf(2) may copy bytes of counters that grow meanwhile, and in batches on x86 does, as it
 * puts a value behind a key of 4 bytes: such a counter is neither what it was nor what it is. It wants
 * memory in one piece for a value, too, before 5.11 (f0dce1d9b7c8).
 */
static int read_mapped(const struct reader *r)
{
	size_t words = r->value_bytes / 8, bytes = r->value_bytes * r->entries;
	cleanup_free uint64_t *copy = malloc(r->value_bytes);
	const uint64_t *from;

	if (!copy)
		return -ENOMEM;
	from = mmap(NULL, bytes, PROT_READ, MAP_SHARED, r->fd, 0);
	if (from == MAP_FAILED) /* as to a daemon that may not have much address space */
		return -EOPNOTSUPP;
	for (uint32_t key = 0; key < r->entries; key++) {
		for (size_t i = 0; i < words; i++)
			copy[i] =
				__atomic_load_n(&from[key * words + i], __ATOMIC_RELAXED);
		hand_out(r, &key, copy);
	}
	munmap((void *)from, bytes);
	return 0;
}

/*
 * 5.10 has no batches for per-CPU arrays (ENOTSUPP, 524, which has no name in user
 * space).
 */
static bool is_refused(int err)
{
	return err == -524 || err == -EINVAL || err == -EOPNOTSUPP;
}

static uint32_t first_batch(const struct reader *r)
{
	size_t rows = BATCH_BYTES / (r->value_bytes * r->cpus);

	if (rows > BATCH_ROWS)
		rows = BATCH_ROWS;
	if (rows > r->entries)
		rows = r->entries;
	return rows ? rows : 1;
}

int snapshot_read_copies(int map_fd, snapshot_copies_fn *row, void *arg)
{
	struct reader r = { .row = row, .arg = arg };
	uint32_t done = 0;
	int err = reader_init(&r, map_fd);

	if (err)
		return err;
	if (r.is_mappable)
		err = read_mapped(&r);
	if (!r.is_mappable || err == -EOPNOTSUPP)
		err = read_batches(&r, first_batch(&r), &done);
	return is_refused(err) && !done ? read_one_by_one(&r) : err;
}

struct summed {
	snapshot_row_fn *row;
	void *arg;
	uint64_t *sums;
	bool failed;
};

static void sum_up(void *arg, const void *key, const uint64_t *values, unsigned copies,
		   unsigned columns)
{
	struct summed *s = arg;

	if (copies == 1) {
		s->row(s->arg, key, values);
		return;
	}
	if (!s->sums)
		s->sums = calloc(columns, sizeof(*s->sums));
	s->failed |= !s->sums;
	if (!s->sums)
		return;
	memcpy(s->sums, values, columns * sizeof(*s->sums));
	for (size_t i = columns; i < (size_t)columns * copies; i++)
		s->sums[i % columns] += values[i];
	s->row(s->arg, key, s->sums);
}

int snapshot_read(int map_fd, snapshot_row_fn *row, void *arg)
{
	struct summed s = { .row = row, .arg = arg };
	int err = snapshot_read_copies(map_fd, sum_up, &s);

	free(s.sums);
	return s.failed ? -ENOMEM : err;
}
