/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/service.h"

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

static void answer_stor(struct baton_service *s, const struct baton_id *peer, uint64_t now_ms,
			struct baton_builder *b)
{
	const struct baton_message *m = &s->msg;

	for (unsigned i = 0; i < m->session_count; i++) {
		const struct baton_session_ref *ref = &m->sessions[i];
		int status = -baton_session_decode(&s->session, ref->body, ref->len, NULL);

		if (!status && !serves(s, ref->spi_i, ref->spi_r))
			status = BATON_E_EXCHANGE;
		if (!status)
			status = baton_own_put(s->own, peer, &s->session, now_ms);
		if (!status)
			s->stored++;
		add_status(s, b, ref->spi_i, ref->spi_r, status);
	}
	baton_session_wipe(&s->session);
	/* NOT_FOUND would make the owner put the session: at each report, for nothing. */
	for (unsigned i = 0; i < m->report_count; i++)
		add_status(s, b, m->reports[i].spi_i, m->reports[i].spi_r,
			   serves(s, m->reports[i].spi_i, m->reports[i].spi_r)
				   ? baton_own_report(s->own, peer, &m->reports[i])
				   : BATON_E_EXCHANGE);
	for (unsigned i = 0; i < m->delete_count; i++)
		add_status(s, b, m->deletes[i].spi_i, m->deletes[i].spi_r,
			   serves(s, m->deletes[i].spi_i, m->deletes[i].spi_r)
				   ? baton_own_delete(s->own, peer, &m->deletes[i], now_ms)
				   : BATON_OK);
}

/* This store's part in a grant: its place among the owner's stores. The owner itself needs no
 * other. */
static struct baton_grant grant_of(const struct baton_service *s, const struct baton_record *r,
				   uint64_t now_ms, bool *stale)
{
	const struct baton_standing *st;

	*stale = false;
	if (baton_id_equal(&r->owner, s->own->self))
		return (struct baton_grant){1, 1};
	st = baton_standing_find(&s->standings, &r->owner);
	*stale = !baton_standing_is_current(st, now_ms);
	if (!st || !st->rank)
		return (struct baton_grant){0, 0};
	return (struct baton_grant){st->stores, (uint8_t)(1u << (st->rank - 1))};
}

/* By this incarnation of the requester, before. */
static bool is_claimed(const struct baton_service *s, const struct baton_id *peer,
		       const struct baton_record *r)
{
	return r->claim_boot == s->msg.header.spi_i && baton_id_equal(&r->owner, peer);
}

static bool is_in_share(const struct baton_service *s, const struct baton_record *r)
{
	const struct baton_share *share = &s->msg.share;

	return share->of == 0 || baton_spi_hash(r->spi_i, r->spi_r) % share->of == share->index;
}

/* Puts r into the response, claiming it first where asked. 1 = added, 0 = no room for it any more.
 */
static int add_session(struct baton_service *s, const struct baton_id *peer, struct baton_record *r,
		       uint64_t now_ms, size_t room, struct baton_builder *b)
{
	/* The claimant's name may be longer than the owner's. */
	size_t grown = s->msg.claim && peer->len > r->owner.len ? (size_t)peer->len - r->owner.len
								: 0;
	struct baton_grant grant;
	bool stale;
	int len;

	grant = grant_of(s, r, now_ms, &stale);
	/* Rendered before the claim only to know its size: a claim must not be made for an answer
	 * that cannot carry it. */
	len = baton_record_render(r, now_ms, &s->session, s->body, sizeof(s->body));
	if (len < 0) {
		s->refused[-len & 31]++;
		return 1; /* skipped: it cannot be told */
	}
	if ((size_t)len + grown + 64 > room) {
		baton_wipe(s->body, (size_t)len);
		return 0;
	}
	if (s->msg.claim) {
		baton_wipe(s->body, (size_t)len);
		if (!is_claimed(s, peer, r)) {
			if (s->repeated ||
			    baton_own_claim(s->own, r, peer, s->msg.header.spi_i, grant))
				return 1;
			r->granted_stale = stale;
		}
		s->claimed++;
		if (s->changed)
			s->changed(s->ctx, r);
		len = baton_record_render(r, now_ms, &s->session, s->body, sizeof(s->body));
	}
	if (len > 0) {
		baton_build_session(b, s->body, (size_t)len);
		baton_wipe(s->body, (size_t)len);
		s->retrieved++;
	}
	return 1;
}

static bool is_wanted(const struct baton_service *s, const struct baton_id *peer,
		      const struct baton_record *r)
{
	if (r->deleted || r->serial <= s->msg.cursor.position || !is_in_share(s, r))
		return false;
	if (baton_id_equal(&r->owner, &s->msg.subject))
		return true;
	/* Claimed by an earlier copy of this very request: it must be answered again. */
	return s->msg.claim && is_claimed(s, peer, r);
}

/* With FOLLOW: a session of the subject that has been deleted since. */
static bool is_gone(const struct baton_service *s, const struct baton_record *r)
{
	return s->msg.follow && r->deleted && r->serial > s->msg.cursor.position &&
	       is_in_share(s, r) && baton_id_equal(&r->owner, &s->msg.subject);
}

static void answer_bulk(struct baton_service *s, const struct baton_id *peer, uint64_t now_ms,
			size_t limit, struct baton_builder *b)
{
	struct baton_cursor next = {0};
	struct baton_record *r;
	unsigned count = 0;
	uint64_t last = s->msg.cursor.position;

	TAILQ_FOREACH(r, &s->own->table->records, all) {
		bool gone = is_gone(s, r);

		if (!gone && !is_wanted(s, peer, r))
			continue;
		/* The first one always goes, however small the limit: else the requester would
		 * never get further. */
		if (count == BATON_ITEMS_MAX - 1 || (count && b->w.pos >= limit) ||
		    (!gone && !add_session(s, peer, r, now_ms, b->w.end - b->w.pos, b))) {
			next.position = last;
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

		if (r->deleted || !baton_id_equal(&r->owner, &s->msg.subject) ||
		    (uint8_t)baton_spi_hash(r->spi_i, r->spi_r) != s->msg.bucket)
			continue;
		if (count++ == BATON_ITEMS_MAX)
			return; /* the requester compares again when these are right */
		baton_own_status(s->own, r->spi_i, r->spi_r, BATON_OK, &item);
		baton_build_status(b, &item);
	}
}

static void answer_by_spi(struct baton_service *s, const struct baton_id *peer, uint64_t now_ms,
			  struct baton_builder *b)
{
	struct baton_record *r = NULL;
	struct baton_mark *m;

	if (s->msg.by_spi_protocol == 1) {
		TAILQ_FOREACH(r, &s->own->table->records, all)
			if (!r->deleted && (r->spi_r == s->msg.by_spi || r->spi_i == s->msg.by_spi))
				break;
	} else {
		m = baton_table_find_in(s->own->table, (uint32_t)s->msg.by_spi);
		if (m && m->protocol == s->msg.by_spi_protocol)
			r = m->record;
	}
	if (!r) {
		baton_build_error(b, BATON_E_NOT_FOUND);
		s->refused[BATON_E_NOT_FOUND]++;
		return;
	}
	if (!add_session(s, peer, r, now_ms, b->w.end - b->w.pos, b))
		baton_build_error(b, BATON_E_NOSPACE);
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
	/* For an earlier incarnation of this store it meant nothing for what this one has. */
	if (m->has_contact && h.spi_r == s->boot)
		baton_standing_contact(&s->standings, peer, &m->contact, now_ms);
	s->repeated = m->claim && h.spi_i != s->boot &&
		      !baton_standing_claim(&s->standings, peer, h.spi_i, h.msgid);
	h.flags = BATON_FLAG_RESPONSE;
	h.spi_r = s->boot;
	baton_build_begin(&b, out, size, &h);
	baton_build_id(&b, BATON_PL_IDI, s->own->self);
	limit = m->cursor.max_bytes ? m->cursor.max_bytes : BATON_PAGE_BYTES;
	if (h.exchange == BATON_SA_STOR)
		answer_stor(s, peer, now_ms, &b);
	else if (h.exchange != BATON_SA_RETR)
		baton_build_error(&b, BATON_E_EXCHANGE);
	else if (m->by_spi_protocol)
		answer_by_spi(s, peer, now_ms, &b);
	else if (m->subject.type && m->digest)
		answer_digest(s, &b);
	else if (m->subject.type && m->has_list)
		answer_list(s, &b);
	else if (m->subject.type)
		answer_bulk(s, peer, now_ms, limit, &b);
	else if (m->ping)
		baton_build_tick(&b, now_ms);
	else
		baton_build_error(&b, BATON_E_MISSING);
	return baton_build_end(&b);
}
