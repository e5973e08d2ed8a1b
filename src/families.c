/* SPDX-License-Identifier: GPL-2.0-only */
#include "families.h"

#include <assert.h>
#include <stdio.h>

#include "errno_names.h"
#include "live_namespaces.h"
#include "namespace_names.h"
#include "syscall_names.h"

#include "groups.skel.h"
#include "namespaces.skel.h"
#include "processes.skel.h"
#include "probe.skel.h"
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

static bool is_always_sent(const struct series_id *id)
{
	(void)id;
	return true;
}

enum { ERROR_CODES_MAX = 4096 }; /* pairs of call and errno; beyond that they are lost */

#define MEMBER(m) offsetof(struct settings, m)
#define CONSTANT(name, m)                                          \
	{                                                          \
		name, MEMBER(m), sizeof(((struct settings *)0)->m) \
	}

static const struct object syscalls_object = {
	.name = "syscalls",
	.elf = syscalls_bpf__elf_bytes,
	.doors = {
		{ "tp_btf",
		  PREEMPTION_VARIES,
		  { "+sys_enter__btf", "sys_exit__btf", "signal_deliver__btf", "process_exit__btf",
		    "cgroup_rmdir__btf", "+process_exec__btf" } },
		{ "raw_tp",
		  PREEMPTION_VARIES,
		  { "+sys_enter__raw", "sys_exit__raw", "signal_deliver__raw", "process_exit__raw",
		    "cgroup_rmdir__raw", "+process_exec__raw" } },
		/* the classic event of cgroup_rmdir does not tell the address */
		{ "tracepoint",
		  PREEMPTION_OFF,
		  { "+sys_enter__classic", "sys_exit__classic", "signal_deliver__classic",
		    "process_exit__classic", "cgroup_rmdir__raw", "+process_exec__classic" },
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

static const struct object namespaces_object = {
	.name = "namespaces",
	.elf = namespaces_bpf__elf_bytes,
	.doors = {
		{ "fexit",
		  PREEMPTION_ON,
		  { "setns__fexit", "?setns_compat__fexit", "unshare__fexit",
		    "clone__fexit" } },
		{ "kretprobe",
		  PREEMPTION_VARIES,
		  { "setns__kretprobe", "?setns_compat__kretprobe", "unshare__kretprobe",
		    "clone__kretprobe", "task_newtask__raw" },
		  .needs = "/sys/bus/event_source/devices/kprobe",
		  .is_kept_out = true,
		  .preallocates = true },
		{ "kretprobe",
		  PREEMPTION_OFF,
		  { "setns__kretprobe", "?setns_compat__kretprobe", "unshare__kretprobe",
		    "clone__kretprobe", "task_newtask__classic" },
		  .needs = "/sys/bus/event_source/devices/kprobe",
		  .is_kept_out = true,
		  .preallocates = true },
		{ "tp_btf", PREEMPTION_VARIES, { "sys_exit__btf", "task_newtask__btf" } },
		{ "raw_tp", PREEMPTION_VARIES, { "sys_exit__raw", "task_newtask__raw" } },
		{ "tracepoint",
		  PREEMPTION_OFF,
		  { "sys_exit__classic", "task_newtask__classic" },
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

const struct object probe_object = {
	.name = "probe",
	.elf = probe_bpf__elf_bytes,
	.doors = { { "raw_tp", PREEMPTION_OFF, { "run" } } },
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
		.constants = {
			CONSTANT("interval_ns", interval_ns),
		},
	},
};

static_assert(sizeof(families) / sizeof(families[0]) == FAMILY_COUNT, "a row per family");
