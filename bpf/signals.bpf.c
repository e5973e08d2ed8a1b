/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts signals as they are generated, for the group of who is to get them: also those that it
 * ignores, or that are pending already.
 *
 * The tracepoint is passed with the receiver's siglock held and interrupts off, so that its programs
 * are neither preempted nor nested; but with PREEMPT_RT that lock sleeps.
 */
#include "kernel.h"
#include "events.h"
#include "rows.h"
#include <bpf/bpf_tracing.h>

enum { SI_ASYNCIO = -4 }; /* include/uapi/asm-generic/siginfo.h */

DEFINE_COUNTERS(SIGNAL_IDS, BPF_F_NO_PREALLOC)

/* Set by the loader: whether the operator wants to know of a signal. */
const volatile bool selected[SIGNAL_IDS];

/*
 * Two values of the pointer stand for themselves: SEND_SIG_PRIV for the kernel; SEND_SIG_NOINFO for the
 * current task, though it is also what the kernel says of some that it sends to that, such as SIGPIPE.
 */
static __always_inline int signal_code(struct kernel_siginfo *info)
{
	if (info == SEND_SIG_NOINFO)
		return SI_USER;
	return info == SEND_SIG_PRIV ? SI_KERNEL : BPF_CORE_READ(info, si_code);
}

/*
 * Codes up to 0 are those of system calls, where rt_sigqueueinfo(2) lets the sender choose; but some are
 * the kernel's, too, whose signal may come in an interrupt, with any task as the current one.
 */
static __always_inline bool may_be_in_interrupt(int code)
{
	return code == SI_TIMER || code == SI_ASYNCIO || code == SI_SIGIO;
}

static __always_inline void tell(void *ctx, __u32 id, __u64 group, int code,
				 struct task_struct *task)
{
	struct event event = {
		.group = group,
		.id = id,
		.detail = { [SIGNAL_EVENT_CODE] = code },
	};

	/* no group of whoever happens to run is to get a name, and take room, for it */
	if (may_be_in_interrupt(code))
		describe_actor(&event, current_task());
	else if (code <= SI_USER)
		describe_actor_with_group(&event);
	describe_task(&event.target, task);
	send_event(ctx, &event);
}

static __always_inline int on_signal(void *ctx, int sig, struct kernel_siginfo *info,
				     struct task_struct *task)
{
	__u64 id = (__u32)sig, group;

	barrier_var(id); /* what is compared is what is the index, for the verifier */
	if (id >= SIGNAL_IDS || !selected[id])
		return 0;
	group = group_of(task);
	count_for(task, group, id);
	if (is_told(id))
		tell(ctx, id, group, signal_code(info), task);
	return 0;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_generate__btf, int sig, struct kernel_siginfo *info,
	     struct task_struct *task)
{
	return on_signal(ctx, sig, info, task);
}

SEC("raw_tp/signal_generate")
int BPF_PROG(signal_generate__raw, int sig, struct kernel_siginfo *info,
	     struct task_struct *task)
{
	return on_signal(ctx, sig, info, task);
}

char LICENSE[] SEC("license") = "GPL";
