/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Following a peer: a warm copy of its sessions at a node that it does not store
 * them at ([peer] follow = yes).
 *
 * Theory of operation. Twice a second the peer is asked for what has changed
 * since the last answer (N(FOLLOW)); the first time, and when it was restarted,
 * for everything. So the copy is at most half a second older than the peer's
 * answers take. The peer does not count us in, and knows nothing of what we
 * have: a followed copy proves nothing (docs/protocol.md 5.3.8). It is of use
 * when no store is left: its IKE SAs are carried on then, with new CHILD SAs.
 */
#include "daemon/node.h"

#define FOLLOW_MS 500u
#define DEADLINE_MS 3000u

static void take_answer(struct baton_node *n, struct baton_peer *p, struct baton_follow *f)
{
	struct baton_message *m = &n->msg;
	uint64_t now_ms = baton_now_ms();

	for (unsigned i = 0; i < m->session_count; i++) {
		struct baton_session *s = &n->session;
		int status = -baton_session_decode(s, m->sessions[i].body, m->sessions[i].len,
						   NULL);

		n->own.sender_boot = f->boot;
		if (!status)
			status = baton_own_put(&n->own, &p->id, s, now_ms);
		n->own.sender_boot = 0;
		if (!status)
			f->sessions++;
		baton_session_wipe(s);
	}
	for (unsigned i = 0; i < m->delete_count; i++)
		(void)baton_own_delete(&n->own, &p->id, &m->deletes[i], now_ms);
	/* Less than the limit, and nothing new: we have everything that there was when we asked. */
	if (m->has_cursor && m->cursor.position == f->position)
		f->complete_ms = f->asked_ms;
	if (m->has_cursor) {
		f->due_ms = m->cursor.position == f->position ? f->asked_ms + FOLLOW_MS : now_ms;
		f->position = m->cursor.position;
	}
}

static bool ask(struct baton_node *n, struct baton_peer *p, struct baton_follow *f, uint64_t now_ms)
{
	struct baton_header h = baton_exchange_header(&p->x, BATON_SA_RETR);
	struct baton_builder b;

	if (f->boot != p->x.peer_boot)
		*f = (struct baton_follow){.boot = p->x.peer_boot};
	if (!f->pages.bytes)
		baton_pages_begin(&f->pages);
	baton_build_begin(&b, p->buf, sizeof(p->buf), &h);
	baton_build_id(&b, BATON_PL_IDI, &n->config.server_id);
	baton_build_id(&b, BATON_PL_IDR, &p->id);
	baton_build_notify(&b, BATON_N_FOLLOW);
	baton_build_cursor(&b,
			   &(struct baton_cursor){f->position, baton_pages_next(&f->pages, &p->x)});
	f->asked_ms = now_ms;
	return baton_peer_ask(p, &b, f, now_ms, now_ms + DEADLINE_MS) == 0;
}

void baton_follow_answer(struct baton_node *n, struct baton_peer *p, const void *buf, size_t len)
{
	struct baton_follow *f = &n->follows[p->index];
	struct baton_message *m = &n->msg;

	f->asking = false;
	f->due_ms = baton_now_ms() + FOLLOW_MS;
	baton_pages_ended(&f->pages, &p->x, buf != NULL);
	m->statuses = n->statuses;
	m->status_max = BATON_ITEMS_MAX;
	if (buf && f->boot == p->x.peer_boot && baton_message_decode(m, buf, len, NULL) == 0)
		take_answer(n, p, f);
}

uint64_t baton_follow_turn(struct baton_node *n, uint64_t now_ms)
{
	uint64_t next = now_ms + FOLLOW_MS;

	for (unsigned i = 0; i < n->peer_count; i++) {
		struct baton_peer *p = &n->peers[i];
		struct baton_follow *f = &n->follows[i];

		if (!n->config.peers[i].follow || f->asking || p->state != BATON_PEER_UP)
			continue;
		if (now_ms >= f->due_ms)
			f->asking = ask(n, p, f, now_ms);
		else if (f->due_ms < next)
			next = f->due_ms;
	}
	return next;
}
