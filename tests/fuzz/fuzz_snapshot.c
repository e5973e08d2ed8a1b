/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A map of the kernel is read while entries come and go, with batches that the kernel
 * refuses, cuts short or that end in an error, and with keys and values of any size. What
 * is there all the time is handed out once, with the sum over the CPUs.
 */
#include "input.h"

#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "snapshot.h"

enum {
	FD = 7,
	ENTRIES = 3000, /* more than a batch begins with */
	BUCKETS_MAX = 8,
	CPUS_MAX = 5,
	KEY_MAX = 24,
	COLUMNS_MAX = 9,
	CALLS_MAX = 100000,
};

/* The kernel's: entry i is in bucket i % buckets, and a batch never ends within one. */
static struct {
	struct input in; /* what happens next */
	uint32_t type, key_bytes, value_bytes, capacity, buckets;
	int cpus;
	int refusal;	     /* of batches */
	bool comes[ENTRIES]; /* or goes while it is read */
	bool there[ENTRIES];
	int seen[ENTRIES];
	bool failed; /* with something else than the end of the map */
	int calls;
} map;

int __wrap_bpf_obj_get_info_by_fd(int fd, void *info, uint32_t *size);
int __wrap_bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values,
				uint32_t *count, const struct bpf_map_batch_opts *opts);
int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next);
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value);
int __wrap_libbpf_num_possible_cpus(void);

static int error(int err)
{
	errno = err;
	return -err;
}

static size_t columns(void)
{
	return (map.value_bytes + 7) / 8;
}

/* The first bytes of a key are the entry's number; a short one wraps round. */
static unsigned entry_of(const void *key)
{
	uint32_t entry = 0;

	memcpy(&entry, key, map.key_bytes < 4 ? map.key_bytes : 4);
	return entry;
}

static void write_key(void *key, uint32_t entry)
{
	memset(key, 0xee, map.key_bytes);
	memcpy(key, &entry, map.key_bytes < 4 ? map.key_bytes : 4);
}

static uint64_t value_of(unsigned entry, unsigned cpu, unsigned column)
{
	return entry * 1000000007ULL + ((uint64_t)cpu << 60) + column;
}

static void write_values(uint64_t *values, unsigned entry)
{
	for (int cpu = 0; cpu < map.cpus; cpu++)
		for (unsigned i = 0; i < columns(); i++)
			*values++ = value_of(entry, cpu, i);
}

/* Between two calls. Errors are rare, or little of the map would ever be read. */
static int next_event(void)
{
	uint8_t what = take_byte(&map.in);
	unsigned entry = take_small(&map.in) % map.capacity;

	CHECK(++map.calls < CALLS_MAX, "this goes on for ever");
	if (map.comes[entry])
		map.there[entry] = what % 2;
	if (what != '!')
		return 0;
	map.failed = true;
	return EFAULT;
}

int __wrap_libbpf_num_possible_cpus(void)
{
	return map.cpus;
}

int __wrap_bpf_obj_get_info_by_fd(int fd, void *info, uint32_t *size)
{
	struct bpf_map_info *i = info;

	CHECK(fd == FD && *size == sizeof(*i));
	i->type = map.type;
	i->key_size = map.key_bytes;
	i->value_size = map.value_bytes;
	i->max_entries = map.capacity;
	return 0;
}

/* The number of entries of the bucket, written when there is room; UINT32_MAX: none. */
static uint32_t copy_bucket(uint32_t bucket, char *keys, char *values, uint32_t room)
{
	uint32_t n = 0;

	for (unsigned entry = bucket; entry < map.capacity; entry += map.buckets)
		n += map.there[entry];
	if (n > room)
		return UINT32_MAX;
	for (unsigned entry = bucket; entry < map.capacity; entry += map.buckets) {
		if (!map.there[entry])
			continue;
		write_key(keys, entry);
		write_values((uint64_t *)values, entry);
		keys += map.key_bytes;
		values += columns() * 8 * map.cpus;
	}
	return n;
}

/* As __htab_map_lookup_and_delete_batch() does. */
int __wrap_bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values,
				uint32_t *count, const struct bpf_map_batch_opts *opts)
{
	uint32_t bucket = 0, room = *count, copied = 0;
	int err = map.refusal ? map.refusal : next_event();

	CHECK(fd == FD && !opts);
	*count = 0;
	if (err)
		return error(err);
	if (in)
		memcpy(&bucket, in, sizeof(bucket));
	for (; bucket < map.buckets; bucket++) {
		uint32_t n =
			copy_bucket(bucket, (char *)keys + copied * map.key_bytes,
				    (char *)values + copied * columns() * 8 * map.cpus,
				    room - copied);

		if (n == UINT32_MAX && !copied)
			return error(ENOSPC);
		if (n == UINT32_MAX)
			break;
		copied += n;
	}
	memcpy(out, &bucket, sizeof(bucket));
	*count = copied;
	return bucket == map.buckets ? error(ENOENT) : 0;
}

/* The key after one that is not there is the first, as of a hash. */
int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next)
{
	int err = next_event();
	unsigned entry = key ? entry_of(key) : map.capacity;

	CHECK(fd == FD);
	if (err)
		return error(err);
	entry = entry < map.capacity && map.there[entry] ? entry + 1 : 0;
	while (entry < map.capacity && !map.there[entry])
		entry++;
	if (entry == map.capacity)
		return error(ENOENT);
	write_key(next, entry);
	return 0;
}

int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	int err = next_event();
	unsigned entry = entry_of(key);

	CHECK(fd == FD && entry < map.capacity);
	if (err || !map.there[entry])
		return error(err ? err : ENOENT);
	write_values(value, entry);
	return 0;
}

static void row(void *arg, const void *key, const uint64_t *values)
{
	unsigned entry = entry_of(key);

	CHECK(arg == &map && entry < map.capacity);
	map.seen[entry]++;
	for (unsigned i = 0; i < columns(); i++) {
		uint64_t sum = 0;

		for (int cpu = 0; cpu < map.cpus; cpu++)
			sum += value_of(entry, cpu, i);
		CHECK(values[i] == sum, "column %u of %u", i, entry);
	}
}

/* "~": may go. "*": with all behind it. */
static void add(unsigned entry, char kind)
{
	map.comes[entry] = kind == '~';
	for (unsigned end = kind == '*' ? map.capacity : entry + 1; entry < end; entry++)
		map.there[entry] = true;
}

static void set_up(struct input *in)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH,
					  BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY };
	static const int refusals[] = { 0, 524, EINVAL, EOPNOTSUPP, EPERM };

	memset(&map, 0, sizeof(map));
	map.type = types[take_small(in) % 4];
	map.refusal = refusals[take_small(in) % 5];
	map.key_bytes = 1 + take_small(in) % KEY_MAX;
	map.value_bytes = 1 + take_small(in) % (COLUMNS_MAX * 8);
	map.cpus = map.type == BPF_MAP_TYPE_PERCPU_HASH ||
				   map.type == BPF_MAP_TYPE_PERCPU_ARRAY ?
			   1 + take_small(in) % CPUS_MAX :
			   1;
	map.buckets = 1 + take_small(in) % BUCKETS_MAX;
	map.capacity = map.key_bytes == 1 ? UINT8_MAX : ENTRIES;
	for (unsigned n = take_small(in), entry = 0; n--;) {
		entry = (entry + 1 + take_small(in)) % map.capacity;
		add(entry, take_byte(in));
	}
	map.in = *in;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	bool one_by_one;
	int err;

	set_up(&in);
	one_by_one = map.refusal && map.refusal != EPERM;
	err = snapshot_read(FD, row, &map);
	CHECK((err != 0) == (map.failed || map.refusal == EPERM), "%d", err);
	for (unsigned entry = 0; entry < map.capacity && !err; entry++) {
		if (map.comes[entry])
			continue;
		CHECK(map.seen[entry] >= map.there[entry], "%u is missed", entry);
		/* one by one, the key before may be gone, and then all begins anew */
		CHECK(one_by_one || map.seen[entry] <= map.there[entry], "%u", entry);
	}
	return 0;
}
