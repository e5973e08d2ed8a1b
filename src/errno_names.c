/* SPDX-License-Identifier: GPL-2.0-only */
#include "errno_names.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#if !HAVE_STRERRORNAME_NP /* glibc 2.32 */
#define strerrorname_np(code) ((void)(code), (const char *)NULL)
#endif

enum { CODES = 4096 }; /* the kernel's MAX_ERRNO + 1 */

static char unnamed[CODES][sizeof("errno_4095")];

static void fill(void)
{
	for (int code = 0; code < CODES; code++)
		snprintf(unnamed[code], sizeof(unnamed[code]), "errno_%d", code);
}

const char *errno_name(int code)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *name = strerrorname_np(code);

	if (name)
		return name;
	pthread_once(&once, fill);
	return unnamed[code > 0 && code < CODES ? code : 0];
}
