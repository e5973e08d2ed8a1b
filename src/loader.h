/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads and attaches an object of the table by the cheapest door that this kernel grants.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "families.h"

struct loaded;

/*
 * Read-only data of the programs, by the variable's name; what an object lacks is passed
 * over.
 */
struct constant {
	const char *name;
	const void *value;
	size_t bytes;
};

struct map_size {
	const char *map;
	uint32_t entries;
	uint32_t value_bytes; /* 0: as the object has it */
};

struct kernel_found {
	bool is_preemptible;
	bool preempts_at_tracepoints; /* in programs at raw and BTF tracepoints, too */
	bool has_other_types; /* than BtfPath says: what programs read is not what is there */
	/* See bpf/self.h: the number of bpf_rdonly_cast() in the kernel's BTF, or both 0. */
	int32_t cast;
	uint32_t registers_at;
};

struct load_plan {
	const struct constant *constants; /* NULL-terminated by name; NULL: none */
	const struct map_size *sizes;	  /* NULL-terminated by map; NULL: none */
	const uint8_t *traits; /* SYSCALL_IDS, see loader_add_traits(); NULL: none */
	const struct loaded *groups; /* whose maps of groups are used; NULL: its own */
	const struct loaded *leader; /* whose sys_exit program may hand over to ours */
	int events;		     /* descriptor of the buffer of events */
	uint32_t event_way;	     /* enum event_way, how they get into it */
	uint32_t event_family;	     /* what they say of whom they are */
	uint64_t event_room;	     /* see bpf/events.h */
	const char *btf_path;	     /* NULL: the kernel's own */
	const char *hook;	     /* the door to take; NULL: any */
	struct kernel_found kernel;
	/*
	 * With the programs that time calls, but where runs can be left out: the end of one
	 * call would then be taken for that of another.
	 */
	bool timed;
};

enum { LOAD_ERROR_MAX = 512 };

struct load_report {
	const struct door *door; /* the one taken */
	bool timed;
	char refused[1024];	    /* cheaper doors and why not, or "" */
	char error[LOAD_ERROR_MAX]; /* when none was: reason and remedy */
	const char *remedy; /* of that, or of the first door refused; static; NULL: none */
};

/*
 * Tries the object's doors in order. Returns 0 and the owner of all that was made, or a
 * negative errno.
 */
int loader_start(const struct object *object, const struct load_plan *plan,
		 struct loaded **ret, struct load_report *report);

/* What libbpf says goes nowhere, but into reports. */
void loader_silence(void);

/*
 * What is 0, so that programs at functions do not run now, though the kernel lets them be attached: those of a
 * struct door with is_by_ftrace, and kretprobes (register_kprobe() in kernel/kprobes.c: kprobes_all_disarmed).
 * NULL: nothing, or none that we may read.
 */
const char *loader_switched_off(bool by_ftrace, bool by_kprobe);

/* By a program that is run for a moment; what cannot be found out is false. */
struct kernel_found loader_probe(const char *btf_path);

/*
 * Where on its kernel stack a task's registers end, in bytes from the stack's start, for kernels that
 * do not tell the programs: before 5.15, and those whose BTF is in the file `btf_path`.
 */
uint32_t loader_registers_end(const char *btf_path);

/* Detaches and unloads; takes NULL. */
void loader_stop(struct loaded *l);

/* Sets the bits of the object's traits for each id of its system calls. */
void loader_add_traits(const struct object *object, uint8_t traits[]);

/* Descriptor of a map, owned by `l`; -1 when the object has none of that name. */
int loader_map(const struct loaded *l, const char *name);

/* Descriptor of a program's link, owned by `l`; -1 when it is not attached. */
int loader_link(const struct loaded *l, const char *program);

/* Bytes of kernel memory that a map holds, as the kernel accounts them. */
uint64_t loader_bytes(int map);

/* And that the maps made for `l` do. */
uint64_t loader_map_bytes(const struct loaded *l);

/* Of all its programs, while somebody has such statistics switched on. */
struct run_stats {
	uint64_t runs, ns;
};

struct run_stats loader_run_stats(const struct loaded *l);

/* Missed runs so far are no loss: nothing has been read yet. Takes NULL. */
void loader_forgive(struct loaded *l);

/*
 * Runs of its programs that the kernel left out: because one of them was under way, or because a
 * kretprobe had no room to remember that the function was called (told since Linux 6.7).
 */
uint64_t loader_missed_runs(const struct loaded *l);
