/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which addresses the kernel is told to be here, for which session. A session's
 * octets change, and go; what was said on its behalf is remembered here, and
 * taken back.
 */
#ifndef BATON_MISS_CLIENTS_H
#define BATON_MISS_CLIENTS_H

#include "miss/guard.h"

struct baton_clients;

/* NULL when memory is out. */
struct baton_clients *baton_clients_new(void);
void baton_clients_free(struct baton_clients *c);
/* r's addresses are here, or they are not: g is told of what that changes. */
void baton_clients_look(struct baton_clients *c, struct baton_guard *g,
			const struct baton_record *r, bool here);

#endif
