/* SPDX-License-Identifier: GPL-2.0-only */
/*
 *	getppid [BURSTS [CPU]]
 *
 * Prints the nanoseconds that one getppid() takes: of the quickest of BURSTS (250) bursts, on that CPU
 * or else the last one. With 0 bursts it goes on until it is killed.
 *
 *	getppid --turns CGROUP
 *
 * The same for a turn of two processes on one CPU, of which one is in that cgroup and one is not:
 * who is woken up by a read that ends, wakes the other one up by a write. So of the two calls of a
 * turn the first ends in another group than the call before it.
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
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "child.h"

enum { CALLS_PER_BURST = 500, TURNS_PER_BURST = 100, BURSTS = 250, FORKS = 20000 };

static int to_other[2], from_other[2]; /* pipes */

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

/* UINT64_MAX when the other process is gone. */
static uint64_t turns_ns(void)
{
	uint64_t start = now_ns();
	char c = 0;

	for (int i = 0; i < TURNS_PER_BURST; i += 2)
		if (write(to_other[1], &c, 1) != 1 || read(from_other[0], &c, 1) != 1)
			return UINT64_MAX;
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

/* Until its parent is gone. */
static void take_turns(const char *cgroup)
{
	char c;

	close(to_other[1]);
	close(from_other[0]);
	if (enter_cgroup(cgroup) < 0)
		return;
	while (read(to_other[0], &c, 1) == 1)
		if (write(from_other[1], &c, 1) != 1)
			return;
}

static int measure_turns(const char *cgroup)
{
	uint64_t ns;
	pid_t other;

	signal(SIGPIPE, SIG_IGN); /* when the other one cannot be had */
	if (pipe(to_other) < 0 || pipe(from_other) < 0)
		return -1;
	other = fork();
	if (other == 0) {
		take_turns(cgroup);
		_exit(0);
	}
	close(to_other[0]);
	close(from_other[1]);
	ns = other < 0 ? UINT64_MAX : least_ns(BURSTS, turns_ns);
	close(to_other[1]);
	if (other < 0 || waitpid(other, NULL, 0) < 0 || ns == UINT64_MAX)
		return -1;
	printf("%.2f\n", (double)ns / TURNS_PER_BURST);
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

int main(int argc, char **argv)
{
	const char *mode = argc == 3 && argv[1][0] == '-' ? argv[1] : "";
	int cpu = argc == 3 && !mode[0] ? (int)strtol(argv[2], NULL, 10) : last_cpu();

	if (pin(cpu) < 0) {
		perror("getppid: sched_setaffinity");
		return 1;
	}
	if (!mode[0])
		return measure_calls(argc > 1 ? (int)strtol(argv[1], NULL, 10) : BURSTS);
	if (strcmp(mode, "--time") == 0)
		return measure_events(argv[2]) < 0;
	if (strcmp(mode, "--send") == 0)
		return send_signals(strtol(argv[2], NULL, 10)) < 0;
	if (measure_turns(argv[2]) < 0) {
		fprintf(stderr, "getppid: cannot take turns with a process in %s\n",
			argv[2]);
		return 1;
	}
	return 0;
}
