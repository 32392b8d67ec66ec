/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which outbound numbers may be used (docs/protocol.md 5.3.6, 5.3.8). An SA
 * that a store may know of goes up to the part of its lease that every store it
 * counts on has acknowledged, and no further, whatever on_store_loss says. What
 * that setting decides is what is done before the end: `continue` makes a new SA,
 * which no store knows of and which therefore needs no lease; `fence` lets the
 * traffic stop.
 */
#include "daemon/node.h"

#include <inttypes.h>

void baton_lease_use(struct baton_node *n, struct baton_record *r)
{
	if (baton_node_owns(n, r))
		baton_lease_settle(n->peer_list, n->peer_count, r);
}

void baton_lease_use_all(struct baton_node *n)
{
	struct baton_record *r;

	TAILQ_FOREACH(r, &n->table.records, all)
		if (!r->deleted)
			baton_lease_use(n, r);
}

void baton_lease_look(struct baton_node *n, struct baton_mark *m)
{
	bool worn = baton_watch_is_worn(m);
	/* After a start the stores have not had the time to say anything yet. */
	bool stuck = baton_watch_is_stuck(&n->watch, m) &&
		     baton_now_ms() - n->started_ms > n->config.hold_ms;

	if (!worn && !stuck) {
		m->renewing = false;
		return;
	}
	if (m->renewing)
		return;
	m->renewing = true;
	baton_log(BATON_LOG_WARNING, "lease_ends",
		  "spi_in=%08x spi_out=%08x seq=%" PRIu64 " lease=%" PRIu64
		  " reason=\"%s\" action=%s",
		  m->spi_in, m->spi_out, m->counters.out_seq, m->usable,
		  worn ? "sequence numbers are nearly used up" : "no store extends the lease",
		  worn || !n->config.fence_on_loss ? "rekey" : "stop_at_lease");
}

void baton_lease_settled(void *ctx, struct baton_peer *p, struct baton_record *r)
{
	struct baton_node *n = ctx;

	(void)p;
	if (r)
		baton_lease_use(n, r);
	else
		baton_lease_use_all(n);
}
