/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may choose which inbound SPIs (docs/protocol.md 5.3.7): what the store role
 * checks, and what becomes of an SA of ours whose SPI is another's at a store.
 */
#include "daemon/node.h"

#include <inttypes.h>

static bool may_choose(void *ctx, const struct baton_id *peer, uint32_t spi)
{
	const struct baton_node *n = ctx;

	for (unsigned i = 0; i < n->config.peer_count; i++) {
		const struct baton_peer_config *p = &n->config.peers[i];

		if (baton_id_equal(&p->id, peer))
			return !p->spis.count || baton_partitions_have(&p->spis, spi);
	}
	return true;
}

void baton_partition_apply(struct baton_node *n)
{
	n->service->may_choose = NULL;
	for (unsigned i = 0; i < n->config.peer_count; i++)
		if (n->config.peers[i].spis.count)
			n->service->may_choose = may_choose;
}

/* An SA that replaces another is not replaced in its turn: the store refuses the session as long as
 * the old one is in it. */
static bool is_being_replaced(const struct baton_record *r)
{
	for (unsigned i = 0; i < r->mark_count; i++)
		if (r->marks[i].renewing ||
		    r->marks[i].flags & (BATON_CHILD_REKEYED | BATON_CHILD_PENDING))
			return true;
	return false;
}

void baton_partition_collided(struct baton_node *n, uint64_t spi_i, uint64_t spi_r)
{
	struct baton_record *r = baton_table_find(&n->table, spi_i, spi_r);

	n->spi_collisions++;
	if (!r || r->deleted || !r->held || !baton_node_owns(n, r) || is_being_replaced(r))
		return;
	for (unsigned i = 0; i < r->mark_count; i++) {
		struct baton_mark *m = &r->marks[i];

		m->renewing = true;
		baton_lease_ask_rekey(n, m);
		baton_log(BATON_LOG_WARNING, "spi_collision",
			  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64
			  " spi_in=%08x action=rekey note=\"see spis of [peer] in batond.conf(5)\"",
			  spi_i, spi_r, m->spi_in);
	}
}
