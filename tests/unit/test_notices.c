/* SPDX-License-Identifier: GPL-2.0-only */
#include "notices.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "words.h"

enum { SECOND = 1000000000 };

static void what_is_no_text_is_shown_as_such(void **state)
{
	static const struct {
		const char *dirty, *clean;
	} rows[] = {
		{ "nginx: worker", "nginx: worker" },
		{ "a\001\033[1m\tb\177", "a??[1m?b?" },
		{ "quote\" and \\", "quote\" and \\" },
		{ "gr\303\274n \342\202\254 \360\237\220\247",
		  "gr\303\274n \342\202\254 \360\237\220\247" },
		{ "\303", "?" },
		{ "\303(", "?(" },
		{ "\377\376", "??" },
		{ "\300\257", "??" }, /* a slash in two bytes */
		{ "\340\200\257", "???" },
		{ "\355\240\200", "???" }, /* half of a pair of UTF-16 */
		{ "\364\220\200\200", "????" },
		{ "\302\205", "??" }, /* NEL */
		{ "\342\200\256",
		  "???" }, /* what follows is written from right to left */
		{ "\342\200\250", "???" }, /* a separator of lines */
		{ "\330\234", "??" },	   /* ARABIC LETTER MARK */
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", rows[i].dirty);
		notice_clean(text);
		assert_string_equal(text, rows[i].clean);
	}
}

static void a_message_ends_with_a_whole_character(void **state)
{
	(void)state;
	for (int offset = 0; offset < 4; offset++) {
		struct notice n = { 0 };

		notice_say(&n, "%.*s", offset, "abc");
		for (int i = 0; i < 200; i++)
			notice_say(&n, "\342\202\254");
		assert_true(strlen(n.message) < sizeof(n.message));
		assert_true(strlen(n.message) > sizeof(n.message) - 5);
		assert_null(strchr(n.message, '?'));
		assert_int_equal((strlen(n.message) - offset) % 3, 0);
	}
}

static void details_are_bounded(void **state)
{
	struct notice n = { 0 };
	char text[300];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 2 * NOTICE_DETAILS_MAX; i++)
		notice_add_text(&n, "name", text);
	assert_int_equal(n.detail_count, NOTICE_DETAILS_MAX);
	assert_int_equal(strlen(n.details[0].text), NOTICE_PART_MAX - 1);
}

static void so_many_pass_and_the_rest_is_told_once(void **state)
{
	const struct notify_settings settings = { .on = true, .rate = 10, .burst = 5 };
	struct notice_limit l = { .settings = &settings };
	uint64_t now = 1000 * (uint64_t)SECOND;
	int passed = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		passed += notice_limit_pass(&l, now,
					    i == 50 ? NOTICE_FAILURE : NOTICE_OKAY, true);
	assert_int_equal(passed, 5);
	assert_int_equal(l.held_back, 95);
	assert_int_equal(notice_limit_tell(&l, now), 0);
	/* half a second later: half as many as per second; never more than the burst */
	for (int i = 0; i < 100; i++)
		passed += notice_limit_pass(&l, now + SECOND / 2, NOTICE_OKAY, true);
	assert_int_equal(passed, 10);
	assert_int_equal(notice_limit_tell(&l, now + SECOND), 0);
	assert_int_equal(notice_limit_tell(&l, now + 2 * (uint64_t)SECOND), 190);
	assert_int_equal(l.worst, NOTICE_FAILURE);
	assert_int_equal(notice_limit_tell(&l, now + 3 * (uint64_t)SECOND), 0);
	assert_int_equal(l.passed + l.held_back, 200);
}

/* `age` is that of what comes out of the buffer, which may have been full since the drain before. */
static int closings_in_two_minutes(uint64_t age)
{
	const struct notify_settings settings = { .on = true, .rate = 1, .burst = 1 };
	struct notice_limit l = { .settings = &settings };
	uint64_t now = 5 * (uint64_t)SECOND;
	int told = 0;

	for (int second = 0; second < 123; second++, now += SECOND) {
		for (int i = 0; i < 10; i++)
			notice_limit_pass(&l, now - age, NOTICE_OKAY, true);
		told += notice_limit_tell(&l, now) > 0;
	}
	return told;
}

static void while_it_goes_on_it_is_told_each_minute(void **state)
{
	(void)state;
	assert_int_equal(closings_in_two_minutes(0), 2);
	assert_int_equal(closings_in_two_minutes(SECOND), 2);
}

static void who_waits_too_long_holds_back(void **state)
{
	const struct notify_settings settings = { .on = true, .rate = 10, .burst = 5 };
	struct notice_limit l = { .settings = &settings };

	(void)state;
	assert_false(notice_limit_pass(&l, SECOND, NOTICE_OKAY, false));
	assert_int_equal(l.held_back, 1);
	/* CPUs' clocks are not in step */
	assert_true(notice_limit_pass(&l, SECOND - 1000, NOTICE_OKAY, true));
}

static void what_passed_and_cannot_be_told_is_held_back(void **state)
{
	const struct notify_settings settings = { .on = true, .rate = 10, .burst = 5 };
	struct notice_limit l = { .settings = &settings };

	(void)state;
	assert_true(notice_limit_pass(&l, SECOND, NOTICE_WARNING, true));
	notice_limit_hold_back(&l, SECOND, NOTICE_WARNING);
	assert_int_equal(l.passed, 0);
	assert_int_equal(l.held_back, 1);
	assert_int_equal(l.worst, NOTICE_WARNING);
	assert_int_equal(notice_limit_tell(&l, SECOND), 0);
	assert_int_equal(notice_limit_tell(&l, 3 * (uint64_t)SECOND), 1);
}

static const char *text_of(const struct notice *n, const char *name)
{
	for (unsigned i = 0; i < n->detail_count; i++)
		if (strcmp(n->details[i].name, name) == 0)
			return n->details[i].text;
	return NULL;
}

/* INT64_MIN: there is none */
static int64_t number_of(const struct notice *n, const char *name)
{
	for (unsigned i = 0; i < n->detail_count; i++)
		if (strcmp(n->details[i].name, name) == 0)
			return n->details[i].number;
	return INT64_MIN;
}

static void words_of_signals_are_as_the_manual_has_them(void **state)
{
	struct event e = {
		.id = 9,
		.actor = { .pid = 1, .tid = 1, .command = "systemd" },
		.target = { .pid = 731, .tid = 731, .command = "nginx" },
		.parent = "swapper/0",
	};
	struct notice n = { .group = "nginx.service" };

	(void)state;
	words_of_signal(&e, &n);
	assert_string_equal(
		n.message,
		"pid 1 (systemd) sent SIGKILL to pid 731 (nginx) in nginx.service");
	assert_string_equal(text_of(&n, "target_command"), "nginx");
	assert_string_equal(text_of(&n, "parent_command"), "swapper/0");
	assert_string_equal(text_of(&n, "group"), "nginx.service");
	assert_null(text_of(&n, "actor_group"));
	assert_int_equal(severity_of_signal(&e), NOTICE_WARNING);

	e.actor.pid = 0;
	n = (struct notice){ .group = "host" };
	words_of_signal(&e, &n);
	assert_string_equal(n.message, "the kernel sent SIGKILL to pid 731 (nginx)");
	assert_null(text_of(&n, "command"));
}

/* Who ran when a timer's signal was generated may have nothing to do with it; or have sent one that looks so. */
static void a_sender_who_may_be_none_is_told_as_such(void **state)
{
	static const struct {
		int code;
		uint32_t pid;
		const char *message;
	} rows[] = {
		{ SI_TIMER, 7, "a timer or pid 7 (a) sent SIGALRM to pid 8 (b)" },
		{ SI_TIMER, 0, "a timer sent SIGALRM to pid 8 (b)" },
		{ SI_ASYNCIO, 7, "I/O or pid 7 (a) sent SIGALRM to pid 8 (b)" },
		{ SI_SIGIO, 7, "I/O or pid 7 (a) sent SIGALRM to pid 8 (b)" },
		{ SI_SIGIO, 0, "I/O sent SIGALRM to pid 8 (b)" },
		{ SI_QUEUE, 7, "pid 7 (a) sent SIGALRM to pid 8 (b)" },
		{ SI_MESGQ, 7, "pid 7 (a) sent SIGALRM to pid 8 (b)" },
		{ SI_USER, 7, "pid 7 (a) sent SIGALRM to pid 8 (b)" },
		{ SI_KERNEL, 0, "the kernel sent SIGALRM to pid 8 (b)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct event e = {
			.id = SIGALRM,
			.actor = { .pid = rows[i].pid, .command = "a" },
			.target = { .pid = 8, .command = "b" },
			.detail = { [SIGNAL_EVENT_CODE] = rows[i].code },
		};
		struct notice n = { .group = "host" };

		words_of_signal(&e, &n);
		assert_string_equal(n.message, rows[i].message);
		assert_int_equal(number_of(&n, "signal_code"), rows[i].code);
	}
}

static void words_of_namespaces_are_as_the_manual_has_them(void **state)
{
	struct event e = {
		.id = NAMESPACE_FAILED + VERB_JOIN,
		.actor = { .pid = 7, .command = "a" },
		.detail = { [NAMESPACE_EVENT_ERROR] = 1, [NAMESPACE_EVENT_FD] = UINT32_MAX },
	};
	struct notice n = { .group = "user.slice" };

	(void)state;
	words_of_namespace(&e, &n);
	assert_string_equal(
		n.message,
		"pid 7 (a) in user.slice could not join a namespace through fd -1: "
		"Operation not permitted");
	assert_int_equal(number_of(&n, "fd"), -1);

	/* the descriptor was closed before it could be looked at */
	e.id = VERB_JOIN * NAMESPACE_TYPES + NAMESPACE_UNKNOWN;
	n = (struct notice){ .group = "user.slice" };
	words_of_namespace(&e, &n);
	assert_string_equal(
		n.message,
		"pid 7 (a) in user.slice joined unknown namespace through fd -1");
	assert_int_equal(number_of(&n, "namespace_inode"), INT64_MIN);

	e.id = NAMESPACE_FAILED + VERB_UNSHARE;
	n = (struct notice){ .group = "user.slice" };
	words_of_namespace(&e, &n);
	assert_string_equal(n.message,
			    "pid 7 (a) in user.slice could not make a namespace of its "
			    "own: Operation not permitted");
	assert_int_equal(number_of(&n, "fd"), INT64_MIN);
	assert_int_equal(severity_of_namespace(&e), NOTICE_WARNING);

	e = (struct event){
		.id = VERB_CLONE * NAMESPACE_TYPES + NAMESPACE_NET,
		.actor = { .pid = 7, .command = "runc" },
		.target = { .pid = 8 },
		.detail = { [NAMESPACE_EVENT_INODE] = 4026532567 },
	};
	n = (struct notice){ .group = "runc" };
	words_of_namespace(&e, &n);
	assert_string_equal(
		n.message,
		"pid 7 (runc) in runc cloned pid 8 into a new net namespace, 4026532567");
}

static void words_of_processes_are_as_the_manual_has_them(void **state)
{
	struct event e = {
		.id = PROCESS_EXIT_DUMPED,
		.actor = { .pid = 731, .command = "java" },
		.detail = { [PROCESS_EVENT_STATUS] = 11 | 0x80 },
	};
	struct notice n = { .group = "tomcat.service" };

	(void)state;
	words_of_process(&e, &n);
	assert_string_equal(
		n.message,
		"pid 731 (java) in tomcat.service was ended by SIGSEGV and left a core");
	assert_string_equal(text_of(&n, "signal"), "SIGSEGV");
	assert_int_equal(number_of(&n, "status"), INT64_MIN);

	e.id = PROCESS_SHORT_LIVED;
	e.detail[PROCESS_EVENT_STATUS] = 3 << 8;
	e.detail[PROCESS_EVENT_LIFE] = 3141593;
	n = (struct notice){ .group = "tomcat.service" };
	words_of_process(&e, &n);
	assert_string_equal(
		n.message,
		"pid 731 (java) in tomcat.service ended with status 3 after 3.142 ms");
	assert_int_equal(number_of(&n, "status"), 3);
	assert_int_equal(number_of(&n, "life_ns"), 3141593);
	assert_int_equal(severity_of_process(&e), NOTICE_OKAY);

	e.id = PROCESS_EXEC;
	n = (struct notice){ .group = "tomcat.service" };
	words_of_process(&e, &n);
	assert_string_equal(n.message, "pid 731 in tomcat.service executed java");

	e.id = PROCESS_FORK;
	e.target = (struct event_task){ .pid = 732, .tid = 732 };
	n = (struct notice){ .group = "tomcat.service" };
	words_of_process(&e, &n);
	assert_string_equal(n.message, "pid 731 (java) in tomcat.service forked pid 732");

	e.id = PROCESS_THREAD;
	e.target = (struct event_task){ .pid = 731, .tid = 733 };
	n = (struct notice){ .group = "tomcat.service" };
	words_of_process(&e, &n);
	assert_string_equal(n.message,
			    "pid 731 (java) in tomcat.service made thread 733");
	assert_int_equal(number_of(&n, "target_tid"), 733);
}

static void who_invoked_the_oom_killer_is_told(void **state)
{
	const struct event e = {
		.id = OOM_KILL_CGROUP,
		.actor = { .pid = 915, .command = "java" },
		.target = { .pid = 913, .command = "java" },
		.detail = { [OOM_EVENT_RESIDENT] = 2040109466 / sysconf(_SC_PAGESIZE) },
	};
	struct notice n = { .group = "tomcat.service" };

	(void)state;
	words_of_oom(&e, &n);
	assert_string_equal(n.message,
			    "OOM killer ended pid 913 (java) in tomcat.service: 1.9 GiB "
			    "resident, limit of the cgroup, invoked by pid 915 (java)");
	n = (struct notice){ .group = "a", .actor_group = "a" };
	words_of_oom(&e, &n);
	assert_string_equal(strrchr(n.message, '('), "(java)");
	assert_string_equal(text_of(&n, "actor_group"), "a");
	n = (struct notice){ .group = "a", .actor_group = "b" };
	words_of_oom(&e, &n);
	assert_string_equal(strrchr(n.message, '('), "(java) in b");
	assert_string_equal(text_of(&n, "actor_group"), "b");
	assert_string_equal(text_of(&n, "group"), "a");
}

static void the_longest_words_have_room(void **state)
{
	const struct event e = {
		.id = OOM_KILL_GLOBAL,
		.actor = { .pid = 4194304, .command = "abcdefghijklmno" },
		.target = { .pid = 4194303, .command = "abcdefghijklmno" },
		.detail = { [OOM_EVENT_RESIDENT] =
				    (INT64_C(1023) << 40) / sysconf(_SC_PAGESIZE) },
	};
	struct notice n = { 0 };

	(void)state;
	memset(n.group, 'g', sizeof(n.group) - 1);
	memset(n.actor_group, 'a', sizeof(n.actor_group) - 1);
	words_of_oom(&e, &n);
	assert_non_null(strstr(n.message, " in ggg"));
	assert_non_null(
		strstr(n.message, "1023 TiB resident, no memory left on the host"));
	assert_string_equal(
		strrchr(n.message, 'i'),
		"in aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_text_is_shown_as_such),
		cmocka_unit_test(a_message_ends_with_a_whole_character),
		cmocka_unit_test(details_are_bounded),
		cmocka_unit_test(so_many_pass_and_the_rest_is_told_once),
		cmocka_unit_test(while_it_goes_on_it_is_told_each_minute),
		cmocka_unit_test(who_waits_too_long_holds_back),
		cmocka_unit_test(what_passed_and_cannot_be_told_is_held_back),
		cmocka_unit_test(words_of_signals_are_as_the_manual_has_them),
		cmocka_unit_test(a_sender_who_may_be_none_is_told_as_such),
		cmocka_unit_test(words_of_namespaces_are_as_the_manual_has_them),
		cmocka_unit_test(words_of_processes_are_as_the_manual_has_them),
		cmocka_unit_test(who_invoked_the_oom_killer_is_told),
		cmocka_unit_test(the_longest_words_have_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
