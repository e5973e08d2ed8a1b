/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an operator can do when the kernel refuses a program or a map.
 */
#pragma once

#include <stdbool.h>

/*
 * `err` is the negative errno of the refusal, `btf_path` where type information was to come
 * from; NULL: the kernel's own. Looks at what this process may do, and never returns NULL; the
 * text is static, and without a full stop.
 */
const char *remedy_for(int err, const char *btf_path);

/*
 * Whether a file of the kernel's that cannot be opened, for the negative errno `err`, is one that this process is
 * not shown. Else there is another reason, such as too many open files.
 */
bool is_hidden(int err);

/* Where `btf_path` is set and libbpf must not be given the file. */
const char *remedy_for_btf_file(void);

/* What remedy_for() is where a perf event is refused, by which kretprobes and classic tracepoints are attached. */
const char *remedy_for_perf_events(void);

/*
 * Where there is no buffer for events; `by_perf`: for want of perf events, else as remedy_for().
 */
const char *remedy_for_events(int err, bool by_perf, const char *btf_path);

/* Where a seccomp filter forbids what it takes. */
const char *remedy_for_filter(void);

/* Where the kernel shows no kprobes at all. */
const char *remedy_for_kprobes(void);

/* Whether one of the above is a guess, or for one way to attach alone: any other tells more. */
bool remedy_is_weak(const char *remedy);

/* What a daemon needs to attach those that it has not tried. */
const char *remedy_for_tracepoints(void);
