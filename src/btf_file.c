/* SPDX-License-Identifier: GPL-2.0-only */
#include "btf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/btf.h>

#include "cleanup.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum {
	DEPTH_MAX = 256,     /* of types that hold each other; kernels have 33 and more */
	STEPS_MAX = 1 << 17, /* a struct may have 65535 members */
};

/*
 * What comes after a struct btf_type, in words of 32 bits: one record, or as many as btf_vlen() says.
 * Kinds are numbers where older headers lack the name.
 */
static const struct layout {
	bool refers; /* by btf_type.type, which is a size in other kinds */
	bool is_list;
	bool has_names; /* in the first word */
	uint8_t words;	/* of a record; 0: there is none that matters here */
	uint8_t type_word, types;
} layouts[] = {
	[BTF_KIND_PTR] = { .refers = true },
	[BTF_KIND_ARRAY] = { .words = 3, .types = 2 },
	[BTF_KIND_STRUCT] = { false, true, true, 3, 1, 1 },
	[BTF_KIND_UNION] = { false, true, true, 3, 1, 1 },
	[BTF_KIND_ENUM] = { false, true, true, 2, 0, 0 },
	[BTF_KIND_TYPEDEF] = { .refers = true },
	[BTF_KIND_VOLATILE] = { .refers = true },
	[BTF_KIND_CONST] = { .refers = true },
	[BTF_KIND_RESTRICT] = { .refers = true },
	[BTF_KIND_FUNC] = { .refers = true },
	[BTF_KIND_FUNC_PROTO] = { true, true, true, 2, 1, 1 },
	[BTF_KIND_VAR] = { .refers = true },
	[BTF_KIND_DATASEC] = { false, true, false, 3, 0, 1 },
	[17 /* BTF_KIND_DECL_TAG */] = { .refers = true },
	[18 /* BTF_KIND_TYPE_TAG */] = { .refers = true },
	[19 /* BTF_KIND_ENUM64 */] = { false, true, true, 3, 0, 0 },
};

struct nesting {
	uint32_t depth; /* with the type itself; 0: not measured yet */
	uint32_t steps; /* to look for a member by its name, in anonymous members, too */
};

struct check {
	const struct btf *btf;
	uint32_t types;
	struct nesting *nestings; /* by type id */
	char *error;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct check *c,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->error, c->size, format, args);
	va_end(args);
	return -EINVAL;
}

static int check_name(const struct check *c, uint32_t id, uint32_t offset)
{
	if (btf__name_by_offset(c->btf, offset))
		return 0;
	return refuse(c, "type %u has a name that is not there", id);
}

static int check_reference(const struct check *c, uint32_t id, uint32_t referred)
{
	if (referred < c->types)
		return 0;
	return refuse(c, "type %u refers to type %u, and there are %u", id, referred,
		      c->types);
}

static int check_record(const struct check *c, uint32_t id, const struct layout *layout,
			const uint32_t *record)
{
	int err = layout->has_names ? check_name(c, id, record[0]) : 0;

	for (unsigned i = 0; i < layout->types && !err; i++)
		err = check_reference(c, id, record[layout->type_word + i]);
	return err;
}

/* libbpf has made sure that the records lie within the file. */
static int check_type(const struct check *c, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(c->btf, id);
	const uint32_t *record = (const uint32_t *)(t + 1);
	const struct layout *layout = &layouts[btf_kind(t)];
	unsigned records = layout->is_list ? btf_vlen(t) : 1;
	int err = check_name(c, id, t->name_off);

	if (!err && layout->refers)
		err = check_reference(c, id, t->type);
	for (unsigned i = 0; i < records && layout->words && !err; i++)
		err = check_record(c, id, layout, record + i * layout->words);
	return err;
}

static bool is_searched_through(const struct check *c, const struct btf_type *t,
				unsigned part)
{
	if (btf_is_composite(t))
		return !btf__name_by_offset(c->btf, btf_members(t)[part].name_off)[0];
	return !btf_is_array(t);
}

/* Types that a type consists of: without those that it points to. */
static unsigned count_parts(const struct btf_type *t)
{
	if (btf_is_composite(t))
		return btf_vlen(t);
	return btf_is_mod(t) || btf_is_typedef(t) || btf_is_var(t) || btf_is_array(t);
}

static uint32_t part_of(const struct btf_type *t, unsigned part)
{
	if (btf_is_composite(t))
		return btf_members(t)[part].type;
	return btf_is_array(t) ? btf_array(t)->type : t->type;
}

/*
 * Calls itself DEPTH_MAX times at most, so that a type that holds itself ends it. Members by
 * name are looked for along each way that there is through anonymous ones: when each level has
 * two of the next, that is 2^64 ways.
 */
static int measure(const struct check *c, uint32_t id, unsigned level)
{
	const struct btf_type *t = btf__type_by_id(c->btf, id);
	unsigned parts = count_parts(t);
	struct nesting found = { .steps = parts };

	if (c->nestings[id].depth)
		return 0;
	for (unsigned i = 0; i < parts && level < DEPTH_MAX; i++) {
		const struct nesting *part = &c->nestings[part_of(t, i)];
		int err = measure(c, part_of(t, i), level + 1);

		if (err)
			return err;
		if (part->depth > found.depth)
			found.depth = part->depth;
		if (is_searched_through(c, t, i))
			found.steps += part->steps;
		if (found.steps > STEPS_MAX)
			return refuse(c, "type %u has too many anonymous members", id);
	}
	found.depth++;
	if (level == DEPTH_MAX || found.depth > DEPTH_MAX)
		return refuse(c, "type %u holds itself, or too many others", id);
	c->nestings[id] = found;
	return 0;
}

static bool is_number(const struct btf *btf, uint32_t id)
{
	int resolved = btf__resolve_type(btf, id);
	const struct btf_type *t = resolved > 0 ? btf__type_by_id(btf, resolved) : NULL;

	return t && (btf_is_int(t) || btf_is_any_enum(t)) && t->size;
}

/* libbpf divides by what would be the size of a number. */
static int check_bitfields(const struct check *c, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(c->btf, id);

	if (!btf_is_composite(t) || !btf_kflag(t))
		return 0;
	for (unsigned i = 0; i < btf_vlen(t); i++) {
		if (btf_member_bitfield_size(t, i) &&
		    !is_number(c->btf, btf_members(t)[i].type))
			return refuse(c, "type %u has bits of what is no number", id);
	}
	return 0;
}

static int check_types(struct check *c)
{
	int err = 0;

	for (uint32_t id = 1; id < c->types && !err; id++) {
		const struct btf_type *t = btf__type_by_id(c->btf, id);

		if ((uintptr_t)t % _Alignof(struct btf_type))
			err = refuse(c, "its types are not aligned");
		else if (btf_kind(t) >= ARRAY_SIZE(layouts))
			err = refuse(c, "type %u is of kind %u, which is not known here",
				     id, btf_kind(t));
		else
			err = check_type(c, id);
	}
	for (uint32_t id = 1; id < c->types && !err; id++)
		err = measure(c, id, 0);
	for (uint32_t id = 1; id < c->types && !err; id++)
		err = check_bitfields(c, id);
	return err;
}

static bool is_section_empty(Elf *elf, Elf_Scn *section, size_t names)
{
	GElf_Shdr header;
	const char *name = NULL;
	Elf_Data *data;

	if (gelf_getshdr(section, &header))
		name = elf_strptr(elf, names, header.sh_name);
	if (!name || strcmp(name, BTF_ELF_SEC) != 0)
		return false;
	data = elf_getdata(section, NULL);
	return data && !data->d_buf;
}

/*
 * In a file of debug information that was split off, .BTF has a size but no contents, and libbpf would
 * copy from NULL.
 */
static bool is_split_off(int fd)
{
	Elf_Scn *section = NULL;
	bool found = false;
	size_t names;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && elf_getshdrstrndx(elf, &names) == 0)
		while (!found && (section = elf_nextscn(elf, section)))
			found = is_section_empty(elf, section, names);
	elf_end(elf);
	return found;
}

/* A FIFO would keep the daemon waiting, as would files of /proc that are regular but without a size. */
static int check_file(const struct check *c, const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int err = -errno;

		refuse(c, "%s", strerror(-err));
		return err;
	}
	if (!S_ISREG(st.st_mode))
		return refuse(c, "not a regular file");
	if (!st.st_size)
		return refuse(c, "the file is empty");
	if (is_split_off(fd))
		return refuse(c, "its section " BTF_ELF_SEC " has no contents");
	return 0;
}

int btf_file_check(const char *path, char *error, size_t size)
{
	struct check c = { .error = error, .size = size };
	int err = check_file(&c, path);
	struct btf *btf;

	if (err)
		return err;
	btf = btf__parse(path, NULL);
	if (!btf && errno == ENOMEM) {
		refuse(&c, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	if (!btf)
		return refuse(&c, "no BTF, or damaged");
	c.btf = btf;
	c.types = btf__type_cnt(btf);
	c.nestings = calloc(c.types, sizeof(*c.nestings));
	if (c.nestings) {
		err = check_types(&c);
	} else {
		refuse(&c, "%s", strerror(ENOMEM));
		err = -ENOMEM;
	}
	free(c.nestings);
	btf__free(btf);
	return err;
}
