/* SPDX-License-Identifier: GPL-2.0-only */
#include "monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if HAVE_MALLOC_TRIM
#include <malloc.h>
#else
#define malloc_trim(pad) ((void)(pad))
#endif

#include "btf_file.h"
#include "cleanup.h"
#include "controllers.h"
#include "cost.h"
#include "events.h"
#include "families.h"
#include "groups.h"
#include "loader.h"
#include "map_access.h"
#include "remedy.h"
#include "rows.h"
#include "scopes.h"
#include "seccomp_filter.h"
#include "snapshot.h"

enum {
	IDLE_READS_MAX = 3, /* a service that restarts within them stays one series */
	GROUP_CONSTANTS = 7,
	TIMES_CONSTANTS = 3,
	FAMILY_CONSTANTS = SETTING_CONSTANTS_MAX + 2,
	CONSTANTS_MAX = GROUP_CONSTANTS + FAMILY_CONSTANTS + TIMES_CONSTANTS + 1,
	GROUP_SIZES = 3,
	FAMILY_SIZES = 5,
	TIMES_SIZES = 3,
	SIZES_MAX = GROUP_SIZES + FAMILY_SIZES + COUNTERS_MAX + TIMES_SIZES + 1,
	NOTICES_MAX = 1000, /* of a family, that wait: see waiting_max() */
	CPUS_MAX = 1 << 16, /* more than any kernel can be built for */
};

struct running {
	const struct family *family;
	struct loaded *loaded;		   /* NULL: down */
	void *gauges;			   /* NULL: none */
	char gauges_error[LOAD_ERROR_MAX]; /* why there are none */
	bool gauges_failed;
	bool *selected; /* by id */
	bool told[EVENT_IDS];
	bool timed;
	uint16_t *ranks;      /* by id: of histograms; 0: that of the rest */
	uint32_t *ranked_ids; /* by rank */
	uint32_t rank_count;
	uint64_t rows;
	uint64_t lost, unsent, untimed; /* when last they could be read */
	struct notice_limit limit;
	unsigned waiting; /* notices */
	bool told_unsent;
	char error[LOAD_ERROR_MAX]; /* why it is down */
	const char *remedy;	    /* static; NULL: there is none */
};

struct monitor {
	const struct settings *settings;
	monitor_log_fn *log;
	struct running running[FAMILY_COUNT]; /* those that are on */
	int running_count;
	uint32_t group_kind;
	uint32_t slots;		 /* of the arrays by group: Max and SLOT_OTHER */
	uint64_t epoch;		 /* of maxima: a number that each read makes one more */
	bool epoch_is_unread;	 /* by a read that did not fail */
	uint32_t cpus;		 /* whose numbers are below this */
	uint32_t latency_chance; /* of 2^32, that a call is timed */
	uint32_t registers_end;	 /* see loader_registers_end() */
	bool detailed;
	struct kernel_found kernel;
	bool told_loss;
	bool by_fexit; /* of which a kernel that can be preempted leaves out runs */
	bool by_ftrace;
	bool by_kprobe;
	bool told_switched_off;
	bool by_hook; /* as the operator wishes */
	bool exposed; /* for want of a better way, to runs that a preemptible kernel leaves out */
	struct controller controller;
	struct loaded *groups_loaded; /* NULL: no groups */
	struct groups *groups;
	struct scopes *scopes;
	struct rows rows;
	struct cost *cost;		       /* NULL: not measured */
	struct events *events;		       /* NULL: none */
	size_t event_bytes;		       /* of their buffer */
	struct notice *notices, **last_notice; /* that wait to be told */
	bool events_failed;
	char groups_error[LOAD_ERROR_MAX], events_error[LOAD_ERROR_MAX];
};

__attribute__((format(printf, 3, 4))) static void
say(const struct monitor *m, enum monitor_severity severity, const char *format, ...)
{
	char message[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	m->log(severity, message);
}

static const void *setting(const struct monitor *m, size_t offset)
{
	return (const char *)m->settings + offset;
}

static bool is_set(const struct monitor *m, size_t offset)
{
	return *(const bool *)setting(m, offset);
}

/*
 * Whether the host uses the v2 hierarchy, be it where we do not see it mounted: the kernel lists it from the
 * first mount on (cgroups(7); cgrp_dfl_visible). Where that is hidden, too, it is taken to; where a /proc does
 * not have it, the kernel has no cgroups.
 */
static bool have_cgroup2(void)
{
	cleanup_fclose FILE *f = fopen("/proc/self/cgroup", "re");
	bool found = !f && (errno != ENOENT || access("/proc/self", F_OK) < 0);
	bool begins = true;
	char part[256];

	while (f && !found && fgets(part, sizeof(part), f)) {
		found = begins && strncmp(part, "0:", 2) == 0;
		begins = strchr(part, '\n');
	}
	return found;
}

static void explain_controller(struct monitor *m, int err)
{
	const char *why, *remedy;

	if (err == -ENOENT) {
		why = "this kernel does not have it, or has it disabled";
		remedy = "set By to one that /proc/cgroups lists as enabled";
	} else if (err == -ENODEV) {
		why = "/proc/cgroups cannot be read";
		remedy = "let the daemon see it (of systemd, no ProcSubset=pid)";
	} else {
		why = strerror(-err);
		remedy = remedy_for(err, m->settings->btf_path);
	}
	snprintf(m->groups_error, sizeof(m->groups_error),
		 "cgroup controller \"%s\" cannot be used: %s; %s",
		 m->settings->groups.controller, why, remedy);
}

static uint32_t choose_group_kind(struct monitor *m)
{
	static const uint32_t kinds[] = {
		[GROUP_BY_DEFAULT] = GROUP_KIND_CGROUP,
		[GROUP_BY_NONE] = GROUP_KIND_NONE,
		[GROUP_BY_CGROUP] = GROUP_KIND_CGROUP,
		[GROUP_BY_PID_NAMESPACE] = GROUP_KIND_PID_NAMESPACE,
		[GROUP_BY_CONTROLLER] = GROUP_KIND_CONTROLLER,
	};
	uint32_t kind = kinds[m->settings->groups.by];
	int err;

	if (kind == GROUP_KIND_CGROUP && !have_cgroup2()) {
		snprintf(
			m->groups_error, sizeof(m->groups_error),
			"no cgroup v2 hierarchy is mounted; mount one, or set By \"pid_namespace\" or "
			"a v1 controller in <Groups>");
		return GROUP_KIND_NONE;
	}
	if (kind != GROUP_KIND_CONTROLLER)
		return kind;
	err = controller_find(m->settings->groups.controller, m->settings->btf_path,
			      &m->controller);
	if (!err)
		return kind;
	explain_controller(m, err);
	return GROUP_KIND_NONE;
}

/*
 * Bits for system calls that other families' programs want to see after those of
 * `leader`.
 */
static void add_followed(const struct monitor *m, const struct object *leader,
			 uint8_t traits[])
{
	for (const struct family *f = families; f < families + FAMILY_COUNT; f++) {
		uint8_t wanted[SYSCALL_IDS] = { 0 };

		if (f->leader != leader || !is_set(m, f->on))
			continue;
		loader_add_traits(f->object, wanted);
		for (uint32_t id = 0; id < SYSCALL_IDS; id++)
			if (wanted[id])
				traits[id] |= TRAIT_FOLLOWED;
	}
}

static const struct loaded *loaded_of(const struct monitor *m,
				      const struct object *object)
{
	for (int i = 0; i < m->running_count; i++)
		if (m->running[i].family->object == object)
			return m->running[i].loaded;
	return NULL;
}

/* `plan` has what is particular to the object; adds what is the same for all. */
static int load(struct monitor *m, const struct object *object, struct load_plan *plan,
		struct loaded **ret, struct load_report *report)
{
	int err;

	plan->groups = m->groups_loaded;
	plan->btf_path = m->settings->btf_path;
	plan->kernel = m->kernel;
	plan->events = m->events ? events_map(m->events) : -1;
	err = loader_start(object, plan, ret, report);
	if (err)
		return err;
	say(m, MONITOR_INFO, "%s: takes %s%s%s%s", object->name, report->door->name,
	    report->refused[0] ? " (" : "", report->refused,
	    report->refused[0] ? ")" : "");
	m->exposed |= m->kernel.preempts_at_tracepoints && !plan->hook &&
		      report->door->preemption != PREEMPTION_OFF;
	m->by_fexit |= report->door->preemption == PREEMPTION_ON;
	m->by_ftrace |= report->door->is_by_ftrace;
	m->by_hook |= plan->hook != NULL;
	m->by_kprobe |= report->door->is_bounded;
	if (report->door->is_kept_out)
		map_shield(true);
	return 0;
}

static void add_group_constants(const struct monitor *m, struct constant *c)
{
	*c++ = (struct constant){ "group_kind", &m->group_kind, sizeof(uint32_t) };
	*c++ = (struct constant){ "group_subsys", &m->controller.index,
				  sizeof(uint32_t) };
	*c++ = (struct constant){ "group_hierarchy", &m->controller.hierarchy,
				  sizeof(int32_t) };
	*c++ = (struct constant){ "group_slots", &m->slots, sizeof(uint32_t) };
	*c++ = (struct constant){ "detail", &m->detailed, sizeof(bool) };
	*c++ = (struct constant){ "cpu_count", &m->cpus, sizeof(uint32_t) };
	*c++ = (struct constant){ "registers_end", &m->registers_end, sizeof(uint32_t) };
}

static void add_group_sizes(const struct monitor *m, struct map_size *s)
{
	uint32_t groups = m->slots > 1 ? m->slots - 1 : 1;

	*s++ = (struct map_size){ "groups", groups, 0 };
	*s++ = (struct map_size){ "group_paths", groups, 0 };
	*s++ = (struct map_size){ "free_slots", groups, 0 };
}

static int start_groups(struct monitor *m)
{
	struct constant constants[CONSTANTS_MAX] = { 0 };
	struct map_size sizes[SIZES_MAX] = { 0 };
	struct load_plan plan = {
		.constants = constants,
		.sizes = sizes,
		.hook = m->settings->groups.hook,
	};
	struct groups_config config = {
		.by_pid_namespace = m->group_kind == GROUP_KIND_PID_NAMESPACE,
		.select = &m->settings->groups.select,
		.max = m->settings->groups.max,
	};
	struct load_report report;

	if (m->group_kind == GROUP_KIND_NONE)
		return 0;
	m->slots = config.max + 1;
	m->detailed = m->settings->groups.detail_syscall;
	add_group_constants(m, constants);
	add_group_sizes(m, sizes);
	if (load(m, &groups_object, &plan, &m->groups_loaded, &report) < 0) {
		snprintf(m->groups_error, sizeof(m->groups_error), "%s", report.error);
		m->group_kind = GROUP_KIND_NONE;
		m->slots = 1;
		m->detailed = false;
		return 0;
	}
	config.states_fd = loader_map(m->groups_loaded, "groups");
	config.paths_fd = loader_map(m->groups_loaded, "group_paths");
	config.slots_fd = loader_map(m->groups_loaded, "free_slots");
	m->groups = groups_new(&config, m->scopes);
	return m->groups ? 0 : -errno;
}

struct known_name {
	const struct monitor *m;
	const struct family *family;
};

/* Not an error: a newer kernel or a newer libseccomp may know the name. */
static void warn_unknown(const char *name, void *arg)
{
	const struct known_name *k = arg;

	for (uint32_t id = 0; id < k->family->named_ids; id++)
		if (strcmp(k->family->id_name(id), name) == 0)
			return;
	say(k->m, MONITOR_WARNING,
	    "%s: \"%s\" is selected, but nothing of that name is known here: check its spelling",
	    k->family->name, name);
}

static bool is_selected(const struct monitor *m, const struct family *f, uint32_t id)
{
	const struct selector *select = setting(m, f->select);

	if (f->is_selected && !select->count && !select->ignore)
		return f->is_selected(id);
	return selector_matches(select, f->id_name(id));
}

static int select_ids(const struct monitor *m, struct running *r, uint8_t traits[])
{
	const struct family *f = r->family;
	struct known_name known = { .m = m, .family = f };

	r->selected = calloc(f->ids, sizeof(bool));
	if (!r->selected)
		return -ENOMEM;
	memset(r->selected, true, f->ids);
	if (!f->id_name)
		return 0;
	for (uint32_t id = 0; id < f->named_ids; id++) {
		r->selected[id] = is_selected(m, f, id);
		if (r->selected[id])
			traits[id] |= TRAIT_DETAIL;
	}
	selector_each_name(setting(m, f->select), warn_unknown, &known);
	return 0;
}

static const struct notify_settings *notify_settings(const struct monitor *m,
						     const struct family *f)
{
	const struct notify_settings *notify = setting(m, f->notify);

	return f->notify && notify->on ? notify : NULL;
}

struct counted_events {
	const struct running *running;
	struct label label;
};

static const char *name_of_counted(unsigned id, void *arg)
{
	struct counted_events *c = arg;

	return c->running->selected[id] && event_name(c->running->family, id, &c->label) ?
		       c->label.instance :
		       NULL;
}

/* Which events are told, of those that are counted. */
static void select_events(const struct monitor *m, struct running *r)
{
	const struct family *f = r->family;
	const struct notify_settings *notify = notify_settings(m, f);
	struct counted_events counted = { .running = r };
	struct label event;
	const char *idle;

	if (!notify)
		return;
	for (uint32_t id = 0; id < f->ids; id++)
		if (r->selected[id] && event_name(f, id, &event))
			r->told[id] =
				notify->of.count || !f->is_told ?
					selector_matches(&notify->of, event.instance) :
					f->is_told(id);
	idle = selector_idle_entry(&notify->of, f->ids, name_of_counted, &counted);
	if (idle)
		say(m, MONITOR_WARNING,
		    "%s: NotifyOf \"%s\" tells nothing, as only what is counted is told: select that, too",
		    f->name, idle);
}

/* Returns the end of what was added. */
static struct constant *add_family_constants(const struct monitor *m,
					     const struct running *r, struct constant *c)
{
	const struct family *f = r->family;

	for (int i = 0; i < SETTING_CONSTANTS_MAX && f->constants[i].variable; i++)
		*c++ = (struct constant){ f->constants[i].variable,
					  setting(m, f->constants[i].offset),
					  f->constants[i].bytes };
	*c++ = (struct constant){ "selected", r->selected, f->ids * sizeof(bool) };
	*c++ = (struct constant){ "told", r->told, sizeof(r->told) };
	return c;
}

static bool wants_times(const struct monitor *m, const struct family *f)
{
	return f->times_on && is_set(m, f->times_on);
}

/* Of `rows` and `overflow`. */
static uint32_t row_bytes(const struct monitor *m, const struct family *f)
{
	uint32_t bytes = f->columns * sizeof(uint64_t);

	return m->detailed && wants_times(m, f) ? bytes + sizeof(struct times) : bytes;
}

/* Whole cache lines, so that none is two CPUs'. */
static uint32_t whole_lines(uint32_t bytes)
{
	enum { LINE = 64 };

	return (bytes + LINE - 1) / LINE * LINE;
}

/* Of `cpus`, whose slots have times where rows have none. */
static uint32_t cpu_bytes(const struct monitor *m, const struct family *f)
{
	uint32_t slot = sizeof(uint64_t[CALL_COLUMNS]);

	if (!m->detailed && wants_times(m, f))
		slot = sizeof(struct calls);
	return whole_lines(sizeof(struct cpu_calls) + m->slots * slot);
}

/*
 * Of maps that forget what was used least. Before 6.16 (d4adf1c9ee77) each CPU keeps 128 entries for itself, and
 * when the others have taken all, it forgets at each one that it adds the one before.
 */
static uint32_t forgetting_entries(const struct monitor *m)
{
	enum { ENTRIES_MIN = 1024, ENTRIES_OF_CPU = 256 };
	uint32_t entries = m->cpus * ENTRIES_OF_CPU;

	return entries > ENTRIES_MIN ? entries : ENTRIES_MIN;
}

/* Returns the end of what was added. */
static struct map_size *add_family_sizes(const struct monitor *m, const struct family *f,
					 struct map_size *s)
{
	unsigned rows = m->detailed ? f->group_rows_detailed : f->group_rows;

	/* what has no rows has no overflow of them either */
	*s++ = (struct map_size){ "overflow", rows ? f->ids : 1, row_bytes(m, f) };
	if (m->group_kind == GROUP_KIND_NONE)
		rows = 0;
	*s++ = (struct map_size){ "rows", rows ? rows * m->settings->groups.max : 1,
				  row_bytes(m, f) };
	*s++ = (struct map_size){ "ended", forgetting_entries(m), 0 };
	*s++ = (struct map_size){ "reclaiming_cgroups", forgetting_entries(m), 0 };
	*s++ = (struct map_size){ "cpus", m->detailed ? 1 : m->cpus, cpu_bytes(m, f) };
	for (const struct counter *c = f->counters; c < f->counters + COUNTERS_MAX; c++)
		if (c->entries)
			*s++ = (struct map_size){ c->map,
						  is_set(m, c->on) ? c->entries : 1, 0 };
	return s;
}

static void add_times_constants(const struct monitor *m, const struct running *r,
				struct constant *c)
{
	*c++ = (struct constant){ "latency_chance", &m->latency_chance,
				  sizeof(uint32_t) };
	*c++ = (struct constant){ "histogram_ranks", r->ranks,
				  SYSCALL_IDS * sizeof(uint16_t) };
	*c++ = (struct constant){ "histogram_count", &r->rank_count, sizeof(uint32_t) };
}

static void add_times_sizes(const struct monitor *m, const struct running *r,
			    struct map_size *s)
{
	*s++ = (struct map_size){ "starts", START_WORDS, 0 };
	*s++ = (struct map_size){ "starts_elsewhere", STARTS_ELSEWHERE, 0 };
	*s++ = (struct map_size){ "histograms", m->cpus,
				  r->rank_count * sizeof(struct histogram) };
}

/*
 * A histogram for each name that is selected; those that no kernel has are not given the memory
 * of one.
 */
static int rank_ids(const struct monitor *m, struct running *r)
{
	const struct family *f = r->family;

	r->rank_count = 1;
	if (!wants_times(m, f))
		return 0;
	r->ranks = calloc(f->named_ids, sizeof(*r->ranks));
	r->ranked_ids = calloc(f->named_ids + 1, sizeof(*r->ranked_ids));
	if (!r->ranks || !r->ranked_ids)
		return -ENOMEM;
	for (uint32_t id = 0; id < f->named_ids; id++) {
		uint32_t canonical = f->canonical(id);

		if (canonical != id) {
			r->ranks[id] = r->ranks[canonical];
		} else if (r->selected[id] && f->is_known(id)) {
			r->ranked_ids[r->rank_count] = id;
			r->ranks[id] = r->rank_count++;
		}
	}
	return 0;
}

static int load_family(struct monitor *m, struct running *r, const uint8_t traits[])
{
	const struct family *f = r->family;
	struct constant constants[CONSTANTS_MAX] = { 0 };
	struct map_size sizes[SIZES_MAX] = { 0 };
	struct load_plan plan = {
		.constants = constants,
		.sizes = sizes,
		.traits = traits,
		.leader = f->leader ? loaded_of(m, f->leader) : NULL,
		.hook = *(const char *const *)setting(m, f->hook),
		.timed = wants_times(m, f),
		.event_way = r->limit.settings ? events_way(m->events) : EVENTS_OFF,
		.event_family = f - families,
		.event_room = f->is_urgent ? UINT64_MAX : m->event_bytes / 4 * 3,
	};
	struct constant *more_constants;
	struct map_size *more_sizes;
	struct load_report report;
	int err;

	add_group_constants(m, constants);
	more_constants = add_family_constants(m, r, constants + GROUP_CONSTANTS);
	add_group_sizes(m, sizes);
	more_sizes = add_family_sizes(m, f, sizes + GROUP_SIZES);
	if (plan.timed) {
		add_times_constants(m, r, more_constants);
		add_times_sizes(m, r, more_sizes);
	}
	err = load(m, f->object, &plan, &r->loaded, &report);
	snprintf(r->error, sizeof(r->error), "%s", report.error);
	r->remedy = report.remedy;
	r->timed = report.timed;
	if (!err && plan.timed && !r->timed)
		say(m, MONITOR_WARNING,
		    "%s: no call is timed, as this kernel leaves out runs of our programs; %s",
		    f->name, remedy_for_tracepoints());
	return err;
}

/*
 * What comes before anything is attached, so that the plugin does not count itself: a
 * look for what this kernel has may be a system call that it does not know.
 */
static void add_running(struct monitor *m, const struct family *f)
{
	struct running *r = &m->running[m->running_count++];

	r->family = f;
	if (!f->gauges || !is_set(m, f->gauges_on))
		return;
	r->gauges =
		f->gauges->start(m->settings, r->gauges_error, sizeof(r->gauges_error));
}

static int start_family(struct monitor *m, struct running *r)
{
	uint8_t traits[SYSCALL_IDS] = { 0 };
	int err = select_ids(m, r, traits);

	if (!err)
		err = rank_ids(m, r);
	if (err) {
		snprintf(r->error, sizeof(r->error), "%s", strerror(-err));
		return err;
	}
	select_events(m, r);
	loader_add_traits(r->family->object, traits);
	add_followed(m, r->family->object, traits);
	return load_family(m, r, traits);
}

/*
 * Series that are sent from the first read on: a value that has always been 0 is one,
 * too.
 */
static int add_constants(struct monitor *m, const struct running *r)
{
	struct scope *host = scopes_host(m->scopes);
	const struct family *f = r->family;
	struct label ignored;

	for (struct series_id id = { 0 }; id.id < f->ids; id.id++)
		for (id.column = 0; id.column < f->columns; id.column++)
			if (r->selected[id.id] && f->is_constant(&id) &&
			    f->describe(&id, &ignored) &&
			    !scopes_series(m->scopes, host, f, &id))
				return -ENOMEM;
	return 0;
}

/* By what is to be done: the same cause may show itself in several ways. */
static bool is_one_cause(const struct monitor *m)
{
	const char *first = m->running[0].remedy;

	for (int i = 1; i < m->running_count; i++) {
		const char *other = m->running[i].remedy;

		if (!first || !other || strcmp(first, other) != 0)
			return false;
	}
	return true;
}

/* One line for each thing that is off; when that is everything for one reason, one line. */
static void say_what_is_off(const struct monitor *m, bool up)
{
	enum monitor_severity severity = up ? MONITOR_WARNING : MONITOR_ERROR;

	if (!up && is_one_cause(m)) {
		say(m, severity, "all families are off: %s", m->running[0].error);
		return;
	}
	if (m->groups_error[0])
		say(m, severity, "groups: off%s: %s",
		    up ? ", counting goes on for the host" : "", m->groups_error);
	if (up && m->events_error[0])
		say(m, severity, "events: off, counting goes on: %s", m->events_error);
	for (const struct running *r = m->running; r < m->running + m->running_count;
	     r++) {
		if (!r->loaded)
			say(m, severity, "%s: off: %s", r->family->name, r->error);
		else if (r->gauges_error[0])
			say(m, MONITOR_WARNING,
			    "%s: what is counted at each read is %s: %s", r->family->name,
			    r->gauges ? "incomplete" : "off", r->gauges_error);
	}
}

/* One more than the highest number that a CPU may have: of "0-3" or "0,2-3", 4. */
static int find_cpus(uint32_t *ret)
{
	cleanup_fclose FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	char separator;
	uint32_t last;

	if (!f && !is_hidden(-errno))
		return -errno;
	if (!f || fscanf(f, "%" SCNu32, &last) != 1)
		return -ENODEV;
	while (fscanf(f, "%c%" SCNu32, &separator, &last) == 2)
		;
	if (last >= CPUS_MAX)
		return -ERANGE;
	*ret = last + 1;
	return 0;
}

static struct times_output times_output(const struct monitor *m)
{
	return (struct times_output){ .percentiles = &m->settings->syscalls.percentiles,
				      .buckets = m->settings->syscalls.buckets };
}

static int start_shared(struct monitor *m)
{
	const struct times_output output = times_output(m);
	int err = find_cpus(&m->cpus);

	m->scopes = scopes_new(m->settings->max_series);
	m->slots = 1;
	if (!m->scopes)
		return -ENOMEM;
	scopes_weigh_times(m->scopes, samples_per_histogram(&output), SAMPLES_PER_TIMES);
	m->group_kind = choose_group_kind(m);
	m->registers_end = loader_registers_end(m->settings->btf_path);
	if (!err)
		err = start_groups(m);
	return err ? err : rows_init(&m->rows, m->scopes, m->groups, m->slots);
}

/* Without them counting goes on. */
static void start_events(struct monitor *m)
{
	/* what each CPU may be about to add must not fill the quarter that is for urgent ones */
	size_t wanted = (size_t)m->settings->event_buffer << 10,
	       least = 8 * sizeof(struct event) * m->cpus,
	       bytes = (size_t)sysconf(_SC_PAGESIZE);
	bool any = false, by_perf = false;

	while (bytes < wanted || bytes < least)
		bytes *= 2;
	m->event_bytes = bytes;
	m->last_notice = &m->notices;
	for (struct running *r = m->running; r < m->running + m->running_count; r++)
		any |= notify_settings(m, r->family) != NULL;
	m->events = any ? events_new(bytes, &by_perf) : NULL;
	if (any && !m->events) {
		int err = -errno;

		snprintf(m->events_error, sizeof(m->events_error), "%s; %s",
			 strerror(-err),
			 remedy_for_events(err, by_perf, m->settings->btf_path));
	}
	if (!m->events)
		return;
	say(m, MONITOR_INFO, "events: in a %s buffer",
	    events_way(m->events) == EVENTS_RING_BUFFER ? "ring" : "perf");
	for (struct running *r = m->running; r < m->running + m->running_count; r++)
		r->limit.settings = notify_settings(m, r->family);
}

static int start_cost(struct monitor *m)
{
	int err = 0;

	m->cost = cost_new(m->settings->self_cost_interval);
	if (!m->cost)
		return -ENOMEM;
	if (m->groups_loaded)
		err = cost_add(m->cost, groups_object.name, m->groups_loaded);
	for (struct running *r = m->running; r < m->running + m->running_count && !err;
	     r++)
		if (r->loaded)
			err = cost_add(m->cost, r->family->name, r->loaded);
	return err;
}

void monitor_tick(struct monitor *m)
{
	int err = m->cost ? cost_tick(m->cost) : 0;

	if (err != -EPERM && err != -EINVAL) /* what is missing now may be there later */
		return;
	say(m, MONITOR_WARNING, "SelfCost: off: BPF_ENABLE_STATS: %s; %s", strerror(-err),
	    err == -EPERM ? "run collectd as root or with CAP_SYS_ADMIN" :
			    "use Linux 5.8 or later");
	cost_free(m->cost);
	m->cost = NULL;
}

static void warn_of_idle_options(const struct monitor *m)
{
	const struct settings *s = m->settings;

	for (const struct family *f = families; f < families + FAMILY_COUNT; f++) {
		const struct notify_settings *notify = setting(m, f->notify);

		if (f->notify && is_set(m, f->on) && !notify->on && notify->of.count)
			say(m, MONITOR_WARNING,
			    "%s: NotifyOf does nothing without Notify true", f->name);
	}

	if (!s->syscalls.latency &&
	    (s->syscalls.percentiles.count || s->syscalls.buckets ||
	     s->syscalls.latency_sampling > 1))
		say(m, MONITOR_WARNING,
		    "syscalls: Percentile, Buckets and LatencySampling do nothing without Latency true");
}

static void say_btf_is_bad(const struct monitor *m, const char *why)
{
	say(m, MONITOR_ERROR, "all families are off: BtfPath \"%s\": %s; %s",
	    m->settings->btf_path, why, remedy_for_btf_file());
}

/* Before anything that is given the file. */
static int check_btf_file(const struct monitor *m)
{
	const char *path = m->settings->btf_path;
	char error[LOAD_ERROR_MAX];
	int err = path ? btf_file_check(path, error, sizeof(error)) : 0;

	if (err)
		say_btf_is_bad(m, error);
	return err;
}

/* Before the first call of bpf(2), which would be the daemon's last. */
static int check_filter(const struct monitor *m)
{
	int kills = seccomp_kills(SYS_bpf);

	if (kills < 0)
		say(m, MONITOR_ERROR,
		    "all families are off: a seccomp filter may end who calls bpf, and no child can be "
		    "made to try it: %s; %s",
		    strerror(-kills), remedy_for(kills, NULL));
	else if (kills)
		say(m, MONITOR_ERROR,
		    "all families are off: a seccomp filter ends who calls bpf; %s",
		    remedy_for_filter());
	return kills ? -EPERM : 0;
}

static void say_start_failed(const struct monitor *m, int err)
{
	if (err == -ENODEV)
		say(m, MONITOR_ERROR,
		    "all families are off: /sys/devices/system/cpu/possible cannot be read; let "
		    "the daemon see /sys");
	else
		say(m, MONITOR_ERROR, "all families are off: %s; %s", strerror(-err),
		    remedy_for(err, m->settings->btf_path));
}

static int start_all(struct monitor *m)
{
	int err = check_filter(m), last = -ENODEV;
	bool up = false;

	if (!err)
		err = check_btf_file(m);
	if (err)
		return err;
	m->kernel = loader_probe(m->settings->btf_path);
	if (m->settings->btf_path && m->kernel.has_other_types) {
		say_btf_is_bad(m, "of another kernel");
		return -EINVAL;
	}
	warn_of_idle_options(m);
	for (const struct family *f = families; f < families + FAMILY_COUNT; f++)
		if (is_set(m, f->on))
			add_running(m, f);
	err = start_shared(m);
	if (!err)
		start_events(m);
	for (struct running *r = m->running; r < m->running + m->running_count && !err;
	     r++) {
		last = start_family(m, r);
		up |= !last;
		if (!last)
			err = add_constants(m, r);
	}
	if (err) {
		say_start_failed(m, err);
		return err;
	}
	say_what_is_off(m, up);
	for (struct running *r = m->running; r < m->running + m->running_count; r++)
		loader_forgive(r->loaded);
	loader_forgive(m->groups_loaded);
	err = up && m->settings->self_cost ? start_cost(m) : 0;
	if (err) {
		say_start_failed(m, err);
		return err;
	}
	return up ? 0 : last;
}

int monitor_start(const struct settings *settings, monitor_log_fn *log,
		  struct monitor **ret)
{
	struct monitor *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->settings = settings;
	m->log = log;
	m->latency_chance = UINT32_MAX;
	if (settings->syscalls.latency_sampling > 1)
		m->latency_chance /= settings->syscalls.latency_sampling;
	map_shield(false);
	loader_silence();
	err = start_all(m);
	if (err) {
		monitor_stop(m);
		return err;
	}
	malloc_trim(0); /* libbpf's parse of the kernel's BTF leaves some 10 MB behind */
	*ret = m;
	return 0;
}

void monitor_stop(struct monitor *m)
{
	if (!m)
		return;
	cost_free(m->cost);
	/* the last first: a follower goes before the program that hands over to it */
	for (int i = m->running_count - 1; i >= 0; i--) {
		struct running *r = &m->running[i];

		if (r->gauges)
			r->family->gauges->stop(r->gauges);
		loader_stop(r->loaded);
		free(r->selected);
		free(r->ranks);
		free(r->ranked_ids);
	}
	groups_free(m->groups);
	loader_stop(m->groups_loaded);
	events_free(m->events);
	notices_free(m->notices);
	scopes_free(m->scopes);
	rows_fini(&m->rows);
	free(m);
}

static void send_gauges(const struct monitor *m, struct running *r,
			const struct sink *sink)
{
	int err = r->gauges ? samples_send_gauges(r->family->gauges, r->gauges, sink) : 0;

	if (err && !r->gauges_failed)
		say(m, MONITOR_WARNING,
		    "%s: what is counted at each read is left out until it works again: %s",
		    r->family->name, strerror(-err));
	r->gauges_failed = err;
}

static void add_column(void *arg, const void *key, const uint64_t *values)
{
	(void)key;
	*(uint64_t *)arg += values[0];
}

/* Leaves the value as it is where the object has no such counter, or it cannot be read now. */
static void read_counter(const struct running *r, const char *name, uint64_t *value)
{
	uint64_t sum = 0;
	int map = loader_map(r->loaded, name);

	if (map >= 0 && snapshot_read(map, add_column, &sum) == 0)
		*value = sum;
}

static const char *scope_name(const struct monitor *m, uint64_t group)
{
	struct scope *scope = m->groups ? groups_scope(m->groups, group) :
					  scopes_host(m->scopes);

	return (scope ? scope : scopes_other(m->scopes))->name;
}

/* The same, but also of a group that is not selected. */
static const char *group_name(const struct monitor *m, uint64_t group)
{
	const char *name = m->groups ? groups_unselected_name(m->groups, group) : NULL;

	return name ? name : scope_name(m, group);
}

static struct running *find_running(struct monitor *m, uint32_t family)
{
	for (struct running *r = m->running; r < m->running + m->running_count; r++)
		if (r->family == &families[family])
			return r;
	return NULL;
}

/* Those of families that are urgent come before all others. */
static void queue_notice(struct monitor *m, struct notice *n)
{
	struct notice **at = &m->notices;

	if (!families[n->family].is_urgent)
		at = m->last_notice;
	while (*at && families[(*at)->family].is_urgent)
		at = &(*at)->next;
	n->next = *at;
	*at = n;
	if (!n->next)
		m->last_notice = &n->next;
}

static struct notice *add_notice(struct monitor *m, struct running *r,
				 enum notice_severity severity, uint64_t ns,
				 const char *scope, const struct label *label)
{
	struct notice *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->family = (unsigned)(r->family - families);
	n->severity = severity;
	n->ns = ns;
	snprintf(n->scope, sizeof(n->scope), "%s", scope);
	snprintf(n->type, sizeof(n->type), "%s", label->type);
	snprintf(n->instance, sizeof(n->instance), "%s", label->instance);
	queue_notice(m, n);
	r->waiting++;
	return n;
}

/* Of a family, where a receiver is slow; a burst has room in any case. */
static unsigned waiting_max(const struct running *r)
{
	unsigned burst = (unsigned)r->limit.settings->burst;

	return burst > NOTICES_MAX ? burst : NOTICES_MAX;
}

static void take_event(void *arg, const struct event *event)
{
	const struct series_id id = { .id = event->id };
	struct monitor *m = arg;
	struct running *r =
		event->family < FAMILY_COUNT ? find_running(m, event->family) : NULL;
	enum notice_severity severity;
	struct label label;
	struct notice *n;

	if (!r || !r->limit.settings || !r->family->describe(&id, &label))
		return;
	severity = notify_severity(r->limit.settings, r->family->severity(event));
	if (!notice_limit_pass(&r->limit, event->ns, severity,
			       r->waiting < waiting_max(r)))
		return;
	n = add_notice(m, r, severity, event->ns, scope_name(m, event->group), &label);
	if (!n) {
		notice_limit_hold_back(&r->limit, event->ns, severity);
		return;
	}
	if (event->actor_group)
		snprintf(n->actor_group, sizeof(n->actor_group), "%s",
			 group_name(m, event->actor_group));
	snprintf(n->group, sizeof(n->group), "%s", group_name(m, event->group));
	n->hierarchy = m->controller.hierarchy;
	r->family->words(event, n);
}

/* One for all that were held back. */
static void tell_held_back(struct monitor *m, struct running *r, uint64_t now_ns,
			   bool is_last)
{
	struct label label = { .type = "total_events" };
	uint64_t untold;
	struct notice *n;

	/* where nobody takes any it is told when somebody does */
	if (!r->limit.settings || (r->waiting > waiting_max(r) && !is_last))
		return;
	untold = is_last ? notice_limit_take_untold(&r->limit) :
			   notice_limit_tell(&r->limit, now_ns);
	if (!untold)
		return;
	snprintf(label.instance, sizeof(label.instance), "held-back-%s", r->family->name);
	n = add_notice(m, r, r->limit.worst, now_ns, "self", &label);
	if (!n) {
		r->limit.untold = untold; /* the next time */
		return;
	}
	notice_say(n, "%s: and %" PRIu64 " more, held back", r->family->name, untold);
	notice_add_number(n, "held_back", (int64_t)untold);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * Events get their words here: the groups that they name are still known, as they go with a read only
 * that comes after it.
 */
static void drain(struct monitor *m, bool is_last)
{
	uint64_t now;
	int err;

	if (!m->events)
		return;
	err = events_drain(m->events, take_event, m);
	if (err && !m->events_failed)
		say(m, MONITOR_WARNING, "events: cannot be read: %s", strerror(-err));
	m->events_failed = err;
	now = now_ns();
	for (struct running *r = m->running; r < m->running + m->running_count; r++)
		tell_held_back(m, r, now, is_last);
}

bool monitor_has_events(const struct monitor *m)
{
	return m->events;
}

bool monitor_drain(struct monitor *m)
{
	drain(m, false);
	return m->notices;
}

void monitor_drain_last(struct monitor *m)
{
	drain(m, true);
}

struct notice *monitor_next_notice(struct monitor *m, uint64_t *ret_now_ns)
{
	struct notice *n = m->notices;

	if (!n)
		return NULL;
	m->notices = n->next;
	if (!m->notices)
		m->last_notice = &m->notices;
	find_running(m, n->family)->waiting--;
	*ret_now_ns = now_ns();
	return n;
}

unsigned monitor_waiting(const struct monitor *m)
{
	unsigned count = 0;

	for (const struct notice *n = m->notices; n; n = n->next)
		count++;
	return count;
}

/* Once: from then on ebpf-self/total_events-unsent-FAMILY tells. */
static void warn_of_unsent(const struct monitor *m, struct running *r)
{
	if (!r->unsent || r->told_unsent)
		return;
	r->told_unsent = true;
	say(m, MONITOR_WARNING,
	    "%" PRIu64
	    " events of %s found no room and are not told; raise EventBuffer, or "
	    "select less; ebpf-self/total_events-unsent-%s goes on counting them",
	    r->unsent, r->family->name, r->family->name);
}

static void send_event_metrics(const struct monitor *m, struct running *r,
			       const struct sink *sink)
{
	const char *name = r->family->name;

	if (!r->limit.settings)
		return;
	read_counter(r, "unsent", &r->unsent);
	samples_send_self_count(sink, r->limit.passed, "notified-%s", name);
	samples_send_self_count(sink, r->limit.held_back, "held-back-%s", name);
	samples_send_self_count(sink, r->unsent, "unsent-%s", name);
	warn_of_unsent(m, r);
}

static void send_untimed(struct running *r, const struct sink *sink)
{
	if (!r->timed)
		return;
	read_counter(r, "untimed", &r->untimed);
	samples_send_self_count(sink, r->untimed, "untimed-%s", r->family->name);
}

/* `missed`: runs of programs; else a map was full. */
static const char *remedy_for_loss(const struct monitor *m, bool missed)
{
	if (!missed)
		return "set ErrorCodes false in <Syscalls>";
	if (m->exposed)
		return remedy_for_tracepoints();
	if (map_shield_refused())
		return "let collectd be a SCHED_FIFO thread while it reads (CAP_SYS_NICE; of "
		       "systemd, no RestrictRealtime= and no LimitRTTIME=)";
	if (m->by_hook)
		return "set Hook to \"auto\"";
	if (m->by_fexit)
		return "set Hook \"kretprobe\" or \"tracepoint\" in <Namespaces>";
	if (m->by_kprobe)
		return "set Hook \"raw_tp\" in <Namespaces>";
	return "please report it with the kernel's version";
}

/* Once for each time: what was not counted then nobody knows. */
static void warn_of_switch(struct monitor *m)
{
	const char *off = loader_switched_off(m->by_ftrace, m->by_kprobe);

	if (off && !m->told_switched_off)
		say(m, MONITOR_WARNING,
		    "namespaces: little is counted while %s is 0; set it to 1, or Hook "
		    "\"tracepoint\" in <Namespaces>",
		    off);
	m->told_switched_off = off;
}

/* Once: from then on ebpf-self/total_events-lost tells. */
static void warn_of_loss(struct monitor *m, uint64_t lost, bool missed)
{
	if (!lost || m->told_loss)
		return;
	m->told_loss = true;
	say(m, MONITOR_WARNING,
	    "%" PRIu64
	    " events were not counted, as %s; %s; ebpf-self/total_events-lost goes on "
	    "counting them",
	    lost, missed ? "this kernel left out runs of our programs" : "a map was full",
	    remedy_for_loss(m, missed));
}

static void send_self_metrics(struct monitor *m, double seconds, const struct sink *sink)
{
	uint64_t bytes = m->groups_loaded ? loader_map_bytes(m->groups_loaded) : 0;
	uint64_t missed = m->groups_loaded ? loader_missed_runs(m->groups_loaded) : 0;
	uint64_t family_missed, no_room = 0;

	samples_send_self_count(sink, missed, "missed-groups");
	if (m->events)
		bytes += loader_bytes(events_map(m->events));
	for (struct running *r = m->running; r < m->running + m->running_count; r++) {
		samples_send_self(sink, "count", r->loaded ? 1 : 0, "family-%s",
				  r->family->name);
		if (!r->loaded)
			continue;
		samples_send_self(sink, "count", r->rows, "rows-%s", r->family->name);
		bytes += loader_map_bytes(r->loaded);
		family_missed = loader_missed_runs(r->loaded);
		samples_send_self_count(sink, family_missed, "missed-%s",
					r->family->name);
		missed += family_missed;
		read_counter(r, "lost", &r->lost);
		no_room += r->lost;
		send_event_metrics(m, r, sink);
		send_untimed(r, sink);
	}
	samples_send_self(sink, "count", m->groups ? groups_count(m->groups) : 0,
			  "groups");
	samples_send_self(sink, "count", scopes_series_count(m->scopes), "series");
	samples_send_self(sink, "count", scopes_refused_count(m->scopes),
			  "series-refused");
	samples_send_self(sink, "memory", bytes, "maps");
	samples_send_self(sink, "duration", seconds, "read");
	samples_send_self_count(sink, missed + no_room, "lost");
	if (m->cost)
		cost_send(m->cost, sink);
	warn_of_loss(m, missed + no_room, missed > 0);
	warn_of_switch(m);
}

static double seconds_since(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) +
	       (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

/*
 * What ends from now on is of the next interval; or still of this one, when the last read failed and
 * was none.
 */
static int begin_epoch(struct monitor *m)
{
	uint64_t next = m->epoch + 1;
	uint32_t only = 0;
	int err = 0;

	if (m->epoch_is_unread)
		return 0;
	for (struct running *r = m->running; r < m->running + m->running_count && !err;
	     r++)
		if (r->timed)
			err = map_update(loader_map(r->loaded, ".data.epoch"), &only,
					 &next);
	if (err) /* the programs know nothing of it */
		return err;
	m->epoch = next;
	m->epoch_is_unread = true;
	return 0;
}

/* Series of groups and of `other` that begin at 0. */
static int add_group_zeros(struct monitor *m, const struct running *r)
{
	const struct series_id id = { .id = r->family->total_id };
	struct scope *scope = r->loaded && r->family->is_group_constant ?
				      scopes_other(m->scopes) :
				      NULL;

	for (; scope; scope = scope->next)
		if (!scopes_series(m->scopes, scope, r->family, &id))
			return -ENOMEM;
	return 0;
}

static int read_family(struct monitor *m, struct running *r)
{
	const struct timing timing = {
		.epoch = m->epoch,
		.ids = r->ranked_ids,
		.ranks = r->rank_count,
		.detailed = m->detailed,
	};

	if (!r->loaded)
		return 0;
	return rows_add(&m->rows, r->family, r->loaded, r->selected,
			r->timed ? &timing : NULL, &r->rows);
}

static int read_rows(struct monitor *m)
{
	int err = begin_epoch(m);

	rows_begin(&m->rows);
	if (m->groups && !err)
		err = groups_refresh(m->groups);
	for (struct running *r = m->running;
	     m->groups && r < m->running + m->running_count && !err; r++)
		err = add_group_zeros(m, r);
	for (struct running *r = m->running; r < m->running + m->running_count && !err;
	     r++)
		err = read_family(m, r);
	return err;
}

/* What is gone and has been sent is forgotten. */
static void forget(struct monitor *m)
{
	rows_commit(&m->rows);
	if (m->groups)
		groups_retire(m->groups);
	scopes_expire(m->scopes, IDLE_READS_MAX);
}

int monitor_read(struct monitor *m, sample_fn *fn, void *arg)
{
	const struct times_output output = times_output(m);
	const struct sink sink = { .fn = fn, .arg = arg };
	struct timespec begin;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	drain(m, false);
	err = read_rows(m);
	if (err) /* what is read by half would step back; the next read has it all */
		return err;
	m->epoch_is_unread = false;
	samples_send_scopes(m->scopes, &output, &sink);
	for (struct running *r = m->running; r < m->running + m->running_count; r++)
		send_gauges(m, r, &sink);
	forget(m);
	send_self_metrics(m, seconds_since(&begin), &sink);
	return 0;
}
