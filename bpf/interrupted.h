/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The current task's call that a signal interrupted, from its sys_exit until it is known how it
 * ends: it is restarted, or fails with EINTR as a handler runs, or its task is killed.
 */
#pragma once

#include "syscall_id.h"

struct interrupted {
	__u32 id;
	int ret; /* -ERESTART* */
};

#if defined(__TARGET_ARCH_x86)

/* arch_do_signal_or_restart() leaves the registers alone until the signal is chosen. */
static __always_inline void note_interrupted(struct task_struct *task, __u32 id, long ret)
{
}

static __always_inline void forget_interrupted(struct task_struct *task)
{
}

/* False when there is none. */
static __always_inline bool take_interrupted(struct task_struct *task,
					     struct interrupted *call)
{
	struct pt_regs *regs = current_regs();
	long ret = syscall_result(regs);
	int nr = syscall_number(regs);

	if (nr == -1 || !is_interrupted(ret))
		return false;
	call->id = syscall_id(task, nr);
	call->ret = ret;
	return true;
}

#elif defined(__TARGET_ARCH_arm64)

/*
 * do_signal() forgets the call's number and sets the registers back to where it began before it
 * chooses the signal, so the call is noted down at its sys_exit.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct interrupted);
} interrupted SEC(".maps");

/* How many are noted: mostly none, and then no other call has to look. */
static __u64 interrupted_count;

static __always_inline void count_lost(void);

static __always_inline void note_interrupted(struct task_struct *task, __u32 id, long ret)
{
	struct interrupted call = { .id = id, .ret = ret };
	__u32 pid = OF_SELF(task, pid);

	if (bpf_map_update_elem(&interrupted, &pid, &call, BPF_NOEXIST) == 0)
		__sync_fetch_and_add(&interrupted_count, 1);
	else if (bpf_map_update_elem(&interrupted, &pid, &call, BPF_EXIST) != 0)
		count_lost();
}

static __always_inline void forget_interrupted(struct task_struct *task)
{
	__u32 pid;

	if (!interrupted_count)
		return;
	pid = OF_SELF(task, pid);
	if (bpf_map_delete_elem(&interrupted, &pid) == 0)
		__sync_fetch_and_add(&interrupted_count, -1);
}

static __always_inline bool take_interrupted(struct task_struct *task,
					     struct interrupted *call)
{
	struct interrupted *noted;
	__u32 pid;

	if (!interrupted_count)
		return false;
	pid = OF_SELF(task, pid);
	noted = bpf_map_lookup_elem(&interrupted, &pid);
	if (!noted)
		return false;
	*call = *noted;
	forget_interrupted(task);
	return true;
}

#endif
