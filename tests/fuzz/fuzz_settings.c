/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration trees as liboconfig hands them over, and some that it would not. Each is
 * taken or refused with a sentence, what is taken is within its limits, and nothing is
 * left behind.
 *
 * A line is an option: its name and values with a tab before each, which are text, a number
 * after '#', or true or false after '!'. "<" and a line open a block, ">" closes it.
 */
#include "input.h"

#include <errno.h>
#include <regex.h>

#include "liboconfig/oconfig.h"
#include "settings.h"

enum { DEPTH_MAX = 6, ITEMS_MAX = 64 };

int __wrap_regcomp(regex_t *regex, const char *expression, int flags);
int __real_regcomp(regex_t *regex, const char *expression, int flags);

/*
 * The C library's takes memory and stack without bounds for repetitions of repetitions and
 * for references back. Only the operator writes these.
 */
int __wrap_regcomp(regex_t *regex, const char *expression, int flags)
{
	if (strpbrk(expression, "{\\*+?(") && strlen(expression) > 32)
		return REG_BADRPT;
	if (strchr(expression, '{'))
		return REG_BADBR;
	return __real_regcomp(regex, expression, flags);
}

static void *grow(void *array, int count, size_t size)
{
	void *grown = realloc(array, (size_t)(count + 1) * size);

	CHECK(grown);
	return grown;
}

static oconfig_value_t parse_value(const char *text)
{
	oconfig_value_t value = { .type = OCONFIG_TYPE_STRING };

	if (text[0] == '#') {
		value.type = OCONFIG_TYPE_NUMBER;
		value.value.number = strtod(text + 1, NULL);
	} else if (text[0] == '!') {
		value.type = OCONFIG_TYPE_BOOLEAN;
		value.value.boolean = text[1] == 't';
	} else {
		value.value.string = strdup(text);
		CHECK(value.value.string);
	}
	return value;
}

static void parse_words(struct input *in, oconfig_item_t *item)
{
	char *line = take_text(in, "\n");
	struct input words = { (const uint8_t *)line, strlen(line) };

	item->key = take_text(&words, "\t");
	while (words.left) {
		char *word = take_text(&words, "\t");

		item->values =
			grow(item->values, item->values_num, sizeof(*item->values));
		item->values[item->values_num++] = parse_value(word);
		free(word);
	}
	free(line);
}

static void parse_block(struct input *in, oconfig_item_t *block, int depth)
{
	while (in->left && block->children_num < ITEMS_MAX) {
		oconfig_item_t *item;
		bool opens = *in->data == '<' && depth < DEPTH_MAX;

		if (*in->data == '>') {
			free(take_text(in, "\n"));
			return;
		}
		if (opens)
			take_byte(in);
		block->children = grow(block->children, block->children_num,
				       sizeof(*block->children));
		item = &block->children[block->children_num++];
		*item = (oconfig_item_t){ 0 };
		parse_words(in, item);
		if (opens)
			parse_block(in, item, depth + 1);
	}
}

static void free_item(oconfig_item_t *item)
{
	for (int i = 0; i < item->children_num; i++)
		free_item(&item->children[i]);
	for (int i = 0; i < item->values_num; i++)
		if (item->values[i].type == OCONFIG_TYPE_STRING)
			free(item->values[i].value.string);
	free(item->children);
	free(item->values);
	free(item->key);
}

static bool is_family(const struct option *option)
{
	return option->type == OPTION_BLOCK && option->offset != OPTION_NO_MEMBER;
}

/* By the same table that the parser reads: what a value may be after any block. */
static void check_values(const struct settings *s, bool finished)
{
	bool any = false;

	for (const struct option *o = options; o < options + option_count; o++) {
		size_t offset = o->offset == OPTION_NO_MEMBER ? 0 : o->offset;
		const char *member = (const char *)s + offset;

		if (o->type == OPTION_INTEGER)
			CHECK(*(const int *)member >= o->min &&
			      *(const int *)member <= o->max);
		if (o->type == OPTION_PERCENTILE)
			CHECK(((const struct percentiles *)member)->count <=
			      PERCENTILES_MAX);
		if (o->type == OPTION_SELECTOR)
			selector_matches((const void *)member, "openat");
		if (is_family(o))
			any |= *(const bool *)member;
	}
	CHECK(any || !finished);
	CHECK(s->groups.by <= GROUP_BY_CONTROLLER);
	CHECK((s->groups.by == GROUP_BY_CONTROLLER) == (s->groups.controller != NULL));
}

/* Anything up to the size of the buffer is a legal place for the sentence. */
static void add(struct settings *s, const oconfig_item_t *plugin, size_t size)
{
	char *err = malloc(size);
	int status;

	CHECK(err);
	if (size)
		err[0] = '\0';
	status = settings_add(s, plugin, err, size);
	CHECK(status == 0 || status == -EINVAL, "%d", status);
	CHECK(!size || memchr(err, '\0', size));
	CHECK(size < 2 || (status != 0) == (err[0] != '\0'));
	free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	size_t room = take_byte(&in) * 4;
	struct settings settings;

	settings_init(&settings);
	while (in.left) {
		oconfig_item_t plugin = { .key = "Plugin" };

		parse_block(&in, &plugin, 0);
		add(&settings, &plugin, room);
		check_values(&settings, false);
		plugin.key = NULL;
		free_item(&plugin);
	}
	settings_finish(&settings);
	check_values(&settings, true);
	settings_fini(&settings);
	return 0;
}
