/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Iterators that write a struct live_namespace for each namespace that a task is in, with
 * its ancestors, and for each one that a task holds open. The same one may come many
 * times.
 */
#include "namespace_flag.h"
#include <bpf/bpf_tracing.h>

/*
 * Of the task before: most share them, and what was just written need not be written
 * again. When the buffer is full the kernel throws away what a task has written and comes
 * again with the same task, so these are set only when all of it was written.
 */
static struct nsproxy *last_proxy;
static struct user_namespace *last_user;

/* Nonzero when there was no room. */
static __always_inline long emit(struct seq_file *seq, __u32 type, __u32 inode, __u32 pid)
{
	struct live_namespace ns = { .type = type, .inode = inode, .pid = pid };

	return bpf_seq_write(seq, &ns, sizeof(ns));
}

enum {
	DEPTH_MAX = 33
}; /* kernel/user_namespace.c, MAX_PID_NS_LEVEL: 32 below the first */

static __always_inline long emit_users(struct seq_file *seq, struct user_namespace *ns,
				       __u32 pid)
{
	long full = 0;

	for (int i = 0; i < DEPTH_MAX && ns; i++) {
		full |= emit(seq, NAMESPACE_USER, BPF_CORE_READ(ns, ns.inum), pid);
		ns = BPF_CORE_READ(ns, parent);
	}
	return full;
}

static __always_inline long emit_pids(struct seq_file *seq, struct pid_namespace *ns,
				      __u32 pid)
{
	long full = 0;

	for (int i = 0; i < DEPTH_MAX && ns; i++) {
		full |= emit(seq, NAMESPACE_PID, BPF_CORE_READ(ns, ns.inum), pid);
		ns = BPF_CORE_READ(ns, parent);
	}
	return full;
}

#define EMIT_MEMBER(type, member)                                              \
	(BPF_CORE_READ(proxy, member) ?                                        \
		 emit(seq, type, BPF_CORE_READ(proxy, member, ns.inum), pid) : \
		 0)

static __always_inline long emit_proxy(struct seq_file *seq, struct nsproxy *proxy,
				       __u32 pid)
{
	long full = EMIT_MEMBER(NAMESPACE_UTS, uts_ns);

	full |= EMIT_MEMBER(NAMESPACE_IPC, ipc_ns);
	full |= EMIT_MEMBER(NAMESPACE_MNT, mnt_ns);
	full |= EMIT_MEMBER(NAMESPACE_NET, net_ns);
	full |= EMIT_MEMBER(NAMESPACE_TIME, time_ns);
	full |= EMIT_MEMBER(NAMESPACE_TIME, time_ns_for_children);
	full |= EMIT_MEMBER(NAMESPACE_CGROUP, cgroup_ns);
	/* a task's own PID namespace is this one or an ancestor of it */
	return full | emit_pids(seq, BPF_CORE_READ(proxy, pid_ns_for_children), pid);
}

SEC("iter/task")
int task_namespaces(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct user_namespace *user;
	struct nsproxy *proxy;
	long full = 0;
	__u32 pid;

	if (!task)
		return 0;
	if (ctx->meta->seq_num == 0) {
		last_proxy = NULL;
		last_user = NULL;
	}
	pid = BPF_CORE_READ(task, tgid);
	proxy = BPF_CORE_READ(task, nsproxy);
	user = BPF_CORE_READ(task, real_cred, user_ns);
	if (proxy && proxy != last_proxy)
		full |= emit_proxy(seq, proxy, pid);
	if (user != last_user)
		full |= emit_users(seq, user, pid);
	if (full)
		return 0;
	last_proxy = proxy;
	last_user = user;
	return 0;
}

SEC("iter/task_file")
int file_namespaces(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct inode *inode;
	void *ns;

	if (!file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	if (BPF_CORE_READ(inode, i_sb, s_magic) != NSFS_MAGIC)
		return 0;
	ns = BPF_CORE_READ(inode, i_private);
	emit(ctx->meta->seq, namespace_type(namespace_flag(ns)),
	     BPF_CORE_READ((struct ns_common *)ns, inum), 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
