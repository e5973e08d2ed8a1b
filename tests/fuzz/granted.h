/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For targets that play the kernel's part: what grants all and knows nothing. Loading is up to each target.
 */
#pragma once

#include "input.h"

#include "loader.h"

struct kernel_found __wrap_loader_probe(const char *btf_path);
void __wrap_loader_stop(struct loaded *l);
void __wrap_loader_add_traits(const struct object *object, uint8_t traits[]);
uint64_t __wrap_loader_map_bytes(const struct loaded *l);
uint64_t __wrap_loader_missed_runs(const struct loaded *l);
void __wrap_loader_forgive(struct loaded *l);

static inline FILE *open_text(const char *text)
{
	return fmemopen((void *)text, strlen(text), "r");
}

struct kernel_found __wrap_loader_probe(const char *btf_path)
{
	(void)btf_path;
	return (struct kernel_found){ 0 };
}

void __wrap_loader_stop(struct loaded *l)
{
	(void)l;
}

/* For programs, of which there are none here. It would take most of the time. */
void __wrap_loader_add_traits(const struct object *object, uint8_t traits[])
{
	(void)object, (void)traits;
}

uint64_t __wrap_loader_map_bytes(const struct loaded *l)
{
	(void)l;
	return 0;
}

uint64_t __wrap_loader_missed_runs(const struct loaded *l)
{
	(void)l;
	return 0;
}

void __wrap_loader_forgive(struct loaded *l)
{
	(void)l;
}
