/* SPDX-License-Identifier: BSD-2-Clause */
/* What batonctl is shown. Each returns a new JSON object (the caller's). */
#ifndef BATON_DAEMON_CTL_H
#define BATON_DAEMON_CTL_H

#include "daemon/node.h"
#include <jansson.h>

json_t *baton_show_status(struct baton_node *n);
/* owner NULL: everybody's. */
json_t *baton_show_sessions(struct baton_node *n, const struct baton_id *owner);
json_t *baton_show_takeover(const struct baton_takeover *t);

#endif
