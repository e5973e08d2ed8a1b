/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events: what user space tells as notifications. An object whose family has Notify sends each of
 * them once; those that find no room are counted in `unsent`.
 */
#pragma once

#include "group.h"

/* Set by the loader. */
const volatile __u32 event_way = EVENTS_OFF;
const volatile bool told[EVENT_IDS]; /* which ids the operator wants to be told of */
const volatile __u32 event_family;
/* Bytes that may wait in the ring buffer before this family's events find no room: others are more urgent. */
const volatile __u64 event_room;

/* The loader puts the one buffer of all families in its place, of whatever type that is. */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} unsent SEC(".maps");

static __always_inline bool is_told(__u32 id)
{
	barrier_var(id); /* what is compared is what is the index, for the verifier */
	return event_way && id < EVENT_IDS && told[id];
}

static __always_inline void describe_task(struct event_task *ret,
					  struct task_struct *task)
{
	ret->pid = BPF_CORE_READ(task, tgid);
	ret->tid = BPF_CORE_READ(task, pid);
	ret->uid = BPF_CORE_READ(task, real_cred, uid.val);
	BPF_CORE_READ_STR_INTO(&ret->command, task, comm);
}

static __always_inline void describe_actor(struct event *event, struct task_struct *task)
{
	describe_task(&event->actor, task);
	BPF_CORE_READ_STR_INTO(&event->parent, task, real_parent, comm);
}

/* For what is counted for the target's group. The group gets a name, as those that are counted have. */
static __always_inline void describe_actor_with_group(struct event *event)
{
	describe_actor(event, current_task());
	event->actor_group = current_group();
	admit_group(NULL, event->actor_group);
}

/* `ctx` is that of the program. */
static __always_inline void send_event(void *ctx, struct event *event)
{
	__u32 only = 0;
	__u64 *n;
	long err;

	event->ns = bpf_ktime_get_ns();
	event->family = event_family;
	if (event_way == EVENTS_RING_BUFFER &&
	    bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= event_room)
		err = -ENOSPC;
	else if (event_way == EVENTS_RING_BUFFER)
		err = bpf_ringbuf_output(&events, event, sizeof(*event),
					 BPF_RB_NO_WAKEUP);
	else
		err = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, event,
					    sizeof(*event));
	n = err ? bpf_map_lookup_elem(&unsent, &only) : NULL;
	if (n)
		increment(n);
}
