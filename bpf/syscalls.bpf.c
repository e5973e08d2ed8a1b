/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts each system call that a program makes once, when it ends:
 *
 *   sys_exit            all that return, but for the child's return from a fork, and but for
 *                       calls that a signal interrupted and that may yet be restarted
 *   signal_deliver      interrupted calls that are not: a handler runs and they fail with EINTR
 *   sched_process_exit  exit and exit_group; interrupted calls of a task that is killed
 *
 * Nothing hooks sys_enter, which would cost every call a second time.
 */
#include "kernel.h"
#include "rows.h"
#include "syscall_id.h"
#include <bpf/bpf_tracing.h>

struct calls {
	__u64 column[CALL_COLUMNS];
};

const volatile bool error_codes;
const volatile bool detail;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SYSCALL_IDS);
	__type(key, __u32);
	__type(value, struct calls);
} host SEC(".maps");

DEFINE_ROWS(struct calls, SYSCALL_ROW_IDS, 0)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__type(key, struct error_key);
	__type(value, __u64);
} codes SEC(".maps");

/* Errors that `codes` had no room for. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

/* Programs of other families that want a call too: one program per tracepoint serves all. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SYSCALL_IDS);
	__type(key, __u32);
	__type(value, __u32);
} followers SEC(".maps");

static __always_inline void add(struct calls *calls, bool failed)
{
	if (!calls)
		return;
	calls->column[CALLS]++;
	if (failed)
		calls->column[ERRORS]++;
}

static __always_inline void count_code(__u32 id, long ret)
{
	struct error_key key = { .id = id, .code = -ret };
	__u64 *count = bpf_map_lookup_elem(&codes, &key), none = 0;
	__u32 only = 0;

	if (!count) {
		bpf_map_update_elem(&codes, &key, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&codes, &key);
	}
	if (!count)
		count = bpf_map_lookup_elem(&lost, &only);
	if (count)
		(*count)++;
}

static __always_inline void count_call(__u32 id, __u8 traits, long ret)
{
	bool failed = is_error(ret);

	add(bpf_map_lookup_elem(&host, &id), failed);
	if (!detail)
		add(row(SYSCALL_ALL), failed);
	else
		add(row(traits & TRAIT_DETAIL ? id : SYSCALL_REST), failed);
	if (error_codes && failed)
		count_code(id, ret);
}

/* include/linux/errno.h: the kernel's own codes for a call that a signal interrupted. */
static __always_inline bool is_interrupted(long ret)
{
	return ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK;
}

/* What a call's return has to say. Returns its traits, or 0 when it does not count. */
static __always_inline __u8 count_return(int nr, __u32 id, long ret)
{
	__u8 traits = traits_of(id);

	if (is_interrupted(ret) && nr != -1)
		return 0;
	if (ret == 0 && traits & TRAIT_FORKS)
		return 0;
	count_call(id, traits, nr == -1 ? 0 : ret);
	return traits;
}

static __always_inline int on_sys_exit(void *ctx, int nr, long ret)
{
	__u8 traits;
	__u32 id;

	preemption_off();
	id = syscall_id(nr);
	traits = count_return(nr, id, ret);
	preemption_on();
	if (traits & TRAIT_FOLLOWED)
		bpf_tail_call(ctx, &followers, id);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit__btf, struct pt_regs *regs, long ret)
{
	return on_sys_exit(ctx, syscall_number_btf(regs), ret);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(sys_exit__raw, struct pt_regs *regs, long ret)
{
	return on_sys_exit(ctx, syscall_number(regs), ret);
}

/* What handle_signal() will make of an interrupted call: true when it ends with EINTR. */
static __always_inline bool signal_ends_call(struct k_sigaction *action, long ret)
{
	unsigned long handler = (unsigned long)BPF_CORE_READ(action, sa.sa_handler);

	if (handler <= 1) /* SIG_DFL, SIG_IGN: no handler runs */
		return false;
	if (ret == -ERESTARTNOINTR)
		return false;
	return ret != -ERESTARTSYS || !(BPF_CORE_READ(action, sa.sa_flags) & SA_RESTART);
}

static __always_inline int on_signal_deliver(struct k_sigaction *action)
{
	struct pt_regs *regs = current_regs();
	long ret = syscall_result(regs);
	int nr = syscall_number(regs);
	__u32 id;

	if (nr == -1 || !is_interrupted(ret) || !signal_ends_call(action, ret))
		return 0;
	id = syscall_id(nr);
	preemption_off();
	count_call(id, traits_of(id), -EINTR);
	preemption_on();
	return 0;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(signal_deliver__btf, int sig, void *info, struct k_sigaction *action)
{
	return on_signal_deliver(action);
}

SEC("raw_tp/signal_deliver")
int BPF_PROG(signal_deliver__raw, int sig, void *info, struct k_sigaction *action)
{
	return on_signal_deliver(action);
}

static __always_inline int on_process_exit(void)
{
	struct pt_regs *regs;
	__u8 traits;
	__u32 id;
	int nr;

	if (CURRENT_TASK(flags) & PF_KTHREAD)
		return 0;
	regs = current_regs();
	nr = syscall_number(regs);
	if (nr == -1)
		return 0;
	id = syscall_id(nr);
	traits = traits_of(id);
	if (!(traits & TRAIT_EXITS) && !is_interrupted(syscall_result(regs)))
		return 0;
	preemption_off();
	count_call(id, traits, 0);
	preemption_on();
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

char LICENSE[] SEC("license") = "GPL";
