/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a count is charged to: the group of a task. The maps are one for all families: the
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

/*
 * The slots that no group has. User space fills it, and gives back those of groups that
 * are gone.
 */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} free_slots SEC(".maps");

/*
 * By helpers: where a pointer is followed by a typed load, the verifier looks through all of the
 * kernel's BTF each time that it comes by.
 */
static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
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
 * Inode numbers of namespaces are handed out again at once; the start of the namespace's
 * first process tells its lives apart.
 */
static __always_inline __u64 pid_namespace_group(struct pid_namespace *ns)
{
	__u64 start = BPF_CORE_READ(ns, child_reaper, group_leader, start_time);

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

/*
 * Read by a helper, so that it is a number: 6.1 lets none that it knows no bounds of, such as the
 * offset of an element, be added to a typed pointer.
 */
static __always_inline struct pid_namespace *pid_namespace_of(struct task_struct *task)
{
	return active_upid(BPF_CORE_READ(task, thread_pid)).ns;
}

static __always_inline __u64 group_of(struct task_struct *task)
{
	if (group_kind == GROUP_KIND_NONE)
		return 0;
	if (group_kind == GROUP_KIND_PID_NAMESPACE)
		return pid_namespace_group(pid_namespace_of(task));
	return BPF_CORE_READ(cgroup_of(task), kn, id);
}

static __always_inline __u64 current_group(void)
{
	if (group_kind == GROUP_KIND_CGROUP)
		return bpf_get_current_cgroup_id();
	return group_of(current_task());
}

enum { GROUP_DEPTH_MAX = 32 };

static __always_inline void read_path(struct group_path *path, struct kernfs_node *node)
{
	__u32 used = 0, cut = 0;

	for (int i = 0; i < GROUP_DEPTH_MAX; i++) {
		struct kernfs_node *parent = kernfs_parent(node);
		__u32 at = used;
		long n;

		cut = parent != NULL;
		if (!parent || used > GROUP_PATH_MAX - GROUP_NAME_MAX)
			break;
		barrier_var(at); /* clang knows that the next line does nothing */
		at &= GROUP_PATH_MAX - 1;
		n = bpf_probe_read_kernel_str(&path->names[at], GROUP_NAME_MAX,
					      BPF_CORE_READ(node, name));
		if (n <= 0)
			break;
		used += n;
		node = parent;
	}
	path->cut = cut;
	path->bytes = used;
}

static const struct group_path no_path;

/*
 * The cgroup may be gone when user space looks for its name, so it is noted down here. When
 * several tasks do so at once, all write the same.
 */
static __always_inline bool note_path(struct task_struct *task, __u64 group)
{
	struct kernfs_node *node = BPF_CORE_READ(cgroup_of(task), kn);
	struct group_path *path;

	if (BPF_CORE_READ(node, id) != group) /* the task was moved just now */
		return false;
	bpf_map_update_elem(&group_paths, &group, &no_path, BPF_NOEXIST);
	path = bpf_map_lookup_elem(&group_paths, &group);
	if (!path)
		return false;
	read_path(path, node);
	return true;
}

/*
 * An insert into a map that is full looks for room on every CPU, which is too dear to be
 * tried at each system call: after a failure it is left alone for this long.
 */
enum { FULL_JIFFIES = 64 };

static __u64 groups_full_at;

static __always_inline bool is_recent(__u64 jiffies)
{
	return bpf_jiffies64() - jiffies < FULL_JIFFIES;
}

static __always_inline bool take_slot(__u32 *ret)
{
	if (is_recent(groups_full_at))
		return false;
	if (bpf_map_pop_elem(&free_slots, ret) == 0)
		return true;
	groups_full_at = bpf_jiffies64();
	return false;
}

static __always_inline bool add_group(struct task_struct *task, __u64 group,
				      const struct group_state *state)
{
	/* the path first: user space looks for it as soon as it sees the group */
	if (group_kind != GROUP_KIND_PID_NAMESPACE && !note_path(task, group))
		return false;
	return bpf_map_update_elem(&groups, &group, state, BPF_NOEXIST) == 0;
}

/*
 * A cgroup that nothing but zombies is in can be removed, and these may still get signals. CSS_ONLINE
 * (include/linux/cgroup-defs.h) is cleared before cgroup_rmdir is traced.
 */
static __always_inline bool is_removed(struct task_struct *task)
{
	enum { CSS_ONLINE = 1 << 1 };

	return group_kind != GROUP_KIND_PID_NAMESPACE &&
	       !(BPF_CORE_READ(cgroup_of(task), self.flags) & CSS_ONLINE);
}

/*
 * The last processes of a PID namespace may be counted after user space has forgotten it, and
 * nothing would tell it again that the namespace is gone: they count in SLOT_OTHER.
 */
static __always_inline bool is_ending(struct task_struct *task)
{
	struct pid_namespace *ns;

	if (group_kind != GROUP_KIND_PID_NAMESPACE)
		return false;
	ns = pid_namespace_of(task);
	return !BPF_CORE_READ(ns, child_reaper, signal, live.counter);
}

/*
 * The state of `group`, that of the task, made when there is none. NULL when as many groups as
 * may have one already, or when there is no memory to note its name. A task of NULL is the current
 * one, which is looked for here, where few come by.
 */
static __always_inline struct group_state *admit_group(struct task_struct *task,
						       __u64 group)
{
	struct group_state *state = bpf_map_lookup_elem(&groups, &group);
	struct group_state fresh = { 0 };

	if (state)
		return state;
	if (!task)
		task = current_task();
	if (is_ending(task) || !take_slot(&fresh.slot))
		return NULL;
	/* another CPU may have added it meanwhile: the slot is not needed then either */
	if (!add_group(task, group, &fresh))
		bpf_map_push_elem(&free_slots, &fresh.slot, BPF_ANY);
	state = bpf_map_lookup_elem(&groups, &group);
	/* looked at when it is there to be found: else it could end in between, and nobody told */
	if (state && (is_removed(task) || is_ending(task)))
		state->gone = 1;
	return state;
}

/*
 * What tells the group of the current task, self(), from another one, at less cost than its id: for
 * cgroups the address, until cgroup_rmdir. Else the id.
 */
static __always_inline __u64 group_key(struct task_struct *task)
{
	if (group_kind == GROUP_KIND_CGROUP)
		return (__u64)dfl_cgroup_of_self(task);
	return current_group();
}

/* The slot of the current task's group, or SLOT_OTHER. */
static __always_inline __u64 find_slot(void)
{
	struct group_state *state = admit_group(NULL, current_group());

	return state ? state->slot : SLOT_OTHER;
}
