/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a count is charged to: the group of the current task. The maps are one for all families: the
 * loader makes every object use the same.
 */
#pragma once

#include "compat.h"

const volatile __u32 group_kind = GROUP_KIND_NONE;
const volatile __u32 group_subsys;  /* index in css_set.subsys */
const volatile int group_hierarchy; /* cgroup_root.hierarchy_id; 0 is cgroup v2 */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct group_state);
} groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct group_path);
} group_paths SEC(".maps");

/* Where a path is put together: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct group_path);
} group_scratch SEC(".maps");

static __always_inline struct cgroup *current_cgroup(void)
{
	struct css_set *set = CURRENT_TASK(cgroups);
	struct cgroup_subsys_state *css;

	if (group_kind == GROUP_KIND_CGROUP)
		return BPF_CORE_READ(set, dfl_cgrp);
	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)set +
				      bpf_core_field_offset(struct css_set, subsys) +
				      group_subsys * sizeof(css));
	return BPF_CORE_READ(css, cgroup);
}

/*
 * Inode numbers of namespaces are handed out again at once; the start of the namespace's first
 * process tells its lives apart.
 */
static __always_inline __u64 pid_namespace_group(struct pid_namespace *ns)
{
	__u64 start = BPF_CORE_READ(ns, child_reaper, start_time);

	return (__u64)BPF_CORE_READ(ns, ns.inum) | (start >> 10) << 32;
}

static __always_inline struct upid active_upid(struct pid *pid)
{
	struct upid upid = {};

	bpf_probe_read_kernel(&upid, sizeof(upid),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      BPF_CORE_READ(pid, level) *
					      bpf_core_type_size(struct upid));
	return upid;
}

static __always_inline __u64 current_pid_namespace_group(void)
{
	struct pid *pid = CURRENT_TASK(thread_pid);

	return pid_namespace_group(active_upid(pid).ns);
}

static __always_inline __u64 current_group(void)
{
	if (group_kind == GROUP_KIND_CGROUP)
		return bpf_get_current_cgroup_id();
	if (group_kind == GROUP_KIND_CONTROLLER)
		return BPF_CORE_READ(current_cgroup(), kn, id);
	if (group_kind == GROUP_KIND_PID_NAMESPACE)
		return current_pid_namespace_group();
	return 0;
}

enum { GROUP_DEPTH_MAX = 32, GROUP_NAME_MAX = 256 /* NAME_MAX and its NUL */ };

static __always_inline void read_path(struct group_path *path, struct kernfs_node *node)
{
	__u32 used = 0;

	for (int i = 0; i < GROUP_DEPTH_MAX; i++) {
		struct kernfs_node *parent = kernfs_parent(node);
		long n;

		path->cut = parent != NULL;
		if (!parent || used > GROUP_PATH_MAX - GROUP_NAME_MAX)
			break;
		n = bpf_probe_read_kernel_str(&path->names[used], GROUP_NAME_MAX,
					      BPF_CORE_READ(node, name));
		if (n <= 0)
			break;
		used += n;
		node = parent;
	}
	path->bytes = used;
}

/* The cgroup may be gone when user space looks for its name, so it is noted down here. */
static __always_inline bool note_path(__u64 group)
{
	__u32 zero = 0;
	struct group_path *path = bpf_map_lookup_elem(&group_scratch, &zero);

	if (!path)
		return false;
	read_path(path, BPF_CORE_READ(current_cgroup(), kn));
	return !bpf_map_update_elem(&group_paths, &group, path, BPF_ANY);
}

/*
 * An insert into a map that is full looks for room on every CPU, which is too dear to be tried at
 * each system call: after a failure it is left alone for this long.
 */
enum { FULL_JIFFIES = 64 };

static __u64 groups_full_at;

static __always_inline bool is_recent(__u64 jiffies)
{
	return bpf_jiffies64() - jiffies < FULL_JIFFIES;
}

/*
 * Whether `group`, that of the current task, may have rows of its own: not when as many as may
 * have them already, nor when there is no memory to note its name.
 */
static __always_inline bool admit_group(__u64 group)
{
	static const struct group_state alive;
	long err;

	if (bpf_map_lookup_elem(&groups, &group))
		return true;
	if (is_recent(groups_full_at))
		return false;
	err = bpf_map_update_elem(&groups, &group, &alive, BPF_NOEXIST);
	if (err == -E2BIG)
		groups_full_at = bpf_jiffies64();
	if (err)
		return err == -EEXIST;
	if (group_kind == GROUP_KIND_PID_NAMESPACE || note_path(group))
		return true;
	bpf_map_delete_elem(&groups, &group);
	return false;
}
