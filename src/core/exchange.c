/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/exchange.h"

#include <stdlib.h>
#include <string.h>

#define DATAGRAM_MAX 65507u

int baton_exchange_init(struct baton_exchange *x, const struct baton_exchange_ops *ops, void *ctx,
			uint64_t boot, size_t mtu)
{
	*x = (struct baton_exchange){.ops = ops, .ctx = ctx, .boot = boot, .mtu = mtu};
	for (unsigned i = 0; i < BATON_REASSEMBLIES; i++) {
		x->parts[i] = baton_locked_alloc(sizeof(*x->parts[i]));
		if (!x->parts[i]) {
			baton_exchange_free(x);
			return -BATON_E_SYSTEM;
		}
	}
	return 0;
}

static void release(struct baton_exchange *x, struct baton_slot *s)
{
	baton_wipe(s->msg, s->len);
	free(s->msg);
	*s = (struct baton_slot){0};
	x->in_flight--;
}

void baton_exchange_free(struct baton_exchange *x)
{
	for (unsigned i = 0; i < BATON_WINDOW; i++)
		if (x->slots[i].used)
			release(x, &x->slots[i]);
	for (unsigned i = 0; i < BATON_REASSEMBLIES; i++) {
		if (x->parts[i])
			baton_locked_free(x->parts[i], sizeof(*x->parts[i]));
		x->parts[i] = NULL;
	}
}

bool baton_exchange_ready(const struct baton_exchange *x)
{
	return x->in_flight < BATON_WINDOW;
}

struct baton_header baton_exchange_header(const struct baton_exchange *x, uint8_t exchange)
{
	return (struct baton_header){
		.spi_i = x->boot,
		.spi_r = x->peer_boot,
		.exchange = exchange,
		.flags = BATON_FLAG_INITIATOR,
		.msgid = x->next_msgid,
	};
}

static void transmit(struct baton_exchange *x, const void *msg, size_t len)
{
	static uint8_t out[DATAGRAM_MAX]; /* single-threaded; wiped below */
	size_t used = 0;
	uint32_t tag;
	int n = 0;

	if (len <= x->mtu) {
		x->ops->send(x->ctx, msg, len);
		x->sent++;
		return;
	}
	tag = baton_fragment_tag(msg, len);
	for (unsigned i = 0;
	     (n = baton_fragment_tagged(msg, len, x->mtu, tag, i, out, sizeof(out))) > 0; i++) {
		x->ops->send(x->ctx, out, (size_t)n);
		x->sent++;
		used = (size_t)n > used ? (size_t)n : used;
	}
	baton_wipe(out, used);
	if (n < 0)
		x->refused[-n & 31]++;
}

int baton_exchange_start(struct baton_exchange *x, const void *msg, size_t len, void *tag,
			 uint64_t now_ms, uint64_t deadline_ms)
{
	struct baton_slot *s = x->slots;

	if (!baton_exchange_ready(x))
		return -BATON_E_BUSY;
	while (s->used)
		s++;
	s->msg = malloc(len);
	if (!s->msg)
		return -BATON_E_SYSTEM;
	memcpy(s->msg, msg, len);
	s->len = len;
	s->used = true;
	s->msgid = x->next_msgid++;
	s->tag = tag;
	s->backoff_ms = BATON_RETRANSMIT_FIRST_MS;
	s->next_ms = now_ms + s->backoff_ms;
	s->deadline_ms = deadline_ms;
	x->in_flight++;
	transmit(x, s->msg, s->len);
	return 0;
}

void baton_exchange_once(struct baton_exchange *x, const void *msg, size_t len)
{
	x->next_msgid++;
	transmit(x, msg, len);
}

void baton_exchange_respond(struct baton_exchange *x, const void *msg, size_t len)
{
	transmit(x, msg, len);
}

/* A response for a request under way, from the incarnation we asked or its first. */
static void take_response(struct baton_exchange *x, const struct baton_header *h, const void *buf,
			  size_t len)
{
	for (unsigned i = 0; i < BATON_WINDOW; i++) {
		struct baton_slot *s = &x->slots[i];
		void *tag = s->tag;

		if (!s->used || s->msgid != h->msgid)
			continue;
		release(x, s);
		x->ops->response(x->ctx, tag, buf, len);
		return;
	}
	/* A late duplicate: normal after a retransmission. */
}

static void take_message(struct baton_exchange *x, const void *buf, size_t len, uint64_t now_ms)
{
	struct baton_reader r;
	struct baton_header h;
	int err;

	baton_reader_init(&r, buf, len);
	err = baton_header_decode(&h, &r);
	if (err) {
		x->refused[-err & 31]++;
		return;
	}
	if (h.flags & BATON_FLAG_RESPONSE) {
		if (h.spi_i != x->boot) {
			x->refused[BATON_E_VALUE]++; /* meant for an earlier incarnation of ours */
			return;
		}
		x->peer_boot = h.spi_r;
		x->last_heard_ms = now_ms;
		take_response(x, &h, buf, len);
		return;
	}
	x->last_heard_ms = now_ms;
	x->ops->request(x->ctx, buf, len);
}

static bool same_message(const struct baton_reassembly *p, const struct baton_header *h)
{
	return p->total && p->header.spi_i == h->spi_i && p->header.spi_r == h->spi_r &&
	       p->header.msgid == h->msgid && p->header.exchange == h->exchange &&
	       p->header.flags == h->flags;
}

static struct baton_reassembly *part_for(struct baton_exchange *x, const struct baton_header *h)
{
	for (unsigned i = 0; i < BATON_REASSEMBLIES; i++)
		if (same_message(x->parts[i], h))
			return x->parts[i];
	return x->parts[x->part_turn++ % BATON_REASSEMBLIES];
}

void baton_exchange_input(struct baton_exchange *x, const void *buf, size_t len, uint64_t now_ms)
{
	int fragment = baton_is_fragment(buf, len);
	struct baton_reassembly *p;
	struct baton_reader r;
	struct baton_header h;
	int err;

	x->received++;
	if (fragment == 0) {
		take_message(x, buf, len, now_ms);
		return;
	}
	baton_reader_init(&r, buf, len);
	err = fragment < 0 ? fragment : baton_header_decode(&h, &r);
	if (err < 0) {
		x->refused[-err & 31]++;
		return;
	}
	p = part_for(x, &h);
	err = baton_reassemble(p, buf, len);
	if (err < 0)
		x->refused[-err & 31]++;
	if (err != 1)
		return;
	take_message(x, p->buf, p->len, now_ms);
	baton_reassembly_reset(p);
}

uint64_t baton_exchange_tick(struct baton_exchange *x, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;
	unsigned left = x->in_flight;

	for (unsigned i = 0; i < BATON_WINDOW && left; i++) {
		struct baton_slot *s = &x->slots[i];

		if (!s->used)
			continue;
		left--;
		if (now_ms >= s->deadline_ms) {
			void *tag = s->tag;

			release(x, s);
			x->timeouts++;
			x->ops->response(x->ctx, tag, NULL, 0);
			continue;
		}
		if (now_ms >= s->next_ms) {
			transmit(x, s->msg, s->len);
			x->retransmitted++;
			s->backoff_ms = s->backoff_ms * 2 > BATON_RETRANSMIT_MAX_MS
						? BATON_RETRANSMIT_MAX_MS
						: s->backoff_ms * 2;
			s->next_ms = now_ms + s->backoff_ms;
		}
		if (s->next_ms < next)
			next = s->next_ms;
		if (s->deadline_ms < next)
			next = s->deadline_ms;
	}
	return next;
}

void baton_exchange_abort(struct baton_exchange *x)
{
	for (unsigned i = 0; i < BATON_WINDOW; i++) {
		void *tag = x->slots[i].tag;

		if (!x->slots[i].used)
			continue;
		release(x, &x->slots[i]);
		x->timeouts++;
		x->ops->response(x->ctx, tag, NULL, 0);
	}
}
