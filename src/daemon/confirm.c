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

/* The least of what its records are; *lost when one of them is another node's by now. */
static enum baton_stored progress(struct baton_node *n, const struct baton_confirm *c, bool *lost)
{
	enum baton_stored least = BATON_STORED;

	for (unsigned i = 0; i < c->count; i++) {
		const struct baton_record *r = baton_table_find(&n->table, c->items[i].spi_i,
								c->items[i].spi_r);
		enum baton_stored s;

		if (!r)
			continue; /* deleted long ago */
		*lost |= !baton_node_owns(n, r);
		s = baton_stores_have(n->peer_list, n->peer_count, r, c->items[i].version,
				      n->config.ack);
		least = s > least ? s : least;
	}
	return least;
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
static void note_unconfirmed(struct baton_node *n, enum baton_stored s)
{
	bool hold = n->config.fence_on_loss && has_stores(n);

	n->unconfirmed++;
	if (n->confirm_lost)
		return;
	n->confirm_lost = true;
	baton_log(BATON_LOG_WARNING, "response_unconfirmed", "reason=\"%s\" action=%s",
		  s == BATON_STORED_NOT ? "too few stores can be reached" : "the stores are slow",
		  hold ? "hold" : "send");
}

/* True when the request is done with. */
static bool look(struct baton_node *n, struct baton_confirm *c, uint64_t now_ms)
{
	bool lost = false;
	enum baton_stored s = progress(n, c, &lost);

	if (lost || s == BATON_STORED) {
		n->confirm_lost &= lost;
		answer(n, c, lost ? BATON_E_STALE_OWNER : BATON_OK);
		return true;
	}
	if (s == BATON_STORED_SOON && now_ms < c->late_ms)
		return false;
	if (has_stores(n))
		note_unconfirmed(n, s);
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
