/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets for sessions that another gateway serves ([miss] forward = yes).
 *
 * Theory of operation. A packet for an SA that is not here has its session
 * looked for (fetch.c). Where its owner is heard of, the session stays there,
 * and the packet is sent on, N(FORWARD), inside the IPsec SA between the two
 * nodes; so are those that come for it in the next seconds (src/miss/waiting.h).
 * The owner hands it to its kernel as if it had come there (src/miss/inject.h).
 * If the packet was sent to an address of the other gateway, which is how a
 * client that has not followed yet sends, it gets the destination that the SA
 * has here, as from a NAT.
 *
 * A packet is sent on once. Whoever gets it so, and has no use for it, drops
 * it: two gateways that each take the other for the owner do not play ball.
 */
#include "daemon/node.h"

#include <errno.h>
#include <string.h>

/* Of the session of this packet, whatever address it was sent to. */
static struct baton_record *session_of(struct baton_node *n, const struct baton_packet *p)
{
	struct baton_wanted w = {0};

	if (p->kind == BATON_PACKET_ESP)
		w.protocol = BATON_PROTO_ESP;
	else if (p->kind == BATON_PACKET_IKE)
		w.protocol = 1;
	else
		w.behind = p->to;
	w.behind.port = 0;
	w.spi = p->spi;
	w.ike = p->ike;
	return baton_fetch_find(n, &w);
}

/* Where packets for r are to be sent here. */
static const struct baton_addr *address_of(const struct baton_node *n, const struct baton_record *r)
{
	const struct baton_addr *a = r->held ? &r->local : baton_address_for(&n->config, &r->local);

	return a ? a : &r->local;
}

static bool is_for_us(struct baton_node *n, uint8_t *packet, size_t len)
{
	struct baton_packet p;
	struct baton_record *r;

	if (baton_packet_parse(&p, packet, len))
		return false;
	r = session_of(n, &p);
	if (!r || !baton_node_owns(n, r))
		return false;
	/* From the protected side: an SA of ours will take it. */
	if (p.kind == BATON_PACKET_OTHER)
		return baton_miss_is_client(n, &p.to);
	return baton_packet_redirect(packet, len, address_of(n, r)) == 0;
}

static void take_forwarded(void *ctx, const void *packet, size_t len)
{
	static uint8_t copy[BATON_MESSAGE_MAX]; /* single-threaded */
	struct baton_node *n = ctx;

	if (len <= sizeof(copy)) {
		memcpy(copy, packet, len);
		if (is_for_us(n, copy, len) && baton_inject(&n->inject, copy, len) == 0) {
			n->forward.taken++;
			return;
		}
	}
	n->forward.dropped++;
}

void baton_forward_send(struct baton_node *n, unsigned peer, const void *packet, size_t len)
{
	struct baton_peer *p = &n->peers[peer];
	struct baton_header h = baton_exchange_header(&p->x, BATON_SA_STOR);
	struct baton_builder b;
	int size;

	baton_build_begin(&b, p->buf, sizeof(p->buf), &h);
	baton_build_id(&b, BATON_PL_IDI, &n->config.server_id);
	baton_build_forward(&b, packet, len);
	size = baton_build_end(&b);
	if (size > 0) {
		baton_exchange_once(&p->x, p->buf, (size_t)size);
		n->forward.sent++;
	}
}

void baton_forward_open(struct baton_node *n)
{
	const char *why;

	if (!n->config.forward_on_miss || n->inject.fd >= 0)
		return;
	if (baton_inject_open(&n->inject, &why))
		baton_log(BATON_LOG_ERROR, "forward_unavailable", "reason=\"%s\" error=\"%s\"", why,
			  strerror(errno));
	else
		n->service->forwarded = take_forwarded;
}

void baton_forward_close(struct baton_node *n)
{
	n->service->forwarded = NULL;
	baton_inject_close(&n->inject);
}
