/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving sessions away: all of ours ("batonctl drain"), or one ("batonctl move").
 *
 * Theory of operation. The other gateway is asked to claim them (N(OFFER),
 * docs/protocol.md 5.3.11), a few at a time: it claims, we learn of it and
 * retreat, as with any claim. So each session is served by one of the two at
 * every moment, and if the other one fails in between, what it has not claimed
 * stays here. What it does not claim is offered again; when nothing has gone for
 * a while we give up, and say how many stay.
 *
 * Addresses are not our business: packets must find their way to the other
 * gateway (a router, or its own [miss] fetch, sees to that).
 */
#include "daemon/node.h"

#include <string.h>

#define AT_A_TIME 16u
#define DEADLINE_MS 3000u /* of an offer's answer */
#define AGAIN_MS 300u	  /* after an offer: what is still here is offered again */
#define STUCK_MS 10000u	  /* without one that has gone */
#define PROGRESS_MS 1000u /* between words about it to batonctl */

static bool is_meant(const struct baton_node *n, const struct baton_record *r)
{
	const struct baton_spis *one = &n->drain.one;

	if (r->deleted || !baton_node_owns(n, r))
		return false;
	return !one->spi_i || (r->spi_i == one->spi_i && r->spi_r == one->spi_r);
}

static unsigned still_here(const struct baton_node *n)
{
	const struct baton_record *r;
	unsigned count = 0;

	TAILQ_FOREACH(r, &n->table.records, all)
		count += is_meant(n, r);
	return count;
}

static void end(struct baton_node *n, const char *error)
{
	struct baton_drain *d = &n->drain;

	d->active = false;
	baton_log(error ? BATON_LOG_ERROR : BATON_LOG_INFO, "drain_done",
		  "server_id=%s sessions=%u gone=%u", n->config.peers[d->peer].name, d->total,
		  d->total - d->left);
	if (d->waiter)
		baton_ctl_drain_done(n, error);
	d->waiter = NULL;
}

static void offer(struct baton_node *n, uint64_t now_ms)
{
	struct baton_drain *d = &n->drain;
	struct baton_peer *p = &n->peers[d->peer];
	struct baton_spis spis[AT_A_TIME];
	const struct baton_record *r;
	struct baton_builder b;
	struct baton_header h = baton_exchange_header(&p->x, BATON_SA_STOR);
	unsigned count = 0;

	TAILQ_FOREACH(r, &n->table.records, all)
		if (count < AT_A_TIME && is_meant(n, r))
			spis[count++] = (struct baton_spis){r->spi_i, r->spi_r};
	baton_build_begin(&b, p->buf, sizeof(p->buf), &h);
	baton_build_id(&b, BATON_PL_IDI, &n->config.server_id);
	baton_build_offer(&b, spis, count);
	d->next_ms = now_ms + AGAIN_MS;
	d->asking = baton_peer_ask(p, &b, d, now_ms, now_ms + DEADLINE_MS) == 0;
}

int baton_drain_start(struct baton_node *n, const struct baton_id *to, const struct baton_spis *one,
		      void *waiter)
{
	struct baton_drain *d = &n->drain;
	unsigned i;

	for (i = 0; i < n->peer_count; i++)
		if (!n->peers[i].absent && baton_id_equal(to, &n->peers[i].id))
			break;
	if (i == n->peer_count)
		return -BATON_E_NOT_PEER;
	if (d->active)
		return -BATON_E_BUSY;
	if (n->peers[i].state == BATON_PEER_DOWN)
		return -BATON_E_UNREACHABLE;
	*d = (struct baton_drain){.active = true, .peer = i, .waiter = waiter};
	if (one)
		d->one = *one;
	d->total = d->left = still_here(n);
	if (one && !d->total) {
		d->active = false;
		return -BATON_E_NOT_FOUND;
	}
	d->progress_ms = d->told_ms = baton_now_ms();
	d->start_us = baton_now_us();
	baton_log(BATON_LOG_INFO, "drain_start", "server_id=%s sessions=%u",
		  n->config.peers[i].name, d->total);
	return 0;
}

void baton_drain_answer(struct baton_node *n, const void *buf, size_t len)
{
	struct baton_drain *d = &n->drain;
	struct baton_message *m = &n->msg;

	d->asking = false;
	m->statuses = n->statuses;
	m->status_max = BATON_ITEMS_MAX;
	if (!d->active || !buf || baton_message_decode(m, buf, len, NULL))
		return; /* offered again */
	if (m->error == BATON_E_EXCHANGE)
		end(n, "that node is no gateway: it has no use for sessions");
}

uint64_t baton_drain_tick(struct baton_node *n, uint64_t now_ms)
{
	struct baton_drain *d = &n->drain;
	unsigned left;

	if (!d->active)
		return UINT64_MAX;
	left = still_here(n);
	if (left < d->left)
		d->progress_ms = now_ms;
	/* What came in the meantime is to go as well. */
	d->total += left > d->left ? left - d->left : 0;
	/* AT_A_TIME have gone: no need to wait before the next are offered. */
	if (left + AT_A_TIME <= d->left_offered)
		d->next_ms = now_ms;
	d->left = left;
	if (!left) {
		end(n, NULL);
		return UINT64_MAX;
	}
	if (now_ms - d->progress_ms > STUCK_MS) {
		end(n,
		    "not all were claimed: see the other gateway's log; what is left stays here");
		return UINT64_MAX;
	}
	if (d->waiter && now_ms - d->told_ms >= PROGRESS_MS) {
		d->told_ms = now_ms;
		baton_ctl_drain_progress(d);
	}
	if (!d->asking && now_ms >= d->next_ms) {
		offer(n, now_ms);
		d->left_offered = left;
	}
	return now_ms + AGAIN_MS / 4;
}
