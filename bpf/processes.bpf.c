/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts processes and threads that are made, programs that are executed, and how processes end. What the
 * kernel makes for itself does not count.
 */
#include "kernel.h"
#include "events.h"
#include "rows.h"
#include <bpf/bpf_tracing.h>

/* A process that lived less than this is one that nobody saw who looks once per interval. */
const volatile __u64 interval_ns;

DEFINE_COUNTERS(PROCESS_IDS, BPF_F_NO_PREALLOC)

/* Runs in the parent. Threads that the kernel adds to a process (of io_uring) cannot be traced. */
static __always_inline int on_newtask(__u64 flags)
{
	if (CURRENT_TASK(flags) & PF_KTHREAD)
		return 0;
	if (!(flags & CLONE_THREAD))
		count(PROCESS_FORK);
	else if (!(flags & CLONE_UNTRACED))
		count(PROCESS_THREAD);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_newtask__btf, struct task_struct *task, __u64 flags)
{
	return on_newtask(flags);
}

SEC("raw_tp/task_newtask")
int BPF_PROG(task_newtask__raw, struct task_struct *task, __u64 flags)
{
	return on_newtask(flags);
}

SEC("tp/task/task_newtask")
int task_newtask__classic(struct trace_event_raw_task_newtask *ctx)
{
	return on_newtask(ctx->clone_flags);
}

static __always_inline int on_exec(void)
{
	count(PROCESS_EXEC);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec__btf)
{
	return on_exec();
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(process_exec__raw)
{
	return on_exec();
}

SEC("tp/sched/sched_process_exec")
int process_exec__classic(void *ctx)
{
	return on_exec();
}

/*
 * A process ends once with its first thread: the last two may both see that nobody else is left. But when
 * another thread executes a program, it ends all others, and goes on as the first.
 */
static __always_inline bool ends_process(struct signal_struct *signal)
{
	return CURRENT_TASK(pid) == CURRENT_TASK(tgid) && !executing_task(signal);
}

/* As wait(2) tells it. */
static __always_inline __u32 exit_id(int status)
{
	if (status & 0x7f)
		return status & 0x80 ? PROCESS_EXIT_DUMPED : PROCESS_EXIT_KILLED;
	return status & 0xff00 ? PROCESS_EXIT_ERROR : PROCESS_EXIT_OK;
}

static __always_inline void tell_end(void *ctx, __u32 id, int status)
{
	struct event event = {
		.group = current_group(),
		.id = id,
		.detail = { [PROCESS_EVENT_SIGNAL] = status & 0x7f },
	};

	describe_actor(&event);
	send_event(ctx, &event);
}

static __always_inline int on_process_exit(void *ctx)
{
	struct signal_struct *signal = CURRENT_TASK(signal);
	int status;
	__u32 id;

	if (CURRENT_TASK(flags) & PF_KTHREAD || !ends_process(signal))
		return 0;
	status = BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT ?
			 BPF_CORE_READ(signal, group_exit_code) :
			 CURRENT_TASK(exit_code);
	id = exit_id(status);
	count(id);
	if (bpf_ktime_get_ns() - CURRENT_TASK(start_time) < interval_ns)
		count(PROCESS_SHORT_LIVED);
	if (event_way && (id == PROCESS_EXIT_KILLED || id == PROCESS_EXIT_DUMPED))
		tell_end(ctx, id, status);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit__btf)
{
	return on_process_exit(ctx);
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(process_exit__raw)
{
	return on_process_exit(ctx);
}

SEC("tp/sched/sched_process_exit")
int process_exit__classic(void *ctx)
{
	return on_process_exit(ctx);
}

char LICENSE[] SEC("license") = "GPL";
