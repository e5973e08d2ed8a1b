/* SPDX-License-Identifier: GPL-2.0-only */
/* Samples and notices as collectd's values and notifications: the one file that knows how it takes them. */
#pragma once

#include "daemon/plugin.h"

#include "notices.h"
#include "samples.h"

struct read_times {
	cdtime_t now;
	cdtime_t before; /* the last read that succeeded; 0: there was none */
	bool has_begun; /* values of `before` were handed over, and none of `now` since */
};

/* A sample_fn; `arg` is a struct read_times. */
void dispatch_sample(void *arg, const struct sample *sample);

/*
 * Hands a notice to all receivers of notifications, in this thread, and comes back when they are done.
 * `now` and `now_ns` are one time by collectd's clock and by the notice's.
 */
void dispatch_notice(const struct notice *n, cdtime_t now, uint64_t now_ns);
