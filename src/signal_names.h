/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * "SIGKILL", "SIGRTMIN+3", or of those that the C library keeps for itself "SIG32". Static; never
 * NULL.
 */
const char *signal_name(uint32_t number);

/* Whether a process that does not care for the signal ends or stops: signal(7). */
bool signal_is_fatal(uint32_t number);
