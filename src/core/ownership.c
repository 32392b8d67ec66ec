/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/ownership.h"

#include "core/standing.h"
#include <string.h>

static void raise64(uint64_t *to, uint64_t v)
{
	if (v > *to)
		*to = v;
}

static void raise32(uint32_t *to, uint32_t v)
{
	if (v > *to)
		*to = v;
}

void baton_counters_merge(struct baton_counters *into, const struct baton_counters *from)
{
	/*
	 * in_limit is a promise about one report: the newest report decides it. A
	 * report with a higher in_seq is newer; with the same one, the lower limit
	 * is (the SA has gone quiet and the owner took its promise back).
	 */
	if (from->in_seq > into->in_seq ||
	    (from->in_seq == into->in_seq && from->in_limit < into->in_limit))
		into->in_limit = from->in_limit;
	raise64(&into->in_seq, from->in_seq);
	raise64(&into->in_limit, into->in_seq);
	raise64(&into->out_seq, from->out_seq);
	raise64(&into->out_lease, from->out_lease);
}

static bool owned_by(const struct baton_record *r, const struct baton_id *id)
{
	return baton_id_equal(r->owner, id);
}

/* An older epoch, or the same epoch from another than the owner, has lost the session. */
static bool is_stale(const struct baton_record *r, const struct baton_id *sender, uint32_t epoch)
{
	return epoch < r->epoch || (epoch == r->epoch && !owned_by(r, sender));
}

/*
 * Two nodes have claimed the session at different stores, which had not heard of each other's
 * claim. One of them at most has proven it; it is the owner.
 */
static bool has_better_right(const struct baton_record *r, const struct baton_outline *s)
{
	return s->epoch == r->epoch && baton_is_quorum(s->stores, s->ranks) && !s->stale &&
	       (!baton_is_quorum(r->stores, r->ranks) || r->unproven);
}

/* Grants of one claim add up, in any order. */
static void add_grants(struct baton_record *r, uint8_t stores, uint8_t ranks)
{
	if (baton_is_quorum(r->stores, r->ranks))
		return;
	if (baton_is_quorum(stores, ranks)) {
		r->stores = stores;
		r->ranks = ranks;
		return;
	}
	r->stores = stores > r->stores ? stores : r->stores;
	r->ranks |= ranks;
}

/* After a put of sender: does it say, or do we know, that its claim was not proven? */
static void note_proof(struct baton_ownership *o, struct baton_record *r,
		       const struct baton_id *sender, bool said, bool known)
{
	r->claimed = false;
	if (!baton_id_equal(sender, o->self)) {
		r->unproven = said && (known || r->unproven);
		return;
	}
	/* Our own: what our IKE daemon has made since needs no proof. */
	r->unproven = false;
	for (unsigned i = 0; i < r->mark_count; i++)
		r->unproven |= r->marks[i].unproven;
}

/* Invariant 4: an inbound SPI of s must not name an SA of another owner, nor one with another
 * outbound SPI. */
static bool collides(struct baton_table *t, const struct baton_id *sender,
		     const struct baton_outline *s)
{
	for (unsigned i = 0; i < s->child_count; i++) {
		const struct baton_mark *m = baton_table_find_in(t, s->children[i].spi_in);

		if (!m || (m->record->spi_i == s->spi_i && m->record->spi_r == s->spi_r))
			continue;
		/* The same SA under a new IKE SA of the same owner: an IKE rekey. */
		if (owned_by(m->record, sender) && m->spi_out == s->children[i].spi_out)
			continue;
		return true;
	}
	return false;
}

uint16_t baton_own_clock(uint64_t now_ms)
{
	return (uint16_t)(now_ms * 16 / 1000) | 1u;
}

static void merge_counters(struct baton_record *r, const struct baton_outline *s)
{
	raise32(&r->msgid_in, s->msgid_in);
	raise32(&r->msgid_out, s->msgid_out);
	for (unsigned i = 0; i < s->child_count; i++) {
		struct baton_mark *m = baton_record_mark(r, s->children[i].spi_in);

		if (m)
			baton_counters_merge(&m->counters, &s->children[i].counters);
	}
}

static void merge_session(struct baton_record *r, const struct baton_session *s)
{
	struct baton_outline outline;

	baton_outline_of(&outline, s);
	merge_counters(r, &outline);
}

/* A session as it is put: decoded, or its octets. */
struct put {
	const struct baton_session *session; /* NULL: octets */
	const void *body;
	size_t len;
};

static int put(struct baton_ownership *o, const struct baton_id *sender,
	       const struct baton_outline *s, const struct put *what, uint64_t now_ms)
{
	struct baton_record *r = baton_table_find(o->table, s->spi_i, s->spi_r);
	bool fresh = !r;
	int err;

	if (!baton_id_equal(&s->owner, sender))
		return BATON_E_STALE_OWNER;
	if (r && r->deleted)
		return BATON_E_DELETED;
	if (r && is_stale(r, sender, s->epoch) && !has_better_right(r, s))
		return BATON_E_STALE_OWNER;
	/* Claimed by an incarnation of the sender that this is none of: one before, or one after
	 * that has claimed at other stores. */
	if (r && owned_by(r, sender) && s->epoch == r->epoch && r->claim_boot && o->sender_boot &&
	    o->sender_boot != r->claim_boot)
		return BATON_E_STALE_OWNER;
	if (r && owned_by(r, sender) && s->epoch == r->epoch && s->version < r->version)
		return BATON_E_STALE_VERSION;
	if (collides(o->table, sender, s))
		return BATON_E_SPI_COLLISION;
	if (r && owned_by(r, sender) && s->epoch == r->epoch && s->version == r->version &&
	    r->body && !r->claimed) {
		add_grants(r, s->stores, s->ranks);
		r->put_boot = o->sender_boot;
		note_proof(o, r, sender, s->stale, false);
		merge_counters(r, s);
		return BATON_OK;
	}
	if (r && owned_by(r, o->self) && !baton_id_equal(sender, o->self) && o->losing)
		o->losing(o->ctx, r);
	if (r && (!owned_by(r, sender) || s->epoch > r->epoch)) {
		r->claim_boot = 0;
		r->claim_at = baton_own_clock(now_ms); /* elsewhere */
	}
	if (fresh)
		r = baton_table_add(o->table, s->spi_i, s->spi_r);
	if (!r)
		return BATON_E_FULL;
	err = what->session ? baton_table_replace(o->table, r, what->session, now_ms)
			    : baton_table_store(o->table, r, s, what->body, what->len, now_ms);
	if (err) {
		if (fresh)
			baton_table_drop(o->table, r);
		return -err;
	}
	r->put_boot = o->sender_boot;
	note_proof(o, r, sender, s->stale, true);
	merge_counters(r, s);
	return BATON_OK;
}

int baton_own_put(struct baton_ownership *o, const struct baton_id *sender,
		  const struct baton_session *s, uint64_t now_ms)
{
	const struct put what = {.session = s};
	struct baton_outline outline;

	baton_outline_of(&outline, s);
	return put(o, sender, &outline, &what, now_ms);
}

int baton_own_put_octets(struct baton_ownership *o, const struct baton_id *sender,
			 const struct baton_outline *s, const void *body, size_t len,
			 uint64_t now_ms)
{
	const struct put what = {.body = body, .len = len};

	return put(o, sender, s, &what, now_ms);
}

int baton_own_report(struct baton_ownership *o, const struct baton_id *sender,
		     const struct baton_report *rep)
{
	struct baton_record *r = baton_table_find(o->table, rep->spi_i, rep->spi_r);
	struct baton_mark *m;

	if (!r)
		return BATON_E_NOT_FOUND;
	if (r->deleted)
		return BATON_E_DELETED;
	if (is_stale(r, sender, rep->epoch))
		return BATON_E_STALE_OWNER;
	if (rep->epoch > r->epoch)
		return BATON_E_NOT_FOUND; /* the claim or put that made it is not here yet */
	if (rep->kind == BATON_REPORT_MSGID) {
		/* Without the message IDs an IKE SA is worth nothing: who follows gets them. */
		if (rep->msgid_in > r->msgid_in || rep->msgid_out > r->msgid_out)
			baton_table_touch(o->table, r);
		raise32(&r->msgid_in, rep->msgid_in);
		raise32(&r->msgid_out, rep->msgid_out);
		return BATON_OK;
	}
	m = baton_record_mark(r, rep->spi_in);
	if (!m)
		return BATON_E_NOT_FOUND;
	baton_counters_merge(&m->counters, &rep->counters);
	return BATON_OK;
}

int baton_own_delete(struct baton_ownership *o, const struct baton_id *sender,
		     const struct baton_delete *d, uint64_t now_ms)
{
	struct baton_record *r = baton_table_find(o->table, d->spi_i, d->spi_r);

	if (!r) {
		/* Remembered all the same: the put it overtook must not revive it. */
		r = baton_table_add(o->table, d->spi_i, d->spi_r);
		if (!r)
			return BATON_E_FULL;
		if (baton_record_set_owner(o->table, r, sender)) {
			baton_table_drop(o->table, r);
			return BATON_E_SYSTEM;
		}
	} else if (r->deleted) {
		return BATON_OK;
	} else if (is_stale(r, sender, d->epoch)) {
		return BATON_E_STALE_OWNER;
	} else if (!owned_by(r, sender)) {
		/* It was claimed elsewhere, and ended before its put came here. */
		if (owned_by(r, o->self) && o->losing)
			o->losing(o->ctx, r);
		if (baton_record_set_owner(o->table, r, sender))
			return BATON_E_SYSTEM;
	}
	r->epoch = d->epoch;
	if (d->version > r->version)
		r->version = d->version;
	baton_table_bury(o->table, r, now_ms);
	return BATON_OK;
}

int baton_own_claim(struct baton_ownership *o, struct baton_record *r,
		    const struct baton_id *claimant, uint64_t boot, uint32_t least_epoch,
		    struct baton_grant g)
{
	if (r->deleted)
		return BATON_E_DELETED;
	if (r->epoch == UINT32_MAX || r->version == UINT64_MAX ||
	    (least_epoch > r->epoch && least_epoch - r->epoch > BATON_EPOCH_STEP_MAX))
		return BATON_E_LIMIT; /* beginning again at 0 would let every former owner back in
				       */
	if (owned_by(r, o->self) && !baton_id_equal(claimant, o->self) && o->losing)
		o->losing(o->ctx, r);
	if (baton_record_set_owner(o->table, r, claimant))
		return BATON_E_SYSTEM;
	r->claim_boot = boot;
	r->put_boot = 0;
	r->stores = g.stores;
	r->ranks = g.ranks;
	r->claimed = r->unproven = true;
	r->epoch = r->epoch + 1 > least_epoch ? r->epoch + 1 : least_epoch;
	r->version++;
	for (unsigned i = 0; i < r->mark_count; i++) {
		struct baton_counters *c = &r->marks[i].counters;

		/* A new owner needs as much until it hears from its stores as the one before. */
		uint64_t step = c->out_lease > c->out_seq ? c->out_lease - c->out_seq : 0;
		uint64_t span;

		if (step < o->lease)
			step = o->lease;
		/* Everything up to the lease may have been sent, everything up to the limit
		 * accepted. */
		raise64(&c->out_seq,
			c->out_lease); /* may be above: an owner that used more than it said */
		raise64(&c->out_lease,
			c->out_seq + step); /* beyond 64 bits: used up, not begun again */
		/* What the owner before expected to accept until its next report the new one may
		 * accept until its first. */
		span = c->in_limit > c->in_seq ? c->in_limit - c->in_seq : 0;
		raise64(&c->in_seq, c->in_limit);
		c->in_limit = span < UINT64_MAX - c->in_seq ? c->in_seq + span : UINT64_MAX;
		r->marks[i].watched = r->marks[i].moving = r->marks[i].heard = false;
		r->marks[i].seen_ms = r->marks[i].out_ms = 0;
		r->marks[i].told = true; /* here, for one */
		r->marks[i].usable = 0;	 /* until it is proven */
		r->marks[i].unproven = true;
	}
	return BATON_OK;
}

int baton_own_regain(struct baton_record *r, const struct baton_session *s)
{
	if (s->epoch < r->epoch)
		return BATON_E_STALE_OWNER;
	r->epoch = s->epoch;
	if (s->version >= r->version)
		r->version = s->version + 1;
	merge_session(r, s);
	return BATON_OK;
}

uint32_t baton_own_begin_claim(struct baton_ownership *o)
{
	o->claim_round = ++o->rounds;
	return o->claim_round;
}

/* Its content is not taken: another copy's is better, or newer. What it knows of numbers counts. */
static void take_numbers(struct baton_record *r, const struct baton_session *s)
{
	if (s->epoch > r->epoch)
		r->epoch = s->epoch;
	if (s->version >= r->version)
		r->version = s->version + 1;
	merge_session(r, s);
}

/*
 * Which copy counts when stores have granted the same claim: one that was current, for its owner
 * did nothing that is not in it; of two such, and of two that were not, the one of the greater
 * epoch and version. Whatever the copy, no number is free that any of the stores knows to be used.
 * current: the one that we have was.
 */
static int take_copy(struct baton_ownership *o, struct baton_record *r, struct baton_session *s,
		     bool current, bool regain, uint64_t now_ms)
{
	int status;

	if (!r || r->deleted || !owned_by(r, o->self))
		return baton_own_put(o, o->self, s, now_ms);
	if (regain && s->epoch >= r->epoch)
		return baton_own_regain(r, s);
	if (regain || (current && s->stale)) {
		take_numbers(r, s);
		return regain ? BATON_E_STALE_OWNER : BATON_OK;
	}
	if (r->unproven && !s->stale && !current) {
		s->epoch = s->epoch > r->epoch ? s->epoch : r->epoch;
		s->version = (s->version > r->version ? s->version : r->version) + 1;
	}
	status = baton_own_put(o, o->self, s, now_ms);
	if (status == BATON_E_STALE_OWNER || status == BATON_E_STALE_VERSION)
		merge_session(r, s);
	return status;
}

static bool is_refused(int status)
{
	return status && status != BATON_E_STALE_OWNER && status != BATON_E_STALE_VERSION;
}

/* One of the owner before, that we have to keep, or to take back. */
static void keep_promise(struct baton_mark *m, uint64_t now_ms)
{
	if (!m->moving && baton_mark_is_busy(m)) {
		m->moving = true;
		m->seen_ms = (uint32_t)now_ms;
	}
}

/*
 * Once proven, an SA goes up to what every store of the quorum has granted: a later claim that is
 * proven has been granted by one of these. What one of them granted more needs its acknowledgement
 * by the others (baton_lease_settle()).
 */
static void take_mark(struct baton_mark *m, const struct baton_session *s, bool first,
		      bool was_proven, bool is_proven, uint64_t now_ms)
{
	uint64_t granted = 0;

	keep_promise(m, now_ms);
	for (unsigned i = 0; i < s->child_count; i++)
		if (s->children[i].spi_in == m->spi_in && s->children[i].spi_out == m->spi_out)
			granted = s->children[i].counters.out_lease;
	m->granted = first || granted < m->granted ? granted : m->granted;
	m->told = true;
	m->unproven = !is_proven;
	if (is_proven && !was_proven && m->granted > m->counters.out_seq)
		m->usable = m->granted;
}

int baton_own_take(struct baton_ownership *o, struct baton_session *s, uint64_t boot, bool regain,
		   uint64_t now_ms)
{
	struct baton_record *r = baton_table_find(o->table, s->spi_i, s->spi_r);
	bool ours = r && !r->deleted && owned_by(r, o->self);
	bool same_round = ours && r->claim_round == o->claim_round;
	bool was_proven = same_round && baton_own_is_proven(r), current = same_round && r->current;
	uint32_t epoch = same_round ? r->epoch : 0, granted_epoch = s->epoch;
	uint8_t stores = same_round ? r->stores : 0, ranks = same_round ? r->ranks : 0;
	int status;

	if ((ours && !same_round && !r->unproven && s->epoch <= r->epoch) ||
	    (was_proven && s->epoch != r->epoch) ||
	    /* Answered late: a claim that was made after this one has been answered. */
	    (ours && r->claim_boot == boot && r->claim_round > o->claim_round &&
	     s->epoch < r->epoch)) {
		/* It is ours without a doubt, and this does not change that. */
		merge_session(r, s);
		r->lease_serial++; /* of what a lease has become nobody has acknowledged */
		for (unsigned i = 0; i < r->mark_count; i++)
			keep_promise(&r->marks[i], now_ms);
		return BATON_OK;
	}
	/* Current for an owner that is not the last: of two stores, the one that was granted the
	 * lower epoch has not heard of the owner at the other. */
	if (same_round && granted_epoch > r->epoch)
		current = false;
	if (same_round && r->stores && granted_epoch < r->epoch)
		s->stale = true;
	status = take_copy(o, r, s, current, regain && ours, now_ms);
	r = baton_table_find(o->table, s->spi_i, s->spi_r);
	if (!r || r->deleted || !owned_by(r, o->self) || is_refused(status))
		return status;
	r->claim_boot = boot;
	r->claim_at = baton_own_clock(now_ms);
	r->claim_round = o->claim_round;
	r->stores = r->epoch == epoch ? stores : 0;
	r->ranks = r->epoch == epoch ? ranks : 0;
	if (granted_epoch == r->epoch)
		add_grants(r, s->stores, s->ranks);
	r->current = current || !s->stale;
	r->unproven = !baton_own_is_proven(r);
	r->lease_serial++; /* what was acknowledged before it was ours again is no more */
	for (unsigned i = 0; i < r->mark_count; i++)
		take_mark(&r->marks[i], s, !same_round, was_proven, !r->unproven, now_ms);
	return status;
}

void baton_own_yield(struct baton_ownership *o, struct baton_record *r,
		     const struct baton_status *s)
{
	if (baton_record_set_owner(o->table, r, &s->owner))
		return; /* out of memory: the next refusal tells it again */
	r->claim_boot = r->put_boot = 0;
	r->epoch = s->epoch;
	r->version = 0; /* what is here is not the other's: each of its puts replaces it */
	/* By what right it is the other's we do not know: its own put says so. */
	r->stores = r->ranks = 0;
	r->unproven = true;
	r->current = r->stale = false;
}

bool baton_own_is_recent(const struct baton_record *r, uint64_t now_ms)
{
	uint16_t passed = (uint16_t)(baton_own_clock(now_ms) - r->claim_at);

	return r->claim_at && passed < BATON_RACE_MS * 16 / 1000;
}

bool baton_own_is_lower(const struct baton_id *a, const struct baton_id *b)
{
	int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	return order ? order < 0 : a->len < b->len;
}

/* Two have claimed it in the same instant, and stores differ in who was the first. Both would give
 * it up if each believed the store of the other. */
bool baton_own_claims_again(struct baton_ownership *o, const struct baton_record *r,
			    const struct baton_id *other, uint32_t epoch, uint64_t now_ms)
{
	if (r->deleted || epoch != r->epoch || !baton_own_is_recent(r, now_ms) ||
	    !baton_own_is_lower(o->self, other))
		return false;
	if (o->least_epoch <= epoch)
		o->least_epoch = epoch + 1;
	return true;
}

bool baton_own_is_proven(const struct baton_record *r)
{
	return r->current && baton_is_quorum(r->stores, r->ranks);
}

void baton_own_digests(const struct baton_ownership *o, const struct baton_id *owner,
		       uint64_t digests[BATON_BUCKETS])
{
	const struct baton_record *r;

	TAILQ_FOREACH(r, &o->table->records, all)
		if (!r->deleted && baton_id_equal(r->owner, owner))
			digests[baton_spi_hash(r->spi_i, r->spi_r) % BATON_BUCKETS] ^=
				baton_state_hash(r->spi_i, r->spi_r, r->epoch, r->version);
}

void baton_own_status(const struct baton_ownership *o, uint64_t spi_i, uint64_t spi_r, int status,
		      struct baton_status *out)
{
	const struct baton_record *r = baton_table_find(o->table, spi_i, spi_r);

	*out = (struct baton_status){.status = (uint16_t)status, .spi_i = spi_i, .spi_r = spi_r};
	if (!r)
		return;
	out->epoch = r->epoch;
	out->version = r->version;
	out->owner.type = r->owner->type;
	out->owner.len = r->owner->len;
	memcpy(out->owner.data, r->owner->data, r->owner->len);
}
