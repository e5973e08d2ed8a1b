/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* "net" for NAMESPACE_NET, as in /proc/PID/ns; "unknown" for what is none. Static. */
const char *namespace_name(unsigned type);

/*
 * The NAMESPACE_* of "net"; NAMESPACE_UNKNOWN for what is none. Only `bytes` of `name`
 * count.
 */
unsigned namespace_by_name(const char *name, unsigned bytes);
