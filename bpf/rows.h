/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters per group and id. DEFINE_ROWS(struct value, ids, flags) gives an object the
 * maps `rows` and `overflow`, and row(task, group, id): the value to add to, on this CPU, for the
 * task's group; a task of NULL is the current one.
 *
 * No count is lost for want of room: what finds no row is added to `overflow`, which user
 * space sends as the scope `other` (or, without groups, takes for the host).
 */
#pragma once

#include "group.h"

#define DEFINE_ROWS(value_type, ids, map_flags_)                                      \
	struct {                                                                      \
		__uint(type, BPF_MAP_TYPE_PERCPU_HASH);                               \
		__uint(max_entries, 1);                                               \
		__uint(map_flags, map_flags_);                                        \
		__uint(key_size, sizeof(struct row_key));                             \
		__uint(value_size, sizeof(value_type));                               \
	} rows SEC(".maps");                                                          \
                                                                                      \
	struct {                                                                      \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                              \
		__uint(max_entries, ids);                                             \
		__uint(key_size, sizeof(__u32));                                      \
		__uint(value_size, sizeof(value_type));                               \
	} overflow SEC(".maps");                                                      \
                                                                                      \
	static const value_type zero_row;                                             \
	static __u64 rows_full_at;                                                    \
                                                                                      \
	static __always_inline value_type *add_row(struct task_struct *task,          \
						   const struct row_key *key)         \
	{                                                                             \
		if (is_recent(rows_full_at) || !admit_group(task, key->group))        \
			return NULL;                                                  \
		if (MAP_ERROR(bpf_map_update_elem(&rows, key, &zero_row,              \
						  BPF_NOEXIST)) == -E2BIG)            \
			rows_full_at = bpf_jiffies64();                               \
		return bpf_map_lookup_elem(&rows, key);                               \
	}                                                                             \
                                                                                      \
	static __always_inline value_type *row(struct task_struct *task, __u64 group, \
					       __u32 id)                              \
	{                                                                             \
		struct row_key key = { .group = group, .id = id };                    \
		value_type *value;                                                    \
                                                                                      \
		if (group_kind == GROUP_KIND_NONE)                                    \
			return bpf_map_lookup_elem(&overflow, &id);                   \
		value = bpf_map_lookup_elem(&rows, &key);                             \
		if (!value)                                                           \
			value = add_row(task, &key);                                  \
		if (!value)                                                           \
			value = bpf_map_lookup_elem(&overflow, &id);                  \
		return value;                                                         \
	}

/*
 * Rows of one counter each. count(id) adds one to that of the current task's group, count_for(task,
 * group, id) to that of another one's.
 */
#define DEFINE_COUNTERS(ids, map_flags_)                                             \
	DEFINE_ROWS(__u64, ids, map_flags_)                                          \
                                                                                     \
	static __always_inline void count_for(struct task_struct *task, __u64 group, \
					      __u32 id)                              \
	{                                                                            \
		__u64 *n = row(task, group, id);                                     \
                                                                                     \
		if (n)                                                               \
			increment(n);                                                \
	}                                                                            \
                                                                                     \
	static __always_inline __attribute__((unused)) void count(__u32 id)          \
	{                                                                            \
		count_for(NULL, current_group(), id);                                \
	}
