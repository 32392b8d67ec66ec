/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gateway role. The IKE daemon's plugin tells what it has; we give it our
 * Server ID, epoch and version, keep it in our own table and mark it for the
 * peers. The kernel tells sequence numbers; we turn them into bounds.
 *
 * The table is asked first whether the session is still ours: one that was
 * claimed elsewhere while the plugin was away is taken from the IKE daemon
 * again, silently.
 */
#include "daemon/node.h"

#include <inttypes.h>
#include <string.h>

struct baton_sa_id baton_gateway_sa(const struct baton_mark *m, bool outbound)
{
	return (struct baton_sa_id){
		.dst = outbound ? m->record->remote : m->record->local,
		.spi = outbound ? m->spi_out : m->spi_in,
		.protocol = m->protocol,
	};
}

void baton_gateway_watch(struct baton_node *n, struct baton_mark *m)
{
	struct baton_sa_thresholds t[2] = {
		{.id = baton_gateway_sa(m, true), .packets = baton_watch_threshold(&n->watch, m)},
		{.id = baton_gateway_sa(m, false), .age_ms = n->watch.age_ms},
	};
	int results[2], err;

	if (!n->xfrm)
		return;
	err = baton_xfrm_set_thresholds(n->xfrm, t, 2, results);
	m->watched = !err;
	m->fresh = false;
	/* Not found: on its way to other addresses. The IKE daemon tells them next, and that arms
	 * it. */
	if (err && err != -BATON_E_NOT_FOUND)
		baton_log(BATON_LOG_WARNING, "thresholds_failed",
			  "spi_in=%08x spi_out=%08x in=\"%s\" out=\"%s\"", m->spi_in, m->spi_out,
			  baton_strerror(results[1]), baton_strerror(results[0]));
}

/* An outbound number of ours: raises the lease in time. True when the stores must be told. */
static bool take_out(struct baton_node *n, struct baton_mark *m, uint64_t out_seq)
{
	uint32_t threshold = baton_watch_threshold(&n->watch, m);
	bool due = baton_watch_out(&n->watch, m, out_seq, baton_now_ms());

	if (due) {
		m->record->lease_serial++;
		baton_lease_use(n, m->record);
	}
	if (m->watched && baton_watch_threshold(&n->watch, m) > threshold)
		baton_gateway_watch(n, m);
	baton_lease_look(n, m);
	return due;
}

void baton_gateway_arm(struct baton_node *n, struct baton_mark *m)
{
	struct baton_sa_id out = baton_gateway_sa(m, true), in = baton_gateway_sa(m, false);
	struct baton_sa_state s;

	baton_gateway_watch(n, m);
	if (!n->xfrm)
		return;
	if (baton_xfrm_get(n->xfrm, &out, &s) == 0)
		take_out(n, m, s.out_seq);
	if (baton_xfrm_get(n->xfrm, &in, &s) == 0)
		baton_watch_in(&n->watch, m, s.in_seq, baton_now_ms());
}

void baton_gateway_rearm(struct baton_node *n)
{
	struct baton_record *r;

	TAILQ_FOREACH(r, &n->table.records, all) {
		if (r->deleted || r->installing || !baton_node_owns(n, r))
			continue;
		for (unsigned i = 0; i < r->mark_count; i++)
			baton_gateway_arm(n, &r->marks[i]);
		baton_node_dirty(n, r, BATON_DIRTY_REPORT);
	}
}

static void arm_new(struct baton_node *n, struct baton_record *r)
{
	if (r->installing)
		return; /* SA_ARM does it, after the counters */
	for (unsigned i = 0; i < r->mark_count; i++) {
		if (r->marks[i].watched)
			continue;
		/* An SA of this moment has nothing to tell yet: its first packet will. */
		if (!n->greeting && r->marks[i].fresh)
			baton_gateway_watch(n, &r->marks[i]);
		else
			baton_gateway_arm(n, &r->marks[i]);
	}
}

/* SAs at other addresses than before (MOBIKE) are other SAs to the kernel: made anew, without
 * thresholds. */
static void watch_moved(struct baton_record *r, const struct baton_session *s)
{
	if (baton_addr_equal(&r->local, &s->local) && baton_addr_equal(&r->remote, &s->remote))
		return;
	for (unsigned i = 0; i < r->mark_count; i++)
		r->marks[i].watched = false;
}

/* Outbound SAs of r, as the kernel knows them. */
static unsigned outbound_sas(const struct baton_record *r, struct baton_sa_id *ids)
{
	unsigned count = 0;

	for (; r && count < r->mark_count && count < BATON_CHILDREN_MAX; count++)
		ids[count] = baton_gateway_sa(&r->marks[count], true);
	return count;
}

static bool has_sa(const struct baton_record *r, const struct baton_sa_id *id)
{
	for (unsigned i = 0; i < r->mark_count; i++)
		if (r->marks[i].spi_out == id->spi && baton_addr_equal(&r->remote, &id->dst))
			return true;
	return false;
}

/* A session of the plugin becomes (or stays) ours. Returns a status. */
static int take_session(struct baton_node *n, const struct baton_session_ref *ref, uint64_t now_ms)
{
	struct baton_record *r = baton_table_find(&n->table, ref->spi_i, ref->spi_r);
	struct baton_session *s = &n->session;
	struct baton_sa_id had[BATON_CHILDREN_MAX];
	unsigned had_count;
	int status = -baton_session_decode(s, ref->body, ref->len, NULL);

	if (status)
		goto out;
	/* Not ours; or claimed back a moment ago, and not installed yet: what the IKE daemon has is
	 * of before it was lost, with counters that we have forgotten. */
	if (r && !r->deleted &&
	    (!baton_node_owns(n, r) ||
	     (r->unproven && !r->held && !r->installing && !n->greeting))) {
		status = BATON_E_STALE_OWNER;
		goto out;
	}
	if (!n->fence && baton_session_needs_fence(s)) {
		status = BATON_E_CONFIG;
		goto out;
	}
	s->owner = n->config.server_id;
	s->epoch = r ? r->epoch : 1;
	s->version = r ? r->version + 1 : 1;
	for (unsigned i = 0; i < s->child_count; i++)
		if (s->children[i].counters.out_lease < n->watch.lease)
			s->children[i].counters.out_lease = n->watch.lease;
	had_count = r && !r->deleted ? outbound_sas(r, had) : 0;
	if (r && !r->deleted)
		watch_moved(r, s);
	if (r)
		baton_miss_forget(n, r, false); /* SAs may have gone */
	status = baton_own_put(&n->own, &n->config.server_id, s, now_ms);
	if (status)
		goto out;
	r = baton_table_find(&n->table, ref->spi_i, ref->spi_r);
	r->ike_only = n->config.ike_only;
	r->held = true;
	r->stale = false; /* what it has now, it has made */
	/* SAs from before our start: a store may know them. */
	for (unsigned i = 0; n->greeting && !r->ike_only && i < r->mark_count; i++)
		r->marks[i].told = true;
	baton_lease_use(n, r);
	baton_lease_grant(n, r); /* if they were moved */
	for (unsigned i = 0; i < had_count; i++)
		if (!has_sa(r, &had[i]))
			baton_lease_release(n, r, &had[i], 1);
	arm_new(n, r);
	baton_node_dirty(n, r, BATON_DIRTY_PUT);
out:
	if (r)
		baton_miss_look(n, r);
	if (status == BATON_E_SPI_COLLISION)
		baton_partition_collided_here(n, s);
	if (status)
		baton_log(BATON_LOG_ERROR, "session_refused",
			  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " connection=%s reason=\"%s\"",
			  ref->spi_i, ref->spi_r, s->name, baton_strerror(status));
	baton_session_wipe(s);
	return status;
}

static int take_report(struct baton_node *n, struct baton_report rep)
{
	struct baton_record *r = baton_table_find(&n->table, rep.spi_i, rep.spi_r);
	int status;

	if (!r || rep.kind != BATON_REPORT_MSGID)
		return BATON_E_NOT_FOUND;
	rep.epoch = r->epoch;
	status = baton_own_report(&n->own, &n->config.server_id, &rep);
	if (!status)
		baton_node_dirty(n, r, BATON_DIRTY_REPORT);
	return status;
}

static int take_delete(struct baton_node *n, struct baton_delete d, uint64_t now_ms)
{
	struct baton_record *r = baton_table_find(&n->table, d.spi_i, d.spi_r);
	struct baton_sa_id had[BATON_CHILDREN_MAX];
	unsigned had_count;
	int status;

	if (!r || r->deleted)
		return BATON_OK;
	if (!baton_node_owns(n, r))
		return BATON_E_STALE_OWNER;
	d.epoch = r->epoch;
	d.version = r->version + 1;
	r->held = false;
	had_count = outbound_sas(r, had);
	baton_miss_forget(n, r, true);
	status = baton_own_delete(&n->own, &n->config.server_id, &d, now_ms);
	if (status) {
		baton_miss_look(n, r);
		return status;
	}
	baton_lease_release(n, r, had, had_count);
	baton_node_dirty(n, r, BATON_DIRTY_DELETE);
	return BATON_OK;
}

static void told_everything(struct baton_node *n)
{
	struct baton_record *r;
	unsigned held = 0, missing = 0;

	TAILQ_FOREACH(r, &n->table.records, all) {
		if (r->deleted || !baton_node_owns(n, r))
			continue;
		held += r->held;
		if (r->held || r->installing)
			continue;
		missing++;
		baton_install_queue(n, r, true, false);
	}
	n->greeting = false;
	baton_log(BATON_LOG_INFO, "charon_synced", "sessions=%u restoring=%u", held, missing);
	baton_install_pump(n);
	n->recover_due = !n->recovered;
	baton_miss_open(n);
}

static void greeted(struct baton_node *n)
{
	struct baton_record *r;

	n->greeting = true;
	TAILQ_FOREACH(r, &n->table.records, all)
		r->held = false;
}

static void answer(struct baton_node *n, const struct baton_status *items, unsigned count,
		   struct baton_header h)
{
	struct baton_builder b;
	int len;

	h.flags = BATON_FLAG_RESPONSE;
	baton_build_begin(&b, n->buf, sizeof(n->buf), &h);
	for (unsigned i = 0; i < count; i++)
		baton_build_status(&b, &items[i]);
	len = baton_build_end(&b);
	if (len > 0)
		baton_charon_link_send(&n->link, n->buf, (size_t)len);
}

static bool any_refused(const struct baton_status *items, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (items[i].status)
			return true;
	return false;
}

static void take_stor(struct baton_node *n, const struct baton_message *m)
{
	uint64_t now_ms = baton_now_ms();
	unsigned count = 0;
	bool refused;

	if (m->hello)
		greeted(n);
	for (unsigned i = 0; i < m->session_count && count < BATON_ITEMS_MAX; i++)
		baton_own_status(&n->own, m->sessions[i].spi_i, m->sessions[i].spi_r,
				 take_session(n, &m->sessions[i], now_ms), &n->statuses[count++]);
	for (unsigned i = 0; i < m->report_count && count < BATON_ITEMS_MAX; i++)
		baton_own_status(&n->own, m->reports[i].spi_i, m->reports[i].spi_r,
				 take_report(n, m->reports[i]), &n->statuses[count++]);
	for (unsigned i = 0; i < m->delete_count && count < BATON_ITEMS_MAX; i++)
		baton_own_status(&n->own, m->deletes[i].spi_i, m->deletes[i].spi_r,
				 take_delete(n, m->deletes[i], now_ms), &n->statuses[count++]);
	if (m->synced)
		told_everything(n);
	/* Only what the plugin waits for: an answer to each would wake it, busy as it is, once more
	 * for nothing. */
	refused = any_refused(n->statuses, count);
	if (refused || (m->delete_count && !m->confirm) ||
	    (m->confirm && !baton_confirm_wait(n, m)))
		answer(n, n->statuses, count, m->header);
	/* What the plugin has but another node owns leaves this gateway. */
	for (unsigned i = 0; i < m->session_count; i++) {
		struct baton_record *r = baton_table_find(&n->table, m->sessions[i].spi_i,
							  m->sessions[i].spi_r);

		if (r && !r->deleted && !baton_node_owns(n, r))
			baton_retreat_losing(n, r);
	}
}

void baton_gateway_message(void *ctx, const void *buf, size_t len)
{
	struct baton_node *n = ctx;
	struct baton_message *m = &n->msg;
	struct baton_where where;
	int err;

	n->charon_messages++;
	m->statuses = n->statuses;
	m->status_max = BATON_ITEMS_MAX;
	err = baton_message_decode(m, buf, len, &where);
	if (err) {
		n->charon_refused++;
		baton_log(BATON_LOG_ERROR, "charon_message_refused",
			  "reason=\"%s\" payload=%u offset=%u field=%s", baton_strerror(err),
			  where.payload, where.offset, where.field);
		return;
	}
	if (m->header.flags & BATON_FLAG_RESPONSE) {
		if (m->header.exchange == BATON_SA_INSTALL && m->status_count)
			baton_install_answer(n, m->header.msgid, &n->statuses[0]);
		return;
	}
	if (m->header.exchange == BATON_SA_STOR) {
		take_stor(n, m);
	} else if (m->header.exchange == BATON_SA_RETR && m->by_address.family) {
		baton_inquiry_start(n, m);
	} else if (m->header.exchange == BATON_SA_ARM) {
		err = baton_install_arm(n, m);
		if (err > 0)
			baton_charon_link_send(&n->link, n->buf, (size_t)err);
	} else {
		n->charon_refused++;
	}
}

void baton_gateway_opened(void *ctx)
{
	struct baton_node *n = ctx;

	(void)n;
	baton_log(BATON_LOG_INFO, "charon_connected", "socket=%s", n->link.path);
}

void baton_gateway_closed(void *ctx)
{
	struct baton_node *n = ctx;

	baton_log(BATON_LOG_WARNING, "charon_disconnected",
		  "note=\"its SAs stay in the kernel; they are given back when it returns\"");
	baton_install_abort(n);
	baton_confirm_drop(n);
}

static void replay_event(struct baton_node *n, const struct baton_sa_state *s)
{
	struct baton_mark *m = baton_table_find_in(&n->table, s->id.spi);
	bool due = false;

	if (m && baton_addr_equal(&m->record->local, &s->id.dst)) {
		if (baton_node_owns(n, m->record) && !m->record->installing)
			due = baton_watch_in(&n->watch, m, s->in_seq, baton_now_ms());
	} else {
		m = baton_table_find_out(&n->table, s->id.spi, &s->id.dst);
		if (m && baton_node_owns(n, m->record) && !m->record->installing)
			due = take_out(n, m, s->out_seq);
	}
	if (due)
		baton_node_dirty(n, m->record, BATON_DIRTY_REPORT);
}

static void dumped(void *ctx, const struct baton_sa_state *s)
{
	replay_event(ctx, s);
}

void baton_gateway_look(struct baton_node *n)
{
	baton_xfrm_dump(n->xfrm, dumped, n);
}

void baton_gateway_xfrm_event(void *ctx, const struct baton_xfrm_event *e)
{
	struct baton_node *n = ctx;
	struct baton_mark *m;

	n->xfrm_events++;
	switch (e->kind) {
	case BATON_XFRM_REPLAY:
		replay_event(n, &e->state);
		return;
	case BATON_XFRM_NEWSA:
		/* An SA that was moved (MOBIKE) has lost its thresholds. */
		m = baton_table_find_in(&n->table, e->state.id.spi);
		if (!m)
			m = baton_table_find_out(&n->table, e->state.id.spi, &e->state.id.dst);
		if (m && m->watched && baton_node_owns(n, m->record) && !m->record->installing)
			baton_gateway_arm(n, m);
		return;
	case BATON_XFRM_OVERRUN:
		n->xfrm_overruns++;
		baton_log(BATON_LOG_WARNING, "xfrm_overrun", "action=dump");
		baton_gateway_look(n);
		return;
	default:
		return;
	}
}

void baton_gateway_settle(struct baton_node *n, uint64_t now_ms)
{
	struct baton_record *r;

	TAILQ_FOREACH(r, &n->table.records, all) {
		bool due = false;

		/* Of one that is still to be installed nobody can have sent to us. */
		if (r->deleted || !baton_node_owns(n, r) || !r->held || r->installing)
			continue;
		for (unsigned i = 0; i < r->mark_count; i++)
			due |= baton_watch_settle(&n->watch, &r->marks[i], now_ms);
		if (due)
			baton_node_dirty(n, r, BATON_DIRTY_REPORT);
	}
}
