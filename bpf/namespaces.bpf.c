/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts who joins and makes namespaces, by type, and attempts that fail, by verb.
 *
 *   fexit, kretprobe  the functions behind setns, unshare and the clones: no other call pays
 *   sys_exit          the same calls as they return; where family syscalls is on, its
 *                     program hands these calls over to ours
 *
 * Clones that succeed are counted in task_newtask, where their flags are certain and the new task is at hand.
 */
#include "kernel.h"
#include "events.h"
#include "namespace_flag.h"
#include "rows.h"
#include "syscall_id.h"
#include <bpf/bpf_tracing.h>

DEFINE_COUNTERS(NAMESPACE_IDS, BPF_F_NO_PREALLOC)

/* What an event says beside its id. */
struct circumstances {
	struct task_struct *member; /* who is in the namespace now; NULL: not known */
	__u32 child;		    /* of a clone that succeeds */
	__u32 fd;		    /* of a join */
	__u32 error;
};

/* A process has its PID and time namespace for its children only. */
static __always_inline __u32 namespace_inode(struct task_struct *task, __u32 type)
{
	struct nsproxy *namespaces = BPF_CORE_READ(task, nsproxy);

	switch (type) {
	case NAMESPACE_CGROUP:
		return BPF_CORE_READ(namespaces, cgroup_ns, ns.inum);
	case NAMESPACE_IPC:
		return BPF_CORE_READ(namespaces, ipc_ns, ns.inum);
	case NAMESPACE_MNT:
		return BPF_CORE_READ(namespaces, mnt_ns, ns.inum);
	case NAMESPACE_NET:
		return BPF_CORE_READ(namespaces, net_ns, ns.inum);
	case NAMESPACE_PID:
		return BPF_CORE_READ(namespaces, pid_ns_for_children, ns.inum);
	case NAMESPACE_TIME:
		return BPF_CORE_READ(namespaces, time_ns_for_children, ns.inum);
	case NAMESPACE_USER:
		return BPF_CORE_READ(task, real_cred, user_ns, ns.inum);
	case NAMESPACE_UTS:
		return BPF_CORE_READ(namespaces, uts_ns, ns.inum);
	default:
		return 0;
	}
}

static __always_inline void tell(void *ctx, __u32 id, __u32 type,
				 const struct circumstances *c)
{
	struct event event = {
		.group = current_group(),
		.id = id,
		.target.pid = c->child,
		.detail = { [NAMESPACE_EVENT_FD] = c->fd,
			    [NAMESPACE_EVENT_ERROR] = c->error },
	};

	if (c->member)
		event.detail[NAMESPACE_EVENT_INODE] = namespace_inode(c->member, type);
	describe_actor(&event, current_task());
	send_event(ctx, &event);
}

/*
 * Global, as the verifier looks at such a function once, and not at each of its calls: without this, loading
 * takes eight times as long.
 */
__attribute__((noinline)) int count_id(__u32 id)
{
	count(id);
	return 0;
}

/*
 * A function of its own: what is left on its stack goes with it, so that the verifier finds the
 * same state after each call. Else 5.10 follows more than a million instructions on arm64.
 */
static __attribute__((noinline)) void count_one(void *ctx, __u32 id, __u32 type,
						const struct circumstances *c)
{
	count_id(id);
	if (is_told(id))
		tell(ctx, id, type, c);
}

static __always_inline void count_failure(void *ctx, __u32 verb, struct circumstances *c,
					  long ret)
{
	c->error = -ret;
	c->member = NULL;
	count_one(ctx, NAMESPACE_FAILED + verb, NAMESPACE_UNKNOWN, c);
}

static __always_inline void count_types(void *ctx, __u32 verb, __u64 flags,
					const struct circumstances *c)
{
	for (__u32 type = 0; type < NAMESPACE_UNKNOWN; type++)
		if (flags & flag_of[type])
			count_one(ctx, verb * NAMESPACE_TYPES + type, type, c);
}

static __always_inline void count_attempt(void *ctx, __u32 verb, __u64 flags, long ret,
					  struct circumstances *c)
{
	/* a clone that a signal interrupts is made again, and that one counts */
	if (!(flags & ANY_NAMESPACE) || is_interrupted(ret))
		return;
	if (ret < 0)
		count_failure(ctx, verb, c, ret);
	else
		count_types(ctx, verb, flags, c);
}

/*
 * The type of the namespace behind an open descriptor of the current task, as a flag; or
 * 0.
 */
static __always_inline __u32 namespace_flag_of_fd(__u32 fd)
{
	struct files_struct *open_files = OF_SELF(self(), files);
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

static __always_inline void on_setns(void *ctx, __u32 fd, __u32 flags, long ret)
{
	struct circumstances c = { .member = current_task(), .fd = fd };

	if (ret < 0) {
		count_failure(ctx, VERB_JOIN, &c, ret);
		return;
	}
	if (!flags)
		flags = namespace_flag_of_fd(fd);
	if (flags)
		count_types(ctx, VERB_JOIN, flags, &c);
	else
		count_one(ctx, VERB_JOIN * NAMESPACE_TYPES + NAMESPACE_UNKNOWN,
			  NAMESPACE_UNKNOWN, &c);
}

static __always_inline void on_unshare(void *ctx, __u64 flags, long ret)
{
	struct circumstances c = { .member = current_task() };

	count_attempt(ctx, VERB_UNSHARE, flags, ret, &c);
}

/*
 * Clones that succeed are counted by task_newtask, so that one that has not yet returned
 * is.
 */
static __always_inline void on_failed_clone(void *ctx, struct pt_regs *regs, __u8 traits,
					    long ret)
{
	struct circumstances c = {};
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
	count_attempt(ctx, VERB_CLONE, flags, ret, &c);
}

/* `regs`: of the current task when it entered the kernel. */
static __always_inline int on_sys_exit(void *ctx, struct pt_regs *regs, int nr, long ret)
{
	__u8 traits = traits_of(syscall_id(self(), nr));

	if (!traits)
		return 0;
	if (traits & TRAIT_SETNS)
		on_setns(ctx, syscall_arg(regs, 0), syscall_arg(regs, 1), ret);
	else if (traits & TRAIT_UNSHARE)
		on_unshare(ctx, syscall_arg(regs, 0), ret);
	else if (traits & (TRAIT_CLONE | TRAIT_CLONE3))
		on_failed_clone(ctx, regs, traits, ret);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit__btf, struct pt_regs *regs, long ret)
{
	return on_sys_exit(ctx, regs, syscall_number_btf(regs), ret);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(sys_exit__raw, struct pt_regs *regs, long ret)
{
	return on_sys_exit(ctx, regs, syscall_number(regs), ret);
}

/* Runs in the parent, to which the new namespaces are charged. */
static __always_inline int on_newtask(void *ctx, struct task_struct *child, __u32 pid,
				      __u64 flags)
{
	const struct circumstances c = { .member = child, .child = pid };

	if (flags & ANY_NAMESPACE)
		count_types(ctx, VERB_CLONE, flags, &c);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_newtask__btf, struct task_struct *task, __u64 flags)
{
	return on_newtask(ctx, task, BPF_CORE_READ(task, pid), flags);
}

SEC("raw_tp/task_newtask")
int BPF_PROG(task_newtask__raw, struct task_struct *task, __u64 flags)
{
	return on_newtask(ctx, task, BPF_CORE_READ(task, pid), flags);
}

SEC("tp/raw_syscalls/sys_exit")
int sys_exit__classic(struct trace_event_raw_sys_exit *ctx)
{
	return on_sys_exit(ctx, current_regs(), ctx->id, ctx->ret);
}

SEC("tp/task/task_newtask")
int task_newtask__classic(struct trace_event_raw_task_newtask *ctx)
{
	return on_newtask(ctx, NULL, ctx->pid, ctx->clone_flags);
}

#if defined(__TARGET_ARCH_x86)
#define SETNS "__x64_sys_setns"
#elif defined(__TARGET_ARCH_arm64)
#define SETNS "__arm64_sys_setns"
#endif

SEC("fexit/" SETNS)
int BPF_PROG(setns__fexit, struct pt_regs *regs, long ret)
{
	on_setns(ctx, syscall_arg(regs, 0), syscall_arg(regs, 1), ret);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
SEC("fexit/__ia32_sys_setns")
int BPF_PROG(setns_compat__fexit, struct pt_regs *regs, long ret)
{
	on_setns(ctx, syscall_arg(regs, 0), syscall_arg(regs, 1), ret);
	return 0;
}
#endif

SEC("fexit/ksys_unshare")
int BPF_PROG(unshare__fexit, unsigned long flags, int ret)
{
	on_unshare(ctx, flags, ret);
	return 0;
}

/* Behind clone, clone3, fork and vfork since 5.10 (cad6967ac108). */
SEC("fexit/kernel_clone")
int BPF_PROG(clone__fexit, struct kernel_clone_args *args, int ret)
{
	struct circumstances c = {};

	if (ret < 0)
		count_attempt(ctx, VERB_CLONE, BPF_CORE_READ(args, flags), ret, &c);
	return 0;
}

/* A function's arguments are no longer there when it returns; the call's own are. */
static __always_inline int on_function_return(void *ctx, long ret)
{
	struct pt_regs *regs = current_regs();

	if (OF_SELF(self(), flags) & PF_KTHREAD)
		return 0;
	return on_sys_exit(ctx, regs, syscall_number(regs), ret);
}

SEC("kretprobe/" SETNS)
int setns__kretprobe(struct pt_regs *ctx)
{
	return on_function_return(ctx, kretprobe_result(ctx));
}

#if defined(__TARGET_ARCH_x86)
SEC("kretprobe/__ia32_sys_setns")
int setns_compat__kretprobe(struct pt_regs *ctx)
{
	return on_function_return(ctx, kretprobe_result(ctx));
}
#endif

SEC("kretprobe/ksys_unshare")
int unshare__kretprobe(struct pt_regs *ctx)
{
	return on_function_return(ctx, (int)kretprobe_result(ctx));
}

SEC("kretprobe/kernel_clone")
int clone__kretprobe(struct pt_regs *ctx)
{
	return on_function_return(ctx, (int)kretprobe_result(ctx));
}

char LICENSE[] SEC("license") = "GPL";
