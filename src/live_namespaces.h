/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include "families.h"

/*
 * Namespaces that there are, by type: NAMESPACE_UNKNOWN values. Where the kernel has
 * listns(2) (Linux 6.19) it tells. Elsewhere two BPF iterators find those that a task is
 * in, with their ancestors, and those that a task holds open, and /proc/PID/mountinfo
 * those that are bind-mounted in a mount namespace that a task is in. These miss what is
 * kept by a socket or by a descriptor under way between processes alone.
 */
extern const struct gauge_source live_namespaces;
