/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One accessor for each thing that differs between kernels or architectures, with the
 * kernel commit or release that changed it. The branches are decided when the program is
 * loaded, by what the running kernel's BTF says; what does not apply is removed before
 * the verifier sees it.
 */
#pragma once

#include "kernel.h"
#include "shared.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node___before_6_15 {
	struct kernfs_node *parent;
};

struct kernfs_node___since_6_15 {
	struct kernfs_node *__parent;
};

struct proc_ns_operations {
	int type;
};

struct ns_common___before_6_18 {
	const struct proc_ns_operations *ops;
};

struct ns_common___since_6_18 {
	__u32 ns_type;
};

struct mm_struct___before_6_2 {
	struct {
		struct {
			__s64 counter;
		} count[4];
	} rss_stat;
};

struct signal_struct___before_5_17 {
	struct task_struct *group_exit_task;
};

struct signal_struct___since_5_17 {
	struct task_struct *group_exec_task;
};

struct percpu_counter {
	__s64 count;
};

struct mm_struct___since_6_2 {
	struct percpu_counter rss_stat[4];
};

#pragma clang attribute pop

enum bpf_func_id___present {
	BPF_FUNC_get_current_task_btf___present = 1,
	BPF_FUNC_task_pt_regs___present = 1,
};

/*
 * Set by the loader. The kernel has BTF of its own: without it some helpers cannot be called,
 * though a file of BTF (BtfPath) says that there are such.
 */
const volatile bool have_kernel_btf = true;

/*
 * Set by the loader. Another task may run a program of ours on this CPU while the current one
 * is in the middle of one: see struct door in src/families.h.
 */
const volatile bool preemptible;

/* To be followed by helpers alone. */
static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/*
 * bpf_get_current_task_btf() came in 5.11 (3ca1032ab7ab); members of what it returns are
 * free.
 */
static __always_inline bool have_current_task_btf(void)
{
	return have_kernel_btf &&
	       bpf_core_enum_value_exists(enum bpf_func_id___present,
					  BPF_FUNC_get_current_task_btf___present);
}

/*
 * The current task, for OF_SELF() alone. A program asks once and hands it on, as it may be a call: not
 * every kernel's compiler has it inline.
 */
static __always_inline struct task_struct *self(void)
{
	if (have_current_task_btf())
		return (struct task_struct *)bpf_get_current_task_btf();
	return current_task();
}

/* The type of the member of what self() returned must be a scalar or a pointer. */
#define OF_SELF(task, member)                                     \
	({                                                        \
		typeof(((struct task_struct *)0)->member) value_; \
		if (have_current_task_btf())                      \
			value_ = (task)->member;                  \
		else                                              \
			value_ = BPF_CORE_READ(task, member);     \
		value_;                                           \
	})

static __always_inline struct cgroup *dfl_cgroup_of_self(struct task_struct *task)
{
	if (have_current_task_btf())
		return task->cgroups->dfl_cgrp;
	return BPF_CORE_READ(task, cgroups, dfl_cgrp);
}

#if defined(__TARGET_ARCH_x86)

/* TS_COMPAT, arch/x86/include/asm/thread_info.h: set for int $0x80 and for ELF32 alike. */
static __always_inline bool in_compat_syscall(struct task_struct *task)
{
	return OF_SELF(task, thread_info.status) & 0x2;
}

#define syscall_number(regs) ((int)BPF_CORE_READ(regs, orig_ax))
#define syscall_number_btf(regs) ((int)(regs)->orig_ax)

static __always_inline long syscall_result(struct pt_regs *regs)
{
	return (long)BPF_CORE_READ(regs, ax);
}

/* What a function returned, by the context of its kretprobe. */
#define kretprobe_result(ctx) ((long)(ctx)->ax)

static __always_inline __u64 syscall_arg(struct pt_regs *regs, int n)
{
	if (in_compat_syscall(self()))
		return (__u32)(n ? BPF_CORE_READ(regs, cx) : BPF_CORE_READ(regs, bx));
	return n ? BPF_CORE_READ(regs, si) : BPF_CORE_READ(regs, di);
}

#define X32_SYSCALL_BIT 0x40000000 /* arch/x86/include/uapi/asm/unistd.h */

static __always_inline __u32 x32_id(__u32 nr)
{
	nr &= ~X32_SYSCALL_BIT;
	return nr < SYSCALL_UNKNOWN - SYSCALL_X32 ? SYSCALL_X32 + nr : SYSCALL_UNKNOWN;
}

#define is_x32(nr) ((nr)&X32_SYSCALL_BIT)

#elif defined(__TARGET_ARCH_arm64)

/*
 * TIF_32BIT, arch/arm64/include/asm/thread_info.h: bit 22 in every release so far. (The
 * mode bit in pt_regs would do as well, but costs a helper call where the registers are
 * not BTF-typed.)
 */
static __always_inline bool in_compat_syscall(struct task_struct *task)
{
	return OF_SELF(task, thread_info.flags) & (1 << 22);
}

#define syscall_number(regs) BPF_CORE_READ(regs, syscallno)
#define syscall_number_btf(regs) ((regs)->syscallno)

#define kretprobe_result(ctx) ((long)(ctx)->regs[0])

static __always_inline __u64 syscall_arg(struct pt_regs *regs, int n)
{
	return n ? BPF_CORE_READ(regs, regs[1]) : BPF_CORE_READ(regs, orig_x0);
}

#define is_x32(nr) 0
#define x32_id(nr) SYSCALL_UNKNOWN

#endif

/*
 * Set by the loader. Bytes from the start of a kernel stack to the end of the registers on it: see
 * loader_registers_end(). A program that asked for a type that the kernel lacks would have libbpf 1.1
 * look into modules, for which it wants CAP_SYS_ADMIN.
 */
const volatile __u32 registers_end;

/*
 * The registers with which the current task entered the kernel. bpf_task_pt_regs() came
 * in 5.15 (dd6e10fbd9fb) and wants the typed task; else they are looked for at the end of the
 * kernel stack.
 */
static __always_inline struct pt_regs *current_regs(void)
{
	if (have_kernel_btf &&
	    bpf_core_enum_value_exists(enum bpf_func_id___present,
				       BPF_FUNC_task_pt_regs___present))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return (void *)(OF_SELF(self(), stack) + registers_end -
			bpf_core_type_size(struct pt_regs));
}

#if defined(__TARGET_ARCH_x86)

#define exec_id(compat, nr, id) (id)

#elif defined(__TARGET_ARCH_arm64)

/* arch/arm64/include/asm/unistd.h and unistd32.h */
enum {
	NATIVE_EXECVE = 221,
	NATIVE_EXECVEAT = 281,
	COMPAT_EXECVE = 11,
	COMPAT_EXECVEAT = 387,
};

/*
 * A program that was just executed returns with the number of its caller's call, which may be of
 * the other table; in some releases with -1. It is known by its registers: all are 0, where any
 * other call has its number in x8 or r7.
 */
static __always_inline bool is_exec_number(int nr, bool compat)
{
	if (compat)
		return nr == NATIVE_EXECVE || nr == NATIVE_EXECVEAT;
	return nr == COMPAT_EXECVE || nr == COMPAT_EXECVEAT;
}

static __always_inline __u32 exec_id(bool compat, int nr, __u32 id)
{
	struct pt_regs *regs;

	if (nr != -1 && !is_exec_number(nr, compat))
		return id;
	regs = current_regs();
	if (BPF_CORE_READ(regs, regs[7]) || BPF_CORE_READ(regs, regs[8]) ||
	    BPF_CORE_READ(regs, regs[30]))
		return id;
	if (nr == -1)
		return NATIVE_EXECVE;
	return compat ? nr : SYSCALL_COMPAT + nr;
}

#endif

/* Who executes a program, and has all other threads end; NULL: nobody. Renamed by 60700e38fb68 (5.17). */
static __always_inline struct task_struct *executing_thread(struct signal_struct *signal)
{
	struct signal_struct___before_5_17 *before = (void *)signal;
	struct signal_struct___since_5_17 *since = (void *)signal;

	if (bpf_core_field_exists(since->group_exec_task))
		return BPF_CORE_READ(since, group_exec_task);
	return BPF_CORE_READ(before, group_exit_task);
}

/* Renamed and put under RCU by 633488947ef6 (6.15). */
static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___before_6_15 *before = (void *)node;
	struct kernfs_node___since_6_15 *since = (void *)node;

	if (bpf_core_field_exists(since->__parent))
		return BPF_CORE_READ(since, __parent);
	return BPF_CORE_READ(before, parent);
}

/* A CLONE_NEW* flag. In the operations until 6.18 (4055526d3574), then in the namespace. */
static __always_inline __u32 namespace_flag(void *ns)
{
	struct ns_common___before_6_18 *before = ns;
	struct ns_common___since_6_18 *since = ns;

	if (bpf_core_field_exists(since->ns_type))
		return BPF_CORE_READ(since, ns_type);
	return BPF_CORE_READ(before, ops, type);
}

/*
 * What a helper on maps returns when it is compared with an error: until d7ba4cc900bf (6.4) the map's own
 * function may be called in its place, which leaves the upper half of the register as it likes.
 */
#define MAP_ERROR(call) ((int)(call))

static __always_inline __s64 not_negative(__s64 n)
{
	return n > 0 ? n : 0;
}

/*
 * As the kernel's own line about a victim has them, but for what its CPUs have not yet added up
 * since f1a7941243c1 (6.2).
 */
static __always_inline __s64 resident_pages(struct mm_struct *mm)
{
	struct mm_struct___before_6_2 *before = (void *)mm;
	struct mm_struct___since_6_2 *since = (void *)mm;

	if (bpf_core_field_exists(since->rss_stat[0].count))
		return not_negative(BPF_CORE_READ(since, rss_stat[MM_FILEPAGES].count)) +
		       not_negative(BPF_CORE_READ(since, rss_stat[MM_ANONPAGES].count)) +
		       not_negative(BPF_CORE_READ(since, rss_stat[MM_SHMEMPAGES].count));
	return BPF_CORE_READ(before, rss_stat.count[MM_FILEPAGES].counter) +
	       BPF_CORE_READ(before, rss_stat.count[MM_ANONPAGES].counter) +
	       BPF_CORE_READ(before, rss_stat.count[MM_SHMEMPAGES].counter);
}

/* Adds to a counter that only this CPU changes. */
static __always_inline void increment(__u64 *counter)
{
	if (preemptible)
		__sync_fetch_and_add(counter, 1);
	else
		(*counter)++;
}
