/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving sessions away: all of ours ("batonctl drain"), to one gateway or to all
 * others, or one ("batonctl move").
 *
 * Theory of operation. The other gateway is asked to claim them (N(OFFER),
 * docs/protocol.md 5.3.11), a few at a time: it claims, we learn of it and
 * retreat, as with any claim. So each session is served by one of the two at
 * every moment, and if the other one fails in between, what it has not claimed
 * stays here. What it does not claim is offered again; when nothing has gone for
 * a while we give up, and say how many stay.
 *
 * When all others share them, each few are offered to the one that has the
 * fewest then: what the stores say of it (src/daemon/members.c) and what it has
 * got of ours; the next few when it has claimed these. Without such news all peers are taken for
 * gateways, until they say or show that they are not.
 *
 * Addresses are not our business: packets must find their way to the other
 * gateway (a router, or its own [miss] fetch, sees to that).
 */
#include "daemon/node.h"

#include <limits.h>
#include <string.h>

#define AT_A_TIME 16u
#define DEADLINE_MS 3000u /* of an offer's answer */
#define AGAIN_MS 300u	  /* after an offer: what is still here is offered again */
#define STUCK_MS 10000u	  /* without one that has gone */
#define USELESS_MS 3000u  /* the same, of one of several */
#define NEWS_MS 1000u	  /* for the stores to say who has how many */
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

const char *baton_drain_name(const struct baton_node *n)
{
	return n->drain.spread ? "members" : n->config.peers[n->drain.peer].name;
}

static void end(struct baton_node *n, const char *error)
{
	struct baton_drain *d = &n->drain;

	d->active = false;
	n->own.drained |= !error && !d->one.spi_i;
	baton_log(error ? BATON_LOG_ERROR : BATON_LOG_INFO, "drain_done",
		  "server_id=%s sessions=%u gone=%u", baton_drain_name(n), d->total,
		  d->total - d->left);
	if (d->waiter)
		baton_ctl_drain_done(n, error);
	d->waiter = NULL;
}

/* ---- to whom -------------------------------------------------------------------------------- */

static const struct baton_member *member_of(const struct baton_node *n, unsigned i, uint64_t now_ms)
{
	return baton_members_find(n->members.views, n->peer_count + 1, &n->peers[i].id, now_ms);
}

static bool has_news(const struct baton_node *n, uint64_t now_ms)
{
	for (unsigned i = 0; i < n->peer_count; i++)
		if (member_of(n, i, now_ms))
			return true;
	return false;
}

static bool is_candidate(const struct baton_node *n, unsigned i, bool news, uint64_t now_ms)
{
	const struct baton_member *m = member_of(n, i, now_ms);

	return !n->peers[i].absent && n->peers[i].state == BATON_PEER_UP && !n->drain.useless[i] &&
	       (!news || (m && m->state == BATON_MEMBER_CURRENT));
}

/* Everybody is filled up to this level when they have got `more` between them. of: UINT_MAX is
 * nobody. */
static unsigned level_of(const unsigned *of, unsigned count, unsigned more)
{
	unsigned level = UINT_MAX;

	for (;;) {
		unsigned below = 0, sum = more, next;

		for (unsigned i = 0; i < count; i++)
			if (of[i] < level) {
				below++;
				sum += of[i];
			}
		if (!below)
			break;
		next = sum / below + (sum % below != 0);
		if (next >= level)
			break;
		level = next;
	}
	return level;
}

/* Whoever has the fewest, and how many more it is to have. False: there is nobody. */
static bool choose(struct baton_node *n, unsigned *count, uint64_t now_ms)
{
	struct baton_drain *d = &n->drain;
	unsigned of[BATON_PEERS_MAX], least = UINT_MAX;
	bool news = has_news(n, now_ms);

	for (unsigned i = 0; i < n->peer_count; i++) {
		of[i] = UINT_MAX;
		if (!is_candidate(n, i, news, now_ms))
			continue;
		if (news && !d->had_known[i]) {
			d->had_known[i] = true;
			d->had[i] = member_of(n, i, now_ms)->sessions;
		}
		of[i] = d->had[i] + d->gone[i];
		if (of[i] < least) {
			least = of[i];
			d->peer = i;
		}
	}
	if (least == UINT_MAX)
		return false;
	*count = level_of(of, n->peer_count, d->left) - least;
	return true;
}

/* Has the one that was offered some last not claimed all of them, and may it do so yet? */
static bool is_waited_for(const struct baton_node *n)
{
	const struct baton_drain *d = &n->drain;

	return d->left_offered && d->left + d->batch > d->left_offered &&
	       d->left <= d->left_offered && !d->useless[d->peer] &&
	       n->peers[d->peer].state == BATON_PEER_UP;
}

static void offer(struct baton_node *n, uint64_t now_ms)
{
	struct baton_drain *d = &n->drain;
	struct baton_spis spis[AT_A_TIME];
	const struct baton_record *r;
	unsigned count = 0, wanted = AT_A_TIME;
	struct baton_builder b;
	struct baton_header h;
	struct baton_peer *p;

	/* What is still under way stays with whom it was offered to: two would claim it. */
	if (d->spread && is_waited_for(n))
		wanted = d->batch - (d->left_offered - d->left);
	else if (d->spread && !choose(n, &wanted, now_ms)) {
		end(n,
		    "no other gateway claims them: what is left stays here (see: batonctl status)");
		return;
	}
	p = &n->peers[d->peer];
	h = baton_exchange_header(&p->x, BATON_SA_STOR);
	TAILQ_FOREACH(r, &n->table.records, all)
		if (count < AT_A_TIME && count < wanted && is_meant(n, r))
			spis[count++] = (struct baton_spis){r->spi_i, r->spi_r};
	baton_build_begin(&b, p->buf, sizeof(p->buf), &h);
	baton_build_id(&b, BATON_PL_IDI, &n->config.server_id);
	baton_build_offer(&b, spis, count);
	d->batch = count;
	d->left_offered = d->left;
	d->next_ms = now_ms + AGAIN_MS;
	d->asking = baton_peer_ask(p, &b, d, now_ms, now_ms + DEADLINE_MS) == 0;
}

/* ---- all of it ------------------------------------------------------------------------------ */

int baton_drain_start(struct baton_node *n, const struct baton_id *to, const struct baton_spis *one,
		      void *waiter)
{
	struct baton_drain *d = &n->drain;
	uint64_t now_ms = baton_now_ms();
	unsigned i;

	for (i = 0; to && i < n->peer_count; i++)
		if (!n->peers[i].absent && baton_id_equal(to, &n->peers[i].id))
			break;
	if (to && i == n->peer_count)
		return -BATON_E_NOT_PEER;
	if (d->active)
		return -BATON_E_BUSY;
	if (to && n->peers[i].state == BATON_PEER_DOWN)
		return -BATON_E_UNREACHABLE;
	*d = (struct baton_drain){.active = true, .peer = i, .spread = !to, .waiter = waiter};
	if (d->spread)
		d->next_ms = now_ms + NEWS_MS;
	if (one)
		d->one = *one;
	d->total = d->left = still_here(n);
	if (one && !d->total) {
		d->active = false;
		return -BATON_E_NOT_FOUND;
	}
	d->progress_ms = d->told_ms = now_ms;
	d->start_us = baton_now_us();
	baton_log(BATON_LOG_INFO, "drain_start", "server_id=%s sessions=%u", baton_drain_name(n),
		  d->total);
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
	if (m->error != BATON_E_EXCHANGE)
		return;
	if (d->spread)
		d->useless[d->peer] = true;
	else
		end(n, "that node is no gateway: it has no use for sessions");
}

uint64_t baton_drain_tick(struct baton_node *n, uint64_t now_ms)
{
	struct baton_drain *d = &n->drain;
	unsigned left;

	if (!d->active)
		return UINT64_MAX;
	left = still_here(n);
	if (left < d->left) {
		d->progress_ms = now_ms;
		if (d->left_offered)
			d->gone[d->peer] += d->left - left;
	}
	/* What came in the meantime is to go as well. */
	d->total += left > d->left ? left - d->left : 0;
	/* All that were offered have gone: no need to wait before the next are. */
	if (left + d->batch <= d->left_offered)
		d->next_ms = now_ms;
	d->left = left;
	if (!left) {
		end(n, NULL);
		return UINT64_MAX;
	}
	if (d->spread && d->left_offered && now_ms - d->progress_ms > USELESS_MS) {
		d->useless[d->peer] = true;
		d->progress_ms = now_ms;
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
	if (!d->asking && now_ms >= d->next_ms)
		offer(n, now_ms);
	return d->active ? now_ms + AGAIN_MS / 4 : UINT64_MAX;
}
