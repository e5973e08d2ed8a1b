/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine: starts the families, and at each read turns the kernel's maps into samples.
 */
#pragma once

#include "notices.h"
#include "samples.h"
#include "settings.h"

struct monitor;

enum monitor_severity { MONITOR_INFO, MONITOR_WARNING, MONITOR_ERROR };

typedef void monitor_log_fn(enum monitor_severity severity, const char *message);

/*
 * Loads and attaches what `settings` ask for; these must outlive the monitor. A family
 * that cannot start is down and said to be so by one warning. Returns 0, or a negative
 * errno when nothing at all is up.
 */
int monitor_start(const struct settings *settings, monitor_log_fn *log,
		  struct monitor **ret);

/*
 * To be called each second where settings->self_cost is set; not while monitor_read() is under way.
 */
void monitor_tick(struct monitor *m);

/* Whether there may be events, so that monitor_drain() is to be called each second. */
bool monitor_has_events(const struct monitor *m);

/*
 * Takes what happened from the kernel; as monitor_tick(). monitor_read() does the same. Returns whether
 * there are notices.
 */
bool monitor_drain(struct monitor *m);

/* The same for the last time: what was held back so far has its notice, too. */
void monitor_drain_last(struct monitor *m);

/*
 * The first of the notices that wait, or NULL; the caller's, for free(). As monitor_tick(). `ret_now_ns`
 * is the time by their clock, which is set with a notice.
 */
struct notice *monitor_next_notice(struct monitor *m, uint64_t *ret_now_ns);

/* How many notices wait. As monitor_tick(). */
unsigned monitor_waiting(const struct monitor *m);

/* Detaches and frees everything; takes NULL. */
void monitor_stop(struct monitor *m);

/*
 * Reads all maps once and hands out every sample. Returns 0, or a negative errno when
 * nothing was handed out, as what had been read was not complete; the next read has it.
 */
int monitor_read(struct monitor *m, sample_fn *fn, void *arg);
