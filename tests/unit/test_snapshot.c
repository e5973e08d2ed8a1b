/* SPDX-License-Identifier: GPL-2.0-only */
#include "snapshot.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum {
	MAP_FD = 7,
	ENOTSUPP_KERNEL = 524,
	KEY_BYTES_MAX = 16,
	ENTRIES_MAX = 5000,
};

/* A map, and how the kernel answers for it. */
struct fake {
	enum bpf_map_type type;
	uint32_t key_bytes, columns, entries, max_entries;
	int cpus;	 /* or a negative errno */
	uint32_t bucket; /* a batch with less room is ENOSPC */
	bool ends_late;	 /* ENOENT comes after the last rows when they fill a batch */
	int batch_error; /* an errno */
	uint32_t batch_after; /* entries; then batch_error */
	int next_key_error;   /* an errno */
	uint32_t next_key_after;
	int info_error; /* an errno */
	bool is_mappable;
	int map_error;	  /* an errno */
	uint32_t vanish;  /* this entry goes between its key and its value; 0: none */
	int expect_error; /* what snapshot_read() returns, positive */
	uint32_t expect_rows;
};

static const struct fake *fake;

/* What snapshot_read() has handed out and asked for. */
static struct {
	unsigned seen[ENTRIES_MAX];
	uint32_t rows, batches, lookups;
	void *mapped;
	bool vanished;
} got;

static bool is_per_cpu(void)
{
	return fake->type == BPF_MAP_TYPE_PERCPU_HASH ||
	       fake->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* Entry i's key: i + 1 and then bytes that follow from it. */
static void write_key(uint32_t i, void *key)
{
	unsigned char *bytes = key;
	uint32_t n = i + 1;

	memset(bytes, (int)(n % 251), fake->key_bytes);
	memcpy(bytes, &n, sizeof(n));
}

static uint32_t index_of(const void *key)
{
	uint32_t n;

	memcpy(&n, key, sizeof(n));
	return n - 1;
}

static uint64_t value_of(uint32_t i, int cpu, uint32_t column)
{
	return (UINT64_C(1) << 33) * (column + 1) + i * 100u + (uint32_t)cpu;
}

static char *write_value(uint32_t i, char *to)
{
	for (int cpu = 0; cpu < (is_per_cpu() ? fake->cpus : 1); cpu++)
		for (uint32_t column = 0; column < fake->columns; column++) {
			uint64_t value = value_of(i, cpu, column);

			memcpy(to, &value, sizeof(value));
			to += sizeof(value);
		}
	return to;
}

static int refuse(int error)
{
	errno = error;
	return -error;
}

int __wrap_bpf_obj_get_info_by_fd(int fd, void *info, __u32 *bytes);
int __wrap_bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values,
				__u32 *count, const struct bpf_map_batch_opts *opts);
int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next);
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value);
int __wrap_libbpf_num_possible_cpus(void);

int __wrap_bpf_obj_get_info_by_fd(int fd, void *info, __u32 *bytes)
{
	struct bpf_map_info map = {
		.type = fake->type,
		.key_size = fake->key_bytes,
		.value_size = fake->columns * sizeof(uint64_t),
		.max_entries = fake->max_entries,
		.map_flags = fake->is_mappable ? BPF_F_MMAPABLE : 0,
	};

	assert_int_equal(fd, MAP_FD);
	assert_true(*bytes >= sizeof(map));
	if (fake->info_error)
		return refuse(fake->info_error);
	memcpy(info, &map, sizeof(map));
	return 0;
}

int __wrap_libbpf_num_possible_cpus(void)
{
	return fake->cpus;
}

/* What the kernel writes to a position is for itself alone; here, a number turned round. */
int __wrap_bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values,
				__u32 *count, const struct bpf_map_batch_opts *opts)
{
	uint32_t room = *count, position = ~0u;
	char *key = keys, *value = values;

	(void)opts;
	assert_int_equal(fd, MAP_FD);
	got.batches++;
	*count = 0;
	if (in)
		memcpy(&position, in, sizeof(position));
	position = ~position;
	assert_int_equal(in == NULL, position == 0);
	if (fake->batch_error && position >= fake->batch_after)
		return refuse(fake->batch_error);
	if (room < fake->bucket)
		return refuse(ENOSPC);
	for (; position < fake->entries && *count < room; position++, ++*count) {
		write_key(position, key);
		value = write_value(position, value);
		key += fake->key_bytes;
	}
	if (position == fake->entries && (*count < room || !fake->ends_late))
		return refuse(ENOENT);
	position = ~position;
	memcpy(out, &position, sizeof(position));
	return 0;
}

/* The key after one that is gone is the first. */
int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next)
{
	uint32_t i = key ? index_of(key) + 1 : 0;

	assert_int_equal(fd, MAP_FD);
	if (got.vanished && i == fake->vanish + 1)
		i = 0;
	if (got.vanished && i == fake->vanish)
		i++;
	if (fake->next_key_error && i >= fake->next_key_after)
		return refuse(fake->next_key_error);
	if (i >= fake->entries)
		return refuse(ENOENT);
	write_key(i, next);
	return 0;
}

int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	uint32_t i = index_of(key);

	assert_int_equal(fd, MAP_FD);
	got.lookups++;
	if (fake->vanish && i == fake->vanish) {
		got.vanished = true;
		return refuse(ENOENT);
	}
	write_value(i, value);
	return 0;
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset);
int __wrap_munmap(void *at, size_t bytes);

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	char *to;

	(void)at;
	assert_int_equal(fd, MAP_FD);
	assert_int_equal(protection, PROT_READ);
	assert_int_equal(flags, MAP_SHARED);
	assert_int_equal(offset, 0);
	assert_int_equal(bytes, fake->max_entries * fake->columns * sizeof(uint64_t));
	if (fake->map_error) {
		errno = fake->map_error;
		return MAP_FAILED;
	}
	to = got.mapped = malloc(bytes);
	assert_non_null(to);
	for (uint32_t i = 0; i < fake->entries; i++)
		to = write_value(i, to);
	return got.mapped;
}

int __wrap_munmap(void *at, size_t bytes)
{
	assert_ptr_equal(at, got.mapped);
	assert_int_equal(bytes, fake->max_entries * fake->columns * sizeof(uint64_t));
	free(at);
	got.mapped = NULL;
	return 0;
}

/* The keys of a map that is mapped are those of an array. */
static uint32_t row_of(const void *key)
{
	return got.mapped ? index_of(key) + 1 : index_of(key);
}

static void row(void *arg, const void *key, const uint64_t *values)
{
	char expected[KEY_BYTES_MAX];
	uint32_t i = row_of(key);

	assert_ptr_equal(arg, &got);
	assert_true(i < fake->entries);
	write_key(i, expected);
	if (!got.mapped)
		assert_memory_equal(key, expected, fake->key_bytes);
	for (uint32_t column = 0; column < fake->columns; column++) {
		uint64_t sum = 0;

		for (int cpu = 0; cpu < (is_per_cpu() ? fake->cpus : 1); cpu++)
			sum += value_of(i, cpu, column);
		assert_true(values[column] == sum);
	}
	got.seen[i]++;
	got.rows++;
}

#define PERCPU_HASH BPF_MAP_TYPE_PERCPU_HASH, 16
#define PERCPU_ARRAY BPF_MAP_TYPE_PERCPU_ARRAY, 4
#define HASH BPF_MAP_TYPE_HASH, 8
#define ARRAY BPF_MAP_TYPE_ARRAY, 4

static const struct fake fakes[] = {
	/* type and key, columns, entries, max_entries, cpus */
	{ PERCPU_HASH, 2, 0, 1, 4, .expect_rows = 0 },
	{ PERCPU_HASH, 2, 0, 5000, 4, .expect_rows = 0 },
	{ PERCPU_HASH, 1, 1, 1, 1, .expect_rows = 1 },
	{ PERCPU_HASH, 3, 10, 100, 4, .expect_rows = 10 },
	{ PERCPU_HASH, 2, 1023, 5000, 3, .expect_rows = 1023 },
	{ PERCPU_HASH, 2, 1024, 5000, 3, .expect_rows = 1024 },
	{ PERCPU_HASH, 2, 1025, 5000, 3, .expect_rows = 1025 },
	{ PERCPU_HASH, 2, 5000, 5000, 3, .expect_rows = 5000 },
	{ PERCPU_ARRAY, 2, 1603, 1603, 4, .ends_late = true, .expect_rows = 1603 },
	{ PERCPU_ARRAY, 2, 30, 30, 4, .ends_late = true, .expect_rows = 30 },
	{ PERCPU_ARRAY, 1, 2048, 2048, 2, .ends_late = true, .expect_rows = 2048 },
	/* one copy, be there as many CPUs as there may */
	{ HASH, 1, 10, 256, 4, .expect_rows = 10 },
	{ ARRAY, 2, 10, 10, 4, .ends_late = true, .expect_rows = 10 },
	{ ARRAY, 2, 1, 1, 4, .is_mappable = true, .expect_rows = 1 },
	{ ARRAY, 5, 10, 10, 4, .is_mappable = true, .expect_rows = 10 },
	{ ARRAY, 2, 10, 10, 4, .is_mappable = true, .map_error = ENOMEM,
	  .expect_rows = 10 },
	/* a bucket that needs more room than there is */
	{ PERCPU_HASH, 1, 4000, 5000, 2, .bucket = 1025, .expect_rows = 4000 },
	{ PERCPU_HASH, 1, 4000, 5000, 2, .bucket = 3000, .expect_rows = 4000 },
	{ HASH, 1, 10, 10, 1, .bucket = 11, .expect_error = ENOSPC },
	/* the first batch is refused: one by one */
	{ PERCPU_ARRAY, 2, 1603, 1603, 4, .batch_error = ENOTSUPP_KERNEL,
	  .expect_rows = 1603 },
	{ PERCPU_HASH, 2, 1603, 5000, 4, .batch_error = EINVAL, .expect_rows = 1603 },
	{ HASH, 1, 3, 10, 4, .batch_error = EOPNOTSUPP, .expect_rows = 3 },
	{ HASH, 1, 0, 10, 4, .batch_error = EINVAL, .expect_rows = 0 },
	{ HASH, 1, 3, 10, 4, .batch_error = EINVAL, .vanish = 1, .expect_rows = 2 },
	/* errors, none of which may pass for the end of the map */
	{ HASH, 1, 3, 10, 4, .info_error = EBADF, .expect_error = EBADF },
	{ HASH, 1, 3, 10, 4, .batch_error = EPERM, .expect_error = EPERM },
	{ HASH, 1, 4000, 5000, 4, .batch_error = EFAULT, .batch_after = 1024,
	  .expect_error = EFAULT, .expect_rows = 1024 },
	{ HASH, 1, 4000, 5000, 4, .batch_error = ENOSPC, .batch_after = 1024,
	  .expect_error = ENOSPC, .expect_rows = 1024 },
	{ HASH, 1, 4000, 5000, 4, .batch_error = EINVAL, .batch_after = 2048,
	  .expect_error = EINVAL, .expect_rows = 2048 },
	{ PERCPU_HASH, 1, 3, 10, -ENOENT, .expect_error = ENOENT },
	{ HASH, 1, 3, 10, 4, .batch_error = EINVAL, .next_key_error = EPERM,
	  .expect_error = EPERM },
	{ HASH, 1, 3, 10, 4, .batch_error = EINVAL, .next_key_error = ENOMEM,
	  .next_key_after = 2, .expect_error = ENOMEM, .expect_rows = 2 },
};

static int read_fake(const struct fake *f)
{
	fake = f;
	memset(&got, 0, sizeof(got));
	return snapshot_read(MAP_FD, row, &got);
}

static void maps_are_read_whole_or_with_an_error(void **state)
{
	int bad = 0;

	(void)state;
	for (const struct fake *f = fakes; f < fakes + ARRAY_SIZE(fakes); f++) {
		int err = read_fake(f);
		uint32_t once = 0;

		for (uint32_t i = 0; i < f->entries; i++)
			once += got.seen[i] == 1;
		if (err == -f->expect_error && got.rows == f->expect_rows &&
		    once == f->expect_rows)
			continue;
		print_error(
			"fakes[%td]: returns %d, hands out %u rows, %u entries once\n",
			f - fakes, err, got.rows, once);
		bad++;
	}
	assert_int_equal(bad, 0);
}

static void entries_are_not_asked_for_one_by_one(void **state)
{
	static const struct fake f = { PERCPU_HASH, 2, 5000, 5000, 2, .bucket = 1 };

	(void)state;
	assert_int_equal(read_fake(&f), 0);
	assert_int_equal(got.lookups, 0);
	assert_true(got.batches <= 5);
}

static void room_is_doubled_up_to_the_whole_map(void **state)
{
	static const struct fake f = { PERCPU_HASH, 1, 5000, 5000, 2, .bucket = 4096 };

	(void)state;
	assert_int_equal(read_fake(&f), 0);
	assert_int_equal(got.rows, 5000);
	assert_int_equal(got.batches, 4); /* 1024, 2048, and twice 4096 */
}

/* bpf(2) would tear counters that grow. */
static void what_can_be_mapped_is_not_copied_by_the_kernel(void **state)
{
	static const struct fake f = { ARRAY, 300, 4, 4, 4, .is_mappable = true };

	(void)state;
	assert_int_equal(read_fake(&f), 0);
	assert_int_equal(got.rows, 4);
	assert_int_equal(got.batches + got.lookups, 0);
	assert_null(got.mapped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_are_read_whole_or_with_an_error),
		cmocka_unit_test(entries_are_not_asked_for_one_by_one),
		cmocka_unit_test(room_is_doubled_up_to_the_whole_map),
		cmocka_unit_test(what_can_be_mapped_is_not_copied_by_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
