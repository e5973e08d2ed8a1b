/* SPDX-License-Identifier: GPL-2.0-only */
#include "families.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include <bpf/libbpf.h>

#include "identifier.h"
#include "syscall_names.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Each family in the table. */
#define for_each_family(f) \
	for (const struct family *f = families; f < families + FAMILY_COUNT; f++)

/* ---- constants ---- */

static void rows_are_complete(void **state)
{
	(void)state;
	for_each_family (f) {
		char part[IDENTIFIER_PART_MAX + 1];
		unsigned doors = 0;

		assert_non_null(f->name);
		assert_false(identifier_part(f->name, part, sizeof(part)));
		assert_true(f->on < sizeof(struct settings));
		assert_non_null(f->describe);
		assert_non_null(f->is_constant);
		assert_true(f->ids > 0 && f->ids <= SYSCALL_ROW_IDS);
		assert_true(f->total_id < f->ids);
		assert_true(f->group_rows <= f->group_rows_detailed);
		assert_true(f->group_rows_detailed >= f->group_rows);
		assert_true(f->group_rows_detailed <= f->ids);
		while (doors < DOORS_MAX && f->object->doors[doors].name)
			doors++;
		assert_true(doors > 0);
		for (const struct family *g = families; g < f; g++) {
			assert_string_not_equal(f->name, g->name);
			assert_ptr_not_equal(f->object, g->object);
			assert_int_not_equal(f->on, g->on);
		}
	}
}

/* The block of the configuration that switches a family on has the family's name. */
static void each_family_has_its_block(void **state)
{
	(void)state;
	for_each_family (f) {
		const struct option *o = options;

		while (o < options + option_count &&
		       (o->type != OPTION_BLOCK || strcasecmp(o->name, f->name) != 0))
			o++;
		assert_true(o < options + option_count);
		assert_int_equal(o->offset, f->on);
	}
}

/* Who hands over has to be loaded before those it hands over to. */
static void leaders_come_first(void **state)
{
	(void)state;
	for_each_family (f) {
		const struct family *g = families;

		while (f->leader && g < f && g->object != f->leader)
			g++;
		assert_true(!f->leader || g < f);
	}
}

static void traits_name_system_calls(void **state)
{
	(void)state;
	for_each_family (f)
		for (const struct trait *t = f->object->traits;
		     t < f->object->traits + TRAITS_MAX && t->syscall; t++) {
			/* a call that this architecture does not have is known by number */
			uint32_t id = 0;

			while (id < SYSCALL_IDS &&
			       strcmp(syscall_name(id), t->syscall) != 0)
				id++;
			assert_true(id < SYSCALL_UNKNOWN);
			assert_true(t->traits);
		}
}

static bool has_shape(const struct family *f, enum counter_shape shape)
{
	for (const struct counter *c = f->counters; c < f->counters + COUNTERS_MAX; c++)
		if (c->shape == shape)
			return true;
	return false;
}

static bool is_of_times(const struct counter *c)
{
	return c->shape == COUNTER_HISTOGRAMS;
}

static void counters_fit(void **state)
{
	(void)state;
	for_each_family (f) {
		unsigned columns = 0;

		for (const struct counter *c = f->counters;
		     c < f->counters + COUNTERS_MAX && c->map; c++) {
			assert_int_not_equal(c->shape, COUNTER_NONE);
			assert_true(c->columns > 0 || is_of_times(c));
			assert_true(c->columns <= f->columns);
			if (c->columns > columns)
				columns = c->columns;
		}
		assert_int_equal(columns, f->columns);
		assert_true(f->columns <= COLUMNS_MAX);
		/* what finds no room in the one goes to the other */
		assert_true(has_shape(f, COUNTER_GROUP));
		assert_true(has_shape(f, COUNTER_OVERFLOW));
	}
}

/* ---- what is embedded ---- */

static struct bpf_object *open_object(const struct object *object)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = object->name);
	size_t size = 0;
	const void *elf = object->elf(&size);
	struct bpf_object *opened = bpf_object__open_mem(elf, size, &opts);

	assert_non_null(opened);
	return opened;
}

static void check_doors(const struct object *object)
{
	struct bpf_object *opened = open_object(object);

	for (const struct door *d = object->doors;
	     d < object->doors + DOORS_MAX && d->name; d++) {
		assert_non_null(d->programs[0]);
		for (int i = 0; i < DOOR_PROGRAMS_MAX && d->programs[i]; i++) {
			const char *name = d->programs[i];

			name += name[0] == '?' || name[0] == '+';

			assert_non_null(bpf_object__find_program_by_name(opened, name));
		}
	}
	bpf_object__close(opened);
}

static void doors_have_their_programs(void **state)
{
	(void)state;
	check_doors(&groups_object);
	check_doors(&probe_object);
	for_each_family (f)
		check_doors(f->object);
}

/* Of the words of an option: the door's own, and before it that of its first way. */
static size_t check_words(const char *const *words, size_t n, const char *door)
{
	size_t first = strcspn(door, "+");

	if (door[first] && strncmp(words[n], door, first) != 0) {
		n++;
		assert_memory_equal(words[n], door, first);
		assert_int_equal(words[n][first], '\0');
	}
	assert_string_equal(words[n + 1], door);
	return n + 1;
}

/* The option that forces a door knows all of them. */
static void check_hooks(const char *block, const struct object *object)
{
	const struct option *o = options;
	size_t n = 0;

	while (o < options + option_count &&
	       (!o->block || strcasecmp(o->block, block) || strcmp(o->name, "Hook")))
		o++;
	assert_true(o < options + option_count);
	assert_string_equal(o->words[0], o->dflt);
	for (const struct door *d = object->doors;
	     d < object->doors + DOORS_MAX && d->name; d++)
		n = check_words(o->words, n, d->name);
	assert_null(o->words[n + 1]);
}

static void each_door_can_be_forced(void **state)
{
	(void)state;
	check_hooks("groups", &groups_object);
	for_each_family (f)
		check_hooks(f->name, f->object);
}

struct layout {
	uint32_t type, key_bytes;
};

static const struct layout layouts[] = {
	[COUNTER_CPUS] = { BPF_MAP_TYPE_ARRAY, sizeof(uint32_t) },
	[COUNTER_HOST_CODE] = { BPF_MAP_TYPE_PERCPU_HASH, sizeof(struct error_key) },
	[COUNTER_GROUP] = { BPF_MAP_TYPE_PERCPU_HASH, sizeof(struct row_key) },
	[COUNTER_OVERFLOW] = { BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t) },
	[COUNTER_HISTOGRAMS] = { BPF_MAP_TYPE_ARRAY, sizeof(uint32_t) },
};

/* Where the engine sets the size, it is that of the least. */
static size_t value_bytes(const struct family *f, const struct counter *c)
{
	size_t columns = c->columns * sizeof(uint64_t);

	switch (c->shape) {
	case COUNTER_CPUS:
		return sizeof(struct cpu_calls);
	case COUNTER_HISTOGRAMS:
		return sizeof(struct histogram);
	case COUNTER_HOST_CODE:
		return columns;
	default:
		return columns + (f->times_on ? sizeof(struct times) : 0);
	}
}

static void counters_have_their_maps(void **state)
{
	(void)state;
	for_each_family (f) {
		struct bpf_object *opened = open_object(f->object);

		for (const struct counter *c = f->counters;
		     c < f->counters + COUNTERS_MAX && c->map; c++) {
			const struct layout *l = &layouts[c->shape];
			const struct bpf_map *map =
				bpf_object__find_map_by_name(opened, c->map);

			assert_non_null(map);
			assert_int_equal(bpf_map__type(map), l->type);
			assert_int_equal(bpf_map__key_size(map), l->key_bytes);
			assert_int_equal(bpf_map__value_size(map), value_bytes(f, c));
			if (c->shape == COUNTER_OVERFLOW)
				assert_int_equal(bpf_map__max_entries(map), f->ids);
		}
		bpf_object__close(opened);
	}
}

/* ---- series ---- */

/* A label and what it is the label of: equal for two ids that are to be one series. */
struct made {
	struct label label;
	char of[64];
	bool is_gauge;
};

struct all_made {
	struct made *made;
	size_t count, room;
};

static struct made *make_room(struct all_made *all)
{
	if (all->count == all->room) {
		all->room = all->room ? 2 * all->room : 1024;
		all->made = realloc(all->made, all->room * sizeof(*all->made));
		assert_non_null(all->made);
	}
	all->made[all->count] = (struct made){ .is_gauge = false };
	return &all->made[all->count++];
}

static void make(struct all_made *all, const struct family *f, const struct series_id *id)
{
	struct made *m = make_room(all);

	if (!f->describe(id, &m->label)) {
		all->count--;
		return;
	}
	snprintf(m->of, sizeof(m->of), "%s %u %u %u", f->name,
		 f->canonical ? f->canonical(id->id) : id->id, id->code, id->column);
}

/* Errors by code are of single ids, and have the one column. */
static void make_codes(struct all_made *all, const struct family *f, uint32_t id)
{
	static const uint16_t codes[] = { EPERM, ENOENT, 41 /* has no name */, 524,
					  4095 };

	if (!has_shape(f, COUNTER_HOST_CODE) || id == f->total_id)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		make(all, f, &(struct series_id){ .id = id, .code = codes[i] });
}

static void make_gauges(struct all_made *all, const struct gauge_source *source)
{
	for (unsigned i = 0; source && i < source->count; i++) {
		struct made *m = make_room(all);

		source->describe(i, &m->label);
		snprintf(m->of, sizeof(m->of), "gauge %p %u", (const void *)source, i);
		m->is_gauge = true;
	}
}

static struct all_made make_all(void)
{
	struct all_made all = { .count = 0 };

	for_each_family (f) {
		for (struct series_id id = { 0 }; id.id < f->ids; id.id++) {
			for (id.column = 0; id.column < f->columns; id.column++)
				make(&all, f, &id);
			make_codes(&all, f, id.id);
		}
		make_gauges(&all, f->gauges);
	}
	return all;
}

static void labels_are_legal(void **state)
{
	struct all_made all = make_all();
	char part[IDENTIFIER_PART_MAX + 1];

	(void)state;
	assert_true(all.count > 0);
	for (const struct made *m = all.made; m < all.made + all.count; m++) {
		assert_non_null(
			memchr(m->label.instance, '\0', sizeof(m->label.instance)));
		/* false: it is legal and fits */
		assert_false(identifier_part(m->label.instance, part, sizeof(part)));
		assert_false(identifier_part(m->label.type, part, sizeof(part)));
	}
	free(all.made);
}

static int compare_made(const void *a, const void *b)
{
	const struct made *x = a, *y = b;
	int order = strcmp(x->label.type, y->label.type);

	if (!order)
		order = strcmp(x->label.instance, y->label.instance);
	return order ? order : strcmp(x->of, y->of);
}

static bool is_same_label(const struct label *a, const struct label *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->instance, b->instance) == 0;
}

static void no_two_series_have_one_label(void **state)
{
	struct all_made all = make_all();

	(void)state;
	qsort(all.made, all.count, sizeof(*all.made), compare_made);
	for (const struct made *m = all.made + 1; m < all.made + all.count; m++)
		if (is_same_label(&m->label, &m[-1].label))
			assert_string_equal(m->of, m[-1].of);
	free(all.made);
}

/* "syscall-…" of "syscalls" */
static void labels_begin_with_the_family_s_singular(void **state)
{
	(void)state;
	for_each_family (f) {
		size_t bytes = strlen(f->name);

		/* "processes", "syscalls" */
		if (bytes > 4 && strcmp(f->name + bytes - 4, "sses") == 0)
			bytes -= 2;
		else if (f->name[bytes - 1] == 's')
			bytes--;
		for (struct series_id id = { 0 }; id.id < f->ids; id.id++) {
			struct label label;

			if (!f->describe(&id, &label))
				continue;
			assert_memory_equal(label.instance, f->name, bytes);
			assert_true(!label.instance[bytes] ||
				    label.instance[bytes] == '-');
		}
	}
}

static void one_canonical_id_is_one_label(void **state)
{
	(void)state;
	for_each_family (f)
		for (struct series_id id = { 0 }; f->canonical && id.id < f->ids;
		     id.id++) {
			struct series_id canonical = { .id = f->canonical(id.id) };
			struct label a, b;

			assert_true(canonical.id < f->ids);
			assert_int_equal(f->canonical(canonical.id), canonical.id);
			assert_int_equal(f->describe(&id, &a),
					 f->describe(&canonical, &b));
			if (f->describe(&id, &a))
				assert_true(is_same_label(&a, &b));
		}
}

static void constants_are_sent(void **state)
{
	(void)state;
	for_each_family (f) {
		struct label label;
		unsigned count = 0;

		for (struct series_id id = { 0 }; id.id < f->ids; id.id++) {
			if (!f->is_constant(&id))
				continue;
			assert_true(f->describe(&id, &label));
			assert_int_equal(f->canonical ? f->canonical(id.id) : id.id,
					 id.id);
			count++;
		}
		assert_true(count > 0);
		/* they are there for ever, and MaxSeries can be as low as this */
		assert_true(count * f->columns <= 64);
	}
}

static void totals_are_sent_and_selected(void **state)
{
	(void)state;
	for_each_family (f) {
		struct series_id id = { .id = f->total_id };
		struct label label;

		if (!f->total_id)
			continue;
		assert_true(f->describe(&id, &label));
		assert_true(f->is_constant(&id));
		assert_true(f->total_id >= f->named_ids); /* never deselected */
	}
}

struct described {
	enum family_id family;
	struct series_id id;
	const char *type, *instance; /* NULL: not sent */
};

static const struct described described[] = {
	{ FAMILY_SYSCALLS, { SYSCALL_ALL, 0, CALLS }, "operations", "syscall" },
	{ FAMILY_SYSCALLS, { SYSCALL_ALL, 0, ERRORS }, "errors", "syscall" },
	{ FAMILY_SYSCALLS, { SYSCALL_REST, 0, CALLS }, NULL, NULL },
	{ FAMILY_SYSCALLS,
	  { SYSCALL_UNKNOWN, 0, CALLS },
	  "operations",
	  "syscall-unknown" },
	{ FAMILY_NAMESPACES, { .id = NAMESPACE_NET }, "operations", "namespace-join-net" },
	{ FAMILY_NAMESPACES,
	  { .id = VERB_UNSHARE * NAMESPACE_TYPES + NAMESPACE_USER },
	  "operations",
	  "namespace-unshare-user" },
	{ FAMILY_NAMESPACES,
	  { .id = VERB_CLONE * NAMESPACE_TYPES + NAMESPACE_UNKNOWN },
	  "operations",
	  "namespace-clone-unknown" },
	{ FAMILY_NAMESPACES,
	  { .id = NAMESPACE_FAILED + VERB_JOIN },
	  "errors",
	  "namespace-join" },
	{ FAMILY_NAMESPACES,
	  { .id = NAMESPACE_FAILED + VERB_CLONE },
	  "errors",
	  "namespace-clone" },
	{ FAMILY_NAMESPACES, { .id = NAMESPACE_IDS }, NULL, NULL },
};

static void check_described(const struct family *f, const struct series_id *id,
			    const char *type, const char *instance)
{
	struct label label;

	assert_int_equal(f->describe(id, &label), type != NULL);
	if (!type)
		return;
	assert_string_equal(label.type, type);
	assert_string_equal(label.instance, instance);
}

static void note_first(uint32_t id, void *arg)
{
	uint32_t *first = arg;

	if (id < *first)
		*first = id;
}

static void series_are_labelled_as_documented(void **state)
{
	const struct family *syscalls = &families[FAMILY_SYSCALLS];
	struct series_id openat = { .id = UINT32_MAX };

	(void)state;
	for (const struct described *d = described; d < described + ARRAY_SIZE(described);
	     d++)
		check_described(&families[d->family], &d->id, d->type, d->instance);
	syscall_each_id("openat", note_first, &openat.id);
	check_described(syscalls, &openat, "operations", "syscall-openat");
	openat.column = ERRORS;
	check_described(syscalls, &openat, "errors", "syscall-openat");
	openat.column = 0;
	openat.code = ENOENT;
	check_described(syscalls, &openat, "errors",
			HAVE_STRERRORNAME_NP ? "syscall-openat-ENOENT" :
					       "syscall-openat-errno_2");
}

static void gauges_fit(void **state)
{
	(void)state;
	for_each_family (f) {
		if (!f->gauges)
			continue;
		assert_true(f->gauges->count > 0 && f->gauges->count <= GAUGES_MAX);
		assert_true(f->gauges->start && f->gauges->read && f->gauges->stop &&
			    f->gauges->describe);
		f->gauges->stop(NULL);
	}
}

/* ---- collectd's types.db ---- */

/* "operations	value:DERIVE:0:U"; false when there is no such type with one value. */
static bool is_in_types_db(FILE *db, const char *type, const char *kind)
{
	char line[1024], name[128], source[32], rest[2];

	rewind(db);
	while (fgets(line, sizeof(line), db))
		/* anything after the first data source is a second one */
		if (sscanf(line, "%127s value:%31[A-Z]:%*s %1s", name, source, rest) ==
			    2 &&
		    !strchr(line, ',') && strcmp(name, type) == 0)
			return strcmp(source, kind) == 0;
	return false;
}

static void types_are_in_the_stock_types_db(void **state)
{
	const char *path = getenv("TYPES_DB");
	FILE *db = fopen(path ? path : "/usr/share/collectd/types.db", "re");
	const char *last = "";
	struct all_made all;

	(void)state;
	if (!db) {
		print_message("no types.db; TYPES_DB tells where it is\n");
		skip();
	}
	all = make_all();
	for (const struct made *m = all.made; m < all.made + all.count; m++) {
		if (strcmp(m->label.type, last) == 0)
			continue;
		last = m->label.type;
		assert_true(is_in_types_db(db, last, m->is_gauge ? "GAUGE" : "DERIVE"));
	}
	free(all.made);
	fclose(db);
}

/* ---- events ---- */

static void events_have_names_of_their_own(void **state)
{
	static const struct {
		enum family_id family;
		uint32_t id;
		const char *name; /* NULL: it is no event */
	} rows[] = {
		{ FAMILY_NAMESPACES, NAMESPACE_CGROUP, "join-cgroup" },
		{ FAMILY_NAMESPACES, NAMESPACE_FAILED + VERB_JOIN, "failed-join" },
		{ FAMILY_NAMESPACES, NAMESPACE_IDS, NULL },
		{ FAMILY_PROCESSES, PROCESS_FORK, "fork" },
		{ FAMILY_PROCESSES, PROCESS_SHORT_LIVED, "short-lived" },
		{ FAMILY_SIGNALS, 0, NULL },
		{ FAMILY_SIGNALS, 9, "SIGKILL" },
		{ FAMILY_OOM, OOM_KILL_CGROUP, "kill-cgroup" },
		{ FAMILY_OOM, OOM_KILL_ALL, NULL },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct label label;
		bool is_event = event_name(&families[rows[i].family], rows[i].id, &label);

		assert_int_equal(is_event, rows[i].name != NULL);
		if (is_event)
			assert_string_equal(label.instance, rows[i].name);
	}
}

static void what_cannot_be_told_is_refused(void **state)
{
	struct settings s;
	char err[512] = "";

	(void)state;
	settings_init(&s);
	assert_int_equal(selector_add(&s.oom.notify.of, "kill-global", err, sizeof(err)),
			 0);
	assert_int_equal(selector_add(&s.signals.notify.of, "/^SIGRT/", err, sizeof(err)),
			 0);
	assert_int_equal(families_check_settings(&s, err, sizeof(err)), 0);
	assert_string_equal(err, "");
	assert_int_equal(selector_add(&s.oom.notify.of, "oom-kill", err, sizeof(err)), 0);
	assert_int_equal(families_check_settings(&s, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "NotifyOf \"oom-kill\": family oom has no such events; "
				 "there are \"kill-cgroup\", \"kill-global\"");
	settings_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_complete),
		cmocka_unit_test(each_family_has_its_block),
		cmocka_unit_test(leaders_come_first),
		cmocka_unit_test(traits_name_system_calls),
		cmocka_unit_test(counters_fit),
		cmocka_unit_test(doors_have_their_programs),
		cmocka_unit_test(each_door_can_be_forced),
		cmocka_unit_test(counters_have_their_maps),
		cmocka_unit_test(labels_are_legal),
		cmocka_unit_test(no_two_series_have_one_label),
		cmocka_unit_test(labels_begin_with_the_family_s_singular),
		cmocka_unit_test(one_canonical_id_is_one_label),
		cmocka_unit_test(constants_are_sent),
		cmocka_unit_test(totals_are_sent_and_selected),
		cmocka_unit_test(series_are_labelled_as_documented),
		cmocka_unit_test(gauges_fit),
		cmocka_unit_test(types_are_in_the_stock_types_db),
		cmocka_unit_test(events_have_names_of_their_own),
		cmocka_unit_test(what_cannot_be_told_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
