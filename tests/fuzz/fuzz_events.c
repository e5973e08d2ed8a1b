/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way of events from the kernel's buffer to notices, with records of any bytes and any length, and
 * with whatever the files say of the processes that they name. What is told is text, within bounds;
 * what is told and what is held back are all that came and could be told, whatever time it is.
 *
 * The first line: p(erf buffer), g(roups), c(groups or) n(umbers of processes as a namespace of our own has
 * them). Then a line each: the cgroups that events are of, from theirs up
 * to the root; the names in /proc; the inode of all their namespaces. And what their "cgroup" files
 * say, up to a '~'; an empty one is a file that is not there. The rest are commands.
 */
#include "granted.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf_shared.h"
#include "cgroup_name.h"
#include "families.h"
#include "identifier.h"
#include "monitor.h"
#include "settings.h"
#include "snapshot.h"

enum {
	RECORDS_MAX = 64, /* waiting at a time */
	RECORD_BYTES = sizeof(struct event) + 8,
	STATES_FD = 1000,
	PATHS_FD,
	EMPTY_FD,
};

struct record {
	size_t bytes;
	uint8_t data[4 +
		     RECORD_BYTES]; /* the perf buffer's begin at 4, the ring buffer's at 0 */
};

struct count {
	uint64_t came;			    /* and could be told */
	uint64_t told, held_back;	    /* by their notices */
	uint64_t sent_told, sent_held_back; /* by the self metrics */
};

static struct {
	bool active; /* not: the fuzzer itself is calling */
	bool by_perf, own_cgroups, own_pids;
	struct group_path path;
	char *names; /* in /proc */
	char *next_name;
	struct dirent entry;
	uint64_t inode;
	char *cgroup;
	bool has_owner;
	char owner[IDENTIFIER_PART_MAX + 1];
	struct record records[RECORDS_MAX];
	size_t first, waiting; /* of these */
	ring_buffer_sample_fn ring;
	perf_buffer_sample_fn perf;
	void *buffer_arg;
	struct count counts[FAMILY_COUNT];
	struct monitor *monitor;
} k;

/* Goes on from input to input, as the monitor remembers owners for a while. */
static uint64_t clock_ns = 1000000000, cpu_ns;

FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
DIR *__wrap_opendir(const char *path);
DIR *__real_opendir(const char *path);
struct dirent *__wrap_readdir(DIR *dir);
struct dirent *__real_readdir(DIR *dir);
int __wrap_closedir(DIR *dir);
int __real_closedir(DIR *dir);
int __wrap_stat(const char *path, struct stat *st);
int __real_stat(const char *path, struct stat *st);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_bpf_map_create(enum bpf_map_type type, const char *name, uint32_t key_bytes,
			  uint32_t value_bytes, uint32_t entries,
			  const struct bpf_map_create_opts *opts);
struct ring_buffer *__wrap_ring_buffer__new(int fd, ring_buffer_sample_fn fn, void *arg,
					    const struct ring_buffer_opts *opts);
int __wrap_ring_buffer__consume(struct ring_buffer *ring);
void __wrap_ring_buffer__free(struct ring_buffer *ring);
struct perf_buffer *__wrap_perf_buffer__new(int fd, size_t pages,
					    perf_buffer_sample_fn fn,
					    perf_buffer_lost_fn lost, void *arg,
					    const struct perf_buffer_opts *opts);
int __wrap_perf_buffer__consume(struct perf_buffer *perf);
void __wrap_perf_buffer__free(struct perf_buffer *perf);
int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report);
int __wrap_loader_map(const struct loaded *l, const char *name);
int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg);
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value);
int __wrap_bpf_map_delete_elem(int fd, const void *key);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value,
			       uint64_t flags);

/* ---- the files ---- */

FILE *__wrap_fopen(const char *path, const char *mode)
{
	unsigned pid;
	int end = 0;

	if (k.active && strcmp(path, "/sys/devices/system/cpu/possible") == 0)
		return open_text("0-1\n");
	if (k.active && strcmp(path, "/proc/self/cgroup") == 0)
		return open_text("0::/\n");
	if (!k.active || sscanf(path, "/proc/%u/cgroup%n", &pid, &end) != 1 || !end)
		return __real_fopen(path, mode);
	if (k.cgroup[0])
		return open_text(k.cgroup);
	errno = ENOENT;
	return NULL;
}

DIR *__wrap_opendir(const char *path)
{
	if (!k.active)
		return __real_opendir(path);
	CHECK(strcmp(path, "/proc") == 0);
	k.next_name = k.names;
	return (DIR *)&k;
}

struct dirent *__wrap_readdir(DIR *dir)
{
	size_t length;

	if (!k.active)
		return __real_readdir(dir);
	k.next_name += strspn(k.next_name, " ");
	length = strcspn(k.next_name, " ");
	snprintf(k.entry.d_name, sizeof(k.entry.d_name), "%.*s", (int)length,
		 k.next_name);
	k.next_name += length;
	return length ? &k.entry : NULL;
}

int __wrap_closedir(DIR *dir)
{
	return k.active ? 0 : __real_closedir(dir);
}

/* As include/linux/proc_ns.h numbers the host's. */
static ino_t own_namespace(const char *type)
{
	if (strcmp(type, "cgroup") == 0)
		return k.own_cgroups ? 4026532000 : 4026531835;
	CHECK(strcmp(type, "pid") == 0, "%s", type);
	return k.own_pids ? 4026532001 : 4026531836;
}

int __wrap_stat(const char *path, struct stat *st)
{
	unsigned pid;
	int end = 0;

	if (!k.active)
		return __real_stat(path, st);
	if (strncmp(path, "/proc/self/ns/", 14) == 0) {
		*st = (struct stat){ .st_ino = own_namespace(path + 14) };
		return 0;
	}
	CHECK(sscanf(path, "/proc/%u/ns/%*[a-z]%n", &pid, &end) == 1 && end && !path[end],
	      "%s", path);
	*st = (struct stat){ .st_ino = k.inode };
	return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	uint64_t ns = clock_ns;

	if (!k.active)
		return __real_clock_gettime(clock, ret);
	CHECK(clock == CLOCK_MONOTONIC || clock == CLOCK_THREAD_CPUTIME_ID);
	/* so that time runs out for what takes many looks */
	if (clock == CLOCK_THREAD_CPUTIME_ID)
		ns = cpu_ns += 5000000;
	ret->tv_sec = (time_t)(ns / 1000000000);
	ret->tv_nsec = (long)(ns % 1000000000);
	return 0;
}

/* What the file says to who is in the host's namespaces: the line of v2, when it has one. */
static void find_owner(void)
{
	char *text = strdup(k.cgroup), *rest = text, *line, *path;

	CHECK(text);
	while ((line = strsep(&rest, "\n")) && !k.has_owner) {
		path = line[0] == '0' && line[1] == ':' ? strstr(line, ":/") : NULL;
		if (!path || k.own_cgroups || k.own_pids)
			continue;
		cgroup_group_name(path + 1, k.owner, sizeof(k.owner));
		k.has_owner = true;
	}
	free(text);
}

/* ---- the buffer ---- */

int __wrap_bpf_map_create(enum bpf_map_type type, const char *name, uint32_t key_bytes,
			  uint32_t value_bytes, uint32_t entries,
			  const struct bpf_map_create_opts *opts)
{
	(void)name, (void)key_bytes, (void)value_bytes, (void)entries, (void)opts;
	if (type == BPF_MAP_TYPE_RINGBUF && k.by_perf) {
		errno = EINVAL;
		return -EINVAL;
	}
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

struct ring_buffer *__wrap_ring_buffer__new(int fd, ring_buffer_sample_fn fn, void *arg,
					    const struct ring_buffer_opts *opts)
{
	(void)fd, (void)opts;
	k.ring = fn;
	k.buffer_arg = arg;
	return (struct ring_buffer *)&k;
}

struct perf_buffer *__wrap_perf_buffer__new(int fd, size_t pages,
					    perf_buffer_sample_fn fn,
					    perf_buffer_lost_fn lost, void *arg,
					    const struct perf_buffer_opts *opts)
{
	(void)fd, (void)lost, (void)opts;
	CHECK(pages && !(pages & (pages - 1)), "%zu", pages);
	k.perf = fn;
	k.buffer_arg = arg;
	return (struct perf_buffer *)&k;
}

void __wrap_ring_buffer__free(struct ring_buffer *ring)
{
	(void)ring;
}

void __wrap_perf_buffer__free(struct perf_buffer *perf)
{
	(void)perf;
}

static void note(const struct record *r)
{
	struct series_id id = { 0 };
	struct label label;
	struct event event;

	if (r->bytes < sizeof(event))
		return;
	memcpy(&event, r->data + (k.by_perf ? 4 : 0), sizeof(event));
	id.id = event.id;
	if (event.family < FAMILY_COUNT && families[event.family].notify &&
	    families[event.family].describe(&id, &label))
		k.counts[event.family].came++;
}

static struct record *take_record(void)
{
	struct record *r = &k.records[k.first];

	k.first = (k.first + 1) % RECORDS_MAX;
	k.waiting--;
	note(r);
	return r;
}

/* What was handed out is gone, even when no more is wanted. */
int __wrap_ring_buffer__consume(struct ring_buffer *ring)
{
	int err = 0;

	(void)ring;
	while (k.waiting && err >= 0) {
		struct record *r = take_record();

		err = k.ring(k.buffer_arg, r->data, r->bytes);
	}
	return err;
}

int __wrap_perf_buffer__consume(struct perf_buffer *perf)
{
	(void)perf;
	while (k.waiting) {
		struct record *r = take_record();

		k.perf(k.buffer_arg, 0, r->data + 4, (uint32_t)r->bytes);
	}
	return 0;
}

/* ---- the rest of the kernel: groups that there are, and nothing that was counted ---- */

int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report)
{
	bool has_events = false;

	for (const struct family *f = families; f < families + FAMILY_COUNT; f++)
		has_events |= f->object == object && f->notify;
	CHECK(plan->event_way == (!has_events ? EVENTS_OFF :
				  k.by_perf   ? EVENTS_PERF_BUFFER :
						EVENTS_RING_BUFFER));
	*report = (struct load_report){ .door = &object->doors[0] };
	*ret = (struct loaded *)&k;
	return 0;
}

int __wrap_loader_map(const struct loaded *l, const char *name)
{
	(void)l;
	return strcmp(name, "groups") == 0	? STATES_FD :
	       strcmp(name, "group_paths") == 0 ? PATHS_FD :
						  EMPTY_FD;
}

int __wrap_snapshot_read(int fd, snapshot_row_fn *row, void *arg)
{
	(void)fd, (void)row, (void)arg;
	return 0;
}

/* The groups with odd ids. */
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	uint64_t id;

	memcpy(&id, key, sizeof(id));
	CHECK(fd == STATES_FD || fd == PATHS_FD);
	if (!(id & 1)) {
		errno = ENOENT;
		return -ENOENT;
	}
	if (fd == STATES_FD)
		memset(value, 0, sizeof(struct group_state));
	else
		memcpy(value, &k.path, sizeof(k.path));
	return 0;
}

int __wrap_bpf_map_delete_elem(int fd, const void *key)
{
	(void)fd, (void)key;
	return 0;
}

int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)
{
	(void)fd, (void)key, (void)value, (void)flags;
	return 0;
}

/* ---- what is told ---- */

/* Well-formed, and nothing that moves a cursor: by a table of its own, RFC 3629, section 4. */
static bool is_text(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t more = *s < 0x80 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;

		if (*s < ' ' || *s == 0x7f || (*s >= 0x80 && *s < 0xc2) || *s > 0xf4)
			return false;
		if ((*s == 0xc2 && s[1] < 0xa0) || (*s == 0xe0 && s[1] < 0xa0) ||
		    (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
		    (*s == 0xf4 && s[1] > 0x8f))
			return false;
		/* U+061C; U+200E, 200F, 2028 to 202E; U+2066 to 2069 */
		if ((*s == 0xd8 && s[1] == 0x9c) ||
		    (*s == 0xe2 && s[1] == 0x80 &&
		     (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae))) ||
		    (*s == 0xe2 && s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9))
			return false;
		for (s++; more--; s++)
			if ((*s & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static void check_name(const char *text)
{
	CHECK(text[0] && strlen(text) <= IDENTIFIER_PART_MAX, "%s", text);
	for (const char *c = text; *c; c++)
		CHECK(*c > ' ' && *c <= '~' && *c != '/', "%s", text);
}

static void check_notice(const struct notice *n)
{
	CHECK(n->severity <= NOTICE_FAILURE);
	CHECK(memchr(n->message, '\0', sizeof(n->message)) && n->message[0]);
	CHECK(is_text(n->message), "%s", n->message);
	check_name(n->scope);
	check_name(n->type);
	check_name(n->instance);
	CHECK(n->detail_count <= NOTICE_DETAILS_MAX);
	for (unsigned i = 0; i < n->detail_count; i++) {
		const struct notice_detail *d = &n->details[i];

		CHECK(d->is_number || is_text(d->text));
		if (strcmp(d->name, "namespace_owner") == 0)
			CHECK(k.has_owner && strcmp(d->text, k.owner) == 0, "%s, not %s",
			      d->text, k.owner);
	}
}

static int find_family(const char *name)
{
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (strcmp(families[f].name, name) == 0)
			return f;
	CHECK(false, "%s", name);
	return -1;
}

/* Of a notice of one event: there is one family that has such values. */
static int family_of(const struct notice *n)
{
	struct label label;

	for (int f = 0; f < FAMILY_COUNT; f++)
		for (struct series_id id = { 0 }; id.id < families[f].ids; id.id++)
			if (families[f].notify && families[f].describe(&id, &label) &&
			    strcmp(label.type, n->type) == 0 &&
			    strcmp(label.instance, n->instance) == 0)
				return f;
	CHECK(false, "%s-%s", n->type, n->instance);
	return -1;
}

static void hear(const struct notice *n)
{
	static const char held_back[] = "held-back-";

	check_notice(n);
	if (strcmp(n->scope, "self") == 0 &&
	    strncmp(n->instance, held_back, strlen(held_back)) == 0) {
		CHECK(n->detail_count == 1 && n->details[0].number > 0);
		k.counts[find_family(n->instance + strlen(held_back))].held_back +=
			(uint64_t)n->details[0].number;
	} else {
		k.counts[family_of(n)].told++;
	}
}

static void tell(void)
{
	bool others = false;
	struct notice *n;
	uint64_t ns;

	monitor_drain(k.monitor);
	while ((n = monitor_next_notice(k.monitor, &ns))) {
		CHECK(ns == clock_ns);
		CHECK(!others || !families[n->family].is_urgent);
		others |= !families[n->family].is_urgent;
		hear(n);
		free(n);
	}
}

static void on_sample(void *arg, const struct sample *sample)
{
	const char *what = sample->instance;

	(void)arg;
	if (strcmp(sample->scope, "self") != 0)
		return;
	if (strncmp(what, "notified-", 9) == 0)
		k.counts[find_family(what + 9)].sent_told = (uint64_t)sample->derive;
	if (strncmp(what, "held-back-", 10) == 0)
		k.counts[find_family(what + 10)].sent_held_back =
			(uint64_t)sample->derive;
}

static void read_once(void)
{
	CHECK(monitor_read(k.monitor, on_sample, NULL) == 0);
	for (const struct count *c = k.counts; c < k.counts + FAMILY_COUNT; c++)
		CHECK(c->sent_told + c->sent_held_back == c->came);
}

/* All that came has been told by now, one by one or in sum. */
static void end(void)
{
	while (k.waiting)
		tell();
	clock_ns += UINT64_C(120) * 1000000000;
	tell();
	read_once();
	for (const struct count *c = k.counts; c < k.counts + FAMILY_COUNT; c++)
		CHECK(c->told == c->sent_told && c->held_back == c->sent_held_back,
		      "%llu told of %llu, %llu held back of %llu",
		      (unsigned long long)c->told, (unsigned long long)c->sent_told,
		      (unsigned long long)c->held_back,
		      (unsigned long long)c->sent_held_back);
}

/* ---- what happens ---- */

/* Most are of now, of some family and of something that it has. */
static void send(struct input *in, size_t bytes)
{
	struct record *r = &k.records[(k.first + k.waiting) % RECORDS_MAX];
	uint8_t family = take_byte(in), kind = take_byte(in);
	struct event event;

	take_bytes(in, &event, sizeof(event));
	if (k.waiting == RECORDS_MAX)
		return;
	k.waiting++;
	if (kind != 'w') {
		event.ns = clock_ns;
		event.family = family % FAMILY_COUNT;
		event.id %= families[event.family].ids;
	}
	if (event.ns > clock_ns) /* its clock is ours */
		event.ns = clock_ns;
	if (kind == 'i')
		event.detail[NAMESPACE_EVENT_INODE] = (int64_t)k.inode;
	*r = (struct record){ .bytes = bytes };
	memcpy(r->data + (k.by_perf ? 4 : 0), &event, sizeof(event));
}

static void play(struct input *in)
{
	while (in->left) {
		switch (take_byte(in)) {
		case 'e':
			send(in, sizeof(struct event));
			break;
		case 's':
			send(in, take_byte(in) % RECORD_BYTES);
			break;
		case 'c':
			clock_ns += (uint64_t)take_byte(in) * 100000000;
			break;
		case 't':
			tell();
			break;
		case 'r':
			read_once();
			break;
		}
	}
	end();
}

/* As a line has them: "b/a" is the cgroup b of a. */
static void note_path(char *text)
{
	for (char *c = text; *c; c++)
		if (*c == '/')
			*c = '\0';
	memcpy(k.path.names, text, k.path.bytes);
}

static void configure(struct settings *s, struct input *in)
{
	char *words = take_text(in, "\n"), *path = take_text(in, "\n"), *inode;

	settings_init(s);
	for (const struct family *f = families; f < families + FAMILY_COUNT; f++) {
		struct notify_settings *notify = (void *)((char *)s + f->notify);

		*(bool *)((char *)s + f->on) = true;
		if (!f->notify)
			continue;
		notify->on = true;
		notify->rate = 1;
		notify->burst = 5;
	}
	s->namespaces.live = false;
	s->event_buffer = 4;
	s->groups.by = strchr(words, 'g') ? GROUP_BY_CGROUP : GROUP_BY_NONE;
	s->groups.max = 8;
	k.by_perf = strchr(words, 'p');
	k.own_cgroups = strchr(words, 'c');
	k.own_pids = strchr(words, 'n');
	k.path.bytes = (uint32_t)strnlen(path, sizeof(k.path.names) - 1);
	k.path.bytes += k.path.bytes > 0; /* with the NUL */
	note_path(path);
	k.names = take_text(in, "\n");
	inode = take_text(in, "\n");
	k.inode = strtoull(inode, NULL, 10);
	k.cgroup = take_text(in, "~");
	find_owner();
	free(words);
	free(path);
	free(inode);
}

static void no_log(enum monitor_severity severity, const char *message)
{
	(void)severity;
	CHECK(message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct settings settings;

	memset(&k, 0, sizeof(k));
	k.active = true;
	clock_ns += UINT64_C(60) * 1000000000;
	configure(&settings, &in);
	CHECK(monitor_start(&settings, no_log, &k.monitor) == 0);
	play(&in);
	monitor_stop(k.monitor);
	settings_fini(&settings);
	k.active = false;
	free(k.names);
	free(k.cgroup);
	return 0;
}
