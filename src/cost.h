/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What our programs cost, as the kernel measures it (BPF_ENABLE_STATS, Linux 5.8): for a second now and
 * then, as that itself costs every BPF program of the host two looks at the clock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "loader.h"
#include "samples.h"

struct cost;

/* Measures for a second every `seconds`. NULL when there is no memory. */
struct cost *cost_new(unsigned seconds);
void cost_free(struct cost *c);

/* Adds what is measured under a name, static. `loaded` must outlive the last cost_tick(). */
int cost_add(struct cost *c, const char *name, const struct loaded *loaded);

/* To be called each second. Returns 0, or a negative errno when this kernel does not let us. */
int cost_tick(struct cost *c);

/* What was found last; nothing before that. */
void cost_send(const struct cost *c, const struct sink *sink);
