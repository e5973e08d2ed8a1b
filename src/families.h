/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * THE table: what each family consists of, in constants. The loops that walk it are in
 * loader.c (programs and maps) and in monitor.c (values).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf_shared.h"
#include "notices.h"
#include "settings.h"

enum family_id {
	FAMILY_SYSCALLS,
	FAMILY_NAMESPACES,
	FAMILY_PROCESSES,
	FAMILY_SIGNALS,
	FAMILY_OOM,
	FAMILY_COUNT
};

enum {
	DOOR_PROGRAMS_MAX = 6,
	DOORS_MAX = 6,
	TRAITS_MAX = 8,
	COUNTERS_MAX = 6,
	COLUMNS_MAX = 2,
	SETTING_CONSTANTS_MAX = 2,
	GAUGES_MAX = 16
};

/*
 * Whether a task can be preempted in the middle of a program. Where it can, the kernel leaves
 * out the program's other runs on that CPU until the task goes on, and programs count with
 * atomic operations.
 */
enum preemption {
	PREEMPTION_OFF,		/* classic tracepoints, kprobes */
	PREEMPTION_OFF_BY_LOCK, /* as a spin lock is held there; with PREEMPT_RT it varies */
	PREEMPTION_VARIES, /* raw and BTF tracepoints: on in Linux 7.x; loader_probe() */
	PREEMPTION_ON, /* fexit, since 5.12, where the kernel can be preempted at all */
};

/*
 * One way to hook what an object needs. Its programs are taken together or not at all. Where one takes
 * two ways, its name has a plus in between, and the option Hook takes the first of them for it, too.
 * They are tried in the order of the table, but those where preemption is on come after
 * all others: a sys_exit program under contention for the CPU loses one run in ten.
 */
struct door {
	const char *name;
	enum preemption preemption;
	const char
		/* "?name": may be missing on this kernel; "+name": only where calls are timed */
		*programs[DOOR_PROGRAMS_MAX];
	/*
	 * Makes each system call of the host dearer, for few that matter, unless the leader has a program
	 * there anyway: tried after all that do not, whatever their preemption.
	 */
	bool is_at_all_calls;
	bool is_bounded;   /* kretprobes: misses what is beyond so many runs at once */
	const char *needs; /* a file without which there is nothing to try; NULL: none */
	/* By ftrace: while its sysctl is 0, the kernel lets programs be attached, and they never run. */
	bool is_by_ftrace;
	/* Does not run while bpf(2) works on a map on that CPU: see map_access.h. */
	bool is_kept_out;
	/*
	 * The programs run with interrupts off (kretprobes on arm64), where the kernel cannot
	 * allocate more than one or two entries: all of them are allocated at the start.
	 */
	bool preallocates;
};

/*
 * What the programs do about a system call, in every table of numbers that knows the
 * name.
 */
struct trait {
	const char *syscall;
	uint8_t traits;
};

/* Kernel side: an object file that is loaded by itself, and fails by itself. */
struct object {
	const char *name;
	const void *(*elf)(size_t *size); /* embedded, static */
	struct door doors[DOORS_MAX];	  /* in order of cost */
	struct trait traits[TRAITS_MAX];
};

/* A setting that the programs read, as a variable of that name. */
struct setting_constant {
	const char *variable;
	size_t offset, bytes; /* in struct settings */
};

/* Which series the entries of a map are. */
enum counter_shape {
	COUNTER_NONE,
	COUNTER_CPUS, /* array of struct cpu_calls: the host's by id, totals of groups and their times */
	COUNTER_HOST_CODE, /* hash by struct error_key: the host's */
	COUNTER_GROUP,	  /* hash by struct row_key: the group's, and in sum the host's */
	COUNTER_OVERFLOW, /* array by id: scope `other`, and in sum the host's */
	COUNTER_HISTOGRAMS, /* array by CPU of struct histogram by rank: the host's */
};

struct counter {
	const char *map;
	enum counter_shape shape;
	unsigned columns;
	/* A hash that is for the host holds this many entries, when its switch is on. */
	unsigned entries;
	size_t on; /* offset of a bool in struct settings */
};

/* The column of series that are no count: how long the calls took that were timed. */
enum { LATENCY = COLUMNS_MAX };

/* One series of a family, before it has a text. */
struct series_id {
	uint32_t id;
	uint16_t code;	 /* an errno, or 0 */
	uint16_t column; /* of the map's value, or LATENCY */
};

struct label {
	const char *type;   /* in collectd's types.db */
	char instance[128]; /* type_instance */
};

struct family {
	const char *name;
	size_t on; /* offset of a bool in struct settings */
	const struct object *object;
	size_t hook; /* offset of a door's name in struct settings; NULL there: any */
	/*
	 * The family whose sys_exit program hands calls on to ours, when both take that
	 * door.
	 */
	const struct object *leader;
	struct counter counters[COUNTERS_MAX];
	/* How many rows a group takes at most, without Detail and with it. */
	unsigned group_rows, group_rows_detailed;
	/* The id under which a scope's ids are summed up as well; 0 when there is none. */
	uint32_t total_id;
	/* Its events have a quarter of the buffer for themselves, as those of others may come in storms. */
	bool is_urgent;
	/* It is sent of all groups that are known, be it 0, so that the first one has a rate. */
	bool is_group_constant;
	/* Series of the host that are sent from the first read on, be they 0, if selected. */
	bool (*is_constant)(const struct series_id *id);
	uint32_t ids; /* below this */
	unsigned columns;
	/* False when this series is not one that is sent. */
	bool (*describe)(const struct series_id *id, struct label *ret);
	/* The id to count `id` under: one name is one series. NULL: itself. */
	uint32_t (*canonical)(uint32_t id);
	/*
	 * By which the operator selects ids, and the selector's offset in struct
	 * settings.
	 */
	const char *(*id_name)(uint32_t id); /* NULL: they cannot be selected */
	uint32_t named_ids;		     /* below this */
	bool (*is_known)(uint32_t id);	     /* not just a number that has no name */
	size_t select;
	/* Those that are selected where the operator selects none; NULL: all. */
	bool (*is_selected)(uint32_t id);
	struct setting_constant constants[SETTING_CONSTANTS_MAX];
	/* Whether calls are timed: a bool in struct settings; 0: they cannot be. */
	size_t times_on;
	/* How events are told: struct notify_settings in struct settings; 0: there are none. */
	size_t notify;
	/* Those that are told where the operator selects none; NULL: all. */
	bool (*is_told)(uint32_t id);
	void (*words)(const struct event *event, struct notice *n);
	enum notice_severity (*severity)(const struct event *event);
	/* Values that are found out when read; NULL: none. */
	const struct gauge_source *gauges;
	size_t gauges_on; /* offset of a bool in struct settings */
};

/* Something that is not counted by events but found out at each read. */
struct gauge_source {
	/*
	 * NULL, and reason and remedy in `error`, when this kernel does not let us. When
	 * that is there and the state, too, the values miss something.
	 */
	void *(*start)(const struct settings *settings, char *error, size_t size);
	/* `values` has `count` members. Returns 0 or a negative errno. */
	int (*read)(void *state, double *values);
	void (*stop)(void *state);
	unsigned count;
	void (*describe)(unsigned index, struct label *ret);
};

extern const struct family families[FAMILY_COUNT];

/*
 * By which the operator selects events: the counter's type instance without what it begins with, such as
 * "join-net" of namespace-join-net, and "failed-join" where it counts errors. False when there is no such
 * event.
 */
bool event_name(const struct family *f, uint32_t id, struct label *ret);

/*
 * Whether all that is selected to be told can happen: 0, or -EINVAL with a sentence in `err` that names what
 * cannot, and what can.
 */
int families_check_settings(const struct settings *s, char *err, size_t size);

/* The infrastructure that all families share: which groups there are and which are gone. */
extern const struct object groups_object;

/* How this kernel runs programs: see loader_probe(). */
extern const struct object probe_object, cast_object;
