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

/*
 * Whether there may be events, so that monitor_notices() is to be called each second; as
 * monitor_tick().
 */
bool monitor_has_events(const struct monitor *m);

/*
 * What is to be told since the last time, the first one first; the caller's, for notices_free().
 * `ret_now_ns` is the time by their clock.
 */
struct notice *monitor_notices(struct monitor *m, uint64_t *ret_now_ns);

/* Detaches and frees everything; takes NULL. */
void monitor_stop(struct monitor *m);

/*
 * Reads all maps once and hands out every sample. Returns 0, or a negative errno when
 * nothing was handed out, as what had been read was not complete; the next read has it.
 */
int monitor_read(struct monitor *m, sample_fn *fn, void *arg);
