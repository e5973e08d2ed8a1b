/* SPDX-License-Identifier: GPL-2.0-only */
#include "samples.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* The ends of the buckets that are sent, powers of two: from 1 microsecond to 17 seconds. */
enum { LE_FIRST = 10, LE_LAST = 34, LES = LE_LAST - LE_FIRST + 2 /* and infinity */ };

unsigned samples_per_histogram(const struct times_output *output)
{
	unsigned percentiles = output->percentiles ? output->percentiles->count : 0;

	return SAMPLES_PER_TIMES + percentiles + (output->buckets ? LES : 0);
}

static double seconds(double ns)
{
	return ns / 1e9;
}

enum { INSTANCE_MAX = sizeof(((struct label *)0)->instance) + 64 };

struct times_sink {
	struct sample sample; /* all but the last part of its name and the value */
	struct label label;   /* of what was timed */
	const struct sink *sink;
};

/* With what its caller has set but for the name, of which `what` is the end. */
static void send_part(struct times_sink *t, const char *type, const char *what)
{
	char instance[INSTANCE_MAX];

	snprintf(instance, sizeof(instance), "%s-%s", t->label.instance, what);
	t->sample.type = type;
	t->sample.instance = instance;
	t->sink->fn(t->sink->arg, &t->sample);
}

/* NAN: nothing was timed in the interval. */
static void send_latency(struct times_sink *t, const char *what, double ns)
{
	t->sample.kind = SAMPLE_GAUGE;
	t->sample.gauge = seconds(ns);
	send_part(t, "latency", what);
}

static void send_percentiles(struct times_sink *t, const struct series_times *times,
			     const struct percentiles *percentiles)
{
	uint64_t buckets[HISTOGRAM_BUCKETS];
	char what[48];

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		buckets[i] = times->histogram->value[i] - times->histogram->sent[i];
	for (unsigned i = 0; i < percentiles->count; i++) {
		double percent = percentiles->values[i];

		snprintf(what, sizeof(what), "percentile-%.12g", percent);
		send_latency(t, what, times_percentile(buckets, percent, times->max));
	}
}

static void send_le(struct times_sink *t, const char *le, uint64_t count)
{
	char what[48];

	snprintf(what, sizeof(what), "le-%s", le);
	t->sample.kind = SAMPLE_DERIVE;
	t->sample.derive = (int64_t)count;
	send_part(t, "total_operations", what);
}

/* Cumulative, as Prometheus has them. */
static void send_buckets(struct times_sink *t, const struct series_histogram *histogram)
{
	uint64_t count = 0;
	unsigned bucket = 0;
	char le[32];

	for (unsigned log = LE_FIRST; log <= LE_LAST; log++) {
		for (; times_bucket_end(bucket) <= UINT64_C(1) << log; bucket++)
			count += histogram->value[bucket];
		snprintf(le, sizeof(le), "%.12g", seconds((double)(UINT64_C(1) << log)));
		send_le(t, le, count);
	}
	for (; bucket < HISTOGRAM_BUCKETS; bucket++)
		count += histogram->value[bucket];
	send_le(t, "inf", count);
}

static void send_times(const struct series *series, struct times_sink *t,
		       const struct times_output *output)
{
	const struct series_times *times = series->times;
	uint64_t count = series->value - times->sent_count;

	send_latency(t, "average",
		     count ? (double)(times->value - times->sent_sum) / (double)count :
			     NAN);
	send_latency(t, "max", count && times->max ? (double)times->max : NAN);
	if (times->histogram && output->percentiles)
		send_percentiles(t, times, output->percentiles);
	if (times->histogram && output->buckets)
		send_buckets(t, times->histogram);
}

static void send_series(const struct series *series, const struct times_output *output,
			const struct sink *sink)
{
	struct times_sink t = {
		.sample = { .scope = series->scope->name,
			    .path = series->scope->path,
			    .kind = SAMPLE_DERIVE,
			    .derive = (int64_t)series->value },
		.sink = sink,
	};

	if (series->refused || !series->family->describe(&series->id, &t.label))
		return;
	if (series->times) {
		send_times(series, &t, output);
		return;
	}
	t.sample.type = t.label.type;
	t.sample.instance = t.label.instance;
	sink->fn(sink->arg, &t.sample);
}

/* A sample_fn; `arg` is the sink of what is sent. */
static void send_zero(void *arg, const struct sample *sample)
{
	const struct sink *sink = arg;
	struct sample zero = *sample;

	if (zero.kind != SAMPLE_DERIVE)
		return;
	zero.is_before = true;
	zero.derive = 0;
	sink->fn(sink->arg, &zero);
}

static void send_scopes(struct scopes *scopes, bool is_before,
			const struct times_output *output, const struct sink *sink)
{
	for (const struct scope *scope = scopes_first(scopes); scope;
	     scope = scope->next) {
		bool is_group = scope != scopes_host(scopes) &&
				scope != scopes_other(scopes);

		if (is_group && !scope->groups)
			continue;
		for (struct series *s = scope->series; s; s = s->next) {
			if (!is_before || !s->is_sent)
				send_series(s, output, sink);
			s->is_sent |= !is_before;
		}
	}
}

void samples_send_scopes(struct scopes *scopes, const struct times_output *output,
			 const struct sink *sink)
{
	struct sink copy = *sink;
	const struct sink zeros = { .fn = send_zero, .arg = &copy };

	/* all of them first: who takes them needs time, see dispatch.c */
	send_scopes(scopes, true, output, &zeros);
	send_scopes(scopes, false, output, sink);
}

static void send_gauge(const char *scope, const struct label *label, double value,
		       const struct sink *sink)
{
	struct sample sample = {
		.scope = scope,
		.type = label->type,
		.instance = label->instance,
		.kind = SAMPLE_GAUGE,
		.gauge = value,
	};

	sink->fn(sink->arg, &sample);
}

int samples_send_gauges(const struct gauge_source *source, void *state,
			const struct sink *sink)
{
	double values[GAUGES_MAX];
	struct label label;
	int err = source->read(state, values);

	if (err)
		return err;
	for (unsigned i = 0; i < source->count; i++) {
		source->describe(i, &label);
		send_gauge("host", &label, values[i], sink);
	}
	return 0;
}

void samples_send_self(const struct sink *sink, const char *type, double value,
		       const char *format, ...)
{
	struct label label = { .type = type };
	va_list args;

	va_start(args, format);
	vsnprintf(label.instance, sizeof(label.instance), format, args);
	va_end(args);
	send_gauge("self", &label, value, sink);
}

void samples_send_self_count(const struct sink *sink, uint64_t count, const char *format,
			     ...)
{
	char instance[128];
	struct sample sample = {
		.scope = "self",
		.type = "total_events",
		.instance = instance,
		.kind = SAMPLE_DERIVE,
		.derive = (int64_t)count,
	};
	va_list args;

	va_start(args, format);
	vsnprintf(instance, sizeof(instance), format, args);
	va_end(args);
	sink->fn(sink->arg, &sample);
}
