/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SA_Stor with CONFIRM: what a response of the IKE daemon tells the peer is stored
 * before the response is sent (docs/protocol.md 5.3.9). The request is answered when as
 * many stores as `ack` asks for have acknowledged the version it made, or a later one.
 *
 * When they do not within ack_wait, or cannot be reached at all, on_store_loss decides:
 * `continue` answers UNREACHABLE, and the response is sent all the same; `fence` lets it
 * wait until they do.
 */
#include "daemon/node.h"

#include <inttypes.h>
#include <stdlib.h>

struct baton_confirm {
	TAILQ_ENTRY(baton_confirm) entry;
	struct baton_header header;
	uint64_t late_ms; /* when ack_wait is over */
	unsigned count;
	struct {
		uint64_t spi_i, spi_r, version;
	} items[];
};

enum progress { STORED, UNDER_WAY, OUT_OF_REACH, LOST };

/* How far one record is, of which `version` is to be stored. */
static enum progress progress_of(const struct baton_node *n, const struct baton_record *r,
				 uint64_t version)
{
	unsigned stores = 0, have = 0, coming = 0, counted = 0, counted_have = 0, need = 1;

	for (unsigned i = 0; i < n->peer_count; i++) {
		const struct baton_peer *p = &n->peers[i];
		const struct baton_replica *rep = &r->peers[i];
		bool acked = rep->acked_version >= version;

		if (!p->rank)
			continue;
		stores++;
		have += acked;
		coming += !acked && !rep->refused && p->state != BATON_PEER_DOWN;
		counted += p->counted;
		counted_have += p->counted && acked;
	}
	if (n->config.ack == BATON_ACK_MAJORITY)
		need = stores / 2 + 1;
	if (have >= need && (n->config.ack != BATON_ACK_ALL || counted_have == counted))
		return STORED;
	/* A store that is counted in and silent is waited for until it is written off. */
	return have + coming >= need ? UNDER_WAY : OUT_OF_REACH;
}

static enum progress progress(struct baton_node *n, const struct baton_confirm *c)
{
	enum progress worst = STORED;

	for (unsigned i = 0; i < c->count; i++) {
		const struct baton_record *r = baton_table_find(&n->table, c->items[i].spi_i,
								c->items[i].spi_r);
		enum progress p;

		if (!r)
			continue; /* deleted long ago */
		p = baton_node_owns(n, r) ? progress_of(n, r, c->items[i].version) : LOST;
		worst = p > worst ? p : worst;
	}
	return worst;
}

static bool has_stores(const struct baton_node *n)
{
	for (unsigned i = 0; i < n->peer_count; i++)
		if (n->peers[i].rank)
			return true;
	return false;
}

static void answer(struct baton_node *n, const struct baton_confirm *c, int status)
{
	struct baton_header h = c->header;
	struct baton_builder b;
	int len;

	h.flags = BATON_FLAG_RESPONSE;
	baton_build_begin(&b, n->buf, sizeof(n->buf), &h);
	for (unsigned i = 0; i < c->count; i++) {
		struct baton_status item;

		baton_own_status(&n->own, c->items[i].spi_i, c->items[i].spi_r, status, &item);
		baton_build_status(&b, &item);
	}
	len = baton_build_end(&b);
	if (len > 0)
		baton_charon_link_send(&n->link, n->buf, (size_t)len);
}

/* Once for each time that the stores are lost. */
static void note_unconfirmed(struct baton_node *n, enum progress p)
{
	bool hold = n->config.fence_on_loss && has_stores(n);

	n->unconfirmed++;
	if (n->confirm_lost)
		return;
	n->confirm_lost = true;
	baton_log(BATON_LOG_WARNING, "response_unconfirmed", "reason=\"%s\" action=%s",
		  p == OUT_OF_REACH ? "too few stores can be reached" : "the stores are slow",
		  hold ? "hold" : "send");
}

/* True when the request is done with. */
static bool look(struct baton_node *n, struct baton_confirm *c, uint64_t now_ms)
{
	enum progress p = progress(n, c);

	if (p == STORED || p == LOST) {
		n->confirm_lost &= p != STORED;
		answer(n, c, p == STORED ? BATON_OK : BATON_E_STALE_OWNER);
		return true;
	}
	if (p == UNDER_WAY && now_ms < c->late_ms)
		return false;
	if (has_stores(n))
		note_unconfirmed(n, p);
	if (n->config.fence_on_loss && has_stores(n)) {
		c->late_ms = UINT64_MAX;
		return false;
	}
	answer(n, c, BATON_E_UNREACHABLE);
	return true;
}

bool baton_confirm_wait(struct baton_node *n, const struct baton_message *m)
{
	unsigned count = m->session_count + m->delete_count;
	struct baton_confirm *c = calloc(1, sizeof(*c) + count * sizeof(c->items[0]));
	const struct baton_record *r;

	if (!c)
		return false;
	c->header = m->header;
	for (unsigned i = 0; i < count; i++) {
		bool put = i < m->session_count;
		unsigned j = put ? i : i - m->session_count;

		c->items[i].spi_i = put ? m->sessions[j].spi_i : m->deletes[j].spi_i;
		c->items[i].spi_r = put ? m->sessions[j].spi_r : m->deletes[j].spi_r;
		r = baton_table_find(&n->table, c->items[i].spi_i, c->items[i].spi_r);
		c->items[i].version = r ? r->version : 0;
	}
	c->count = count;
	c->late_ms = baton_now_ms() + n->config.ack_wait_ms;
	TAILQ_INSERT_TAIL(&n->confirms, c, entry);
	return true;
}

uint64_t baton_confirm_look(struct baton_node *n, uint64_t now_ms)
{
	struct baton_confirm *c, *next;
	uint64_t due = UINT64_MAX;

	for (c = TAILQ_FIRST(&n->confirms); c; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (look(n, c, now_ms)) {
			TAILQ_REMOVE(&n->confirms, c, entry);
			free(c);
		} else if (c->late_ms < due) {
			due = c->late_ms;
		}
	}
	return due;
}

void baton_confirm_drop(struct baton_node *n)
{
	struct baton_confirm *c;

	while ((c = TAILQ_FIRST(&n->confirms))) {
		TAILQ_REMOVE(&n->confirms, c, entry);
		free(c);
	}
}
