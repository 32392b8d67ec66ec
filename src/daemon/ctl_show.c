/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/ctl.h"

#include <inttypes.h>

static json_t *hex64(uint64_t v)
{
	return json_sprintf("%016" PRIx64, v);
}

static json_t *addr(const struct baton_addr *a)
{
	char buf[80];

	return json_string(baton_addr_print(a, buf, sizeof(buf)));
}

static json_t *id(const struct baton_id *i)
{
	char buf[BATON_ID_MAX * 4];

	return json_string(baton_id_print(i, buf, sizeof(buf)));
}

static double seconds(uint64_t from_ms, uint64_t now_ms)
{
	return from_ms ? (double)(now_ms - from_ms) / 1000.0 : 0.0;
}

json_t *baton_show_takeover(const struct baton_takeover *t)
{
	double claim = t->claimed_us > t->start_us ? (double)(t->claimed_us - t->start_us) : 0;
	double retrieve = t->retrieved_us > t->claimed_us
				  ? (double)(t->retrieved_us - t->claimed_us)
				  : 0;
	double install = t->installed_us > t->retrieved_us
				 ? (double)(t->installed_us - t->retrieved_us)
				 : 0;

	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:i, s:i, s:i}", "server_id",
			 t->name, "sessions", (int)t->sessions, "installed", (int)t->installed,
			 "failed", (int)t->failed, "waiting",
			 (int)(t->sessions - t->installed - t->failed), "claim_ms", claim / 1000,
			 "retrieve_ms", retrieve / 1000, "install_ms", install / 1000,
			 "peers_asked", (int)t->asked, "peers_silent", (int)t->silent, "unproven",
			 (int)t->unproven);
}

static void count_peer(const struct baton_node *n, const struct baton_peer *p, unsigned *acked,
		       unsigned *behind)
{
	const struct baton_record *r;

	*acked = *behind = 0;
	TAILQ_FOREACH(r, &n->table.records, all) {
		const struct baton_replica *rep = &r->peers[p->index];

		if (r->deleted || !baton_node_owns(n, r))
			continue;
		if (rep->acked_version)
			(*acked)++;
		if (rep->dirty || rep->flying || !rep->acked_version)
			(*behind)++;
	}
}

static json_t *refusals(const uint64_t *counts)
{
	json_t *o = json_object();

	for (int i = 1; i < 32; i++)
		if (counts[i])
			json_object_set_new(o, baton_strerror(i),
					    json_integer((json_int_t)counts[i]));
	return o;
}

/* How long this store stays current for the peer's sessions. */
static double current_for_s(const struct baton_node *n, const struct baton_peer *p, uint64_t now_ms)
{
	const struct baton_standing *s = baton_standing_find(&n->service->standings, &p->id);

	return baton_standing_is_current(s, now_ms) ? (double)(s->until_ms - now_ms) / 1000 : 0;
}

/* How old the followed copy of the peer's sessions may be; -1: there is none, or not all of it yet.
 */
static json_int_t follow_lag_ms(const struct baton_node *n, const struct baton_peer *p,
				uint64_t now_ms)
{
	const struct baton_follow *f = &n->follows[p->index];

	return n->config.peers[p->index].follow && f->complete_ms
		       ? (json_int_t)(now_ms - f->complete_ms)
		       : -1;
}

static json_t *show_peer(struct baton_node *n, const struct baton_peer *p, uint64_t now_ms)
{
	unsigned acked, behind;

	count_peer(n, p, &acked, &behind);
	return json_pack(
		"{s:s, s:o, s:s, s:f, s:f, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:o, s:i, "
		"s:b, s:f, s:I, s:b, s:I}",
		"server_id", n->config.peers[p->index].name, "address", addr(&p->addr), "state",
		baton_peer_state_names[p->state], "state_for_s",
		seconds(p->state_since_ms ? p->state_since_ms : n->started_ms, now_ms),
		"silent_for_s", seconds(p->x.last_heard_ms, now_ms), "sessions_stored", (int)acked,
		"sessions_behind", (int)behind, "lag_ms", (json_int_t)baton_peer_lag_ms(p, now_ms),
		"datagrams_sent", (json_int_t)p->x.sent, "datagrams_received",
		(json_int_t)p->x.received, "retransmitted", (json_int_t)p->x.retransmitted,
		"timeouts", (json_int_t)p->x.timeouts, "refused", refusals(p->x.refused), "rank",
		(int)p->rank, "counted_in", p->rank && p->counted, "current_for_s",
		current_for_s(n, p, now_ms), "repaired", (json_int_t)p->repaired, "member_alive",
		n->alive[p->index], "follow_lag_ms", follow_lag_ms(n, p, now_ms));
}

static json_t *show_counts(struct baton_node *n)
{
	const struct baton_record *r;
	int own = 0, held = 0, others = 0, moved = 0;

	TAILQ_FOREACH(r, &n->table.records, all) {
		if (r->deleted)
			continue;
		if (baton_node_owns(n, r)) {
			own++;
			moved += (r->flags & BATON_IKE_MOVED) != 0;
			held += r->held;
		} else {
			others++;
		}
	}
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:I}", "own", own, "held_by_ike_daemon",
			 held, "moved", moved, "stored_for_others", others, "deleted_remembered",
			 (int)n->table.tombstones, "max", (int)n->table.max, "encoded_bytes",
			 (json_int_t)n->table.body_bytes);
}

/* Packets of SAs that are not here; null where they are left to the kernel. */
static json_t *show_miss(const struct baton_node *n)
{
	const struct baton_miss_stats *s;

	if (!n->guard)
		return json_null();
	s = baton_waiting_stats(n->room);
	return json_pack(
		"{s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:I}",
		"known_esp", (int)baton_guard_known(n->guard, BATON_GUARD_ESP), "known_ike",
		(int)baton_guard_known(n->guard, BATON_GUARD_IKE), "known_clients",
		(int)(baton_guard_known(n->guard, BATON_GUARD_TO4) +
		      baton_guard_known(n->guard, BATON_GUARD_TO6)),
		"asked", (json_int_t)s->asked, "fetched", (json_int_t)n->fetched, "fetch_failed",
		(json_int_t)n->fetch_failed, "held", (json_int_t)s->held, "released",
		(json_int_t)s->released, "discarded", (json_int_t)s->discarded, "outside",
		(json_int_t)s->outside, "quiet", (json_int_t)s->quiet, "limited",
		(json_int_t)s->limited, "source_limited", (json_int_t)s->source_limited, "full",
		(json_int_t)s->full, "forwarded", (json_int_t)n->forward.sent, "forwarded_here",
		(json_int_t)n->forward.taken, "forward_dropped", (json_int_t)n->forward.dropped);
}

/* The other members of the cluster, as the stores see them; null where nobody looks. */
static const char *member_state(const struct baton_node *n, const struct baton_member *m,
				uint64_t now_ms)
{
	if (baton_members_is_gone(n->members.views, n->peer_count + 1, &m->id, now_ms))
		return "gone";
	return m->state == BATON_MEMBER_DRAINED ? "drained" : "current";
}

static json_t *show_members(const struct baton_node *n, uint64_t now_ms)
{
	const struct baton_view *views = n->members.views;
	json_t *all;

	if (!n->config.share_on_gone)
		return json_null();
	all = json_array();
	for (unsigned i = 0; i < n->peer_count; i++) {
		const struct baton_id *member = &n->peers[i].id;
		const struct baton_member *m = baton_members_find(views, n->peer_count + 1, member,
								  now_ms);

		if (m && !n->peers[i].absent)
			json_array_append_new(all, json_pack("{s:s, s:s, s:I}", "server_id",
							     n->config.peers[i].name, "state",
							     member_state(n, m, now_ms), "owns",
							     (json_int_t)m->sessions));
	}
	return all;
}

json_t *baton_show_status(struct baton_node *n)
{
	uint64_t now_ms = baton_now_ms();
	json_t *peers = json_array(), *roles = json_array();
	json_t *o;

	if (n->config.gateway)
		json_array_append_new(roles, json_string("gateway"));
	if (n->config.store)
		json_array_append_new(roles, json_string("store"));
	for (unsigned i = 0; i < n->peer_count; i++)
		if (!n->peers[i].absent)
			json_array_append_new(peers, show_peer(n, &n->peers[i], now_ms));
	o = json_pack("{s:s, s:s, s:o, s:f, s:o, s:b, s:b, s:b, s:b, s:o, s:o}", "server_id",
		      n->config.server_name, "version", BATON_VERSION, "roles", roles, "up_s",
		      seconds(n->started_ms, now_ms), "boot_id", hex64(n->boot),
		      "ike_daemon_connected", n->link.connected, "released", n->released, "drained",
		      n->own.drained, "protected", n->alone_since_ms == 0, "sessions",
		      show_counts(n), "peers", peers);
	if (n->alone_since_ms)
		json_object_set_new(o, "unprotected_for_s",
				    json_real(seconds(n->alone_since_ms, now_ms)));
	json_object_set_new(o, "sessions_unprotected", json_integer(n->alone_count));
	if (n->last_takeover.start_us)
		json_object_set_new(o, "last_takeover", baton_show_takeover(&n->last_takeover));
	json_object_set_new(o, "members", show_members(n, now_ms));
	json_object_set_new(o, "miss", show_miss(n));
	json_object_set_new(o, "store_refused", refusals(n->service->refused));
	json_object_set_new(o, "counters",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
				      "sessions_put", (json_int_t)n->service->stored,
				      "sessions_retrieved", (json_int_t)n->service->retrieved,
				      "sessions_claimed", (json_int_t)n->service->claimed,
				      "strangers_refused", (json_int_t)n->strangers,
				      "ike_daemon_messages", (json_int_t)n->charon_messages,
				      "ike_daemon_refused", (json_int_t)n->charon_refused,
				      "responses_unconfirmed", (json_int_t)n->unconfirmed,
				      "spi_collisions", (json_int_t)n->spi_collisions,
				      "xfrm_events", (json_int_t)n->xfrm_events, "xfrm_overruns",
				      (json_int_t)n->xfrm_overruns, "stopped_at_lease",
				      (json_int_t)n->fence_refused));
	return o;
}

static json_t *show_children(const struct baton_record *r)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < r->mark_count; i++) {
		const struct baton_mark *m = &r->marks[i];

		json_array_append_new(a, json_pack("{s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:I}",
						   "spi_in", json_sprintf("%08x", m->spi_in),
						   "spi_out", json_sprintf("%08x", m->spi_out),
						   "protocol",
						   m->protocol == BATON_PROTO_ESP ? "ESP" : "AH",
						   "out_seq", (json_int_t)m->counters.out_seq,
						   "out_lease", (json_int_t)m->counters.out_lease,
						   "in_seq", (json_int_t)m->counters.in_seq,
						   "in_limit", (json_int_t)m->counters.in_limit,
						   "usable", (json_int_t)m->usable));
	}
	return a;
}

static json_t *show_stored(struct baton_node *n, const struct baton_record *r)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < n->peer_count; i++) {
		const struct baton_replica *rep = &r->peers[i];

		if (!n->peers[i].absent && baton_node_owns(n, r))
			json_array_append_new(
				a,
				json_pack("{s:s, s:I, s:b}", "server_id", n->config.peers[i].name,
					  "version", (json_int_t)rep->acked_version, "current",
					  rep->acked_version && !rep->dirty && !rep->flying));
	}
	return a;
}

static json_t *show_session(struct baton_node *n, const struct baton_record *r)
{
	struct baton_session *s = &n->session;
	json_t *vips = json_array(), *o;

	if (baton_record_decode(r, baton_now_ms(), s)) {
		json_decref(vips);
		return json_null();
	}
	for (unsigned i = 0; i < s->vip_count; i++)
		json_array_append_new(vips, addr(&s->vips[i]));
	o = json_pack("{s:o, s:o, s:o, s:I, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:I, "
		      "s:o, s:o, s:b, s:b}",
		      "spi_i", hex64(r->spi_i), "spi_r", hex64(r->spi_r), "owner", id(r->owner),
		      "epoch", (json_int_t)r->epoch, "version", (json_int_t)r->version, "held",
		      r->held, "local", addr(&s->local), "remote", addr(&s->remote), "remote_id",
		      id(&s->remote_id), "eap_id",
		      s->remote_eap_id.type ? id(&s->remote_eap_id) : json_null(), "vips", vips,
		      "name", s->name, "msgid_in", (json_int_t)s->msgid_in, "msgid_out",
		      (json_int_t)s->msgid_out, "expires_in_s", (json_int_t)s->life.expire_s,
		      "children", show_children(r), "stored_at", show_stored(n, r), "unproven",
		      r->stale, "moved", (s->flags & BATON_IKE_MOVED) != 0);
	baton_session_wipe(s);
	return o;
}

json_t *baton_show_sessions(struct baton_node *n, const struct baton_id *owner)
{
	json_t *a = json_array();
	const struct baton_record *r;

	TAILQ_FOREACH(r, &n->table.records, all)
		if (!r->deleted && (!owner || baton_id_equal(r->owner, owner)))
			json_array_append_new(a, show_session(n, r));
	return json_pack("{s:o}", "sessions", a);
}
