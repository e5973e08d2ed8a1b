/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Causes events a known number of times, for the live tests.
 *
 *	cause [enter CGROUP_DIR [--] | pidns FILE] COMMAND [ARGUMENT...]
 *	cause has COMMAND
 *	cause break-btf DAMAGE FROM TO
 *
 * A command has two halves. prepare() opens, maps and starts whatever is needed; act() makes
 * the calls that the table below lists. "enter" moves the process into the cgroup between the
 * two, by writing "0" to its cgroup.procs. That write returns inside the new cgroup, and the
 * process ends by exit_group. So a cgroup that nobody else uses is charged with exactly
 *
 *	1 write + what the table says for act() + 1 exit_group
 *
 * "pidns" runs act() as the first process of a new PID namespace, and writes the namespace's
 * number to FILE. That namespace is charged with 1 read + act() + 1 exit_group.
 *
 * act() therefore goes through syscall(2) only, and through the wrappers of vfork and clone,
 * which make one call each and cannot be had from C otherwise. Processes that help from outside
 * are started by prepare() and stay in the cgroup that cause was started in. A child is always
 * waited for, which is the wait4 of the table. Static, so that nothing is loaded, and so that it
 * runs where there is no C library.
 *
 * Exit status: 0 when everything went as the table says, 1 when a call that should have
 * succeeded failed or the other way round, 2 for a usage error or when prepare() failed, 77 when
 * this kernel cannot do it. "has" ends with 1 where the architecture does not have the calls.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/btf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harmless.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define MISSING_PATH "/nonexistent-ebpf-test"
#define CLONE_BAD_FLAG 0x1 /* of the bits that unshare(2) does not know */
#define THREAD_FLAGS \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define EXIT_SIGNAL_TIME 0x80 /* CLONE_NEWTIME lies within the exit signal of clone(2) */
#define TYPE_MAX 8
#define SKIPPED 77 /* as test runners know it */

/* Written by the process that acts, read by the one that interrupts it. */
struct shared {
	volatile int blocking;	       /* blocking calls about to be made so far */
	volatile int handled;	       /* signals whose handler has run */
	volatile pid_t victim;	       /* whom to kill next */
	volatile long long handled_at; /* the clock's ns, of the last one */
};

struct job {
	long n;
	long ms;
	int signal;
	int code;	   /* of the signal, without its minus */
	int flags;	   /* CLONE_NEW* of the types given */
	const char *path;  /* a file or a directory */
	pid_t pid;	   /* of the process that acts, */
	int fds[TYPE_MAX]; /* namespaces to join, */
	size_t fd_count;
	int pipe[2]; /* to block on */
	struct shared *shared;
};

/* Each returns 0, or 1 when something went otherwise than announced. */
typedef int act_fn(const struct job *job);

static act_fn calls, fail, badf, mixed, rare, nosys, refused;
static act_fn exit_threads_untraced;
static act_fn exit_children, exit_crowd, exit_late, kill_late, exit_error, dump,
	exit_threads, exec, exec_thread, exec_thread_late, exec_path, exec_fail,
	send_signals, read_restarted;
static act_fn read_interrupted, read_begun_again, wait_stopped, children_killed,
	exit_blocked;
#ifdef SYS_fork
static act_fn fork_children, vfork_children;
#endif
static act_fn signal_self, signal_children, signal_group, hog;
static act_fn signal_queue, signal_timer, signal_alarm;
static act_fn vfork_crowd, clone3_children;
#ifdef __x86_64__
static act_fn int80_calls, int80_namespaces, x32_calls;
#endif
static act_fn unshare_children, clone_children_ns, clone3_children_ns, setns_typed,
	setns_any;
static act_fn setns_pidfd, unshare_fail, unshare_eperm, unshare_fail_plain, clone_fail;
static act_fn clone3_fail, clone_fail_plain, setns_fail;
static act_fn nothing, runs, live, hold, bind_mount, alive;
static act_fn waits, waits_moved, waits_collide, waits_reused, refused_reused,
	copies_in_turn, random_calls, storm, many_groups;

typedef void prepare_fn(struct job *job);

static prepare_fn seccomp_filter, handler_restart, handler_plain, interrupter_restart;
static prepare_fn interrupter_late, interrupter_plain, interrupter_stop, interrupter_kill;
static prepare_fn releaser;
static prepare_fn mover;
static prepare_fn timer_restart, start_crowd_pipe;
#ifdef __x86_64__
static prepare_fn try_int80, try_int80_then_uts;
#endif
static prepare_fn open_namespaces, open_pidfd, open_uts, start_member;

static const struct command {
	const char *name;
	const char *
		args; /* words: N, MS, SIGNAL and CODE numbers, TYPES a list such as "net,uts", PATH */
	prepare_fn *prepare;
	act_fn *act;
	const char *calls; /* that act() makes; "*": of the children, "=": how it ends */
} commands[] = {
	/* system calls */
	{ "calls", "N", NULL, calls, "N getppid" },
	{ "fail", "N", NULL, fail, "N openat=ENOENT" },
	{ "badf", "N", NULL, badf, "N close=EBADF" },
	{ "mixed", "N", NULL, mixed, "2N getppid, N openat=ENOENT, N close=EBADF" },
	{ "rare", "N", NULL, rare, "N swapoff=ENOENT, which nobody else calls" },
	{ "nosys", "N", NULL, nosys, "N calls of a number that no table holds=ENOSYS" },
	{ "refused", "N", seccomp_filter, refused, "N getppid=EPERM, by seccomp" },

	/* calls that do not return, or return oddly */
	{ "exit", "N", NULL, exit_children, "N clone, N* exit_group, N wait4" },
	{ "exit-error", "N", NULL, exit_error, "N clone, N* exit_group(3), N wait4" },
	{ "exit-crowd", "N", NULL, exit_crowd,
	  "N clone, 7N* clone of threads, 8N* exit at the same time, N wait4" },
	{ "exit-late", "N", NULL, exit_late,
	  "N clone, N* clone of a thread, N* exit, N* nanosleep and exit_group(3) of the thread, N wait4" },
	{ "killed-late", "N", NULL, kill_late,
	  "the same, but the thread ends by N* kill, not by exit_group" },
	{ "dump", "PATH N", NULL, dump, "N clone, N* tgkill=core in PATH, N wait4" },
	{ "threadexit", "N", NULL, exit_threads, "N clone, N* exit" },
	{ "threadexit-untraced", "N", NULL, exit_threads_untraced,
	  "the same, of threads that a tracer does not get" },
	{ "exec", "N", NULL, exec,
	  "N clone, N* execve, N* the start of a C program, N* exit_group, N wait4" },
	{ "exec-thread", "N", NULL, exec_thread,
	  "the same, by another thread of each child than its first" },
	{ "exec-thread-late", "MS N", NULL, exec_thread_late,
	  "the same, after N* nanosleep of MS milliseconds, for which the first thread waits" },
	{ "exec-path", "PATH N", NULL, exec_path,
	  "N clone, N* execve of PATH with the argument nothing, N wait4" },
	{ "exec-fail", "N", NULL, exec_fail, "N execve=ENOENT" },
	{ "sigreturn", "N", handler_plain, send_signals, "N tgkill, N rt_sigreturn" },
	{ "restart-sa", "N", interrupter_restart, read_restarted,
	  "1 read, interrupted N times and restarted, N rt_sigreturn" },
	{ "restart-late", "MS", interrupter_late, read_begun_again,
	  "1 read, interrupted after MS milliseconds and restarted, which ends MS later, 1 rt_sigreturn; "
	  "prints how long that was in all, and since the handler ran, in ns, by a write" },
	{ "eintr", "N", interrupter_plain, read_interrupted,
	  "N read=EINTR, N rt_sigreturn" },
	{ "stopcont", "N", interrupter_stop, wait_stopped,
	  "N futex that wait, stopped and continued, each of which ends as restart_syscall" },
	{ "killed", "N", interrupter_kill, children_killed,
	  "N clone, N* read that never returns, N wait4" },
	{ "exit-blocked", "N", releaser, exit_blocked,
	  "N clone, N* clone of a thread, N* read of that, which never returns, as N* exit_group of the "
	  "first thread ends it, N wait4" },
#ifdef SYS_fork
	{ "fork", "N", NULL, fork_children, "N fork, N* exit_group, N wait4" },
	{ "vfork", "N", NULL, vfork_children, "N vfork, N* exit_group, N wait4" },
#endif
	{ "vfork-crowd", "N", start_crowd_pipe, vfork_crowd,
	  "N clone, then in each child at the same time vfork, whose child waits for the others" },
	{ "clone3", "N", NULL, clone3_children, "N clone3, N* exit_group, N wait4" },

	/*
	 * that take known times: rt_sigtimedwait, which nobody else calls, of MS milliseconds.
	 * How long they took in all, and the longest, is printed in ns, by a write.
	 */
	{ "waits", "MS N", NULL, waits, "N rt_sigtimedwait=EAGAIN" },
	{ "waits-moved", "MS N", mover, waits_moved,
	  "N rt_sigtimedwait that a signal ends after MS milliseconds, each on another CPU than it began "
	  "on; ends with 77 where the first two CPUs are not to be had" },
	{ "copies-in-turn", "N", NULL, copies_in_turn,
	  "1 sched_setscheduler, then in turn N process_vm_readv of nothing and N process_vm_writev "
	  "of 1 MiB, which nobody else calls; prints how long they took in all, in ns, and the sum of "
	  "their squares, in us^2" },
	{ "random", "MS", NULL, random_calls,
	  "for MS milliseconds; prints how many, how many of them failed, and how many were inotify_rm_watch" },
	{ "storm", "PATH MS N", NULL, storm,
	  "in each of at most N cgroups per second, PATH/I, some at a time, I % 97 getppid and exit_group; "
	  "prints how many" },
	{ "many-groups", "PATH N", NULL, many_groups,
	  "in each of N cgroups PATH/0 and so on, which remain, each call of harmless.h and exit_group" },
	{ "waits-collide", "MS", NULL, waits_collide,
	  "2 clone, 2* rt_sigtimedwait=EAGAIN at the same time, of threads whose numbers differ by "
	  "65536, 2* exit_group, 2 wait4; ends with 77 where numbers cannot be chosen" },
	{ "waits-reused", "MS N", interrupter_kill, waits_reused,
	  "N times: clone, a read that never returns, wait4; MS milliseconds later a child of the same number: clone, "
	  "rt_sigtimedwait=EAGAIN at once, exit_group, wait4; ends with 77 where numbers cannot be chosen" },
	{ "refused-reused", "PATH MS N", seccomp_filter, refused_reused,
	  "N times a thread that fails to execute PATH, which is made, when the first one of its process has ended, "
	  "and MS milliseconds later a child of its number, whose one call is getppid=EPERM by seccomp" },

#ifdef __x86_64__
	/* by other tables than the native one, though this is a 64-bit program */
	{ "int80", "N", try_int80, int80_calls,
	  "N getppid of i386, N close of i386=EBADF, 2N getppid" },
	{ "int80-ns", "N", try_int80_then_uts, int80_namespaces,
	  "of i386: N setns(fd, uts), N setns(fd, 0), N setns(-1, uts)=EBADF, N unshare(uts)" },
	{ "x32", "N", NULL, x32_calls,
	  "N close of x32=EBADF or ENOSYS, N rt_sigaction of x32=EINVAL or ENOSYS" },
#endif

	/* namespaces, with N clone, N* exit_group and N wait4 where not said otherwise */
	{ "unshare", "TYPES N", NULL, unshare_children, "N* unshare(TYPES)" },
	{ "clone-ns", "TYPES N", NULL, clone_children_ns, "N clone(TYPES) and no other" },
	{ "clone3-ns", "TYPES N", NULL, clone3_children_ns,
	  "N clone3(TYPES) and no clone" },
	{ "clone-ns-restart", "TYPES N", timer_restart, clone_children_ns,
	  "N clone(TYPES), some of them interrupted by a timer, restarted and in the end made" },
	{ "setns", "TYPES N", open_namespaces, setns_typed,
	  "N* setns(fd, TYPE) of each" },
	{ "setns0", "TYPES N", open_namespaces, setns_any, "N* setns(fd, 0) of each" },
	{ "pidfd", "TYPES N", open_pidfd, setns_pidfd, "N* setns(pidfd, TYPES)" },
	{ "unshare-fail", "TYPES N", NULL, unshare_fail,
	  "N unshare(TYPES and a bad flag)=EINVAL and nothing else" },
	{ "unshare-eperm", "TYPES N", NULL, unshare_eperm,
	  "1 setresuid, N unshare(TYPES)=EPERM and nothing else" },
	{ "unshare-fail-plain", "N", NULL, unshare_fail_plain,
	  "N unshare(a bad flag)=EINVAL and nothing else" },
	{ "clone-fail", "N", NULL, clone_fail, "N clone(mnt and CLONE_FS)=EINVAL" },
	{ "clone3-fail", "N", NULL, clone3_fail, "N clone3(mnt and CLONE_FS)=EINVAL" },
	{ "clone-fail-plain", "N", NULL, clone_fail_plain,
	  "N clone(CLONE_SIGHAND, an exit signal that looks like time)=EINVAL" },
	{ "setns-fail", "N", open_uts, setns_fail,
	  "N setns(-1, net)=EBADF, N setns(a uts namespace, net)=EINVAL" },

	/* not counted: what keeps namespaces alive; all but bind last until a signal comes */
	{ "live", "TYPES PATH", start_member, live,
	  "a process in new namespaces; PATH is created when it is there" },
	{ "hold", "TYPES PATH", start_member, hold,
	  "new namespaces that only descriptors keep; PATH is created when they do" },
	{ "bind", "TYPES PATH", start_member, bind_mount,
	  "new namespaces that only mounts keep: PATH/net and so on" },
	{ "signal-self", "SIGNAL N", NULL, signal_self,
	  "1 rt_sigaction, N kill that are ignored" },
	{ "signal-children", "SIGNAL N", NULL, signal_children,
	  "N clone, N kill that end them, N wait4" },
	{ "signal-group", "SIGNAL N", NULL, signal_group,
	  "N clone, N setpgid, 1 kill of their group that ends them, N wait4" },
	{ "signal-queue", "SIGNAL CODE N", NULL, signal_queue,
	  "1 rt_sigaction, 1 clone of who ignores it, too, N rt_sigqueueinfo to that with the si_code -CODE, "
	  "1 kill that ends it, 1 wait4" },
	{ "signal-timer", "SIGNAL N", NULL, signal_timer,
	  "1 rt_sigprocmask, 1 timer_create, N timer_settime, N rt_sigtimedwait" },
	{ "signal-alarm", "N", NULL, signal_alarm,
	  "1 rt_sigprocmask, N setitimer, N rt_sigtimedwait of SIGALRM" },
	{ "hog", "N MS", NULL, hog, "1 mmap of N MiB, all touched, 1 nanosleep" },
	{ "alive", "N", NULL, alive, "1 nanosleep of N seconds" },
	{ "nothing", "", NULL, nothing, "none" },
	{ "runs", "PATH", NULL, runs,
	  "1 execve of PATH with the argument nothing; ends with 77 if the kernel does not know the format" },
};

typedef void confine_fn(const char *arg);

static confine_fn drop_caps, become_nobody, forbid_bpf, forbid_perf, forbid_listns,
	forbid_fifo, enter_namespaces;

/* cause NAME ARG PROGRAM [ARGUMENT...]: runs PROGRAM where something is refused */
static const struct wrapper {
	const char *name;
	const char *arg;
	confine_fn *confine;
	const char *what;
} wrappers[] = {
	{ "drop-caps", "CAP[,CAP...]", drop_caps, "without these capabilities" },
	{ "nobody", "CAP[,CAP...]", become_nobody,
	  "as user 65534, with these capabilities alone" },
	{ "no-bpf", "EPERM|ENOSYS|KILL", forbid_bpf, "where seccomp refuses bpf so" },
	{ "no-perf", "EPERM|ENOSYS|KILL", forbid_perf,
	  "where it refuses perf_event_open so" },
	{ "no-listns", "EPERM|ENOSYS|KILL", forbid_listns, "where it refuses listns so" },
	{ "no-fifo", "EPERM|ENOSYS|KILL", forbid_fifo,
	  "where it refuses sched_setscheduler so" },
	{ "in-new", "TYPES", enter_namespaces,
	  "in new namespaces, as root; signals to us go to PROGRAM" },
};

typedef void damage_fn(struct btf_type *type, uint32_t id);

static damage_fn loop_typedef, hold_itself, lose_member_type, lose_member_name,
	lose_enum_name, move_members;

/* cause break-btf NAME FROM TO: TO is FROM, raw BTF, with this damage wherever it can be done */
static const struct damage {
	const char *name;
	damage_fn *damage;
	const char *what;
} damages[] = {
	{ "typedef-loop", loop_typedef, "typedefs of themselves" },
	{ "holds-itself", hold_itself,
	  "structs that are an anonymous member of themselves" },
	{ "member-type", lose_member_type, "members of types that are not there" },
	{ "member-name", lose_member_name, "members with names that are not there" },
	{ "enum-name", lose_enum_name, "the same of what enums list" },
	{ "other-places", move_members,
	  "large structs whose members lie elsewhere, as in another kernel" },
};

static const struct capability {
	const char *name;
	int number;
} capabilities[] = {
	{ "ipc_lock", 14 },	{ "dac_read_search", 2 }, { "sys_admin", 21 },
	{ "sys_resource", 24 }, { "syslog", 34 },	  { "perfmon", 38 },
	{ "bpf", 39 },		{ "sys_ptrace", 19 },	  { "sys_nice", 23 },
};

static const struct type {
	const char *name;
	int flag;
} types[] = {
	{ "cgroup", 0x02000000 }, { "ipc", 0x08000000 }, { "mnt", 0x00020000 },
	{ "net", 0x40000000 },	  { "pid", 0x20000000 }, { "time", 0x00000080 },
	{ "user", 0x10000000 },	  { "uts", 0x04000000 },
};
static_assert(ARRAY_SIZE(types) == TYPE_MAX, "struct job has room for each type");

enum {
	NEW_MNT = 0x00020000,
	NEW_NET = 0x40000000,
	NEW_PID = 0x20000000,
	NEW_USER = 0x10000000,
	NEW_UTS = 0x04000000
};

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list ap;

	fputs("cause: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

static void __attribute__((noreturn)) usage(void)
{
	fputs("usage: cause [enter CGROUP_DIR [--] | pidns FILE] COMMAND [ARGUMENT...]\n"
	      "       cause has COMMAND\n"
	      "       cause break-btf DAMAGE FROM TO\n"
	      "       cause WRAPPER ARGUMENT PROGRAM [ARGUMENT...]\n",
	      stderr);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++)
		fprintf(stderr, "  %-22s %s\n", damages[i].name, damages[i].what);
	for (size_t i = 0; i < ARRAY_SIZE(wrappers); i++)
		fprintf(stderr, "  %-9s %-12s %s\n", wrappers[i].name, wrappers[i].arg,
			wrappers[i].what);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stderr, "  %-19s %-11s %s\n", commands[i].name, commands[i].args,
			commands[i].calls);
	exit(2);
}

/* Neither flushes nor runs exit handlers: one call. */
static void __attribute__((noreturn)) end(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

static void sleep_ms(long ms)
{
	const struct timespec duration = { .tv_sec = ms / 1000,
					   .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&duration, NULL);
}

static long long clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* no system call */
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* With one system call. */
__attribute__((format(printf, 1, 2))) static int print(const char *format, ...)
{
	char text[96];
	va_list ap;
	int length;

	va_start(ap, format);
	length = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return write(STDOUT_FILENO, text, length) == length ? 0 : 1;
}

static int failed_with(long ret, int error)
{
	return ret == -1 && errno == error ? 0 : 1;
}

/*
 * Children
 */

/* One clone without flags, with clone's own order of arguments on x86, arm64 and riscv. */
static long raw_clone(unsigned long flags)
{
	return syscall(SYS_clone, flags | SIGCHLD, 0L, 0L, 0L, 0L);
}

static long raw_clone3(uint64_t flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };

	return syscall(SYS_clone3, &args, sizeof(args));
}

/* One wait4. */
static int wait_for(long pid, int expected)
{
	int status;

	if (pid < 0 || syscall(SYS_wait4, pid, &status, 0, NULL) != pid)
		return 1;
	return status == expected ? 0 : 1;
}

/* Has `act` run by N children, one after another. */
static int in_children(const struct job *job, act_fn *act)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = raw_clone(0);

		if (pid == 0)
			end(act(job));
		surprises |= wait_for(pid, 0);
	}
	return surprises;
}

/*
 * System calls
 */

static int nothing(const struct job *job)
{
	(void)job;
	return 0;
}

static int calls(const struct job *job)
{
	for (long i = 0; i < job->n; i++)
		syscall(SYS_getppid);
	return 0;
}

static int fail(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= failed_with(
			syscall(SYS_openat, AT_FDCWD, MISSING_PATH, O_RDONLY, 0), ENOENT);
	return surprises;
}

static int badf(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= failed_with(syscall(SYS_close, -1), EBADF);
	return surprises;
}

static int mixed(const struct job *job)
{
	return calls(job) | fail(job) | badf(job) | calls(job);
}

static int rare(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= failed_with(syscall(SYS_swapoff, MISSING_PATH), ENOENT);
	return surprises;
}

static int nosys(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= failed_with(syscall(9999L), ENOSYS);
	return surprises;
}

/* `action`: SECCOMP_RET_* */
static void refuse_call(unsigned number, unsigned action)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		die("seccomp: %s", strerror(errno));
}

static void seccomp_filter(struct job *job)
{
	(void)job;
	refuse_call(SYS_getppid, SECCOMP_RET_ERRNO | EPERM);
}

static int refused(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= failed_with(syscall(SYS_getppid), EPERM);
	return surprises;
}

/*
 * Calls that do not return
 */

static int exit_children(const struct job *job)
{
	return in_children(job, nothing);
}

/* Runs on the TLS of the thread that made it: nothing here may touch errno. */
static int thread_exits(void *arg)
{
	(void)arg;
	syscall(SYS_exit, 0);
	return 0;
}

/* Watches the thread's end without a call, since how often futex waits is not known. */
static int exit_threads_with(const struct job *job, int flags)
{
	static char stack[16384] __attribute__((aligned(16)));

	for (long i = 0; i < job->n; i++) {
		volatile pid_t running = 1;

		if (clone(thread_exits, stack + sizeof(stack),
			  THREAD_FLAGS | CLONE_CHILD_CLEARTID | flags, NULL, NULL, NULL,
			  (void *)&running) < 0)
			return 1;
		while (running)
			;
	}
	return 0;
}

static int exit_threads(const struct job *job)
{
	return exit_threads_with(job, 0);
}

static int exit_threads_untraced(const struct job *job)
{
	return exit_threads_with(job, CLONE_UNTRACED);
}

/* Eight threads of a child, none of which knows which is the last. */
static void crowd_exits(void)
{
	enum { THREADS = 7, STACK = 16384 };
	static char stacks[THREADS][STACK] __attribute__((aligned(16)));

	for (int i = 0; i < THREADS; i++)
		if (clone(thread_exits, stacks[i] + STACK, THREAD_FLAGS, NULL) < 0)
			end(1);
	syscall(SYS_exit, 0);
}

static int exit_crowd(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = raw_clone(0);

		if (pid == 0)
			crowd_exits();
		surprises |= wait_for(pid, 0);
	}
	return surprises;
}

static void sleep_50_ms(void)
{
	const struct timespec while_others_end = { .tv_nsec = 50000000 };

	syscall(SYS_nanosleep, &while_others_end, NULL);
}

static int exits_late(void *unused)
{
	(void)unused;
	sleep_50_ms();
	end(3);
}

static int is_killed_late(void *unused)
{
	(void)unused;
	sleep_50_ms();
	syscall(SYS_kill, getpid(), SIGKILL);
	end(1);
}

/* A child's first thread ends before the second one, which decides how the process ends. */
static int end_late(const struct job *job, int (*second)(void *), int status)
{
	static char stack[16384] __attribute__((aligned(16)));
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = raw_clone(0);

		if (pid == 0) {
			if (clone(second, stack + sizeof(stack), THREAD_FLAGS, NULL) < 0)
				end(1);
			syscall(SYS_exit, 0);
		}
		surprises |= wait_for(pid, status);
	}
	return surprises;
}

static int exit_late(const struct job *job)
{
	return end_late(job, exits_late, 3 << 8);
}

static int kill_late(const struct job *job)
{
	return end_late(job, is_killed_late, SIGKILL);
}

static int exit_error(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = raw_clone(0);

		if (pid == 0)
			end(3);
		surprises |= wait_for(pid, 3 << 8);
	}
	return surprises;
}

static int dump(const struct job *job)
{
	const struct rlimit limit = { .rlim_cur = 1 << 24, .rlim_max = 1 << 24 };
	int surprises = 0;

	if (chdir(job->path) < 0 || setrlimit(RLIMIT_CORE, &limit) < 0)
		return SKIPPED;
	for (long i = 0; i < job->n; i++) {
		long pid = raw_clone(0);

		if (pid == 0) {
			syscall(SYS_tgkill, getpid(), getpid(), SIGQUIT);
			end(1);
		}
		surprises |= wait_for(pid, SIGQUIT | 0x80);
	}
	return surprises;
}

static int exec_with_nothing(const char *path)
{
	char *const args[] = { (char *)path, "nothing", NULL };
	static char *const environment[] = { NULL };

	syscall(SYS_execve, path, args, environment);
	return 1;
}

static int exec_self(const struct job *job)
{
	(void)job;
	return exec_with_nothing("/proc/self/exe");
}

static int exec(const struct job *job)
{
	return in_children(job, exec_self);
}

static int thread_executes(void *arg)
{
	const struct job *job = arg;

	if (job->ms)
		sleep_ms(job->ms);
	return exec_self(NULL);
}

static int exec_thread_once(const struct job *job)
{
	static char stack[16384] __attribute__((aligned(16)));

	if (clone(thread_executes, stack + sizeof(stack), THREAD_FLAGS, (void *)job) < 0)
		return 1;
	for (;;)
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}

static int exec_thread(const struct job *job)
{
	return in_children(job, exec_thread_once);
}

static int exec_thread_late(const struct job *job)
{
	return exec_thread(job);
}

static int exec_path_once(const struct job *job)
{
	return exec_with_nothing(job->path);
}

static int exec_path(const struct job *job)
{
	return in_children(job, exec_path_once);
}

static int runs(const struct job *job)
{
	exec_with_nothing(job->path);
	return errno == ENOEXEC ? SKIPPED : 1;
}

static int exec_fail(const struct job *job)
{
	static char *const none[] = { NULL };
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= failed_with(syscall(SYS_execve, MISSING_PATH, none, none),
					 ENOENT);
	return surprises;
}

/*
 * Signals
 */

static struct shared *handler_shared;

static void on_signal(int number)
{
	(void)number;
	handler_shared->handled_at = clock_ns();
	handler_shared->handled++;
}

static void set_handler(struct job *job, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	handler_shared = job->shared;
	if (sigaction(SIGUSR1, &action, NULL) < 0)
		die("sigaction: %s", strerror(errno));
}

/* A signal comes now and then, all the time. */
static void timer_restart(struct job *job)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 150 }, { 0, 150 } };

	handler_shared = job->shared;
	if (sigaction(SIGALRM, &action, NULL) < 0 ||
	    setitimer(ITIMER_REAL, &every, NULL) < 0)
		die("setitimer: %s", strerror(errno));
}

static void handler_restart(struct job *job)
{
	set_handler(job, SA_RESTART);
}

static void handler_plain(struct job *job)
{
	set_handler(job, 0);
}

/* 'S' in a call that blocks, 'T' stopped, ...; 0 when it is gone. */
static char state_of(pid_t pid)
{
	char path[32], text[512];
	const char *state;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	state = strrchr(text, ')');
	return state && state[1] ? state[2] : 0;
}

/* Ends the calling process, a helper, when `pid` ends. */
static void await_state(pid_t pid, char wanted)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	char state;

	while ((state = state_of(pid)) != wanted) {
		if (!state || state == 'Z')
			_exit(1);
		nanosleep(&pause, NULL);
	}
}

/* Waits until `*counter` reaches `value`, as long as `pid` lives. */
static void await_counter(pid_t pid, const volatile int *counter, long value)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	while (*counter < value) {
		if (!state_of(pid))
			_exit(1);
		nanosleep(&pause, NULL);
	}
}

static void make_pipe(struct job *job)
{
	if (pipe(job->pipe) < 0)
		die("pipe: %s", strerror(errno));
}

/*
 * Starts a process that stays outside of the cgroup and runs `interrupt`. It must not keep the
 * output open: who reads ours would wait for it.
 */
static void start_interrupter(struct job *job, void (*interrupt)(const struct job *job))
{
	pid_t pid;

	make_pipe(job);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid > 0)
		return;
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	interrupt(job);
	_exit(0);
}

static void interrupt_then_write(const struct job *job)
{
	await_counter(job->pid, &job->shared->blocking, 1);
	for (long i = 1; i <= job->n; i++) {
		await_state(job->pid, 'S');
		kill(job->pid, SIGUSR1);
		await_counter(job->pid, &job->shared->handled, i);
	}
	await_state(job->pid, 'S');
	if (write(job->pipe[1], "x", 1) != 1)
		_exit(1);
}

static void interrupter_restart(struct job *job)
{
	handler_restart(job);
	start_interrupter(job, interrupt_then_write);
}

static int read_restarted(const struct job *job)
{
	char byte;

	job->shared->blocking = 1;
	if (syscall(SYS_read, job->pipe[0], &byte, 1) != 1)
		return 1;
	return job->shared->handled == job->n ? 0 : 1;
}

static void interrupt_late(const struct job *job)
{
	await_counter(job->pid, &job->shared->blocking, 1);
	await_state(job->pid, 'S');
	sleep_ms(job->ms);
	kill(job->pid, SIGUSR1);
	await_counter(job->pid, &job->shared->handled, 1);
	await_state(job->pid, 'S');
	sleep_ms(job->ms);
	if (write(job->pipe[1], "x", 1) != 1)
		_exit(1);
}

static void interrupter_late(struct job *job)
{
	handler_restart(job);
	start_interrupter(job, interrupt_late);
}

static int read_begun_again(const struct job *job)
{
	long long begin = clock_ns(), end;
	char byte;

	job->shared->blocking = 1;
	if (syscall(SYS_read, job->pipe[0], &byte, 1) != 1)
		return 1;
	end = clock_ns();
	return print("%lld %lld\n", end - begin, end - job->shared->handled_at) |
	       (job->shared->handled == 1 ? 0 : 1);
}

static void interrupt_each(const struct job *job)
{
	for (long i = 1; i <= job->n; i++) {
		await_counter(job->pid, &job->shared->blocking, i);
		await_state(job->pid, 'S');
		sleep_50_ms();
		kill(job->pid, SIGUSR1);
	}
}

static void interrupter_plain(struct job *job)
{
	handler_plain(job);
	start_interrupter(job, interrupt_each);
}

static int read_interrupted(const struct job *job)
{
	int surprises = 0;
	char byte;

	for (long i = 0; i < job->n; i++) {
		job->shared->blocking++;
		surprises |=
			failed_with(syscall(SYS_read, job->pipe[0], &byte, 1), EINTR);
	}
	return surprises;
}

static void stop_and_continue(const struct job *job)
{
	for (long i = 1; i <= job->n; i++) {
		await_counter(job->pid, &job->shared->blocking, i);
		await_state(job->pid, 'S');
		sleep_50_ms();
		kill(job->pid, SIGSTOP);
		await_state(job->pid, 'T');
		kill(job->pid, SIGCONT);
		/* It looks asleep a moment before it can be woken. */
		await_state(job->pid, 'S');
		while (syscall(SYS_futex, &job->shared->handled, FUTEX_WAKE, 1, NULL,
			       NULL, 0) != 1)
			await_state(job->pid, 'S');
	}
}

static void interrupter_stop(struct job *job)
{
	start_interrupter(job, stop_and_continue);
}

/* A wait that has a time to end at is one of the few that restart_syscall goes on with. */
static int wait_stopped(const struct job *job)
{
	const struct timespec never = { .tv_sec = 1000 };
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		job->shared->blocking++;
		surprises |= syscall(SYS_futex, &job->shared->handled, FUTEX_WAIT, 0,
				     &never, NULL, 0) == 0 ?
				     0 :
				     1;
	}
	return surprises;
}

static void kill_each(const struct job *job)
{
	for (long i = 1; i <= job->n; i++) {
		pid_t victim;

		await_counter(job->pid, &job->shared->blocking, i);
		while (!(victim = job->shared->victim))
			;
		await_state(victim, 'S');
		job->shared->victim = 0;
		kill(victim, SIGKILL);
	}
}

static void interrupter_kill(struct job *job)
{
	start_interrupter(job, kill_each);
}

/* Returns its number. */
static long child_killed(const struct job *job, int *surprises)
{
	long pid = raw_clone(0);
	char byte;

	if (pid == 0) {
		job->shared->blocking++;
		syscall(SYS_read, job->pipe[0], &byte, 1);
		end(1);
	}
	job->shared->victim = pid;
	*surprises |= wait_for(pid, SIGKILL);
	return pid;
}

static int children_killed(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		child_killed(job, &surprises);
	return surprises;
}

static void release_each(const struct job *job)
{
	for (long i = 1; i <= job->n; i++) {
		await_counter(job->pid, &job->shared->blocking, i);
		await_state(job->shared->victim, 'S');
		job->shared->handled++;
	}
}

static void releaser(struct job *job)
{
	start_interrupter(job, release_each);
}

static int thread_reads(void *arg)
{
	const struct job *job = arg;
	char byte;

	syscall(SYS_read, job->pipe[0], &byte, 1);
	return 1;
}

static int exit_blocked_once(const struct job *job)
{
	static char stack[16384] __attribute__((aligned(16)));
	const int released = job->shared->handled;
	int thread =
		clone(thread_reads, stack + sizeof(stack), THREAD_FLAGS, (void *)job);

	if (thread < 0)
		return 1;
	job->shared->victim = thread;
	job->shared->blocking++;
	while (job->shared->handled == released) /* without a call */
		;
	return 0;
}

static int exit_blocked(const struct job *job)
{
	return in_children(job, exit_blocked_once);
}

static int signal_self(const struct job *job)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	int surprises = sigaction(job->signal, &ignore, NULL) < 0;

	for (long i = 0; i < job->n; i++)
		surprises |= syscall(SYS_kill, job->pid, job->signal) < 0;
	return surprises;
}

static int signal_queue(const struct job *job)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	siginfo_t info = { .si_signo = job->signal, .si_code = -job->code };
	int surprises = sigaction(job->signal, &ignore, NULL) < 0;
	long pid = raw_clone(0);

	if (pid == 0)
		for (;;)
			pause();
	for (long i = 0; i < job->n; i++)
		surprises |= syscall(SYS_rt_sigqueueinfo, pid, job->signal, &info) < 0;
	surprises |= syscall(SYS_kill, pid, SIGKILL) < 0;
	return surprises | wait_for(pid, SIGKILL);
}

/* One of the kernel's: of sigset_t of the C library it takes the first eight bytes. */
static int block(int signal, sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, signal);
	return syscall(SYS_rt_sigprocmask, SIG_BLOCK, ret, NULL, _NSIG / 8) < 0;
}

static int signal_timer(const struct job *job)
{
	const struct itimerspec soon = { .it_value = { .tv_nsec = 1000000 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = job->signal };
	sigset_t set;
	int surprises = block(job->signal, &set), timer = 0;

	surprises |= syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) < 0;
	for (long i = 0; i < job->n; i++) {
		surprises |= syscall(SYS_timer_settime, timer, 0, &soon, NULL) < 0;
		surprises |= syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, _NSIG / 8) !=
			     job->signal;
	}
	return surprises;
}

static int signal_alarm(const struct job *job)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 1000 } };
	sigset_t set;
	int surprises = block(SIGALRM, &set);

	for (long i = 0; i < job->n; i++) {
		surprises |= syscall(SYS_setitimer, ITIMER_REAL, &soon, NULL) < 0;
		surprises |= syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, _NSIG / 8) !=
			     SIGALRM;
	}
	return surprises;
}

static int signal_children(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = raw_clone(0);

		if (pid == 0)
			for (;;)
				pause();
		surprises |= syscall(SYS_kill, pid, job->signal) < 0;
		surprises |= wait_for(pid, job->signal);
	}
	return surprises;
}

/* All are in the group of the first. */
static int signal_group(const struct job *job)
{
	static pid_t pids[1024];
	int surprises = 0;

	if (job->n > (long)ARRAY_SIZE(pids))
		return 1;
	for (long i = 0; i < job->n; i++) {
		pids[i] = raw_clone(0);
		if (pids[i] == 0)
			for (;;)
				pause();
		surprises |= syscall(SYS_setpgid, pids[i], pids[0]) < 0;
	}
	surprises |= syscall(SYS_kill, -pids[0], job->signal) < 0;
	for (long i = 0; i < job->n; i++)
		surprises |= wait_for(pids[i], job->signal);
	return surprises;
}

static int hog(const struct job *job)
{
	const struct timespec duration = { .tv_sec = job->ms / 1000,
					   .tv_nsec = job->ms % 1000 * 1000000 };
	size_t bytes = (size_t)job->n << 20;
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 1;
	for (size_t at = 0; at < bytes; at += 4096)
		*(volatile char *)(memory + at) = 1;
	syscall(SYS_nanosleep, &duration, NULL);
	return 0;
}

static int send_signals(const struct job *job)
{
	for (long i = 0; i < job->n; i++)
		syscall(SYS_tgkill, job->pid, job->pid, SIGUSR1);
	return job->shared->handled == job->n ? 0 : 1;
}

/*
 * Ways to make a process
 */

#ifdef SYS_fork
static int fork_children(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = syscall(SYS_fork);

		if (pid == 0)
			end(0);
		surprises |= wait_for(pid, 0);
	}
	return surprises;
}

/* The C library's, since the child of a raw call would return over its parent's stack. */
static __attribute__((noinline)) pid_t vfork_and_end(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		end(0);
	return pid;
}

static int vfork_children(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= wait_for(vfork_and_end(), 0);
	return surprises;
}
#endif

static void start_crowd_pipe(struct job *job)
{
	make_pipe(job);
}

/* Its parent is held up in the kernel until it ends. */
static __attribute__((noinline)) pid_t vfork_and_wait(const struct job *job)
{
	pid_t pid = vfork();
	char byte;

	if (pid == 0) {
		__sync_fetch_and_add(&job->shared->blocking, 1);
		end(syscall(SYS_read, job->pipe[0], &byte, 1) == 1 ? 0 : 1);
	}
	return pid;
}

static int vfork_crowd(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		if (raw_clone(0) == 0)
			end(wait_for(vfork_and_wait(job), 0));
	await_counter(job->pid, &job->shared->blocking, job->n);
	for (long i = 0; i < job->n; i++)
		surprises |= syscall(SYS_write, job->pipe[1], "", 1) == 1 ? 0 : 1;
	for (long i = 0; i < job->n; i++) {
		int status = 1;

		syscall(SYS_wait4, -1, &status, 0, NULL);
		surprises |= status;
	}
	return surprises ? 1 : 0;
}

static int clone3_with(const struct job *job, int flags)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = raw_clone3(flags);

		if (pid == 0)
			end(0);
		surprises |= wait_for(pid, 0);
	}
	return surprises;
}

static int clone3_children(const struct job *job)
{
	return clone3_with(job, 0);
}

/*
 * Namespaces
 */

static int unshare_once(const struct job *job)
{
	return syscall(SYS_unshare, job->flags) == 0 ? 0 : 1;
}

static int unshare_children(const struct job *job)
{
	return in_children(job, unshare_once);
}

static int clone_children_ns(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = raw_clone(job->flags);

		if (pid == 0)
			end(0);
		surprises |= wait_for(pid, 0);
	}
	return surprises;
}

static int clone3_children_ns(const struct job *job)
{
	return clone3_with(job, job->flags);
}

/*
 * Starts a process in new namespaces of the types given, outside of the cgroup; it ends when
 * nobody holds the write end of job->pipe any longer, so at the latest when we end.
 */
static pid_t start_holder(struct job *job, int flags)
{
	long pid;
	char byte;

	make_pipe(job);
	pid = raw_clone3(flags);
	if (pid < 0)
		die("clone3 with flags %#x: %s", flags, strerror(errno));
	if (pid > 0)
		return pid;
	syscall(SYS_close, job->pipe[1]);
	syscall(SYS_close, STDOUT_FILENO);
	syscall(SYS_close, STDERR_FILENO);
	syscall(SYS_read, job->pipe[0], &byte, 1);
	end(0);
}

static int open_namespace(pid_t pid, const char *type)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, type);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

/* Our own, but for the user namespace: nobody may join the one that he is in. */
static void open_namespaces(struct job *job)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		pid_t owner = job->pid;

		if (!(job->flags & types[i].flag))
			continue;
		if (types[i].flag == NEW_USER)
			owner = start_holder(job, NEW_USER);
		job->fds[job->fd_count++] = open_namespace(owner, types[i].name);
	}
}

/* `typed`: says which type is meant. */
static int setns_each(const struct job *job, bool typed)
{
	size_t next = 0;
	int surprises = 0;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!(job->flags & types[i].flag))
			continue;
		surprises |= syscall(SYS_setns, job->fds[next++],
				     typed ? types[i].flag : 0) == 0 ?
				     0 :
				     1;
	}
	return surprises;
}

static int setns_typed_once(const struct job *job)
{
	return setns_each(job, true);
}

static int setns_typed(const struct job *job)
{
	return in_children(job, setns_typed_once);
}

static int setns_any_once(const struct job *job)
{
	return setns_each(job, false);
}

static int setns_any(const struct job *job)
{
	return in_children(job, setns_any_once);
}

static void open_pidfd(struct job *job)
{
	pid_t pid = start_holder(job, job->flags);

	job->fds[0] = syscall(SYS_pidfd_open, pid, 0);
	if (job->fds[0] < 0)
		die("pidfd_open: %s", strerror(errno));
}

static int setns_pidfd_once(const struct job *job)
{
	return syscall(SYS_setns, job->fds[0], job->flags) == 0 ? 0 : 1;
}

static int setns_pidfd(const struct job *job)
{
	return in_children(job, setns_pidfd_once);
}

static int unshare_times(long n, int flags, int error)
{
	int surprises = 0;

	for (long i = 0; i < n; i++)
		surprises |= failed_with(syscall(SYS_unshare, flags), error);
	return surprises;
}

static int unshare_fail(const struct job *job)
{
	return unshare_times(job->n, job->flags | CLONE_BAD_FLAG, EINVAL);
}

static int unshare_eperm(const struct job *job)
{
	const int nobody = 65534;

	if (syscall(SYS_setresuid, nobody, nobody, nobody) < 0)
		return 1;
	return unshare_times(job->n, job->flags, EPERM);
}

static int unshare_fail_plain(const struct job *job)
{
	return unshare_times(job->n, CLONE_BAD_FLAG, EINVAL);
}

static int clone_fail(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= failed_with(raw_clone(NEW_MNT | CLONE_FS), EINVAL);
	return surprises;
}

static int clone3_fail(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= failed_with(raw_clone3(NEW_MNT | CLONE_FS), EINVAL);
	return surprises;
}

static int clone_fail_plain(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |=
			failed_with(raw_clone(CLONE_SIGHAND | EXIT_SIGNAL_TIME), EINVAL);
	return surprises;
}

static void open_uts(struct job *job)
{
	job->fds[0] = open_namespace(job->pid, "uts");
}

static int setns_fail(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		surprises |= failed_with(syscall(SYS_setns, -1, NEW_NET), EBADF);
		surprises |=
			failed_with(syscall(SYS_setns, job->fds[0], NEW_NET), EINVAL);
	}
	return surprises;
}

#ifdef __x86_64__

/*
 * Other tables
 */

enum { /* arch/x86/entry/syscalls/ */
       I386_close = 6,
       I386_getppid = 64,
       I386_unshare = 310,
       I386_setns = 346,
       X32_BIT = 0x40000000,
       X32_close = X32_BIT | 3,
       X32_rt_sigaction = X32_BIT | 512, /* not a number of the native table */
};

/* Gives back what the kernel does: a negative error code. */
static long int80(long number, long a, long b)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(number), "b"(a), "c"(b)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* A kernel that knows no 32-bit programs answers with a signal. */
static void try_int80(struct job *job)
{
	pid_t pid = fork();
	int status;

	(void)job;
	if (pid == 0)
		_exit(int80(I386_getppid, 0, 0) == getppid() ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork: %s", strerror(errno));
	if (WIFSIGNALED(status))
		exit(SKIPPED);
}

static int int80_calls(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long parent = int80(I386_getppid, 0, 0);

		surprises |= syscall(SYS_getppid) == parent ? 0 : 1;
		surprises |= int80(I386_close, -1, 0) == -EBADF ? 0 : 1;
		surprises |= syscall(SYS_getppid) == parent ? 0 : 1;
	}
	return surprises;
}

static void try_int80_then_uts(struct job *job)
{
	try_int80(job);
	open_uts(job);
}

static int int80_namespaces(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		surprises |= int80(I386_setns, job->fds[0], NEW_UTS) == 0 ? 0 : 1;
		surprises |= int80(I386_setns, job->fds[0], 0) == 0 ? 0 : 1;
		surprises |= int80(I386_setns, -1, NEW_UTS) == -EBADF ? 0 : 1;
		surprises |= int80(I386_unshare, NEW_UTS, 0) == 0 ? 0 : 1;
	}
	return surprises;
}

/* Fails on any kernel: most do not serve this table at all. */
static int x32_calls(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long ret = syscall(X32_close, -1L);

		surprises |= ret == -1 && (errno == EBADF || errno == ENOSYS) ? 0 : 1;
		ret = syscall(X32_rt_sigaction, -1L, 0L, 0L, 8L);
		surprises |= ret == -1 && (errno == EINVAL || errno == ENOSYS) ? 0 : 1;
	}
	return surprises;
}

#endif

/*
 * What keeps a namespace alive. Free to use the C library.
 */

static void start_member(struct job *job)
{
	job->shared->victim = start_holder(job, job->flags);
}

static int ready(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return 1;
	close(fd);
	return 0;
}

static int release_member(const struct job *job)
{
	close(job->pipe[1]);
	return wait_for(job->shared->victim, 0);
}

static int live(const struct job *job)
{
	if (ready(job->path))
		return 1;
	pause();
	return 1;
}

static int hold(const struct job *job)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (job->flags & types[i].flag)
			open_namespace(job->shared->victim, types[i].name);
	}
	if (release_member(job) || ready(job->path))
		return 1;
	pause();
	return 1;
}

/* The directory must not propagate mounts, or a mount namespace would hold itself. */
static int bind_mount(const struct job *job)
{
	char from[64], to[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!(job->flags & types[i].flag))
			continue;
		snprintf(from, sizeof(from), "/proc/%d/ns/%s", (int)job->shared->victim,
			 types[i].name);
		snprintf(to, sizeof(to), "%s/%s", job->path, types[i].name);
		if (ready(to) || mount(from, to, NULL, MS_BIND, NULL) < 0) {
			fprintf(stderr, "cause: %s: %s\n", to, strerror(errno));
			return 1;
		}
	}
	return release_member(job);
}

static int alive(const struct job *job)
{
	const struct timespec duration = { .tv_sec = job->n };

	return syscall(SYS_nanosleep, &duration, NULL) == 0 ? 0 : 1;
}

static long wait_once(long ms)
{
	const struct timespec duration = { .tv_sec = ms / 1000,
					   .tv_nsec = ms % 1000 * 1000000 };
	unsigned long no_signal = 0;

	return syscall(SYS_rt_sigtimedwait, &no_signal, NULL, &duration,
		       sizeof(no_signal));
}

static int waits(const struct job *job)
{
	long long all = 0, longest = 0;
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long long begin = clock_ns(), took;

		surprises |= failed_with(wait_once(job->ms), EAGAIN);
		took = clock_ns() - begin;
		all += took;
		longest = took > longest ? took : longest;
	}
	return surprises | print("%lld %lld\n", all, longest);
}

static int go_to_cpu(pid_t pid, int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return sched_setaffinity(pid, sizeof(cpus), &cpus);
}

/* It takes turns between the first two CPUs. */
static void move_each(const struct job *job)
{
	for (long i = 1; i <= job->n; i++) {
		await_counter(job->pid, &job->shared->blocking, i);
		await_state(job->pid, 'S');
		sleep_ms(job->ms);
		go_to_cpu(job->pid, i % 2);
		kill(job->pid, SIGUSR1);
	}
}

static void mover(struct job *job)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		die("sigprocmask: %s", strerror(errno));
	if (go_to_cpu(0, 1) < 0 || go_to_cpu(0, 0) < 0)
		exit(SKIPPED);
	start_interrupter(job, move_each);
}

static int waits_moved(const struct job *job)
{
	const unsigned long signals = 1UL << (SIGUSR1 - 1);
	long long all = 0, longest = 0;
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		int cpu = sched_getcpu(); /* no system call */
		long long begin = clock_ns(), took;

		job->shared->blocking++;
		surprises |= syscall(SYS_rt_sigtimedwait, &signals, NULL, NULL,
				     sizeof(signals)) != SIGUSR1;
		took = clock_ns() - begin;
		surprises |= cpu < 0 || sched_getcpu() == cpu;
		all += took;
		longest = took > longest ? took : longest;
	}
	return surprises | print("%lld %lld\n", all, longest);
}

/* The next process gets the number after that. */
static bool set_last_pid(long pid)
{
	char text[32];
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	int length = snprintf(text, sizeof(text), "%ld", pid);
	bool ok = fd >= 0 && write(fd, text, length) == length;

	close(fd);
	return ok;
}

static int waits_collide(const struct job *job)
{
	long first = raw_clone(0), second, last;

	if (first == 0)
		end(failed_with(wait_once(job->ms), EAGAIN));
	last = first > 65536 ? first - 65536 : first + 65536;
	if (!set_last_pid(last - 1))
		return SKIPPED;
	second = raw_clone(0);
	if (second == 0)
		end(failed_with(wait_once(job->ms / 2), EAGAIN));
	set_last_pid(first); /* where others would have gone on */
	if (wait_for(first, 0) | wait_for(second, 0))
		return 1;
	return second == last ? 0 : SKIPPED;
}

static int waits_reused(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long killed = child_killed(job, &surprises), next;

		sleep_ms(job->ms);
		if (!set_last_pid(killed - 1))
			return SKIPPED;
		next = raw_clone(0);
		if (next == 0)
			end(failed_with(wait_once(0), EAGAIN));
		surprises |= wait_for(next, 0);
		if (next != killed)
			return surprises ? 1 : SKIPPED;
	}
	return surprises;
}

/*
 * A program of this machine that the kernel begins to load, when the old one is gone already, and cannot: more
 * than any address space has.
 */
static void write_broken_program(const char *path)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
	} program = {
		.header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
#if defined(__x86_64__)
			.e_machine = EM_X86_64,
#else
			.e_machine = EM_AARCH64,
#endif
			.e_version = EV_CURRENT,
			.e_entry = 0x400000,
			.e_phoff = sizeof(program.header),
			.e_ehsize = sizeof(program.header),
			.e_phentsize = sizeof(program.segment),
			.e_phnum = 1,
		},
		.segment = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_vaddr = 0x400000,
			.p_filesz = 4096,
			.p_memsz = 1ULL << 60,
			.p_align = 4096,
		},
	};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (fd < 0 || write(fd, &program, sizeof(program)) != sizeof(program) ||
	    ftruncate(fd, 8192) < 0 || close(fd) < 0)
		die("%s: %s", path, strerror(errno));
}

static int thread_executes_path(void *arg)
{
	const struct job *job = arg;

	job->shared->victim = (pid_t)syscall(SYS_gettid);
	exec_with_nothing(job->path);
	return 1;
}

/* A child whose second thread cannot execute a program any more when the first one has ended; its number. */
static long thread_that_executed(const struct job *job, int *surprises)
{
	static char stack[16384] __attribute__((aligned(16)));
	long pid = raw_clone(0);

	if (pid == 0) {
		if (clone(thread_executes_path, stack + sizeof(stack), THREAD_FLAGS,
			  (void *)job) < 0)
			end(1);
		for (;;)
			syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
	}
	*surprises |= wait_for(pid, SIGSEGV);
	return job->shared->victim;
}

static int refused_reused(const struct job *job)
{
	int surprises = 0;

	write_broken_program(job->path);
	for (long i = 0; i < job->n; i++) {
		long gone = thread_that_executed(job, &surprises), next;

		sleep_ms(job->ms);
		if (!set_last_pid(gone - 1))
			return SKIPPED;
		next = raw_clone(0);
		if (next == 0)
			end(refused(&(struct job){ .n = 1 }));
		surprises |= wait_for(next, 0);
		if (next != gone)
			return surprises ? 1 : SKIPPED;
	}
	return surprises;
}

/* Ahead of other tasks, where that is allowed: what counts the calls of a CPU stays in step with the turns. */
static int copies_in_turn(const struct job *job)
{
	static char from[1 << 20], to[sizeof(from)];
	const struct iovec source = { .iov_base = from, .iov_len = sizeof(from) };
	const struct iovec target = { .iov_base = to, .iov_len = sizeof(to) };
	const struct sched_param lowest = { .sched_priority = 1 };
	long long sum = 0, squares = 0;
	int surprises = 0;

	syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &lowest);
	for (long i = 0; i < 2 * job->n; i++) {
		long count = i % 2,
		     call = count ? SYS_process_vm_writev : SYS_process_vm_readv;
		long long begin = clock_ns(), took;

		surprises |= syscall(call, job->pid, &source, count, &target, count,
				     0L) != count * (long)sizeof(from);
		took = clock_ns() - begin;
		sum += took;
		squares += took / 1000 * (took / 1000);
	}
	return surprises | print("%lld %lld\n", sum, squares);
}

enum { RARE_KIND = 7 };

/* Returns whether it failed. */
static bool any_call(unsigned kind)
{
	switch (kind) {
	case 0:
		return syscall(SYS_getppid) < 0;
	case 1:
		return syscall(SYS_close, -1) < 0;
	case 2:
		return syscall(SYS_sched_yield) < 0;
	case 3:
		return syscall(SYS_openat, AT_FDCWD, MISSING_PATH, O_RDONLY) < 0;
	case 4:
		return syscall(SYS_gettid) < 0;
	case 5:
		return syscall(SYS_read, -1, NULL, 0) < 0;
	case 6:
		return syscall(SYS_getuid) < 0;
	default: /* RARE_KIND: nobody else does it */
		return syscall(SYS_inotify_rm_watch, -1, 0) < 0;
	}
}

static int random_calls(const struct job *job)
{
	long long end = clock_ns() + job->ms * 1000000LL, count = 0, failed = 0, rare = 0;
	unsigned state = (unsigned)job->pid;

	while (clock_ns() < end)
		for (int i = 0; i < 64; i++, count++) {
			state = state * 1664525 + 1013904223;
			failed += any_call(state >> 29);
			rare += state >> 29 == RARE_KIND;
		}
	return print("%lld %lld %lld\n", count, failed, rare);
}

/*
 * Cgroups that come and go
 */

enum { STORM_KINDS = 97, STORM_AT_A_TIME = 16 };

/*
 * Makes the cgroup, and has a child do that in it, which begins there: to move a task that runs, the kernel
 * waits for all CPUs (an RCU grace period), some hundred times as long as the rest takes.
 */
static long begin_in(const char *path, act_fn *act, const struct job *job)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	long pid;
	int fd;

	if (mkdir(path, 0755) < 0)
		die("%s: %s", path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	args.cgroup = fd;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		die("clone3: %s", strerror(errno));
	if (pid == 0)
		end(act(job));
	close(fd);
	return pid;
}

/* Who has been waited for may be in it for a moment. */
static int remove_cgroup(const char *path)
{
	for (int i = 0; i < 10000; i++) {
		if (rmdir(path) == 0)
			return 0;
		if (errno != EBUSY)
			break;
		usleep(1000);
	}
	return 1;
}

static void storm_path(const struct job *job, long number, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%ld", job->path, number);
}

static int end_storm(const struct job *job, long number, long pid)
{
	char path[PATH_MAX];
	int surprise = wait_for(pid, 0);

	storm_path(job, number, path);
	return surprise | remove_cgroup(path);
}

/* Prints how many there were. Some are there at a time, so that nobody has to wait for a process to go. */
static int storm(const struct job *job)
{
	long long begin = clock_ns();
	long number = 0, ms, pids[STORM_AT_A_TIME];
	int surprises = 0;

	while ((ms = (long)((clock_ns() - begin) / 1000000)) < job->ms) {
		const struct job some = { .n = number % STORM_KINDS };
		long *pid = &pids[number % STORM_AT_A_TIME];
		char path[PATH_MAX];

		if (number >= ms * job->n / 1000) {
			usleep(500);
			continue;
		}
		if (number >= STORM_AT_A_TIME)
			surprises |= end_storm(job, number - STORM_AT_A_TIME, *pid);
		storm_path(job, number, path);
		*pid = begin_in(path, calls, &some);
		number++;
	}
	for (long i = number > STORM_AT_A_TIME ? number - STORM_AT_A_TIME : 0; i < number;
	     i++)
		surprises |= end_storm(job, i, pids[i % STORM_AT_A_TIME]);
	return surprises | (dprintf(STDOUT_FILENO, "%ld\n", number) < 0);
}

static int all_harmless(const struct job *job)
{
	(void)job;
	call_harmless();
	return 0;
}

static int many_groups(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%ld", job->path, i);
		surprises |= wait_for(begin_in(path, all_harmless, job), 0);
	}
	return surprises;
}

/*
 * The command line
 */

static long parse_number(const char *text)
{
	char *rest;
	long number;

	errno = 0;
	number = strtol(text, &rest, 10);
	if (errno || *rest || rest == text || number < 0)
		die("\"%s\" is not a number", text);
	return number;
}

static int parse_type(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strlen(types[i].name) == length &&
		    !memcmp(types[i].name, name, length))
			return types[i].flag;
	}
	die("\"%.*s\" is not a type of namespace", (int)length, name);
}

static int parse_types(const char *list)
{
	int flags = 0;

	for (;;) {
		size_t length = strcspn(list, ",");

		flags |= parse_type(list, length);
		if (!list[length])
			return flags;
		list += length + 1;
	}
}

/* Reads `argv` as the words of command->args say. */
static void parse_args(const struct command *command, struct job *job, char **argv)
{
	const char *word = command->args;

	while (*word) {
		size_t length = strcspn(word, " ");

		if (!*argv)
			usage();
		if (!strncmp(word, "TYPES", length))
			job->flags = parse_types(*argv++);
		else if (!strncmp(word, "PATH", length))
			job->path = *argv++;
		else if (!strncmp(word, "SIGNAL", length))
			job->signal = (int)parse_number(*argv++);
		else if (!strncmp(word, "CODE", length))
			job->code = (int)parse_number(*argv++);
		else if (!strncmp(word, "MS", length))
			job->ms = parse_number(*argv++);
		else
			job->n = parse_number(*argv++);
		word += length + (word[length] == ' ');
	}
	if (*argv)
		usage();
}

/* NULL: this architecture does not have it, or nobody does. */
static const struct command *find_command(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static int open_cgroup(const char *directory)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

/* One write, which is charged to the cgroup that it leads to. */
static void enter_cgroup(int fd)
{
	if (syscall(SYS_write, fd, "0", 1) != 1)
		die("cannot enter the cgroup: %s", strerror(errno));
}

/* The number of the PID namespace that `pid` is in, as /proc has it, to `path`. */
static void tell_pidns(const char *path, pid_t pid)
{
	char link[64], target[64];
	unsigned long number;
	ssize_t length;
	FILE *file;

	snprintf(link, sizeof(link), "/proc/%d/ns/pid", (int)pid);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		die("%s: %s", link, strerror(errno));
	target[length] = '\0';
	if (sscanf(target, "pid:[%lu]", &number) != 1)
		die("%s is %s", link, target);
	file = fopen(path, "w");
	if (!file || fprintf(file, "%lu\n", number) < 0 || fclose(file) != 0)
		die("%s: %s", path, strerror(errno));
}

/* Goes on in a child, with one read that waits until the number is told. */
static void enter_pidns(const char *path)
{
	int fds[2];
	long pid;
	char byte;

	if (pipe(fds) < 0)
		die("pipe: %s", strerror(errno));
	pid = raw_clone3(NEW_PID);
	if (pid < 0)
		die("clone3: %s", strerror(errno));
	if (pid == 0) {
		syscall(SYS_read, fds[0], &byte, 1);
		return;
	}
	tell_pidns(path, pid);
	if (write(fds[1], "x", 1) != 1)
		die("write: %s", strerror(errno));
	exit(wait_for(pid, 0));
}

static void make_shared(struct job *job)
{
	job->shared = mmap(NULL, sizeof(*job->shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (job->shared == MAP_FAILED)
		die("mmap: %s", strerror(errno));
}

static int capability_number(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		const char *candidate = capabilities[i].name;

		if (strlen(candidate) == length && !memcmp(candidate, name, length))
			return capabilities[i].number;
	}
	die("\"%.*s\" is not a capability known here", (int)length, name);
}

struct capability_set {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
};

static void get_capabilities(struct capability_set *set)
{
	*set = (struct capability_set){ .header.version = _LINUX_CAPABILITY_VERSION_3 };
	if (syscall(SYS_capget, &set->header, set->data) < 0)
		die("capget: %s", strerror(errno));
}

static void set_capabilities(struct capability_set *set)
{
	if (syscall(SYS_capset, &set->header, set->data) < 0)
		die("capset: %s", strerror(errno));
}

static void each_capability(const char *list, void (*fn)(int number))
{
	for (;;) {
		size_t length = strcspn(list, ",");

		fn(capability_number(list, length));
		if (!list[length])
			return;
		list += length + 1;
	}
}

/*
 * What root gets at exec is its bounding set and what it inherits. setpriv of util-linux does the
 * same; that of busybox knows no bounding set.
 */
static void drop_capability(int number)
{
	struct capability_set set;

	if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0 && errno != EINVAL)
		die("prctl(PR_CAPBSET_DROP, %d): %s", number, strerror(errno));
	get_capabilities(&set);
	set.data[number / 32].inheritable &= ~(1U << number % 32);
	set_capabilities(&set);
}

static void drop_caps(const char *list)
{
	each_capability(list, drop_capability);
}

static void inherit_capability(int number)
{
	struct capability_set set;

	get_capabilities(&set);
	set.data[number / 32].inheritable |= 1U << number % 32;
	set_capabilities(&set);
}

/* What is ambient has to be permitted and inherited; the ids take it away, so it comes last. */
static void make_ambient(int number)
{
	struct capability_set set;

	get_capabilities(&set);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		set.data[i].permitted = set.data[i].effective = set.data[i].inheritable;
	set_capabilities(&set);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0)
		die("prctl(PR_CAP_AMBIENT_RAISE, %d): %s", number, strerror(errno));
}

static void become_nobody(const char *list)
{
	enum { NOBODY = 65534 };

	each_capability(list, inherit_capability);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) < 0 ||
	    syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) < 0)
		die("cannot become nobody: %s", strerror(errno));
	each_capability(list, make_ambient);
}

static void forbid(int call, const char *how)
{
	if (!strcmp(how, "EPERM"))
		refuse_call(call, SECCOMP_RET_ERRNO | EPERM);
	else if (!strcmp(how, "ENOSYS"))
		refuse_call(call, SECCOMP_RET_ERRNO | ENOSYS);
	else if (!strcmp(how, "KILL"))
		refuse_call(call, SECCOMP_RET_KILL_PROCESS);
	else
		usage();
}

static void forbid_bpf(const char *how)
{
	forbid(SYS_bpf, how);
}

static void forbid_perf(const char *how)
{
	forbid(SYS_perf_event_open, how);
}

static void forbid_listns(const char *how)
{
	enum { LISTNS = 470 }; /* on all 64-bit architectures, since Linux 6.19 */

	forbid(LISTNS, how);
}

static void forbid_fifo(const char *how)
{
	forbid(SYS_sched_setscheduler, how);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

/* The live tests run as root. */
static void map_root(void)
{
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/gid_map", "0 0 1");
	write_file("/proc/self/uid_map", "0 0 1");
}

static pid_t wrapped;

static void pass_on(int number)
{
	kill(wrapped, number);
}

/* Goes on in a child: only that is in a new PID namespace. */
static void go_on_in_child(void)
{
	int status;

	wrapped = fork();
	if (wrapped < 0)
		die("fork: %s", strerror(errno));
	if (wrapped == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	signal(SIGTERM, pass_on);
	while (waitpid(wrapped, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid: %s", strerror(errno));
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void enter_namespaces(const char *list)
{
	int flags = parse_types(list);

	if (unshare(flags) < 0)
		die("unshare(%s): %s", list, strerror(errno));
	if (flags & NEW_USER)
		map_root();
	if (flags & NEW_MNT && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("mount: %s", strerror(errno));
	if (flags & NEW_PID)
		go_on_in_child();
}

/* Does not return when `argv` begins with a wrapper. */
static void run_wrapper(char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrappers); i++) {
		if (strcmp(argv[0], wrappers[i].name) != 0)
			continue;
		if (!argv[1] || !argv[2])
			usage();
		wrappers[i].confine(argv[1]);
		execvp(argv[2], argv + 2);
		die("%s: %s", argv[2], strerror(errno));
	}
}

enum { NOT_THERE = 0x7ffffff0 };

static bool is_kind(const struct btf_type *type, unsigned kind)
{
	return BTF_INFO_KIND(type->info) == kind;
}

static bool has_members(const struct btf_type *type)
{
	return is_kind(type, BTF_KIND_STRUCT) && BTF_INFO_VLEN(type->info);
}

static void loop_typedef(struct btf_type *type, uint32_t id)
{
	if (is_kind(type, BTF_KIND_TYPEDEF))
		type->type = id;
}

static void hold_itself(struct btf_type *type, uint32_t id)
{
	struct btf_member *first = (struct btf_member *)(type + 1);

	if (has_members(type))
		*first = (struct btf_member){ .type = id };
}

static void lose_member_type(struct btf_type *type, uint32_t id)
{
	struct btf_member *m = (struct btf_member *)(type + 1);

	(void)id;
	for (unsigned i = 0; has_members(type) && i < BTF_INFO_VLEN(type->info); i++)
		m[i].type = NOT_THERE;
}

static void lose_member_name(struct btf_type *type, uint32_t id)
{
	struct btf_member *m = (struct btf_member *)(type + 1);

	(void)id;
	for (unsigned i = 0; has_members(type) && i < BTF_INFO_VLEN(type->info); i++)
		m[i].name_off = NOT_THERE;
}

static void move_members(struct btf_type *type, uint32_t id)
{
	struct btf_member *m = (struct btf_member *)(type + 1);
	const unsigned count = BTF_INFO_VLEN(type->info);

	(void)id;
	for (unsigned i = 0; has_members(type) && count > 100 && i < count; i++)
		m[i].offset += 64; /* bits */
}

static void lose_enum_name(struct btf_type *type, uint32_t id)
{
	struct btf_enum *e = (struct btf_enum *)(type + 1);

	(void)id;
	for (unsigned i = 0;
	     is_kind(type, BTF_KIND_ENUM) && i < BTF_INFO_VLEN(type->info); i++)
		e[i].name_off = NOT_THERE;
}

/* Of a type, with what comes after its struct btf_type. */
static size_t btf_type_bytes(const struct btf_type *type)
{
	static const struct {
		uint8_t fixed, each;
	} words[] = {
		[BTF_KIND_INT] = { 1, 0 },
		[BTF_KIND_ARRAY] = { 3, 0 },
		[BTF_KIND_STRUCT] = { 0, 3 },
		[BTF_KIND_UNION] = { 0, 3 },
		[BTF_KIND_ENUM] = { 0, 2 },
		[BTF_KIND_FUNC_PROTO] = { 0, 2 },
		[BTF_KIND_VAR] = { 1, 0 },
		[BTF_KIND_DATASEC] = { 0, 3 },
		[17 /* BTF_KIND_DECL_TAG */] = { 1, 0 },
		[19 /* BTF_KIND_ENUM64 */] = { 0, 3 },
	};
	unsigned kind = BTF_INFO_KIND(type->info);

	if (kind >= ARRAY_SIZE(words))
		die("BTF of kind %u", kind);
	return sizeof(*type) +
	       (words[kind].fixed + words[kind].each * BTF_INFO_VLEN(type->info)) *
		       sizeof(uint32_t);
}

static const struct damage *find_damage(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(damages); i++)
		if (!strcmp(damages[i].name, name))
			return &damages[i];
	usage();
}

/* To be freed. */
static char *read_whole(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("%s: %s", path, strerror(errno));
	*size = st.st_size;
	data = malloc(*size);
	if (!data || read(fd, data, *size) != (ssize_t)*size)
		die("%s cannot be read", path);
	close(fd);
	return data;
}

static void break_btf(const struct damage *damage, const char *from, const char *to)
{
	size_t size;
	char *data = read_whole(from, &size);
	const struct btf_header *header = (const struct btf_header *)data;
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	char *at, *types_end;

	if (size < sizeof(*header) || header->magic != BTF_MAGIC)
		die("%s is not raw BTF", from);
	at = data + header->hdr_len + header->type_off;
	types_end = at + header->type_len;
	for (uint32_t id = 1; at < types_end; id++) {
		damage->damage((struct btf_type *)at, id);
		at += btf_type_bytes((struct btf_type *)at);
	}
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		die("%s: %s", to, strerror(errno));
	close(fd);
	free(data);
}

/* Where act() runs; takes its part of the command line. */
struct place {
	int cgroup; /* an open cgroup.procs or -1 */
	const char *pidns_file;
};

static char **parse_place(char **argv, struct place *ret)
{
	*ret = (struct place){ .cgroup = -1 };
	if (!argv[0] || !argv[1])
		return argv;
	if (!strcmp(argv[0], "pidns")) {
		ret->pidns_file = argv[1];
		return argv + 2;
	}
	if (strcmp(argv[0], "enter") != 0)
		return argv;
	ret->cgroup = open_cgroup(argv[1]);
	argv += 2;
	return *argv && !strcmp(*argv, "--") ? argv + 1 : argv;
}

int main(int argc, char **argv)
{
	const struct command *command;
	struct job job = { .pid = getpid() };
	struct place place;

	argv++;
	if (*argv && !strcmp(*argv, "has"))
		return find_command(argv[1]) ? 0 : 1;
	if (argc == 5 && !strcmp(*argv, "break-btf")) {
		break_btf(find_damage(argv[1]), argv[2], argv[3]);
		return 0;
	}
	if (*argv)
		run_wrapper(argv);
	argv = parse_place(argv, &place);
	command = find_command(*argv);
	if (!command)
		usage();
	parse_args(command, &job, argv + 1);
	make_shared(&job);
	if (command->prepare)
		command->prepare(&job);
	if (place.pidns_file)
		enter_pidns(place.pidns_file);
	if (place.cgroup >= 0)
		enter_cgroup(place.cgroup);
	end(command->act(&job));
}
