/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session that was claimed for a packet, and that the IKE daemon here has no
 * configuration for, goes back to the gateway it came from:
 * that one is asked to claim it (N(OFFER)), until it has done so. It is refused for two seconds, as
 * any claim of what has just changed hands (docs/protocol.md 5.3.3).
 *
 * Nobody here asks for that session again for a minute. When its former owner is
 * not heard of, it stays, and whoever else is asked for it may have it.
 */
#include "daemon/node.h"

#include <inttypes.h>

#define DEADLINE_MS 3000u /* of an offer's answer */
#define AGAIN_MS 500u
#define GIVE_UP_MS 15000u
#define QUIET_MS 60000u

static const struct baton_record *record_of(struct baton_node *n, const struct baton_giveback *g)
{
	const struct baton_record *r = baton_table_find(&n->table, g->spis.spi_i, g->spis.spi_r);

	return r && !r->deleted && baton_node_owns(n, r) && !r->held ? r : NULL;
}

void baton_giveback_begin(struct baton_node *n, const struct baton_record *r,
			  const struct baton_id *to)
{
	struct baton_giveback *g = n->givebacks;
	unsigned peer;

	for (peer = 0; peer < n->peer_count; peer++)
		if (!n->peers[peer].absent && n->peers[peer].state == BATON_PEER_UP &&
		    baton_id_equal(&n->peers[peer].id, to))
			break;
	baton_miss_shun(n, r, QUIET_MS);
	if (peer == n->peer_count)
		return;
	while (g < n->givebacks + BATON_GIVEBACKS_MAX && g->until_ms)
		g++;
	if (g == n->givebacks + BATON_GIVEBACKS_MAX)
		return; /* it stays; a packet at its former owner brings it back, too */
	*g = (struct baton_giveback){.spis = {r->spi_i, r->spi_r}, .peer = peer};
	g->next_ms = baton_now_ms();
	g->until_ms = g->next_ms + GIVE_UP_MS;
	baton_log(BATON_LOG_WARNING, "given_back",
		  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " server_id=%s", r->spi_i, r->spi_r,
		  n->config.peers[peer].name);
}

static void offer(struct baton_node *n, struct baton_giveback *g, uint64_t now_ms)
{
	struct baton_peer *p = &n->peers[g->peer];
	struct baton_header h = baton_exchange_header(&p->x, BATON_SA_STOR);
	struct baton_builder b;

	baton_build_begin(&b, p->buf, sizeof(p->buf), &h);
	baton_build_id(&b, BATON_PL_IDI, &n->config.server_id);
	baton_build_offer(&b, &g->spis, 1);
	/* What it answers is of no interest: what it does is. */
	(void)baton_peer_ask(p, &b, &n->givebacks, now_ms, now_ms + DEADLINE_MS);
	g->next_ms = now_ms + AGAIN_MS;
}

uint64_t baton_giveback_tick(struct baton_node *n, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;

	for (struct baton_giveback *g = n->givebacks; g < n->givebacks + BATON_GIVEBACKS_MAX; g++) {
		if (!g->until_ms)
			continue;
		if (!record_of(n, g) || now_ms >= g->until_ms)
			g->until_ms = 0;
		else if (now_ms >= g->next_ms)
			offer(n, g, now_ms);
		if (g->until_ms && g->next_ms < next)
			next = g->next_ms;
	}
	return next;
}
