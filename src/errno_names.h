/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* "ENOENT" for 2; "errno_<number>" for what libc has no name for. Static. */
const char *errno_name(int code);
