/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel_version.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

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
