/* SPDX-License-Identifier: GPL-2.0-only */
#include "loader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "cleanup.h"
#include "kernel_version.h"
#include "remedy.h"
#include "seccomp_filter.h"
#include "syscall_names.h"

struct loaded {
	const struct object *object;
	const struct door *door;
	struct bpf_object *bpf;
	struct bpf_link *links[DOOR_PROGRAMS_MAX]; /* of door->programs[]; NULL: none */
	uint64_t forgiven;			   /* missed runs */
};

/*
 * The first complaint of libbpf since capture_begin() that says more than the error does: its
 * callback has no argument of ours.
 */
static __thread char complaint[256];

/* What only says that it failed, or guesses at causes where remedy_for() knows better. */
static bool is_idle(const char *message)
{
	static const char *const idle[] = { "probe_loading", "Retrying without BTF",
					    "failed to load object" };

	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		if (strstr(message, idle[i]))
			return true;
	return false;
}

__attribute__((format(printf, 2, 0))) static int capture(enum libbpf_print_level level,
							 const char *format, va_list args)
{
	static const char prefix[] = "libbpf: ";
	size_t skip = sizeof(prefix) - 1;
	char message[sizeof(complaint)];

	if (level != LIBBPF_WARN || complaint[0])
		return 0;
	vsnprintf(message, sizeof(message), format, args);
	message[strcspn(message, "\n")] = '\0';
	if (is_idle(message))
		return 0;
	snprintf(complaint, sizeof(complaint), "%s",
		 strncmp(message, prefix, skip) == 0 ? message + skip : message);
	if (complaint[0] && complaint[strlen(complaint) - 1] == '.')
		complaint[strlen(complaint) - 1] = '\0';
	return 0;
}

static int ignore(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

void loader_silence(void)
{
	libbpf_set_print(ignore);
}

static libbpf_print_fn_t capture_begin(void)
{
	complaint[0] = '\0';
	return libbpf_set_print(capture);
}

static bool is_optional(const char *program)
{
	return program[0] == '?';
}

static bool is_for_timing(const char *program)
{
	return program[0] == '+';
}

static const char *program_name(const char *program)
{
	return is_optional(program) || is_for_timing(program) ? program + 1 : program;
}

static struct bpf_program *find_program(const struct loaded *l, const char *program)
{
	return bpf_object__find_program_by_name(l->bpf, program_name(program));
}

/*
 * Where the variable lies in .rodata, by the object's own BTF. -1: it has none of that
 * name.
 */
static long rodata_offset(const struct bpf_object *bpf, const char *name, size_t bytes)
{
	const struct btf *btf = bpf_object__btf(bpf);
	int id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -1;
	const struct btf_type *section = id > 0 ? btf__type_by_id(btf, id) : NULL;
	const struct btf_var_secinfo *v = section ? btf_var_secinfos(section) : NULL;

	for (int i = 0; section && i < btf_vlen(section); i++) {
		const struct btf_type *var = btf__type_by_id(btf, v[i].type);

		if (strcmp(btf__name_by_offset(btf, var->name_off), name) == 0)
			return v[i].size == bytes ? (long)v[i].offset : -1;
	}
	return -1;
}

static int set_constant(const struct loaded *l, const char *name, const void *value,
			size_t bytes)
{
	struct bpf_map *map = bpf_object__find_map_by_name(l->bpf, ".rodata");
	long offset = rodata_offset(l->bpf, name, bytes);
	const void *data;
	size_t size;

	if (!map || offset < 0)
		return 0;
	data = bpf_map__initial_value(map, &size);
	cleanup_free char *copy = data ? malloc(size) : NULL;
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, size);
	memcpy(copy + offset, value, bytes);
	return bpf_map__set_initial_value(map, copy, size);
}

static const char kernel_btf[] = "/sys/kernel/btf/vmlinux";

static bool is_preemptible(const struct door *door, const struct load_plan *plan)
{
	if (door->preemption == PREEMPTION_ON)
		return true;
	if (door->preemption == PREEMPTION_OFF_BY_LOCK &&
	    !kernel_is_built_with("PREEMPT_RT"))
		return false;
	return door->preemption != PREEMPTION_OFF && plan->kernel.preempts_at_tracepoints;
}

static bool is_timed(const struct door *door, const struct load_plan *plan)
{
	return plan->timed && !is_preemptible(door, plan);
}

static int set_constants(const struct loaded *l, const struct load_plan *plan)
{
	const bool preemptible = is_preemptible(l->door, plan);
	const bool latency = is_timed(l->door, plan);
	const bool have_kernel_btf = access(kernel_btf, R_OK) == 0;
	uint32_t sigreturn[2];
	int err = set_constant(l, "preemptible", &preemptible, sizeof(bool));

	if (!err)
		err = set_constant(l, "have_kernel_btf", &have_kernel_btf, sizeof(bool));

	if (!err)
		err = set_constant(l, "latency", &latency, sizeof(bool));
	if (!err)
		err = set_constant(l, "registers_at", &plan->kernel.registers_at,
				   sizeof(uint32_t));
	if (!err)
		err = set_constant(l, "event_way", &plan->event_way, sizeof(uint32_t));
	if (!err)
		err = set_constant(l, "event_family", &plan->event_family,
				   sizeof(uint32_t));
	if (!err)
		err = set_constant(l, "event_room", &plan->event_room, sizeof(uint64_t));
	for (const struct constant *c = plan->constants; c && c->name && !err; c++)
		err = set_constant(l, c->name, c->value, c->bytes);
	if (err || !plan->traits)
		return err;
	syscall_sigreturn_ids(sigreturn);
	err = set_constant(l, "sigreturn_id", sigreturn, sizeof(sigreturn));
	return err ? err : set_constant(l, "syscall_traits", plan->traits, SYSCALL_IDS);
}

/* Maps of groups_object that all the others use. */
static const char *const shared_maps[] = { "groups", "group_paths", "free_slots" };

enum { SHARED_MAPS = sizeof(shared_maps) / sizeof(shared_maps[0]) };

static bool is_shared(const char *map)
{
	for (int i = 0; i < SHARED_MAPS; i++)
		if (strcmp(shared_maps[i], map) == 0)
			return true;
	return false;
}

static bool has_untyped_program(const struct loaded *l)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, l->bpf)
		if (bpf_program__autoload(program) &&
		    bpf_program__type(program) != BPF_PROG_TYPE_TRACING)
			return true;
	return false;
}

/*
 * Before Linux 6.1 (34dd3bad1a6f) the kernel warns, with a taint, of a program without BTF types that uses a hash
 * which grows. Maps without a plan's groups are, or may be, those that all families share, by whatever door.
 *
 * With PREEMPT_RT it refuses such a program, while of one with BTF types it does not look, and there the hash
 * takes locks that sleep. From 6.1 on it takes none, but what it allocates in advance a thread fills up again: a
 * group's first counts find nothing, and are the scope other's.
 */
static bool must_preallocate(const struct loaded *l, const struct load_plan *plan)
{
	if (l->door->preallocates || kernel_is_built_with("PREEMPT_RT"))
		return true;
	return kernel_is_before(6, 1) && (!plan->groups || has_untyped_program(l));
}

static int set_maps(const struct loaded *l, const struct load_plan *plan)
{
	const bool preallocate = must_preallocate(l, plan);
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map (map, l->bpf)
		if (preallocate && !err)
			err = bpf_map__set_map_flags(map, bpf_map__map_flags(map) &
								  ~BPF_F_NO_PREALLOC);
	for (const struct map_size *s = plan->sizes; s && s->map; s++) {
		map = bpf_object__find_map_by_name(l->bpf, s->map);
		if (map && !err)
			err = bpf_map__set_max_entries(map, s->entries);
		if (map && !err && s->value_bytes)
			err = bpf_map__set_value_size(map, s->value_bytes);
	}
	map = bpf_object__find_map_by_name(l->bpf, "events");
	if (map && plan->event_way != EVENTS_OFF && !err)
		err = bpf_map__reuse_fd(map, plan->events);
	for (int i = 0; plan->groups && i < SHARED_MAPS; i++) {
		map = bpf_object__find_map_by_name(l->bpf, shared_maps[i]);
		if (map && !err)
			err = bpf_map__reuse_fd(map,
						loader_map(plan->groups, shared_maps[i]));
	}
	return err;
}

static bool is_chosen(const char *program, bool with_optional, bool timed)
{
	return (with_optional || !is_optional(program)) &&
	       (timed || !is_for_timing(program));
}

static void choose_programs(const struct loaded *l, bool with_optional, bool timed)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, l->bpf)
		bpf_program__set_autoload(program, false);
	for (int i = 0; i < DOOR_PROGRAMS_MAX && l->door->programs[i]; i++) {
		program = find_program(l, l->door->programs[i]);
		if (program && is_chosen(l->door->programs[i], with_optional, timed))
			bpf_program__set_autoload(program, true);
	}
}

/* Where there is no cast, the verifier sees no such call. */
static int set_casts(const struct loaded *l, const struct load_plan *plan)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, l->bpf) {
		size_t count = bpf_program__insn_cnt(program), bytes;
		int err;

		if (!plan->kernel.cast || !bpf_program__autoload(program))
			continue;
		bytes = count * sizeof(struct bpf_insn);
		cleanup_free struct bpf_insn *code = malloc(bytes);
		if (!code)
			return -ENOMEM;
		memcpy(code, bpf_program__insns(program), bytes);
		for (struct bpf_insn *i = code; i < code + count; i++)
			if (i->code == (BPF_JMP | BPF_CALL) && !i->src_reg &&
			    i->imm == CAST_CALL) {
				i->src_reg = BPF_PSEUDO_KFUNC_CALL;
				i->imm = plan->kernel.cast;
			}
		err = bpf_program__set_insns(program, code, count);
		if (err)
			return err;
	}
	return 0;
}

struct follower {
	int map;
	int program;
	int err;
};

static void follow_call(uint32_t id, void *arg)
{
	struct follower *f = arg;

	if (bpf_map_update_elem(f->map, &id, &f->program, BPF_ANY) < 0)
		f->err = -errno;
}

/* Whether `leader` has a program at the same hook, which then hands over to ours. */
static bool is_led(const struct loaded *leader, const struct bpf_program *program)
{
	if (!leader || loader_map(leader, "followers") < 0)
		return false;
	for (int i = 0; i < DOOR_PROGRAMS_MAX && leader->door->programs[i]; i++) {
		struct bpf_program *p = find_program(leader, leader->door->programs[i]);

		if (p && strcmp(bpf_program__section_name(p),
				bpf_program__section_name(program)) == 0)
			return true;
	}
	return false;
}

static int follow(const struct loaded *l, const struct loaded *leader,
		  const struct bpf_program *program)
{
	struct follower f = {
		.map = loader_map(leader, "followers"),
		.program = bpf_program__fd(program),
	};

	for (const struct trait *t = l->object->traits;
	     t < l->object->traits + TRAITS_MAX; t++)
		if (t->syscall)
			syscall_each_id(t->syscall, follow_call, &f);
	return f.err;
}

static int attach_own(struct loaded *l, int i, const struct bpf_program *program)
{
	l->links[i] = bpf_program__attach(program);
	return l->links[i] ? 0 : -errno;
}

/* Those that another program hands over to come last: they could not be taken back. */
static int attach_all(struct loaded *l, const struct loaded *leader)
{
	int err = 0;

	for (int led = 0; led < 2; led++) {
		for (int i = 0; i < DOOR_PROGRAMS_MAX && l->door->programs[i] && !err;
		     i++) {
			struct bpf_program *program =
				find_program(l, l->door->programs[i]);

			if (!program || !bpf_program__autoload(program) ||
			    is_led(leader, program) != led)
				continue;
			err = led ? follow(l, leader, program) :
				    attach_own(l, i, program);
		}
	}
	return err;
}

static struct loaded *open_door(const struct object *object, const struct door *door,
				const char *btf_path)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = object->name,
		    .btf_custom_path = btf_path);
	struct loaded *l = calloc(1, sizeof(*l));
	size_t size;
	const void *elf = object->elf(&size);

	if (!l)
		return NULL;
	l->object = object;
	l->door = door;
	l->bpf = bpf_object__open_mem(elf, size, &opts);
	if (l->bpf)
		return l;
	free(l);
	return NULL;
}

/* False when it is not loaded. */
static bool get_info(const struct bpf_program *program, struct bpf_prog_info *ret)
{
	int fd = bpf_program__autoload(program) ? bpf_program__fd(program) : -1;
	uint32_t size = sizeof(*ret);

	*ret = (struct bpf_prog_info){ 0 };
	return fd >= 0 && bpf_obj_get_info_by_fd(fd, ret, &size) == 0;
}

static const char unfit[] = "this kernel is not fit to interpret BPF programs";
static const char maybe_unfit[] =
	"whether this kernel is fit to interpret BPF programs is not shown without CAP_SYSLOG, "
	"nor where kernel.kptr_restrict is 2";

/*
 * Whether a call of a helper still has the helper's number where its address should be, or 0, as the
 * kernel shows addresses to those who may not see them. It shows a tail call as one of a helper,
 * which it is not. NULL: all have an address.
 */
static const char *find_bare_call(const struct bpf_insn *code, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (code[i].code != (BPF_JMP | BPF_CALL) || code[i].src_reg ||
		    code[i].imm < 0 || code[i].imm >= __BPF_FUNC_MAX_ID ||
		    code[i].imm == BPF_FUNC_tail_call)
			continue;
		return code[i].imm ? unfit : maybe_unfit;
	}
	return NULL;
}

/*
 * From Linux 6.10 the verifier leaves calls of some helpers for the compiler to replace
 * (bpf_jit_inlines_helper_call()), also where there will be none, as net.core.bpf_jit_enable is 0:
 * the interpreter then jumps into the void, and the kernel panics. By 7.3 such programs are refused.
 * Returns what is wrong, or NULL.
 */
static const char *find_fault(const struct bpf_program *program)
{
	struct bpf_prog_info info;
	uint32_t size = sizeof(info), bytes;

	if (kernel_is_before(6, 10) || !get_info(program, &info) || info.jited_prog_len)
		return NULL;
	bytes = info.xlated_prog_len;
	cleanup_free struct bpf_insn *code = malloc(bytes ? bytes : 1);

	info = (struct bpf_prog_info){ .xlated_prog_len = bytes,
				       .xlated_prog_insns = (uintptr_t)code };
	if (!code || !bytes ||
	    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) < 0)
		return maybe_unfit;
	return find_bare_call(code, bytes / sizeof(*code));
}

static int check_compiled(const struct loaded *l)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, l->bpf) {
		const char *fault = find_fault(program);

		if (!fault)
			continue;
		snprintf(complaint, sizeof(complaint), "%s", fault);
		return -ENOEXEC;
	}
	return 0;
}

static int try_door(const struct object *object, const struct door *door,
		    bool with_optional, const struct load_plan *plan, struct loaded **ret)
{
	struct loaded *l = open_door(object, door, plan->btf_path);
	int err;

	if (!l)
		return -errno;
	choose_programs(l, with_optional, is_timed(door, plan));
	err = set_constants(l, plan);
	if (!err)
		err = set_maps(l, plan);
	if (!err)
		err = set_casts(l, plan);
	if (!err)
		err = bpf_object__load(l->bpf);
	if (!err)
		err = check_compiled(l);
	if (!err)
		err = attach_all(l, plan->leader);
	if (err) {
		loader_stop(l);
		return err;
	}
	*ret = l;
	return 0;
}

static bool has_optional(const struct door *door)
{
	for (int i = 0; i < DOOR_PROGRAMS_MAX && door->programs[i]; i++)
		if (is_optional(door->programs[i]))
			return true;
	return false;
}

static bool has_needs(const struct door *door)
{
	return !door->needs || access(door->needs, F_OK) == 0;
}

/* Of a file that cannot be read, nothing is known. */
static bool is_zero(const char *path)
{
	cleanup_fclose FILE *f = fopen(path, "re");
	int value;

	return f && fscanf(f, "%d", &value) == 1 && !value;
}

const char *loader_switched_off(bool by_ftrace, bool by_kprobe)
{
	if (by_ftrace && is_zero("/proc/sys/kernel/ftrace_enabled"))
		return "the sysctl kernel.ftrace_enabled";
	if (by_kprobe && is_zero("/sys/kernel/debug/kprobes/enabled"))
		return "/sys/kernel/debug/kprobes/enabled";
	return NULL;
}

static const char *find_remedy(const struct door *door, const struct load_plan *plan,
			       int err)
{
	/*
	 * "failed to determine tracepoint 'sched/...' perf event ID", "tracepoint '...'
	 * perf_event_open() failed", "failed to create kretprobe '...' perf event"
	 */
	bool is_perf = strstr(complaint, "perf event") ||
		       strstr(complaint, "perf_event_open");

	if (!has_needs(door))
		return remedy_for_kprobes();
	if (loader_switched_off(door->is_by_ftrace, door->is_bounded))
		return "set it to 1";
	/* what is used up is not forbidden */
	if (is_perf && err != -EAGAIN && err != -EMFILE)
		return remedy_for_perf_events();
	return remedy_for(err, plan->btf_path);
}

/* Of several doors the first reason whose remedy is not a weak one is kept, or else the last. */
static void explain(struct load_report *report, const struct door *door,
		    const struct load_plan *plan, int err)
{
	if (report->remedy && !remedy_is_weak(report->remedy))
		return;
	report->remedy = find_remedy(door, plan, err);
	snprintf(report->error, sizeof(report->error), "%s; %s%s",
		 complaint[0] ? complaint : strerror(-err), report->remedy,
		 plan->hook ? "; or set Hook to \"auto\"" : "");
}

__attribute__((format(printf, 2, 3))) static void note(struct load_report *report,
						       const char *format, ...)
{
	size_t used = strlen(report->refused);
	va_list args;

	used += snprintf(report->refused + used, sizeof(report->refused) - used, "%s",
			 used ? ", " : "");
	if (used >= sizeof(report->refused))
		return;
	va_start(args, format);
	vsnprintf(report->refused + used, sizeof(report->refused) - used, format, args);
	va_end(args);
}

/* Of "kretprobe+raw_tp" or "kretprobe". */
static int first_way_length(const char *name)
{
	return (int)strcspn(name, "+");
}

static bool is_same_first_way(const char *a, const char *b)
{
	int n = first_way_length(a);

	return n == first_way_length(b) && strncmp(a, b, n) == 0;
}

/* Once, where two doors of one first way are refused for one reason. */
static void note_refusal(struct load_report *report, const char *door, const char *why)
{
	char refusal[sizeof(complaint) + 32];

	snprintf(refusal, sizeof(refusal), "not %.*s: %s", first_way_length(door), door,
		 why);
	if (!strstr(report->refused, refusal))
		note(report, "%s", refusal);
}

static bool is_wanted(const struct door *door, const struct load_plan *plan)
{
	if (!door->name || !plan->hook)
		return door->name;
	return strcmp(door->name, plan->hook) == 0 ||
	       (!strchr(plan->hook, '+') && is_same_first_way(door->name, plan->hook));
}

/* Whether the kernel leaves out runs there. */
static bool is_lossy(const struct door *door, const struct load_plan *plan)
{
	if (door->preemption == PREEMPTION_ON)
		return plan->kernel.is_preemptible ||
		       plan->kernel.preempts_at_tracepoints;
	return is_preemptible(door, plan);
}

/*
 * Whether runs are missed there and nobody is told, as before 6.7 (3acf8ace6823), while the leader has a
 * program that misses none.
 */
static bool is_silent(const struct door *door, const struct load_plan *plan)
{
	return door->is_bounded && plan->leader && kernel_is_before(6, 7);
}

/* Whether runs may be missed there, be it because of bpf(2), that are told since 6.7 only. */
static bool is_untold(const struct door *door)
{
	return door->is_kept_out && kernel_is_before(6, 7);
}

enum { RANKS = 4 };

/* The lesser, the sooner a door is tried. */
static unsigned rank_of(const struct door *door, const struct load_plan *plan)
{
	bool is_led_there = plan->leader &&
			    strcmp(plan->leader->door->name, door->name) == 0;
	bool is_dear = door->is_at_all_calls && !is_led_there;

	return 2 * is_dear + (is_lossy(door, plan) || is_silent(door, plan));
}

static int check_needs(const struct door *door)
{
	const char *off = loader_switched_off(door->is_by_ftrace, door->is_bounded);
	int kills;

	if (off) {
		snprintf(complaint, sizeof(complaint), "%s is 0", off);
		return -ENODEV;
	}
	if (!has_needs(door)) {
		snprintf(complaint, sizeof(complaint), "this kernel has no %s",
			 door->needs);
		return -ENOENT;
	}
	/* those are attached to perf events */
	kills = door->is_kept_out ? seccomp_kills(SYS_perf_event_open) : 0;
	if (kills < 0)
		snprintf(
			complaint, sizeof(complaint),
			"a seccomp filter may end who calls perf_event_open, and no child can be "
			"made to try it: %s",
			strerror(-kills));
	else if (kills)
		snprintf(complaint, sizeof(complaint),
			 "a seccomp filter ends who calls perf_event_open");
	return kills > 0 ? -EPERM : kills;
}

static int try_programs(const struct object *object, const struct door *door,
			const struct load_plan *plan, struct loaded **ret)
{
	int err = try_door(object, door, true, plan, ret);

	/* a verifier may have its own mind about what is cast */
	if (err && err != -EPERM && plan->kernel.cast) {
		struct load_plan plain = *plan;

		plain.kernel.cast = 0;
		plain.kernel.registers_at = 0;
		complaint[0] = '\0';
		err = try_door(object, door, true, &plain, ret);
	}
	/* what is forbidden does not become less so without some */
	if (!err || err == -EPERM || !has_optional(door))
		return err;
	complaint[0] = '\0';
	return try_door(object, door, false, plan, ret);
}

static int enter(const struct object *object, const struct door *door,
		 const struct load_plan *plan, struct loaded **ret,
		 struct load_report *report)
{
	libbpf_print_fn_t previous = capture_begin();
	int err = check_needs(door);

	if (!err)
		err = try_programs(object, door, plan, ret);
	libbpf_set_print(previous);
	if (!err) {
		report->door = door;
		report->timed = is_timed(door, plan);
		report->error[0] = '\0'; /* of a door before */
		return 0;
	}
	explain(report, door, plan, err);
	note_refusal(report, door->name, complaint[0] ? complaint : strerror(-err));
	return err;
}

/* Tries them until one works. */
static int enter_any(const struct object *object, const struct load_plan *plan,
		     struct loaded **ret, struct load_report *report)
{
	int err = -ENOENT;

	for (unsigned rank = 0; rank < RANKS; rank++)
		for (const struct door *d = object->doors;
		     d < object->doors + DOORS_MAX && err; d++)
			if (is_wanted(d, plan) && rank_of(d, plan) == rank)
				err = enter(object, d, plan, ret, report);
	return err;
}

#define LEFT_OUT "this kernel leaves out runs when it is preempted"
#define UNTOLD "this kernel does not tell what it misses"

/* Why none of the cheaper doors was tried. */
static void note_passed_over(const struct object *object, const struct load_plan *plan,
			     struct load_report *report)
{
	unsigned rank = rank_of(report->door, plan);

	for (const struct door *d = object->doors; d < report->door; d++)
		if (is_wanted(d, plan) && rank_of(d, plan) > rank &&
		    !is_same_first_way(d->name, report->door->name))
			note_refusal(report, d->name,
				     is_silent(d, plan) ? UNTOLD : LEFT_OUT);
}

int loader_start(const struct object *object, const struct load_plan *plan,
		 struct loaded **ret, struct load_report *report)
{
	int err;

	*report = (struct load_report){ 0 };
	err = enter_any(object, plan, ret, report);
	if (err)
		return err;
	note_passed_over(object, plan, report);
	if (is_lossy(report->door, plan))
		note(report, "but " LEFT_OUT "%s%s", report->remedy ? "; " : "",
		     report->remedy ? report->remedy : "");
	else if (is_untold(report->door))
		note(report, "though " UNTOLD);
	return 0;
}

uint32_t loader_registers_end(const char *btf_path)
{
	enum {
		STACK_BYTES = 16384, /* THREAD_SIZE of x86-64, and the least of arm64 */
		FRED_PADDING = 16, /* TOP_OF_KERNEL_STACK_PADDING, with CONFIG_X86_FRED */
	};
	/* arm64 makes stacks of whole pages; with pages of 64 KiB, that is one */
	long page = sysconf(_SC_PAGESIZE);
	uint32_t end = page > STACK_BYTES ? page : STACK_BYTES;
	struct btf *btf = btf_path ? btf__parse(btf_path, NULL) : NULL;

	/* arch/x86/include/asm/fred.h has this type with that option only, which 6.9 brought */
	if (btf && btf__find_by_name_kind(btf, "fred_frame", BTF_KIND_STRUCT) > 0)
		end -= FRED_PADDING;
	btf__free(btf);
	return end;
}

static bool probe_found(const struct loaded *l, uint32_t what)
{
	uint32_t yes = 0;

	bpf_map_lookup_elem(loader_map(l, "found"), &what, &yes);
	return yes;
}

#if defined(__x86_64__)

/* As libbpf has put it into the program that is loaded. */
static int32_t cast_of(const struct loaded *l)
{
	const struct bpf_program *program = find_program(l, l->door->programs[0]);
	const struct bpf_insn *code = bpf_program__insns(program);

	for (size_t i = 0; i < bpf_program__insn_cnt(program); i++)
		if (code[i].code == (BPF_JMP | BPF_CALL) &&
		    code[i].src_reg == BPF_PSEUDO_KFUNC_CALL)
			return code[i].imm;
	return 0;
}

static void find_cast(struct kernel_found *found)
{
	const struct load_plan plan = { 0 };
	struct load_report report;
	struct loaded *l = NULL;
	uint32_t only = 0;
	uint64_t at = 0;

	if (loader_start(&cast_object, &plan, &l, &report) == 0) {
		getppid(); /* any system call runs the program */
		bpf_map_lookup_elem(loader_map(l, "found"), &only, &at);
		found->cast = at <= UINT32_MAX ? cast_of(l) : 0;
		found->registers_at = found->cast ? at : 0;
	}
	loader_stop(l);
}

#else

/* bpf/self.h makes no use of it. */
static void find_cast(struct kernel_found *found)
{
	(void)found;
}

#endif

struct kernel_found loader_probe(const char *btf_path)
{
	const struct load_plan plan = { .btf_path = btf_path };
	struct kernel_found ret = { .is_preemptible = kernel_is_preemptible() };
	struct load_report report;
	struct loaded *l = NULL;

	if (loader_start(&probe_object, &plan, &l, &report) == 0) {
		getppid(); /* any system call runs the program */
		ret.preempts_at_tracepoints = probe_found(l, PROBE_PREEMPTIBLE);
		ret.has_other_types = probe_found(l, PROBE_RAN) &&
				      !probe_found(l, PROBE_TYPES_FIT);
	}
	loader_stop(l);
	find_cast(&ret);
	return ret;
}

void loader_stop(struct loaded *l)
{
	if (!l)
		return;
	for (int i = 0; i < DOOR_PROGRAMS_MAX; i++)
		bpf_link__destroy(l->links[i]);
	bpf_object__close(l->bpf);
	free(l);
}

struct trait_bits {
	uint8_t *traits;
	uint8_t bits;
};

static void add_bits(uint32_t id, void *arg)
{
	struct trait_bits *b = arg;

	b->traits[id] |= b->bits;
}

void loader_add_traits(const struct object *object, uint8_t traits[])
{
	for (const struct trait *t = object->traits; t < object->traits + TRAITS_MAX;
	     t++) {
		struct trait_bits b = { .traits = traits, .bits = t->traits };

		if (t->syscall)
			syscall_each_id(t->syscall, add_bits, &b);
	}
}

int loader_map(const struct loaded *l, const char *name)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(l->bpf, name);

	return map ? bpf_map__fd(map) : -1;
}

int loader_link(const struct loaded *l, const char *program)
{
	for (int i = 0; i < DOOR_PROGRAMS_MAX && l->door->programs[i]; i++)
		if (l->links[i] && strcmp(l->door->programs[i], program) == 0)
			return bpf_link__fd(l->links[i]);
	return -1;
}

/* The line "memlock:" of fdinfo; bpf_map_info does not say. See bpf_map_show_fdinfo(). */
uint64_t loader_bytes(int map)
{
	char path[64], line[128];
	cleanup_fclose FILE *f = NULL;
	uint64_t bytes;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %" SCNu64, &bytes) == 1)
			return bytes;
	return 0;
}

uint64_t loader_map_bytes(const struct loaded *l)
{
	const struct bpf_map *map;
	uint64_t sum = 0;

	bpf_object__for_each_map (map, l->bpf)
		if (strcmp(bpf_map__name(map), "events") != 0 &&
		    (l->object == &groups_object || !is_shared(bpf_map__name(map))))
			sum += loader_bytes(bpf_map__fd(map));
	return sum;
}

/*
 * struct bpf_link_info of a probe, include/uapi/linux/bpf.h of Linux 6.7: `missed` came with
 * 3acf8ace6823. Older kernels fill in less of it.
 */
struct probe_link_info {
	uint32_t type, id, prog_id, zero;
	uint32_t event, zero2;
	uint64_t function;
	uint32_t name_bytes, offset;
	uint64_t address, missed, cookie;
};

enum { KPROBE = 3, KRETPROBE = 4 }; /* enum bpf_perf_event_type */

static uint64_t missed_by_link(const struct bpf_link *link)
{
	struct probe_link_info info = { 0 };
	uint32_t size = sizeof(info);

	if (!link || bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size) < 0 ||
	    info.type != BPF_LINK_TYPE_PERF_EVENT)
		return 0;
	return info.event == KPROBE || info.event == KRETPROBE ? info.missed : 0;
}

void loader_forgive(struct loaded *l)
{
	if (l)
		l->forgiven += loader_missed_runs(l);
}

uint64_t loader_missed_runs(const struct loaded *l)
{
	struct bpf_program *program;
	struct bpf_prog_info info;
	uint64_t sum = 0;

	for (int i = 0; i < DOOR_PROGRAMS_MAX; i++)
		sum += missed_by_link(l->links[i]);
	bpf_object__for_each_program (program, l->bpf)
		if (get_info(program, &info))
			sum += info.recursion_misses;
	return sum > l->forgiven ? sum - l->forgiven : 0;
}

struct run_stats loader_run_stats(const struct loaded *l)
{
	struct run_stats stats = { 0 };
	struct bpf_program *program;
	struct bpf_prog_info info;

	bpf_object__for_each_program (program, l->bpf) {
		if (!get_info(program, &info))
			continue;
		stats.runs += info.run_cnt;
		stats.ns += info.run_time_ns;
	}
	return stats;
}
