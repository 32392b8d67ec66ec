/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking part in a cluster (docs/protocol.md 5.3.12).
 *
 * Twice a second every store is asked who the members are, and which of them are
 * gone; a store role of this node's own is asked as well. Of one that all of
 * them call gone, and that is not heard of here either, our part is taken over:
 * src/daemon/takeover.c, with a share. While stores still have sessions of it
 * that is done again, ever more seldom: what nobody got the first time is taken
 * then.
 *
 * A gateway without an IKE daemon takes nothing, one that hears no store does
 * not know who is gone. Who gives its own sessions to all others asks as well,
 * for how many each has (src/daemon/drain.c).
 */
#include "daemon/node.h"

#include <string.h>

#define POLL_MS 500u
#define DEADLINE_MS 2000u /* of a question */
#define GONE_MS 400u	  /* gone for so long: seen so twice */
#define AGAIN_MS 5000u	  /* from the first try to the second, then twice as long */
#define AGAIN_MAX_MS 60000u

static struct baton_view *own_view(struct baton_node *n)
{
	return &n->members.views[n->peer_count];
}

static void ask(struct baton_node *n, unsigned i, uint64_t now_ms)
{
	struct baton_peer *p = &n->peers[i];
	struct baton_header h = baton_exchange_header(&p->x, BATON_SA_RETR);
	struct baton_builder b;

	baton_build_begin(&b, p->buf, sizeof(p->buf), &h);
	baton_build_id(&b, BATON_PL_IDI, &n->config.server_id);
	baton_build_notify(&b, BATON_N_MEMBERS);
	n->members.asking[i] = baton_peer_ask(p, &b, &n->members, now_ms, now_ms + DEADLINE_MS) ==
			       0;
}

void baton_members_answer(struct baton_node *n, struct baton_peer *p, const void *buf, size_t len)
{
	struct baton_view *v = &n->members.views[p->index];

	n->members.asking[p->index] = false;
	n->msg.statuses = NULL;
	n->msg.status_max = 0;
	if (!buf || baton_message_decode(&n->msg, buf, len, NULL) || n->msg.error)
		return;
	v->at_ms = baton_now_ms();
	v->count = n->msg.member_count;
	memcpy(v->member, n->msg.member, v->count * sizeof(*v->member));
}

static uint32_t own_sessions(const struct baton_node *n)
{
	const struct baton_record *r;
	uint32_t own = 0;

	TAILQ_FOREACH(r, &n->table.records, all)
		own += !r->deleted && baton_node_owns(n, r);
	return own;
}

static void take_share(struct baton_node *n, unsigned i, uint64_t now_ms)
{
	struct baton_absence *a = &n->members.absences[i];
	const char *name = n->config.peers[i].name;
	struct baton_share share;

	/* Who gives sessions away takes none, and who has, none until the operator wants it to. */
	if (n->takeover.active || n->drain.active || n->own.drained || !n->link.connected ||
	    now_ms < a->next_ms ||
	    !baton_members_share(n->members.views, n->peer_count + 1, &n->peers[i].id,
				 &n->config.server_id, own_sessions(n), now_ms, &share))
		return;
	a->again_ms = a->again_ms ? a->again_ms * 2 : AGAIN_MS;
	if (a->again_ms > AGAIN_MAX_MS)
		a->again_ms = AGAIN_MAX_MS;
	a->next_ms = now_ms + a->again_ms;
	baton_log(BATON_LOG_INFO, "share", "server_id=%s first=%u last=%u of=%u sessions=%u", name,
		  share.index, share.index + share.count - 1u, share.of,
		  baton_members_find(n->members.views, n->peer_count + 1, &n->peers[i].id, now_ms)
			  ->sessions);
	if (baton_takeover_start(n, name, &share, NULL))
		baton_log(BATON_LOG_ERROR, "share_failed", "server_id=%s", name);
}

static void look(struct baton_node *n, unsigned i, uint64_t now_ms)
{
	struct baton_absence *a = &n->members.absences[i];

	if (n->peers[i].absent || n->peers[i].state != BATON_PEER_DOWN ||
	    !baton_members_is_gone(n->members.views, n->peer_count + 1, &n->peers[i].id, now_ms)) {
		*a = (struct baton_absence){0};
		return;
	}
	if (!a->since_ms)
		a->since_ms = now_ms;
	if (now_ms - a->since_ms >= GONE_MS)
		take_share(n, i, now_ms);
}

uint64_t baton_members_turn(struct baton_node *n, uint64_t now_ms)
{
	if (!n->config.share_on_gone && !(n->drain.active && n->drain.spread))
		return now_ms + POLL_MS;
	if (now_ms < n->members.due_ms)
		return n->members.due_ms;
	n->members.due_ms = now_ms + POLL_MS;
	if (n->config.store) {
		own_view(n)->count = baton_service_members(n->service, now_ms, own_view(n)->member);
		own_view(n)->at_ms = now_ms;
	}
	for (unsigned i = 0; i < n->peer_count; i++) {
		if (n->peers[i].rank && n->peers[i].state == BATON_PEER_UP && !n->members.asking[i])
			ask(n, i, now_ms);
		if (n->config.share_on_gone)
			look(n, i, now_ms);
	}
	return n->members.due_ms;
}
