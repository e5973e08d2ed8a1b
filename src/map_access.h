/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpf(2) on the entries of a map. The kernel runs no program at a kprobe or classic tracepoint on a
 * CPU while that is at work there (bpf_disable_instrumentation()). Where it can be preempted, that
 * lasts until the task goes on, and the events of all others on that CPU are left out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether the calling thread is, inside of these calls, a SCHED_FIFO one, where it may be. */
void map_shield(bool on);

/* Whether it has been wished for and could not be. */
bool map_shield_refused(void);

/* As libbpf's: 0, or a negative errno that is in errno, too. */
int map_lookup(int fd, const void *key, void *value);
int map_update(int fd, const void *key, const void *value);
int map_delete(int fd, const void *key);

/* Sets `count`, which is the room for entries, to how many there were; -ENOENT ends a map. */
int map_lookup_batch(int fd, void *from, void *to, void *keys, void *values,
		     uint32_t *count);
