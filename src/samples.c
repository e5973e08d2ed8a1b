/* SPDX-License-Identifier: GPL-2.0-only */
#include "samples.h"

#include <stdarg.h>
#include <stdio.h>

static void send_series(const struct series *series, const struct sink *sink)
{
	struct label label;
	struct sample sample = {
		.scope = series->scope->name,
		.path = series->scope->path,
		.kind = SAMPLE_DERIVE,
		.derive = (int64_t)series->value,
	};

	if (series->refused || !series->family->describe(&series->id, &label))
		return;
	sample.type = label.type;
	sample.instance = label.instance;
	sink->fn(sink->arg, &sample);
}

void samples_send_scopes(struct scopes *scopes, const struct sink *sink)
{
	for (const struct scope *scope = scopes_first(scopes); scope;
	     scope = scope->next) {
		bool is_group = scope != scopes_host(scopes) &&
				scope != scopes_other(scopes);

		if (is_group && !scope->groups)
			continue;
		for (const struct series *s = scope->series; s; s = s->next)
			send_series(s, sink);
	}
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
