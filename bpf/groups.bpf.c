/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notes which groups are gone, so that user space can read their last counts and forget
 * them.
 */
#include "kernel.h"
#include "group.h"
#include <bpf/bpf_tracing.h>

static __always_inline int mark_gone(__u64 group)
{
	struct group_state *state = bpf_map_lookup_elem(&groups, &group);

	if (state)
		state->gone = 1;
	return 0;
}

static __always_inline int on_cgroup_rmdir(struct cgroup *cgroup)
{
	if (group_kind == GROUP_KIND_PID_NAMESPACE)
		return 0;
	/* ids are unique in one hierarchy only */
	if (BPF_CORE_READ(cgroup, root, hierarchy_id) != group_hierarchy)
		return 0;
	return mark_gone(BPF_CORE_READ(cgroup, kn, id));
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_rmdir__btf, struct cgroup *cgroup)
{
	return on_cgroup_rmdir(cgroup);
}

SEC("raw_tp/cgroup_rmdir")
int BPF_PROG(cgroup_rmdir__raw, struct cgroup *cgroup)
{
	return on_cgroup_rmdir(cgroup);
}

/*
 * A PID namespace ends with its first process; the others are killed before that is
 * reaped.
 */
static __always_inline int on_process_exit(struct task_struct *task)
{
	struct upid upid;

	if (group_kind != GROUP_KIND_PID_NAMESPACE ||
	    BPF_CORE_READ(task, signal, live.counter))
		return 0;
	upid = active_upid(BPF_CORE_READ(task, thread_pid));
	if (BPF_CORE_READ(upid.ns, child_reaper, tgid) != BPF_CORE_READ(task, tgid))
		return 0;
	return mark_gone(pid_namespace_group(upid.ns));
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit__btf, struct task_struct *task)
{
	return on_process_exit(task);
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(process_exit__raw, struct task_struct *task)
{
	return on_process_exit(task);
}

/* Of the task that ends, which is the current one. */
SEC("tp/sched/sched_process_exit")
int process_exit__classic(void *ctx)
{
	return on_process_exit(current_task());
}

char LICENSE[] SEC("license") = "GPL";
