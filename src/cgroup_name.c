/* SPDX-License-Identifier: GPL-2.0-only */
#include "cgroup_name.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "identifier.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum {
	ID_LENGTH = 64,	      /* hex digits of an OCI runtime's container id */
	ID_SHORT_LENGTH = 12, /* what the runtimes' own commands show of it */
};

enum id_kind {
	ID_HEX,	    /* ID_LENGTH hex digits, shortened */
	ID_NAME,    /* as it is */
	ID_ESCAPED, /* as systemd escapes it: \x2d is a dash */
};

/*
 * Where the id stands in the path. What is NULL does not matter. What `before` says
 * begins the element or, with a ':' at its own beginning, may follow anything.
 */
struct place {
	const char *below;  /* some element above has this name */
	const char *parent; /* the element directly above has it */
	const char *before; /* the id, in its element */
	const char *after;
};

struct runtime {
	const char *name; /* of the group, with the id */
	enum id_kind id;
	struct place places[8]; /* up to the first without `before` */
};

/*
 * With the systemd driver a container is a scope, with the cgroupfs driver a directory.
 * The form with colons is what a runtime with the cgroupfs driver makes of a kubelet's
 * systemd names. Monitors (crio-conmon-, libpod-conmon-, lxc.monitor.) are not the
 * container.
 */
static const struct runtime runtimes[] = {
	{ .name = "docker", .id = ID_HEX, .places = {
		  { .before = "docker-", .after = ".scope" },
		  { .parent = "docker", .before = "" },
		  { .before = ":docker:" },
	  } },
	{ .name = "containerd", .id = ID_HEX, .places = {
		  { .before = "cri-containerd-", .after = ".scope" },
		  { .before = "nerdctl-", .after = ".scope" },
		  { .below = "kubepods", .before = "" },
		  /* containerd's namespaces: of nerdctl and ctr, and of the CRI plugin */
		  { .parent = "default", .before = "" },
		  { .parent = "k8s.io", .before = "" },
		  { .before = ":cri-containerd:" },
		  { .before = ":nerdctl:" },
	  } },
	{ .name = "crio", .id = ID_HEX, .places = {
		  { .before = "crio-", .after = ".scope" },
		  { .before = "crio-" },
		  { .before = ":crio:" },
	  } },
	{ .name = "podman", .id = ID_HEX, .places = {
		  { .before = "libpod-", .after = ".scope" },
		  { .before = "libpod-" },
		  { .before = "libpod-payload-" }, /* --cgroups=split, quadlets */
	  } },
	{ .name = "lxc", .id = ID_NAME, .places = {
		  { .before = "lxc.payload." },
		  { .parent = "lxc.payload", .before = "" },
		  { .parent = "lxc", .before = "" },
	  } },
	{ .name = "machine", .id = ID_ESCAPED, .places = {
		  { .below = "machine.slice", .before = "machine-", .after = ".scope" },
		  { .before = "systemd-nspawn@", .after = ".service" },
		  { .parent = "machine", .before = "", .after = ".libvirt-qemu" },
		  { .parent = "machine", .before = "", .after = ".libvirt-lxc" },
	  } },
};

static const char *const unit_suffixes[] = { ".service", ".scope", ".mount", ".socket",
					     ".swap" };

/* Scopes of identifiers that are not the cgroup of that name. */
static const char *const reserved[] = { "host", "other", "self", "root" };

/* Part of a path. An element has no '/' in it and is empty only after the last one. */
struct span {
	const char *start;
	size_t length;
};

/* The kernel hands out no path of PATH_MAX bytes or more: nothing is cut here. */
struct text {
	char bytes[PATH_MAX];
	size_t length;
};

static void text_append(struct text *t, const char *start, size_t length)
{
	size_t room = sizeof(t->bytes) - 1 - t->length;

	if (length > room)
		length = room;
	memcpy(t->bytes + t->length, start, length);
	t->length += length;
	t->bytes[t->length] = '\0';
}

static struct span element_at(const char *path)
{
	path += strspn(path, "/");
	return (struct span){ path, strcspn(path, "/") };
}

static struct span element_next(struct span element)
{
	return element_at(element.start + element.length);
}

static bool span_is(struct span s, const char *text)
{
	return strlen(text) == s.length && !memcmp(s.start, text, s.length);
}

static bool strip_prefix(struct span *s, const char *prefix)
{
	size_t length = strlen(prefix);

	if (s->length < length || memcmp(s->start, prefix, length))
		return false;
	s->start += length;
	s->length -= length;
	return true;
}

static bool strip_suffix(struct span *s, const char *suffix)
{
	size_t length = strlen(suffix);

	if (s->length < length || memcmp(s->start + s->length - length, suffix, length))
		return false;
	s->length -= length;
	return true;
}

static bool strip_before(struct span *s, const char *before)
{
	while (!strip_prefix(s, before)) {
		if (before[0] != ':' || s->length == 0)
			return false;
		s->start++;
		s->length--;
	}
	return true;
}

static bool is_hex(struct span s)
{
	return strspn(s.start, "0123456789abcdef") >= s.length;
}

static bool is_id(struct span s, enum id_kind kind)
{
	return kind == ID_HEX ? s.length == ID_LENGTH && is_hex(s) : s.length > 0;
}

static bool is_where(const char *path, struct span element, const struct place *place)
{
	bool below = !place->below;
	struct span parent = { path, 0 };
	struct span e;

	for (e = element_at(path); e.start != element.start; e = element_next(e)) {
		parent = e;
		if (!below)
			below = span_is(e, place->below);
	}
	return below && (!place->parent || span_is(parent, place->parent));
}

static bool runtime_matches(const struct runtime *runtime, const char *path,
			    struct span element, struct span *ret_id)
{
	const struct place *place = runtime->places;

	for (; place < runtime->places + ARRAY_SIZE(runtime->places) && place->before;
	     place++) {
		struct span id = element;

		if (!strip_before(&id, place->before))
			continue;
		if (place->after && !strip_suffix(&id, place->after))
			continue;
		if (is_id(id, runtime->id) && is_where(path, element, place)) {
			*ret_id = id;
			return true;
		}
	}
	return false;
}

/* The byte that an escape stands for, or '\0' where `s` is none. */
static char escaped_byte(struct span s)
{
	char digits[3] = "";

	if (!strip_prefix(&s, "\\x") || s.length < 2)
		return '\0';
	memcpy(digits, s.start, 2);
	if (strspn(digits, "0123456789abcdefABCDEF") != 2)
		return '\0';
	return (char)strtol(digits, NULL, 16);
}

static void append_unescaped(struct text *t, struct span s)
{
	while (s.length > 0) {
		char byte = escaped_byte(s);
		size_t used = byte ? strlen("\\xNN") : 1;

		text_append(t, byte ? &byte : s.start, 1);
		s.start += used;
		s.length -= used;
	}
}

static void append_id(struct text *t, struct span id, enum id_kind kind)
{
	if (kind == ID_ESCAPED)
		append_unescaped(t, id);
	else
		text_append(t, id.start, kind == ID_HEX ? ID_SHORT_LENGTH : id.length);
}

static bool name_container(const char *path, struct span element, char *name, size_t size)
{
	struct text t = { .length = 0 };
	struct span id;

	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++) {
		if (!runtime_matches(&runtimes[i], path, element, &id))
			continue;
		text_append(&t, runtimes[i].name, strlen(runtimes[i].name));
		text_append(&t, "-", 1);
		append_id(&t, id, runtimes[i].id);
		identifier_part(t.bytes, name, size);
		return true;
	}
	return false;
}

/* A systemd unit by its suffix, with something in front of it. */
static bool has_suffix(struct span element, const char *suffix)
{
	return strip_suffix(&element, suffix) && element.length > 0;
}

static bool is_slice(struct span element)
{
	return has_suffix(element, ".slice");
}

static bool is_unit(struct span element)
{
	for (size_t i = 0; i < ARRAY_SIZE(unit_suffixes); i++)
		if (has_suffix(element, unit_suffixes[i]))
			return true;
	return false;
}

/* Of user@UID.service the UID. */
static bool is_user_manager(struct span element, struct span *ret_uid)
{
	if (!strip_prefix(&element, "user@") || !strip_suffix(&element, ".service"))
		return false;
	if (element.length == 0 || strspn(element.start, "0123456789") != element.length)
		return false;
	*ret_uid = element;
	return true;
}

static struct span skip_slices(struct span e, struct span *ret_last)
{
	for (; is_slice(e); e = element_next(e))
		*ret_last = e;
	return e;
}

/*
 * What a user's manager has below its own unit: a unit or, with tasks in it, a slice.
 * False when there is neither, and the tasks belong to the manager.
 */
static bool find_user_unit(struct span manager, struct span *ret)
{
	struct span slice = { NULL, 0 };
	struct span e = skip_slices(element_next(manager), &slice);

	if (e.length > 0 && !is_unit(e))
		return false;
	if (e.length == 0 && !slice.start)
		return false;
	*ret = e.length > 0 ? e : slice;
	return true;
}

/* Gives back the element that is the group's own cgroup. */
static struct span name_unit(struct span unit, char *name, size_t size)
{
	struct text t = { .length = 0 };
	struct span uid;

	if (is_user_manager(unit, &uid) && find_user_unit(unit, &unit)) {
		text_append(&t, "user-", strlen("user-"));
		text_append(&t, uid.start, uid.length);
		text_append(&t, "-", 1);
	}
	text_append(&t, unit.start, unit.length);
	identifier_part(t.bytes, name, size);
	return unit;
}

static bool is_reserved(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (!strcmp(text, reserved[i]))
			return true;
	return false;
}

static void append_joined(struct text *t, struct span e, const char *end)
{
	for (; e.length > 0 && e.start < end; e = element_next(e)) {
		if (t->length > 0)
			text_append(t, "-", 1);
		text_append(t, e.start, e.length);
	}
}

/* By as many elements, the last of them `last`, as a part of an identifier holds. */
static void name_path(const char *path, struct span last, char *name, size_t size)
{
	const char *end = last.start + last.length;
	size_t limit = size > IDENTIFIER_PART_MAX ? IDENTIFIER_PART_MAX : size - 1;
	struct text whole = { .length = 0 };
	struct text t = { .length = 0 };
	struct span e = element_at(path);

	append_joined(&t, e, end);
	if (t.length <= limit && !is_reserved(t.bytes)) {
		identifier_part(t.bytes, name, size);
		return;
	}
	while (e.start < last.start &&
	       (size_t)(end - e.start) + IDENTIFIER_HASH_LENGTH > limit)
		e = element_next(e);
	t.length = 0;
	append_joined(&t, e, end);
	text_append(&whole, path, (size_t)(end - path));
	identifier_part_hashed(t.bytes, whole.bytes, name, size);
}

/* Gives back the element that is the group's own cgroup. */
static struct span name_other(const char *path, char *name, size_t size)
{
	struct span last = { NULL, 0 };
	struct span e = skip_slices(element_at(path), &last);

	if (is_unit(e))
		return name_unit(e, name, size);
	if (e.length == 0 && last.start)
		return name_unit(last, name, size);
	/* The units of a systemd that is not the host's are not named as if they were. */
	for (; e.length > 0; e = element_next(e)) {
		last = e;
		if (is_unit(e))
			break;
	}
	name_path(path, last, name, size);
	return last;
}

size_t cgroup_group_name(const char *path, char *name, size_t size)
{
	struct span e = element_at(path);

	if (size == 0)
		return 0;
	if (e.length == 0) {
		identifier_part("root", name, size);
		return strlen(path);
	}
	for (; e.length > 0; e = element_next(e))
		if (name_container(path, e, name, size))
			return (size_t)(e.start + e.length - path);
	e = name_other(path, name, size);
	return (size_t)(e.start + e.length - path);
}
