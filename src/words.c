/* SPDX-License-Identifier: GPL-2.0-only */
#include "words.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "namespace_names.h"
#include "namespace_owner.h"
#include "signal_names.h"

/*
 * Bytes of a group's name, so that the longest message, of the OOM killer, has room for two: collectd's has 255.
 * The details have all.
 */
enum { NAME_SHOWN = 56 };

static void say_scope(struct notice *n, const char *scope)
{
	if (strcmp(scope, "host") != 0 && strcmp(scope, "other") != 0)
		notice_say(n, " in %.*s", NAME_SHOWN, scope);
}

static void say_group(struct notice *n)
{
	say_scope(n, n->group);
}

static void say_task(struct notice *n, const struct event_task *task)
{
	if (!task->pid)
		notice_say(n, "the kernel");
	else
		notice_say(n, "pid %" PRIu32 " (%.*s)", task->pid, COMMAND_BYTES,
			   task->command);
}

static void add_command(struct notice *n, const char *name,
			const char command[COMMAND_BYTES])
{
	char text[COMMAND_BYTES + 1];

	snprintf(text, sizeof(text), "%.*s", COMMAND_BYTES, command);
	notice_add_text(n, name, text);
}

static void add_actor(struct notice *n, const struct event *e)
{
	notice_add_text(n, "group", n->group);
	if (!e->actor.pid)
		return;
	notice_add_number(n, "pid", e->actor.pid);
	notice_add_number(n, "tid", e->actor.tid);
	notice_add_number(n, "uid", e->actor.uid);
	add_command(n, "command", e->actor.command);
	add_command(n, "parent_command", e->parent);
	if (n->actor_group[0])
		notice_add_text(n, "actor_group", n->actor_group);
}

static void add_target(struct notice *n, const struct event *e)
{
	notice_add_number(n, "target_pid", e->target.pid);
	notice_add_number(n, "target_tid", e->target.tid);
	notice_add_number(n, "target_uid", e->target.uid);
	add_command(n, "target_command", e->target.command);
}

static const char *error_text(int64_t code, char *text, size_t size)
{
	/* the GNU one, which may not use `text` */
	return strerror_r((int)code, text, size);
}

static void say_fd(const struct event *e, struct notice *n)
{
	int fd = (int)e->detail[NAMESPACE_EVENT_FD];

	notice_say(n, " through fd %d", fd);
	notice_add_number(n, "fd", fd);
}

static void words_of_failure(const struct event *e, struct notice *n)
{
	static const char *const attempts[VERBS] = {
		[VERB_JOIN] = "join a namespace",
		[VERB_UNSHARE] = "make a namespace of its own",
		[VERB_CLONE] = "clone a process into a new namespace",
	};
	unsigned verb = e->id - NAMESPACE_FAILED;
	char text[64];

	notice_say(n, " could not %s", attempts[verb]);
	if (verb == VERB_JOIN)
		say_fd(e, n);
	notice_say(n, ": %s",
		   error_text(e->detail[NAMESPACE_EVENT_ERROR], text, sizeof(text)));
	notice_add_number(n, "error", e->detail[NAMESPACE_EVENT_ERROR]);
}

static void words_of_join(const struct event *e, struct notice *n)
{
	unsigned type = e->id % NAMESPACE_TYPES;
	char owner[NOTICE_PART_MAX];

	notice_say(n, " joined %s namespace", namespace_name(type));
	if (e->detail[NAMESPACE_EVENT_INODE])
		notice_say(n, " %lld", e->detail[NAMESPACE_EVENT_INODE]);
	if (namespace_owner(type, (uint64_t)e->detail[NAMESPACE_EVENT_INODE],
			    e->actor.pid, n->hierarchy, owner, sizeof(owner))) {
		notice_say(n, " of %.*s", NAME_SHOWN, owner);
		notice_add_text(n, "namespace_owner", owner);
	}
	say_fd(e, n);
}

static void words_of_creation(const struct event *e, struct notice *n)
{
	const char *type = namespace_name(e->id % NAMESPACE_TYPES);

	if (e->id / NAMESPACE_TYPES == VERB_UNSHARE) {
		notice_say(n, " made its own %s namespace", type);
	} else {
		notice_say(n, " cloned pid %" PRIu32 " into a new %s namespace",
			   e->target.pid, type);
		notice_add_number(n, "target_pid", e->target.pid);
	}
	if (e->detail[NAMESPACE_EVENT_INODE])
		notice_say(n, ", %lld", e->detail[NAMESPACE_EVENT_INODE]);
}

void words_of_namespace(const struct event *e, struct notice *n)
{
	say_task(n, &e->actor);
	say_group(n);
	add_actor(n, e);
	if (e->id >= NAMESPACE_FAILED) {
		words_of_failure(e, n);
		return;
	}
	notice_add_text(n, "namespace_type", namespace_name(e->id % NAMESPACE_TYPES));
	if (e->detail[NAMESPACE_EVENT_INODE])
		notice_add_number(n, "namespace_inode", e->detail[NAMESPACE_EVENT_INODE]);
	if (e->id / NAMESPACE_TYPES == VERB_JOIN)
		words_of_join(e, n);
	else
		words_of_creation(e, n);
}

enum notice_severity severity_of_namespace(const struct event *e)
{
	return e->id >= NAMESPACE_FAILED ? NOTICE_WARNING : NOTICE_OKAY;
}

static void words_of_end(const struct event *e, struct notice *n)
{
	int status = (int)e->detail[PROCESS_EVENT_STATUS];
	int64_t life_ns = e->detail[PROCESS_EVENT_LIFE];
	const char *name = signal_name((uint32_t)WTERMSIG(status));

	if (WIFEXITED(status)) {
		notice_say(n, " ended with status %d", WEXITSTATUS(status));
		notice_add_number(n, "status", WEXITSTATUS(status));
	} else {
		notice_say(n, " was ended by %s%s", name,
			   WCOREDUMP(status) ? " and left a core" : "");
		notice_add_text(n, "signal", name);
	}
	if (e->id == PROCESS_SHORT_LIVED)
		notice_say(n, " after %.3f ms", (double)life_ns / 1e6);
	notice_add_number(n, "life_ns", life_ns);
}

void words_of_process(const struct event *e, struct notice *n)
{
	add_actor(n, e);
	if (e->id == PROCESS_EXEC) {
		notice_say(n, "pid %" PRIu32, e->actor.pid);
		say_group(n);
		notice_say(n, " executed %.*s", COMMAND_BYTES, e->actor.command);
		return;
	}
	say_task(n, &e->actor);
	say_group(n);
	if (e->id == PROCESS_FORK)
		notice_say(n, " forked pid %" PRIu32, e->target.pid);
	else if (e->id == PROCESS_THREAD)
		notice_say(n, " made thread %" PRIu32, e->target.tid);
	else
		words_of_end(e, n);
	if (e->target.pid) {
		notice_add_number(n, "target_pid", e->target.pid);
		notice_add_number(n, "target_tid", e->target.tid);
	}
}

enum notice_severity severity_of_process(const struct event *e)
{
	return e->id == PROCESS_EXIT_KILLED || e->id == PROCESS_EXIT_DUMPED ?
		       NOTICE_WARNING :
		       NOTICE_OKAY;
}

/*
 * These codes the kernel gives to signals that come in an interrupt, with any task as the current one; and
 * so may who sends by rt_sigqueueinfo(2). NULL: neither.
 */
static const char *cause_beside_actor(int64_t code)
{
	if (code == SI_TIMER)
		return "a timer";
	return code == SI_ASYNCIO || code == SI_SIGIO ? "I/O" : NULL;
}

static void say_sender(struct notice *n, const struct event *e)
{
	const char *cause = cause_beside_actor(e->detail[SIGNAL_EVENT_CODE]);

	if (cause)
		notice_say(n, "%s%s", cause, e->actor.pid ? " or " : "");
	if (!cause || e->actor.pid)
		say_task(n, &e->actor);
}

void words_of_signal(const struct event *e, struct notice *n)
{
	say_sender(n, e);
	notice_say(n, " sent %s to ", signal_name(e->id));
	say_task(n, &e->target);
	say_group(n);
	add_actor(n, e);
	add_target(n, e);
	notice_add_text(n, "signal", signal_name(e->id));
	notice_add_number(n, "signal_code", e->detail[SIGNAL_EVENT_CODE]);
}

enum notice_severity severity_of_signal(const struct event *e)
{
	return signal_is_fatal(e->id) ? NOTICE_WARNING : NOTICE_OKAY;
}

static void say_bytes(struct notice *n, double bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	unsigned unit = 0;

	while (bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	notice_say(n, "%.*f %s", unit && bytes < 10, bytes, units[unit]);
}

void words_of_oom(const struct event *e, struct notice *n)
{
	bool is_cgroup = e->id == OOM_KILL_CGROUP;
	uint64_t bytes =
		(uint64_t)e->detail[OOM_EVENT_RESIDENT] * (uint64_t)sysconf(_SC_PAGESIZE);

	notice_say(n, "OOM killer ended ");
	say_task(n, &e->target);
	say_group(n);
	notice_say(n, ": ");
	say_bytes(n, (double)bytes);
	notice_say(n, " resident, %s, invoked by ",
		   is_cgroup ? "limit of the cgroup" : "no memory left on the host");
	say_task(n, &e->actor);
	if (n->actor_group[0] && strcmp(n->actor_group, n->group) != 0)
		say_scope(n, n->actor_group);
	add_actor(n, e);
	add_target(n, e);
	notice_add_text(n, "cause", is_cgroup ? "cgroup" : "global");
	notice_add_number(n, "resident_bytes", (int64_t)bytes);
	notice_add_number(n, "oom_score_adj", e->detail[OOM_EVENT_SCORE_ADJ]);
}

enum notice_severity severity_of_oom(const struct event *e)
{
	(void)e;
	return NOTICE_FAILURE;
}
