/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/replica.h"

#include "core/standing.h"
#include <stdlib.h>
#include <string.h>

const char *const baton_peer_state_names[] = {"down", "syncing", "up"};

/* A request under way: what it was about, so that its end can be told to each record. */
enum tag_kind { TAG_BATCH, TAG_NOTE, TAG_CONTACT, TAG_DIGEST, TAG_LIST, TAG_ASK };
struct baton_batch {
	enum tag_kind kind;
	void *tag;    /* TAG_ASK: the caller's */
	uint8_t what; /* TAG_LIST: the bucket; TAG_CONTACT: it had a tick */
	unsigned count;
	struct {
		uint64_t spi_i, spi_r, version;
		uint32_t lease_serial;
	} items[BATON_BATCH_MAX];
};

void baton_peer_init(struct baton_peer *p, unsigned index, struct baton_ownership *own,
		     const struct baton_replica_ops *ops, void *ctx)
{
	p->index = index;
	p->own = own;
	p->ops = ops;
	p->ctx = ctx;
	p->state = BATON_PEER_DOWN;
	p->hold_ms = BATON_HOLD_MS;
	/* An earlier incarnation of ours may have counted it in: so do we, until it can know
	 * better. */
	p->counted = true;
	p->contact_ms = 0;
	TAILQ_INIT(&p->queue);
}

static bool is_own(const struct baton_peer *p, const struct baton_record *r)
{
	return baton_id_equal(r->owner, p->own->self);
}

static void set_state(struct baton_peer *p, enum baton_peer_state state, uint64_t now_ms)
{
	if (p->state == state)
		return;
	p->state = state;
	p->state_since_ms = now_ms;
	p->ops->state(p->ctx, p);
}

void baton_peer_dirty(struct baton_peer *p, struct baton_record *r, uint8_t what, uint64_t now_ms)
{
	struct baton_replica *rep;

	if (p->absent || baton_record_attach(p->own->table, r))
		return; /* out of memory: it counts as not stored */
	rep = &r->peers[p->index];
	/* It stores nothing, and has said so in this epoch: it has not that session. */
	if (rep->refused && !p->rank && rep->acked_lease == r->epoch && what != BATON_DIRTY_DELETE)
		return;
	if (!rep->dirty) {
		TAILQ_INSERT_TAIL(&p->queue, r, peers[p->index].entry);
		p->queued++;
	}
	rep->dirty |= what;
	if (!rep->dirty_since_ms)
		rep->dirty_since_ms = now_ms;
}

static void dequeue(struct baton_peer *p, struct baton_record *r)
{
	if (!r->peers[p->index].dirty)
		return;
	TAILQ_REMOVE(&p->queue, r, peers[p->index].entry);
	r->peers[p->index].dirty = 0;
	p->queued--;
}

void baton_peer_forget(struct baton_peer *p, struct baton_record *r)
{
	dequeue(p, r);
	r->peers[p->index].dirty_since_ms = 0;
}

void baton_peer_begin(const struct baton_peer *p, struct baton_record *r)
{
	if (baton_record_is_attached(r))
		r->peers[p->index] = (struct baton_replica){0};
}

void baton_peer_leave(struct baton_peer *p)
{
	struct baton_record *r;

	while ((r = TAILQ_FIRST(&p->queue)))
		baton_peer_forget(p, r);
	p->absent = true;
	p->counted = p->held_back = false;
	p->rank = p->stores = 0;
	p->state = BATON_PEER_DOWN;
}

static int start(struct baton_peer *p, struct baton_builder *b, struct baton_batch *batch,
		 uint64_t now_ms, uint64_t deadline_ms)
{
	int len = baton_build_end(b);
	int err = len < 0 ? len
			  : baton_exchange_start(&p->x, b->w.base, (size_t)len, batch, now_ms,
						 deadline_ms);

	baton_wipe(b->w.base, b->w.pos);
	return err;
}

static void begin(struct baton_peer *p, struct baton_builder *b, uint8_t exchange)
{
	struct baton_header h = baton_exchange_header(&p->x, exchange);

	baton_build_begin(b, p->buf, sizeof(p->buf), &h);
	baton_build_id(b, BATON_PL_IDI, p->own->self);
}

static int send_note(struct baton_peer *p, uint8_t exchange, uint16_t notify, uint64_t now_ms)
{
	struct baton_batch *batch = calloc(1, sizeof(*batch));
	struct baton_builder b;
	int err;

	if (!batch)
		return -BATON_E_SYSTEM;
	batch->kind = TAG_NOTE;
	begin(p, &b, exchange);
	baton_build_notify(&b, notify);
	err = start(p, &b, batch, now_ms, now_ms + BATON_DEADLINE_MS);
	if (err)
		free(batch);
	return err;
}

static void put_reports(struct baton_peer *p, const struct baton_record *r, struct baton_builder *b)
{
	struct baton_report reps[BATON_CHILDREN_MAX + 1];
	unsigned n = 0;

	(void)p;
	reps[n++] = (struct baton_report){
		.kind = BATON_REPORT_MSGID,
		.spi_i = r->spi_i,
		.spi_r = r->spi_r,
		.epoch = r->epoch,
		.msgid_in = r->msgid_in,
		.msgid_out = r->msgid_out,
	};
	for (unsigned i = 0; !r->ike_only && i < r->mark_count; i++)
		reps[n++] = (struct baton_report){
			.kind = BATON_REPORT_CHILD,
			.protocol = r->marks[i].protocol,
			.spi_in = r->marks[i].spi_in,
			.spi_i = r->spi_i,
			.spi_r = r->spi_r,
			.epoch = r->epoch,
			.counters = r->marks[i].counters,
		};
	baton_build_reports(b, reps, n);
}

/* Adds r's change of kind `what` to the message. 0, or <0 when it could not be told. */
static int put_change(struct baton_peer *p, struct baton_record *r, uint8_t what, uint64_t now_ms,
		      struct baton_builder *b)
{
	int len;

	if (what == BATON_DIRTY_DELETE) {
		struct baton_delete d = {r->spi_i, r->spi_r, r->epoch, r->version};

		baton_build_delete(b, &d);
		return 0;
	}
	if (what == BATON_DIRTY_REPORT) {
		put_reports(p, r, b);
		return 0;
	}
	for (unsigned i = 0; !r->ike_only && i < r->mark_count; i++)
		r->marks[i].told = true;
	r->granted_stale = r->unproven;
	len = baton_record_tell(r, now_ms, &p->session, p->body, sizeof(p->body));
	if (len < 0)
		return len;
	baton_build_session(b, p->body, (size_t)len);
	baton_wipe(p->body, (size_t)len);
	return 0;
}

/* What is to be sent first: a delete ends all else, a put contains the reports. */
static uint8_t first_of(uint8_t dirty)
{
	if (dirty & BATON_DIRTY_DELETE)
		return BATON_DIRTY_DELETE;
	return dirty & BATON_DIRTY_PUT ? BATON_DIRTY_PUT : BATON_DIRTY_REPORT;
}

/* The message did not get away: everything in it waits again. */
static void put_back(struct baton_peer *p, const struct baton_batch *batch, uint64_t now_ms)
{
	for (unsigned i = 0; i < batch->count; i++) {
		struct baton_record *r = baton_table_find(p->own->table, batch->items[i].spi_i,
							  batch->items[i].spi_r);

		p->flying--;
		if (!r || baton_record_attach(p->own->table, r))
			continue; /* gone; or another in its place, for which there is no memory */
		r->peers[p->index].flying = false;
		baton_peer_dirty(p, r, batch->what, now_ms);
	}
}

/* One message with changes of one kind. 1 = sent, 0 = nothing to send. */
static int send_batch(struct baton_peer *p, uint64_t now_ms)
{
	struct baton_batch *batch = calloc(1, sizeof(*batch));
	struct baton_record *r, *next;
	struct baton_builder b;

	if (!batch)
		return 0;
	begin(p, &b, BATON_SA_STOR);
	for (r = TAILQ_FIRST(&p->queue); r; r = next) {
		struct baton_replica *rep = &r->peers[p->index];
		uint8_t what = first_of(rep->dirty);

		next = TAILQ_NEXT(r, peers[p->index].entry);
		if (rep->flying || (batch->what && batch->what != what))
			continue;
		if (batch->count == BATON_BATCH_MAX || b.w.pos > BATON_BATCH_BYTES)
			break;
		batch->what = what;
		dequeue(p, r);
		if (put_change(p, r, what, now_ms, &b))
			continue;
		rep->flying = true;
		p->flying++;
		batch->items[batch->count].spi_i = r->spi_i;
		batch->items[batch->count].spi_r = r->spi_r;
		batch->items[batch->count].lease_serial = r->lease_serial;
		/* A report says nothing of what the peer has beside the numbers. */
		batch->items[batch->count++].version = what == BATON_DIRTY_REPORT
							       ? rep->acked_version
							       : r->version;
	}
	if (batch->count && start(p, &b, batch, now_ms, now_ms + BATON_DEADLINE_MS) == 0)
		return 1;
	put_back(p, batch, now_ms);
	free(batch);
	return 0;
}

static void resync(struct baton_peer *p, uint64_t now_ms)
{
	struct baton_record *r;

	TAILQ_FOREACH(r, &p->own->table->records, all) {
		r->peers[p->index].acked_version = 0;
		r->peers[p->index].refused = false;
		if (is_own(p, r))
			baton_peer_dirty(p, r, r->deleted ? BATON_DIRTY_DELETE : BATON_DIRTY_PUT,
					 now_ms);
	}
	p->hello_due = p->synced_due = true;
	if (p->synced_boot)
		p->counted = false; /* it has lost what it had, and does not say otherwise */
	p->synced_boot = p->x.peer_boot;
}

/* ---- counting in ------------------------------------------------------------------------- */

static uint32_t contact_interval(const struct baton_peer *p)
{
	return p->hold_ms / 4 < BATON_CONTACT_MS ? p->hold_ms / 4 : BATON_CONTACT_MS;
}

static void settled(struct baton_peer *p, struct baton_record *r)
{
	if (p->ops->settled)
		p->ops->settled(p->ctx, p, r);
}

static struct baton_batch *new_batch(enum tag_kind kind)
{
	struct baton_batch *batch = calloc(1, sizeof(*batch));

	if (batch)
		batch->kind = kind;
	return batch;
}

static bool send_contact(struct baton_peer *p, uint64_t now_ms)
{
	const struct baton_contact c = {p->held_back ? 0 : p->hold_ms, p->stores, p->rank,
					p->tick_boot == p->x.peer_boot ? p->tick : 0,
					p->own->drained};
	struct baton_batch *batch = new_batch(TAG_CONTACT);
	struct baton_builder b;

	if (!batch)
		return false;
	batch->what = c.tick != 0;
	batch->count = c.stores;
	begin(p, &b, BATON_SA_RETR);
	baton_build_notify(&b, BATON_N_PING);
	baton_build_contact(&b, &c);
	if (start(p, &b, batch, now_ms, now_ms + BATON_DEADLINE_MS) == 0)
		return true;
	free(batch);
	return false;
}

/*
 * Counted in from the moment it has everything; told so; and written off no sooner than a hold
 * after it was told last. It is not told while it is silent.
 */
static void keep_counted(struct baton_peer *p, uint64_t now_ms)
{
	if (!p->contact_ms)
		p->contact_ms = now_ms;
	if (p->state == BATON_PEER_UP && !p->counted) {
		p->counted = true;
		p->contact_ms = now_ms;
		p->contacting = send_contact(p, now_ms);
	} else if (p->state == BATON_PEER_UP && !p->contacting &&
		   (p->contact_again || now_ms - p->contact_ms >= contact_interval(p))) {
		p->contacting = send_contact(p, now_ms);
		p->contact_again = false;
		if (p->contacting)
			p->contact_ms = now_ms;
	} else if (p->state != BATON_PEER_UP && p->counted &&
		   now_ms - p->contact_ms >= p->hold_ms) {
		p->counted = false;
		settled(p, NULL);
	}
}

/* ---- digests ----------------------------------------------------------------------------- */

static bool ask_about_own(struct baton_peer *p, struct baton_batch *batch, uint64_t now_ms)
{
	struct baton_builder b;

	if (!batch)
		return false;
	begin(p, &b, BATON_SA_RETR);
	baton_build_id(&b, BATON_PL_IDR, p->own->self);
	if (batch->kind == TAG_DIGEST)
		baton_build_notify(&b, BATON_N_DIGEST);
	else
		baton_build_list(&b, batch->what);
	if (start(p, &b, batch, now_ms, now_ms + BATON_DEADLINE_MS) == 0)
		return true;
	free(batch);
	return false;
}

static bool next_difference(const struct baton_peer *p, uint8_t *bucket)
{
	for (unsigned i = 0; i < BATON_BUCKETS / 64; i++)
		if (p->differing[i]) {
			*bucket = (uint8_t)(64 * i + (unsigned)__builtin_ctzll(p->differing[i]));
			return true;
		}
	return false;
}

/* One question at a time, and none while there is something to tell. */
static void compare(struct baton_peer *p, uint64_t now_ms)
{
	struct baton_batch *batch;
	uint8_t bucket;

	if (!p->rank || p->comparing || p->queued || p->flying || !baton_exchange_ready(&p->x))
		return;
	if (next_difference(p, &bucket)) {
		batch = new_batch(TAG_LIST);
		if (batch)
			batch->what = bucket;
		p->comparing = ask_about_own(p, batch, now_ms);
	} else if (now_ms >= p->digest_ms) {
		p->digest_ms = now_ms + BATON_DIGEST_MS;
		p->comparing = ask_about_own(p, new_batch(TAG_DIGEST), now_ms);
	}
}

static void take_digests(struct baton_peer *p)
{
	uint64_t own[BATON_BUCKETS] = {0};

	if (!p->msg.has_digests)
		return;
	baton_own_digests(p->own, p->own->self, own);
	for (unsigned i = 0; i < BATON_BUCKETS; i++)
		if (own[i] != p->msg.digests[i])
			p->differing[i / 64] |= UINT64_C(1) << (i % 64);
}

static const struct baton_status *listed(const struct baton_peer *p, const struct baton_record *r)
{
	for (unsigned i = 0; i < p->msg.status_count; i++)
		if (p->statuses[i].spi_i == r->spi_i && p->statuses[i].spi_r == r->spi_r)
			return &p->statuses[i];
	return NULL;
}

static bool is_unknown(const struct baton_peer *p, const struct baton_status *s)
{
	const struct baton_record *r = baton_table_find(p->own->table, s->spi_i, s->spi_r);

	return !r || (!r->deleted && !is_own(p, r) && r->epoch < s->epoch);
}

/* What the peer lacks of the bucket, what it has of us that has ended, and what we do not know. */
static void take_list(struct baton_peer *p, uint8_t bucket, uint64_t now_ms)
{
	struct baton_record *r;

	p->differing[bucket / 64] &= ~(UINT64_C(1) << (bucket % 64));
	TAILQ_FOREACH(r, &p->own->table->records, all) {
		const struct baton_replica *rep = &r->peers[p->index];
		const struct baton_status *s;

		if (!is_own(p, r) || rep->dirty || rep->flying || rep->refused ||
		    (uint8_t)baton_spi_hash(r->spi_i, r->spi_r) != bucket)
			continue;
		s = listed(p, r);
		if (r->deleted ? !s : s && s->epoch == r->epoch && s->version == r->version)
			continue;
		p->repaired++;
		baton_peer_dirty(p, r, r->deleted ? BATON_DIRTY_DELETE : BATON_DIRTY_PUT, now_ms);
	}
	for (unsigned i = 0; p->ops->unknown && i < p->msg.status_count; i++)
		if (is_unknown(p, &p->statuses[i]))
			p->ops->unknown(p->ctx, p, &p->statuses[i]);
}

uint64_t baton_peer_pump(struct baton_peer *p, uint64_t now_ms)
{
	if (p->absent)
		return UINT64_MAX;
	if (!p->probing && now_ms >= p->probe_ms &&
	    (p->state == BATON_PEER_DOWN ||
	     ((!p->counted || !p->rank) && now_ms - p->x.last_heard_ms >= BATON_PROBE_MS))) {
		p->probing = send_note(p, BATON_SA_RETR, BATON_N_PING, now_ms) == 0;
		p->probe_ms = now_ms + BATON_PROBE_MS;
	}
	if (p->state != BATON_PEER_DOWN) {
		if (p->x.peer_boot != p->synced_boot) {
			set_state(p, BATON_PEER_SYNCING, now_ms);
			resync(p, now_ms);
		}
		if (p->hello_due && baton_exchange_ready(&p->x))
			p->hello_due = send_note(p, BATON_SA_STOR, BATON_N_HELLO, now_ms) != 0;
		while (p->queued && baton_exchange_ready(&p->x) && send_batch(p, now_ms))
			;
		if (p->synced_due && !p->queued && !p->flying && baton_exchange_ready(&p->x))
			p->synced_due = send_note(p, BATON_SA_STOR, BATON_N_SYNCED, now_ms) != 0;
		if (!p->hello_due && !p->synced_due)
			set_state(p, BATON_PEER_UP, now_ms);
	}
	if (p->rank)
		keep_counted(p, now_ms);
	if (p->state == BATON_PEER_UP)
		compare(p, now_ms);
	return now_ms + contact_interval(p);
}

int baton_peer_ask(struct baton_peer *p, struct baton_builder *b, void *tag, uint64_t now_ms,
		   uint64_t deadline_ms)
{
	struct baton_batch *batch = p->absent ? NULL : calloc(1, sizeof(*batch));
	int err;

	if (!batch)
		return p->absent ? -BATON_E_UNREACHABLE : -BATON_E_SYSTEM;
	batch->kind = TAG_ASK;
	batch->tag = tag;
	err = start(p, b, batch, now_ms, deadline_ms);
	if (err)
		free(batch);
	return err;
}

static const struct baton_status *status_of(const struct baton_peer *p, uint64_t spi_i,
					    uint64_t spi_r)
{
	const struct baton_status *found = NULL;

	for (unsigned i = 0; i < p->msg.status_count; i++) {
		const struct baton_status *s = &p->statuses[i];

		if (s->spi_i != spi_i || s->spi_r != spi_r)
			continue;
		if (!found || s->status)
			found = s; /* of several reports the refused one counts */
	}
	return found;
}

static void settle(struct baton_peer *p, struct baton_record *r, uint8_t what,
		   const struct baton_status *s, uint64_t version, uint32_t lease_serial,
		   uint64_t now_ms)
{
	struct baton_replica *rep = &r->peers[p->index];

	switch (s->status) {
	case BATON_OK:
		rep->acked_version = version;
		rep->acked_lease = lease_serial;
		rep->refused = false;
		rep->dirty_since_ms = rep->dirty ? now_ms : 0;
		settled(p, r);
		return;
	case BATON_E_STALE_OWNER:
		if (!is_own(p, r) || s->epoch < r->epoch)
			return; /* an answer from before a claim of ours */
		if (!baton_id_equal(&s->owner, p->own->self)) {
			if (baton_own_claims_again(p->own, r, &s->owner, s->epoch, now_ms))
				p->ops->behind(p->ctx, r);
			else
				p->ops->lost(p->ctx, r, s);
			return;
		}
		if (!r->deleted) {
			if (s->epoch >= p->own->least_epoch)
				p->own->least_epoch = s->epoch + 1;
			p->ops->behind(p->ctx, r);
			return;
		}
		/* Nothing is sent with it any more: the epoch may be taken over. */
		r->epoch = s->epoch;
		/* fallthrough */
	case BATON_E_STALE_VERSION:
		if (s->version >= r->version) {
			r->version = s->version + 1;
			if (!r->deleted)
				p->ops->renamed(p->ctx, r);
		}
		/* fallthrough */
	case BATON_E_NOT_FOUND:
		if (!r->deleted)
			baton_peer_dirty(p, r, BATON_DIRTY_PUT, now_ms);
		else if (what == BATON_DIRTY_DELETE && s->status != BATON_E_NOT_FOUND)
			baton_peer_dirty(p, r, BATON_DIRTY_DELETE, now_ms);
		return;
	default:
		rep->dirty_since_ms = 0;
		rep->refused = true;
		if (!p->rank) {
			rep->acked_version = 0;
			rep->acked_lease = r->epoch;
		}
		p->ops->refused(p->ctx, p, s);
	}
}

static void end_batch(struct baton_peer *p, const struct baton_batch *batch, bool answered,
		      uint64_t now_ms)
{
	for (unsigned i = 0; i < batch->count; i++) {
		uint64_t spi_i = batch->items[i].spi_i, spi_r = batch->items[i].spi_r;
		struct baton_record *r = baton_table_find(p->own->table, spi_i, spi_r);
		const struct baton_status *s = answered ? status_of(p, spi_i, spi_r) : NULL;

		p->flying--;
		if (!r || baton_record_attach(p->own->table, r))
			continue; /* gone; or another in its place, for which there is no memory */
		r->peers[p->index].flying = false;
		if (s)
			settle(p, r, batch->what, s, batch->items[i].version,
			       batch->items[i].lease_serial, now_ms);
		else if (is_own(p, r))
			baton_peer_dirty(p, r, r->deleted ? BATON_DIRTY_DELETE : batch->what,
					 now_ms);
	}
}

static void end_note(struct baton_peer *p, const struct baton_batch *batch, bool answered,
		     uint64_t now_ms)
{
	if (answered && p->msg.has_tick) {
		p->tick = p->msg.tick;
		p->tick_boot = p->x.peer_boot;
	}
	if (batch->kind == TAG_NOTE)
		p->probing = false;
	else if (batch->kind == TAG_CONTACT)
		p->contacting = false;
	else
		p->comparing = false;
	if (batch->kind == TAG_CONTACT && answered && batch->what)
		p->announced = batch->count == p->stores;
	else if (batch->kind == TAG_CONTACT && answered)
		p->contact_again = true;
	if (answered && batch->kind == TAG_DIGEST)
		take_digests(p);
	else if (answered && batch->kind == TAG_LIST)
		take_list(p, batch->what, now_ms);
}

void baton_peer_response(struct baton_peer *p, void *tag, const void *buf, size_t len,
			 uint64_t now_ms)
{
	struct baton_batch *batch = tag;
	bool answered = buf != NULL;

	if (answered && batch->kind != TAG_ASK) {
		p->msg.statuses = p->statuses;
		p->msg.status_max = BATON_ITEMS_MAX;
		if (baton_message_decode(&p->msg, buf, len, NULL))
			answered = false;
	}
	if (batch->kind == TAG_ASK)
		p->ops->answer(p->ctx, p, batch->tag, buf, len);
	else if (batch->kind == TAG_BATCH)
		end_batch(p, batch, answered, now_ms);
	else
		end_note(p, batch, answered, now_ms);
	free(batch);
	if (!buf) {
		p->digest_ms = 0; /* when it is back: has it missed something? */
		set_state(p, BATON_PEER_DOWN, now_ms);
		p->synced_due = true; /* it may have been the SYNCED that was lost */
	} else if (p->state == BATON_PEER_DOWN) {
		set_state(p, BATON_PEER_SYNCING, now_ms);
	}
}

uint64_t baton_peer_lag_ms(const struct baton_peer *p, uint64_t now_ms)
{
	const struct baton_record *r;
	uint64_t lag = 0;

	TAILQ_FOREACH(r, &p->own->table->records, all) {
		uint64_t since = r->peers[p->index].dirty_since_ms;

		if (since && is_own(p, r) && now_ms - since + 1 > lag)
			lag = now_ms - since + 1;
	}
	return lag;
}

void baton_stores_rank(struct baton_peer *const *peers, unsigned count, const bool *is_store)
{
	uint8_t stores = 0;

	for (unsigned i = 0; i < count; i++)
		if (peers[i])
			peers[i]->rank = is_store[i] ? ++stores : 0;
	for (unsigned i = 0; i < count; i++) {
		if (!peers[i])
			continue;
		peers[i]->stores = stores;
		peers[i]->announced = false;
		peers[i]->held_back = stores > 1;
	}
}

void baton_stores_admit(struct baton_peer *const *peers, unsigned count, uint64_t changed_ms,
			uint64_t now_ms)
{
	for (unsigned i = 0; i < count; i++) {
		bool known = true;

		if (!peers[i] || !peers[i]->held_back)
			continue;
		for (unsigned j = 0; j < count; j++)
			if (j != i && peers[j] && peers[j]->rank && !peers[j]->announced)
				known = false;
		if (!known && now_ms - changed_ms < peers[i]->hold_ms)
			continue;
		peers[i]->held_back = false;
		peers[i]->contact_again = true;
	}
}

/*
 * Have all stores that are counted in acknowledged the leases of r, and a quorum of all there are?
 * Without the quorum another node may have claimed r at the others, which were current then, and
 * may be using the numbers above the lease that they know.
 */
static bool is_acknowledged(struct baton_peer *const *peers, unsigned count,
			    const struct baton_record *r)
{
	uint8_t stores = 0, ranks = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct baton_peer *p = peers[i];
		const struct baton_replica *rep = p ? &r->peers[p->index] : NULL;

		if (!p || !p->rank)
			continue;
		stores = p->stores;
		if (rep->acked_version && rep->acked_lease == r->lease_serial)
			ranks |= (uint8_t)(1u << (p->rank - 1));
		else if (p->counted && (rep->acked_version || !rep->refused))
			return false;
	}
	return baton_is_quorum(stores, ranks);
}

bool baton_lease_settle(struct baton_peer *const *peers, unsigned count, struct baton_record *r)
{
	bool acknowledged = is_acknowledged(peers, count, r);
	bool raised = false;

	for (unsigned i = 0; i < r->mark_count; i++) {
		struct baton_mark *m = &r->marks[i];

		/* Of an SA that no store knows all is free; of one whose claim is not proven,
		 * nothing. */
		if (m->usable == m->counters.out_lease || m->unproven || (m->told && !acknowledged))
			continue;
		m->usable = m->counters.out_lease;
		raised = true;
	}
	return raised;
}

enum baton_stored baton_stores_have(struct baton_peer *const *peers, unsigned count,
				    const struct baton_record *r, uint64_t version,
				    enum baton_ack ack)
{
	unsigned stores = 0, have = 0, coming = 0, need = 1;
	bool all = true;

	for (unsigned i = 0; i < count; i++) {
		const struct baton_peer *p = peers[i];
		const struct baton_replica *rep;
		bool acked;

		if (!p || !p->rank)
			continue;
		rep = &r->peers[p->index];
		acked = rep->acked_version >= version;
		stores++;
		have += acked;
		coming += !acked && !rep->refused && p->state != BATON_PEER_DOWN;
		all &= acked || !p->counted;
	}
	if (ack == BATON_ACK_MAJORITY)
		need = stores / 2 + 1;
	if (have >= need && (ack != BATON_ACK_ALL || all))
		return BATON_STORED;
	/* A store that is counted in and silent is waited for until it is written off. */
	return have + coming >= need ? BATON_STORED_SOON : BATON_STORED_NOT;
}
