/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is said of each family's events. Each adds to a notice that has its scope the message and the
 * details; the names of the latter are in the manual.
 */
#pragma once

#include "notices.h"

void words_of_namespace(const struct event *event, struct notice *n);
void words_of_process(const struct event *event, struct notice *n);
void words_of_signal(const struct event *event, struct notice *n);
void words_of_oom(const struct event *event, struct notice *n);

/* How grave they are, where the operator does not say. */
enum notice_severity severity_of_namespace(const struct event *event);
enum notice_severity severity_of_process(const struct event *event);
enum notice_severity severity_of_signal(const struct event *event);
enum notice_severity severity_of_oom(const struct event *event);
