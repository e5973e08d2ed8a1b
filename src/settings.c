/* SPDX-License-Identifier: GPL-2.0-only */
#include "settings.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "liboconfig/oconfig.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MEMBER(m) offsetof(struct settings, m)

/* First the words of by_of_word, then the kernel's names of v1 controllers. */
static const char *const by_words[] = {
	"cgroup",   "pid_namespace", "none",	"blkio",   "cpu",    "cpuacct",
	"cpuset",   "devices",	     "freezer", "hugetlb", "memory", "net_cls",
	"net_prio", "perf_event",    "pids",	"rdma",	   "misc",   NULL,
};

static const enum group_by by_of_word[] = {
	GROUP_BY_CGROUP,
	GROUP_BY_PID_NAMESPACE,
	GROUP_BY_NONE,
};

static void set_by(struct settings *s, size_t index)
{
	bool is_controller = index >= ARRAY_SIZE(by_of_word);

	s->groups.by = is_controller ? GROUP_BY_CONTROLLER : by_of_word[index];
	s->groups.controller = is_controller ? by_words[index] : NULL;
}

static const char *const detail_words[] = { "none", "syscall", NULL };

static void set_detail(struct settings *s, size_t index)
{
	s->groups.detail_syscall = index == 1;
}

/* Doors, as families.c names them. */
static const char *const tracepoint_hooks[] = { "auto", "tp_btf", "raw_tp", "tracepoint",
						NULL };
static const char *const signals_hooks[] = { "auto", "tp_btf", "raw_tp", NULL };
static const char *const namespaces_hooks[] = { "auto",
						"fexit",
						"kretprobe",
						"kretprobe+raw_tp",
						"kretprobe+tracepoint",
						"tp_btf",
						"raw_tp",
						"tracepoint",
						NULL };

static const char *const severities[] = {
	"auto",
	[1 + NOTICE_OKAY] = "okay",
	[1 + NOTICE_WARNING] = "warning",
	[1 + NOTICE_FAILURE] = "failure",
	NULL,
};

enum notice_severity notify_severity(const struct notify_settings *notify,
				     enum notice_severity by_event)
{
	for (int i = NOTICE_OKAY; i <= NOTICE_FAILURE; i++)
		if (notify->severity == severities[1 + i])
			return i;
	return by_event;
}

/* Of a family that has events: the member of struct settings, and whether it tells them by default. */
#define NOTIFY_OPTIONS(block, m, on_by_default)                                            \
	{ block, "Notify", OPTION_BOOLEAN, .offset = MEMBER(m.notify.on),                  \
	  .dflt = on_by_default },                                                         \
		{ block, "NotifyOf", OPTION_SELECTOR, .offset = MEMBER(m.notify.of) },     \
		{ block,    "NotifyRate", OPTION_INTEGER, .offset = MEMBER(m.notify.rate), \
		  .min = 1, .max = 10000, .dflt = "10" },                                  \
		{ block,	  "NotifyBurst",                                           \
		  OPTION_INTEGER, .offset = MEMBER(m.notify.burst),                        \
		  .min = 1,	  .max = 10000,                                            \
		  .dflt = "50" },                                                          \
	{                                                                                  \
		block, "NotifySeverity", OPTION_WORD,                                      \
			.offset = MEMBER(m.notify.severity), .words = severities,          \
			.dflt = "auto"                                                     \
	}

const struct option options[] = {
	{ NULL, "Syscalls", OPTION_BLOCK, .offset = MEMBER(syscalls.on),
	  .on_by_default = true },
	{ "Syscalls", "ErrorCodes", OPTION_BOOLEAN,
	  .offset = MEMBER(syscalls.error_codes), .dflt = "false" },
	{ "Syscalls", "Latency", OPTION_BOOLEAN, .offset = MEMBER(syscalls.latency),
	  .dflt = "false" },
	{ "Syscalls", "LatencySampling", OPTION_INTEGER,
	  .offset = MEMBER(syscalls.latency_sampling), .min = 1, .max = 1000000,
	  .dflt = "1" },
	{ "Syscalls", "Percentile", OPTION_PERCENTILE,
	  .offset = MEMBER(syscalls.percentiles) },
	{ "Syscalls", "Buckets", OPTION_BOOLEAN, .offset = MEMBER(syscalls.buckets),
	  .dflt = "false" },
	{ "Syscalls", "Hook", OPTION_WORD, .offset = MEMBER(syscalls.hook),
	  .words = tracepoint_hooks, .dflt = "auto" },
	{ "Syscalls", "Syscall", OPTION_SELECTOR, .offset = MEMBER(syscalls.select) },
	{ "Syscalls", "IgnoreSelected", OPTION_BOOLEAN,
	  .offset = MEMBER(syscalls.select.ignore), .dflt = "false" },

	{ NULL, "Namespaces", OPTION_BLOCK, .offset = MEMBER(namespaces.on),
	  .on_by_default = true },
	{ "Namespaces", "Hook", OPTION_WORD, .offset = MEMBER(namespaces.hook),
	  .words = namespaces_hooks, .dflt = "auto" },
	{ "Namespaces", "Live", OPTION_BOOLEAN, .offset = MEMBER(namespaces.live),
	  .dflt = "true" },
	NOTIFY_OPTIONS("Namespaces", namespaces, "false"),

	{ NULL, "Processes", OPTION_BLOCK, .offset = MEMBER(processes.on) },
	{ "Processes", "Hook", OPTION_WORD, .offset = MEMBER(processes.hook),
	  .words = tracepoint_hooks, .dflt = "auto" },
	NOTIFY_OPTIONS("Processes", processes, "false"),

	{ NULL, "Signals", OPTION_BLOCK, .offset = MEMBER(signals.on) },
	{ "Signals", "Hook", OPTION_WORD, .offset = MEMBER(signals.hook),
	  .words = signals_hooks, .dflt = "auto" },
	{ "Signals", "Signal", OPTION_SELECTOR, .offset = MEMBER(signals.select) },
	{ "Signals", "IgnoreSelected", OPTION_BOOLEAN,
	  .offset = MEMBER(signals.select.ignore), .dflt = "false" },
	NOTIFY_OPTIONS("Signals", signals, "false"),

	{ NULL, "OOM", OPTION_BLOCK, .offset = MEMBER(oom.on) },
	{ "OOM", "Hook", OPTION_WORD, .offset = MEMBER(oom.hook),
	  .words = tracepoint_hooks, .dflt = "auto" },
	NOTIFY_OPTIONS("OOM", oom, "true"),

	{ NULL, "Groups", OPTION_BLOCK, .offset = OPTION_NO_MEMBER },
	{ "Groups", "By", OPTION_WORD, .offset = OPTION_NO_MEMBER, .words = by_words,
	  .set_word = set_by, .dflt = "cgroup" },
	{ "Groups", "Group", OPTION_SELECTOR, .offset = MEMBER(groups.select) },
	{ "Groups", "IgnoreSelected", OPTION_BOOLEAN,
	  .offset = MEMBER(groups.select.ignore), .dflt = "false" },
	{ "Groups", "Max", OPTION_INTEGER, .offset = MEMBER(groups.max), .min = 1,
	  .max = 65536, .dflt = "256" },
	{ "Groups", "Hook", OPTION_WORD, .offset = MEMBER(groups.hook),
	  .words = tracepoint_hooks, .dflt = "auto" },
	{ "Groups", "Detail", OPTION_WORD, .offset = OPTION_NO_MEMBER,
	  .words = detail_words, .set_word = set_detail, .dflt = "none" },

	{ NULL, "MaxSeries", OPTION_INTEGER, .offset = MEMBER(max_series), .min = 1,
	  .max = 1000000, .dflt = "2000" },
	{ NULL, "EventBuffer", OPTION_INTEGER, .offset = MEMBER(event_buffer), .min = 4,
	  .max = 65536, .dflt = "256" },
	{ NULL, "SelfCost", OPTION_BOOLEAN, .offset = MEMBER(self_cost),
	  .dflt = "false" },
	{ NULL, "SelfCostInterval", OPTION_INTEGER, .offset = MEMBER(self_cost_interval),
	  .min = 2, .max = 86400, .dflt = "60" },
	{ NULL, "BtfPath", OPTION_STRING, .offset = MEMBER(btf_path) },
};

const size_t option_count = ARRAY_SIZE(options);

/* A sentence that is cut, not overrun, where it does not fit. */
struct sentence {
	char *bytes;
	size_t size, length;
};

static void say(struct sentence *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct sentence *out, const char *format, ...)
{
	va_list args;
	int length;

	if (out->length >= out->size)
		return;
	va_start(args, format);
	length = vsnprintf(out->bytes + out->length, out->size - out->length, format,
			   args);
	va_end(args);
	if (length > 0)
		out->length += (size_t)length;
}

static void say_value(struct sentence *out, const oconfig_value_t *value)
{
	if (value->type == OCONFIG_TYPE_STRING)
		say(out, " \"%s\"", value->value.string);
	else if (value->type == OCONFIG_TYPE_NUMBER)
		say(out, " %.15g", value->value.number);
	else
		say(out, " %s", value->value.boolean ? "true" : "false");
}

/* `<Groups> Max 1 2`, or of a block `<Groups> 1 2`. */
static void say_item(struct sentence *out, const char *block, const char *name,
		     const oconfig_item_t *item)
{
	if (block)
		say(out, "<%s>%s", block, name ? " " : "");
	if (name)
		say(out, "%s", name);
	for (int i = 0; i < item->values_num; i++)
		say_value(out, &item->values[i]);
	say(out, ": ");
}

static void say_words(struct sentence *out, const char *const *words)
{
	say(out, "one of ");
	for (size_t i = 0; words[i]; i++)
		say(out, "%s\"%s\"", i ? ", " : "", words[i]);
}

static void say_allowed_value(struct sentence *out, const struct option *option)
{
	if (option->type == OPTION_INTEGER)
		say(out, "a whole number from %d to %d", option->min, option->max);
	else if (option->type == OPTION_BOOLEAN)
		say(out, "true or false");
	else if (option->type == OPTION_WORD)
		say_words(out, option->words);
	else if (option->type == OPTION_STRING)
		say(out, "a quoted string that is not empty");
	else if (option->type == OPTION_PERCENTILE)
		say(out, "a number above 0 and below 100, of which there are %d at most",
		    PERCENTILES_MAX);
	else
		say(out, "a quoted name or a quoted regular expression in slashes");
}

static bool is_in_block(const struct option *option, const char *block)
{
	if (!option->block || !block)
		return option->block == block;
	return !strcmp(option->block, block);
}

static void say_allowed_options(struct sentence *out, const char *block)
{
	const char *separator = "allowed are ";

	for (const struct option *o = options; o < options + option_count; o++) {
		bool is_block = o->type == OPTION_BLOCK;

		if (!is_in_block(o, block))
			continue;
		say(out, "%s%s%s%s", separator, is_block ? "<" : "", o->name,
		    is_block ? ">" : "");
		separator = ", ";
	}
	if (strcmp(separator, ", ") != 0)
		say(out, "none is allowed here");
}

static void *member(struct settings *s, const struct option *option)
{
	return (char *)s + option->offset;
}

static bool is_one_of(const char *text, const char *const *words, size_t *ret_index)
{
	for (size_t i = 0; words[i]; i++) {
		if (!strcasecmp(text, words[i])) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

/* The words that cf_util_get_boolean() takes: liboconfig makes quoted ones strings. */
static int parse_boolean(const char *text, bool *ret)
{
	static const char *const words[] = { "false", "no", "off", "true",
					     "yes",   "on", NULL };
	size_t index;

	if (!is_one_of(text, words, &index))
		return -EINVAL;
	*ret = index >= 3;
	return 0;
}

static int take_boolean(struct settings *s, const struct option *option,
			const oconfig_value_t *value, struct sentence *why)
{
	bool *ret = member(s, option);

	(void)why;
	if (value->type == OCONFIG_TYPE_STRING)
		return parse_boolean(value->value.string, ret);
	if (value->type != OCONFIG_TYPE_BOOLEAN)
		return -EINVAL;
	*ret = value->value.boolean;
	return 0;
}

static int take_integer(struct settings *s, const struct option *option,
			const oconfig_value_t *value, struct sentence *why)
{
	double number;

	(void)why;
	if (value->type != OCONFIG_TYPE_NUMBER)
		return -EINVAL;
	number = value->value.number;
	/*
	 * The way round that turns NAN away, and before the cast, which would be
	 * undefined.
	 */
	if (!(number >= option->min && number <= option->max) || number != (int)number)
		return -EINVAL;
	*(int *)member(s, option) = (int)number;
	return 0;
}

static int take_word(struct settings *s, const struct option *option,
		     const oconfig_value_t *value, struct sentence *why)
{
	size_t index;

	(void)why;
	if (value->type != OCONFIG_TYPE_STRING ||
	    !is_one_of(value->value.string, option->words, &index))
		return -EINVAL;
	if (option->set_word)
		option->set_word(s, index);
	else
		*(const char **)member(s, option) = index ? option->words[index] : NULL;
	return 0;
}

static int take_string(struct settings *s, const struct option *option,
		       const oconfig_value_t *value, struct sentence *why)
{
	char **ret = member(s, option), *copy;

	(void)why;
	if (value->type != OCONFIG_TYPE_STRING || !value->value.string[0])
		return -EINVAL;
	copy = strdup(value->value.string);
	if (!copy)
		return -ENOMEM;
	free(*ret);
	*ret = copy;
	return 0;
}

static int take_percentile(struct settings *s, const struct option *option,
			   const oconfig_value_t *value, struct sentence *why)
{
	struct percentiles *p = member(s, option);

	(void)why;
	if (value->type != OCONFIG_TYPE_NUMBER || p->count == PERCENTILES_MAX ||
	    !(value->value.number > 0 && value->value.number < 100))
		return -EINVAL;
	for (unsigned i = 0; i < p->count; i++)
		if (p->values[i] == value->value.number)
			return 0;
	p->values[p->count++] = value->value.number;
	return 0;
}

static int take_selector(struct settings *s, const struct option *option,
			 const oconfig_value_t *value, struct sentence *why)
{
	char reason[128] = "";
	int status;

	if (value->type != OCONFIG_TYPE_STRING)
		return -EINVAL;
	status = selector_add(member(s, option), value->value.string, reason,
			      sizeof(reason));
	if (reason[0])
		say(why, " (%s)", reason);
	return status;
}

/* They store a legal value, or give back -EINVAL or -ENOMEM and may add a reason. */
static int (*const take[])(struct settings *s, const struct option *option,
			   const oconfig_value_t *value, struct sentence *why) = {
	[OPTION_BOOLEAN] = take_boolean,   [OPTION_INTEGER] = take_integer,
	[OPTION_WORD] = take_word,	   [OPTION_STRING] = take_string,
	[OPTION_SELECTOR] = take_selector, [OPTION_PERCENTILE] = take_percentile,
};
static_assert(ARRAY_SIZE(take) == OPTION_TYPE_COUNT, "a type without a function");

void settings_init(struct settings *s)
{
	*s = (struct settings){ 0 };
	for (const struct option *o = options; o < options + option_count; o++) {
		if (o->type == OPTION_INTEGER)
			*(int *)member(s, o) = (int)strtol(o->dflt, NULL, 10);
		else if (o->type == OPTION_BOOLEAN)
			parse_boolean(o->dflt, member(s, o));
	}
}

void settings_fini(struct settings *s)
{
	if (!s)
		return;
	for (const struct option *o = options; o < options + option_count; o++) {
		if (o->type == OPTION_SELECTOR)
			selector_fini(member(s, o));
		else if (o->type == OPTION_STRING)
			free(*(char **)member(s, o));
	}
}

static int add_option(struct settings *s, const struct option *option,
		      const oconfig_item_t *item, struct sentence *out)
{
	char reason[160] = "";
	struct sentence why = { .bytes = reason, .size = sizeof(reason) };
	const char *must = "must be ";
	int status = -EINVAL;

	if (item->children_num > 0)
		must = "is not a block; its value must be ";
	else if (item->values_num != 1)
		must = "takes one value, which must be ";
	else
		status = take[option->type](s, option, &item->values[0], &why);
	if (status == 0)
		return 0;

	say_item(out, option->block, option->name, item);
	if (status == -ENOMEM) {
		say(out, "out of memory");
		return status;
	}
	say(out, "%s", must);
	say_allowed_value(out, option);
	say(out, "%s", reason);
	return status;
}

static const struct option *find_option(const char *block, const char *name)
{
	for (const struct option *o = options; o < options + option_count; o++)
		if (is_in_block(o, block) && !strcasecmp(o->name, name))
			return o;
	return NULL;
}

static int refuse_unknown(const char *block, const oconfig_item_t *item,
			  struct sentence *out)
{
	bool is_block = item->children_num > 0;

	if (block)
		say(out, "<%s> ", block);
	say(out, is_block ? "<%s>: unknown block; " : "%s: unknown option; ", item->key);
	say_allowed_options(out, block);
	return -EINVAL;
}

static int add_items(struct settings *s, const char *block, const oconfig_item_t *items,
		     struct sentence *out);

static int add_block(struct settings *s, const struct option *option,
		     const oconfig_item_t *item, struct sentence *out)
{
	if (item->values_num > 0) {
		say_item(out, option->name, NULL, item);
		say(out,
		    "is a block and takes no value, only lines between <%s> and </%s>",
		    option->name, option->name);
		return -EINVAL;
	}
	if (option->offset != OPTION_NO_MEMBER)
		*(bool *)member(s, option) = true;
	return add_items(s, option->name, item, out);
}

static int add_items(struct settings *s, const char *block, const oconfig_item_t *items,
		     struct sentence *out)
{
	int status = 0;

	for (int i = 0; i < items->children_num && status == 0; i++) {
		const oconfig_item_t *item = &items->children[i];
		const struct option *option = find_option(block, item->key);

		if (!option)
			status = refuse_unknown(block, item, out);
		else if (option->type == OPTION_BLOCK)
			status = add_block(s, option, item, out);
		else
			status = add_option(s, option, item, out);
	}
	return status;
}

int settings_add(struct settings *s, const struct oconfig_item_s *block, char *err,
		 size_t size)
{
	struct sentence out = { .bytes = err, .size = size };

	return add_items(s, NULL, block, &out);
}

static bool is_family(const struct option *option)
{
	return option->type == OPTION_BLOCK && option->offset != OPTION_NO_MEMBER;
}

void settings_finish(struct settings *s)
{
	bool any = false;

	for (const struct option *o = options; o < options + option_count; o++)
		any |= is_family(o) && *(bool *)member(s, o);
	for (const struct option *o = options; o < options + option_count && !any; o++)
		if (is_family(o))
			*(bool *)member(s, o) = o->on_by_default;
}
