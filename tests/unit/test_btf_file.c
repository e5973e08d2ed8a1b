/* SPDX-License-Identifier: GPL-2.0-only */
#include "btf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Types by their ids, in the order in which make_btf() adds them. */
enum {
	INT = 1,
	TYPEDEF,  /* of INT */
	CONST,	  /* TYPEDEF */
	ENUM,	  /* one value */
	ARRAY,	  /* of CONST */
	POINTER,  /* to OUTER */
	INNER,	  /* an anonymous union of an ARRAY and a POINTER */
	OUTER,	  /* a struct: an anonymous INNER, and 3 bits of a TYPEDEF */
	PROTO,	  /* of a POINTER, with one parameter that is a CONST */
	FUNCTION, /* as PROTO */
	VARIABLE, /* an INT */
	SECTION,  /* with the VARIABLE */
	TYPES,
	NOWHERE = 0x7ffffff0,
};

/* Of a type, in words of 32 bits. */
enum {
	NAME = 0,
	INFO = 1,
	TYPE = 2, /* or a size */
	FIRST = 3,
	SECOND = 6, /* of records with three words */
};

static char path[] = "/tmp/test_btf_file.XXXXXX";
static char reason[200];

static struct btf *make_btf(void)
{
	struct btf *btf = btf__new_empty();

	assert_non_null(btf);
	assert_int_equal(btf__add_int(btf, "int", 4, BTF_INT_SIGNED), INT);
	assert_int_equal(btf__add_typedef(btf, "number", INT), TYPEDEF);
	assert_int_equal(btf__add_const(btf, TYPEDEF), CONST);
	assert_int_equal(btf__add_enum(btf, "choice", 4), ENUM);
	assert_int_equal(btf__add_enum_value(btf, "ONE", 1), 0);
	assert_int_equal(btf__add_array(btf, INT, CONST, 3), ARRAY);
	assert_int_equal(btf__add_ptr(btf, OUTER), POINTER);
	assert_int_equal(btf__add_union(btf, NULL, 16), INNER);
	assert_int_equal(btf__add_field(btf, "array", ARRAY, 0, 0), 0);
	assert_int_equal(btf__add_field(btf, "pointer", POINTER, 0, 0), 0);
	assert_int_equal(btf__add_struct(btf, "outer", 24), OUTER);
	assert_int_equal(btf__add_field(btf, NULL, INNER, 0, 0), 0);
	assert_int_equal(btf__add_field(btf, "bits", TYPEDEF, 128, 3), 0);
	assert_int_equal(btf__add_func_proto(btf, POINTER), PROTO);
	assert_int_equal(btf__add_func_param(btf, "argument", CONST), 0);
	assert_int_equal(btf__add_func(btf, "function", BTF_FUNC_GLOBAL, PROTO),
			 FUNCTION);
	assert_int_equal(btf__add_var(btf, "variable", BTF_VAR_STATIC, INT), VARIABLE);
	assert_int_equal(btf__add_datasec(btf, ".data", 4), SECTION);
	assert_int_equal(btf__add_datasec_var_info(btf, VARIABLE, 0, 4), 0);
	return btf;
}

static void write_file(const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

/* To be freed. */
static char *copy_of(const struct btf *btf, uint32_t *size)
{
	const void *data = btf__raw_data(btf, size);
	char *copy = malloc(*size);

	assert_non_null(data);
	assert_non_null(copy);
	return memcpy(copy, data, *size);
}

/* Writes the file with that word of a type changed; no type: as it is. */
static void write_btf(struct btf *btf, uint32_t id, unsigned word, uint32_t value)
{
	uint32_t size;
	char *data = copy_of(btf, &size);
	ptrdiff_t offset = 0;

	if (id) {
		offset = (const char *)btf__type_by_id(btf, id) -
			 (const char *)btf__type_by_id(btf, 1);
		offset += sizeof(struct btf_header) + word * sizeof(uint32_t);
		assert_true(offset + sizeof(value) <= size);
		memcpy(data + offset, &value, sizeof(value));
	}
	write_file(data, size);
	free(data);
	btf__free(btf);
}

static void expect(const char *why)
{
	int err;

	reason[0] = '\0';
	err = btf_file_check(path, reason, sizeof(reason));
	if (!err != !why || (why && !strstr(reason, why)))
		fail_msg("%d \"%s\", not \"%s\"", err, reason, why ? why : "");
}

static void each_damage_is_found(void **state)
{
	static const struct {
		uint32_t id;
		unsigned word;
		uint32_t value;
		const char *why; /* NULL: no damage */
	} rows[] = {
		{ 0, 0, 0, NULL },
		{ TYPEDEF, NAME, NOWHERE, "type 2 has a name that is not there" },
		{ OUTER, FIRST, NOWHERE, "type 8 has a name" },
		{ OUTER, SECOND, NOWHERE, "type 8 has a name" },
		{ ENUM, FIRST, NOWHERE, "type 4 has a name" },
		{ PROTO, FIRST, NOWHERE, "type 9 has a name" },
		{ TYPEDEF, TYPE, NOWHERE,
		  "type 2 refers to type 2147483632, and there are 13" },
		{ POINTER, TYPE, TYPES, "type 6 refers to type 13" },
		{ POINTER, TYPE, TYPES - 1, NULL },
		{ CONST, TYPE, NOWHERE, "type 3 refers" },
		{ ARRAY, FIRST, NOWHERE, "type 5 refers" },
		{ ARRAY, FIRST + 1, NOWHERE, "type 5 refers" },
		{ INNER, SECOND + 1, NOWHERE, "type 7 refers" },
		{ PROTO, TYPE, NOWHERE, "type 9 refers" },
		{ PROTO, FIRST + 1, NOWHERE, "type 9 refers" },
		{ FUNCTION, TYPE, NOWHERE, "type 10 refers" },
		{ VARIABLE, TYPE, NOWHERE, "type 11 refers" },
		{ SECTION, FIRST, NOWHERE, "type 12 refers" },
		{ TYPEDEF, TYPE, TYPEDEF, "holds itself" },
		{ TYPEDEF, TYPE, CONST, "holds itself" },
		{ ARRAY, FIRST, ARRAY, "holds itself" },
		{ ARRAY, FIRST, OUTER, "holds itself" },
		{ OUTER, FIRST + 1, OUTER, "holds itself" },
		{ OUTER, SECOND + 1, OUTER, "holds itself" },
		{ VARIABLE, TYPE, VARIABLE, "holds itself" },
		{ POINTER, TYPE, POINTER, NULL }, /* void *p = &p; */
		{ INT, TYPE, 0, "type 8 has bits of what is no number" },
		{ OUTER, SECOND + 1, 0, "type 8 has bits" },
		{ OUTER, SECOND + 1, POINTER, "type 8 has bits" },
		{ OUTER, SECOND + 1, ARRAY, "type 8 has bits" },
		{ OUTER, SECOND + 1, ENUM, NULL },
		{ INT, INFO, UINT32_C(31) << 24, "no BTF, or damaged" },
		{ OUTER, INFO, BTF_KIND_STRUCT << 24 | 0xffff, "no BTF, or damaged" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("row %zu\n", i);
		write_btf(make_btf(), rows[i].id, rows[i].word, rows[i].value);
		expect(rows[i].why);
	}
}

/* A part of the file must not crash, whatever is missing. */
static void each_length_is_survived(void **state)
{
	struct btf *btf = make_btf();
	uint32_t size;
	char *data = copy_of(btf, &size);

	(void)state;
	for (uint32_t length = 0; length < size; length++) {
		write_file(data, length);
		expect(length ? "no BTF, or damaged" : "the file is empty");
	}
	free(data);
	btf__free(btf);
}

static void each_flipped_byte_is_survived(void **state)
{
	struct btf *btf = make_btf();
	uint32_t size;
	char *data = copy_of(btf, &size);

	(void)state;
	for (uint32_t i = 0; i < size; i++) {
		data[i] = ~data[i];
		write_file(data, size);
		btf_file_check(path, reason, sizeof(reason));
		data[i] = ~data[i];
	}
	free(data);
	btf__free(btf);
}

static void types_must_be_aligned(void **state)
{
	struct btf *btf = make_btf();
	uint32_t size;
	char *data = copy_of(btf, &size), *longer = malloc(size + 1);
	struct btf_header *header = (struct btf_header *)longer;
	size_t end = sizeof(*header);

	(void)state;
	assert_non_null(longer);
	memcpy(longer, data, end);
	longer[end] = 0;
	memcpy(longer + end + 1, data + end, size - end);
	header->hdr_len++;
	write_file(longer, size + 1);
	expect("its types are not aligned");
	free(longer);
	free(data);
	btf__free(btf);
}

/* Constants of constants, of which 256 are allowed. */
static void depth_is_bounded(void **state)
{
	(void)state;
	for (int depth = 255; depth <= 258; depth++) {
		struct btf *btf = btf__new_empty();

		for (int id = 1; id < depth; id++)
			assert_int_equal(btf__add_const(btf, id + 1), id);
		assert_int_equal(btf__add_int(btf, "int", 4, 0), depth);
		write_btf(btf, 0, 0, 0);
		expect(depth > 256 ? "type 257 holds itself, or too many others" : NULL);
	}
}

/* The same in an order in which each is measured when what it holds has been. */
static void depth_is_bounded_backwards(void **state)
{
	(void)state;
	for (int depth = 255; depth <= 258; depth++) {
		struct btf *btf = btf__new_empty();

		assert_int_equal(btf__add_int(btf, "int", 4, 0), 1);
		for (int id = 2; id <= depth; id++)
			assert_int_equal(btf__add_const(btf, id - 1), id);
		write_btf(btf, 0, 0, 0);
		expect(depth > 256 ? "type 257 holds itself, or too many others" : NULL);
	}
}

/* Each struct has two of the one before, through which libbpf would look 2^30 times. */
static void anonymous_members_are_bounded(void **state)
{
	static const char *const names[] = { NULL, "left", "right" };

	(void)state;
	for (int named = 0; named < 2; named++) {
		struct btf *btf = btf__new_empty();

		assert_int_equal(btf__add_int(btf, "int", 4, 0), 1);
		for (int id = 2; id <= 31; id++) {
			assert_int_equal(btf__add_struct(btf, NULL, 4), id);
			btf__add_field(btf, names[named], id - 1, 0, 0);
			btf__add_field(btf, names[2 * named], id - 1, 0, 0);
		}
		write_btf(btf, 0, 0, 0);
		expect(named ? NULL : "too many anonymous members");
	}
}

static void fifo_is_not_opened(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect("not a regular file");
	unlink(path);
}

static void file_must_be_there(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(btf_file_check(path, reason, sizeof(reason)), -ENOENT);
	assert_string_equal(reason, strerror(ENOENT));
	assert_int_equal(btf_file_check("/", reason, sizeof(reason)), -EINVAL);
}

/* As objcopy --only-keep-debug leaves it. */
static void elf_without_contents_is_refused(void **state)
{
	static const char names[] = "\0.shstrtab\0.BTF";
	struct {
		Elf64_Ehdr header;
		Elf64_Shdr sections[3];
		char names[sizeof(names)];
	} elf = {
		.header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shoff = sizeof(Elf64_Ehdr),
			.e_shnum = 3,
			.e_shstrndx = 1,
		},
		.sections[1] = { .sh_name = 1, .sh_type = SHT_STRTAB, .sh_size = sizeof(names) },
		.sections[2] = { .sh_name = 11, .sh_type = SHT_NOBITS, .sh_size = 5000 },
	};

	(void)state;
	elf.sections[1].sh_offset = (char *)elf.names - (char *)&elf;
	memcpy(elf.names, names, sizeof(names));
	write_file(&elf, sizeof(elf));
	expect("its section .BTF has no contents");
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	libbpf_set_print(NULL);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_damage_is_found),
		cmocka_unit_test(each_length_is_survived),
		cmocka_unit_test(each_flipped_byte_is_survived),
		cmocka_unit_test(types_must_be_aligned),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(depth_is_bounded_backwards),
		cmocka_unit_test(anonymous_members_are_bounded),
		cmocka_unit_test(elf_without_contents_is_refused),
		cmocka_unit_test(fifo_is_not_opened),
		cmocka_unit_test(file_must_be_there),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
