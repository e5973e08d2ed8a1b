/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stddef.h>

/*
 * Whether libbpf may be given the file for the kernel's BTF. It takes type ids, names and nesting on
 * trust: where they are wrong it crashes, or never returns. Returns 0; or a negative errno, with the
 * reason in `error`, which does not name the file.
 */
int btf_file_check(const char *path, char *error, size_t size);
