/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds out whether a task can be preempted while it runs a program at a tracepoint (then it
 * is only kept from moving to another CPU; up to 6.18 preemption is off), and whether types that
 * are not from the kernel itself are those of this kernel.
 */
#include "compat.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROBE_ANSWERS);
	__type(key, __u32);
	__type(value, __u32);
} found SEC(".maps");

static __always_inline void answer(__u32 what)
{
	__u32 yes = 1;

	bpf_map_update_elem(&found, &what, &yes, BPF_ANY);
}

static __always_inline bool is_named(struct task_struct *task)
{
	__u64 read[2] = {}, told[2] = {};

	BPF_CORE_READ_STR_INTO(&read, task, comm);
	bpf_get_current_comm(told, sizeof(told));
	return read[0] == told[0] && read[1] == told[1];
}

/*
 * What is read at the places that the types say, against what the kernel tells by itself. A task
 * that is renamed or moved just now does not fit; others do.
 */
static __always_inline bool types_fit(struct task_struct *task)
{
	__u64 ids = bpf_get_current_pid_tgid();

	return BPF_CORE_READ(task, pid) == (int)ids &&
	       BPF_CORE_READ(task, tgid) == (int)(ids >> 32) &&
	       BPF_CORE_READ(task, group_leader, pid) == (int)(ids >> 32) &&
	       is_named(task) &&
	       (!bpf_core_field_exists(task->cgroups) ||
		BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id) ==
			bpf_get_current_cgroup_id());
}

SEC("raw_tp/sys_exit")
int run(void *ctx)
{
	struct task_struct *task = current_task();

	if (types_fit(task))
		answer(PROBE_TYPES_FIT);
	/* preemptible kernels alone have it */
	if (bpf_core_field_exists(task->migration_disabled) &&
	    BPF_CORE_READ(task, migration_disabled))
		answer(PROBE_PREEMPTIBLE);
	answer(PROBE_RAN);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
