/* SPDX-License-Identifier: GPL-2.0-only */
#include "families.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "errno_names.h"
#include "live_namespaces.h"
#include "namespace_names.h"
#include "signal_names.h"
#include "syscall_names.h"
#include "words.h"

#include "cast.skel.h"
#include "groups.skel.h"
#include "namespaces.skel.h"
#include "oom.skel.h"
#include "processes.skel.h"
#include "probe.skel.h"
#include "signals.skel.h"
#include "syscalls.skel.h"

static bool describe_syscall(const struct series_id *id, struct label *ret)
{
	char *s = ret->instance;
	size_t n = sizeof(ret->instance);

	ret->type = id->column == LATENCY	     ? "latency" :
		    id->column == CALLS && !id->code ? "operations" :
						       "errors";
	if (id->id == SYSCALL_ALL)
		snprintf(s, n, "syscall");
	else if (id->id >= SYSCALL_IDS)
		return false;
	else if (id->code)
		snprintf(s, n, "syscall-%s-%s", syscall_name(id->id),
			 errno_name(id->code));
	else
		snprintf(s, n, "syscall-%s", syscall_name(id->id));
	return true;
}

static bool is_syscall_total(const struct series_id *id)
{
	return id->id == SYSCALL_ALL;
}

static bool describe_namespace(const struct series_id *id, struct label *ret)
{
	static const char *const verbs[VERBS] = {
		[VERB_JOIN] = "join",
		[VERB_UNSHARE] = "unshare",
		[VERB_CLONE] = "clone",
	};
	char *s = ret->instance;
	size_t n = sizeof(ret->instance);

	if (id->id >= NAMESPACE_IDS)
		return false;
	if (id->id >= NAMESPACE_FAILED) {
		ret->type = "errors";
		snprintf(s, n, "namespace-%s", verbs[id->id - NAMESPACE_FAILED]);
		return true;
	}
	ret->type = "operations";
	snprintf(s, n, "namespace-%s-%s", verbs[id->id / NAMESPACE_TYPES],
		 namespace_name(id->id % NAMESPACE_TYPES));
	return true;
}

static bool is_namespace_constant(const struct series_id *id)
{
	return id->id >= NAMESPACE_FAILED ||
	       id->id % NAMESPACE_TYPES != NAMESPACE_UNKNOWN;
}

static bool describe_process(const struct series_id *id, struct label *ret)
{
	static const char *const names[PROCESS_IDS] = {
		[PROCESS_FORK] = "fork",
		[PROCESS_THREAD] = "thread",
		[PROCESS_EXEC] = "exec",
		[PROCESS_EXIT_OK] = "exit-ok",
		[PROCESS_EXIT_ERROR] = "exit-error",
		[PROCESS_EXIT_KILLED] = "exit-killed",
		[PROCESS_EXIT_DUMPED] = "exit-dumped",
		[PROCESS_SHORT_LIVED] = "short-lived",
	};

	if (id->id >= PROCESS_IDS)
		return false;
	ret->type = "operations";
	snprintf(ret->instance, sizeof(ret->instance), "process-%s", names[id->id]);
	return true;
}

static bool describe_signal(const struct series_id *id, struct label *ret)
{
	if (!id->id || id->id >= SIGNAL_IDS)
		return false;
	ret->type = "operations";
	snprintf(ret->instance, sizeof(ret->instance), "signal-%s", signal_name(id->id));
	return true;
}

static bool is_signal(uint32_t id)
{
	return id > 0;
}

static bool is_signal_series(const struct series_id *id)
{
	return is_signal(id->id);
}

static bool describe_oom(const struct series_id *id, struct label *ret)
{
	static const char *const names[OOM_IDS] = {
		[OOM_KILL_CGROUP] = "oom-kill-cgroup",
		[OOM_KILL_GLOBAL] = "oom-kill-global",
		[OOM_KILL_ALL] = "oom-kill",
	};

	if (id->id >= OOM_IDS)
		return false;
	ret->type = "operations";
	snprintf(ret->instance, sizeof(ret->instance), "%s", names[id->id]);
	return true;
}

static bool is_always_sent(const struct series_id *id)
{
	(void)id;
	return true;
}

static bool is_process_told(uint32_t id)
{
	return id == PROCESS_EXIT_KILLED || id == PROCESS_EXIT_DUMPED;
}

bool event_name(const struct family *f, uint32_t id, struct label *ret)
{
	const struct series_id series = { .id = id };
	const char *end;

	if ((f->total_id && id == f->total_id) || id >= f->ids ||
	    !f->describe(&series, ret))
		return false;
	end = strchr(ret->instance, '-');
	if (!end)
		return false;
	memmove(ret->instance, end + 1, strlen(end));
	if (strcmp(ret->type, "errors") == 0) {
		const struct label failed = *ret;

		snprintf(ret->instance, sizeof(ret->instance), "failed-%.100s",
			 failed.instance);
	}
	return true;
}

enum { ERROR_CODES_MAX = 4096 }; /* pairs of call and errno; beyond that they are lost */

/* Few groups get more than that; what finds no row is counted as of `other`. */
enum { SIGNALS_PER_GROUP = 16 };

#define MEMBER(m) offsetof(struct settings, m)
#define CONSTANT(name, m)                                          \
	{                                                          \
		name, MEMBER(m), sizeof(((struct settings *)0)->m) \
	}

/*
 * sys_enter last: of a call that begins before all are there the start, or that it was interrupted, would
 * stay, and be that of a later one.
 */
static const struct object syscalls_object = {
	.name = "syscalls",
	.elf = syscalls_bpf__elf_bytes,
	.doors = {
		{ "tp_btf",
		  PREEMPTION_VARIES,
		  { "sys_exit__btf", "signal_deliver__btf", "process_exit__btf",
		    "cgroup_rmdir__btf", "+process_exec__btf", "+sys_enter__btf" } },
		{ "raw_tp",
		  PREEMPTION_VARIES,
		  { "sys_exit__raw", "signal_deliver__raw", "process_exit__raw",
		    "cgroup_rmdir__raw", "+process_exec__raw", "+sys_enter__raw" } },
		/* the classic event of cgroup_rmdir does not tell the address */
		{ "tracepoint",
		  PREEMPTION_OFF,
		  { "sys_exit__classic", "signal_deliver__classic", "process_exit__classic",
		    "cgroup_rmdir__raw", "+process_exec__classic", "+sys_enter__classic" },
		  .is_kept_out = true },
	},
	.traits = {
		{ "clone", TRAIT_FORKS },
		{ "clone3", TRAIT_FORKS },
		{ "fork", TRAIT_FORKS },
		{ "vfork", TRAIT_FORKS },
		{ "exit", TRAIT_EXITS },
		{ "exit_group", TRAIT_EXITS },
	},
};

/* CONFIG_KPROBES_ON_FTRACE */
#if defined(__x86_64__)
enum { KPROBES_ARE_BY_FTRACE = true };
#else
enum { KPROBES_ARE_BY_FTRACE = false };
#endif

static const struct object namespaces_object = {
	.name = "namespaces",
	.elf = namespaces_bpf__elf_bytes,
	.doors = {
		{ "fexit",
		  PREEMPTION_ON,
		  { "setns__fexit", "?setns_compat__fexit", "unshare__fexit",
		    "clone__fexit", "task_newtask__btf" },
		  .is_by_ftrace = true },
		{ "kretprobe+raw_tp",
		  PREEMPTION_VARIES,
		  { "setns__kretprobe", "?setns_compat__kretprobe", "unshare__kretprobe",
		    "clone__kretprobe", "task_newtask__raw" },
		  .is_bounded = true,
		  .is_by_ftrace = KPROBES_ARE_BY_FTRACE,
		  .needs = "/sys/bus/event_source/devices/kprobe",
		  .is_kept_out = true,
		  .preallocates = true },
		{ "kretprobe+tracepoint",
		  PREEMPTION_OFF,
		  { "setns__kretprobe", "?setns_compat__kretprobe", "unshare__kretprobe",
		    "clone__kretprobe", "task_newtask__classic" },
		  .is_bounded = true,
		  .is_by_ftrace = KPROBES_ARE_BY_FTRACE,
		  .needs = "/sys/bus/event_source/devices/kprobe",
		  .is_kept_out = true,
		  .preallocates = true },
		{ "tp_btf",
		  PREEMPTION_VARIES,
		  { "sys_exit__btf", "task_newtask__btf" },
		  .is_at_all_calls = true },
		{ "raw_tp",
		  PREEMPTION_VARIES,
		  { "sys_exit__raw", "task_newtask__raw" },
		  .is_at_all_calls = true },
		{ "tracepoint",
		  PREEMPTION_OFF,
		  { "sys_exit__classic", "task_newtask__classic" },
		  .is_at_all_calls = true,
		  .is_kept_out = true },
	},
	.traits = {
		{ "setns", TRAIT_SETNS },
		{ "unshare", TRAIT_UNSHARE },
		{ "clone", TRAIT_CLONE },
		{ "clone3", TRAIT_CLONE3 },
	},
};

static const struct object processes_object = {
	.name = "processes",
	.elf = processes_bpf__elf_bytes,
	.doors = {
		{ "tp_btf",
		  PREEMPTION_VARIES,
		  { "task_newtask__btf", "process_exec__btf", "process_exit__btf" } },
		{ "raw_tp",
		  PREEMPTION_VARIES,
		  { "task_newtask__raw", "process_exec__raw", "process_exit__raw" } },
		{ "tracepoint",
		  PREEMPTION_OFF,
		  { "task_newtask__classic", "process_exec__classic",
		    "process_exit__classic" },
		  .is_kept_out = true },
	},
};

/* At signal_generate interrupts are off, and at mark_victim the victim is locked: see the sources. */
static const struct object signals_object = {
	.name = "signals",
	.elf = signals_bpf__elf_bytes,
	.doors = {
		{ "tp_btf", PREEMPTION_OFF_BY_LOCK, { "signal_generate__btf" } },
		{ "raw_tp", PREEMPTION_OFF_BY_LOCK, { "signal_generate__raw" } },
	},
};

static const struct object oom_object = {
	.name = "oom",
	.elf = oom_bpf__elf_bytes,
	.doors = {
		{ "tp_btf",
		  PREEMPTION_VARIES,
		  { "signal_generate__btf", "mark_victim__btf", "cgroup_reclaim__btf",
		    "host_reclaim__btf" } },
		{ "raw_tp",
		  PREEMPTION_VARIES,
		  { "signal_generate__raw", "mark_victim__raw", "cgroup_reclaim__raw",
		    "host_reclaim__raw" } },
		{ "tracepoint",
		  PREEMPTION_OFF,
		  { "signal_generate__raw", "mark_victim__raw", "cgroup_reclaim__classic",
		    "host_reclaim__classic" },
		  .is_kept_out = true },
	},
};

const struct object probe_object = {
	.name = "probe",
	.elf = probe_bpf__elf_bytes,
	.doors = { { "raw_tp", PREEMPTION_OFF, { "run" } } },
};

const struct object cast_object = {
	.name = "cast",
	.elf = cast_bpf__elf_bytes,
	.doors = { { "tp_btf", PREEMPTION_OFF, { "run" } } },
};

const struct object groups_object = {
	.name = "groups",
	.elf = groups_bpf__elf_bytes,
	.doors = {
		{ "tp_btf", PREEMPTION_VARIES, { "cgroup_rmdir__btf", "process_exit__btf" } },
		{ "raw_tp", PREEMPTION_VARIES, { "cgroup_rmdir__raw", "process_exit__raw" } },
		/* cgroups are removed one at a time: no run of that program can be left out */
		{ "tracepoint",
		  PREEMPTION_OFF,
		  { "cgroup_rmdir__raw", "process_exit__classic" },
		  .is_kept_out = true },
	},
};

const struct family families[] = {
	[FAMILY_SYSCALLS] = {
		.name = "syscalls",
		.on = MEMBER(syscalls.on),
		.object = &syscalls_object,
		.hook = MEMBER(syscalls.hook),
		.counters = {
			{ "cpus", COUNTER_CPUS, CALL_COLUMNS },
			{ "codes", COUNTER_HOST_CODE, 1, ERROR_CODES_MAX,
			  MEMBER(syscalls.error_codes) },
			{ "rows", COUNTER_GROUP, CALL_COLUMNS },
			{ "overflow", COUNTER_OVERFLOW, CALL_COLUMNS },
			{ "histograms", COUNTER_HISTOGRAMS },
		},
		.group_rows = 0,
		.group_rows_detailed = 64,
		.total_id = SYSCALL_ALL,
		.is_constant = is_syscall_total,
		.ids = SYSCALL_ROW_IDS,
		.columns = CALL_COLUMNS,
		.describe = describe_syscall,
		.canonical = syscall_canonical,
		.id_name = syscall_name,
		.is_known = syscall_is_known,
		.named_ids = SYSCALL_IDS,
		.select = MEMBER(syscalls.select),
		.times_on = MEMBER(syscalls.latency),
		.constants = {
			CONSTANT("error_codes", syscalls.error_codes),
		},
	},
	[FAMILY_NAMESPACES] = {
		.name = "namespaces",
		.on = MEMBER(namespaces.on),
		.object = &namespaces_object,
		.hook = MEMBER(namespaces.hook),
		.leader = &syscalls_object,
		.counters = {
			{ "rows", COUNTER_GROUP, 1 },
			{ "overflow", COUNTER_OVERFLOW, 1 },
		},
		.group_rows = NAMESPACE_IDS,
		.group_rows_detailed = NAMESPACE_IDS,
		.is_constant = is_namespace_constant,
		.ids = NAMESPACE_IDS,
		.columns = 1,
		.describe = describe_namespace,
		.notify = MEMBER(namespaces.notify),
		.words = words_of_namespace,
		.severity = severity_of_namespace,
		.gauges = &live_namespaces,
		.gauges_on = MEMBER(namespaces.live),
	},
	[FAMILY_PROCESSES] = {
		.name = "processes",
		.on = MEMBER(processes.on),
		.object = &processes_object,
		.hook = MEMBER(processes.hook),
		.counters = {
			{ "rows", COUNTER_GROUP, 1 },
			{ "overflow", COUNTER_OVERFLOW, 1 },
		},
		.group_rows = PROCESS_IDS,
		.group_rows_detailed = PROCESS_IDS,
		.is_constant = is_always_sent,
		.ids = PROCESS_IDS,
		.columns = 1,
		.describe = describe_process,
		.notify = MEMBER(processes.notify),
		.is_told = is_process_told,
		.words = words_of_process,
		.severity = severity_of_process,
		.constants = {
			CONSTANT("interval_ns", interval_ns),
		},
	},
	[FAMILY_SIGNALS] = {
		.name = "signals",
		.on = MEMBER(signals.on),
		.object = &signals_object,
		.hook = MEMBER(signals.hook),
		.counters = {
			{ "rows", COUNTER_GROUP, 1 },
			{ "overflow", COUNTER_OVERFLOW, 1 },
		},
		.group_rows = SIGNALS_PER_GROUP,
		.group_rows_detailed = SIGNALS_PER_GROUP,
		.is_constant = is_signal_series,
		.ids = SIGNAL_IDS,
		.columns = 1,
		.describe = describe_signal,
		.id_name = signal_name,
		.is_known = is_signal,
		.named_ids = SIGNAL_IDS,
		.select = MEMBER(signals.select),
		.is_selected = signal_is_fatal,
		.notify = MEMBER(signals.notify),
		.words = words_of_signal,
		.severity = severity_of_signal,
	},
	[FAMILY_OOM] = {
		.name = "oom",
		.on = MEMBER(oom.on),
		.object = &oom_object,
		.hook = MEMBER(oom.hook),
		.counters = {
			{ "rows", COUNTER_GROUP, 1 },
			{ "overflow", COUNTER_OVERFLOW, 1 },
		},
		.group_rows = OOM_IDS,
		.group_rows_detailed = OOM_IDS,
		.total_id = OOM_KILL_ALL,
		.is_urgent = true,
		.is_group_constant = true,
		.is_constant = is_always_sent,
		.ids = OOM_IDS,
		.columns = 1,
		.describe = describe_oom,
		.notify = MEMBER(oom.notify),
		.words = words_of_oom,
		.severity = severity_of_oom,
	},
};

struct named_events {
	const struct family *family;
	struct label label;
};

static const char *name_of_event(unsigned id, void *arg)
{
	struct named_events *n = arg;

	return event_name(n->family, id, &n->label) ? n->label.instance : NULL;
}

static void say_events(const struct family *f, char *text, size_t size)
{
	enum { SHOWN_MAX = 8 };
	struct named_events names = { .family = f };
	const char *separator = "", *name;
	size_t used = 0;
	int shown = 0;

	text[0] = '\0';
	for (uint32_t id = 0; id < f->ids && used < size; id++) {
		name = name_of_event(id, &names);
		if (!name)
			continue;
		if (shown++ == SHOWN_MAX) {
			snprintf(text + used, size - used, " and more");
			return;
		}
		used += (size_t)snprintf(text + used, size - used, "%s\"%s\"", separator,
					 name);
		separator = ", ";
	}
}

int families_check_settings(const struct settings *s, char *err, size_t size)
{
	for (const struct family *f = families; f < families + FAMILY_COUNT; f++) {
		const struct notify_settings *notify =
			(const void *)((const char *)s + f->notify);
		struct named_events names = { .family = f };
		char allowed[256];
		const char *idle;

		if (!f->notify)
			continue;
		idle = selector_idle_entry(&notify->of, f->ids, name_of_event, &names);
		if (!idle)
			continue;
		say_events(f, allowed, sizeof(allowed));
		snprintf(err, size,
			 "NotifyOf \"%s\": family %s has no such events; there are %s",
			 idle, f->name, allowed);
		return -EINVAL;
	}
	return 0;
}

static_assert((int)NAMESPACE_IDS <= (int)EVENT_IDS &&
		      (int)PROCESS_IDS <= (int)EVENT_IDS &&
		      (int)OOM_IDS <= (int)EVENT_IDS,
	      "the programs look at so many ids alone");
static_assert(sizeof(families) / sizeof(families[0]) == FAMILY_COUNT, "a row per family");
