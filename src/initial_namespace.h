/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include <stdbool.h>

/* Whether we are in the host's own namespace of the type, NAMESPACE_CGROUP or NAMESPACE_PID. */
bool in_initial_namespace(unsigned type);
