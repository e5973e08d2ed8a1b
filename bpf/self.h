/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The current task without a call, for what runs at each system call. Where returns are guarded
 * (retbleed, SRSO), a call of a helper costs more than all that we count. On arm64 the compiler has that
 * helper inline since Linux 6.11, on x86 it has not up to 6.19.
 *
 * A task is remembered by its kernel stack, and believed when it says that it has the stack which we run
 * on: a stack belongs to one task until that is gone for good.
 */
#pragma once

#include "compat.h"

#if defined(__TARGET_ARCH_x86)

/*
 * Set by the loader, which finds out by bpf/cast.bpf.c: how far from a kernel stack's start its registers are.
 * 0: numbers cannot be used as tasks.
 */
const volatile __u32 registers_at;

/* Of tasks, by 32 KiB of the addresses of their stacks, which is as close as they are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KNOWN_TASKS);
	__type(key, __u32);
	__type(value, __u64);
} known_tasks SEC(".maps");

/* To have something that the verifier lets us subtract from a pointer: another one. */
static __u64 anchor;

static __always_inline __u64 *known_task(struct pt_regs *regs)
{
	__u64 distance = (__u64)regs, *from = &anchor;
	__u32 at;

	asm volatile("%0 -= %1" : "+r"(distance) : "r"(from));
	at = (distance >> 15) % KNOWN_TASKS;
	return bpf_map_lookup_elem(&known_tasks, &at);
}

/* The loader makes it a call of bpf_rdonly_cast() (a35b9af4ec2c, 6.2), for which the verifier has a move. */
static __always_inline struct task_struct *as_task(__u64 task)
{
	void *(*cast)(const void *, __u32) = (void *)CAST_CALL;

	return cast((const void *)task, bpf_core_type_id_kernel(struct task_struct));
}

/* self(), by the registers that a BTF tracepoint of system calls has. */
static __always_inline struct task_struct *self_of(struct pt_regs *regs)
{
	__u64 *known, task = 0;
	struct task_struct *found;

	if (!registers_at)
		return self();
	known = known_task(regs);
	if (known)
		task = *known;
	found = as_task(task);
	if ((__u64)found->stack + registers_at == (__u64)regs)
		return found;
	task = (__u64)bpf_get_current_task_btf();
	if (known)
		*known = task;
	return as_task(task);
}

#else

#define self_of(regs) self()

#endif
