/* SPDX-License-Identifier: GPL-2.0-only */
/*
 *	getppid [BURSTS [CPU]]
 *
 * Prints the nanoseconds that one getppid() takes: of the quickest of BURSTS (250) bursts, on that CPU
 * or else the last one. With 0 bursts it goes on until it is killed.
 *
 *	getppid --turns DIRECTORY N
 *
 * The same for a call that ends in another group than the one before it: of processes that take turns on one
 * CPU, each with a memory of its own, one in each of the cgroups DIRECTORY/group-0 to group-(N - 1), and
 * this one. Each of them says sched_yield(), which as real-time processes they do strictly in turn,
 * so that no other call, no pipe and no waking up is in the time. A burst is once around, or more
 * often when they are few. It is measured and printed once for each line that is read.
 *
 *	getppid --time kill|fork|setns
 *
 * The same for kill() of a signal that it ignores, for fork, exit and wait (of a process that shares the
 * memory), and for setns() into its own UTS namespace.
 *
 *	getppid --send N
 *
 * Sends itself N signals that it ignores, and prints nothing.
 *
 * What else goes on in the machine can only add time. A burst is far shorter than a scheduler's
 * time slice, so that some of them run undisturbed on a busy machine, too; those are the quickest.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"

enum {
	CALLS_PER_BURST = 500,
	BURSTS = 250,
	FORKS = 20000,
	TURNS_PER_BURST = 500, /* or as many as there are processes */
	TURNS_AT_MOST = 300000,
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t burst_ns(void)
{
	uint64_t start = now_ns();

	for (int i = 0; i < CALLS_PER_BURST; i++)
		syscall(SYS_getppid);
	return now_ns() - start;
}

static long laps_per_burst;

static uint64_t laps_ns(void)
{
	uint64_t start = now_ns();

	for (long i = 0; i < laps_per_burst; i++)
		sched_yield();
	return now_ns() - start;
}

/* Of BURSTS. */
static uint64_t least_ns(int bursts, uint64_t (*burst)(void))
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < bursts; i++) {
		uint64_t ns = burst();

		if (ns < least)
			least = ns;
	}
	return least;
}

/* To the last of the CPUs allowed: the first serve most interrupts. */
static int last_cpu(void)
{
	cpu_set_t allowed;
	int last = -1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			last = cpu;
	return last;
}

static int pin(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	if (cpu >= 0)
		CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one);
}

/* A process that is made in the cgroup: to move it there would have each wait for RCU. */
static pid_t fork_into(const char *directory, long number)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	char path[4096];
	pid_t pid;
	int fd;

	snprintf(path, sizeof(path), "%s/group-%ld", directory, number);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	args.cgroup = (uint64_t)fd;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	close(fd);
	return pid;
}

/* What those who take turns have to do: shared with them, and a futex. */
static struct order {
	volatile unsigned number; /* of the measurement */
	volatile long laps;	  /* 0: no more */
} * order;

static long futex(int operation, unsigned value)
{
	return syscall(SYS_futex, &order->number, operation, value, NULL, NULL, 0);
}

/* Until there are no more orders, or its parent is gone. */
static void take_turns(pid_t parent)
{
	unsigned done = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it was gone before that */
		_exit(1);
	for (;;) {
		while (order->number == done)
			futex(FUTEX_WAIT, done);
		done = order->number;
		if (!order->laps)
			_exit(0);
		for (long i = 0; i < order->laps; i++)
			sched_yield();
	}
}

static int start_turns(const char *directory, long count)
{
	const pid_t self = getpid();

	order = mmap(NULL, sizeof(*order), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (order == MAP_FAILED)
		return -1;
	for (long i = 0; i < count; i++) {
		pid_t pid = fork_into(directory, i);

		if (pid < 0)
			return -1;
		if (pid == 0)
			take_turns(self);
	}
	return 0;
}

/* They go on when we yield, which we do as often as they will. */
static void give_order(long laps)
{
	order->laps = laps;
	order->number++;
	futex(FUTEX_WAKE, INT_MAX);
}

/* Once for each line that it reads. */
static int measure_turns(const char *directory, long count)
{
	const struct sched_param first = { .sched_priority = 1 };
	const long lap = count + 1;
	long turns, bursts;
	char line[16];

	if (sched_setscheduler(0, SCHED_FIFO, &first) < 0 ||
	    start_turns(directory, count) < 0)
		return -1;
	laps_per_burst = lap < TURNS_PER_BURST ? TURNS_PER_BURST / lap : 1;
	turns = laps_per_burst * lap;
	bursts = turns * BURSTS < TURNS_AT_MOST ? BURSTS : 1 + TURNS_AT_MOST / turns;
	sched_yield(); /* until all of them wait */
	while (fgets(line, sizeof(line), stdin)) {
		give_order(laps_per_burst * (bursts + 1));
		laps_ns(); /* so that all have begun */
		printf("%.2f\n", (double)least_ns((int)bursts, laps_ns) / (double)turns);
		fflush(stdout);
	}
	give_order(0);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return 0;
}

static uint64_t kills_ns(void)
{
	uint64_t start = now_ns();

	for (int i = 0; i < CALLS_PER_BURST; i++)
		syscall(SYS_kill, getpid(), SIGUSR1);
	return now_ns() - start;
}

static int end_at_once(void *unused)
{
	(void)unused;
	return 0;
}

/* One, as it takes long enough for the clock. */
static uint64_t fork_ns(void)
{
	uint64_t start = now_ns();

	return run_child(end_at_once, NULL) < 0 ? UINT64_MAX : now_ns() - start;
}

static int own_namespace;

static uint64_t joins_ns(void)
{
	uint64_t start = now_ns();

	for (int i = 0; i < CALLS_PER_BURST; i++)
		if (setns(own_namespace, CLONE_NEWUTS) < 0)
			return UINT64_MAX;
	return now_ns() - start;
}

static int measure_events(const char *what)
{
	static const struct {
		const char *what;
		uint64_t (*burst)(void);
		int bursts, count;
	} rows[] = {
		{ "kill", kills_ns, BURSTS, CALLS_PER_BURST },
		{ "fork", fork_ns, FORKS, 1 },
		{ "setns", joins_ns, BURSTS, CALLS_PER_BURST },
	};
	const struct sched_param first = { .sched_priority = 1 };
	uint64_t ns = UINT64_MAX;

	/* so that nobody else comes between parent and child; where we may not, it is less exact */
	sched_setscheduler(0, SCHED_FIFO, &first);
	signal(SIGUSR1, SIG_IGN);
	own_namespace = open("/proc/self/ns/uts", O_RDONLY);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].what, what) != 0)
			continue;
		ns = least_ns(rows[i].bursts, rows[i].burst);
		if (ns != UINT64_MAX)
			printf("%.2f\n", (double)ns / rows[i].count);
	}
	return ns == UINT64_MAX ? -1 : 0;
}

static int send_signals(long n)
{
	signal(SIGUSR1, SIG_IGN);
	while (n-- > 0)
		if (syscall(SYS_kill, getpid(), SIGUSR1) < 0)
			return -1;
	return 0;
}

static int measure_calls(int bursts)
{
	while (bursts == 0)
		burst_ns();
	printf("%.2f\n", (double)least_ns(bursts, burst_ns) / CALLS_PER_BURST);
	return 0;
}

static int measure(int argc, char **argv)
{
	const char *mode = argc > 2 && argv[1][0] == '-' ? argv[1] : "";

	if (argc == 3 && strcmp(mode, "--time") == 0)
		return measure_events(argv[2]);
	if (argc == 3 && strcmp(mode, "--send") == 0)
		return send_signals(strtol(argv[2], NULL, 10));
	if (argc == 4 && strcmp(mode, "--turns") == 0)
		return measure_turns(argv[2], strtol(argv[3], NULL, 10));
	return measure_calls(argc > 1 ? (int)strtol(argv[1], NULL, 10) : BURSTS);
}

int main(int argc, char **argv)
{
	bool has_cpu = argc == 3 && argv[1][0] != '-';

	if (pin(has_cpu ? (int)strtol(argv[2], NULL, 10) : last_cpu()) < 0) {
		perror("getppid: sched_setaffinity");
		return 1;
	}
	if (measure(argc, argv) < 0) {
		fprintf(stderr, "getppid: %s cannot be measured here\n",
			argc > 1 ? argv[1] : "");
		return 1;
	}
	return 0;
}
