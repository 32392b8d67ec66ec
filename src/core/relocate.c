/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/relocate.h"

#include <string.h>

static void move_selector(struct baton_ts *ts, const struct baton_addr *from,
			  const struct baton_addr *to)
{
	if (ts->family != from->family || memcmp(ts->ip_start, from->ip, sizeof(from->ip)) != 0 ||
	    memcmp(ts->ip_end, from->ip, sizeof(from->ip)) != 0)
		return;
	memcpy(ts->ip_start, to->ip, sizeof(to->ip));
	memcpy(ts->ip_end, to->ip, sizeof(to->ip));
}

void baton_session_relocate(struct baton_session *s, const struct baton_addr *to)
{
	const struct baton_addr from = s->local;

	memcpy(s->local.ip, to->ip, sizeof(to->ip));
	s->flags |= BATON_IKE_MOVED;
	for (unsigned i = 0; i < s->child_count; i++) {
		struct baton_child *c = &s->children[i];

		if (c->mode != BATON_MODE_TRANSPORT)
			continue;
		for (unsigned k = 0; k < c->local_ts_count; k++)
			move_selector(&c->local_ts[k], &from, to);
		for (unsigned k = 0; k < c->policy_count; k++)
			move_selector(&c->policies[k].local, &from, to);
	}
}
