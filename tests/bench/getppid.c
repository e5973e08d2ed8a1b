/* SPDX-License-Identifier: GPL-2.0-only */
/*
 *	getppid [BURSTS [CPU]]
 *
 * Prints the nanoseconds that one getppid() takes: of the quickest of BURSTS (250) bursts, on that CPU
 * or else the last one.
 *
 * What else goes on in the machine can only add time. A burst is far shorter than a scheduler's
 * time slice, so that some of them run undisturbed on a busy machine, too; those are the quickest.
 */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CALLS_PER_BURST = 500, BURSTS = 250 };

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

int main(int argc, char **argv)
{
	int bursts = argc > 1 ? (int)strtol(argv[1], NULL, 10) : BURSTS;
	int cpu = argc > 2 ? (int)strtol(argv[2], NULL, 10) : last_cpu();
	uint64_t least = UINT64_MAX;

	if (pin(cpu) < 0) {
		perror("getppid: sched_setaffinity");
		return 1;
	}
	for (int i = 0; i < bursts; i++) {
		uint64_t ns = burst_ns();

		if (ns < least)
			least = ns;
	}
	printf("%.2f\n", (double)least / CALLS_PER_BURST);
	return 0;
}
