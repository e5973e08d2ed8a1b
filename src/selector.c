/* SPDX-License-Identifier: GPL-2.0-only */
#include "selector.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both are owned by the entry. */
struct selector_entry {
	char *text; /* as the operator wrote it */
	/* NULL: an exact name. Not embedded: the list is reallocated, and a regex_t must not be moved. */
	regex_t *regex;
};

static void entry_fini(struct selector_entry *entry)
{
	if (entry->regex)
		regfree(entry->regex);
	free(entry->regex);
	free(entry->text);
}

void selector_fini(struct selector *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		entry_fini(&s->entries[i]);
	free(s->entries);
	s->entries = NULL;
	s->count = 0;
}

static int compile(const char *expression, regex_t **ret, char *err, size_t size)
{
	regex_t *regex = malloc(sizeof(*regex));
	int status;

	if (!regex)
		return -ENOMEM;
	status = regcomp(regex, expression, REG_EXTENDED | REG_NOSUB);
	if (status != 0) {
		regerror(status, regex, err, size);
		free(regex);
		return status == REG_ESPACE ? -ENOMEM : -EINVAL;
	}
	*ret = regex;
	return 0;
}

/* As in collectd's ignorelist, a slash at one end alone is part of an exact name. */
static bool is_in_slashes(const char *pattern, size_t length)
{
	return length >= 2 && pattern[0] == '/' && pattern[length - 1] == '/';
}

static int entry_init(struct selector_entry *entry, const char *pattern, char *err,
		      size_t size)
{
	size_t length = strlen(pattern);
	char *expression;
	int status;

	*entry = (struct selector_entry){ 0 };
	if (length == 0 || !strcmp(pattern, "//")) {
		snprintf(err, size, "is empty");
		return -EINVAL;
	}
	entry->text = strdup(pattern);
	if (!entry->text)
		return -ENOMEM;
	if (!is_in_slashes(pattern, length))
		return 0;
	expression = strndup(pattern + 1, length - 2);
	status = expression ? compile(expression, &entry->regex, err, size) : -ENOMEM;
	free(expression);
	if (status != 0)
		entry_fini(entry);
	return status;
}

int selector_add(struct selector *s, const char *pattern, char *err, size_t size)
{
	struct selector_entry *entries;
	int status;

	entries = realloc(s->entries, (s->count + 1) * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	s->entries = entries;
	status = entry_init(&entries[s->count], pattern, err, size);
	if (status == 0)
		s->count++;
	return status;
}

static bool entry_matches(const struct selector_entry *entry, const char *name)
{
	if (entry->regex)
		return regexec(entry->regex, name, 0, NULL, 0) == 0;
	return strcmp(entry->text, name) == 0;
}

bool selector_matches(const struct selector *s, const char *name)
{
	if (s->count == 0)
		return true;
	for (size_t i = 0; i < s->count; i++)
		if (entry_matches(&s->entries[i], name))
			return !s->ignore;
	return s->ignore;
}

void selector_each_name(const struct selector *s, void (*fn)(const char *name, void *arg),
			void *arg)
{
	for (size_t i = 0; i < s->count; i++)
		if (!s->entries[i].regex)
			fn(s->entries[i].text, arg);
}

const char *selector_idle_entry(const struct selector *s, unsigned names,
				selector_name_fn *name, void *arg)
{
	for (size_t i = 0; i < s->count; i++) {
		const char *ret = s->entries[i].text;

		for (unsigned n = 0; n < names && ret; n++) {
			const char *candidate = name(n, arg);

			if (candidate && entry_matches(&s->entries[i], candidate))
				ret = NULL;
		}
		if (ret)
			return ret;
	}
	return NULL;
}
