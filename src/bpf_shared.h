/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel side's layouts, for user space. */
#pragma once

#include <linux/types.h>

#include "../bpf/shared.h"
