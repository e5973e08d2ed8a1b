/* SPDX-License-Identifier: GPL-2.0-only */
#include "cost.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

enum { COST_PARTS_MAX = FAMILY_COUNT + 1 };

struct part {
	const char *name;
	const struct loaded *loaded;
	struct run_stats before;
	struct run_stats found; /* in the time measured */
};

struct cost {
	struct part parts[COST_PARTS_MAX];
	int count;
	unsigned seconds;
	int stats_fd; /* negative: not measuring */
	double begin; /* of what is measured, or was */
	double took;  /* 0: nothing was found yet */
};

struct cost *cost_new(unsigned seconds)
{
	struct cost *c = calloc(1, sizeof(*c));

	if (c)
		*c = (struct cost){ .seconds = seconds, .stats_fd = -1 };
	return c;
}

void cost_free(struct cost *c)
{
	if (!c)
		return;
	if (c->stats_fd >= 0)
		close(c->stats_fd);
	free(c);
}

int cost_add(struct cost *c, const char *name, const struct loaded *loaded)
{
	if (c->count == COST_PARTS_MAX)
		return -ENOSPC;
	c->parts[c->count++] = (struct part){ .name = name, .loaded = loaded };
	return 0;
}

static double clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int begin(struct cost *c)
{
	c->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (c->stats_fd < 0)
		return -errno;
	c->begin = clock_seconds();
	for (struct part *p = c->parts; p < c->parts + c->count; p++)
		p->before = loader_run_stats(p->loaded);
	return 0;
}

static void end(struct cost *c, double now)
{
	for (struct part *p = c->parts; p < c->parts + c->count; p++) {
		struct run_stats after = loader_run_stats(p->loaded);

		p->found.runs = after.runs - p->before.runs;
		p->found.ns = after.ns - p->before.ns;
	}
	c->took = now - c->begin;
	close(c->stats_fd);
	c->stats_fd = -1;
}

int cost_tick(struct cost *c)
{
	double now = clock_seconds();

	if (c->stats_fd >= 0)
		end(c, now);
	else if (!c->took || now - c->begin >= c->seconds)
		return begin(c);
	return 0;
}

void cost_send(const struct cost *c, const struct sink *sink)
{
	if (!c->took)
		return;
	for (const struct part *p = c->parts; p < c->parts + c->count; p++) {
		double seconds = (double)p->found.ns / 1e9, runs = (double)p->found.runs;

		samples_send_self(sink, "operations_per_second", runs / c->took, "run-%s",
				  p->name);
		samples_send_self(sink, "duration", runs ? seconds / runs : NAN, "run-%s",
				  p->name);
		samples_send_self(sink, "gauge", seconds / c->took, "cpus-%s", p->name);
	}
}
