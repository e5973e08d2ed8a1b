/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole of the engine over rows that the kernel could hand over. The kernel's part is
 * played: groups are admitted and go, calls and events are counted, maps are read, and now
 * and then a read fails. What is sent has to be what was counted, for the host, for each
 * group and in sum, and never steps back; times are those of the calls since the last read.
 *
 * In the wild mode ids, slots, codes, states, paths, values, times and histograms are whatever
 * the input has, as no kernel would have them, and change while they are read: no memory is
 * touched that is not ours, names are legal, nothing is sent twice, and what is told of times
 * is no nonsense by itself.
 */
#include "granted.h"

#include <errno.h>

#include "bpf_shared.h"
#include "cgroup_name.h"
#include "families.h"
#include "identifier.h"
#include "monitor.h"
#include "rows.h"
#include "settings.h"
#include "snapshot.h"
#include "timed.h"

enum {
	GROUPS = 24, /* that ever are; their ids are 1 and up */
	MAX_MAX = 8, /* of them at a time */
	CPUS = 2,
	ENTRIES = 64, /* of a map */
	CALL_WORDS = sizeof(struct calls) / sizeof(uint64_t),
	SEEN_MAX = 4096,
	TEXT_MAX = 1400,
	IDLE_READS = 3, /* a scope without groups is the same one until then */
	STATES_FD = 1000,
	PATHS_FD,
	SLOTS_FD,
	EPOCH_FD,
};

struct entry {
	bool used;
	union {
		struct row_key row;
		struct error_key error;
		uint32_t id;
	} key;
	uint64_t values[CPUS][CALL_WORDS];
};

struct fake_map {
	struct entry entries[ENTRIES];
};

/* An array by CPU. */
struct fake_array {
	uint32_t entries, bytes;
	void *values[CPUS];
};

struct fake_group {
	bool admitted, gone, has_path;
	uint64_t id;
	uint32_t slot;
	struct group_path path;
	char own[TEXT_MAX]; /* of the group's own cgroup, or of its PID namespace */
};

/* A series by "scope's path|type/instance": what the kernel counted, and what was sent. */
struct seen {
	char *name;
	uint64_t counted, sent; /* `sent` since the series has been there, and before */
	uint64_t last;
	unsigned last_read;  /* 0: never sent */
	unsigned begun_read; /* with the 0 that it was before */
	bool is_group;
	bool is_shared; /* the host's: what the groups and `other` have in sum */
};

static struct {
	bool active, wild;
	bool detailed, timed, by_pid_namespace, without_groups;
	unsigned max, reads, refused;
	unsigned cpu; /* that calls are on */
	uint32_t slots;
	int failing_fd; /* -1: none */
	unsigned left;	/* rows until it fails */
	struct fake_map maps[FAMILY_COUNT][COUNTERS_MAX];
	struct fake_array cpus, histograms; /* of FAMILY_SYSCALLS */
	const uint16_t *ranks;
	uint64_t epoch;
	struct fake_group groups[GROUPS];
	bool slot_is_free[MAX_MAX + 1];
	struct seen seen[SEEN_MAX];
	size_t seen_count;
	struct timed_all times;
	struct input *input;
	struct monitor *monitor;
} k;

FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report);
int __wrap_loader_map(const struct loaded *l, const char *name);
int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg);
int __wrap_snapshot_read_copies(int fd, snapshot_copies_fn *row, void *arg);
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value);
int __wrap_bpf_map_delete_elem(int fd, const void *key);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value,
			       uint64_t flags);

/* ---- what was counted and what was sent ---- */

static struct seen *find_seen(const char *path, const char *type, const char *instance)
{
	char name[TEXT_MAX + 256];

	snprintf(name, sizeof(name), "%s|%s/%s", path, type, instance);
	for (size_t i = 0; i < k.seen_count; i++)
		if (strcmp(k.seen[i].name, name) == 0)
			return &k.seen[i];
	CHECK(k.seen_count < SEEN_MAX, "more series than the input can name");
	k.seen[k.seen_count].name = strdup(name);
	CHECK(k.seen[k.seen_count].name);
	return &k.seen[k.seen_count++];
}

/* For the host, and as `own` says for a group; NULL: for none, or for `other`. */
static void expect(const struct family *f, const char *own, const struct series_id *id,
		   const uint64_t *values, unsigned columns, bool is_shared)
{
	struct series_id series = *id;
	struct label label;

	if (f->canonical)
		series.id = f->canonical(series.id);
	for (; series.column < columns; series.column++) {
		struct seen *host;

		if (!f->describe(&series, &label))
			continue;
		host = find_seen("host", label.type, label.instance);
		host->counted += values[series.column];
		host->is_shared |= is_shared;
		if (own)
			find_seen(own, label.type, label.instance)->counted +=
				values[series.column];
	}
}

/* The same of calls that were timed. */
static void expect_times(const char *own, uint32_t id, bool has_histogram, uint64_t ns,
			 uint64_t calls)
{
	const struct family *f = &families[FAMILY_SYSCALLS];
	struct series_id series = { .id = f->canonical(id), .column = LATENCY };
	struct label label;
	struct timed *host;

	if (!calls || !f->describe(&series, &label))
		return;
	host = timed_find(&k.times, "host", label.instance, strlen(label.instance));
	host->has_histogram |= has_histogram;
	timed_count(&k.times, host, ns, calls);
	if (own)
		timed_count(&k.times,
			    timed_find(&k.times, own, label.instance,
				       strlen(label.instance)),
			    ns, calls);
}

static void check_legal(const char *text)
{
	CHECK(text[0] && strlen(text) <= IDENTIFIER_PART_MAX, "%s", text);
	for (const char *c = text; *c; c++)
		CHECK(*c > ' ' && *c <= '~' && *c != '/', "%s", text);
}

static bool is_of_group(const struct sample *sample)
{
	return strcmp(sample->scope, "host") && strcmp(sample->scope, "other");
}

static void check_counter(const struct sample *sample)
{
	bool is_group = is_of_group(sample);
	struct seen *s = find_seen(is_group ? sample->path : sample->scope, sample->type,
				   sample->instance);
	uint64_t value = (uint64_t)sample->derive;
	bool is_new = !s->last_read || k.reads - s->last_read > IDLE_READS;

	if (sample->is_before) {
		CHECK(is_new && !value, "%s was not new, and %llu", s->name,
		      (unsigned long long)value);
		s->begun_read = k.reads;
		return;
	}
	CHECK(!is_new || s->begun_read == k.reads, "%s has no beginning", s->name);
	CHECK(s->last_read != k.reads, "%s is sent twice", s->name);
	if (!k.wild)
		CHECK(is_new || value >= s->last, "%s steps back from %llu to %llu",
		      s->name, (unsigned long long)s->last, (unsigned long long)value);
	s->sent += is_new ? value : value - s->last;
	s->last = value;
	s->last_read = k.reads;
	s->is_group = is_group;
}

static void on_sample(void *arg, const struct sample *sample)
{
	CHECK(arg == &k);
	check_legal(sample->scope);
	check_legal(sample->type);
	check_legal(sample->instance);
	if (strcmp(sample->scope, "self") != 0 && is_timed(sample))
		timed_hear(&k.times, is_of_group(sample) ? sample->path : sample->scope,
			   sample);
	else if (strcmp(sample->scope, "self") != 0)
		check_counter(sample);
	else if (strcmp(sample->instance, "series-refused") == 0)
		k.refused = (unsigned)sample->gauge;
}

/* Of a series of the host: what all groups and "other" have had of it. */
static uint64_t sum_of_groups(const char *type_and_instance)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < k.seen_count; i++)
		if (strncmp(k.seen[i].name, "host|", 5) != 0 &&
		    strcmp(strrchr(k.seen[i].name, '|'), type_and_instance) == 0)
			sum += k.seen[i].sent;
	return sum;
}

static void check_sums(bool refused_ever)
{
	for (size_t i = 0; i < k.seen_count; i++) {
		const struct seen *s = &k.seen[i];
		bool is_host = strncmp(s->name, "host|", 5) == 0;

		if (s->last_read != k.reads || !(is_host || s->is_group))
			continue;
		CHECK((!is_host && refused_ever) || s->sent == s->counted,
		      "%s: %llu, but %llu were counted", s->name,
		      (unsigned long long)s->sent, (unsigned long long)s->counted);
		CHECK(!s->is_shared || sum_of_groups(s->name + 4) == s->sent,
		      "%s: %llu, but %llu in sum", s->name, (unsigned long long)s->sent,
		      (unsigned long long)sum_of_groups(s->name + 4));
	}
}

/* ---- the kernel ---- */

FILE *__wrap_fopen(const char *path, const char *mode)
{
	if (k.active && strcmp(path, "/sys/devices/system/cpu/possible") == 0)
		return open_text("0-1\n");
	if (k.active && strcmp(path, "/proc/self/cgroup") == 0)
		return open_text("0::/\n");
	return __real_fopen(path, mode);
}

static void make_array(struct fake_array *array, const struct load_plan *plan,
		       const char *map)
{
	const struct map_size *s = plan->sizes;

	while (s->map && strcmp(s->map, map) != 0)
		s++;
	if (!s->map)
		return;
	CHECK(s->entries <= CPUS && !array->entries);
	array->entries = s->entries;
	array->bytes = s->value_bytes;
	for (uint32_t cpu = 0; cpu < array->entries; cpu++) {
		array->values[cpu] = calloc(1, array->bytes);
		CHECK(array->values[cpu]);
	}
}

static void free_array(struct fake_array *array)
{
	for (uint32_t cpu = 0; cpu < array->entries; cpu++)
		free(array->values[cpu]);
}

static void make_arrays(const struct load_plan *plan)
{
	make_array(&k.cpus, plan, "cpus");
	make_array(&k.histograms, plan, "histograms");
	for (const struct constant *c = plan->constants; c->name; c++)
		if (strcmp(c->name, "histogram_ranks") == 0)
			k.ranks = c->value;
}

/* The descriptors of an object's maps tell which they are: so does what stands for it. */
int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report)
{
	if (object == families[FAMILY_SYSCALLS].object)
		make_arrays(plan);
	*report = (struct load_report){ .door = &object->doors[0], .timed = plan->timed };
	*ret = (struct loaded *)&k;
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (families[f].object == object)
			*ret = (struct loaded *)&k.maps[f];
	return 0;
}

int __wrap_loader_map(const struct loaded *l, const char *name)
{
	static const char *const shared[] = { "groups", "group_paths", "free_slots" };

	for (int i = 0; i < 3 && (const void *)l == &k; i++)
		if (strcmp(shared[i], name) == 0)
			return STATES_FD + i;
	if (strcmp(name, ".data.epoch") == 0)
		return EPOCH_FD;
	for (int f = 0; f < FAMILY_COUNT; f++)
		for (int c = 0; c < COUNTERS_MAX && families[f].counters[c].map; c++)
			if ((const void *)l == &k.maps[f] &&
			    strcmp(families[f].counters[c].map, name) == 0)
				return f * COUNTERS_MAX + c;
	return -1;
}

static struct fake_map *map_of(int fd)
{
	CHECK(fd >= 0 && fd < FAMILY_COUNT * COUNTERS_MAX, "%d", fd);
	return &k.maps[fd / COUNTERS_MAX][fd % COUNTERS_MAX];
}

static void hand_out_states(snapshot_row_fn *row, void *arg, unsigned left)
{
	for (const struct fake_group *g = k.groups; g < k.groups + GROUPS; g++) {
		struct group_state state = { .gone = g->gone, .slot = g->slot };
		uint64_t value;

		memcpy(&value, &state, sizeof(value));
		if (g->admitted && left) {
			row(arg, &g->id, &value);
			left--;
		}
	}
}

static void hand_out_array(const struct fake_array *array, snapshot_row_fn *row,
			   void *arg, unsigned left)
{
	for (uint32_t cpu = 0; cpu < array->entries && left--; cpu++)
		row(arg, &cpu, array->values[cpu]);
}

/* As the summed one of snapshot.c does it. */
static void sum_up(const struct entry *e, uint64_t sums[CALL_WORDS])
{
	for (int i = 0; i < CALL_WORDS; i++) {
		sums[i] = 0;
		for (int cpu = 0; cpu < CPUS; cpu++)
			sums[i] += e->values[cpu][i];
	}
}

static const struct counter *counter_of(int fd)
{
	return &families[fd / COUNTERS_MAX].counters[fd % COUNTERS_MAX];
}

/* Whether the rows of a map have times. */
static bool has_times(int fd)
{
	return k.timed && k.detailed && fd / COUNTERS_MAX == FAMILY_SYSCALLS &&
	       (counter_of(fd)->shape == COUNTER_GROUP ||
		counter_of(fd)->shape == COUNTER_OVERFLOW);
}

static void hand_out_rows(int fd, snapshot_row_fn *row, void *arg, unsigned left)
{
	uint64_t sums[CALL_WORDS];

	CHECK(!has_times(fd), "maxima would be added up");
	for (struct entry *e = map_of(fd)->entries; e < map_of(fd)->entries + ENTRIES;
	     e++) {
		if (e->used && left && left--) {
			sum_up(e, sums);
			row(arg, &e->key, sums);
		}
	}
}

static unsigned rows_until_failure(int fd)
{
	return fd == k.failing_fd ? k.left : UINT32_MAX;
}

static void go_on_meanwhile(void);

int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg)
{
	unsigned left = rows_until_failure(fd);

	if (fd == STATES_FD)
		hand_out_states(row, arg, left);
	else if (counter_of(fd)->shape == COUNTER_CPUS)
		hand_out_array(&k.cpus, row, arg, left);
	else if (counter_of(fd)->shape == COUNTER_HISTOGRAMS)
		hand_out_array(&k.histograms, row, arg, left);
	else
		hand_out_rows(fd, row, arg, left);
	go_on_meanwhile();
	return fd == k.failing_fd ? -EIO : 0;
}

int __wrap_snapshot_read_copies(int fd, snapshot_copies_fn *row, void *arg)
{
	unsigned left = rows_until_failure(fd);
	uint64_t values[CPUS][CALL_WORDS];

	CHECK(has_times(fd));
	for (struct entry *e = map_of(fd)->entries; e < map_of(fd)->entries + ENTRIES;
	     e++) {
		if (e->used && left && left--) {
			memcpy(values, e->values, sizeof(values));
			row(arg, &e->key, values[0], CPUS, CALL_WORDS);
		}
	}
	go_on_meanwhile();
	return fd == k.failing_fd ? -EIO : 0;
}

static struct fake_group *group_of(const void *key)
{
	uint64_t id;

	memcpy(&id, key, sizeof(id));
	for (struct fake_group *g = k.groups; g < k.groups + GROUPS; g++)
		if (g->id == id)
			return g;
	return NULL;
}

int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	const struct fake_group *g = group_of(key);

	CHECK(fd == PATHS_FD);
	if (!g || !g->has_path) {
		errno = ENOENT;
		return -ENOENT;
	}
	memcpy(value, &g->path, sizeof(g->path));
	return 0;
}

static int delete_row(int fd, const struct row_key *key)
{
	for (struct entry *e = map_of(fd)->entries; e < map_of(fd)->entries + ENTRIES;
	     e++) {
		if (e->used && memcmp(&e->key.row, key, sizeof(*key)) == 0) {
			e->used = false;
			return 0;
		}
	}
	CHECK(k.wild, "a row is removed that is not there");
	errno = ENOENT;
	return -ENOENT;
}

int __wrap_bpf_map_delete_elem(int fd, const void *key)
{
	struct fake_group *g;

	if (fd < STATES_FD)
		return delete_row(fd, key);
	g = group_of(key);
	if (g && fd == PATHS_FD)
		g->has_path = false;
	if (g && fd == STATES_FD) {
		CHECK(k.wild || g->gone);
		g->admitted = false;
	}
	return 0;
}

int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)
{
	uint32_t slot = *(const uint32_t *)value;

	if (fd == EPOCH_FD && fd == k.failing_fd) {
		errno = EIO;
		return -EIO;
	}
	if (fd == EPOCH_FD) {
		k.epoch = *(const uint64_t *)value;
		return 0;
	}
	CHECK(fd == SLOTS_FD && !key && !flags);
	CHECK(slot >= 1 && slot <= k.max, "%u", slot);
	CHECK(k.wild || !k.slot_is_free[slot]);
	for (const struct fake_group *g = k.groups; g < k.groups + GROUPS; g++)
		CHECK(k.wild || !g->admitted || g->slot != slot);
	k.slot_is_free[slot] = true;
	return 0;
}

/* ---- what happens in it ---- */

static uint32_t take_slot(void)
{
	for (uint32_t slot = 1; slot <= k.max; slot++) {
		if (k.slot_is_free[slot]) {
			k.slot_is_free[slot] = false;
			return slot;
		}
	}
	return 0;
}

/* The text "b/a" is the cgroup b below a: names go from it up to the root. */
static void note_path(struct fake_group *g, const char *text)
{
	char path[TEXT_MAX], name[IDENTIFIER_PART_MAX + 1];
	uint32_t used = 0;
	size_t own;

	for (const char *part = text; *part;) {
		uint32_t length = (uint32_t)strcspn(part, "/");

		if (length && length < GROUP_NAME_MAX &&
		    used <= GROUP_PATH_MAX - GROUP_NAME_MAX) {
			memcpy(g->path.names + used, part, length);
			used += length;
			g->path.names[used++] = '\0';
		}
		part += length + (part[length] == '/');
	}
	g->path.bytes = used;
	group_path_text(&g->path, path, sizeof(path));
	own = cgroup_group_name(path, name, sizeof(name));
	snprintf(g->own, sizeof(g->own), "%.*s", (int)own, path);
}

/* An id is that of one group only. */
static void admit(struct input *in)
{
	char *text = take_text(in, "\n");
	struct fake_group *g = k.groups;
	uint32_t slot;

	while (g < k.groups + GROUPS && g->id)
		g++;
	slot = g < k.groups + GROUPS && !k.without_groups ? take_slot() : 0;
	if (slot) {
		*g = (struct fake_group){ .admitted = true, .slot = slot };
		g->id = (uint64_t)(g - k.groups) + 1;
		g->has_path = !k.by_pid_namespace;
		note_path(g, text);
		if (k.by_pid_namespace)
			snprintf(g->own, sizeof(g->own), "pid:[%u]", (unsigned)g->id);
	}
	free(text);
}

static struct fake_group *take_group(struct input *in)
{
	struct fake_group *g = &k.groups[take_small(in) % GROUPS];

	return g->admitted && !g->gone ? g : NULL;
}

static const struct counter *find_counter(const struct family *f,
					  enum counter_shape shape)
{
	for (const struct counter *c = f->counters; c < f->counters + COUNTERS_MAX; c++)
		if (c->map && c->shape == shape)
			return c;
	return NULL;
}

static struct fake_map *fake_map(const struct family *f, const struct counter *c)
{
	return &k.maps[f - families][c - f->counters];
}

/* The entry with a key, made when there is none; NULL when there is no room. */
static struct entry *entry(struct fake_map *map, const void *key, size_t bytes)
{
	struct entry *free_one = NULL;

	for (struct entry *e = map->entries; e < map->entries + ENTRIES; e++) {
		if (e->used && memcmp(&e->key, key, bytes) == 0)
			return e;
		if (!e->used)
			free_one = e;
	}
	if (!free_one)
		return NULL;
	memset(free_one, 0, sizeof(*free_one));
	memcpy(&free_one->key, key, bytes);
	free_one->used = true;
	return free_one;
}

/* Calls, or other events, that are counted at once. */
struct event_count {
	uint64_t columns[COLUMNS_MAX];
	uint64_t ns, timed; /* so many of them took so long */
};

/* As add_time() of bpf/times.h does it. */
static void add_time(struct times *t, const struct event_count *n)
{
	uint64_t word = maximum_word(k.epoch, n->ns);
	__u64 *max = &t->max[k.epoch & 1];

	if (!n->timed)
		return;
	t->count += n->timed;
	t->sum += n->timed * n->ns;
	if ((*max ^ word) >> MAXIMUM_BITS || word > *max)
		*max = word;
}

static bool add(struct entry *e, const struct event_count *n)
{
	if (!e)
		return false;
	for (int i = 0; i < COLUMNS_MAX; i++)
		e->values[k.cpu][i] += n->columns[i];
	add_time((struct times *)(e->values[k.cpu] + CALL_COLUMNS), n);
	return true;
}

/* In `rows`, or in `overflow` when there is no group or no room. */
static bool count_row(const struct family *f, const struct fake_group *g, uint32_t id,
		      const struct event_count *n, bool *ret_is_groups)
{
	const struct counter *rows = find_counter(f, COUNTER_GROUP);
	const struct counter *overflow = find_counter(f, COUNTER_OVERFLOW);
	struct row_key key = { .group = g ? g->id : 0, .id = id };

	*ret_is_groups = g && rows && add(entry(fake_map(f, rows), &key, sizeof(key)), n);
	return *ret_is_groups ||
	       (overflow && add(entry(fake_map(f, overflow), &id, sizeof(id)), n));
}

static uint64_t *slot_of(unsigned cpu, uint32_t slot)
{
	struct cpu_calls *calls = k.cpus.values[cpu];

	return (uint64_t *)calls->slots + slot * (k.timed ? CALL_WORDS : CALL_COLUMNS);
}

static void count_cpu(const struct fake_group *g, uint32_t id,
		      const struct event_count *n)
{
	uint32_t slot = g && g->slot <= k.max ? g->slot : SLOT_OTHER;
	struct cpu_calls *cpu = k.cpus.values[k.cpu];
	uint64_t *columns = slot_of(k.cpu, slot);

	for (int i = 0; i < CALL_COLUMNS; i++) {
		cpu->host[id][i] += n->columns[i];
		columns[i] += n->columns[i];
	}
	if (k.timed)
		add_time((struct times *)(columns + CALL_COLUMNS), n);
}

static void count_histogram(uint32_t rank, const struct event_count *n)
{
	struct histogram *h = k.histograms.values[k.cpu];

	add_time(&h[rank].times, n);
	h[rank].buckets[bucket_of(n->ns)] += n->timed;
}

/* Without Detail a group's calls are timed in sum only, and so are those without a histogram. */
static void count_times(const char *own, uint32_t id, const struct event_count *n)
{
	uint32_t rank = id < SYSCALL_IDS ? k.ranks[id] : 0;

	count_histogram(rank, n);
	if (k.detailed || rank)
		expect_times(k.detailed ? own : NULL, id, rank, n->ns, n->timed);
	expect_times(own, SYSCALL_ALL, true, n->ns, n->timed);
}

/* Less than two years: see time_since() of bpf/times.h. */
static uint64_t take_ns(struct input *in)
{
	uint64_t ns = take_small(in);

	ns = (ns << take_small(in) % 56) + take_small(in);
	return ns & (TIME_END - 1);
}

static void count(struct input *in, bool timed)
{
	const struct family *f = &families[take_small(in) % FAMILY_COUNT];
	bool by_cpu = find_counter(f, COUNTER_CPUS) && !k.detailed, is_groups, ok = true;
	const struct fake_group *g = take_group(in);
	struct series_id id = { .id = take_small(in) * 8 + take_small(in) };
	struct event_count n = { .columns[0] = take_small(in) };

	n.columns[1] = n.columns[0] / 2;
	n.ns = timed ? take_ns(in) : 0;
	n.timed = timed && k.timed && f == &families[FAMILY_SYSCALLS] ? n.columns[0] : 0;
	id.id %= by_cpu ? SYSCALL_IDS : f->total_id ? f->total_id : f->ids;
	is_groups = g;
	if (by_cpu)
		count_cpu(g, id.id, &n);
	else
		ok = count_row(f, g, id.id, &n, &is_groups);
	if (!ok)
		return;
	if (n.timed)
		count_times(is_groups ? g->own : NULL, id.id, &n);
	expect(f, is_groups && !by_cpu ? g->own : NULL, &id, n.columns, f->columns,
	       !by_cpu && !k.without_groups);
	id.id = f->total_id;
	if (id.id)
		expect(f, is_groups ? g->own : NULL, &id, n.columns, f->columns,
		       !k.without_groups);
}

static void count_code(struct input *in)
{
	const struct family *f = &families[take_small(in) % FAMILY_COUNT];
	const struct counter *codes = find_counter(f, COUNTER_HOST_CODE);
	struct error_key key = { .id = take_small(in), .code = 1 + take_small(in) };
	struct series_id id = { .id = key.id, .code = (uint16_t)key.code };
	struct event_count n = { .columns[0] = take_small(in) };

	if (codes && add(entry(fake_map(f, codes), &key, sizeof(key)), &n))
		expect(f, NULL, &id, n.columns, 1, false);
}

/* ---- and what never should ---- */

static void wild_state(struct input *in)
{
	struct fake_group *g = &k.groups[take_small(in) % GROUPS];

	g->id = take_small(in);
	g->admitted = true;
	g->gone = take_small(in) % 2;
	g->slot = take_small(in);
	g->slot = g->slot == UINT8_MAX ? UINT32_MAX : g->slot;
}

static void wild_path(struct input *in)
{
	struct fake_group *g = &k.groups[take_small(in) % GROUPS];
	char *text = take_text(in, "\n");

	g->has_path = true;
	take_bytes(in, &g->path.bytes, 2);
	g->path.bytes -= 8;
	g->path.cut = take_byte(in);
	for (size_t i = 0, length = strlen(text); i < sizeof(g->path.names); i++)
		g->path.names[i] = length ? text[i % length] == '/' ? '\0' :
								      text[i % length] :
					    take_byte(in);
	free(text);
}

static void wild_row(struct input *in)
{
	struct fake_map *map =
		&k.maps[take_small(in) % FAMILY_COUNT][take_small(in) % COUNTERS_MAX];
	struct entry *e = &map->entries[take_small(in) % ENTRIES];

	e->used = true;
	e->key.row.group = take_small(in);
	take_bytes(in, &e->key.row.id, sizeof(e->key.row.id));
	if (take_byte(in) == 'k')
		take_bytes(in, &e->key, sizeof(e->key));
	for (int i = 0; i < COLUMNS_MAX; i++)
		e->values[k.cpu][i] = take_u64(in);
}

static void wild_cpu(struct input *in)
{
	uint64_t *values = k.cpus.values[k.cpu % k.cpus.entries];
	uint16_t at;

	take_bytes(in, &at, sizeof(at));
	values[at % (k.cpus.bytes / sizeof(*values))] = take_u64(in);
}

/* A digit; a negative one; a maximum, of now or before; or anything. */
static uint64_t take_number(struct input *in)
{
	uint8_t kind = take_byte(in);
	uint64_t before;

	if (kind >= '0' && kind <= '9')
		return kind - '0';
	if (kind == '-')
		return -(uint64_t)take_small(in);
	if (kind != 'm')
		return take_u64(in);
	before = take_small(in);
	return (k.epoch - before) << MAXIMUM_BITS | take_u64(in) >> (64 - MAXIMUM_BITS);
}

static struct histogram *take_histogram(struct input *in)
{
	size_t ranks = k.histograms.bytes / sizeof(struct histogram);

	return (struct histogram *)k.histograms.values[k.cpu] + take_small(in) % ranks;
}

/* Of a histogram; of a slot or, with Detail, of a row. */
static struct times *take_times(struct input *in)
{
	unsigned where = take_small(in) % 3;
	struct entry *e;

	if (!where)
		return &take_histogram(in)->times;
	if (!k.detailed)
		return (struct times *)(slot_of(k.cpu, take_small(in) % k.slots) +
					CALL_COLUMNS);
	e = &fake_map(&families[FAMILY_SYSCALLS],
		      find_counter(&families[FAMILY_SYSCALLS],
				   where == 1 ? COUNTER_GROUP : COUNTER_OVERFLOW))
		     ->entries[take_small(in) % ENTRIES];
	return (struct times *)(e->values[k.cpu] + CALL_COLUMNS);
}

static void wild_times(struct input *in)
{
	struct times *t = take_times(in);

	t->count = take_number(in);
	t->sum = take_number(in);
	t->max[0] = take_number(in);
	t->max[1] = take_number(in);
}

static void wild_bucket(struct input *in)
{
	struct histogram *h = take_histogram(in);
	__u64 *bucket = &h->buckets[take_small(in) % HISTOGRAM_BUCKETS];

	*bucket = take_number(in);
	k.times.les_may_wrap |= *bucket >> 40;
}

static void wild_event(struct input *in)
{
	static void (*const events[])(struct input *) = { wild_state, wild_path,
							  wild_row,   wild_cpu,
							  wild_times, wild_bucket };

	if (k.wild)
		events[take_small(in) % (k.timed ? 6 : 4)](in);
}

/* ---- */

static void fail_next(struct input *in)
{
	static const int others[] = { STATES_FD, EPOCH_FD };
	int all = FAMILY_COUNT * COUNTERS_MAX;

	k.failing_fd = (int)take_small(in) % (all + 2);
	if (k.failing_fd >= all)
		k.failing_fd = others[k.failing_fd - all];
	k.left = take_small(in);
}

static void read_once(bool *refused_ever)
{
	int err;

	k.reads++;
	err = monitor_read(k.monitor, on_sample, &k);
	CHECK(err == 0 || err == -EIO, "%d", err);
	CHECK(err == 0 || k.failing_fd >= 0);
	k.failing_fd = -1;
	if (err) {
		k.reads--; /* nothing was sent */
		k.times.maxima_are_late = true;
		return;
	}
	*refused_ever |= k.refused > 0;
	timed_check(&k.times, !k.refused);
	if (!k.wild)
		check_sums(*refused_ever);
}

/* Returns false when it is no count. */
static bool play_count(struct input *in, uint8_t command)
{
	switch (command) {
	case 'c':
		count(in, false);
		return true;
	case 't':
		count(in, true);
		return true;
	case 'e':
		count_code(in);
		return true;
	case 'w':
		wild_event(in);
		return true;
	case 'p':
		k.cpu = take_small(in) % CPUS;
		return true;
	default:
		return false;
	}
}

/* What happens while maps are read is in some of them only. */
static void go_on_meanwhile(void)
{
	while (k.wild && k.input->left && *k.input->data == 'm') {
		take_byte(k.input);
		play_count(k.input, take_byte(k.input));
	}
}

static void play(struct input *in)
{
	bool refused_ever = false;
	struct fake_group *g;
	uint8_t command;

	while (in->left) {
		command = take_byte(in);
		if (play_count(in, command))
			continue;
		switch (command) {
		case 'a':
			admit(in);
			break;
		case 'g':
			g = take_group(in);
			if (g)
				g->gone = true;
			break;
		case 'f':
			fail_next(in);
			break;
		case 'r':
			read_once(&refused_ever);
			break;
		}
	}
	read_once(&refused_ever);
}

static void no_log(enum monitor_severity severity, const char *message)
{
	(void)severity;
	CHECK(message[0]);
}

/* Calls that have a histogram of their own are few, or most of the time would go there. */
static void time_calls(struct settings *s)
{
	char err[64];

	s->syscalls.latency = true;
	s->syscalls.percentiles = percents;
	s->syscalls.buckets = true;
	CHECK(selector_add(&s->syscalls.select, "/^(read|open|clone|[0-9].*)$/", err,
			   sizeof(err)) == 0);
}

/*
 * The first line: w(ild), d(etail), l(atency), p(id namespaces), n(o groups), s(elected groups),
 * m(ax series).
 */
static void configure(struct settings *s, struct input *in)
{
	char *words = take_text(in, "\n");
	char err[64];

	settings_init(s);
	for (const struct family *f = families; f < families + FAMILY_COUNT; f++)
		*(bool *)((char *)s + f->on) = true;
	s->namespaces.live = false;
	s->syscalls.error_codes = true;
	k.wild = strchr(words, 'w');
	k.by_pid_namespace = strchr(words, 'p');
	k.without_groups = strchr(words, 'n');
	s->groups.detail_syscall = strchr(words, 'd');
	k.detailed = s->groups.detail_syscall && !k.without_groups;
	s->groups.by = k.without_groups	  ? GROUP_BY_NONE :
		       k.by_pid_namespace ? GROUP_BY_PID_NAMESPACE :
					    GROUP_BY_CGROUP;
	k.timed = strchr(words, 'l');
	if (k.timed)
		time_calls(s);
	if (strchr(words, 's'))
		CHECK(selector_add(&s->groups.select, "/a/", err, sizeof(err)) == 0);
	if (strchr(words, 'm'))
		s->max_series = 1 + (int)take_small(in);
	k.max = 1 + take_small(in) % MAX_MAX;
	k.slots = k.without_groups ? 1 : k.max + 1;
	s->groups.max = (int)k.max;
	free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct settings settings;

	memset(&k, 0, sizeof(k));
	k.failing_fd = -1;
	k.active = true;
	k.input = &in;
	configure(&settings, &in);
	k.times.is_wild = k.wild;
	CHECK(monitor_start(&settings, no_log, &k.monitor) == 0);
	play(&in);
	monitor_stop(k.monitor);
	settings_fini(&settings);
	k.active = false;
	for (size_t i = 0; i < k.seen_count; i++)
		free(k.seen[i].name);
	timed_free(&k.times);
	free_array(&k.cpus);
	free_array(&k.histograms);
	return 0;
}
