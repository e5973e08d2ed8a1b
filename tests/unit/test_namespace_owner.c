/* SPDX-License-Identifier: GPL-2.0-only */
#include "namespace_owner.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "bpf_shared.h"

enum { JOINER = 4242 };

/* Of the namespace; another one for each look, as owners are remembered. */
static ino_t inode = 4026532567;
static ino_t own_cgroup, own_pid; /* of the daemon's namespaces */
static const char *cgroup;	  /* the member's file; NULL: it is gone */
static unsigned next_entry;

int __wrap_stat(const char *path, struct stat *ret);
FILE *__wrap_fopen(const char *path, const char *mode);
DIR *__wrap_opendir(const char *path);
struct dirent *__wrap_readdir(DIR *dir);
int __wrap_closedir(DIR *dir);

int __wrap_stat(const char *path, struct stat *ret)
{
	if (strcmp(path, "/proc/self/ns/cgroup") == 0)
		ret->st_ino = own_cgroup;
	else if (strcmp(path, "/proc/self/ns/pid") == 0)
		ret->st_ino = own_pid;
	else if (strcmp(path, "/proc/731/ns/uts") == 0)
		ret->st_ino = inode;
	else
		ret->st_ino = 1;
	return 0;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	assert_string_equal(path, "/proc/731/cgroup");
	errno = ENOENT;
	return cgroup ? fmemopen((void *)cgroup, strlen(cgroup), mode) : NULL;
}

DIR *__wrap_opendir(const char *path)
{
	assert_string_equal(path, "/proc");
	next_entry = 0;
	return (DIR *)&next_entry;
}

struct dirent *__wrap_readdir(DIR *dir)
{
	static struct dirent entries[] = {
		{ .d_name = "self" },
		{ .d_name = "1" },
		{ .d_name = "4242" },
		{ .d_name = "731" },
	};

	(void)dir;
	return next_entry < 4 ? &entries[next_entry++] : NULL;
}

int __wrap_closedir(DIR *dir)
{
	(void)dir;
	return 0;
}

static bool look(int32_t hierarchy, char *name, size_t size)
{
	inode++;
	return namespace_owner(NAMESPACE_UTS, inode, JOINER, hierarchy, name, size);
}

static int in_the_host(void **state)
{
	(void)state;
	own_cgroup = 0xEFFFFFFB;
	own_pid = 0xEFFFFFFC;
	cgroup = "0::/nginx.service\n";
	return 0;
}

static void the_cgroup_is_that_of_the_hierarchy_that_counts(void **state)
{
	static const char hybrid[] = "11:name=systemd:/init.scope\n"
				     "4:memory:/system.slice/tomcat.service\n"
				     "1:cpu,cpuacct:/\n"
				     "0::/system.slice/nginx.service\n";
	static const char pure_v1[] = "11:name=systemd:/init.scope\n"
				      "4:memory:/system.slice/tomcat.service\n";
	static const struct {
		const char *cgroup;
		int32_t hierarchy;
		const char *owner; /* NULL: none */
	} rows[] = {
		{ hybrid, 0, "nginx.service" },
		{ hybrid, 4, "tomcat.service" },
		{ hybrid, 1, "root" },
		{ hybrid, 11, "init.scope" },
		{ hybrid, 2, NULL },
		{ pure_v1, 4, "tomcat.service" },
		{ pure_v1, 0, NULL },
		{ "0::/a:/b", 0, "a:-b" },
		{ "", 0, NULL },
		{ "0::\n", 0, NULL },
		{ NULL, 0, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[128] = "";

		in_the_host(state);
		cgroup = rows[i].cgroup;
		assert_int_equal(look(rows[i].hierarchy, name, sizeof(name)),
				 rows[i].owner != NULL);
		assert_string_equal(name, rows[i].owner ? rows[i].owner : "");
	}
}

static void what_a_container_sees_is_not_taken_for_the_host(void **state)
{
	char name[128];

	(void)state;
	assert_true(look(0, name, sizeof(name)));
	own_cgroup = 4026532000;
	assert_false(look(0, name, sizeof(name)));
	own_cgroup = 0xEFFFFFFB;
	own_pid = 4026532001;
	assert_false(look(0, name, sizeof(name)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_cgroup_is_that_of_the_hierarchy_that_counts,
				       in_the_host),
		cmocka_unit_test_setup(what_a_container_sees_is_not_taken_for_the_host,
				       in_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
