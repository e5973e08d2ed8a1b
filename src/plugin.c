/* SPDX-License-Identifier: GPL-2.0-only */
/* collectd's callbacks. */
#include <pthread.h>

#include "daemon/plugin.h"
#include "utils/common/common.h"
#include "utils_complain.h"

#include "dispatch.h"
#include "monitor.h"
#include "settings.h"

static struct settings settings;
static bool configured;
static struct monitor *monitor; /* NULL: init has not been called or has failed */
static cdtime_t last_read;	/* that succeeded; 0: none has */
/* Several threads read: of the monitor's functions, one at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void log_message(enum monitor_severity severity, const char *message)
{
	static const int levels[] = {
		[MONITOR_INFO] = LOG_INFO,
		[MONITOR_WARNING] = LOG_WARNING,
		[MONITOR_ERROR] = LOG_ERR,
	};

	plugin_log(levels[severity], "ebpf plugin: %s", message);
}

/* collectd forks between here and init: nothing is touched but our own memory. */
static int ebpf_config(oconfig_item_t *block)
{
	char err[512];

	if (!configured)
		settings_init(&settings);
	configured = true;
	if (settings_add(&settings, block, err, sizeof(err)) == 0)
		return 0;
	ERROR("ebpf plugin: %s", err);
	return -1;
}

static int ebpf_tick(user_data_t *ignored)
{
	(void)ignored;
	pthread_mutex_lock(&lock);
	if (monitor)
		monitor_tick(monitor);
	pthread_mutex_unlock(&lock);
	return 0;
}

/*
 * Not with the read, so that who is slow to take a notification delays no value, and who has a long
 * interval is told at once: receivers are called without the lock.
 */
static int ebpf_tell(user_data_t *ignored)
{
	struct notice *first = NULL;
	uint64_t now_ns = 0;
	cdtime_t now;

	(void)ignored;
	pthread_mutex_lock(&lock);
	if (monitor)
		first = monitor_notices(monitor, &now_ns);
	now = cdtime();
	pthread_mutex_unlock(&lock);
	for (const struct notice *n = first; n; n = n->next)
		dispatch_notice(n, now, now_ns);
	notices_free(first);
	return 0;
}

static int ebpf_init(void)
{
	if (monitor)
		return 0;
	if (!configured)
		settings_init(&settings);
	configured = true;
	settings_finish(&settings);
	settings.interval_ns = CDTIME_T_TO_NS(plugin_get_interval());
	if (monitor_start(&settings, log_message, &monitor))
		return -1;
	if (settings.self_cost)
		plugin_register_complex_read(NULL, "ebpf-cost", ebpf_tick,
					     TIME_T_TO_CDTIME_T(1), NULL);
	if (monitor_has_events(monitor))
		plugin_register_complex_read(NULL, "ebpf-events", ebpf_tell,
					     TIME_T_TO_CDTIME_T(1), NULL);
	return 0;
}

static int ebpf_read(void)
{
	static c_complain_t complaint = C_COMPLAIN_INIT_STATIC;
	struct read_times times = { .now = cdtime() };
	int err;

	if (!monitor)
		return -1;
	pthread_mutex_lock(&lock);
	times.before = last_read;
	err = monitor_read(monitor, dispatch_sample, &times);
	if (!err)
		last_read = times.now;
	pthread_mutex_unlock(&lock);
	if (err) {
		/*
		 * returning the error would stretch the interval: what is missing is told
		 * once
		 */
		c_complain(
			LOG_WARNING, &complaint,
			"ebpf plugin: reading the kernel's maps failed, this interval is left "
			"out and its counts come with the next: %s",
			STRERROR(-err));
		return 0;
	}
	c_release(LOG_INFO, &complaint, "ebpf plugin: reading works again");
	return 0;
}

static int ebpf_shutdown(void)
{
	monitor_stop(monitor);
	monitor = NULL;
	last_read = 0;
	if (configured)
		settings_fini(&settings);
	configured = false;
	return 0;
}

void module_register(void)
{
	plugin_register_complex_config("ebpf", ebpf_config);
	plugin_register_init("ebpf", ebpf_init);
	plugin_register_read("ebpf", ebpf_read);
	plugin_register_shutdown("ebpf", ebpf_shutdown);
}
