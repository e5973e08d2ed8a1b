/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel side and user space agree on: identities and the layout of maps. The
 * only header that both sides see; each has defined __u32 and __u64 before it includes
 * this one.
 */
#pragma once

/*
 * A system call's id: its number in one of the tables that a 64-bit kernel serves, so
 * that the same number of two tables stays two calls.
 */
enum {
	SYSCALL_NATIVE = 0,
	SYSCALL_COMPAT = 512,	/* 32-bit programs: i386 on x86-64, ARM EABI on arm64 */
	SYSCALL_X32 = 1024,	/* x86-64 with 32-bit pointers; numbers go up to 547 */
	SYSCALL_UNKNOWN = 1600, /* a number beyond its table */
	SYSCALL_IDS,
	SYSCALL_REST = SYSCALL_IDS, /* of a group: those without a row of their own */
	SYSCALL_ALL,		    /* of a scope: all together */
	SYSCALL_ROW_IDS,
};

/* What a family's programs do about a system call: a bit in its syscall_traits. */
enum {
	TRAIT_FORKS = 1 << 0,	 /* the child returns from it too, with 0 */
	TRAIT_EXITS = 1 << 1,	 /* does not return */
	TRAIT_DETAIL = 1 << 2,	 /* has a row of its own in each group */
	TRAIT_FOLLOWED = 1 << 3, /* another family's program goes on after ours */
	TRAIT_SETNS = 1 << 4,
	TRAIT_UNSHARE = 1 << 5,
	TRAIT_CLONE = 1 << 6,
	TRAIT_CLONE3 = 1 << 7,
};

enum { CALLS, ERRORS, CALL_COLUMNS };

enum {
	NAMESPACE_CGROUP,
	NAMESPACE_IPC,
	NAMESPACE_MNT,
	NAMESPACE_NET,
	NAMESPACE_PID,
	NAMESPACE_TIME,
	NAMESPACE_USER,
	NAMESPACE_UTS,
	NAMESPACE_UNKNOWN, /* setns(fd, 0) whose descriptor is closed already */
	NAMESPACE_TYPES,
};

enum { VERB_JOIN, VERB_UNSHARE, VERB_CLONE, VERBS };

/*
 * Ids of the namespaces family: verb * NAMESPACE_TYPES + type, then the failures by verb.
 */
enum {
	NAMESPACE_FAILED = VERBS * NAMESPACE_TYPES,
	NAMESPACE_IDS = NAMESPACE_FAILED + VERBS,
};

enum {
	GROUP_KIND_NONE,
	GROUP_KIND_CGROUP,
	GROUP_KIND_PID_NAMESPACE,
	GROUP_KIND_CONTROLLER
};

/* Ids of the processes family. */
enum {
	PROCESS_FORK,
	PROCESS_THREAD,
	PROCESS_EXEC,
	PROCESS_EXIT_OK,
	PROCESS_EXIT_ERROR,  /* a status that is not 0 */
	PROCESS_EXIT_KILLED, /* by a signal */
	PROCESS_EXIT_DUMPED, /* the same, with a core */
	PROCESS_SHORT_LIVED,
	PROCESS_IDS,
};

/* Ids of the signals family are the signals' numbers. */
enum { SIGNAL_IDS = 65 };

/* Ids of the oom family. */
enum {
	OOM_KILL_CGROUP, /* as a cgroup was at its limit */
	OOM_KILL_GLOBAL, /* as the host, or what it may use of its nodes, had no memory left */
	OOM_KILL_ALL, /* of a scope: both together */
	OOM_IDS,
};

/*
 * What one CPU counts of all system calls. Everything that a call touches is in one
 * value, as on many machines the pages that are touched cost more than the instructions.
 */
struct cpu_calls {
	__u64 group_key; /* of the group that came last, see group_key() */
	__u64 slot;	 /* its own */
	__u64 host[SYSCALL_IDS][CALL_COLUMNS];
	/* By slot of the group, Max + 1 of them: columns, or struct calls where calls are timed. */
	__u64 slots[];
};

/*
 * How long calls took that were timed. A maximum is that of the time between two reads: in its
 * higher bits it has the number of that time, the epoch, which each read makes one more; odd and
 * even ones take turns, so that the last is there to be read while the next one grows. The same number
 * comes again after 2^27 reads, four years of 1 s. In its lower bits it has the ns below 2^MAXIMUM_EXACT, which
 * are 69 seconds; what is longer has the bit above them set, and the ns shifted by MAXIMUM_SHIFT: half a
 * millisecond, and up to a year.
 */
enum { MAXIMUM_EXACT = 36, MAXIMUM_SHIFT = 19, MAXIMUM_BITS = MAXIMUM_EXACT + 1 };

struct times {
	__u64 count;
	__u64 sum;    /* ns */
	__u64 max[2]; /* by the epoch's last bit */
};

/*
 * By powers of two of ns, each in linear parts: bucket 0 is what is below 2^HISTOGRAM_FIRST and the
 * first part from there, the last one has all above 2^HISTOGRAM_LAST, too. The middle of a bucket is
 * off by 1/8 at most.
 */
enum {
	HISTOGRAM_FIRST = 5,
	HISTOGRAM_LAST = 45, /* 9.8 hours */
	HISTOGRAM_PARTS_LOG2 = 2,
	HISTOGRAM_PARTS = 1 << HISTOGRAM_PARTS_LOG2,
	HISTOGRAM_BUCKETS = (HISTOGRAM_LAST - HISTOGRAM_FIRST) * HISTOGRAM_PARTS,
};

struct histogram {
	__u64 buckets[HISTOGRAM_BUCKETS];
	/* are written first and read last: no bucket is there without its maximum */
	struct times times;
};

/* What `rows` and `overflow` have of a call; without Latency, not the times. */
struct calls {
	__u64 column[CALL_COLUMNS];
	struct times times;
};

/* Entries of the maps that hold when calls began: bpf/times.h. */
enum { START_WORDS = 1 << 16, STARTS_ELSEWHERE = 1 << 16 };

/* Entries of the map of bpf/self.h, and what its calls call until the loader has been there: no helper. */
enum { KNOWN_TASKS = 1 << 13, CAST_CALL = 1 << 20 };

/* The key of every map that counts per group in a hash. */
struct row_key {
	__u64 group; /* cgroup id; or PID namespace's inode and a stamp of its life */
	__u32 id;
	__u32 zero;
};

/* The key of the map that counts errors by code. */
struct error_key {
	__u32 id;
	__u32 code;
};

enum { GROUP_PATH_MAX = 1024, GROUP_NAME_MAX = 256 /* NAME_MAX and its NUL */ };

/*
 * Of each group that has rows, until user space has read its last counts: whether it is
 * gone, so that no task can be in it any more.
 */
struct group_state {
	__u32 gone;
	__u32 slot; /* in the counters that are arrays by group; at least 1 */
};

enum { SLOT_OTHER }; /* of what is counted for no group */

/* The name of a cgroup, until user space has read it. */
struct group_path {
	__u32 bytes; /* used of `names` */
	__u32 cut;   /* the names next to the root had no room */
	/*
	 * From the cgroup up to the root, each ends in NUL. Never more than GROUP_PATH_MAX:
	 * the rest is for verifiers that see no more than that a name begins below it.
	 */
	char names[GROUP_PATH_MAX + GROUP_NAME_MAX];
};

/* What bpf/probe.bpf.c finds, a map entry each. */
enum { PROBE_RAN, PROBE_TYPES_FIT, PROBE_PREEMPTIBLE, PROBE_ANSWERS };

/* What the iterators over live namespaces write. */
struct live_namespace {
	__u32 type;
	__u32 inode;
	__u32 pid; /* of a process that is in it; 0: it is only held open */
	__u32 zero;
};

/* How events leave the kernel. */
enum event_way { EVENTS_OFF, EVENTS_RING_BUFFER, EVENTS_PERF_BUFFER };

enum {
	COMMAND_BYTES = 16, /* TASK_COMM_LEN */
	EVENT_DETAILS = 4,
	EVENT_IDS = SIGNAL_IDS, /* no family that has events has more */
};

struct event_task {
	__u32 pid, tid; /* as the host numbers them; 0: it is not known */
	__u32 uid;
	char command[COMMAND_BYTES]; /* any bytes, NUL at the end */
};

/* Of something that was counted, so that it can be told. */
struct event {
	__u64 ns;	   /* CLOCK_MONOTONIC */
	__u64 group;	   /* for which it was counted */
	__u64 actor_group; /* where that is another one's: the actor's; else 0 */
	__u32 family;	   /* its place in the table of src/families.c */
	__u32 id;
	struct event_task actor;    /* who did it; pid 0: the kernel */
	struct event_task target;   /* to whom; pid 0: nobody else */
	char parent[COMMAND_BYTES]; /* of the actor: its parent's command */
	__s64 detail[EVENT_DETAILS];
};

/* What the details of each family's events are. */
enum { NAMESPACE_EVENT_INODE, NAMESPACE_EVENT_FD, NAMESPACE_EVENT_ERROR };
enum { SIGNAL_EVENT_CODE };
enum { OOM_EVENT_RESIDENT, OOM_EVENT_SCORE_ADJ }; /* pages */
enum { PROCESS_EVENT_STATUS /* as of wait(2) */, PROCESS_EVENT_LIFE /* ns */ };
