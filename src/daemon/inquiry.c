/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is a virtual address in use at another gateway? The plugin asks before it gives one to a new
 * client: a session that was taken over elsewhere has its address from a pool that this gateway
 * gives out of, too (docs/protocol.md 5.3.12).
 *
 * What is stored here is looked at first; a node that does not store everything asks its peers, and
 * the first that knows such a session decides. Silence is no reason not to let a client in: after
 * a while the address counts as free.
 */
#include "daemon/node.h"

#define DEADLINE_MS 300u

static bool is_elsewhere(struct baton_node *n, const struct baton_addr *a)
{
	const struct baton_record *r = baton_table_find_address(&n->table, a);

	return r && !r->deleted && !baton_node_owns(n, r);
}

static void answer(struct baton_node *n, struct baton_header h, bool found)
{
	struct baton_status s = {.status = BATON_OK};
	struct baton_builder b;
	int len;

	h.flags = BATON_FLAG_RESPONSE;
	baton_build_begin(&b, n->buf, sizeof(n->buf), &h);
	if (found)
		baton_build_status(&b, &s);
	else
		baton_build_error(&b, BATON_E_NOT_FOUND);
	len = baton_build_end(&b);
	if (len > 0)
		(void)baton_charon_link_send(&n->link, n->buf, (size_t)len);
}

static void ask(struct baton_node *n, struct baton_inquiry *q, const struct baton_addr *a)
{
	uint64_t now_ms = baton_now_ms();

	for (unsigned i = 0; i < n->peer_count; i++) {
		struct baton_peer *p = &n->peers[i];
		struct baton_header h = baton_exchange_header(&p->x, BATON_SA_RETR);
		struct baton_builder b;

		if (p->state != BATON_PEER_UP || !p->rank || p->x.in_flight >= BATON_WINDOW / 2)
			continue;
		baton_build_begin(&b, p->buf, sizeof(p->buf), &h);
		baton_build_id(&b, BATON_PL_IDI, &n->config.server_id);
		baton_build_by_address(&b, a);
		if (baton_peer_ask(p, &b, q, now_ms, now_ms + DEADLINE_MS) == 0)
			q->asked++;
	}
}

void baton_inquiry_start(struct baton_node *n, const struct baton_message *m)
{
	struct baton_inquiry *q = n->inquiries;
	const struct baton_header h = m->header;
	const struct baton_addr a = m->by_address;
	bool found = is_elsewhere(n, &a);

	while (q < n->inquiries + BATON_INQUIRIES_MAX && q->asked)
		q++;
	/* A store of everybody has heard of it. */
	if (!found && q < n->inquiries + BATON_INQUIRIES_MAX &&
	    (!n->config.store || n->config.share_on_gone)) {
		*q = (struct baton_inquiry){.header = h};
		ask(n, q, &a);
		if (q->asked)
			return;
	}
	answer(n, h, found);
}

bool baton_inquiry_is(const struct baton_node *n, const void *tag)
{
	const struct baton_inquiry *q = tag;

	return q >= n->inquiries && q < n->inquiries + BATON_INQUIRIES_MAX;
}

void baton_inquiry_answer(struct baton_node *n, void *tag, const void *buf, size_t len)
{
	struct baton_inquiry *q = tag;
	struct baton_message *m = &n->msg;
	struct baton_session *s = &n->session;
	bool found = false;

	m->statuses = n->statuses;
	m->status_max = BATON_ITEMS_MAX;
	if (buf && !q->answered && !baton_message_decode(m, buf, len, NULL) &&
	    m->session_count == 1) {
		found = !baton_session_decode(s, m->sessions[0].body, m->sessions[0].len, NULL) &&
			!baton_id_equal(&s->owner, &n->config.server_id);
		baton_session_wipe(s);
	}
	q->ended++;
	if (!q->answered && (found || q->ended == q->asked)) {
		q->answered = true;
		answer(n, q->header, found);
	}
	if (q->ended == q->asked)
		q->asked = 0;
}
