/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds out whether a number can be used as a task, by bpf_rdonly_cast() (a35b9af4ec2c, Linux 6.2), and how far
 * from the start of a kernel stack the registers of a system call are: for bpf/self.h. An object of its own, as
 * libbpf loads none that names a function of the kernel where there is no BTF.
 */
#include "compat.h"
#include <bpf/bpf_tracing.h>

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} found SEC(".maps");

SEC("tp_btf/sys_exit")
int run(void *ctx)
{
	__u64 number = (__u64)bpf_get_current_task_btf(), registers = 0, distance;
	struct task_struct *task = bpf_rdonly_cast(
		(const void *)number, bpf_core_type_id_kernel(struct task_struct));
	__u32 only = 0;

	if (task->pid != (int)bpf_get_current_pid_tgid())
		return 0;
	/* the first argument, as a number */
	bpf_probe_read_kernel(&registers, sizeof(registers), ctx);
	distance = registers - (__u64)task->stack;
	bpf_map_update_elem(&found, &only, &distance, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
