/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * "ENOENT" for 2; "errno_<number>" for a code from 1 to 4095 that libc has no name for.
 * Static.
 */
const char *errno_name(int code);
