/* SPDX-License-Identifier: GPL-2.0-only */
#include "map_access.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <bpf/bpf.h>

#include "seccomp_filter.h"

static bool shielded, refused;

/* The daemon by itself makes none of these. */
static bool is_fatal(void)
{
	return seccomp_kills(SYS_sched_getscheduler) ||
	       seccomp_kills(SYS_sched_getparam) || seccomp_kills(SYS_sched_setscheduler);
}

/*
 * What a thread has used of RLIMIT_RTTIME, which sums up the time of all reads, is set back when it wakes up
 * as a real-time one: ours never does. At its end the kernel kills the process.
 */
static bool is_limited(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_RTTIME, &limit) < 0 || limit.rlim_cur != RLIM_INFINITY;
}

void map_shield(bool on)
{
	refused = on && (is_limited() || is_fatal());
	shielded = on && !refused;
}

bool map_shield_refused(void)
{
	return refused;
}

struct shield {
	int policy; /* before; negative: nothing was changed */
	struct sched_param param;
};

/* Not of a thread that is a real-time one already, in whatever way. */
static bool may_be_raised(int policy)
{
	policy &= ~SCHED_RESET_ON_FORK;
	return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

static struct shield raise_shield(void)
{
	const struct sched_param lowest = { .sched_priority = 1 };
	struct shield s = { .policy = shielded ? sched_getscheduler(0) : -1 };
	int reset;

	if (s.policy < 0)
		return s;
	/* a flag that is set stays set, as to clear it takes CAP_SYS_NICE */
	reset = s.policy & SCHED_RESET_ON_FORK;
	if (!may_be_raised(s.policy) || sched_getparam(0, &s.param) < 0 ||
	    sched_setscheduler(0, SCHED_FIFO | reset, &lowest) < 0) {
		refused = may_be_raised(s.policy);
		s.policy = -1;
	}
	return s;
}

static int lower_shield(const struct shield *s, int result)
{
	int saved = errno;

	if (s->policy >= 0)
		sched_setscheduler(0, s->policy, &s->param);
	errno = saved;
	return result;
}

int map_lookup(int fd, const void *key, void *value)
{
	struct shield s = raise_shield();

	return lower_shield(&s, bpf_map_lookup_elem(fd, key, value));
}

int map_update(int fd, const void *key, const void *value)
{
	struct shield s = raise_shield();

	return lower_shield(&s, bpf_map_update_elem(fd, key, value, BPF_ANY));
}

int map_delete(int fd, const void *key)
{
	struct shield s = raise_shield();

	return lower_shield(&s, bpf_map_delete_elem(fd, key));
}

int map_lookup_batch(int fd, void *from, void *to, void *keys, void *values,
		     uint32_t *count)
{
	struct shield s = raise_shield();

	return lower_shield(&s, bpf_map_lookup_batch(fd, from, to, keys, values, count,
						     NULL));
}
