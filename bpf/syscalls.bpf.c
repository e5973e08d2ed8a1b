/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts each system call that a program makes once, when it ends, and with Latency tells how long it
 * took:
 *
 *   sys_enter           with Latency alone: notes when a call begins
 *   sched_process_exec  the same: the thread may have got another number since
 *   sys_exit            all that return, but for the child's return from a fork, and for
 *                       calls that a signal interrupted and that may yet be restarted
 *   signal_deliver      interrupted calls that are not: a handler runs, they fail with EINTR
 *   sched_process_exit  exit and exit_group; interrupted calls of a task that is killed
 *
 * Without Latency nothing hooks sys_enter, which would cost every call a second time.
 */
#include "kernel.h"
#include "interrupted.h"
#include "rows.h"
#include "self.h"
#include "syscall_id.h"
#include "times.h"
#include <bpf/bpf_tracing.h>

const volatile bool error_codes;
const volatile bool detail;	  /* by group and call in `rows`, instead of `cpus` */
const volatile __u32 group_slots; /* Max + 1 */
const volatile __u32 cpu_count = 1;
const volatile bool latency;
/* Of 2^32, that a call is timed; all ones: each is. */
const volatile __u32 latency_chance = -1;
const volatile __u32 histogram_count;
/* Whose histogram a call is in; 0 is that of all which have none of their own. */
const volatile __u16 histogram_ranks[SYSCALL_IDS];

/*
 * By CPU. Not a per-CPU map: an array's look-up is inlined, and touches no other page; and user space can map
 * it, and so sees each counter as it was at one time.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct cpu_calls));
} cpus SEC(".maps");

/* By CPU: struct histogram by rank. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct histogram));
} histograms SEC(".maps");

DEFINE_ROWS(struct calls, SYSCALL_ROW_IDS, 0)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__type(key, struct error_key);
	__type(value, __u64);
} codes SEC(".maps");

/* Errors that `codes` had no room for, and calls on CPUs that `cpus` does not have. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

/*
 * Programs of other families that want a call too: one program per tracepoint serves all.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SYSCALL_IDS);
	__type(key, __u32);
	__type(value, __u32);
} followers SEC(".maps");

static __always_inline void add(__u64 columns[CALL_COLUMNS], bool failed)
{
	increment(&columns[CALLS]);
	if (failed)
		increment(&columns[ERRORS]);
}

static __always_inline void count_lost(void)
{
	__u32 only = 0;
	__u64 *n = bpf_map_lookup_elem(&lost, &only);

	if (n)
		increment(n);
}

static __always_inline void count_code(__u32 id, long ret)
{
	struct error_key key = { .id = id, .code = -ret };
	__u64 *count = bpf_map_lookup_elem(&codes, &key), none = 0;

	if (!count) {
		bpf_map_update_elem(&codes, &key, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&codes, &key);
	}
	if (count)
		increment(count);
	else
		count_lost();
}

/* How many calls SLOT_OTHER has had on that CPU: whether it is time to see if there is room now for a group. */
static __always_inline bool looks_again(const struct cpu_calls *cpu)
{
	enum { CALLS_BETWEEN = 64 };

	/* the first slot's first member, with Latency and without */
	return !(cpu->slots[SLOT_OTHER] % CALLS_BETWEEN);
}

/*
 * The slot of the group that came last is remembered, as most often the same comes again. Not that of a PID
 * namespace, whose last processes may still make calls when it is gone and its slot another group's.
 */
static __always_inline __u64 remembered_slot(struct task_struct *task,
					     struct cpu_calls *cpu)
{
	__u64 key, slot;

	if (group_kind == GROUP_KIND_PID_NAMESPACE)
		return find_slot();
	if (preemptible) /* somebody else's key could come between ours and our slot */
		return find_slot();
	key = group_key(task);
	if (cpu->group_key == key && (cpu->slot != SLOT_OTHER || !looks_again(cpu)))
		return cpu->slot;
	slot = find_slot();
	/* where it is not for want of room it is found the next time */
	if (slot == SLOT_OTHER && !is_recent(groups_full_at))
		return slot;
	cpu->slot = slot;
	cpu->group_key = key;
	barrier();
	/*
	 * The task may be moved at any time: then the key is not that of the slot, and the cgroup may have been
	 * removed before the key was here to be found.
	 */
	if (group_key(task) != key)
		cpu->group_key = 0;
	return slot;
}

/* How long a call took; there is no time of calls whose beginning was not seen. */
struct elapsed {
	bool known;
	__u64 ns;
};

static __always_inline void add_timed(struct calls *calls, bool failed,
				      struct elapsed elapsed)
{
	add(calls->column, failed);
	if (elapsed.known)
		add_time(&calls->times, elapsed.ns);
}

/* Without groups all is in SLOT_OTHER, whose calls the host's counters have already. */
static __always_inline void count_in_slot(struct task_struct *task, struct cpu_calls *cpu,
					  bool failed, struct elapsed elapsed)
{
	struct calls *timed = (void *)cpu->slots;
	__u64(*untimed)[CALL_COLUMNS] = (void *)cpu->slots;
	__u64 slot = SLOT_OTHER;

	if (group_kind != GROUP_KIND_NONE)
		slot = remembered_slot(task, cpu);
	else if (!latency)
		return;
	if (slot >= group_slots)
		return;
	if (latency)
		add_timed(&timed[slot], failed, elapsed);
	else
		add(untimed[slot], failed);
}

static __always_inline void add_to_histogram(__u32 id, struct elapsed elapsed)
{
	__u32 number = bpf_get_smp_processor_id(), rank;
	struct histogram *histogram;

	barrier_var(id);
	if (!elapsed.known || id >= SYSCALL_IDS)
		return;
	histogram = bpf_map_lookup_elem(&histograms, &number);
	rank = histogram_ranks[id];
	if (!histogram || rank >= histogram_count)
		return;
	histogram += rank;
	add_time(&histogram->times, elapsed.ns);
	histogram->buckets[bucket_of(elapsed.ns)]++;
}

static __always_inline void count_on_cpu(struct task_struct *task, __u32 id, bool failed,
					 struct elapsed elapsed)
{
	__u32 number = bpf_get_smp_processor_id();
	struct cpu_calls *cpu = bpf_map_lookup_elem(&cpus, &number);

	barrier_var(id);
	if (!cpu || id >= SYSCALL_IDS) {
		count_lost();
		return;
	}
	add(cpu->host[id], failed);
	count_in_slot(task, cpu, failed, elapsed);
}

static __always_inline void count_in_row(__u32 id, __u8 traits, bool failed,
					 struct elapsed elapsed)
{
	struct calls *calls =
		row(NULL, current_group(), traits & TRAIT_DETAIL ? id : SYSCALL_REST);

	if (calls && latency)
		add_timed(calls, failed, elapsed);
	else if (calls)
		add(calls->column, failed);
}

static __always_inline void count_call(struct task_struct *task, __u32 id, __u8 traits,
				       long ret, struct elapsed elapsed)
{
	bool failed = is_error(ret);

	if (detail)
		count_in_row(id, traits, failed, elapsed);
	else
		count_on_cpu(task, id, failed, elapsed);
	if (latency)
		add_to_histogram(id, elapsed);
	if (error_codes && failed)
		count_code(id, ret);
}

/* The current thread's call, which has ended or is given up. */
static __always_inline struct elapsed end_call(struct task_struct *task)
{
	__u64 start = latency ? take_start(OF_SELF(task, pid)) : 0;
	__s64 ns = has_time(start) ? time_since(start) : -1;

	return (struct elapsed){ .known = ns >= 0, .ns = ns };
}

/* It may be restarted, and then goes on as one call. */
static __always_inline void interrupt_call(struct task_struct *task)
{
	if (latency)
		interrupt_start(OF_SELF(task, pid));
}

static __always_inline int on_sys_enter(struct task_struct *task)
{
	note_start(OF_SELF(task, pid), latency_chance == (__u32)-1 ||
					       bpf_get_prandom_u32() <= latency_chance);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter__btf, struct pt_regs *regs)
{
	return on_sys_enter(self_of(regs));
}

SEC("raw_tp/sys_enter")
int BPF_PROG(sys_enter__raw)
{
	return on_sys_enter(self());
}

SEC("tp/raw_syscalls/sys_enter")
int sys_enter__classic(void *ctx)
{
	return on_sys_enter(self());
}

/* What a call's return has to say. Returns its traits, or 0 when it does not count. */
static __always_inline __u8 count_return(struct task_struct *task, int nr, __u32 id,
					 long ret)
{
	__u8 traits = traits_of(id);

	if (is_interrupted(ret) && nr != -1) {
		note_interrupted(task, id, ret);
		interrupt_call(task);
		return 0;
	}
	forget_interrupted(task);
	if (ret == 0 && traits & TRAIT_FORKS) {
		/* nothing that a thread of the same number has left is this one's */
		if (latency)
			take_start(OF_SELF(task, pid));
		return 0;
	}
	count_call(task, id, traits, nr == -1 ? 0 : ret, end_call(task));
	return traits;
}

static __always_inline int on_sys_exit(void *ctx, struct task_struct *task, int nr,
				       long ret)
{
	__u32 id = syscall_id(task, nr);
	__u8 traits = count_return(task, nr, id, ret);

	if (traits & TRAIT_FOLLOWED)
		bpf_tail_call(ctx, &followers, id);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit__btf, struct pt_regs *regs, long ret)
{
	return on_sys_exit(ctx, self_of(regs), syscall_number_btf(regs), ret);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(sys_exit__raw, struct pt_regs *regs, long ret)
{
	return on_sys_exit(ctx, self(), syscall_number(regs), ret);
}

SEC("tp/raw_syscalls/sys_exit")
int sys_exit__classic(struct trace_event_raw_sys_exit *ctx)
{
	return on_sys_exit(ctx, self(), ctx->id, ctx->ret);
}

/* With Latency alone: the call is execve, which ends in a thread of another number than it began. */
static __always_inline int on_exec(__u32 old_pid)
{
	__u32 pid = OF_SELF(self(), pid);

	if (old_pid != pid)
		move_start(old_pid, pid);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec__btf, struct task_struct *task, int old_pid)
{
	return on_exec(old_pid);
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(process_exec__raw, struct task_struct *task, int old_pid)
{
	return on_exec(old_pid);
}

SEC("tp/sched/sched_process_exec")
int process_exec__classic(struct trace_event_raw_sched_process_exec *ctx)
{
	return on_exec(ctx->old_pid);
}

static __always_inline bool runs_handler(unsigned long handler)
{
	return handler > 1; /* SIG_DFL, SIG_IGN */
}

/* What handle_signal() will make of an interrupted call: true when it ends with EINTR. */
static __always_inline bool handler_ends_call(unsigned long flags, long ret)
{
	if (ret == -ERESTARTNOINTR)
		return false;
	return ret != -ERESTARTSYS || !(flags & SA_RESTART);
}

static __always_inline int on_signal_deliver(unsigned long handler, unsigned long flags)
{
	struct task_struct *task = self();
	struct interrupted call;
	struct elapsed elapsed;

	if (!runs_handler(handler))
		return 0;
	/* one that goes on after the handler begins again: the handler makes calls, too */
	elapsed = end_call(task);
	if (take_interrupted(task, &call) && handler_ends_call(flags, call.ret))
		count_call(task, call.id, traits_of(call.id), -EINTR, elapsed);
	return 0;
}

static __always_inline int on_signal_action(struct k_sigaction *action)
{
	return on_signal_deliver((unsigned long)BPF_CORE_READ(action, sa.sa_handler),
				 BPF_CORE_READ(action, sa.sa_flags));
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(signal_deliver__btf, int sig, void *info, struct k_sigaction *action)
{
	return on_signal_action(action);
}

SEC("raw_tp/signal_deliver")
int BPF_PROG(signal_deliver__raw, int sig, void *info, struct k_sigaction *action)
{
	return on_signal_action(action);
}

SEC("tp/signal/signal_deliver")
int signal_deliver__classic(struct trace_event_raw_signal_deliver *ctx)
{
	return on_signal_deliver(ctx->sa_handler, ctx->sa_flags);
}

/*
 * Where a thread executes a program, the first one ends, whose number it gets then. sched_process_exec comes
 * later, or never when it fails after that: so the start goes to that number here.
 */
static __always_inline void end_thread(struct task_struct *task)
{
	struct signal_struct *signal = OF_SELF(task, signal);
	struct task_struct *heir;
	__u32 pid = OF_SELF(task, pid);

	take_start(pid);
	if (pid != (__u32)OF_SELF(task, tgid) ||
	    BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT)
		return;
	heir = executing_thread(signal);
	if (heir)
		move_start(BPF_CORE_READ(heir, pid), pid);
}

static __always_inline int on_process_exit(void)
{
	const struct elapsed none = { .known = false }; /* a call that does not return */
	struct task_struct *task = self();
	struct interrupted call;
	__u32 id;
	int nr;

	if (OF_SELF(task, flags) & PF_KTHREAD)
		return 0;
	if (latency)
		end_thread(task);
	nr = syscall_number(current_regs());
	id = syscall_id(task, nr);
	if (nr != -1 && traits_of(id) & TRAIT_EXITS)
		count_call(task, id, traits_of(id), 0, none);
	else if (take_interrupted(task, &call))
		count_call(task, call.id, traits_of(call.id), 0, none);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit__btf)
{
	return on_process_exit();
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(process_exit__raw)
{
	return on_process_exit();
}

SEC("tp/sched/sched_process_exit")
int process_exit__classic(void *ctx)
{
	return on_process_exit();
}

/* The address of a cgroup that is gone may be that of a new one. */
static __always_inline int on_cgroup_rmdir(__u64 cgroup)
{
	for (__u32 number = 0; number < cpu_count; number++) {
		__u32 key = number;
		struct cpu_calls *cpu = bpf_map_lookup_elem(&cpus, &key);

		if (!cpu)
			break;
		if (cpu->group_key == cgroup)
			cpu->group_key = 0;
	}
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_rmdir__btf, struct cgroup *cgroup)
{
	return on_cgroup_rmdir((__u64)cgroup);
}

SEC("raw_tp/cgroup_rmdir")
int BPF_PROG(cgroup_rmdir__raw, struct cgroup *cgroup)
{
	return on_cgroup_rmdir((__u64)cgroup);
}

char LICENSE[] SEC("license") = "GPL";
