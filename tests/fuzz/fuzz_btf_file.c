/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file that BtfPath names: the input is what it holds. What the check lets through libbpf must
 * be able to walk, as it does for the programs' relocations.
 */
#include "input.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "btf_file.h"

enum { WAYS_MAX = 1 << 17 };

static const struct btf_type *skip(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (btf_is_mod(t) || btf_is_typedef(t))
		t = btf__type_by_id(btf, t->type);
	return t;
}

/* As bpf_core_match_member() looks for a name that is not there. */
static uint32_t look(const struct btf *btf, uint32_t id, unsigned level)
{
	const struct btf_type *t = skip(btf, id);
	const struct btf_member *m = btf_members(t);
	uint32_t ways = 0;

	CHECK(t);
	for (unsigned i = 0; btf_is_composite(t) && i < btf_vlen(t) && level < 64; i++) {
		ways++;
		if (btf_member_bitfield_size(t, i))
			CHECK(skip(btf, m[i].type)->size);
		if (!btf__name_by_offset(btf, m[i].name_off)[0])
			ways += look(btf, m[i].type, level + 1);
	}
	CHECK(ways <= WAYS_MAX, "%u", ways);
	return ways;
}

/* As bpf_core_fields_are_compat() compares arrays. */
static void unwrap(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = skip(btf, id);

	while (btf_is_array(t))
		t = skip(btf, btf_array(t)->type);
	CHECK(btf__name_by_offset(btf, t->name_off));
}

static void walk_enum(const struct btf *btf, const struct btf_type *t)
{
	for (unsigned i = 0; btf_is_enum(t) && i < btf_vlen(t); i++)
		CHECK(btf__name_by_offset(btf, btf_enum(t)[i].name_off));
	for (unsigned i = 0; btf_is_enum64(t) && i < btf_vlen(t); i++)
		CHECK(btf__name_by_offset(btf, btf_enum64(t)[i].name_off));
}

static void walk(const char *path)
{
	struct btf *btf = btf__parse(path, NULL);

	CHECK(btf);
	btf__find_by_name_kind(btf, "cgroup_subsys_id", BTF_KIND_ENUM);
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		btf__resolve_size(btf, id);
		btf__resolve_type(btf, id);
		btf__align_of(btf, id);
		unwrap(btf, id);
		look(btf, id, 0);
		walk_enum(btf, t);
		for (unsigned i = 0; btf_is_func_proto(t) && i < btf_vlen(t); i++)
			unwrap(btf, btf_params(t)[i].type);
	}
	btf__free(btf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("btf", MFD_CLOEXEC);
	char path[64], error[200] = "";

	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	libbpf_set_print(NULL);
	if (btf_file_check(path, error, sizeof(error)) == 0) {
		CHECK(!error[0], "%s", error);
		walk(path);
	} else {
		CHECK(error[0]);
	}
	close(fd);
	return 0;
}
