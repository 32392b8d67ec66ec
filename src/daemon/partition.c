/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may choose which SPIs (docs/protocol.md 5.3.7): what the store role
 * checks, and what becomes of an SA of ours whose SPI is another's at a store.
 */
#include "daemon/node.h"

#include <inttypes.h>

#define AGAIN_MS 10000u

static bool may_choose(void *ctx, const struct baton_id *peer, bool ike, uint32_t spi)
{
	const struct baton_node *n = ctx;

	for (unsigned i = 0; i < n->config.peer_count; i++) {
		const struct baton_peer_config *p = &n->config.peers[i];

		if (!p->absent && baton_id_equal(&p->id, peer)) {
			const struct baton_partitions *own = ike ? &p->ike_spis : &p->spis;

			return !own->count || baton_partitions_have(own, spi);
		}
	}
	return true;
}

void baton_partition_apply(struct baton_node *n)
{
	n->service->may_choose = NULL;
	for (unsigned i = 0; i < n->config.peer_count; i++)
		if (!n->config.peers[i].absent &&
		    (n->config.peers[i].spis.count || n->config.peers[i].ike_spis.count))
			n->service->may_choose = may_choose;
}

/* An SA that cannot be rekeyed now (no SPI is free) is told again at once, and refused again. */
static bool was_asked(struct baton_node *n, uint32_t spi)
{
	uint64_t now_ms = baton_now_ms();
	struct baton_replaced *r;

	for (unsigned i = 0; i < BATON_REPLACED_MAX; i++)
		if (n->replaced[i].spi == spi && now_ms < n->replaced[i].until_ms)
			return true;
	r = &n->replaced[n->replaced_count++ % BATON_REPLACED_MAX];
	*r = (struct baton_replaced){spi, now_ms + AGAIN_MS};
	return false;
}

static void rekey(struct baton_node *n, const struct baton_spis *ike, uint32_t epoch,
		  uint8_t protocol, uint32_t spi_in)
{
	if (was_asked(n, spi_in))
		return;
	baton_lease_ask_rekey_of(n, ike, epoch, protocol, spi_in);
	baton_log(BATON_LOG_WARNING, "spi_collision",
		  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64
		  " spi_in=%08x action=rekey note=\"see spis of [peer] in batond.conf(5)\"",
		  ike->spi_i, ike->spi_r, spi_in);
}

void baton_partition_collided_here(struct baton_node *n, const struct baton_session *s)
{
	const struct baton_spis ike = {s->spi_i, s->spi_r};

	n->spi_collisions++;
	for (unsigned i = 0; i < s->child_count; i++) {
		const struct baton_child *c = &s->children[i];
		const struct baton_mark *m = baton_table_find_in(&n->table, c->spi_in);

		/* One that is being replaced is told until the peer has deleted it. */
		if (m && !baton_node_owns(n, m->record) &&
		    !(c->flags & (BATON_CHILD_REKEYED | BATON_CHILD_PENDING)))
			rekey(n, &ike, s->epoch, c->protocol, c->spi_in);
	}
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
		rekey(n, &(struct baton_spis){spi_i, spi_r}, r->epoch, m->protocol, m->spi_in);
	}
}
