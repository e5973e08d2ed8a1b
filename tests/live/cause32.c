/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Causes events a known number of times, as cause.c does, but as a 32-bit program: its system
 * calls go by the compat table of a 64-bit kernel, i386 on x86-64 and ARM EABI on arm64.
 *
 *	cause32 [enter CGROUP_DIR] COMMAND [ARGUMENT...]
 *
 * A cgroup entered that nobody else uses is charged with exactly
 *
 *	1 write + what the table at the end says + 1 exit_group
 *
 * No C library: for the 32-bit side there is none on most hosts, and what is not made here is
 * not called. The numbers are those of the tables, which never change; where the two differ,
 * both are given.
 *
 * Exit status: 0 when everything went as the table says, 1 when not, 2 for a usage error or when
 * prepare() failed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* arch/x86/entry/syscalls/syscall_32.tbl, arch/arm/tools/syscall.tbl */
enum {
	NR_fork = 2,
	NR_write = 4,
	NR_open = 5,
	NR_close = 6,
	NR_execve = 11,
	NR_getppid = 64,
	NR_wait4 = 114,
	NR_clone = 120,
	NR_rt_sigreturn = 173,
	NR_rt_sigaction = 174,
	NR_rt_sigprocmask = 175,
	NR_rt_sigsuspend = 179,
	NR_vfork = 190,
	NR_unnamed = 223, /* of no call in either table */
	NR_clone3 = 435,
	NR_beyond = 9999, /* the end of the table */
#if defined(__i386__)
	NR_exit_group = 252,
	NR_tgkill = 270,
	NR_openat = 295,
	NR_unshare = 310,
	NR_setns = 346,
#elif defined(__arm__)
	NR_exit_group = 248,
	NR_tgkill = 268,
	NR_openat = 322,
	NR_unshare = 337,
	NR_setns = 375,
#else
#error "which 32-bit architecture is this?"
#endif
};

enum { ENOENT = 2, EINTR = 4, EBADF = 9, EINVAL = 22, ENOSYS = 38 };
enum {
	AT_FDCWD = -100,
	O_WRONLY = 1,
	O_CLOEXEC = 02000000,
	SIGUSR1 = 10,
	SIGTERM = 15,
	SIGCHLD = 17,
	SIG_BLOCK = 0,
	SIGSET_BYTES = 8,
	SA_SIGINFO = 0x00000004,
	SA_RESTORER = 0x04000000,
	CLONE_FS = 0x00000200,
	CLONE_CHILD_SETTID = 0x01000000,
	CLONE_BAD_FLAG = 0x1, /* of the bits that unshare(2) does not know */
	NEW_MNT = 0x00020000,
	NEW_NET = 0x40000000
};

#define MISSING_PATH "/nonexistent-ebpf-test"
enum { TYPE_MAX = 8 };

static const struct type {
	const char *name;
	int flag;
} types[] = {
	{ "cgroup", 0x02000000 }, { "ipc", 0x08000000 }, { "mnt", NEW_MNT },
	{ "net", NEW_NET },	  { "pid", 0x20000000 }, { "time", 0x00000080 },
	{ "user", 0x10000000 },	  { "uts", 0x04000000 },
};

struct job {
	long n;
	int flags; /* CLONE_NEW* of the types given */
	const char *path;
	long pid;	   /* our own, if asked for by prepare() */
	int fds[TYPE_MAX]; /* namespaces to join */
};

/* Each returns 0, or 1 when something went otherwise than announced. */
typedef int act_fn(const struct job *job);
typedef void prepare_fn(struct job *job);

/*
 * The kernel. Results are as it gives them: a negative error code.
 */

#define A(x) ((long)(x))

#if defined(__i386__)

/* The way that does not depend on the vDSO; all ways end in the same function. */
static inline __attribute__((always_inline)) long call(long nr, long a, long b, long c,
						       long d, long e)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory");
	return ret;
}

__asm__(".globl _start\n"
	"_start:\n"
	"	movl %esp, %eax\n"
	"	andl $-16, %esp\n"
	"	subl $12, %esp\n"
	"	pushl %eax\n"
	"	call start\n"
	".globl restorer\n"
	"restorer:\n"
	"	movl $173, %eax\n"
	"	int $0x80\n");

#else

static inline __attribute__((always_inline)) long call(long nr, long a, long b, long c,
						       long d, long e)
{
	register long r7 __asm__("r7") = nr;
	register long r0 __asm__("r0") = a;
	register long r1 __asm__("r1") = b;
	register long r2 __asm__("r2") = c;
	register long r3 __asm__("r3") = d;
	register long r4 __asm__("r4") = e;

	__asm__ volatile("svc #0"
			 : "+r"(r0)
			 : "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r7)
			 : "memory");
	return r0;
}

__asm__(".arm\n"
	".globl _start\n"
	"_start:\n"
	"	mov r0, sp\n"
	"	bic sp, sp, #15\n"
	"	bl start\n"
	".globl restorer\n"
	"restorer:\n"
	"	mov r7, #173\n"
	"	svc #0\n");

#endif

void restorer(void);

static void __attribute__((noreturn)) end(int status)
{
	for (;;)
		call(NR_exit_group, status, 0, 0, 0, 0);
}

static size_t length_of(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

static bool equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void __attribute__((noreturn)) die(const char *what)
{
	call(NR_write, 2, A("cause32: "), 9, 0, 0);
	call(NR_write, 2, A(what), A(length_of(what)), 0, 0);
	call(NR_write, 2, A("\n"), 1, 0, 0);
	end(2);
}

static int differs(long ret, long expected)
{
	return ret == expected ? 0 : 1;
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
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= call(NR_getppid, 0, 0, 0, 0, 0) < 0;
	return surprises;
}

static int fail(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= differs(call(NR_openat, AT_FDCWD, A(MISSING_PATH), 0, 0, 0),
				     -ENOENT);
	return surprises;
}

static int unnamed(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= differs(call(NR_unnamed, 0, 0, 0, 0, 0), -ENOSYS);
	return surprises;
}

static int beyond(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= differs(call(NR_beyond, 0, 0, 0, 0, 0), -ENOSYS);
	return surprises;
}

/*
 * Processes
 */

/* Both have the thread pointer before the address for the child's id. */
static inline long raw_clone(unsigned long flags, int32_t *child_id)
{
	return call(NR_clone, A(flags | SIGCHLD), 0, 0, 0, A(child_id));
}

/* One wait4. */
static int wait_for(long pid, int expected)
{
	int status;

	if (pid < 0 || call(NR_wait4, pid, A(&status), 0, 0, 0) != pid)
		return 1;
	return differs(status, expected);
}

/* Has `act` run by N children, one after another. */
static int in_children(const struct job *job, act_fn *act)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = raw_clone(0, NULL);

		if (pid == 0)
			end(act(job));
		surprises |= wait_for(pid, 0);
	}
	return surprises;
}

static int exit_children(const struct job *job)
{
	return in_children(job, nothing);
}

static int fork_children(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = call(NR_fork, 0, 0, 0, 0, 0);

		if (pid == 0)
			end(0);
		surprises |= wait_for(pid, 0);
	}
	return surprises;
}

/* The child shares the stack, but calls no function: all of it is inlined. */
static int vfork_children(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = call(NR_vfork, 0, 0, 0, 0, 0);

		if (pid == 0)
			call(NR_exit_group, 0, 0, 0, 0, 0);
		surprises |= wait_for(pid, 0);
	}
	return surprises;
}

static int exec_path(const struct job *job)
{
	static char nothing_name[] = "nothing";
	static char *environment[] = { NULL };
	char *args[] = { (char *)job->path, nothing_name, NULL };

	call(NR_execve, A(job->path), A(args), A(environment), 0, 0);
	return 1;
}

static int exec_children(const struct job *job)
{
	return in_children(job, exec_path);
}

/*
 * Signals. All are blocked when they are sent, so that it is rt_sigsuspend that they interrupt.
 */

static const uint64_t no_signal;
static volatile long handled;

static void on_signal(int number, void *info, void *context)
{
	(void)number, (void)info, (void)context;
	handled++;
}

static void block_signal(int number)
{
	uint64_t set = 1ULL << (number - 1);

	if (call(NR_rt_sigprocmask, SIG_BLOCK, A(&set), 0, SIGSET_BYTES, 0) < 0)
		die("cannot block a signal");
}

static void handle_signal(struct job *job)
{
	const struct {
		long handler, flags, restorer;
		uint32_t mask[2];
	} action = { A(on_signal), SA_SIGINFO | SA_RESTORER, A(restorer), { 0 } };
	int32_t id = 0;
	long pid = raw_clone(CLONE_CHILD_SETTID, &id);

	/* Goes on as a child that knows its id, without a call to ask for it. */
	if (pid != 0)
		end(wait_for(pid, 0));
	job->pid = id;
	if (call(NR_rt_sigaction, SIGUSR1, A(&action), 0, SIGSET_BYTES, 0) < 0)
		die("cannot handle a signal");
	block_signal(SIGUSR1);
}

static long suspend(void)
{
	return call(NR_rt_sigsuspend, A(&no_signal), SIGSET_BYTES, 0, 0, 0);
}

static int interrupted(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		call(NR_tgkill, job->pid, job->pid, SIGUSR1, 0, 0);
		surprises |= differs(suspend(), -EINTR);
	}
	return surprises | differs(handled, job->n);
}

static void block_sigterm(struct job *job)
{
	(void)job;
	block_signal(SIGTERM);
}

static int killed(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		int32_t id = 0;
		long pid = raw_clone(CLONE_CHILD_SETTID, &id);

		if (pid == 0) {
			call(NR_tgkill, id, id, SIGTERM, 0, 0);
			suspend();
			end(1);
		}
		surprises |= wait_for(pid, SIGTERM);
	}
	return surprises;
}

/*
 * Namespaces
 */

static int unshare_once(const struct job *job)
{
	return differs(call(NR_unshare, job->flags, 0, 0, 0, 0), 0);
}

static int unshare_children(const struct job *job)
{
	return in_children(job, unshare_once);
}

static int clone_children_ns(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = raw_clone(job->flags, NULL);

		if (pid == 0)
			end(0);
		surprises |= wait_for(pid, 0);
	}
	return surprises;
}

/* The first version of struct clone_args: flags, three addresses, the exit signal, ... */
static long raw_clone3(uint64_t flags)
{
	static uint64_t args[8];

	args[0] = flags;
	args[4] = SIGCHLD;
	return call(NR_clone3, A(args), sizeof(args), 0, 0, 0);
}

static int clone3_children_ns(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++) {
		long pid = raw_clone3((uint32_t)job->flags);

		if (pid == 0)
			end(0);
		surprises |= wait_for(pid, 0);
	}
	return surprises;
}

/* Our own; but nobody may join the user namespace that he is in. */
static void open_namespaces(struct job *job)
{
	static const char directory[] = "/proc/self/ns/";
	char path[sizeof(directory) + 8];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		const char *name = types[i].name;

		if (!(job->flags & types[i].flag))
			continue;
		for (size_t c = 0; c < sizeof(directory) - 1; c++)
			path[c] = directory[c];
		for (size_t c = 0; c <= length_of(name); c++)
			path[sizeof(directory) - 1 + c] = name[c];
		job->fds[i] = call(NR_open, A(path), O_CLOEXEC, 0, 0, 0);
		if (job->fds[i] < 0)
			die("cannot open a namespace");
	}
}

/* `typed`: says which type is meant. */
static int setns_each(const struct job *job, bool typed)
{
	int surprises = 0;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!(job->flags & types[i].flag))
			continue;
		surprises |= differs(call(NR_setns, job->fds[i],
					  typed ? types[i].flag : 0, 0, 0, 0),
				     0);
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

static int setns_fail(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= differs(call(NR_setns, -1, NEW_NET, 0, 0, 0), -EBADF);
	return surprises;
}

static int unshare_fail(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |=
			differs(call(NR_unshare, job->flags | CLONE_BAD_FLAG, 0, 0, 0, 0),
				-EINVAL);
	return surprises;
}

static int clone_fail(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= differs(raw_clone(NEW_MNT | CLONE_FS, NULL), -EINVAL);
	return surprises;
}

static int clone3_fail(const struct job *job)
{
	int surprises = 0;

	for (long i = 0; i < job->n; i++)
		surprises |= differs(raw_clone3(NEW_MNT | CLONE_FS), -EINVAL);
	return surprises;
}

/*
 * The command line
 */

static const struct command {
	const char *name;
	const char *args; /* n: a number, t: a list of types such as "net,uts", p: a path */
	prepare_fn *prepare;
	act_fn *act;
	const char *calls; /* that act() makes; "*": of the children, "=": how it ends */
} commands[] = {
	{ "nothing", "", NULL, nothing, "none" },
	{ "calls", "n", NULL, calls, "N getppid" },
	{ "fail", "n", NULL, fail, "N openat=ENOENT" },
	{ "unnamed", "n", NULL, unnamed, "N of number 223, which has no name=ENOSYS" },
	{ "nosys", "n", NULL, beyond, "N of a number beyond the table=ENOSYS" },
	{ "exit", "n", NULL, exit_children, "N clone, N* exit_group, N wait4" },
	{ "fork", "n", NULL, fork_children, "N fork, N* exit_group, N wait4" },
	{ "vfork", "n", NULL, vfork_children, "N vfork, N* exit_group, N wait4" },
	{ "exec-path", "pn", NULL, exec_children,
	  "N clone, N* execve of PATH with the argument nothing, N wait4" },
	{ "eintr", "n", handle_signal, interrupted,
	  "N tgkill, N rt_sigsuspend=EINTR, N rt_sigreturn" },
	{ "killed", "n", block_sigterm, killed,
	  "N clone, N* tgkill, N* rt_sigsuspend that never returns, N wait4" },

	/* with N clone, N* exit_group and N wait4 where not said otherwise */
	{ "unshare", "tn", NULL, unshare_children, "N* unshare(TYPES)" },
	{ "clone-ns", "tn", NULL, clone_children_ns, "N clone(TYPES) and no other" },
	{ "clone3-ns", "tn", NULL, clone3_children_ns, "N clone3(TYPES) and no clone" },
	{ "setns", "tn", open_namespaces, setns_typed, "N* setns(fd, TYPE) of each" },
	{ "setns0", "tn", open_namespaces, setns_any, "N* setns(fd, 0) of each" },
	{ "setns-fail", "n", NULL, setns_fail,
	  "N setns(-1, net)=EBADF and nothing else" },
	{ "unshare-fail", "tn", NULL, unshare_fail,
	  "N unshare(TYPES and a bad flag)=EINVAL and nothing else" },
	{ "clone-fail", "n", NULL, clone_fail, "N clone(mnt and CLONE_FS)=EINVAL" },
	{ "clone3-fail", "n", NULL, clone3_fail, "N clone3(mnt and CLONE_FS)=EINVAL" },
};

static long parse_number(const char *text)
{
	long number = 0;

	if (!*text || length_of(text) > 9)
		die("not a number");
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			die("not a number");
		number = number * 10 + (*text - '0');
	}
	return number;
}

/* Ends each word of the list where its comma was. */
static int parse_types(char *list)
{
	int flags = 0;

	while (*list) {
		const char *word = list;
		int flag = 0;

		while (*list && *list != ',')
			list++;
		if (*list)
			*list++ = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(types); i++)
			flag |= equal(word, types[i].name) ? types[i].flag : 0;
		if (!flag)
			die("not a type of namespace");
		flags |= flag;
	}
	return flags;
}

/* Reads `argv` as command->args says. */
static void parse_args(const struct command *command, struct job *job, char **argv)
{
	for (const char *arg = command->args; *arg; arg++, argv++) {
		if (!*argv)
			die("an argument is missing");
		if (*arg == 'n')
			job->n = parse_number(*argv);
		else if (*arg == 't')
			job->flags = parse_types(*argv);
		else
			job->path = *argv;
	}
	if (*argv)
		die("too many arguments");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(commands); i++) {
		if (equal(commands[i].name, name))
			return &commands[i];
	}
	die("usage: cause32 [enter CGROUP_DIR] COMMAND [ARGUMENT...]; see cause32.c");
}

static int open_cgroup(const char *directory)
{
	static const char file[] = "/cgroup.procs";
	size_t length = length_of(directory);
	char path[512];
	int fd;

	if (length + sizeof(file) > sizeof(path))
		die("the cgroup's name is too long");
	for (size_t c = 0; c < length; c++)
		path[c] = directory[c];
	for (size_t c = 0; c < sizeof(file); c++)
		path[length + c] = file[c];
	fd = call(NR_open, A(path), O_WRONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		die("cannot open cgroup.procs");
	return fd;
}

/* `stack` as the kernel leaves it: argc, argv[]. */
void __attribute__((noreturn, used)) start(char **stack);
void start(char **stack)
{
	const struct command *command;
	char **argv = stack + 2;
	struct job job = { 0 };
	int cgroup = -1;

	if (argv[0] && argv[1] && equal(argv[0], "enter")) {
		cgroup = open_cgroup(argv[1]);
		argv += 2;
	}
	command = find_command(*argv);
	parse_args(command, &job, argv + 1);
	if (command->prepare)
		command->prepare(&job);
	/* One write, which is charged to the cgroup that it leads to. */
	if (cgroup >= 0 && call(NR_write, cgroup, A("0"), 1, 0, 0) != 1)
		die("cannot enter the cgroup");
	end(command->act(&job));
}

/* What a compiler may call though nobody asked it to. */
void *memset(void *to, int byte, size_t n);
void *memset(void *to, int byte, size_t n)
{
	volatile char *c = to;

	while (n--)
		*c++ = byte;
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	const char *source = from;
	volatile char *c = to;

	while (n--)
		*c++ = *source++;
	return to;
}
