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

/*
 * `child`: a thread's number, or 0. A function of its own, as there are several ways to it that the verifier
 * would follow each by itself.
 */
static __attribute__((noinline)) void tell(void *ctx, struct task_struct *actor, __u32 id,
					   __u32 child)
{
	struct event event = { .group = current_group(), .id = id };

	describe_actor(&event, actor);
	event.target.pid = id == PROCESS_THREAD ? event.actor.pid : child;
	event.target.tid = child;
	send_event(ctx, &event);
}

static __always_inline void count_and_tell(void *ctx, __u32 id, __u32 child)
{
	count(id);
	if (is_told(id))
		tell(ctx, current_task(), id, child);
}

/*
 * Whether the kernel adds it to a process for itself, as io_uring and vhost do. These cannot be traced, which
 * programs may ask for as well; where the task is not at hand that has to do.
 */
static __always_inline bool is_worker(struct task_struct *task, __u64 flags)
{
	if (!(flags & CLONE_UNTRACED))
		return false;
	return !task || BPF_CORE_READ(task, flags) & (PF_IO_WORKER | PF_USER_WORKER);
}

/* Runs in the parent. `task` is `child`, or NULL. */
static __always_inline int on_newtask(void *ctx, struct task_struct *task, __u32 child,
				      __u64 flags)
{
	if (OF_SELF(self(), flags) & PF_KTHREAD)
		return 0;
	if (!(flags & CLONE_THREAD))
		count_and_tell(ctx, PROCESS_FORK, child);
	else if (!is_worker(task, flags))
		count_and_tell(ctx, PROCESS_THREAD, child);
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

SEC("tp/task/task_newtask")
int task_newtask__classic(struct trace_event_raw_task_newtask *ctx)
{
	return on_newtask(ctx, NULL, ctx->pid, ctx->clone_flags);
}

static __always_inline int on_exec(void *ctx)
{
	count_and_tell(ctx, PROCESS_EXEC, 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec__btf)
{
	return on_exec(ctx);
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(process_exec__raw)
{
	return on_exec(ctx);
}

SEC("tp/sched/sched_process_exec")
int process_exec__classic(void *ctx)
{
	return on_exec(ctx);
}

struct ended_process {
	__u64 start_time;
	__u64 pid;
};

/* Those that ended last. The loader sizes it by the CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ended_process);
	__type(value, __u8);
} ended SEC(".maps");

/*
 * A process ends with the last of its threads. Which that is no kernel before 6.16 says: of those that end
 * at once several see that nobody is left, and the first of them counts. After one that is the only thread
 * that has not been released nobody comes.
 */
static __always_inline bool ends_process(struct task_struct *leader,
					 struct signal_struct *signal)
{
	struct ended_process process = { .pid = BPF_CORE_READ(leader, pid) };
	__u8 yes = 1;

	if (BPF_CORE_READ(signal, live.counter))
		return false;
	process.start_time = BPF_CORE_READ(leader, start_time);
	if (BPF_CORE_READ(signal, nr_threads) == 1)
		return !bpf_map_lookup_elem(&ended, &process);
	return MAP_ERROR(bpf_map_update_elem(&ended, &process, &yes, BPF_NOEXIST)) !=
	       -EEXIST;
}

/* As wait(2) tells it. */
static __always_inline __u32 exit_id(int status)
{
	if (status & 0x7f)
		return status & 0x80 ? PROCESS_EXIT_DUMPED : PROCESS_EXIT_KILLED;
	return status & 0xff00 ? PROCESS_EXIT_ERROR : PROCESS_EXIT_OK;
}

/* A function of its own, as tell() is. */
static __attribute__((noinline)) void tell_end(void *ctx, struct task_struct *leader,
					       __u32 id, int status, __u64 life_ns)
{
	struct event event = {
		.group = current_group(),
		.id = id,
		.detail = { [PROCESS_EVENT_STATUS] = status,
			    [PROCESS_EVENT_LIFE] = life_ns },
	};

	describe_actor(&event, leader);
	send_event(ctx, &event);
}

static __always_inline void count_end(void *ctx, struct task_struct *leader, __u32 id,
				      int status, __u64 life_ns)
{
	count(id);
	if (is_told(id))
		tell_end(ctx, leader, id, status, life_ns);
}

static __always_inline int on_process_exit(void *ctx)
{
	struct task_struct *leader = OF_SELF(self(), group_leader);
	struct signal_struct *signal = OF_SELF(self(), signal);
	__u64 life_ns;
	int status;

	if (OF_SELF(self(), flags) & PF_KTHREAD || !ends_process(leader, signal))
		return 0;
	status = BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT ?
			 BPF_CORE_READ(signal, group_exit_code) :
			 BPF_CORE_READ(leader, exit_code);
	life_ns = bpf_ktime_get_ns() - BPF_CORE_READ(leader, start_time);
	count_end(ctx, leader, exit_id(status), status, life_ns);
	if (life_ns < interval_ns)
		count_end(ctx, leader, PROCESS_SHORT_LIVED, status, life_ns);
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
