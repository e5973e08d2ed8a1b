/* SPDX-License-Identifier: GPL-2.0-only */
#include "dispatch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "utils/common/common.h"
#include "utils/metadata/meta_data.h"

#include "identifier.h"

static_assert((int)NOTICE_MESSAGE_MAX == (int)NOTIF_MAX_MSG_LEN,
	      "collectd would cut our messages");
static_assert(IDENTIFIER_PART_MAX < DATA_MAX_NAME_LEN, "collectd would cut our names");

/*
 * Several threads of collectd take values from one queue. One that has taken the 0 with which a series begins may
 * be held up until another one has written the value that comes next, and collectd would call the 0 too old.
 */
static void let_write(void)
{
	const struct timespec while_held_up = { .tv_nsec = 20 * 1000 * 1000 };

	nanosleep(&while_held_up, NULL);
}

/* Names of cgroups are any bytes; who writes JSON wants UTF-8. NULL when there is no memory. */
static meta_data_t *meta_of_path(const char *path)
{
	meta_data_t *meta = meta_data_create();
	char *clean = strdup(path);

	if (meta && clean) {
		notice_clean(clean);
		meta_data_add_string(meta, "group", clean);
	}
	free(clean);
	return meta;
}

void dispatch_sample(void *arg, const struct sample *sample)
{
	struct read_times *times = arg;
	value_list_t vl = VALUE_LIST_INIT;
	value_t value;

	if (sample->is_before && (!times->before || times->before >= times->now))
		return;
	if (!sample->is_before && times->has_begun)
		let_write();
	times->has_begun = sample->is_before;
	if (sample->kind == SAMPLE_GAUGE)
		value.gauge = sample->gauge;
	else
		value.derive = sample->derive;
	vl.values = &value;
	vl.values_len = 1;
	vl.time = sample->is_before ? times->before : times->now;
	sstrncpy(vl.plugin, "ebpf", sizeof(vl.plugin));
	sstrncpy(vl.plugin_instance, sample->scope, sizeof(vl.plugin_instance));
	sstrncpy(vl.type, sample->type, sizeof(vl.type));
	sstrncpy(vl.type_instance, sample->instance, sizeof(vl.type_instance));
	if (sample->path)
		vl.meta = meta_of_path(sample->path);
	plugin_dispatch_values(&vl); /* copies */
	meta_data_destroy(vl.meta);
}

static void add_detail(notification_t *n, const struct notice_detail *d)
{
	if (d->is_number)
		plugin_notification_meta_add_signed_int(n, d->name, d->number);
	else
		plugin_notification_meta_add_string(n, d->name, d->text);
}

void dispatch_notice(const struct notice *notice, cdtime_t now, uint64_t now_ns)
{
	static const int severities[] = {
		[NOTICE_OKAY] = NOTIF_OKAY,
		[NOTICE_WARNING] = NOTIF_WARNING,
		[NOTICE_FAILURE] = NOTIF_FAILURE,
	};
	notification_t n = { .severity = severities[notice->severity], .time = now };

	if (now_ns > notice->ns)
		n.time -= NS_TO_CDTIME_T(now_ns - notice->ns);
	sstrncpy(n.message, notice->message, sizeof(n.message));
	sstrncpy(n.host, hostname_g, sizeof(n.host));
	sstrncpy(n.plugin, "ebpf", sizeof(n.plugin));
	sstrncpy(n.plugin_instance, notice->scope, sizeof(n.plugin_instance));
	sstrncpy(n.type, notice->type, sizeof(n.type));
	sstrncpy(n.type_instance, notice->instance, sizeof(n.type_instance));
	for (const struct notice_detail *d = notice->details;
	     d < notice->details + notice->detail_count; d++)
		add_detail(&n, d);
	plugin_dispatch_notification(&n);
	if (n.meta)
		plugin_notification_meta_free(n.meta);
}
