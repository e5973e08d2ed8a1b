/* SPDX-License-Identifier: GPL-2.0-only */
#include "controllers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include "cleanup.h"
#include "remedy.h"

/*
 * cgroups(7): "name hierarchy num_cgroups enabled". Controllers that the kernel has for cgroup v2
 * only are not listed, since Linux 6.11 or so (cgroup1_subsys_absent()).
 */
static int find_hierarchy(const char *name, int32_t *ret)
{
	cleanup_fclose FILE *f = fopen("/proc/cgroups", "re");
	char line[256], found[64];
	int hierarchy, enabled;

	if (!f)
		return is_hidden(-errno) ? -ENODEV : -errno;
	*ret = 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %d %*d %d", found, &hierarchy, &enabled) != 3 ||
		    strcmp(found, name) != 0)
			continue;
		*ret = hierarchy;
		return enabled ? 0 : -ENOENT;
	}
	return 0;
}

/*
 * enum cgroup_subsys_id has "<controller>_cgrp_id" for those that the kernel was built
 * with.
 */
static int find_index(const struct btf *btf, const char *name, uint32_t *ret)
{
	int id = btf__find_by_name_kind(btf, "cgroup_subsys_id", BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, id) : NULL;
	char wanted[64];

	/* include/linux/cgroup_subsys.h calls this one otherwise than user space does */
	snprintf(wanted, sizeof(wanted), "%s_cgrp_id",
		 strcmp(name, "blkio") ? name : "io");
	for (int i = 0; type && i < btf_vlen(type); i++) {
		const struct btf_enum *e = btf_enum(type) + i;
		const char *found = btf__name_by_offset(btf, e->name_off);

		if (!found ||
		    strcmp(found, wanted) != 0) /* none in a file that is damaged */
			continue;
		*ret = e->val;
		return 0;
	}
	return -ENOENT;
}

int controller_find(const char *name, const char *btf_path, struct controller *ret)
{
	struct controller c;
	int err = find_hierarchy(name, &c.hierarchy);
	struct btf *btf;

	if (err)
		return err;
	btf = btf_path ? btf__parse(btf_path, NULL) : btf__load_vmlinux_btf();
	if (!btf)
		return -errno;
	err = find_index(btf, name, &c.index);
	btf__free(btf);
	if (!err)
		*ret = c;
	return err;
}
