/* SPDX-License-Identifier: GPL-2.0-only */
#include "dispatch.h"

#include <assert.h>

#include "utils/common/common.h"
#include "utils/metadata/meta_data.h"

#include "identifier.h"

static_assert(IDENTIFIER_PART_MAX < DATA_MAX_NAME_LEN, "collectd would cut our names");

void dispatch_sample(void *arg, const struct sample *sample)
{
	const cdtime_t *now = arg;
	value_list_t vl = VALUE_LIST_INIT;
	value_t value;

	if (sample->kind == SAMPLE_GAUGE)
		value.gauge = sample->gauge;
	else
		value.derive = sample->derive;
	vl.values = &value;
	vl.values_len = 1;
	vl.time = *now;
	sstrncpy(vl.plugin, "ebpf", sizeof(vl.plugin));
	sstrncpy(vl.plugin_instance, sample->scope, sizeof(vl.plugin_instance));
	sstrncpy(vl.type, sample->type, sizeof(vl.type));
	sstrncpy(vl.type_instance, sample->instance, sizeof(vl.type_instance));
	if (sample->path) {
		vl.meta = meta_data_create();
		if (vl.meta)
			meta_data_add_string(vl.meta, "group", sample->path);
	}
	plugin_dispatch_values(&vl); /* copies */
	meta_data_destroy(vl.meta);
}
