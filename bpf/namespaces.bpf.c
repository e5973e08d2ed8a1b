/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts who joins and makes namespaces, by type, and attempts that fail, by verb.
 *
 *   fexit, kretprobe  the functions behind setns, unshare and the clones: no other call pays
 *   sys_exit          the same calls as they return; where family syscalls is on, its
 *                     program hands these calls over to ours
 *
 * All but fexit see a clone's flags for certain in task_newtask alone, where it succeeds.
 */
#include "kernel.h"
#include "namespace_flag.h"
#include "rows.h"
#include "syscall_id.h"
#include <bpf/bpf_tracing.h>

DEFINE_COUNTERS(NAMESPACE_IDS, BPF_F_NO_PREALLOC)

static __always_inline void count_types(__u32 verb, __u64 flags)
{
	for (__u32 type = 0; type < NAMESPACE_UNKNOWN; type++)
		if (flags & flag_of[type])
			count(verb * NAMESPACE_TYPES + type);
}

static __always_inline void count_attempt(__u32 verb, __u64 flags, long ret)
{
	/* a clone that a signal interrupts is made again, and that one counts */
	if (!(flags & ANY_NAMESPACE) || is_interrupted(ret))
		return;
	if (ret < 0)
		count(NAMESPACE_FAILED + verb);
	else
		count_types(verb, flags);
}

/*
 * The type of the namespace behind an open descriptor of the current task, as a flag; or
 * 0.
 */
static __always_inline __u32 namespace_flag_of_fd(__u32 fd)
{
	struct files_struct *open_files = CURRENT_TASK(files);
	struct fdtable *table = BPF_CORE_READ(open_files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;
	struct inode *inode;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	inode = BPF_CORE_READ(file, f_inode);
	if (BPF_CORE_READ(inode, i_sb, s_magic) != NSFS_MAGIC)
		return 0;
	return namespace_flag(BPF_CORE_READ(inode, i_private));
}

static __always_inline void on_setns(__u32 fd, __u32 flags, long ret)
{
	if (ret < 0) {
		count(NAMESPACE_FAILED + VERB_JOIN);
		return;
	}
	if (!flags)
		flags = namespace_flag_of_fd(fd);
	if (flags)
		count_types(VERB_JOIN, flags);
	else
		count(VERB_JOIN * NAMESPACE_TYPES + NAMESPACE_UNKNOWN);
}

/*
 * Clones that succeed are counted by task_newtask, so that one that has not yet returned
 * is.
 */
static __always_inline void on_failed_clone(struct pt_regs *regs, __u8 traits, long ret)
{
	__u64 flags = syscall_arg(regs, 0);

	if (ret >= 0)
		return;
	if (traits & TRAIT_CLONE3) {
		__u64 args = flags;

		if (bpf_probe_read_user(&flags, sizeof(flags), (void *)args))
			return;
	} else {
		flags &=
			~0xffULL; /* CSIGNAL; CLONE_NEWTIME lies in it and needs clone3 */
	}
	count_attempt(VERB_CLONE, flags, ret);
}

/* `regs`: of the current task when it entered the kernel. */
static __always_inline int on_sys_exit(struct pt_regs *regs, int nr, long ret)
{
	__u8 traits = traits_of(syscall_id(nr));

	if (!traits)
		return 0;
	if (traits & TRAIT_SETNS)
		on_setns(syscall_arg(regs, 0), syscall_arg(regs, 1), ret);
	else if (traits & TRAIT_UNSHARE)
		count_attempt(VERB_UNSHARE, syscall_arg(regs, 0), ret);
	else if (traits & (TRAIT_CLONE | TRAIT_CLONE3))
		on_failed_clone(regs, traits, ret);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit__btf, struct pt_regs *regs, long ret)
{
	return on_sys_exit(regs, syscall_number_btf(regs), ret);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(sys_exit__raw, struct pt_regs *regs, long ret)
{
	return on_sys_exit(regs, syscall_number(regs), ret);
}

/* Runs in the parent, to which the new namespaces are charged. */
SEC("tp_btf/task_newtask")
int BPF_PROG(task_newtask__btf, struct task_struct *task, __u64 flags)
{
	count_types(VERB_CLONE, flags);
	return 0;
}

SEC("raw_tp/task_newtask")
int BPF_PROG(task_newtask__raw, struct task_struct *task, __u64 flags)
{
	count_types(VERB_CLONE, flags);
	return 0;
}

SEC("tp/raw_syscalls/sys_exit")
int sys_exit__classic(struct trace_event_raw_sys_exit *ctx)
{
	return on_sys_exit(current_regs(), ctx->id, ctx->ret);
}

SEC("tp/task/task_newtask")
int task_newtask__classic(struct trace_event_raw_task_newtask *ctx)
{
	count_types(VERB_CLONE, ctx->clone_flags);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
#define SETNS "__x64_sys_setns"
#elif defined(__TARGET_ARCH_arm64)
#define SETNS "__arm64_sys_setns"
#endif

SEC("fexit/" SETNS)
int BPF_PROG(setns__fexit, struct pt_regs *regs, long ret)
{
	on_setns(syscall_arg(regs, 0), syscall_arg(regs, 1), ret);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
SEC("fexit/__ia32_sys_setns")
int BPF_PROG(setns_compat__fexit, struct pt_regs *regs, long ret)
{
	on_setns(syscall_arg(regs, 0), syscall_arg(regs, 1), ret);
	return 0;
}
#endif

SEC("fexit/ksys_unshare")
int BPF_PROG(unshare__fexit, unsigned long flags, int ret)
{
	count_attempt(VERB_UNSHARE, flags, ret);
	return 0;
}

/* Behind clone, clone3, fork and vfork since 5.10 (cad6967ac108). */
SEC("fexit/kernel_clone")
int BPF_PROG(clone__fexit, struct kernel_clone_args *args, int ret)
{
	count_attempt(VERB_CLONE, BPF_CORE_READ(args, flags), ret);
	return 0;
}

/* A function's arguments are no longer there when it returns; the call's own are. */
static __always_inline int on_function_return(long ret)
{
	struct pt_regs *regs = current_regs();

	if (CURRENT_TASK(flags) & PF_KTHREAD)
		return 0;
	return on_sys_exit(regs, syscall_number(regs), ret);
}

SEC("kretprobe/" SETNS)
int setns__kretprobe(struct pt_regs *ctx)
{
	return on_function_return(kretprobe_result(ctx));
}

#if defined(__TARGET_ARCH_x86)
SEC("kretprobe/__ia32_sys_setns")
int setns_compat__kretprobe(struct pt_regs *ctx)
{
	return on_function_return(kretprobe_result(ctx));
}
#endif

SEC("kretprobe/ksys_unshare")
int unshare__kretprobe(struct pt_regs *ctx)
{
	return on_function_return((int)kretprobe_result(ctx));
}

SEC("kretprobe/kernel_clone")
int clone__kretprobe(struct pt_regs *ctx)
{
	return on_function_return((int)kretprobe_result(ctx));
}

char LICENSE[] SEC("license") = "GPL";
