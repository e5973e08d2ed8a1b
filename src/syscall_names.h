/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls by name, in each table of numbers that a 64-bit kernel serves. See
 * bpf/shared.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Name of a system call's id (below SYSCALL_IDS), static. What libseccomp does not know
 * is "nr_<number>", with "compat_" or "x32_" before it where the table is not the native
 * one. SYSCALL_UNKNOWN is "unknown".
 */
const char *syscall_name(uint32_t id);

/* Whether that is the name of a call, or only of its number. */
bool syscall_is_known(uint32_t id);

/* The lowest id with the same name: a call is one series, whichever table it came by. */
uint32_t syscall_canonical(uint32_t id);

/*
 * Calls `fn` for each id of that name: one for each table that has it. False when none
 * has.
 */
bool syscall_each_id(const char *name, void (*fn)(uint32_t id, void *arg), void *arg);

/* The id of rt_sigreturn in the native and in the compat table. */
void syscall_sigreturn_ids(uint32_t ret[2]);
