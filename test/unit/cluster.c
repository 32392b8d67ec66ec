/* SPDX-License-Identifier: BSD-2-Clause */
#include "cluster.h"

#include <stdlib.h>
#include <string.h>

#define MTU 1280u
#define START_MS 1000000u

struct path {
	struct cluster_node *from, *to;
};
static struct path paths[CLUSTER_NODES][CLUSTER_NODES];

/* What cannot fail in a test and must not be ignored. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

/* ---- network --------------------------------------------------------------------------------- */

static void enqueue(struct cluster *c, const struct path *p, const void *buf, size_t len)
{
	struct cluster_datagram *d = &c->queue[c->queued];

	if (c->queued == CLUSTER_DATAGRAMS || sample_below(&c->random, 100) < c->loss)
		return;
	*d = (struct cluster_datagram){
		.at_ms = c->now_ms + 1 + sample_below(&c->random, c->delay_ms),
		.from = (uint8_t)p->from->index,
		.to = (uint8_t)p->to->index,
		.len = (uint32_t)len,
		.buf = malloc(len),
	};
	must(d->buf);
	memcpy(d->buf, buf, len);
	c->queued++;
}

static void on_send(void *ctx, const void *buf, size_t len)
{
	const struct path *p = ctx;
	struct cluster *c = p->from->c;

	c->sent++;
	if (p->from->off || c->cut[p->from->index][p->to->index])
		return;
	enqueue(c, p, buf, len);
	if (c->dup && sample_below(&c->random, 100) < c->dup)
		enqueue(c, p, buf, len);
}

static void on_request(void *ctx, const void *buf, size_t len)
{
	static uint8_t out[BATON_MESSAGE_MAX];
	const struct path *p = ctx;
	struct cluster_node *n = p->from;
	struct baton_peer *peer = n->peers[p->to->index];
	int got = baton_service_answer(n->service, &p->to->id, buf, len, n->c->now_ms, out,
				       sizeof(out));

	n->requests++;
	n->hellos += n->service->msg.hello;
	n->synceds += n->service->msg.synced;
	if (n->service->msg.header.spi_i != peer->x.peer_boot)
		peer->probe_ms = 0;
	if (got > 0)
		baton_exchange_respond(&peer->x, out, (size_t)got);
}

static void on_response(void *ctx, void *tag, const void *buf, size_t len)
{
	const struct path *p = ctx;

	baton_peer_response(p->from->peers[p->to->index], tag, buf, len, p->from->c->now_ms);
}

static const struct baton_exchange_ops exchange_ops = {on_send, on_request, on_response};

/* ---- what batond does when it is told ---------------------------------------------------------
 */

static void leave(struct cluster_node *n, struct baton_record *r)
{
	if (n->c->lost)
		n->c->lost(n, r);
	for (unsigned i = 0; i < CLUSTER_NODES; i++)
		if (n->peers[i])
			baton_peer_forget(n->peers[i], r);
}

static void on_losing(void *ctx, struct baton_record *r)
{
	struct cluster_node *n = ctx;

	n->losing++;
	leave(n, r);
}

static void on_lost(void *ctx, struct baton_record *r, const struct baton_status *s)
{
	struct cluster_node *n = ctx;

	n->lost++;
	n->last = *s;
	leave(n, r);
	baton_own_yield(&n->own, r, s);
}

static void on_refused(void *ctx, struct baton_peer *p, const struct baton_status *s)
{
	struct cluster_node *n = ctx;

	(void)p;
	n->refused++;
	n->last = *s;
}

/* As batond recovers: its own sessions, of every peer. */
static void on_behind(void *ctx, struct baton_record *r)
{
	struct cluster_node *n = ctx;

	(void)r;
	n->behind++;
	if (n->c->behind) {
		n->c->behind(n);
		return;
	}
	baton_own_begin_claim(&n->own);
	for (unsigned i = 0; i < CLUSTER_NODES; i++)
		if (n->peers[i])
			(void)cluster_ask_claim(n, i, &n->id);
}

void cluster_use(struct cluster_node *n, struct baton_record *r)
{
	if (!r->deleted && cluster_owns(n, r) && baton_lease_settle(n->peers, CLUSTER_NODES, r) &&
	    n->c->granted)
		n->c->granted(n, r);
}

static void on_settled(void *ctx, struct baton_peer *p, struct baton_record *r)
{
	struct cluster_node *n = ctx;

	(void)p;
	if (r) {
		cluster_use(n, r);
		return;
	}
	TAILQ_FOREACH(r, &n->table.records, all)
		cluster_use(n, r);
}

static void on_unknown(void *ctx, struct baton_peer *p, const struct baton_status *s)
{
	struct cluster_node *n = ctx;

	(void)p;
	n->unknown++;
	n->last = *s;
}

static void on_state(void *ctx, struct baton_peer *p)
{
	struct cluster_node *n = ctx;

	(void)p;
	n->states++;
}

/* Sessions that a claim has returned become ours. */
static void take_claimed(struct cluster_node *n)
{
	struct cluster *c = n->c;

	for (unsigned i = 0; i < c->msg.session_count; i++) {
		const struct baton_session_ref *ref = &c->msg.sessions[i];
		struct baton_record *r;

		if (baton_session_decode(&c->session, ref->body, ref->len, NULL))
			continue;
		(void)baton_own_take(&n->own, &c->session, n->boot, false, c->now_ms);
		r = baton_table_find(&n->table, ref->spi_i, ref->spi_r);
		if (!r || r->deleted || !cluster_owns(n, r))
			continue;
		cluster_dirty(n, r, BATON_DIRTY_PUT);
	}
}

static void on_answer(void *ctx, struct baton_peer *p, void *tag, const void *buf, size_t len)
{
	struct cluster_node *n = ctx;
	struct cluster *c = n->c;

	(void)tag;
	if (!buf) {
		n->silences++;
		if (c->claimed)
			c->claimed(n, p, NULL);
		return;
	}
	n->answers++;
	c->msg.statuses = NULL;
	c->msg.status_max = 0;
	if (baton_message_decode(&c->msg, buf, len, NULL))
		return;
	if (c->claimed)
		c->claimed(n, p, &c->msg);
	else
		take_claimed(n);
	if (c->answer)
		c->answer(n, p, &c->msg);
}

static void on_renamed(void *ctx, struct baton_record *r)
{
	cluster_dirty(ctx, r, BATON_DIRTY_PUT);
}

static const struct baton_replica_ops replica_ops = {
	.renamed = on_renamed,
	.lost = on_lost,
	.behind = on_behind,
	.settled = on_settled,
	.refused = on_refused,
	.unknown = on_unknown,
	.state = on_state,
	.answer = on_answer,
};

/* ---- nodes ----------------------------------------------------------------------------------- */

static void new_boot(struct cluster_node *n)
{
	n->boot = sample_next(&n->c->random) | 1;
	n->service->boot = n->boot;
	memset(&n->service->standings, 0, sizeof(n->service->standings));
}

static void clear_exchanges(struct cluster_node *n)
{
	for (unsigned i = 0; i < CLUSTER_NODES; i++) {
		struct baton_peer *p = n->peers[i];
		struct baton_exchange *x = p ? &p->x : NULL;

		if (!x)
			continue;
		baton_exchange_abort(x);
		for (unsigned j = 0; j < BATON_REASSEMBLIES; j++)
			if (x->parts[j]->total)
				baton_reassembly_reset(x->parts[j]);
		x->boot = n->boot;
		x->peer_boot = x->last_heard_ms = x->sent = x->received = x->retransmitted =
			x->timeouts = 0;
		x->next_msgid = 0;
		memset(x->refused, 0, sizeof(x->refused));
	}
}

static void clear_peers(struct cluster_node *n)
{
	for (unsigned i = 0; i < CLUSTER_NODES; i++) {
		struct baton_peer *p = n->peers[i];
		uint32_t hold_ms;

		if (!p)
			continue;
		p->synced_boot = p->probe_ms = p->state_since_ms = 0;
		p->hello_due = p->synced_due = p->probing = false;
		p->queued = p->flying = 0;
		p->contacting = p->comparing = false;
		p->contact_again = false;
		p->tick = p->tick_boot = p->digest_ms = p->repaired = 0;
		memset(p->differing, 0, sizeof(p->differing));
		hold_ms = p->hold_ms; /* configured */
		baton_peer_init(p, i, &n->own, &replica_ops, n);
		p->hold_ms = hold_ms;
	}
}

void cluster_rank(struct cluster_node *n)
{
	n->service->own_stores = 0;
	for (unsigned i = 0; i < CLUSTER_NODES; i++)
		if (n->peers[i] && n->is_store[i])
			n->service->own_stores++;
	baton_stores_rank(n->peers, CLUSTER_NODES, n->is_store);
	n->ranked_ms = n->c->now_ms;
}

void cluster_clear(struct cluster_node *n)
{
	struct baton_record *r;

	clear_exchanges(n);
	n->own.claim_round = n->own.least_epoch = 0;
	cluster_rank(n);
	while ((r = TAILQ_FIRST(&n->table.records)))
		baton_table_drop(&n->table, r);
	clear_peers(n);
}

void cluster_restart(struct cluster_node *n)
{
	new_boot(n);
	cluster_clear(n);
}

struct cluster *cluster_new(unsigned table_max)
{
	struct cluster *c = calloc(1, sizeof(*c));

	must(c);
	for (unsigned i = 0; i < CLUSTER_NODES; i++) {
		struct cluster_node *n = &c->nodes[i];

		n->c = c;
		n->index = i;
		n->id = (struct baton_id){BATON_ID_FQDN, 4, {'g', 'w', '-', (uint8_t)('a' + i)}};
		must(baton_table_init(&n->table, table_max, 0x5eed + i) == 0);
		n->service = calloc(1, sizeof(*n->service));
		must(n->service);
		n->service->own = &n->own;
		n->service->stores = true;
		n->own = (struct baton_ownership){.table = &n->table,
						  .self = &n->id,
						  .lease = CLUSTER_LEASE,
						  .losing = on_losing,
						  .ctx = n};
	}
	cluster_reset(c, 1);
	return c;
}

void cluster_join(struct cluster *c, unsigned a, unsigned b)
{
	struct cluster_node *n = &c->nodes[a];
	struct baton_peer *p = calloc(1, sizeof(*p));

	must(p);
	paths[a][b] = (struct path){n, &c->nodes[b]};
	must(baton_exchange_init(&p->x, &exchange_ops, &paths[a][b], n->boot, MTU) == 0);
	p->id = c->nodes[b].id;
	n->peers[b] = p;
	n->is_store[b] = true;
	baton_peer_init(p, b, &n->own, &replica_ops, n);
	cluster_rank(n);
}

void cluster_reset(struct cluster *c, uint64_t seed)
{
	c->random.state = seed;
	c->now_ms = START_MS;
	c->loss = c->dup = 0;
	c->delay_ms = 1;
	c->sent = 0;
	memset(c->cut, 0, sizeof(c->cut));
	for (unsigned i = 0; i < CLUSTER_NODES; i++) {
		struct cluster_node *n = &c->nodes[i];

		cluster_restart(n);
		n->off = false;
		n->lost = n->behind = n->losing = n->refused = n->states = n->hellos = n->synceds =
			n->requests = 0;
		n->answers = n->silences = 0;
	}
	while (c->queued)
		free(c->queue[--c->queued].buf);
}

void cluster_free(struct cluster *c)
{
	cluster_reset(c, 1);
	for (unsigned i = 0; i < CLUSTER_NODES; i++) {
		struct cluster_node *n = &c->nodes[i];

		for (unsigned j = 0; j < CLUSTER_NODES; j++) {
			if (n->peers[j])
				baton_exchange_free(&n->peers[j]->x);
			free(n->peers[j]);
		}
		baton_table_free(&n->table);
		free(n->service);
	}
	free(c);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Delivers what is due, the earliest first; returns when the next datagram is. */
static uint64_t deliver(struct cluster *c)
{
	for (;;) {
		struct cluster_datagram *first = c->queue, d;
		struct cluster_node *n;

		if (!c->queued)
			return UINT64_MAX;
		for (unsigned i = 1; i < c->queued; i++)
			if (c->queue[i].at_ms < first->at_ms)
				first = &c->queue[i];
		if (first->at_ms > c->now_ms)
			return first->at_ms;
		d = *first;
		c->queued--;
		memmove(first, first + 1, (size_t)(&c->queue[c->queued] - first) * sizeof(*first));
		n = &c->nodes[d.to];
		if (!n->off && n->peers[d.from])
			baton_exchange_input(&n->peers[d.from]->x, d.buf, d.len, c->now_ms);
		free(d.buf);
	}
}

static uint64_t turn(struct cluster *c)
{
	uint64_t next = deliver(c);

	for (unsigned i = 0; i < CLUSTER_NODES; i++)
		baton_stores_admit(c->nodes[i].peers, CLUSTER_NODES, c->nodes[i].ranked_ms,
				   c->now_ms);
	for (unsigned i = 0; i < CLUSTER_NODES; i++)
		for (unsigned j = 0; j < CLUSTER_NODES; j++) {
			struct baton_peer *p = c->nodes[i].peers[j];
			uint64_t due;

			if (!p || c->nodes[i].off)
				continue;
			due = baton_exchange_tick(&p->x, c->now_ms);
			next = due < next ? due : next;
			due = baton_peer_pump(p, c->now_ms);
			next = due < next ? due : next;
		}
	/* The pump may have sent something that is due earlier. */
	for (unsigned i = 0; i < c->queued; i++)
		next = c->queue[i].at_ms < next ? c->queue[i].at_ms : next;
	return next;
}

void cluster_run(struct cluster *c, uint64_t ms)
{
	uint64_t end = c->now_ms + ms, next;

	while ((next = turn(c)) < end)
		c->now_ms = next > c->now_ms ? next : c->now_ms + 1;
	c->now_ms = end;
}

static bool busy(const struct cluster *c)
{
	for (unsigned i = 0; i < CLUSTER_NODES; i++)
		for (unsigned j = 0; j < CLUSTER_NODES; j++) {
			const struct baton_peer *p = c->nodes[i].peers[j];

			if (p && !c->nodes[i].off && !c->nodes[j].off &&
			    (p->queued || p->flying || p->state != BATON_PEER_UP))
				return true;
		}
	return false;
}

bool cluster_settle(struct cluster *c, uint64_t limit_ms)
{
	uint64_t end = c->now_ms + limit_ms;

	do
		cluster_run(c, 50);
	while (busy(c) && c->now_ms < end);
	return !busy(c);
}

/* ---- sessions -------------------------------------------------------------------------------- */

struct baton_record *cluster_record(struct cluster_node *n, unsigned i)
{
	return baton_table_find(&n->table, i, 0x100000000u + i);
}

bool cluster_owns(const struct cluster_node *n, const struct baton_record *r)
{
	return baton_id_equal(r->owner, &n->id);
}

void cluster_dirty(struct cluster_node *n, struct baton_record *r, uint8_t what)
{
	for (unsigned i = 0; i < CLUSTER_NODES; i++)
		if (n->peers[i])
			baton_peer_dirty(n->peers[i], r, what, n->c->now_ms);
}

int cluster_put(struct cluster_node *n, unsigned i)
{
	struct baton_record *r = cluster_record(n, i);
	struct baton_session *s = &n->c->session;
	int status;

	sample_session(s);
	s->spi_i = i;
	s->spi_r = 0x100000000u + i;
	s->owner = n->id;
	s->epoch = r ? r->epoch : 1;
	s->version = r ? r->version + 1 : 1;
	s->remote.port = (uint16_t)(s->version + 1); /* something to see the version by */
	s->children[0].spi_in = 0xc0000000u + i;
	s->children[0].spi_out = 0xd0000000u + i;
	s->children[0].counters = (struct baton_counters){.out_lease = CLUSTER_LEASE};
	status = baton_own_put(&n->own, &n->id, s, n->c->now_ms);
	if (!status) {
		cluster_use(n, cluster_record(n, i));
		cluster_dirty(n, cluster_record(n, i), BATON_DIRTY_PUT);
	}
	return status;
}

int cluster_delete(struct cluster_node *n, unsigned i)
{
	struct baton_record *r = cluster_record(n, i);
	struct baton_delete d;
	int status;

	if (!r || r->deleted || !cluster_owns(n, r))
		return BATON_E_NOT_FOUND;
	d = (struct baton_delete){r->spi_i, r->spi_r, r->epoch, r->version + 1};
	status = baton_own_delete(&n->own, &n->id, &d, n->c->now_ms);
	if (!status)
		cluster_dirty(n, r, BATON_DIRTY_DELETE);
	return status;
}

bool cluster_clean(const struct cluster_node *n, const struct baton_record *r, unsigned at)
{
	const struct baton_replica *rep = &r->peers[at];

	(void)n;
	return !rep->dirty && !rep->flying && !rep->dirty_since_ms &&
	       rep->acked_version == r->version;
}

static void build_claim(struct cluster_node *n, struct baton_builder *b,
			const struct baton_header *h, const struct baton_id *subject,
			uint64_t position)
{
	baton_build_begin(b, n->c->buf, sizeof(n->c->buf), h);
	baton_build_id(b, BATON_PL_IDI, &n->id);
	baton_build_id(b, BATON_PL_IDR, subject);
	baton_build_claim(b, baton_id_equal(subject, &n->id) ? n->own.least_epoch : 0);
	baton_build_cursor(b, &(struct baton_cursor){position, 60000});
}

int cluster_ask_claim(struct cluster_node *n, unsigned at, const struct baton_id *subject)
{
	return cluster_claim_on(n, at, subject, 0);
}

int cluster_claim_on(struct cluster_node *n, unsigned at, const struct baton_id *subject,
		     uint64_t position)
{
	struct baton_header h = baton_exchange_header(&n->peers[at]->x, BATON_SA_RETR);
	struct baton_builder b;

	build_claim(n, &b, &h, subject, position);
	return baton_peer_ask(n->peers[at], &b, NULL, n->c->now_ms,
			      n->c->now_ms + BATON_DEADLINE_MS);
}

unsigned cluster_claim_here(struct cluster_node *n, const struct baton_id *subject)
{
	static uint8_t out[BATON_MESSAGE_MAX];
	const struct baton_header h = {
		.exchange = BATON_SA_RETR, .flags = BATON_FLAG_INITIATOR, .spi_i = n->boot};
	struct cluster *c = n->c;
	struct baton_builder b;
	int len;

	build_claim(n, &b, &h, subject, 0);
	len = baton_build_end(&b);
	must(len > 0);
	len = baton_service_answer(n->service, &n->id, c->buf, (size_t)len, c->now_ms, out,
				   sizeof(out));
	must(len > 0);
	c->msg.statuses = NULL;
	c->msg.status_max = 0;
	must(baton_message_decode(&c->msg, out, (size_t)len, NULL) == 0);
	if (c->claimed)
		c->claimed(n, NULL, &c->msg);
	else
		take_claimed(n);
	return c->msg.session_count;
}

static bool same_sas(const struct baton_record *x, const struct baton_record *y)
{
	if (x->mark_count != y->mark_count)
		return false;
	for (unsigned i = 0; i < x->mark_count; i++)
		if (x->marks[i].spi_in != y->marks[i].spi_in ||
		    memcmp(&x->marks[i].counters, &y->marks[i].counters,
			   sizeof(x->marks[i].counters)) != 0)
			return false;
	return true;
}

bool cluster_same(struct cluster_node *a, struct cluster_node *b, unsigned i)
{
	const struct baton_record *x = cluster_record(a, i), *y = cluster_record(b, i);

	if (!x || !y)
		return !x && !y;
	if (x->deleted || y->deleted)
		return x->deleted && y->deleted;
	return baton_id_equal(x->owner, y->owner) && x->epoch == y->epoch &&
	       x->version == y->version && x->msgid_in == y->msgid_in &&
	       x->msgid_out == y->msgid_out && x->remote.port == y->remote.port && same_sas(x, y);
}
