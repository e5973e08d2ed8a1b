/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's files say: at the start, which CPUs there may be, which cgroups we are in,
 * which cgroup controllers there are, whether tasks are preempted; how strict perf is, and what a map
 * takes. In a container they may be somebody's own. The texts of these six follow each other in
 * the input, with a '~' after each; an empty one is a file that is not there. The first ones end
 * up in constants of the programs and in sizes of maps.
 */
#include "input.h"

#include <errno.h>

#include <bpf/btf.h>

#include "bpf_shared.h"
#include "kernel_version.h"
#include "loader.h"
#include "monitor.h"
#include "remedy.h"
#include "settings.h"

static struct {
	char *cpus, *memberships, *cgroups, *preempt, *paranoid, *fdinfo;
} files;
static bool running; /* not: the fuzzer itself is calling */
static bool by_controller;

FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
struct btf *__wrap_btf__load_vmlinux_btf(void);
struct kernel_found __wrap_loader_probe(const char *btf_path);
int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report);

static FILE *open_text(char *text)
{
	if (!text[0]) {
		errno = ENOENT;
		return NULL;
	}
	return fmemopen(text, strlen(text), "r");
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	if (running && strcmp(path, "/proc/self/cgroup") == 0)
		return open_text(files.memberships);
	if (running && strcmp(path, "/proc/cgroups") == 0)
		return open_text(files.cgroups);
	if (running && strcmp(path, "/sys/devices/system/cpu/possible") == 0)
		return open_text(files.cpus);
	if (running && (strcmp(path, "/sys/kernel/debug/sched/preempt") == 0 ||
			strcmp(path, "/proc/cmdline") == 0))
		return open_text(files.preempt);
	if (running && strcmp(path, "/proc/sys/kernel/perf_event_paranoid") == 0)
		return open_text(files.paranoid);
	if (running && strncmp(path, "/proc/self/fdinfo/", 18) == 0)
		return open_text(files.fdinfo);
	return __real_fopen(path, mode);
}

struct btf *__wrap_btf__load_vmlinux_btf(void)
{
	struct btf *btf = btf__new_empty();

	CHECK(btf && btf__add_enum(btf, "cgroup_subsys_id", 4) > 0);
	CHECK(btf__add_enum_value(btf, "cpu_cgrp_id", 0) == 0);
	CHECK(btf__add_enum_value(btf, "memory_cgrp_id", 5) == 0);
	return btf;
}

/* One more than the highest number, of what looks as the kernel writes it; else 0. */
static uint64_t count_cpus(void)
{
	const char *text = files.cpus;
	uint64_t highest = 0;

	if (text[strspn(text, "0123456789,-\n")] || strlen(text) > 8)
		return 0;
	for (;;) {
		char *rest;
		uint64_t number = strtoul(text, &rest, 10);

		if (rest == text || text[0] < '0' || text[0] > '9' || number < highest)
			return 0;
		highest = number;
		if (rest[0] == '\n' && !rest[1])
			return highest + 1;
		if (rest[0] != ',' && rest[0] != '-')
			return 0;
		text = rest + 1;
	}
}

static const void *constant(const struct load_plan *plan, const char *name)
{
	for (const struct constant *c = plan->constants; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c->value;
	CHECK(false, "no constant %s", name);
	return NULL;
}

struct kernel_found __wrap_loader_probe(const char *btf_path)
{
	(void)btf_path;
	return (struct kernel_found){ 0 };
}

static bool has_cgroup2(void)
{
	return strncmp(files.memberships, "0:", 2) == 0 ||
	       strstr(files.memberships, "\n0:");
}

/* All that was read has come this far. The kernel grants nothing. */
int __wrap_loader_start(const struct object *object, const struct load_plan *plan,
			struct loaded **ret, struct load_report *report)
{
	uint32_t kind = *(const uint32_t *)constant(plan, "group_kind");
	uint32_t cpus = *(const uint32_t *)constant(plan, "cpu_count");

	(void)ret;
	CHECK(cpus > 0);
	CHECK(!count_cpus() || cpus == count_cpus(), "%u", cpus);
	if (object == &groups_object && by_controller) {
		CHECK(kind == GROUP_KIND_CONTROLLER);
		/* what is not listed is one of cgroup v2 */
		CHECK(strstr(files.cgroups, "memory") ||
		      !*(const int32_t *)constant(plan, "group_hierarchy"));
		CHECK(*(const uint32_t *)constant(plan, "group_subsys") == 5);
	} else if (object == &groups_object) {
		CHECK(kind == GROUP_KIND_CGROUP && has_cgroup2());
	} else {
		CHECK(kind == GROUP_KIND_NONE);
	}
	for (const struct map_size *size = plan->sizes; size->map; size++)
		CHECK(size->entries > 0, "%s", size->map);
	*report = (struct load_report){ .error = "Operation not permitted" };
	return -EPERM;
}

static void ignore(enum monitor_severity severity, const char *message)
{
	(void)severity;
	CHECK(message[0]);
}

/* What a map takes, of a text that is only as the kernel writes it; else 0. */
static uint64_t memlock(void)
{
	const char name[] = "memlock:\t";
	const char *number = files.fdinfo + sizeof(name) - 1;
	size_t digits;

	if (strncmp(files.fdinfo, name, sizeof(name) - 1) != 0)
		return 0;
	digits = strspn(number, "0123456789");
	return digits < 19 && strcmp(number + digits, "\n") == 0 ?
		       strtoull(number, NULL, 10) :
		       0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct settings settings;
	struct monitor *monitor = NULL;

	by_controller = take_byte(&in) % 2;
	files.cpus = take_text(&in, "~");
	files.memberships = take_text(&in, "~");
	files.cgroups = take_text(&in, "~");
	files.preempt = take_text(&in, "~");
	files.paranoid = take_text(&in, "~");
	files.fdinfo = take_text(&in, "~");
	settings_init(&settings);
	settings.syscalls.on = true;
	if (by_controller) {
		settings.groups.by = GROUP_BY_CONTROLLER;
		settings.groups.controller = "memory";
	}
	running = true;
	CHECK(monitor_start(&settings, ignore, &monitor) < 0 && !monitor);
	kernel_is_preemptible();
	CHECK(remedy_for_perf_events()[0]);
	CHECK(!memlock() || loader_bytes(0) == memlock(), "%s", files.fdinfo);
	running = false;
	settings_fini(&settings);
	free(files.cpus);
	free(files.memberships);
	free(files.cgroups);
	free(files.preempt);
	free(files.paranoid);
	free(files.fdinfo);
	return 0;
}
