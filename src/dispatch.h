/* SPDX-License-Identifier: GPL-2.0-only */
/* Samples to collectd's values: the one file that knows how collectd takes them. */
#pragma once

#include "daemon/plugin.h"

#include "samples.h"

/* A sample_fn; `arg` is the cdtime_t of all values of this read. */
void dispatch_sample(void *arg, const struct sample *sample);
