/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving a session to the IKE daemon, in this order and no other:
 *   1. SA_INSTALL: the plugin makes the IKE SA and puts the SAs into the
 *      kernel. No policy leads to them: nothing can be sent with them yet.
 *   2. SA_ARM: the plugin waits. We set the sequence numbers, outbound above
 *      everything that may have been sent, inbound above everything that may
 *      have been accepted, and the thresholds; then we answer.
 *   3. The plugin adds the policies: packets flow. Then it answers SA_INSTALL.
 * A failure in 2 makes the plugin take the SAs out again: better no SA than
 * one whose numbers were sent before (invariant 1). When that was only because we did not
 * come to answer in time, on a machine with too much to do, the session is offered again.
 *
 * Adopting (the IKE daemon was restarted, the kernel was not) leaves the
 * kernel's own numbers alone: they are the truth.
 *
 * Of a session that is not proven to be ours alone and current (docs/protocol.md
 * 5.3.3) only the IKE SA is given, with the order to make its CHILD SAs anew.
 *
 * A peer may turn out to have a newer version of a session than the copy that
 * is being installed (its former owner is alive, and had just changed it). Then
 * it is installed once more; the plugin lets the first one go.
 */
#include "daemon/node.h"

#include <inttypes.h>
#include <stdlib.h>

#define INSTALL_TRIES 3

static bool is_busy(const struct baton_record *r)
{
	for (unsigned i = 0; i < r->mark_count; i++)
		if (baton_mark_is_busy(&r->marks[i]))
			return true;
	return false;
}

void baton_install_init(struct baton_node *n)
{
	STAILQ_INIT(&n->waiting_busy);
	STAILQ_INIT(&n->waiting);
	STAILQ_INIT(&n->flying);
}

void baton_install_queue(struct baton_node *n, struct baton_record *r, bool adopt, bool by_takeover)
{
	struct baton_install *i;

	if (r->held || r->installing)
		return;
	i = calloc(1, sizeof(*i));
	if (!i)
		return;
	i->spi_i = r->spi_i;
	i->spi_r = r->spi_r;
	i->adopt = adopt;
	i->by_takeover = by_takeover;
	r->installing = true;
	STAILQ_INSERT_TAIL(is_busy(r) ? &n->waiting_busy : &n->waiting, i, entry);
}

static int send_install(struct baton_node *n, struct baton_install *i, struct baton_record *r)
{
	struct baton_header h = {.exchange = BATON_SA_INSTALL, .flags = BATON_FLAG_INITIATOR};
	struct baton_builder b;
	int len;

	len = i->adopt ? 0 : baton_address_move(n, r);
	if (!len)
		len = baton_record_decode(r, baton_now_ms(), &n->session);
	if (!len && !n->fence && baton_session_needs_fence(&n->session))
		len = -BATON_E_CONFIG;
	if (!len)
		len = baton_session_encode(&n->session, n->body, sizeof(n->body));
	baton_session_wipe(&n->session);
	if (len < 0)
		return len;
	h.msgid = i->msgid = n->link.next_msgid++;
	baton_build_begin(&b, n->buf, sizeof(n->buf), &h);
	if (i->adopt)
		baton_build_notify(&b, BATON_N_ADOPT);
	if (r->stale)
		baton_build_notify(&b, BATON_N_FRESH);
	baton_build_session(&b, n->body, (size_t)len);
	baton_wipe(n->body, (size_t)len);
	len = baton_build_end(&b);
	if (len < 0)
		return len;
	len = baton_charon_link_send(&n->link, n->buf, (size_t)len);
	baton_wipe(n->buf, b.w.pos);
	return len;
}

/* An SA without ESN whose numbers are nearly used up, perhaps by takeovers alone, may never send
 * enough to be reported, or nothing at all: it is rekeyed when the IKE daemon has it. What was
 * asked of the IKE daemon before is forgotten. */
static void look_at_worn(struct baton_node *n, struct baton_record *r)
{
	for (unsigned i = 0; i < r->mark_count; i++) {
		struct baton_mark *m = &r->marks[i];

		m->renewing = false;
		if (!r->stale && baton_watch_is_worn(m))
			baton_lease_look(n, m);
	}
}

static void finish(struct baton_node *n, const struct baton_install *i, int status)
{
	struct baton_record *r = baton_table_find(&n->table, i->spi_i, i->spi_r);
	bool ok = status == BATON_OK;

	if (r) {
		r->installing = false;
		if (r->renewed && !r->deleted && baton_node_owns(n, r)) {
			r->renewed = false;
			baton_install_queue(n, r, false, i->by_takeover);
			return; /* that one counts */
		}
		r->held |= ok;
		for (unsigned k = 0; ok && k < r->mark_count; k++)
			if (r->marks[k].moving && !r->marks[k].heard)
				r->marks[k].seen_ms = (uint32_t)baton_now_ms();
		baton_miss_look(n, r);
		if (ok && !r->deleted && baton_node_owns(n, r))
			look_at_worn(n, r);
		if (ok && !i->adopt && !r->stale)
			baton_refresh_begin(n, r);
	}
	if (i->by_takeover)
		baton_takeover_installed(n, ok);
	baton_fetch_installed(n, i->spi_i, i->spi_r, status);
}

/* With what the operator knows it by: the connection that may be missing, the client. */
static void log_failure(struct baton_node *n, const struct baton_install *i, int err)
{
	const struct baton_record *r = baton_table_find(&n->table, i->spi_i, i->spi_r);
	struct baton_session *s = &n->session;
	char peer[BATON_ID_MAX * 4] = "";

	if (!r || r->deleted || baton_record_decode(r, baton_now_ms(), s))
		baton_session_wipe(s);
	else
		baton_id_print(&s->remote_id, peer, sizeof(peer));
	baton_log(BATON_LOG_ERROR, "install_failed",
		  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " connection=%s client=%s reason=\"%s\"",
		  i->spi_i, i->spi_r, s->name, peer, baton_strerror(err));
	baton_session_wipe(s);
}

/* The next one, those with traffic first: NULL when none waits. */
static struct baton_install *next_waiting(struct baton_node *n)
{
	struct install_queue *from = STAILQ_EMPTY(&n->waiting_busy) ? &n->waiting
								    : &n->waiting_busy;
	struct baton_install *i = STAILQ_FIRST(from);

	if (i)
		STAILQ_REMOVE_HEAD(from, entry);
	return i;
}

void baton_install_pump(struct baton_node *n)
{
	struct baton_install *i;

	while (n->link.connected && n->flying_count < BATON_INSTALL_WINDOW &&
	       (i = next_waiting(n))) {
		struct baton_record *r = baton_table_find(&n->table, i->spi_i, i->spi_r);
		int err = 0;

		if (r && r->held) { /* it was lost and came back meanwhile, and had two entries */
			if (i->by_takeover)
				baton_takeover_installed(n, true);
			free(i);
			continue;
		}
		if (!r || r->deleted || !baton_node_owns(n, r))
			err = -BATON_E_NOT_FOUND; /* deleted or claimed away meanwhile */
		else
			err = send_install(n, i, r);
		if (err) {
			log_failure(n, i, err);
			finish(n, i, -err);
			free(i);
			continue;
		}
		baton_log(BATON_LOG_DEBUG, "install",
			  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " traffic=%s", i->spi_i,
			  i->spi_r, is_busy(r) ? "yes" : "no");
		STAILQ_INSERT_TAIL(&n->flying, i, entry);
		n->flying_count++;
	}
}

/* The plugin has waited for our answer in vain. */
static bool goes_again(struct baton_node *n, struct baton_install *i, int status)
{
	const struct baton_record *r = baton_table_find(&n->table, i->spi_i, i->spi_r);

	if (status != BATON_E_UNREACHABLE || ++i->tries == INSTALL_TRIES || !r || r->deleted ||
	    r->held || !baton_node_owns(n, r))
		return false;
	baton_log(BATON_LOG_WARNING, "install_again", "spi_i=%016" PRIx64 " spi_r=%016" PRIx64,
		  i->spi_i, i->spi_r);
	STAILQ_INSERT_TAIL(&n->waiting, i, entry);
	return true;
}

void baton_install_answer(struct baton_node *n, uint32_t msgid, const struct baton_status *s)
{
	struct baton_install *i;

	STAILQ_FOREACH(i, &n->flying, entry)
		if (i->msgid == msgid)
			break;
	if (!i)
		return;
	STAILQ_REMOVE(&n->flying, i, baton_install, entry);
	n->flying_count--;
	if (!goes_again(n, i, s->status)) {
		if (s->status)
			log_failure(n, i, s->status);
		finish(n, i, s->status);
		free(i);
	}
	baton_install_pump(n);
}

/* The plugin is gone: what was under way is offered again when it returns (told_everything). */
void baton_install_abort(struct baton_node *n)
{
	struct baton_install *i;

	while ((i = STAILQ_FIRST(&n->flying))) {
		struct baton_record *r = baton_table_find(&n->table, i->spi_i, i->spi_r);

		STAILQ_REMOVE_HEAD(&n->flying, entry);
		n->flying_count--;
		if (r)
			r->installing = false;
		free(i);
	}
}

static bool is_adopting(const struct baton_node *n, const struct baton_record *r)
{
	const struct baton_install *i;

	STAILQ_FOREACH(i, &n->flying, entry)
		if (i->spi_i == r->spi_i && i->spi_r == r->spi_r)
			return i->adopt;
	return false;
}

/* Has the peer agreed to raise its numbers when it is asked? */
static bool peer_raises(struct baton_node *n, const struct baton_record *r)
{
	struct baton_session *s = &n->session;
	bool raises = false;

	if (!baton_record_decode(r, baton_now_ms(), s))
		for (unsigned i = 0; i < s->notify_count; i++)
			raises |= s->notifies[i] == BATON_REPLAY_COUNTER_SYNC_SUPPORTED;
	baton_session_wipe(s);
	return raises;
}

/* From where on numbers are accepted when none of before may be: within those that the plugin asks
 * the peer to skip, or none at all. In Sequence is a bound, which the peer may not have come to:
 * half of them will do. */
static uint64_t in_seq_of_sync(struct baton_node *n, const struct baton_mark *m)
{
	uint64_t raised = m->counters.in_seq + BATON_REPLAY_DELTA / 2;

	if (!peer_raises(n, m->record) || (!(m->flags & BATON_CHILD_ESN) && raised > UINT32_MAX))
		return BATON_SEQ_CLOSED;
	return raised;
}

/*
 * Sets both directions. In_seq 0 (nothing was ever accepted) needs no window. An adopted SA that
 * the kernel has lost after all was made anew by the plugin and counts from 0: it is told by being
 * behind what we know, and gets its bounds like any other.
 */
static int set_numbers(struct baton_node *n, struct baton_mark *m, bool adopt)
{
	struct baton_counters *c = &m->counters;
	struct baton_sa_set sets[2] = {
		{.id = baton_gateway_sa(m, true), .out_seq = c->out_seq, .in_seq = BATON_SEQ_KEEP},
		{.id = baton_gateway_sa(m, false), .out_seq = BATON_SEQ_KEEP, .in_seq = c->in_seq},
	};
	struct baton_sa_state s;
	int results[2], err;

	if (!n->xfrm)
		return BATON_E_SYSTEM;
	if (adopt) {
		if (baton_xfrm_get(n->xfrm, &sets[0].id, &s) == 0 && s.out_seq >= c->out_seq)
			return BATON_OK;
		c->out_seq = c->out_lease;
		c->out_lease += n->watch.lease;
		m->record->lease_serial++;
		c->in_seq = c->in_limit;
		sets[0].out_seq = c->out_seq;
		sets[1].in_seq = c->in_seq;
	}
	if (!adopt && !m->record->held && n->config.replay_mode == BATON_REPLAY_SYNC)
		sets[1].in_seq = in_seq_of_sync(n, m);
	err = baton_xfrm_set_counters(n->xfrm, sets, 2, results);
	if (err)
		baton_log(BATON_LOG_ERROR, "counters_failed",
			  "spi_in=%08x spi_out=%08x out=\"%s\" in=\"%s\"", m->spi_in, m->spi_out,
			  baton_strerror(results[0]), baton_strerror(results[1]));
	return -err;
}

void baton_install_raise(struct baton_node *n, struct baton_record *r)
{
	for (unsigned i = 0; i < r->mark_count; i++) {
		set_numbers(n, &r->marks[i], false);
		baton_gateway_arm(n, &r->marks[i]);
	}
	baton_lease_grant(n, r);
}

int baton_install_arm(struct baton_node *n, const struct baton_message *m)
{
	struct baton_header h = m->header;
	struct baton_builder b;

	h.flags = BATON_FLAG_RESPONSE;
	baton_build_begin(&b, n->buf, sizeof(n->buf), &h);
	for (unsigned i = 0; i < m->report_count; i++) {
		const struct baton_report *rep = &m->reports[i];
		struct baton_mark *mark = baton_table_find_in(&n->table, rep->spi_in);
		bool adopt = mark && is_adopting(n, mark->record);
		int status = BATON_E_NOT_FOUND;
		struct baton_status item;

		if (mark && baton_node_owns(n, mark->record))
			status = set_numbers(n, mark, adopt);
		else if (mark)
			status = BATON_E_STALE_OWNER;
		if (!status)
			baton_lease_grant(n, mark->record);
		if (!status && adopt)
			baton_gateway_arm(n, mark);
		else if (!status)
			baton_gateway_watch(n, mark); /* where it stands we have said */
		baton_own_status(&n->own, rep->spi_i, rep->spi_r, status, &item);
		baton_build_status(&b, &item);
	}
	baton_lease_flush(n); /* before the policies */
	return baton_build_end(&b);
}
