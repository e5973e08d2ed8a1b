/* SPDX-License-Identifier: GPL-2.0-only */
/* Values with their names, as they leave the engine. */
#pragma once

#include <stdint.h>

#include "families.h"
#include "scopes.h"
#include "settings.h"

/* All strings live as long as the call that hands out the sample. */
struct sample {
	const char *scope; /* plugin_instance */
	const char *path;  /* of the group, for the meta data; NULL: none */
	const char *type;
	const char *instance; /* type_instance */
	enum { SAMPLE_DERIVE, SAMPLE_GAUGE } kind;
	bool is_before; /* what it was at the read before this one */
	int64_t derive;
	double gauge;
};

typedef void sample_fn(void *arg, const struct sample *sample);

struct sink {
	sample_fn *fn;
	void *arg;
};

/* What is sent of calls that were timed, of which there is a histogram. */
struct times_output {
	const struct percentiles *percentiles; /* NULL: none */
	bool buckets;
};

/* How many values that is. */
unsigned samples_per_histogram(const struct times_output *output);

/* And where there is none: average and maximum. */
enum { SAMPLES_PER_TIMES = 2 };

/*
 * Every series of the host, of `other`, and of each scope that has a group. Of counters that are sent for the
 * first time, the 0 that they were at the read before comes first, so that their first count is in a rate.
 */
void samples_send_scopes(struct scopes *scopes, const struct times_output *output,
			 const struct sink *sink);

/* What a family finds out at each read. Returns 0, or a negative errno when that failed. */
int samples_send_gauges(const struct gauge_source *source, void *state,
			const struct sink *sink);

/* Values of the plugin itself: scope `self`. The type_instance is made from `format`. */
__attribute__((format(printf, 4, 5))) void samples_send_self(const struct sink *sink,
							     const char *type,
							     double value,
							     const char *format, ...);
__attribute__((format(printf, 3, 4))) void
samples_send_self_count(const struct sink *sink, uint64_t count, const char *format, ...);
