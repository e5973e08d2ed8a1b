/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts processes that the kernel ends for want of memory, for the victim's group.
 *
 *   signal_generate  the OOM killer sends SIGKILL to the victim ...
 *   mark_victim      ... and lets it have what is left of the memory. All but Linux 6.8 and later say
 *                    no more than its pid, and some of those marked are ending by themselves.
 *   mm_vmscan_*      whether it is a cgroup that has no memory left, or the host: who calls the OOM
 *                    killer has looked for memory to reclaim just before, in the one or in the other
 *
 * From the signal to the mark the victim is locked, so that both programs run on one CPU, and nothing
 * comes between. With PREEMPT_RT that lock sleeps: another SIGKILL of the kernel's may come there, and the kill
 * is then not counted.
 */
#include "kernel.h"
#include "events.h"
#include "rows.h"
#include <bpf/bpf_tracing.h>

DEFINE_COUNTERS(OOM_IDS, BPF_F_NO_PREALLOC)

struct victim {
	struct task_struct *task;
	__u32 pid;
	__u32 by; /* the thread that called the OOM killer */
};

/* To whom the kernel sent SIGKILL last, on this CPU, be it for another cause. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct victim);
} victims SEC(".maps");

/* The threads that looked for memory in a cgroup last, by their pid. The loader sizes it by the CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} reclaiming_cgroups SEC(".maps");

static __always_inline struct victim *victim_here(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&victims, &only);
}

static __always_inline int on_signal(int sig, struct kernel_siginfo *info,
				     struct task_struct *task)
{
	struct victim *v;

	if (sig != SIGKILL || info != SEND_SIG_PRIV)
		return 0;
	v = victim_here();
	if (!v)
		return 0;
	v->task = task;
	v->pid = BPF_CORE_READ(task, pid);
	v->by = bpf_get_current_pid_tgid();
	return 0;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_generate__btf, int sig, struct kernel_siginfo *info,
	     struct task_struct *task)
{
	return on_signal(sig, info, task);
}

SEC("raw_tp/signal_generate")
int BPF_PROG(signal_generate__raw, int sig, struct kernel_siginfo *info,
	     struct task_struct *task)
{
	return on_signal(sig, info, task);
}

static __always_inline int on_cgroup_reclaim(void)
{
	__u32 tid = bpf_get_current_pid_tgid(), here = 1;

	bpf_map_update_elem(&reclaiming_cgroups, &tid, &here, BPF_ANY);
	return 0;
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int BPF_PROG(cgroup_reclaim__btf)
{
	return on_cgroup_reclaim();
}

SEC("raw_tp/mm_vmscan_memcg_reclaim_begin")
int BPF_PROG(cgroup_reclaim__raw)
{
	return on_cgroup_reclaim();
}

SEC("tp/vmscan/mm_vmscan_memcg_reclaim_begin")
int cgroup_reclaim__classic(void *ctx)
{
	return on_cgroup_reclaim();
}

static __always_inline int on_host_reclaim(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&reclaiming_cgroups, &tid);
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(host_reclaim__btf)
{
	return on_host_reclaim();
}

SEC("raw_tp/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(host_reclaim__raw)
{
	return on_host_reclaim();
}

SEC("tp/vmscan/mm_vmscan_direct_reclaim_begin")
int host_reclaim__classic(void *ctx)
{
	return on_host_reclaim();
}

static __always_inline __u32 kill_id(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&reclaiming_cgroups, &tid) ? OOM_KILL_CGROUP :
								OOM_KILL_GLOBAL;
}

/* `victim` is its pid, or since 6.8 (72ba14deb40a) the task itself. */
static __always_inline int on_victim(void *ctx, __u64 victim)
{
	struct victim *v = victim_here();
	struct event event = {};
	struct task_struct *task;

	if (!v || v->by != (__u32)bpf_get_current_pid_tgid() ||
	    ((__u32)victim != v->pid && victim != (__u64)v->task))
		return 0;
	task = v->task;
	*v = (struct victim){};
	event.id = kill_id();
	event.group = group_of(task);
	count_for(task, event.group, event.id);
	if (!is_told(event.id))
		return 0;
	describe_actor_with_group(&event);
	describe_task(&event.target, task);
	event.detail[OOM_EVENT_RESIDENT] = resident_pages(BPF_CORE_READ(task, mm));
	event.detail[OOM_EVENT_SCORE_ADJ] = BPF_CORE_READ(task, signal, oom_score_adj);
	send_event(ctx, &event);
	return 0;
}

SEC("tp_btf/mark_victim")
int mark_victim__btf(__u64 *ctx)
{
	return on_victim(ctx, ctx[0]);
}

SEC("raw_tp/mark_victim")
int mark_victim__raw(__u64 *ctx)
{
	return on_victim(ctx, ctx[0]);
}

char LICENSE[] SEC("license") = "GPL";
