/* SPDX-License-Identifier: GPL-2.0-only */
/*
 *	reads ENTRIES
 *
 * Fills a hash of counters by CPU with so many entries of 16 bytes, and prints the milliseconds of CPU
 * time that it takes to read all of them: "BATCHES ONE-BY-ONE", the lesser of some attempts each.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

enum { COLUMNS = 2, BATCH = 1024, ATTEMPTS = 3 };

struct key {
	uint64_t group, id;
};

static uint64_t *values; /* of BATCH entries */
static struct key keys[BATCH];

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int fill(int fd, long entries)
{
	for (long i = 0; i < entries; i++) {
		const struct key key = { .group = i };

		if (bpf_map_update_elem(fd, &key, values, BPF_ANY) < 0)
			return -1;
	}
	return 0;
}

/* Each returns how many entries it has read, or -1. */
static long read_batches(int fd)
{
	struct key position;
	long done = 0;
	bool first = true;
	int err;

	do {
		uint32_t count = BATCH;

		err = bpf_map_lookup_batch(fd, first ? NULL : &position, &position, keys,
					   values, &count, NULL);
		if (err < 0 && errno != ENOENT)
			return -1;
		done += count;
		first = false;
	} while (!err);
	return done;
}

static long read_one_by_one(int fd)
{
	struct key key;
	long done = 0;

	while (bpf_map_get_next_key(fd, done ? &key : NULL, &key) == 0) {
		if (bpf_map_lookup_elem(fd, &key, values) < 0)
			return -1;
		done++;
	}
	return done;
}

/* Of one read, in ms; less than 0 when it went wrong. */
static double least_time(int fd, long entries, long (*read_all)(int fd))
{
	double least = -1;

	for (int i = 0; i < ATTEMPTS; i++) {
		double begin = cpu_ms(), took;

		if (read_all(fd) != entries)
			return -1;
		took = cpu_ms() - begin;
		if (least < 0 || took < least)
			least = took;
	}
	return least;
}

int main(int argc, char **argv)
{
	long entries = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	int cpus = libbpf_num_possible_cpus(), fd;
	double batches, one_by_one;

	if (entries <= 0 || cpus <= 0) {
		fprintf(stderr, "usage: reads ENTRIES\n");
		return 1;
	}
	values = calloc((size_t)BATCH * cpus, COLUMNS * sizeof(*values));
	fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_HASH, "reads", sizeof(struct key),
			    COLUMNS * sizeof(*values), entries, NULL);
	if (!values || fd < 0 || fill(fd, entries) < 0) {
		perror("reads: map");
		return 1;
	}
	batches = least_time(fd, entries, read_batches);
	one_by_one = least_time(fd, entries, read_one_by_one);
	if (batches < 0 || one_by_one < 0) {
		perror("reads");
		return 1;
	}
	printf("%.3f %.3f\n", batches, one_by_one);
	return 0;
}
