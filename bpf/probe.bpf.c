/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds out whether a task can be preempted while it runs a program at a tracepoint: then it
 * is only kept from moving to another CPU. Up to 6.18 preemption is off.
 */
#include "compat.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} found SEC(".maps");

SEC("raw_tp/sys_exit")
int run(void *ctx)
{
	struct task_struct *task = current_task();
	__u32 only = 0, yes = 1;

	/* preemptible kernels alone have it */
	if (!bpf_core_field_exists(task->migration_disabled))
		return 0;
	if (BPF_CORE_READ(task, migration_disabled))
		bpf_map_update_elem(&found, &only, &yes, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
