/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two gateways claim the same session in the same instant, because a packet for
 * it came to each (docs/protocol.md 5.3.11), while its owner is alive or dead, over
 * a network that loses, doubles and delays. Whatever the schedule,
 *
 *   - no sequence number is used twice, by anyone;
 *   - one of them at most has proven its claim in an epoch;
 *   - in the end one owns the session, and only that one has it in its kernel.
 *
 * The rules around the core are those of src/daemon/fetch.c: the own copy first, all
 * peers at once, used as soon as the claim is proven; without proof, when all
 * have answered, the IKE SA alone.
 */
#include "cluster.h"
#include "prop.h"
#include <string.h>

#define OWNER 0u
#define RACERS_FROM 1u
#define RACERS_TO 3u
#define GATEWAYS 3u
#define STORE 3u
#define HOLD_MS 10000u
#define NUMBERS 65536u
#define EPOCHS_MAX 64u
#define SPI 0xc0000001u /* of cluster_put(n, 1) */

static struct cluster *c;
static struct gateway {
	bool has, sends; /* the IKE SA; the CHILD SA in the kernel */
	uint64_t used, limit;
	unsigned asked, ended;
	uint32_t round;
	bool racing, recovering, recover_due;
} gws[GATEWAYS];
static uint8_t used[NUMBERS];
static uint64_t proven[EPOCHS_MAX];
static unsigned long long races, won, unproven_alone, unproven_both, again;

static struct baton_record *mine(unsigned g)
{
	struct baton_record *r = cluster_record(&c->nodes[g], 1);

	return r && !r->deleted && cluster_owns(&c->nodes[g], r) ? r : NULL;
}

/* ---- a gateway ------------------------------------------------------------------------------- */
static void send_packets(unsigned g, uint64_t count)
{
	struct gateway *w = &gws[g];

	while (w->sends && w->used < w->limit && count--) {
		w->used++;
		PROP(w->used < NUMBERS && !used[w->used]);
		used[w->used] = 1;
	}
}

static void on_granted(struct cluster_node *n, struct baton_record *r)
{
	if (n->index < GATEWAYS && gws[n->index].sends && r->held && r->mark_count &&
	    !r->marks[0].unproven && r->marks[0].usable)
		gws[n->index].limit = r->marks[0].usable;
}

static void on_lost(struct cluster_node *n, struct baton_record *r)
{
	if (n->index >= GATEWAYS)
		return;
	gws[n->index].has = gws[n->index].sends = false;
	r->held = false;
}

static void install(unsigned g, struct baton_record *r)
{
	struct gateway *w = &gws[g];

	w->has = true;
	r->held = true;
	if (r->stale)
		return;
	PROP(!r->marks[0].unproven);
	if (!w->sends)
		w->used = w->limit = 0;
	w->sends = true;
	if (w->used < r->marks[0].counters.out_seq)
		w->used = r->marks[0].counters.out_seq;
	on_granted(&c->nodes[g], r);
}

static void check_proof(unsigned g, const struct baton_record *r)
{
	PROP(r->epoch < EPOCHS_MAX);
	PROP(!proven[r->epoch] || proven[r->epoch] == g + 1);
	proven[r->epoch] = g + 1;
}

/* baton_claim_take(), and use() of fetch.c */
static void on_claimed(struct cluster_node *n, struct baton_peer *p, const struct baton_message *m)
{
	struct gateway *w = &gws[n->index];

	TRACE("%llu: %u is answered by %d: %u sessions, error %u\n", (unsigned long long)c->now_ms,
	      n->index, p ? (int)p->index : -1, m ? m->session_count : 99u, m ? m->error : 0u);

	if (p)
		w->ended++;
	for (unsigned j = 0; m && j < m->session_count; j++) {
		struct baton_record *r = cluster_record(n, 1);
		uint64_t version = r ? r->version : 0;
		int status;

		PROP(baton_session_decode(&c->session, m->sessions[j].body, m->sessions[j].len,
					  NULL) == 0);
		n->own.claim_round = w->round;
		status = baton_own_take(&n->own, &c->session, n->boot,
					w->recovering && r && r->held, c->now_ms);
		r = cluster_record(n, 1);
		if (status == BATON_E_STALE_OWNER && !mine(n->index) &&
		    baton_own_claims_again(&n->own, r, r->owner, c->session.epoch, c->now_ms))
			w->recover_due = true;
		r = mine(n->index);
		TRACE("%llu: %u given epoch %u version %u by %u/%u stale %d: owns %d proven %d\n",
		      (unsigned long long)c->now_ms, n->index, c->session.epoch,
		      (unsigned)c->session.version, c->session.ranks, c->session.stores,
		      c->session.stale, r != NULL, r && baton_own_is_proven(r));
		if (!r)
			continue;
		cluster_dirty(n, r, BATON_DIRTY_PUT);
		if (r->version != version && !w->recovering)
			r->held = false;
		if (!baton_own_is_proven(r))
			continue;
		check_proof(n->index, r);
		if (!r->held)
			install(n->index, r);
	}
}

/* ---- the race -------------------------------------------------------------------------------- */
static void build(struct cluster_node *n, struct baton_builder *b, const struct baton_header *h)
{
	baton_build_begin(b, c->buf, sizeof(c->buf), h);
	baton_build_id(b, BATON_PL_IDI, &n->id);
	baton_build_claim(b, 0);
	baton_build_by_spi(b, BATON_PROTO_ESP, SPI);
}

static void claim_own_copy(struct cluster_node *n)
{
	static uint8_t out[BATON_MESSAGE_MAX];
	const struct baton_header h = {
		.exchange = BATON_SA_RETR, .flags = BATON_FLAG_INITIATOR, .spi_i = n->boot};
	struct baton_builder b;
	int len;

	build(n, &b, &h);
	len = baton_build_end(&b);
	PROP(len > 0);
	len = baton_service_answer(n->service, &n->id, c->buf, (size_t)len, c->now_ms, out,
				   sizeof(out));
	PROP(len > 0);
	c->msg.statuses = NULL;
	c->msg.status_max = 0;
	PROP(baton_message_decode(&c->msg, out, (size_t)len, NULL) == 0);
	on_claimed(n, NULL, &c->msg);
}

/* baton_fetch_start() */
static void fetch(unsigned g)
{
	struct cluster_node *n = &c->nodes[g];

	gws[g].racing = true;
	gws[g].asked = gws[g].ended = 0;
	gws[g].round = baton_own_begin_claim(&n->own);
	if (cluster_record(n, 1))
		claim_own_copy(n);
	for (unsigned at = 0; at < CLUSTER_NODES; at++) {
		struct baton_builder b;
		struct baton_header h;

		if (!n->peers[at] || n->peers[at]->state == BATON_PEER_DOWN)
			continue;
		h = baton_exchange_header(&n->peers[at]->x, BATON_SA_RETR);
		build(n, &b, &h);
		if (baton_peer_ask(n->peers[at], &b, NULL, c->now_ms, c->now_ms + 1500) == 0)
			gws[g].asked++;
	}
}

static void on_behind(struct cluster_node *n)
{
	if (n->index < GATEWAYS)
		gws[n->index].recover_due = true;
}

/* baton_takeover_recover() */
static void recover(unsigned g)
{
	struct cluster_node *n = &c->nodes[g];

	TRACE("%llu: %u recovers\n", (unsigned long long)c->now_ms, g);
	gws[g].recover_due = false;
	gws[g].racing = gws[g].recovering = true;
	gws[g].asked = gws[g].ended = 0;
	gws[g].round = baton_own_begin_claim(&n->own);
	for (unsigned at = 0; at < CLUSTER_NODES; at++)
		if (n->peers[at] && cluster_ask_claim(n, at, &n->id) == 0)
			gws[g].asked++;
}

/* settle() of fetch.c */
static void settle(unsigned g)
{
	struct baton_record *r = mine(g);

	if (!gws[g].racing || gws[g].ended < gws[g].asked)
		return;
	gws[g].racing = gws[g].recovering = false;
	if (!r || r->held || baton_own_is_proven(r))
		return;
	r->stale = true;
	install(g, r);
	unproven_alone++;
	unproven_both += gws[RACERS_FROM].has && gws[RACERS_FROM + 1].has;
}

static void pass(struct sample_random *r, uint64_t ms)
{
	for (uint64_t end = c->now_ms + ms; c->now_ms < end;) {
		cluster_run(c, 1 + sample_below(r, 50));
		for (unsigned g = 0; g < GATEWAYS; g++) {
			settle(g);
			if (gws[g].recover_due && !gws[g].racing && !c->nodes[g].off)
				recover(g);
			if (!c->nodes[g].off)
				send_packets(g, sample_below(r, 20));
		}
	}
}

/* Stores are the node that is no gateway, the two racers, or all three. */
static void choose_stores(unsigned kind)
{
	for (unsigned n = 0; n < CLUSTER_NODES; n++)
		c->nodes[n].service->stores = n == STORE ? kind != 1 : n != OWNER && kind != 0;
	for (unsigned g = 0; g < GATEWAYS; g++) {
		for (unsigned n = 0; n < CLUSTER_NODES; n++)
			c->nodes[g].is_store[n] = n != g && c->nodes[n].service->stores;
		cluster_rank(&c->nodes[g]);
		for (unsigned n = 0; n < CLUSTER_NODES; n++)
			if (c->nodes[g].peers[n])
				c->nodes[g].peers[n]->hold_ms = HOLD_MS;
	}
}

static void begin(uint64_t seed, struct sample_random *r)
{
	struct baton_record *first;

	cluster_reset(c, seed);
	choose_stores(sample_below(r, 3));
	memset(gws, 0, sizeof(gws));
	memset(used, 0, sizeof(used));
	memset(proven, 0, sizeof(proven));
	PROP(cluster_put(&c->nodes[OWNER], 1) == 0);
	gws[OWNER] = (struct gateway){.has = true, .sends = true};
	first = mine(OWNER);
	first->held = true;
	PROP(cluster_settle(c, 20000));
	cluster_run(c, 5000); /* the stores know that their copies are current */
	cluster_use(&c->nodes[OWNER], first);
	on_granted(&c->nodes[OWNER], first);
	send_packets(OWNER, sample_below(r, 500));
	c->loss = sample_below(r, 3) ? 0 : sample_below(r, 30);
	c->dup = sample_below(r, 30);
	c->delay_ms = 1 + sample_below(r, 100);
}

static void end(struct sample_random *r)
{
	unsigned owners = 0, having = 0;

	c->loss = c->dup = 0;
	c->delay_ms = 5;
	/* The dead one is back, and finds out. */
	c->nodes[OWNER].off = false;
	pass(r, 2 * BATON_LATE_MS + 8000);
	if (mine(OWNER)) { /* what makes a gateway that nobody tells look: its next report */
		cluster_dirty(&c->nodes[OWNER], mine(OWNER), BATON_DIRTY_REPORT);
		pass(r, 2000);
	}
	/* Not even the answers came through: the client's next packet asks again. */
	if (!gws[OWNER].has && !gws[RACERS_FROM].has && !gws[RACERS_FROM + 1].has) {
		fetch(RACERS_FROM + sample_below(r, 2));
		pass(r, 8000);
		again++;
	}
	for (unsigned g = 0; g < GATEWAYS; g++) {
		owners += mine(g) != NULL;
		having += gws[g].has;
	}
	PROP(owners == 1 && having == 1);
	for (unsigned g = 0; g < GATEWAYS; g++)
		PROP(!gws[g].has || mine(g));
	won += !gws[OWNER].has;
}

static void race(uint64_t seed)
{
	struct sample_random r = {seed};

	races++;
	begin(seed, &r);
	c->nodes[OWNER].off = sample_below(&r, 2);
	fetch(RACERS_FROM);
	if (sample_below(&r, 2)) /* else in the same instant */
		cluster_run(c, 1 + sample_below(&r, 60));
	fetch(RACERS_FROM + 1);
	pass(&r, 4000);
	end(&r);
}

int main(void)
{
	int err;

	c = cluster_new(4);
	for (unsigned a = 0; a < CLUSTER_NODES; a++)
		for (unsigned b = 0; b < CLUSTER_NODES; b++)
			if (a != b)
				cluster_join(c, a, b);
	c->behind = on_behind;
	c->lost = on_lost;
	c->granted = on_granted;
	c->claimed = on_claimed;
	err = prop_run("race", race, 5);
	printf("%llu races: %llu got it, %llu at the second packet; IKE SA alone %llu times, at "
	       "both "
	       "for a while %llu\n",
	       races, won, again, unproven_alone, unproven_both);
	c->lost = NULL;
	cluster_free(c);
	return err;
}
