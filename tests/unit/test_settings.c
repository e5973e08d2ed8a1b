/* SPDX-License-Identifier: GPL-2.0-only */
#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "liboconfig/oconfig.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What liboconfig makes of a configuration file, written down as it stands there. */
#define S(text)                                                     \
	{                                                           \
		.value.string = (text), .type = OCONFIG_TYPE_STRING \
	}
#define N(n)                                                     \
	{                                                        \
		.value.number = (n), .type = OCONFIG_TYPE_NUMBER \
	}
#define B(b)                                                       \
	{                                                          \
		.value.boolean = (b), .type = OCONFIG_TYPE_BOOLEAN \
	}
#define LIST(type, member, ...)            \
	.member = (type[]){ __VA_ARGS__ }, \
	.member##_num = sizeof((type[]){ __VA_ARGS__ }) / sizeof(type)
#define VALUES(...) LIST(oconfig_value_t, values, __VA_ARGS__)
#define CHILDREN(...) LIST(oconfig_item_t, children, __VA_ARGS__)
#define OPTION(name, ...)                          \
	{                                          \
		.key = (name), VALUES(__VA_ARGS__) \
	}
#define BARE(name)            \
	{                     \
		.key = (name) \
	}
#define BLOCK(name, ...)                             \
	{                                            \
		.key = (name), CHILDREN(__VA_ARGS__) \
	}
#define PLUGIN(...)                                                       \
	{                                                                 \
		.key = "Plugin", VALUES(S("ebpf")), CHILDREN(__VA_ARGS__) \
	}

struct fixture {
	struct settings settings;
	char err[1024];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	settings_init(&f->settings);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	settings_fini(&f->settings);
	free(f);
	return 0;
}

static void add(struct fixture *f, const oconfig_item_t *plugin)
{
	if (settings_add(&f->settings, plugin, f->err, sizeof(f->err)) != 0)
		fail_msg("%s", f->err);
}

static void defaults_are_those_of_the_table(void **state)
{
	struct fixture *f = *state;
	struct settings *s = &f->settings;

	assert_false(s->syscalls.on);
	assert_false(s->namespaces.on);
	assert_false(s->syscalls.error_codes);
	assert_false(s->syscalls.select.ignore);
	assert_false(s->groups.select.ignore);
	assert_int_equal(s->groups.by, GROUP_BY_DEFAULT);
	assert_null(s->groups.controller);
	assert_false(s->groups.detail_syscall);
	assert_int_equal(s->groups.max, 256);
	assert_int_equal(s->max_series, 2000);

	for (const struct option *o = options; o < options + option_count; o++) {
		const char *member = (const char *)s + o->offset;

		if (o->type == OPTION_INTEGER)
			assert_int_equal(*(const int *)member, strtol(o->dflt, NULL, 10));
		if (o->type == OPTION_BOOLEAN)
			assert_int_equal(*(const bool *)member, !strcmp(o->dflt, "true"));
	}
}

static void all_options_are_taken(void **state)
{
	const oconfig_item_t plugin = PLUGIN(
		BLOCK("Syscalls", OPTION("ErrorCodes", B(1)), OPTION("Latency", B(1)),
		      OPTION("LatencySampling", N(7)), OPTION("Percentile", N(50)),
		      OPTION("Percentile", N(99.9)), OPTION("Percentile", N(50)),
		      OPTION("Buckets", B(1)), OPTION("Hook", S("raw_tp")),
		      OPTION("Syscall", S("read")), OPTION("Syscall", S("/^open/")),
		      OPTION("IgnoreSelected", B(1))),
		BLOCK("Namespaces", OPTION("Hook", S("fexit")), OPTION("Live", B(0))),
		BLOCK("Groups", OPTION("By", S("pid_namespace")),
		      OPTION("Hook", S("tracepoint")), OPTION("Group", S("/^docker-/")),
		      OPTION("IgnoreSelected", B(1)), OPTION("Max", N(65536)),
		      OPTION("Detail", S("syscall"))),
		OPTION("MaxSeries", N(1000000)), OPTION("SelfCost", B(1)),
		OPTION("SelfCostInterval", N(7)), OPTION("BtfPath", S("/a/vmlinux")),
		OPTION("BtfPath", S("/b/vmlinux")));
	struct fixture *f = *state;
	struct settings *s = &f->settings;

	add(f, &plugin);
	assert_string_equal(s->syscalls.hook, "raw_tp");
	assert_string_equal(s->namespaces.hook, "fexit");
	assert_string_equal(s->groups.hook, "tracepoint");
	assert_string_equal(s->btf_path, "/b/vmlinux");
	assert_true(s->syscalls.on);
	assert_true(s->namespaces.on);
	assert_false(s->namespaces.live);
	assert_true(s->syscalls.error_codes);
	assert_true(s->syscalls.latency);
	assert_int_equal(s->syscalls.latency_sampling, 7);
	assert_int_equal(s->syscalls.percentiles.count, 2);
	assert_true(s->syscalls.percentiles.values[0] == 50);
	assert_true(s->syscalls.percentiles.values[1] == 99.9);
	assert_true(s->syscalls.buckets);
	assert_int_equal(s->syscalls.select.count, 2);
	assert_false(selector_matches(&s->syscalls.select, "openat"));
	assert_false(selector_matches(&s->syscalls.select, "read"));
	assert_true(selector_matches(&s->syscalls.select, "Read"));
	assert_int_equal(s->groups.by, GROUP_BY_PID_NAMESPACE);
	assert_int_equal(s->groups.select.count, 1);
	assert_true(s->groups.select.ignore);
	assert_int_equal(s->groups.max, 65536);
	assert_true(s->groups.detail_syscall);
	assert_int_equal(s->max_series, 1000000);
	assert_true(s->self_cost);
	assert_int_equal(s->self_cost_interval, 7);
	assert_string_equal(f->err, "");
}

static void names_and_words_compare_without_case(void **state)
{
	const oconfig_item_t plugin =
		PLUGIN(BLOCK("SYSCALLS", OPTION("errorcodes", B(1))),
		       BLOCK("groups", OPTION("by", S("Memory")), OPTION("mAX", N(1))),
		       OPTION("maxseries", N(1)));
	struct fixture *f = *state;

	add(f, &plugin);
	assert_true(f->settings.syscalls.error_codes);
	assert_int_equal(f->settings.groups.by, GROUP_BY_CONTROLLER);
	assert_string_equal(f->settings.groups.controller, "memory");
	assert_int_equal(f->settings.groups.max, 1);
	assert_int_equal(f->settings.max_series, 1);
}

static void blocks_add_up_and_the_last_value_counts(void **state)
{
	const oconfig_item_t first = PLUGIN(
		BLOCK("Groups", OPTION("By", S("memory")), OPTION("Group", S("a"))),
		BLOCK("Syscalls", OPTION("Syscall", S("read"))));
	const oconfig_item_t second =
		PLUGIN(BLOCK("Groups", OPTION("By", S("none")), OPTION("Group", S("b"))),
		       BLOCK("Syscalls", OPTION("Syscall", S("write"))));
	struct fixture *f = *state;

	add(f, &first);
	add(f, &second);
	assert_int_equal(f->settings.groups.by, GROUP_BY_NONE);
	assert_null(f->settings.groups.controller);
	assert_int_equal(f->settings.groups.select.count, 2);
	assert_int_equal(f->settings.syscalls.select.count, 2);
}

static void every_word_of_by_is_told_apart(void **state)
{
	static const struct {
		const char *word;
		enum group_by by;
	} words[] = {
		{ "cgroup", GROUP_BY_CGROUP },
		{ "pid_namespace", GROUP_BY_PID_NAMESPACE },
		{ "none", GROUP_BY_NONE },
		{ "blkio", GROUP_BY_CONTROLLER },
		{ "cpu", GROUP_BY_CONTROLLER },
		{ "cpuacct", GROUP_BY_CONTROLLER },
		{ "cpuset", GROUP_BY_CONTROLLER },
		{ "devices", GROUP_BY_CONTROLLER },
		{ "freezer", GROUP_BY_CONTROLLER },
		{ "hugetlb", GROUP_BY_CONTROLLER },
		{ "memory", GROUP_BY_CONTROLLER },
		{ "net_cls", GROUP_BY_CONTROLLER },
		{ "net_prio", GROUP_BY_CONTROLLER },
		{ "perf_event", GROUP_BY_CONTROLLER },
		{ "pids", GROUP_BY_CONTROLLER },
		{ "rdma", GROUP_BY_CONTROLLER },
		{ "misc", GROUP_BY_CONTROLLER },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		oconfig_value_t value = S((char *)words[i].word);
		oconfig_item_t by = { .key = "By", .values = &value, .values_num = 1 };
		oconfig_item_t groups = { .key = "Groups",
					  .children = &by,
					  .children_num = 1 };
		oconfig_item_t plugin = { .children = &groups, .children_num = 1 };

		add(f, &plugin);
		assert_int_equal(f->settings.groups.by, words[i].by);
		if (words[i].by == GROUP_BY_CONTROLLER)
			assert_string_equal(f->settings.groups.controller, words[i].word);
		else
			assert_null(f->settings.groups.controller);
	}
}

static void booleans_may_be_quoted(void **state)
{
	static const struct {
		oconfig_value_t value;
		bool expected;
	} rows[] = {
		{ B(1), true },	       { B(0), false },	    { S("true"), true },
		{ S("false"), false }, { S("yes"), true },  { S("no"), false },
		{ S("on"), true },     { S("off"), false }, { S("True"), true },
		{ S("OFF"), false },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		oconfig_value_t value = rows[i].value;
		oconfig_item_t item = { .key = "ErrorCodes",
					.values = &value,
					.values_num = 1 };
		oconfig_item_t block = { .key = "Syscalls",
					 .children = &item,
					 .children_num = 1 };
		oconfig_item_t plugin = { .children = &block, .children_num = 1 };

		f->settings.syscalls.error_codes = !rows[i].expected;
		add(f, &plugin);
		assert_int_equal(f->settings.syscalls.error_codes, rows[i].expected);
	}
}

static void any_hook_is_none(void **state)
{
	const oconfig_item_t plugin = PLUGIN(BLOCK(
		"Syscalls", OPTION("Hook", S("raw_tp")), OPTION("Hook", S("Auto"))));
	struct fixture *f = *state;

	assert_null(f->settings.syscalls.hook);
	add(f, &plugin);
	assert_null(f->settings.syscalls.hook);
}

static void severity_is_that_of_the_event_or_the_chosen_one(void **state)
{
	const oconfig_item_t plugin =
		PLUGIN(BLOCK("Signals", OPTION("NotifySeverity", S("auto"))),
		       BLOCK("Processes", OPTION("NotifySeverity", S("okay"))),
		       BLOCK("Namespaces", OPTION("NotifySeverity", S("Warning"))),
		       BLOCK("OOM", OPTION("NotifySeverity", S("failure"))));
	struct fixture *f = *state;
	const struct settings *s = &f->settings;

	assert_int_equal(notify_severity(&s->oom.notify, NOTICE_WARNING), NOTICE_WARNING);
	add(f, &plugin);
	for (int i = NOTICE_OKAY; i <= NOTICE_FAILURE; i++) {
		assert_int_equal(notify_severity(&s->signals.notify, i), i);
		assert_int_equal(notify_severity(&s->processes.notify, i), NOTICE_OKAY);
		assert_int_equal(notify_severity(&s->namespaces.notify, i),
				 NOTICE_WARNING);
		assert_int_equal(notify_severity(&s->oom.notify, i), NOTICE_FAILURE);
	}
}

static void without_a_family_both_are_on(void **state)
{
	const oconfig_item_t no_family =
		PLUGIN(OPTION("MaxSeries", N(1)), BARE("Groups"));
	const oconfig_item_t one_family =
		PLUGIN(BLOCK("Namespaces", OPTION("Live", B(1))));
	struct fixture *f = *state;
	struct settings one;

	add(f, &no_family);
	assert_false(f->settings.syscalls.on || f->settings.namespaces.on);
	settings_finish(&f->settings);
	assert_true(f->settings.syscalls.on && f->settings.namespaces.on);

	settings_init(&one);
	assert_int_equal(settings_add(&one, &one_family, f->err, sizeof(f->err)), 0);
	settings_finish(&one);
	assert_true(one.namespaces.on);
	assert_false(one.syscalls.on);
	settings_fini(&one);
	settings_fini(NULL);
}

#define MAX_IS "a whole number from 1 to 65536"
#define SELECTOR_IS "a quoted name or a quoted regular expression in slashes"
#define BY_IS                                                                               \
	"one of \"cgroup\", \"pid_namespace\", \"none\", \"blkio\", \"cpu\", \"cpuacct\", " \
	"\"cpuset\", \"devices\", \"freezer\", \"hugetlb\", \"memory\", \"net_cls\", "      \
	"\"net_prio\", \"perf_event\", \"pids\", \"rdma\", \"misc\""
#define GROUPS(...) PLUGIN(BLOCK("Groups", __VA_ARGS__))
#define SYSCALLS(...) PLUGIN(BLOCK("Syscalls", __VA_ARGS__))

static const struct {
	oconfig_item_t plugin;
	const char *err;
} bad[] = {
	/* range and kind of a number */
	{ GROUPS(OPTION("Max", N(0))), "<Groups> Max 0: must be " MAX_IS },
	{ GROUPS(OPTION("max", N(65537))), "<Groups> Max 65537: must be " MAX_IS },
	{ GROUPS(OPTION("Max", N(-1))), "<Groups> Max -1: must be " MAX_IS },
	{ GROUPS(OPTION("Max", N(1.5))), "<Groups> Max 1.5: must be " MAX_IS },
	{ GROUPS(OPTION("Max", N(1e30))), "<Groups> Max 1e+30: must be " MAX_IS },
	{ GROUPS(OPTION("Max", N(NAN))), "<Groups> Max nan: must be " MAX_IS },
	{ GROUPS(OPTION("Max", S("12"))), "<Groups> Max \"12\": must be " MAX_IS },
	{ GROUPS(OPTION("Max", B(1))), "<Groups> Max true: must be " MAX_IS },
	{ PLUGIN(OPTION("MaxSeries", N(1000001))),
	  "MaxSeries 1000001: must be a whole number from 1 to 1000000" },

	/* number of values */
	{ GROUPS(BARE("Max")), "<Groups> Max: takes one value, which must be " MAX_IS },
	{ GROUPS(OPTION("Max", N(1), N(2))),
	  "<Groups> Max 1 2: takes one value, which must be " MAX_IS },
	{ SYSCALLS(OPTION("Syscall", S("read"), S("write"))),
	  "<Syscalls> Syscall \"read\" \"write\": takes one value, which must be " SELECTOR_IS },

	/* booleans */
	{ SYSCALLS(OPTION("ErrorCodes", S("maybe"))),
	  "<Syscalls> ErrorCodes \"maybe\": must be true or false" },
	{ SYSCALLS(OPTION("ErrorCodes", N(1))),
	  "<Syscalls> ErrorCodes 1: must be true or false" },

	/* words */
	{ GROUPS(OPTION("By", S("cgroups"))), "<Groups> By \"cgroups\": must be " BY_IS },
	{ GROUPS(OPTION("By", N(2))), "<Groups> By 2: must be " BY_IS },
	{ GROUPS(OPTION("Detail", B(0))),
	  "<Groups> Detail false: must be one of \"none\", \"syscall\"" },

	{ SYSCALLS(OPTION("Hook", S("fexit"))),
	  "<Syscalls> Hook \"fexit\": must be one of \"auto\", \"tp_btf\", \"raw_tp\", "
	  "\"tracepoint\"" },

	/* strings */
	{ PLUGIN(OPTION("BtfPath", S(""))),
	  "BtfPath \"\": must be a quoted string that is not empty" },
	{ PLUGIN(OPTION("BtfPath", N(1))),
	  "BtfPath 1: must be a quoted string that is not empty" },

	/* selectors */
	{ SYSCALLS(OPTION("Syscall", S(""))),
	  "<Syscalls> Syscall \"\": must be " SELECTOR_IS " (is empty)" },
	{ SYSCALLS(OPTION("Syscall", N(12))),
	  "<Syscalls> Syscall 12: must be " SELECTOR_IS },
	{ GROUPS(OPTION("Group", B(1))), "<Groups> Group true: must be " SELECTOR_IS },

	/* unknown ones */
	{ SYSCALLS(OPTION("Speed", N(1))),
	  "<Syscalls> Speed: unknown option; allowed are ErrorCodes, Latency, "
	  "LatencySampling, Percentile, Buckets, Hook, Syscall, IgnoreSelected" },
	{ SYSCALLS(OPTION("Max", N(1))),
	  "<Syscalls> Max: unknown option; allowed are ErrorCodes, Latency, "
	  "LatencySampling, Percentile, Buckets, Hook, Syscall, IgnoreSelected" },
	{ SYSCALLS(OPTION("Percentile", N(100))),
	  "<Syscalls> Percentile 100: must be a number above 0 and below 100, of which "
	  "there are 16 at most" },
	{ SYSCALLS(OPTION("Percentile", S("99"))),
	  "<Syscalls> Percentile \"99\": must be a number above 0 and below 100, of which "
	  "there are 16 at most" },
	{ PLUGIN(BLOCK("Processes", OPTION("Live", B(1)))),
	  "<Processes> Live: unknown option; allowed are Hook, Notify, NotifyOf, NotifyRate, NotifyBurst, NotifySeverity" },
	{ PLUGIN(OPTION("Max", N(1))),
	  "Max: unknown option; allowed are <Syscalls>, <Namespaces>, <Processes>, <Signals>, <OOM>, <Groups>, MaxSeries, EventBuffer, SelfCost, "
	  "SelfCostInterval, BtfPath" },
	{ PLUGIN(BLOCK("Tcp", OPTION("Max", N(1)))),
	  "<Tcp>: unknown block; allowed are <Syscalls>, <Namespaces>, <Processes>, <Signals>, <OOM>, <Groups>, MaxSeries, EventBuffer, SelfCost, "
	  "SelfCostInterval, BtfPath" },
	{ GROUPS(BLOCK("Syscalls", OPTION("ErrorCodes", B(1)))),
	  "<Groups> <Syscalls>: unknown block; "
	  "allowed are By, Group, IgnoreSelected, Max, Hook, Detail" },

	/* blocks and options mixed up */
	{ GROUPS({ .key = "Max", VALUES(N(5)), CHILDREN(OPTION("A", N(1))) }),
	  "<Groups> Max 5: is not a block; its value must be " MAX_IS },
	{ PLUGIN(BLOCK("MaxSeries", OPTION("A", N(1)))),
	  "MaxSeries: is not a block; its value must be a whole number from 1 to 1000000" },
	{ PLUGIN(OPTION("Syscalls", B(1))),
	  "<Syscalls> true: is a block and takes no value, "
	  "only lines between <Syscalls> and </Syscalls>" },
	{ PLUGIN({ .key = "Groups", VALUES(S("a")), CHILDREN(OPTION("Max", N(1))) }),
	  "<Groups> \"a\": is a block and takes no value, "
	  "only lines between <Groups> and </Groups>" },
};

static void bad_ones_are_refused_in_one_sentence(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		f->err[0] = '\0';
		assert_int_equal(settings_add(&f->settings, &bad[i].plugin, f->err,
					      sizeof(f->err)),
				 -EINVAL);
		assert_string_equal(f->err, bad[i].err);
	}
	assert_int_equal(f->settings.groups.max, 256);
	assert_int_equal(f->settings.groups.by, GROUP_BY_DEFAULT);
	assert_int_equal(f->settings.max_series, 2000);
}

static void a_bad_expression_is_refused_with_its_reason(void **state)
{
	const oconfig_item_t plugin = GROUPS(OPTION("Group", S("/docker-(/")));
	static const char start[] = "<Groups> Group \"/docker-(/\": must be " SELECTOR_IS
				    " (";
	struct fixture *f = *state;

	assert_int_equal(settings_add(&f->settings, &plugin, f->err, sizeof(f->err)),
			 -EINVAL);
	assert_memory_equal(f->err, start, strlen(start));
	assert_true(strlen(f->err) > strlen(start) + 1);
}

static void the_first_bad_one_ends_it(void **state)
{
	const oconfig_item_t plugin =
		GROUPS(OPTION("Max", N(7)), OPTION("Max", N(0)), OPTION("Max", N(8)));
	struct fixture *f = *state;

	assert_int_equal(settings_add(&f->settings, &plugin, f->err, sizeof(f->err)),
			 -EINVAL);
	assert_int_equal(f->settings.groups.max, 7);
}

static void sentences_are_cut_where_room_ends(void **state)
{
	struct fixture *f = *state;

	for (size_t size = 0; size < 100; size++) {
		memset(f->err, '!', sizeof(f->err));
		assert_int_equal(settings_add(&f->settings, &bad[0].plugin, f->err, size),
				 -EINVAL);
		assert_int_equal(f->err[size], '!');
		if (size > 0)
			assert_true(strlen(f->err) < size);
	}
}

/* The documents: what the table says must be said there, too. */

/* Valid until the next call; not from the heap, where a failing test would leak it. */
static const char *read_document(const char *name)
{
	static char text[1 << 18];
	const char *srcdir = getenv("srcdir");
	char path[PATH_MAX];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", srcdir ? srcdir : ".", name);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	assert_in_range(length, 1, sizeof(text) - 2);
	return text;
}

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Whether the `length` bytes at `at` are not a part of a longer word. */
static bool is_whole(const char *text, const char *at, size_t length)
{
	bool begins = at == text || !is_word_byte(at[0]) || !is_word_byte(at[-1]);

	return begins && !is_word_byte(at[length]);
}

/* `phrase` in `text` before `end` (NULL: anywhere). */
static const char *find_phrase(const char *text, const char *end, const char *phrase)
{
	size_t length = strlen(phrase);

	for (const char *at = strstr(text, phrase); at; at = strstr(at + 1, phrase)) {
		if (end && at + length > end)
			return NULL;
		if (is_whole(text, at, length))
			return at;
	}
	return NULL;
}

static const char *find_item(const char *text, const char *end, const char *name)
{
	char item[80];

	snprintf(item, sizeof(item), "\n.It Cm %s", name);
	return find_phrase(text, end, item);
}

/* Where the items of a block begin and where the next block's do (or NULL). */
static const char *find_block_items(const char *manual, const char *block,
				    const char **ret_end)
{
	const char *start = find_item(manual, NULL, block);
	const char *other;

	*ret_end = NULL;
	if (!start)
		fail_msg("the manual has no `.It Cm %s`", block);
	for (const struct option *o = options; o < options + option_count; o++) {
		if (o->type != OPTION_BLOCK)
			continue;
		other = find_item(start + 1, *ret_end, o->name);
		if (other)
			*ret_end = other;
	}
	return start;
}

static void expect_phrase(const struct option *o, const char *item, const char *phrase)
{
	const char *next = strstr(item + 1, "\n.It Cm ");

	if (!find_phrase(item, next, phrase))
		fail_msg("the manual does not say \"%s\" below `.It Cm %s` (of <%s>)",
			 phrase, o->name, o->block ? o->block : "Plugin ebpf");
}

static void check_manual(const char *manual, const struct option *o)
{
	const char *end = NULL;
	const char *start = o->block ? find_block_items(manual, o->block, &end) : manual;
	const char *item = find_item(start, end, o->name);
	char phrase[80];

	if (!item)
		fail_msg("the manual has no `.It Cm %s` (of <%s>)", o->name,
			 o->block ? o->block : "Plugin ebpf");
	if (o->dflt) {
		snprintf(phrase, sizeof(phrase), "Default: %s", o->dflt);
		expect_phrase(o, item, phrase);
	}
	if (o->type == OPTION_INTEGER) {
		snprintf(phrase, sizeof(phrase), "%d to %d", o->min, o->max);
		expect_phrase(o, item, phrase);
	}
	for (const char *const *word = o->words; word && *word; word++)
		expect_phrase(o, item, *word);
}

static void manual_documents_every_option(void **state)
{
	const char *manual = read_document("man/collectd-ebpf.5");

	(void)state;
	for (const struct option *o = options; o < options + option_count; o++)
		check_manual(manual, o);
}

static const char *skip_blanks(const char *line)
{
	line += strspn(line, " \t");
	line += strspn(line, "#");
	return line + strspn(line, " \t");
}

/* A line of the example that is `wanted`, commented out or not, or begins with it. */
static const char *find_line(const char *text, const char *end, const char *wanted,
			     bool whole)
{
	size_t length = strlen(wanted);

	for (; text && (!end || text < end); text = strchr(text, '\n')) {
		text += *text == '\n';
		text = skip_blanks(text);
		if (!strncmp(text, wanted, length) && (!whole || text[length] == '\n'))
			return text;
		if (!*text)
			return NULL;
	}
	return NULL;
}

static const char *expect_line(const char *text, const char *end, const char *wanted,
			       bool whole)
{
	const char *line = find_line(text, end, wanted, whole);

	if (!line)
		fail_msg("the example configuration has no line `%s`", wanted);
	return line;
}

static void check_example(const char *example, const struct option *o)
{
	const char *start = example, *end = NULL;
	char line[80];

	if (o->block) {
		snprintf(line, sizeof(line), "<%s>", o->block);
		start = expect_line(example, NULL, line, true);
		snprintf(line, sizeof(line), "</%s>", o->block);
		end = expect_line(start, NULL, line, true);
	}
	if (o->type == OPTION_BLOCK)
		snprintf(line, sizeof(line), "<%s>", o->name);
	else if (o->type == OPTION_WORD)
		snprintf(line, sizeof(line), "%s \"%s\"", o->name, o->dflt);
	else if (o->type == OPTION_PERCENTILE)
		snprintf(line, sizeof(line), "%s ", o->name);
	else if (o->dflt)
		snprintf(line, sizeof(line), "%s %s", o->name, o->dflt);
	else
		snprintf(line, sizeof(line), "%s \"", o->name);
	expect_line(start, end, line, o->type == OPTION_BLOCK || o->dflt);
}

static void example_shows_every_option(void **state)
{
	const char *example = read_document("conf/ebpf.conf");

	(void)state;
	for (const struct option *o = options; o < options + option_count; o++)
		check_example(example, o);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_are_those_of_the_table),
		TEST(all_options_are_taken),
		TEST(names_and_words_compare_without_case),
		TEST(blocks_add_up_and_the_last_value_counts),
		TEST(every_word_of_by_is_told_apart),
		TEST(booleans_may_be_quoted),
		TEST(any_hook_is_none),
		TEST(severity_is_that_of_the_event_or_the_chosen_one),
		TEST(without_a_family_both_are_on),
		TEST(bad_ones_are_refused_in_one_sentence),
		TEST(a_bad_expression_is_refused_with_its_reason),
		TEST(the_first_bad_one_ends_it),
		TEST(sentences_are_cut_where_room_ends),
		cmocka_unit_test(manual_documents_every_option),
		cmocka_unit_test(example_shows_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
