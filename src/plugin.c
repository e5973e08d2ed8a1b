/* SPDX-License-Identifier: GPL-2.0-only */
/* collectd's callbacks. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/plugin.h"
#include "utils/common/common.h"
#include "utils_complain.h"

#include "dispatch.h"
#include "families.h"
#include "monitor.h"
#include "settings.h"

static struct settings settings;
static bool configured;
static struct monitor *monitor; /* NULL: init has not been called or has failed */
static cdtime_t last_read;	/* that succeeded; 0: none has */
/* Several threads read, and one tells: of the monitor's functions, one at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

enum { TELLER_ENDS_SECONDS = 5 };

static pthread_t teller;
static bool have_teller;
static enum { TELLS, TELLS_THE_REST, ENDS, HAS_ENDED } teller_state; /* with the lock */
static pthread_cond_t some_wait = PTHREAD_COND_INITIALIZER;

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
	if (settings_add(&settings, block, err, sizeof(err)) == 0 &&
	    families_check_settings(&settings, err, sizeof(err)) == 0)
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

/* Not with the read, so that who has a long interval is told at once. */
static int ebpf_drain(user_data_t *ignored)
{
	(void)ignored;
	pthread_mutex_lock(&lock);
	if (monitor && monitor_drain(monitor))
		pthread_cond_signal(&some_wait);
	pthread_mutex_unlock(&lock);
	return 0;
}

/*
 * A thread of its own, as collectd calls receivers in the one that sends: one that hangs would hold up
 * a thread that reads, for good, and with it the values of all plugins.
 */
static void *tell(void *ignored)
{
	(void)ignored;
	pthread_mutex_lock(&lock);
	while (teller_state != ENDS) {
		uint64_t now_ns;
		struct notice *n = monitor_next_notice(monitor, &now_ns);

		if (!n && teller_state == TELLS_THE_REST)
			break;
		if (!n) {
			pthread_cond_wait(&some_wait, &lock);
			continue;
		}
		pthread_mutex_unlock(&lock);
		dispatch_notice(n, cdtime(), now_ns);
		free(n);
		pthread_mutex_lock(&lock);
	}
	if (teller_state == TELLS_THE_REST)
		teller_state = HAS_ENDED;
	pthread_mutex_unlock(&lock);
	return NULL;
}

/*
 * collectd calls it when no thread reads any more, and no receiver has been shut down yet. A teller that hangs
 * in one goes with the process; should it come back before, it sees that it must end.
 */
static void stop_telling(void *ignored)
{
	struct timespec until;
	unsigned waiting;
	bool hangs;

	(void)ignored;
	if (!have_teller)
		return;
	have_teller = false;
	pthread_mutex_lock(&lock);
	monitor_drain_last(monitor);
	teller_state = TELLS_THE_REST;
	pthread_cond_signal(&some_wait);
	pthread_mutex_unlock(&lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += TELLER_ENDS_SECONDS;
	if (pthread_timedjoin_np(teller, NULL, &until) == 0)
		return;
	pthread_mutex_lock(&lock);
	hangs = teller_state != HAS_ENDED;
	teller_state = ENDS;
	waiting = monitor_waiting(monitor);
	pthread_mutex_unlock(&lock);
	if (hangs)
		WARNING("ebpf plugin: %u notifications are not told, nor may be that before them: "
			"a receiver takes too long",
			waiting);
	pthread_detach(teller);
}

/* After collectd's fork. */
static int start_telling(void)
{
	user_data_t stop_in_the_end = { .data = &teller, .free_func = stop_telling };
	int err;

	teller_state = TELLS;
	err = plugin_thread_create(&teller, tell, NULL, "ebpf-notices");
	if (err)
		return err;
	have_teller = true;
	return plugin_register_complex_read(NULL, "ebpf-events", ebpf_drain,
					    TIME_T_TO_CDTIME_T(1), &stop_in_the_end);
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
	if (monitor_has_events(monitor) && start_telling())
		ERROR("ebpf plugin: events: off, counting goes on: no thread could be started");
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
	pthread_cond_signal(&some_wait); /* it has drained, too */
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
	stop_telling(NULL);
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
