/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BATON_CTL_SHOW_H
#define BATON_CTL_SHOW_H

#include <jansson.h>

void show_status(const json_t *o);
void show_sessions(const json_t *o);
void show_progress(const json_t *o);
void show_takeover(const json_t *o);
void show_drain(const json_t *o);
void show_release(const json_t *o);

#endif
