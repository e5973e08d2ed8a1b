/* SPDX-License-Identifier: GPL-2.0-only */
/* The one buffer in which the programs of all families leave their events. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf_shared.h"

struct events;

/*
 * A ring buffer of `bytes`, a power of two of at least a page; where the kernel has none, before Linux
 * 5.8, or none that works, with PREEMPT_RT, a perf buffer, which each CPU has its part of. NULL and errno
 * where it has neither; `*ret_by_perf` is then whether it was a perf event that was refused.
 */
struct events *events_new(size_t bytes, bool *ret_by_perf);
void events_free(struct events *e); /* takes NULL */

/* For the programs: the map, owned by `e`, and how events get into it. */
int events_map(const struct events *e);
uint32_t events_way(const struct events *e);

typedef void event_fn(void *arg, const struct event *event);

/*
 * Hands out what is there, in about the order in which it happened, and makes room. What comes
 * meanwhile is handed out, too, but not without end. Returns 0 or a negative errno.
 */
int events_drain(struct events *e, event_fn *fn, void *arg);
