/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "selector.h"

struct oconfig_item_s; /* liboconfig/oconfig.h */

/* What a count is charged to. */
enum group_by {
	GROUP_BY_DEFAULT, /* cgroup where a v2 hierarchy is mounted, else none */
	GROUP_BY_NONE,
	GROUP_BY_CGROUP,
	GROUP_BY_PID_NAMESPACE,
	GROUP_BY_CONTROLLER, /* the v1 hierarchy of settings.groups.controller */
};

enum { PERCENTILES_MAX = 16 };

/* In the order of the configuration. */
struct percentiles {
	double values[PERCENTILES_MAX]; /* above 0, below 100 */
	unsigned count;
};

enum notice_severity { NOTICE_OKAY, NOTICE_WARNING, NOTICE_FAILURE };

/* Which events of a family are told. */
struct notify_settings {
	bool on;
	int rate, burst;      /* per second, and at once */
	const char *severity; /* static: see notify_severity(); NULL: by the event */
	struct selector of; /* by event_name(); empty: what the family tells by default */
};

/* What the operator wants it to be, or `by_event`. */
enum notice_severity notify_severity(const struct notify_settings *notify,
				     enum notice_severity by_event);

/*
 * What the operator asked for. Strings and selectors are owned by this structure.
 */
struct settings {
	struct {
		bool on;
		const char *hook; /* static: the door to take; NULL: any */
		bool error_codes;
		bool latency;
		int latency_sampling; /* one call in so many is timed */
		struct percentiles percentiles;
		bool buckets;
		struct selector select;
	} syscalls;
	struct {
		bool on;
		const char *hook; /* see above */
		bool live;	  /* count those that there are */
		struct notify_settings notify;
	} namespaces;
	struct {
		bool on;
		const char *hook; /* see above */
		struct notify_settings notify;
	} processes;
	struct {
		bool on;
		const char *hook; /* see above */
		struct selector select;
		struct notify_settings notify;
	} signals;
	struct {
		bool on;
		const char *hook; /* see above */
		struct notify_settings notify;
	} oom;
	struct {
		enum group_by by;
		const char *hook;	/* see above */
		const char *controller; /* static: the kernel's name, such as "memory" */
		struct selector select;
		int max;	     /* cgroups or PID namespaces counted apart */
		bool detail_syscall; /* per system call instead of totals */
	} groups;
	int max_series;
	int event_buffer; /* KiB, see events_new() */
	bool self_cost;
	int self_cost_interval; /* seconds */
	char *btf_path;		/* NULL: the kernel's own */
	uint64_t interval_ns;	/* from read to read: not an option of ours */
};

/* The defaults of the options table. No family is on: see settings_finish(). */
void settings_init(struct settings *s);
void settings_fini(struct settings *s);

/*
 * Adds one <Plugin ebpf> block to `s`; may be called several times. Returns 0, or -EINVAL
 * or -ENOMEM with a sentence in `err` that names the option, the value given and what is
 * allowed; options before the bad one are then in `s`. Has no other side effect.
 */
int settings_add(struct settings *s, const struct oconfig_item_s *block, char *err,
		 size_t size);

/* After the last block: with no family block at all, switches the default families on. */
void settings_finish(struct settings *s);

/*
 * THE master copy of the options: what the parser accepts and what a unit test looks for
 * in the manual page and in conf/ebpf.conf.
 */
enum option_type {
	OPTION_BLOCK,
	OPTION_BOOLEAN,
	OPTION_INTEGER,	   /* min..max */
	OPTION_WORD,	   /* one of `words` */
	OPTION_STRING,	   /* not empty */
	OPTION_SELECTOR,   /* an exact name or /regex/, repeatable */
	OPTION_PERCENTILE, /* a number between 0 and 100, repeatable */
	OPTION_TYPE_COUNT,
};

/* The offset of an option that has no member of its own. */
#define OPTION_NO_MEMBER SIZE_MAX

struct option {
	const char *block; /* NULL: directly in <Plugin ebpf> */
	const char *name;
	enum option_type type;
	size_t offset;	    /* of the member in struct settings; of a family's block, its
			       switch */
	bool on_by_default; /* a family that is on when no family has a block */
	int min, max;
	const char *const *words; /* NULL-terminated */
	/*
	 * Stores words[index]; the default of a word is what a zeroed struct settings
	 * means. NULL: the member is a pointer to the word, or NULL for the first one.
	 */
	void (*set_word)(struct settings *s, size_t index);
	const char *dflt; /* as an operator would write it; NULL: none */
};

extern const struct option options[];
extern const size_t option_count;
