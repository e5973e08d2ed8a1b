/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long things take: when a thread's call began, and what adds up of it. struct times and
 * struct histogram are in shared.h.
 */
#pragma once

#include "compat.h"
#include "histogram.h"

/* Set by user space at each read: what a maximum is of. */
volatile __u64 epoch SEC(".data.epoch");

static __always_inline void add_time(struct times *t, __u64 ns)
{
	__u64 now = epoch, word = maximum_word(now, ns);
	__u64 *max = &t->max[now & 1];

	t->count++;
	t->sum += ns;
	if ((*max ^ word) >> MAXIMUM_BITS || word > *max)
		*max = word;
}

/*
 * When each thread's call began. One word for a thread, in an array that is looked up without a
 * call: the time in ns, shifted, and in its last bits whose it is. Threads whose numbers are the
 * same but for their higher bits share a word; who finds it taken by another one goes to a hash.
 * So nobody but its thread touches a word that is taken, on whatever CPU it runs. A thread whose
 * word still has its mark has nothing in the hash, and need not look there.
 */
enum {
	START_OWNER = 0x3f, /* bits 16-21 of the thread's number */
	START_TAKEN = 0x40,
	START_INTERRUPTED = 0x80, /* by a signal, and may go on */
	START_BITS = 8,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} starts_elsewhere SEC(".maps");

/* Starts that `starts_elsewhere` had no room for: of calls that are not timed. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} untimed SEC(".maps");

static __u64 elsewhere_count; /* mostly none, and then nobody has to look */

static __always_inline __u64 start_owner(__u32 pid)
{
	return pid / START_WORDS & START_OWNER;
}

/*
 * Threads of one process mostly have numbers in a row, and run on several CPUs: their words are 64 bytes
 * apart, as the number's 16 bits are rotated by three.
 */
static __always_inline __u64 *start_word(__u32 pid)
{
	__u32 at = (pid << 3 | pid % START_WORDS >> 13) % START_WORDS;

	return bpf_map_lookup_elem(&starts, &at);
}

static __always_inline bool has_mark(__u64 start, __u32 pid, __u64 mark)
{
	return (start & (START_OWNER | mark)) == (start_owner(pid) | mark);
}

static __always_inline void put_start_elsewhere(__u32 pid, __u64 start)
{
	__u32 only = 0;
	__u64 *n;

	if (bpf_map_update_elem(&starts_elsewhere, &pid, &start, BPF_NOEXIST) == 0) {
		__sync_fetch_and_add(&elsewhere_count, 1);
		return;
	}
	if (bpf_map_update_elem(&starts_elsewhere, &pid, &start, BPF_EXIST) == 0)
		return;
	n = bpf_map_lookup_elem(&untimed, &only);
	if (n)
		increment(n);
}

static __always_inline __u64 take_start_elsewhere(__u32 pid)
{
	__u64 *found = bpf_map_lookup_elem(&starts_elsewhere, &pid), start;

	if (!found)
		return 0;
	start = *found;
	if (bpf_map_delete_elem(&starts_elsewhere, &pid) == 0)
		__sync_fetch_and_add(&elsewhere_count, -1);
	return start;
}

/* The thread's start, which is then forgotten; 0: there is none. */
static __always_inline __u64 take_start(__u32 pid)
{
	__u64 *word = start_word(pid), start;

	if (word && has_mark(*word, pid, 0)) {
		start = *word;
		*word = start_owner(pid);
		return start & START_TAKEN ? start : 0;
	}
	return elsewhere_count ? take_start_elsewhere(pid) : 0;
}

/* Of a thread that has none. */
static __always_inline void put_start(__u64 *word, __u32 pid, __u64 start)
{
	if (*word & START_TAKEN && !has_mark(*word, pid, START_TAKEN))
		put_start_elsewhere(pid, start);
	else
		*word = start;
}

static __always_inline __u64 new_start(__u32 pid)
{
	return bpf_ktime_get_ns() << START_BITS | START_TAKEN | start_owner(pid);
}

/* note_start() of a thread whose word has not its mark. */
static __always_inline void note_start_apart(__u64 *word, __u32 pid, bool timed)
{
	__u64 *found = NULL;

	if (elsewhere_count)
		found = bpf_map_lookup_elem(&starts_elsewhere, &pid);
	if (found && *found & START_INTERRUPTED) {
		*found &= ~START_INTERRUPTED;
		return;
	}
	if (found) /* of a call whose end was not seen */
		take_start_elsewhere(pid);
	if (timed)
		put_start(word, pid, new_start(pid));
}

/*
 * Notes that the thread begins a call, unless one goes on after an interruption. When it is not to be
 * timed, it has no start. Looks at the word before the clock: the other way around a call costs 100 ns
 * more in every second load of the program, measured on an AMD EPYC.
 */
static __always_inline void note_start(__u32 pid, bool timed)
{
	__u64 *word = start_word(pid);

	if (!word)
		return;
	if (!has_mark(*word, pid, 0))
		note_start_apart(word, pid, timed);
	else if (*word & START_INTERRUPTED)
		*word &= ~START_INTERRUPTED;
	else
		*word = timed ? new_start(pid) : start_owner(pid);
}

/*
 * The thread's call may go on after an interruption. One that is not timed has a start from then on that
 * tells no time, or it would look as if it began when it goes on.
 */
static __always_inline void interrupt_start(__u32 pid)
{
	__u64 start = take_start(pid), *word = start_word(pid);

	if (word)
		put_start(word, pid,
			  start | START_INTERRUPTED | START_TAKEN | start_owner(pid));
}

/* A thread that executes a program takes the number of its process. */
static __always_inline void move_start(__u32 from, __u32 to)
{
	__u64 start = take_start(from), *word = start_word(to);

	if (start && word)
		put_start(word, to, (start & ~(__u64)START_OWNER) | start_owner(to));
}

/* Whether a start tells a time. */
static __always_inline bool has_time(__u64 start)
{
	return start >> START_BITS;
}

/* The time since a start, which is less than a year ago; negative where a CPU's clock is behind another's. */
static __always_inline __s64 time_since(__u64 start)
{
	__u64 now = bpf_ktime_get_ns() << START_BITS;

	return (__s64)(now - (start & -(1ULL << START_BITS))) >> START_BITS;
}
