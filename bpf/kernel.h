/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's types as far as our programs use them. Members are found by name at load
 * time (CO-RE), so order and size do not matter here, and no header of the build host's
 * kernel is needed. Where a member was renamed or moved, compat.h has an accessor.
 */
#pragma once

typedef unsigned char __u8;
typedef signed short __s16;
typedef unsigned short __u16;
typedef signed int __s32;
typedef unsigned int __u32;
typedef signed long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false, true };

#define NULL ((void *)0)

/* include/uapi/linux/bpf.h */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_QUEUE = 22,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_EXIST = 2,
	BPF_F_NO_PREALLOC = 1,
	BPF_F_MMAPABLE = 1 << 10,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_AVAIL_DATA = 0,
};

#define BPF_F_CURRENT_CPU 0xffffffffULL

/* include/uapi/asm-generic/errno*.h, include/linux/errno.h */
enum {
	EINTR = 4,
	E2BIG = 7,
	ENOSPC = 28,
	EEXIST = 17,
	MAX_ERRNO = 4095,
	ERESTARTSYS = 512,
	ERESTARTNOINTR = 513,
	ERESTARTNOHAND = 514,
	ERESTART_RESTARTBLOCK = 516,
};

/* include/uapi/linux/sched.h */
enum {
	CLONE_NEWTIME = 0x00000080,
	CLONE_THREAD = 0x00010000,
	CLONE_NEWNS = 0x00020000,
	CLONE_UNTRACED = 0x00800000,
	CLONE_NEWCGROUP = 0x02000000,
	CLONE_NEWUTS = 0x04000000,
	CLONE_NEWIPC = 0x08000000,
	CLONE_NEWUSER = 0x10000000,
	CLONE_NEWPID = 0x20000000,
	CLONE_NEWNET = 0x40000000,
};

enum {
	PF_IO_WORKER = 0x00000010,	/* include/linux/sched.h */
	PF_USER_WORKER = 0x00004000,	/* the same, since 6.4 (54e6842d0775) */
	PF_KTHREAD = 0x00200000,	/* the same */
	SIGNAL_GROUP_EXIT = 0x00000004, /* include/linux/sched/signal.h */
	SA_RESTART = 0x10000000, /* include/uapi/asm-generic/signal.h, the same on x86 */
	NSFS_MAGIC = 0x6e736673, /* include/uapi/linux/magic.h */
};

/* include/uapi/asm-generic/signal.h, siginfo.h, include/linux/sched/signal.h */
enum {
	SIGKILL = 9,
	SI_USER = 0,
	SI_TIMER = -2,
	SI_SIGIO = -5,
	SI_DETHREAD = -7,
	SI_KERNEL = 0x80,
};

#define SEND_SIG_NOINFO ((struct kernel_siginfo *)0)
#define SEND_SIG_PRIV ((struct kernel_siginfo *)1)

/* include/linux/mm_types_task.h */
enum { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bx;
	unsigned long cx;
	unsigned long si;
	unsigned long di;
	unsigned long ax;
	unsigned long orig_ax;
};

struct thread_info {
	__u32 status;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 pstate;
	__u64 orig_x0;
	__s32 syscallno;
};

struct thread_info {
	unsigned long flags;
};
#else
#error "compat.h must learn this architecture's registers first"
#endif

struct ns_common {
	unsigned int inum;
};

struct user_namespace {
	struct user_namespace *parent;
	struct ns_common ns;
};

struct pid_namespace {
	struct task_struct *child_reaper;
	struct pid_namespace *parent;
	unsigned int level;
	struct ns_common ns;
};

struct uts_namespace {
	struct ns_common ns;
};

struct ipc_namespace {
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct time_namespace {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns;
	struct time_namespace *time_ns_for_children;
	struct cgroup_namespace *cgroup_ns;
};

typedef struct {
	unsigned int val;
} kuid_t;

struct cred {
	kuid_t uid;
	struct user_namespace *user_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct super_block {
	unsigned long s_magic;
};

struct inode {
	struct super_block *i_sb;
	void *i_private;
};

struct file {
	struct inode *f_inode;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct kernfs_node {
	const char *name;
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	unsigned int flags;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup_subsys_state *subsys[1];
	struct cgroup *dfl_cgrp;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	int nr_threads;
	unsigned int flags;
	int group_exit_code;
	short oom_score_adj;
};

struct kernel_siginfo {
	int si_code;
};

struct mm_struct;

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	unsigned short migration_disabled;
	int pid;
	int tgid;
	int exit_code;
	void *stack;
	__u64 start_time;
	struct mm_struct *mm;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	const struct cred *real_cred;
	struct signal_struct *signal;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	char comm[16];
};

struct sigaction {
	void *sa_handler;
	unsigned long sa_flags;
};

struct k_sigaction {
	struct sigaction sa;
};

struct kernel_clone_args {
	__u64 flags;
};

/* Contexts of classic tracepoints. */
struct trace_event_raw_sys_exit {
	long id;
	long ret;
};

struct trace_event_raw_signal_deliver {
	unsigned long sa_handler;
	unsigned long sa_flags;
};

struct trace_event_raw_task_newtask {
	int pid;
	unsigned long clone_flags;
};

struct trace_event_raw_sched_process_exec {
	int old_pid;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop
