/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel_version.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cleanup.h"

bool kernel_is_before(unsigned major, unsigned minor)
{
	struct utsname name;
	unsigned its_major, its_minor;

	return uname(&name) == 0 &&
	       sscanf(name.release, "%u.%u", &its_major, &its_minor) == 2 &&
	       (its_major < major || (its_major == major && its_minor < minor));
}

bool kernel_is_built_with(const char *word)
{
	struct utsname name;

	return uname(&name) == 0 && strstr(name.version, word);
}

/* What follows `begin` in the last of the words that begin so; NULL: none does. Cuts the line into words. */
static const char *last_word(char *line, const char *begin)
{
	const char *ret = NULL;
	char *rest;

	for (char *word = strtok_r(line, " \n", &rest); word;
	     word = strtok_r(NULL, " \n", &rest))
		if (strncmp(word, begin, strlen(begin)) == 0)
			ret = word + strlen(begin);
	return ret;
}

static bool read_line(const char *path, char *line, size_t size)
{
	cleanup_fclose FILE *f = fopen(path, "re");

	return f && fgets(line, (int)size, f);
}

/*
 * The mode itself is shown in debugfs only: "none voluntary (full) lazy". PREEMPT_DYNAMIC has a
 * default that the kernel was built with: mostly voluntary up to 6.12, then lazy, as which it can
 * be preempted, too.
 */
bool kernel_is_preemptible(void)
{
	const char *mode = NULL;
	char line[4096];

	if (read_line("/sys/kernel/debug/sched/preempt", line, sizeof(line))) {
		mode = last_word(line, "(");
		return mode && (strcmp(mode, "full)") == 0 || strcmp(mode, "lazy)") == 0);
	}
	if (read_line("/proc/cmdline", line, sizeof(line)))
		mode = last_word(line, "preempt=");
	if (mode && (strcmp(mode, "full") == 0 || strcmp(mode, "lazy") == 0))
		return true;
	if (mode && (strcmp(mode, "none") == 0 || strcmp(mode, "voluntary") == 0))
		return false;
	if (kernel_is_built_with("PREEMPT_DYNAMIC"))
		return !kernel_is_before(6, 13);
	return kernel_is_built_with("PREEMPT");
}
