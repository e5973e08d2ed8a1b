/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole of the engine over rows that the kernel could hand over. The kernel's part is
 * played: groups are admitted and go, calls and events are counted, maps are read, and now
 * and then a read fails. What is sent has to be what was counted, for the host, for each
 * group and in sum, and never steps back.
 *
 * In the wild mode ids, slots, codes, states, paths and values are whatever the input has,
 * as no kernel would have them: no memory is touched that is not ours, names are legal, and
 * nothing is sent twice.
 */
#include "input.h"

#include <errno.h>
#include <mntent.h>

#include "bpf_shared.h"
#include "cgroup_name.h"
#include "families.h"
#include "identifier.h"
#include "loader.h"
#include "monitor.h"
#include "rows.h"
#include "settings.h"
#include "snapshot.h"

enum {
	GROUPS = 24,  /* that ever are; their ids are 1 and up */
	MAX_MAX = 8,  /* of them at a time */
	ENTRIES = 64, /* of a map */
	SEEN_MAX = 4096,
	TEXT_MAX = 1400,
	IDLE_READS = 3, /* a scope without groups is the same one until then */
	STATES_FD = 1000,
	PATHS_FD,
	SLOTS_FD,
};

struct entry {
	bool used;
	union {
		struct row_key row;
		struct error_key error;
		uint32_t id;
	} key;
	uint64_t values[COLUMNS_MAX];
};

struct fake_map {
	struct entry entries[ENTRIES];
	union {
		struct cpu_calls calls;
		uint64_t values[sizeof(struct cpu_calls) / sizeof(uint64_t) +
				(MAX_MAX + 1) * CALL_COLUMNS];
	} cpu;
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
	unsigned last_read; /* 0: never sent */
	bool is_group;
	bool is_shared; /* the host's: what the groups and `other` have in sum */
};

static struct {
	bool active, wild;
	bool detailed, by_pid_namespace;
	unsigned max, reads, refused;
	int failing_fd; /* -1: none */
	unsigned left;	/* rows until it fails */
	struct fake_map maps[FAMILY_COUNT][COUNTERS_MAX];
	struct fake_group groups[GROUPS];
	bool slot_is_free[MAX_MAX + 1];
	struct seen seen[SEEN_MAX];
	size_t seen_count;
	struct monitor *monitor;
} k;

FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_setmntent(const char *path, const char *mode);
struct kernel_found __wrap_loader_probe(const char *btf_path);
int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report);
void __wrap_loader_stop(struct loaded *l);
int __wrap_loader_map(const struct loaded *l, const char *name);
void __wrap_loader_add_traits(const struct object *object, uint8_t traits[]);
uint64_t __wrap_loader_map_bytes(const struct loaded *l);
uint64_t __wrap_loader_missed_runs(const struct loaded *l);
void __wrap_loader_forgive(struct loaded *l);
int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg);
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

static void check_legal(const char *text)
{
	CHECK(text[0] && strlen(text) <= IDENTIFIER_PART_MAX, "%s", text);
	for (const char *c = text; *c; c++)
		CHECK(*c > ' ' && *c <= '~' && *c != '/', "%s", text);
}

static void check_counter(const struct sample *sample)
{
	bool is_group = strcmp(sample->scope, "host") && strcmp(sample->scope, "other");
	struct seen *s = find_seen(is_group ? sample->path : sample->scope, sample->type,
				   sample->instance);
	uint64_t value = (uint64_t)sample->derive;
	bool is_new = !s->last_read || k.reads - s->last_read > IDLE_READS;

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
	if (strcmp(sample->scope, "self") != 0)
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

static FILE *open_text(const char *text)
{
	return fmemopen((void *)text, strlen(text), "r");
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	if (k.active && strcmp(path, "/sys/devices/system/cpu/possible") == 0)
		return open_text("0-1\n");
	return __real_fopen(path, mode);
}

FILE *__wrap_setmntent(const char *path, const char *mode)
{
	(void)path, (void)mode;
	return open_text("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
}

struct kernel_found __wrap_loader_probe(const char *btf_path)
{
	(void)btf_path;
	return (struct kernel_found){ 0 };
}

/* The descriptors of an object's maps tell which they are: so does what stands for it. */
int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report)
{
	(void)plan;
	*report = (struct load_report){ .door = &object->doors[0] };
	*ret = (struct loaded *)&k;
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (families[f].object == object)
			*ret = (struct loaded *)&k.maps[f];
	return 0;
}

void __wrap_loader_stop(struct loaded *l)
{
	(void)l;
}

int __wrap_loader_map(const struct loaded *l, const char *name)
{
	static const char *const shared[] = { "groups", "group_paths", "free_slots" };

	for (int i = 0; i < 3 && (const void *)l == &k; i++)
		if (strcmp(shared[i], name) == 0)
			return STATES_FD + i;
	for (int f = 0; f < FAMILY_COUNT; f++)
		for (int c = 0; c < COUNTERS_MAX && families[f].counters[c].map; c++)
			if ((const void *)l == &k.maps[f] &&
			    strcmp(families[f].counters[c].map, name) == 0)
				return f * COUNTERS_MAX + c;
	return -1;
}

/* For programs, of which there are none here. It would take most of the time. */
void __wrap_loader_add_traits(const struct object *object, uint8_t traits[])
{
	(void)object, (void)traits;
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

int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg)
{
	unsigned left = fd == k.failing_fd ? k.left : UINT32_MAX;
	uint32_t zero = 0;

	if (fd == STATES_FD) {
		hand_out_states(row, arg, left);
	} else if (families[fd / COUNTERS_MAX].counters[fd % COUNTERS_MAX].shape ==
		   COUNTER_CPUS) {
		if (left)
			row(arg, &zero, map_of(fd)->cpu.values);
	} else {
		for (struct entry *e = map_of(fd)->entries;
		     e < map_of(fd)->entries + ENTRIES; e++)
			if (e->used && left && left--)
				row(arg, &e->key, e->values);
	}
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
	slot = g < k.groups + GROUPS ? take_slot() : 0;
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

static bool add(struct entry *e, const uint64_t *values)
{
	for (int i = 0; i < COLUMNS_MAX && e; i++)
		e->values[i] += values[i];
	return e;
}

/* In `rows`, or in `overflow` when there is no group or no room. */
static bool count_row(const struct family *f, const struct fake_group *g, uint32_t id,
		      const uint64_t *values, bool *ret_is_groups)
{
	const struct counter *rows = find_counter(f, COUNTER_GROUP);
	const struct counter *overflow = find_counter(f, COUNTER_OVERFLOW);
	struct row_key key = { .group = g ? g->id : 0, .id = id };

	*ret_is_groups = g && rows &&
			 add(entry(fake_map(f, rows), &key, sizeof(key)), values);
	return *ret_is_groups ||
	       (overflow && add(entry(fake_map(f, overflow), &id, sizeof(id)), values));
}

static bool count_cpu(const struct family *f, const struct counter *c,
		      const struct fake_group *g, uint32_t id, const uint64_t *values)
{
	struct cpu_calls *cpu = &fake_map(f, c)->cpu.calls;
	uint32_t slot = g && g->slot <= k.max ? g->slot : SLOT_OTHER;

	for (int i = 0; i < CALL_COLUMNS; i++) {
		cpu->host[id][i] += values[i];
		cpu->slots[slot * CALL_COLUMNS + i] += values[i];
	}
	return true;
}

static void count(struct input *in)
{
	const struct family *f = &families[take_small(in) % FAMILY_COUNT];
	const struct counter *cpus = find_counter(f, COUNTER_CPUS);
	const struct fake_group *g = take_group(in);
	struct series_id id = { .id = take_small(in) * 8 + take_small(in) };
	uint64_t n = take_small(in), values[COLUMNS_MAX] = { n, n / 2 };
	bool is_groups = g, ok;

	cpus = k.detailed ? NULL : cpus;
	id.id %= cpus ? SYSCALL_IDS : f->total_id ? f->total_id : f->ids;
	ok = cpus ? count_cpu(f, cpus, g, id.id, values) :
		    count_row(f, g, id.id, values, &is_groups);
	if (!ok)
		return;
	expect(f, is_groups && !cpus ? g->own : NULL, &id, values, f->columns, !cpus);
	id.id = f->total_id;
	if (id.id)
		expect(f, is_groups ? g->own : NULL, &id, values, f->columns, true);
}

static void count_code(struct input *in)
{
	const struct family *f = &families[take_small(in) % FAMILY_COUNT];
	const struct counter *codes = find_counter(f, COUNTER_HOST_CODE);
	struct error_key key = { .id = take_small(in), .code = 1 + take_small(in) };
	struct series_id id = { .id = key.id, .code = (uint16_t)key.code };
	uint64_t values[COLUMNS_MAX] = { take_small(in) };

	if (codes && add(entry(fake_map(f, codes), &key, sizeof(key)), values))
		expect(f, NULL, &id, values, 1, false);
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
		e->values[i] = take_u64(in);
}

static void wild_cpu(struct input *in)
{
	uint64_t *values = k.maps[FAMILY_SYSCALLS][0].cpu.values;
	size_t count = sizeof(k.maps[0][0].cpu.values) / sizeof(*values);
	uint16_t at;

	take_bytes(in, &at, sizeof(at));
	values[at % count] = take_u64(in);
}

static void wild_event(struct input *in)
{
	static void (*const events[])(struct input *) = { wild_state, wild_path, wild_row,
							  wild_cpu };

	if (k.wild)
		events[take_small(in) % 4](in);
}

/* ---- */

static void fail_next(struct input *in)
{
	k.failing_fd = (int)take_small(in) % (FAMILY_COUNT * COUNTERS_MAX + 1);
	if (k.failing_fd == FAMILY_COUNT * COUNTERS_MAX)
		k.failing_fd = STATES_FD;
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
		return;
	}
	*refused_ever |= k.refused > 0;
	if (!k.wild)
		check_sums(*refused_ever);
}

static void play(struct input *in)
{
	bool refused_ever = false;
	struct fake_group *g;

	while (in->left) {
		switch (take_byte(in)) {
		case 'a':
			admit(in);
			break;
		case 'g':
			g = take_group(in);
			if (g)
				g->gone = true;
			break;
		case 'c':
			count(in);
			break;
		case 'e':
			count_code(in);
			break;
		case 'f':
			fail_next(in);
			break;
		case 'w':
			wild_event(in);
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

/* The first line: w(ild), d(etail), p(id namespaces), s(elected groups), m(ax series). */
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
	k.detailed = s->groups.detail_syscall = strchr(words, 'd');
	k.by_pid_namespace = strchr(words, 'p');
	s->groups.by = k.by_pid_namespace ? GROUP_BY_PID_NAMESPACE : GROUP_BY_CGROUP;
	if (strchr(words, 's'))
		CHECK(selector_add(&s->groups.select, "/a/", err, sizeof(err)) == 0);
	if (strchr(words, 'm'))
		s->max_series = 1 + (int)take_small(in);
	k.max = 1 + take_small(in) % MAX_MAX;
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
	configure(&settings, &in);
	CHECK(monitor_start(&settings, no_log, &k.monitor) == 0);
	play(&in);
	monitor_stop(k.monitor);
	settings_fini(&settings);
	k.active = false;
	for (size_t i = 0; i < k.seen_count; i++)
		free(k.seen[i].name);
	return 0;
}
