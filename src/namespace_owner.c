/* SPDX-License-Identifier: GPL-2.0-only */
#include "namespace_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup_name.h"
#include "cleanup.h"
#include "namespace_names.h"

static bool is_in(const char *pid, unsigned type, uint64_t inode)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%.16s/ns/%s", pid, namespace_name(type));
	return stat(path, &st) == 0 && st.st_ino == inode;
}

/* By cgroup v2; where a process has none, by the first v1 hierarchy. */
static bool find_group(const char *pid, char *name, size_t size)
{
	cleanup_fclose FILE *f = NULL;
	cleanup_free char *line = NULL;
	bool found = false, is_v2 = false;
	size_t room = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.16s/cgroup", pid);
	f = fopen(path, "re");
	while (f && !is_v2 && getline(&line, &room, f) > 0) {
		char *cgroup = strstr(line, ":/");

		is_v2 = strncmp(line, "0::", 3) == 0;
		if (!cgroup || (found && !is_v2))
			continue;
		cgroup[strcspn(cgroup, "\n")] = '\0';
		cgroup_group_name(cgroup + 1, name, size);
		found = true;
	}
	return found;
}

bool namespace_owner(unsigned type, uint64_t inode, uint32_t pid, char *name, size_t size)
{
	DIR *proc = inode ? opendir("/proc") : NULL;
	struct dirent *entry;
	bool found = false;

	while (proc && !found && (entry = readdir(proc)))
		found = isdigit((unsigned char)entry->d_name[0]) &&
			strtoul(entry->d_name, NULL, 10) != pid &&
			is_in(entry->d_name, type, inode) &&
			find_group(entry->d_name, name, size);
	if (proc)
		closedir(proc);
	return found;
}
