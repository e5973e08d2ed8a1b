/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel_version.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <cmocka.h>

static const char *release, *version, *debugfs, *cmdline; /* NULL: not there */

int __wrap_uname(struct utsname *name);
FILE *__wrap_fopen(const char *path, const char *mode);

int __wrap_uname(struct utsname *name)
{
	snprintf(name->release, sizeof(name->release), "%s", release);
	snprintf(name->version, sizeof(name->version), "%s", version);
	return 0;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	const char *text = NULL;

	if (strcmp(path, "/sys/kernel/debug/sched/preempt") == 0)
		text = debugfs;
	else if (strcmp(path, "/proc/cmdline") == 0)
		text = cmdline;
	else
		fail_msg("%s", path);
	errno = ENOENT;
	return text ? fmemopen((void *)text, strlen(text), mode) : NULL;
}

static void releases_are_compared_by_number(void **state)
{
	static const struct {
		const char *release;
		bool before_6_10;
	} rows[] = {
		{ "5.10.0-32-cloud-amd64", true },
		{ "6.9.0", true },
		{ "6.10.0", false },
		{ "6.10-rc1", false },
		{ "7.0", false },
		{ "", false },
		{ "stable", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		release = rows[i].release;
		assert_int_equal(kernel_is_before(6, 10), rows[i].before_6_10);
	}
}

static void preemption_is_as_the_first_source_says(void **state)
{
	static const struct {
		const char *debugfs, *cmdline, *release, *version;
		bool expected;
	} rows[] = {
		{ "none voluntary (full) lazy\n", "preempt=none\n", "6.1", "#1 SMP",
		  true },
		{ "none voluntary full (lazy)\n", NULL, "6.18", "#1 SMP", true },
		{ "none (voluntary) full\n", "preempt=full\n", "6.18", "PREEMPT", false },
		{ "(none)", NULL, "6.18", "PREEMPT", false },
		{ "\n", NULL, "6.18", "#1 SMP", false },
		{ NULL, "root=/dev/vda preempt=full quiet\n", "6.1", "#1", true },
		{ NULL, "preempt=lazy", "6.18", "#1", true },
		{ NULL, "preempt=none\n", "6.18", "PREEMPT_DYNAMIC", false },
		/* the kernel takes the last */
		{ NULL, "preempt=full preempt=none\n", "6.18", "PREEMPT_DYNAMIC", false },
		{ NULL, "preempt=none preempt=full\n", "6.1", "#1", true },
		{ NULL, "driver.preempt=full\n", "6.1", "#1", false },
		{ NULL, "preempt=fuller\n", "6.1", "#1", false },
		{ NULL, "quiet\n", "6.12.5", "#1 SMP PREEMPT_DYNAMIC", false },
		{ NULL, "quiet\n", "6.13.0", "#1 SMP PREEMPT_DYNAMIC", true },
		{ NULL, "", "5.10.0", "#1 SMP PREEMPT Debian", true },
		{ NULL, NULL, "5.10.0", "#1 SMP Debian", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		debugfs = rows[i].debugfs;
		cmdline = rows[i].cmdline;
		release = rows[i].release;
		version = rows[i].version;
		if (kernel_is_preemptible() != rows[i].expected)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases_are_compared_by_number),
		cmocka_unit_test(preemption_is_as_the_first_source_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
