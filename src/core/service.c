/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/service.h"

#include <string.h>

#define COUNT_MS 500u

static void add_status(struct baton_service *s, struct baton_builder *b, uint64_t spi_i,
		       uint64_t spi_r, int status)
{
	struct baton_record *r = baton_table_find(s->own->table, spi_i, spi_r);
	struct baton_status item;

	baton_own_status(s->own, spi_i, spi_r, status, &item);
	baton_build_status(b, &item);
	if (status)
		s->refused[status & 31]++;
	else if (r && s->changed)
		s->changed(s->ctx, r);
}

/* A node without the store role takes no new sessions; it must still learn what happens to those it
 * has. */
static bool serves(const struct baton_service *s, uint64_t spi_i, uint64_t spi_r)
{
	return s->stores || baton_table_find(s->own->table, spi_i, spi_r);
}

/* Partitions (docs/protocol.md 5.3.7). What is known here was let in before they were moved; an SA
 * that was taken over may be of another's. */
static bool is_outside(const struct baton_service *s, const struct baton_id *peer)
{
	const struct baton_outline *o = &s->outline;
	struct baton_record *r;

	if (!s->may_choose)
		return false;
	r = baton_table_find(s->own->table, o->spi_i, o->spi_r);
	if (r ? r->deleted || r->epoch != o->epoch || !baton_id_equal(r->owner, peer)
	      : o->epoch > 1)
		return false;
	for (unsigned i = 0; i < o->child_count; i++) {
		uint32_t spi = o->children[i].spi_in;

		if (!(r && baton_record_mark(r, spi)) && !s->may_choose(s->ctx, peer, false, spi))
			return true;
	}
	return !r &&
	       !s->may_choose(
		       s->ctx, peer, true,
		       (uint32_t)((o->flags & BATON_IKE_INITIATOR ? o->spi_i : o->spi_r) >> 32));
}

/* A session whose octets are as we would write them is stored as it came; any other is decoded, and
 * encoded anew. */
static int put_session(struct baton_service *s, const struct baton_id *peer,
		       const struct baton_session_ref *ref, uint64_t now_ms)
{
	bool plain = baton_outline_read(&s->outline, ref->body, ref->len);
	int status = 0;

	if (!plain) {
		status = -baton_session_decode(&s->session, ref->body, ref->len, NULL);
		s->decoded = true;
	}
	if (status)
		return status;
	if (!plain)
		baton_outline_of(&s->outline, &s->session);
	if (!serves(s, ref->spi_i, ref->spi_r))
		return BATON_E_EXCHANGE;
	if (is_outside(s, peer))
		return BATON_E_SPI_RANGE;
	s->own->sender_boot = s->msg.header.spi_i;
	status = plain ? baton_own_put_octets(s->own, peer, &s->outline, ref->body, ref->len,
					      now_ms)
		       : baton_own_put(s->own, peer, &s->session, now_ms);
	s->own->sender_boot = 0;
	return status;
}

/* The same, where somebody wants to know of owners. */
static int put_and_tell(struct baton_service *s, const struct baton_id *peer,
			const struct baton_session_ref *ref, uint64_t now_ms)
{
	struct baton_record *r = baton_table_find(s->own->table, ref->spi_i, ref->spi_r);
	const struct baton_id *owner = r ? r->owner : NULL;
	uint32_t epoch = r ? r->epoch : 0;
	int status = put_session(s, peer, ref, now_ms);

	r = status ? NULL : baton_table_find(s->own->table, ref->spi_i, ref->spi_r);
	if (r && (r->owner != owner || r->epoch != epoch))
		s->owned(s->ctx, r);
	return status;
}

#define AHEAD 2u /* items between two steps */

static void expect(const struct baton_service *s, unsigned at, unsigned step)
{
	const struct baton_message *m = &s->msg;

	if (at < m->session_count)
		baton_table_expect(s->own->table, m->sessions[at].spi_i, m->sessions[at].spi_r,
				   step);
	else if (at - m->session_count < m->report_count)
		baton_table_expect(s->own->table, m->reports[at - m->session_count].spi_i,
				   m->reports[at - m->session_count].spi_r, step);
}

/* Records lie all over the memory: what the next items need is fetched while this one is done. The
 * first of a message have to be waited for, but not one after the other. */
static void look_ahead(const struct baton_service *s, unsigned i)
{
	for (unsigned step = 0; step < BATON_EXPECT_STEPS; step++) {
		unsigned to = i + (BATON_EXPECT_STEPS - step) * AHEAD;

		for (unsigned at = i ? to : 0; at <= to; at++)
			expect(s, at, step);
	}
}

static void answer_stor(struct baton_service *s, const struct baton_id *peer, uint64_t now_ms,
			struct baton_builder *b)
{
	const struct baton_message *m = &s->msg;

	for (unsigned i = 0; i < m->session_count; i++) {
		const struct baton_session_ref *ref = &m->sessions[i];
		int status;

		look_ahead(s, i);
		status = (s->owned ? put_and_tell : put_session)(s, peer, ref, now_ms);
		if (!status)
			s->stored++;
		add_status(s, b, ref->spi_i, ref->spi_r, status);
	}
	if (s->decoded)
		baton_session_wipe(&s->session);
	s->decoded = false;
	/* NOT_FOUND would make the owner put the session: at each report, for nothing. */
	for (unsigned i = 0; i < m->report_count; i++) {
		look_ahead(s, m->session_count + i);
		add_status(s, b, m->reports[i].spi_i, m->reports[i].spi_r,
			   serves(s, m->reports[i].spi_i, m->reports[i].spi_r)
				   ? baton_own_report(s->own, peer, &m->reports[i])
				   : BATON_E_EXCHANGE);
	}
	for (unsigned i = 0; i < m->delete_count; i++)
		add_status(s, b, m->deletes[i].spi_i, m->deletes[i].spi_r,
			   serves(s, m->deletes[i].spi_i, m->deletes[i].spi_r)
				   ? baton_own_delete(s->own, peer, &m->deletes[i], now_ms)
				   : BATON_OK);
}

/* May this copy be out of date? An owner that has not proven its claim had it from such a one. */
static bool is_stale(const struct baton_service *s, const struct baton_record *r, uint64_t now_ms)
{
	const struct baton_standing *st = baton_standing_find(&s->standings, r->owner);

	return r->unproven || (!baton_id_equal(r->owner, s->own->self) &&
			       (!baton_standing_is_current(st, now_ms) || st->boot != r->put_boot));
}

/*
 * This store's part in a grant: its place among the owner's stores. The owner itself has none: its
 * stores may have granted the session to another that it does not know of. Without stores it has
 * nobody to ask.
 */
static struct baton_grant grant_of(const struct baton_service *s, const struct baton_record *r)
{
	const struct baton_standing *st;

	if (baton_id_equal(r->owner, s->own->self))
		return (struct baton_grant){s->own_stores ? s->own_stores : 1, !s->own_stores};
	st = baton_standing_find(&s->standings, r->owner);
	if (!st || !st->rank)
		return (struct baton_grant){0, 0};
	return (struct baton_grant){st->stores, (uint8_t)(1u << (st->rank - 1))};
}

static uint16_t hash_of(const struct baton_id *id)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (unsigned i = 0; i < id->len; i++)
		h = (h ^ id->data[i]) * 0x100000001b3u;
	return (uint16_t)(h ^ h >> 16 ^ h >> 32 ^ h >> 48);
}

/* By an earlier copy of this very request. */
static bool is_claimed(const struct baton_service *s, const struct baton_id *peer,
		       const struct baton_record *r)
{
	return r->claim_boot == s->msg.header.spi_i && r->claim_boot != s->boot &&
	       r->claim_msgid == s->msg.header.msgid && baton_id_equal(r->owner, peer);
}

/* By an earlier request of this incarnation, from the same owner, and the answer may have been
 * lost: nothing has been put since. */
static bool was_asked_for(const struct baton_service *s, const struct baton_id *peer,
			  const struct baton_record *r)
{
	return r->claimed && r->claim_boot == s->msg.header.spi_i && r->claim_boot != s->boot &&
	       r->claim_from == hash_of(&s->msg.subject) && baton_id_equal(r->owner, peer);
}

/*
 * Several may claim a session in the same instant, from one owner: of these the one with the lowest
 * Server ID gets it, at every store, and at the others who claim. Whoever claims it by the Server
 * ID of its owner of now does not take part: that one is known to have it, and to be gone.
 */
static bool has_lost_race(const struct baton_service *s, const struct baton_id *peer,
			  const struct baton_record *r, uint64_t now_ms)
{
	return baton_own_is_recent(r, now_ms) && !baton_id_equal(r->owner, peer) &&
	       !baton_id_equal(r->owner, &s->msg.subject) && !baton_own_is_lower(peer, r->owner);
}

/* Claimed a moment ago from the owner that is asked about, by another than the peer. */
static bool is_raced_for(const struct baton_service *s, const struct baton_id *peer,
			 const struct baton_record *r, uint64_t now_ms)
{
	return baton_own_is_recent(r, now_ms) && r->claim_from == hash_of(&s->msg.subject) &&
	       baton_own_is_lower(peer, r->owner);
}

static bool is_in_share(const struct baton_service *s, const struct baton_record *r)
{
	const struct baton_share *share = &s->msg.share;

	uint64_t part = share->of ? baton_spi_hash(r->spi_i, r->spi_r) % share->of : 0;

	return share->of == 0 || (part >= share->index && part - share->index < share->count);
}

/* Makes r the peer's, or finds that it is. A status; BUSY: this is a late copy of a claim, which
 * claims nothing any more. */
static int claim(struct baton_service *s, const struct baton_id *peer, struct baton_record *r,
		 uint64_t now_ms)
{
	struct baton_grant grant = grant_of(s, r);
	bool stale = is_stale(s, r, now_ms), again = was_asked_for(s, peer, r);
	uint16_t from = again ? r->claim_from : hash_of(r->owner);
	int status;

	if (is_claimed(s, peer, r))
		return BATON_OK;
	if (s->repeated)
		return BATON_E_BUSY;
	if (has_lost_race(s, peer, r, now_ms))
		return BATON_E_STALE_OWNER;
	status = baton_own_claim(s->own, r, peer, s->msg.header.spi_i, s->msg.least_epoch, grant);
	if (status)
		return status;
	r->claim_msgid = s->msg.header.msgid;
	r->claim_from = from;
	r->claim_at = baton_own_clock(now_ms);
	r->claim_stale = stale;
	if (s->owned)
		s->owned(s->ctx, r);
	if (!baton_id_equal(peer, s->own->self))
		return BATON_OK;
	r->claimed = false; /* our own copy: what it answers is what we have (baton_own_take()) */
	return BATON_OK;
}

/* Renders r right into the response. 0 or -BATON_E_*. */
static int build_record(struct baton_service *s, const struct baton_record *r, uint64_t now_ms,
			struct baton_builder *b)
{
	struct baton_builder before = *b;
	int len;

	baton_build_open(b, BATON_PL_SESSION);
	len = b->w.err ? b->w.err
		       : baton_record_tell(r, now_ms, &s->session, b->w.base + b->w.pos,
					   b->w.end - b->w.pos);
	if (len >= 0) {
		b->w.pos += (size_t)len;
		baton_build_close(b);
		return 0;
	}
	*b = before;
	baton_patch_u8(&b->w, b->next_pos, BATON_PL_NONE);
	s->refused[-len & 31]++;
	return len;
}

/*
 * Puts r into the response, claiming it first where asked. 0, -BATON_E_NOSPACE (it would have found
 * room in a message of its own) or another error: it cannot be told, or not be claimed. A claim
 * must not be made for an answer that cannot carry it; the claimant's name may be longer than the
 * owner's.
 */
static int add_session(struct baton_service *s, const struct baton_id *peer, struct baton_record *r,
		       uint64_t now_ms, size_t room, struct baton_builder *b)
{
	size_t len = baton_record_size(r, r->owner);
	int status;

	if (s->msg.claim && peer->len > r->owner->len)
		len = baton_record_size(r, peer);
	if (len + 64 > room)
		return -BATON_E_NOSPACE;
	r->granted_stale = is_stale(s, r, now_ms);
	if (s->msg.claim) {
		status = claim(s, peer, r, now_ms);
		if (status)
			return -status;
		s->claimed++;
		if (s->changed)
			s->changed(s->ctx, r);
		/* Of the claim that is being answered: as it was then. */
		r->granted_stale = r->claim_stale;
	}
	for (unsigned i = 0; !r->ike_only && i < r->mark_count; i++)
		r->marks[i].told = true;
	status = build_record(s, r, now_ms, b);
	if (!status)
		s->retrieved++;
	return status;
}

static bool is_wanted(const struct baton_service *s, const struct baton_id *peer,
		      const struct baton_record *r, uint64_t now_ms)
{
	if (r->deleted || r->serial <= s->msg.cursor.position || !is_in_share(s, r))
		return false;
	if (baton_id_equal(r->owner, &s->msg.subject))
		return true;
	return s->msg.claim && (is_claimed(s, peer, r) || was_asked_for(s, peer, r) ||
				is_raced_for(s, peer, r, now_ms));
}

/* With FOLLOW: a session of the subject that has been deleted since. */
static bool is_gone(const struct baton_service *s, const struct baton_record *r)
{
	return s->msg.follow && r->deleted && r->serial > s->msg.cursor.position &&
	       is_in_share(s, r) && baton_id_equal(r->owner, &s->msg.subject);
}

static void answer_bulk(struct baton_service *s, const struct baton_id *peer, uint64_t now_ms,
			size_t limit, struct baton_builder *b)
{
	struct baton_cursor next = {0};
	struct baton_record *r;
	unsigned count = 0;
	uint64_t last = s->msg.cursor.position;

	for (r = baton_table_after(s->own->table, s->msg.cursor.position); r;
	     r = TAILQ_NEXT(r, all)) {
		bool gone = is_gone(s, r);
		int err = 0;

		if (!gone && !is_wanted(s, peer, r, now_ms))
			continue;
		/* The first one always goes, however small the limit: else the requester would
		 * never get further. */
		if (count == BATON_ITEMS_MAX - 1 || (count && b->w.pos >= limit)) {
			next.position = last;
			break;
		}
		if (!gone)
			err = add_session(s, peer, r, now_ms, b->w.end - b->w.pos, b);
		/* What a late copy would have to claim, the next request claims. */
		if (err == -BATON_E_NOSPACE || err == -BATON_E_BUSY) {
			next.position = err == -BATON_E_BUSY ? r->serial - 1 : last;
			break;
		}
		if (gone)
			baton_build_delete(b, &(struct baton_delete){r->spi_i, r->spi_r, r->epoch,
								     r->version});
		last = r->serial;
		count++;
	}
	if (s->msg.follow && !next.position)
		next.position = last;
	baton_build_cursor(b, &next);
}

/* What the subject has here, told by a digest of each bucket: an owner finds out what is missing.
 */
static void answer_digest(const struct baton_service *s, struct baton_builder *b)
{
	uint64_t digests[BATON_BUCKETS] = {0};

	baton_own_digests(s->own, &s->msg.subject, digests);
	baton_build_digests(b, digests);
}

static void answer_list(const struct baton_service *s, struct baton_builder *b)
{
	struct baton_record *r;
	unsigned count = 0;

	TAILQ_FOREACH(r, &s->own->table->records, all) {
		struct baton_status item;

		if (r->deleted || !baton_id_equal(r->owner, &s->msg.subject) ||
		    (uint8_t)baton_spi_hash(r->spi_i, r->spi_r) != s->msg.bucket)
			continue;
		if (count++ == BATON_ITEMS_MAX)
			return; /* the requester compares again when these are right */
		baton_own_status(s->own, r->spi_i, r->spi_r, BATON_OK, &item);
		baton_build_status(b, &item);
	}
}

/* Counted twice in a second: there may be many sessions, and many who ask. */
static void count_sessions(struct baton_service *s, uint64_t now_ms)
{
	const struct baton_record *r;

	if (s->counted_ms && now_ms - s->counted_ms < COUNT_MS)
		return;
	s->counted_ms = now_ms;
	memset(s->sessions, 0, sizeof(s->sessions));
	TAILQ_FOREACH(r, &s->own->table->records, all) {
		const struct baton_standing *st = r->deleted ? NULL
							     : baton_standing_find(&s->standings,
										   r->owner);

		if (st)
			s->sessions[st - s->standings.of]++;
	}
}

unsigned baton_service_members(struct baton_service *s, uint64_t now_ms,
			       struct baton_member members[BATON_MEMBERS_MAX])
{
	unsigned count = 0;

	count_sessions(s, now_ms);
	for (unsigned i = 0; i < s->standings.count && count < BATON_MEMBERS_MAX; i++) {
		const struct baton_standing *st = &s->standings.of[i];

		/* Without a CONTACT it is a peer that has only claimed. */
		if (!st->stores)
			continue;
		members[count++] = (struct baton_member){
			.id = st->owner,
			.state = !baton_standing_is_member(st, now_ms) ? BATON_MEMBER_GONE
				 : st->drained			       ? BATON_MEMBER_DRAINED
								       : BATON_MEMBER_CURRENT,
			.sessions = s->sessions[i],
		};
	}
	return count;
}

static void answer_members(struct baton_service *s, uint64_t now_ms, struct baton_builder *b)
{
	struct baton_member members[BATON_MEMBERS_MAX];
	unsigned count = s->stores ? baton_service_members(s, now_ms, members) : 0;

	for (unsigned i = 0; i < count; i++)
		baton_build_member(b, &members[i]);
}

static void answer_offer(struct baton_service *s, const struct baton_id *peer,
			 struct baton_builder *b)
{
	struct baton_spis offers[BATON_OFFERS_MAX];
	unsigned count = s->msg.offer_count;

	if (!s->offered) {
		baton_build_error(b, BATON_E_EXCHANGE);
		return;
	}
	/* Who is offered a session may ask this very store for it: what was asked before is over.
	 */
	memcpy(offers, s->msg.offers, count * sizeof(*offers));
	for (unsigned i = 0; i < count; i++)
		s->offered(s->ctx, peer, &offers[i]);
}

/* Not answered: who has sent it keeps nothing of it. */
static void take_forwarded(struct baton_service *s)
{
	const struct baton_message *m = &s->msg;

	if (s->forwarded && m->header.spi_r == s->boot)
		s->forwarded(s->ctx, m->packet, m->packet_len);
	else
		s->refused[BATON_E_EXCHANGE]++;
}

static struct baton_record *find_by_spi(const struct baton_service *s)
{
	const struct baton_message *m = &s->msg;
	struct baton_record *r;
	struct baton_mark *mark;

	if (m->by_spis.spi_i) {
		r = baton_table_find(s->own->table, m->by_spis.spi_i, m->by_spis.spi_r);
		return r && !r->deleted ? r : NULL;
	}
	if (m->by_spi_protocol == 1)
		return baton_table_find_ike(s->own->table, m->by_spi);
	mark = baton_table_find_in(s->own->table, (uint32_t)m->by_spi);
	return mark && mark->protocol == m->by_spi_protocol ? mark->record : NULL;
}

static void answer_one(struct baton_service *s, const struct baton_id *peer, uint64_t now_ms,
		       struct baton_builder *b)
{
	struct baton_record *r = s->msg.by_spi_protocol
					 ? find_by_spi(s)
					 : baton_table_find_address(s->own->table,
								    &s->msg.by_address);
	int err;

	/* An SA is named by its destination too (RFC 4301 4.1): an SPI that someone sends to
	 * another address of ours names none. */
	if (r && s->msg.at.family && !baton_addr_equal(&r->local, &s->msg.at))
		r = NULL;
	if (!r) {
		baton_build_error(b, BATON_E_NOT_FOUND);
		s->refused[BATON_E_NOT_FOUND]++;
		return;
	}
	if (s->msg.claim && !baton_id_equal(r->owner, peer))
		baton_build_id(b, BATON_PL_IDR, r->owner); /* so far */
	err = add_session(s, peer, r, now_ms, b->w.end - b->w.pos, b);
	if (err)
		baton_build_error(b, (uint16_t)-err);
}

int baton_service_answer(struct baton_service *s, const struct baton_id *peer, const void *request,
			 size_t len, uint64_t now_ms, void *out, size_t size)
{
	struct baton_message *m = &s->msg;
	struct baton_builder b;
	struct baton_header h;
	size_t limit;
	int err;

	m->statuses = NULL;
	m->status_max = 0;
	err = baton_message_decode(m, request, len, NULL);
	if (!err && m->sender.type && !baton_id_equal(&m->sender, peer))
		err = -BATON_E_NOT_PEER;
	if (err) {
		s->refused[-err & 31]++;
		return err;
	}
	h = m->header;
	if (h.exchange == BATON_SA_STOR && m->packet) {
		take_forwarded(s);
		return 0;
	}
	/* For an earlier incarnation of this store it meant nothing for what this one has. */
	if (m->has_contact && h.spi_r == s->boot)
		baton_standing_contact(&s->standings, peer, h.spi_i, &m->contact, now_ms);
	s->repeated = m->claim && h.spi_i != s->boot &&
		      !baton_standing_claim(&s->standings, peer, h.spi_i, h.msgid, now_ms);
	h.flags = BATON_FLAG_RESPONSE;
	h.spi_r = s->boot;
	baton_build_begin(&b, out, size, &h);
	baton_build_id(&b, BATON_PL_IDI, s->own->self);
	limit = m->cursor.max_bytes ? m->cursor.max_bytes : BATON_PAGE_BYTES;
	/* Made for an earlier incarnation of this store, which knew more than this one: a late copy
	 * could be the first that it hears of a session. */
	if (h.exchange == BATON_SA_STOR && m->header.spi_r && m->header.spi_r != s->boot)
		baton_build_error(&b, BATON_E_VALUE);
	else if (h.exchange == BATON_SA_STOR && m->offer_count)
		answer_offer(s, peer, &b);
	else if (h.exchange == BATON_SA_STOR)
		answer_stor(s, peer, now_ms, &b);
	else if (h.exchange != BATON_SA_RETR)
		baton_build_error(&b, BATON_E_EXCHANGE);
	else if (m->by_spi_protocol || m->by_address.family)
		answer_one(s, peer, now_ms, &b);
	else if (m->subject.type && m->digest)
		answer_digest(s, &b);
	else if (m->subject.type && m->has_list)
		answer_list(s, &b);
	else if (m->subject.type)
		answer_bulk(s, peer, now_ms, limit, &b);
	else if (m->members)
		answer_members(s, now_ms, &b);
	else if (m->ping)
		baton_build_tick(&b, now_ms);
	else
		baton_build_error(&b, BATON_E_MISSING);
	return baton_build_end(&b);
}
