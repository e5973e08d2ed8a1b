/* SPDX-License-Identifier: GPL-2.0-only */
#include "events.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel_version.h"
#include "seccomp_filter.h"

struct events {
	int map;
	size_t bytes;
	struct ring_buffer *ring; /* NULL: perf */
	struct perf_buffer *perf; /* NULL: ring */
	event_fn *fn;		  /* while it is drained */
	void *arg;
	size_t left; /* may still be handed out */
};

static const char name[] = "events";

static int take(struct events *e, const void *data, size_t size)
{
	struct event event; /* a perf buffer's data are not aligned */

	if (size < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));
	e->fn(e->arg, &event);
	return --e->left ? 0 : -ECANCELED;
}

static int take_from_ring(void *arg, void *data, size_t size)
{
	return take(arg, data, size);
}

static void take_from_perf(void *arg, int cpu, void *data, uint32_t size)
{
	(void)cpu;
	take(arg, data, size);
}

/*
 * With CONFIG_PREEMPT_RT, up to 6.11 (8b62645b09f8), bpf_ringbuf_output() takes a lock that may sleep, where
 * a program must not.
 */
static bool is_ring_unsafe(void)
{
	return kernel_is_built_with("PREEMPT_RT") && kernel_is_before(6, 12);
}

static int open_ring(struct events *e)
{
	if (is_ring_unsafe())
		return -EOPNOTSUPP;
	e->map = bpf_map_create(BPF_MAP_TYPE_RINGBUF, name, 0, 0, e->bytes, NULL);
	if (e->map < 0)
		return -errno;
	e->ring = ring_buffer__new(e->map, take_from_ring, e, NULL);
	return e->ring ? 0 : -errno;
}

static size_t perf_pages(size_t bytes, int cpus)
{
	size_t all = bytes / (size_t)sysconf(_SC_PAGESIZE) / (size_t)cpus, pages = 1;

	while (pages * 2 <= all)
		pages *= 2;
	return pages;
}

static int open_perf(struct events *e)
{
	int cpus = libbpf_num_possible_cpus(), kills;

	if (cpus < 0)
		return cpus;
	e->map = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, name, sizeof(int),
				sizeof(int), cpus, NULL);
	if (e->map < 0)
		return -errno;
	kills = seccomp_kills(SYS_perf_event_open);
	if (kills)
		return kills > 0 ? -EPERM : kills;
	/* what found no room was counted by the program, which was told so */
	e->perf = perf_buffer__new(e->map, perf_pages(e->bytes, cpus), take_from_perf,
				   NULL, e, NULL);
	return e->perf ? 0 : -errno;
}

static void close_all(struct events *e)
{
	ring_buffer__free(e->ring);
	perf_buffer__free(e->perf);
	if (e->map >= 0)
		close(e->map);
	e->ring = NULL;
	e->perf = NULL;
	e->map = -1;
}

struct events *events_new(size_t bytes, bool *ret_by_perf)
{
	struct events *e = calloc(1, sizeof(*e));
	int err;

	*ret_by_perf = false;
	if (!e)
		return NULL;
	e->map = -1;
	e->bytes = bytes;
	err = open_ring(e);
	if (err) {
		close_all(e);
		err = open_perf(e);
	}
	if (!err)
		return e;
	*ret_by_perf = e->map >= 0;
	events_free(e);
	errno = -err;
	return NULL;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	close_all(e);
	free(e);
}

int events_map(const struct events *e)
{
	return e->map;
}

uint32_t events_way(const struct events *e)
{
	return e->ring ? EVENTS_RING_BUFFER : EVENTS_PERF_BUFFER;
}

int events_drain(struct events *e, event_fn *fn, void *arg)
{
	int err;

	e->fn = fn;
	e->arg = arg;
	/* twice what it holds: what came meanwhile, but not all that may come for ever */
	e->left = 2 * (e->bytes / sizeof(struct event) + 1);
	err = e->ring ? ring_buffer__consume(e->ring) : perf_buffer__consume(e->perf);
	return err < 0 && err != -ECANCELED ? err : 0;
}
