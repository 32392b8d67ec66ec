/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets of SAs that this gateway has not ([miss] fetch = yes).
 *
 * Theory of operation. The kernel is told which inbound SPIs are here
 * (src/miss/guard.h); what comes for others waits in its queue. The first packet
 * for an SA has its session fetched (fetch.c); when the IKE daemon has it, the
 * packets go on in the order in which they came. If nobody has it they go on as
 * well, and the kernel discards them: should the IKE daemon have made the SA
 * in the meantime, they are not lost.
 *
 * The same for what comes from the protected side, where the clients' addresses
 * are configured: a packet to one that is in no tunnel of this gateway has the
 * session fetched by that address.
 *
 * With [miss] forward the session stays where it is, as long as its owner is
 * heard of, and the packets are sent on to it (forward.c).
 *
 * An SPI is known when its session is ours and the IKE daemon has it. Before
 * the IKE daemon has told us all it has we do not begin: each of its SAs would
 * be asked for.
 */
#include "daemon/node.h"

#include "miss/clients.h"
#include "wire/clients.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define DRAIN_MS 50u
#define LOOK_MS 1000u /* is the table still there? */

static struct baton_wanted wanted_of(const struct baton_packet *p)
{
	struct baton_wanted w = {0};

	if (p->kind == BATON_PACKET_TO) {
		w.behind = p->to;
		return w;
	}
	w.protocol = p->kind == BATON_PACKET_IKE ? 1 : BATON_PROTO_ESP;
	w.spi = p->spi;
	w.ike = p->ike;
	w.local = p->to;
	return w;
}

static struct baton_packet packet_of(const struct baton_wanted *w)
{
	if (!w->protocol)
		return (struct baton_packet){.kind = BATON_PACKET_TO, .to = w->behind};
	return (struct baton_packet){.kind = w->protocol == 1 ? BATON_PACKET_IKE : BATON_PACKET_ESP,
				     .spi = w->spi,
				     .ike = w->ike,
				     .to = w->local};
}

bool baton_miss_is_client(const struct baton_node *n, const struct baton_addr *a)
{
	for (unsigned i = 0; i < n->config.client_net_count; i++)
		if (baton_net_has(&n->config.client_nets[i], a))
			return true;
	return false;
}

static bool is_here(const struct baton_node *n, const struct baton_record *r)
{
	return !r->deleted && r->held && baton_node_owns(n, r);
}

static void let_go(void *ctx, uint32_t id)
{
	struct baton_node *n = ctx;

	baton_guard_verdict(n->guard, id, BATON_GUARD_ACCEPT);
}

static void send_again(void *ctx, uint32_t id)
{
	struct baton_node *n = ctx;

	baton_guard_verdict(n->guard, id, BATON_GUARD_AGAIN);
}

/* The IKE daemon has just made the SA, and we have not heard of it yet. */
static bool is_in_kernel(const struct baton_node *n, const struct baton_packet *p,
			 const struct baton_record *r)
{
	const struct baton_sa_id id = {.dst = p->to, .spi = p->spi, .protocol = BATON_PROTO_ESP};
	struct baton_sa_state s;

	return p->kind == BATON_PACKET_ESP && !(r && r->installing) &&
	       baton_xfrm_get(n->xfrm, &id, &s) == 0;
}

/* It has come from another gateway, and is for no session of ours: it is not sent on again. */
static bool goes_astray(struct baton_node *n, const struct baton_record *r, uint32_t indev)
{
	return n->inject.fd >= 0 && indev == n->inject.ifindex && !(r && baton_node_owns(n, r));
}

static void take_packet(void *ctx, uint32_t id, const void *buf, size_t len, uint32_t indev)
{
	struct baton_node *n = ctx;
	uint64_t now_ms = baton_now_ms();
	struct baton_wanted w;
	struct baton_packet p;
	struct baton_record *r;
	unsigned peer;

	(void)baton_packet_parse(&p, buf, len);
	p.to.port = 0; /* the port it was sent to is no part of an SA's name */
	/* Whatever it is: ESP too may be what a client receives inside its tunnel. */
	if (p.to.family && baton_miss_is_client(n, &p.to)) {
		p.kind = BATON_PACKET_TO;
		p.spi = 0;
		p.ike = (struct baton_spis){0};
	}
	if (p.kind == BATON_PACKET_OTHER) {
		baton_guard_verdict(n->guard, id, BATON_GUARD_ACCEPT);
		return;
	}
	w = wanted_of(&p);
	r = baton_fetch_find(n, &w);
	if (r && is_here(n, r)) { /* since a moment ago */
		baton_guard_verdict(n->guard, id, BATON_GUARD_ACCEPT);
		return;
	}
	if (goes_astray(n, r, indev)) {
		n->forward.dropped++;
		baton_guard_verdict(n->guard, id, BATON_GUARD_DROP);
		return;
	}
	if (r && baton_node_owns(n, r)) /* whoever had it a moment ago */
		baton_waiting_wake(n->room, &p);
	switch (baton_waiting_take(n->room, &p, id, now_ms, &peer)) {
	case BATON_MISS_PASS:
		baton_guard_verdict(n->guard, id, BATON_GUARD_ACCEPT);
		return;
	case BATON_MISS_AWAY:
		baton_forward_send(n, peer, buf, len);
		baton_guard_verdict(n->guard, id, BATON_GUARD_DROP);
		return;
	case BATON_MISS_HOLD:
		return;
	case BATON_MISS_ASK:
		if (is_in_kernel(n, &p, r))
			baton_guard_pass(n->guard, p.spi);
		else if (baton_fetch_start(n, &w, n->config.forward_on_miss, NULL) == 0)
			return;
		/* If it cannot be asked for now, then perhaps when its next packet comes. */
		baton_waiting_end(n->room, &p, true, now_ms, let_go, n);
		return;
	}
}

void baton_miss_ended(struct baton_node *n, const struct baton_wanted *w, bool ok)
{
	const struct baton_packet p = packet_of(w);

	if (n->guard)
		baton_waiting_end(n->room, &p, ok, baton_now_ms(), let_go, n);
}

void baton_miss_away(struct baton_node *n, const struct baton_wanted *w, unsigned peer)
{
	const struct baton_packet p = packet_of(w);
	uint64_t now_ms = baton_now_ms();

	if (!n->guard)
		return;
	/* They come back with all of their octets, which we have not kept, and are sent on. */
	baton_waiting_end(n->room, &p, true, now_ms, send_again, n);
	baton_waiting_away(n->room, &p, peer, now_ms);
}

void baton_miss_pause(struct baton_node *n, unsigned peer)
{
	if (n->guard)
		baton_waiting_pause(n->room, peer);
}

void baton_miss_resume(struct baton_node *n, unsigned peer)
{
	if (n->guard)
		baton_waiting_resume(n->room, peer, send_again, n);
}

void baton_miss_peer_down(struct baton_node *n, unsigned peer)
{
	if (n->guard)
		baton_waiting_forget_peer(n->room, peer);
}

static void ready(struct baton_source *s, uint32_t events)
{
	struct baton_node *n = s->ctx;

	(void)events;
	(void)baton_guard_read(n->guard, take_packet, n);
}

/* What is in the queue goes before what is not sent there any more: receivers of ESP refuse what
 * comes more than a window late. Where more comes than can be taken out the queue does not get
 * empty, and the sooner nothing is sent there any more the better. */
static void drain(struct baton_node *n)
{
	uint64_t end_ms = baton_now_ms() + DRAIN_MS;

	while (baton_guard_read(n->guard, take_packet, n) && baton_now_ms() < end_ms)
		;
}

/* ---- what is here ------------------------------------------------------------------------------
 */
static uint32_t ike_spi(const struct baton_record *r)
{
	return (uint32_t)(r->spi_r >> 32);
}

void baton_miss_look(struct baton_node *n, struct baton_record *r)
{
	bool here = is_here(n, r);

	if (!n->guard)
		return;
	for (unsigned i = 0; i < r->mark_count; i++) {
		struct baton_mark *m = &r->marks[i];

		if (m->guarded == here || m->protocol != BATON_PROTO_ESP)
			continue;
		m->guarded = here;
		baton_guard_know(n->guard, BATON_GUARD_ESP, m->spi_in, here);
	}
	if (r->guarded != here)
		baton_guard_know(n->guard, BATON_GUARD_IKE, ike_spi(r), here);
	r->guarded = here;
	if (n->clients)
		baton_clients_look(n->clients, n->guard, r, here);
}

static void quiet(struct baton_node *n, const struct baton_wanted *w, uint32_t for_ms)
{
	const struct baton_packet p = packet_of(w);

	baton_waiting_quiet(n->room, &p, baton_now_ms() + for_ms);
}

void baton_miss_shun(struct baton_node *n, const struct baton_record *r, uint32_t for_ms)
{
	struct baton_wanted w = {.protocol = 1, .ike = {r->spi_i, r->spi_r}, .local = r->local};
	struct baton_addr behind[BATON_CLIENTS_MAX] = {0};
	unsigned count = 0;

	if (!n->guard)
		return;
	w.local.port = 0;
	quiet(n, &w, for_ms);
	w.protocol = BATON_PROTO_ESP;
	w.ike = (struct baton_spis){0};
	for (unsigned i = 0; i < r->mark_count; i++) {
		w.spi = r->marks[i].spi_in;
		quiet(n, &w, for_ms);
	}
	if (n->clients && r->body)
		count = baton_session_clients(r->body, r->body_len, behind);
	for (unsigned i = 0; i < count; i++)
		quiet(n, &(struct baton_wanted){.behind = behind[i]}, for_ms);
}

void baton_miss_forget(struct baton_node *n, struct baton_record *r, bool left)
{
	if (!n->guard)
		return;
	for (unsigned i = 0; i < r->mark_count; i++) {
		if (r->marks[i].guarded)
			baton_guard_know(n->guard, BATON_GUARD_ESP, r->marks[i].spi_in, false);
		r->marks[i].guarded = false;
	}
	if (r->guarded)
		baton_guard_know(n->guard, BATON_GUARD_IKE, ike_spi(r), false);
	r->guarded = false;
	if (n->clients)
		baton_clients_look(n->clients, n->guard, r, false);
	if (left) /* what comes for it yet was on its way */
		baton_miss_shun(n, r, n->config.miss.quiet_ms);
}

bool baton_miss_shut_out(struct baton_node *n)
{
	bool remade;

	return n->guard && baton_guard_flush(n->guard, false, &remade) == 0;
}

void baton_miss_flush(struct baton_node *n, uint64_t now_ms)
{
	bool look = now_ms >= n->guard_look_ms, remade, changed;
	int err;

	if (!n->guard)
		return;
	changed = baton_guard_changed(n->guard);
	if (look)
		n->guard_look_ms = now_ms + LOOK_MS;
	if (changed)
		drain(n);
	err = baton_guard_flush(n->guard, look, &remade);
	if (changed)
		drain(n);
	if (err) {
		if (look)
			baton_log(BATON_LOG_ERROR, "miss_table_failed", "reason=\"%s\"",
				  baton_guard_error(n->guard));
	} else if (remade) {
		baton_log(BATON_LOG_WARNING, "miss_table_remade",
			  "reason=\"the nftables table baton-miss was not there any more\"");
	}
}

/* ---- start and stop ----------------------------------------------------------------------------
 */
void baton_miss_open(struct baton_node *n)
{
	struct baton_guard_options options;
	const char *why;
	struct baton_record *r;

	if (!n->config.fetch_on_miss || n->guard)
		return;
	n->room = baton_waiting_new(&n->config.miss, n->table.seed);
	if (!n->room)
		return;
	baton_forward_open(n);
	options = (struct baton_guard_options){.queue = (uint16_t)n->config.miss_queue,
					       .length = n->config.miss.held_max + 4096,
					       .whole = n->inject.fd >= 0,
					       .client_count = n->config.client_net_count};
	for (unsigned i = 0; i < n->peer_count; i++)
		if (!n->peers[i].absent)
			options.friends[options.friend_count++] = n->peers[i].addr;
	memcpy(options.clients, n->config.client_nets, sizeof(options.clients));
	if (baton_guard_open(&n->guard, &options, &why)) {
		baton_log(BATON_LOG_ERROR, "miss_unavailable", "reason=\"%s\" error=\"%s\"", why,
			  strerror(errno));
		baton_forward_close(n);
		baton_waiting_free(n->room);
		n->room = NULL;
		return;
	}
	if (options.client_count)
		n->clients = baton_clients_new();
	n->guard_source = (struct baton_source){baton_guard_fd(n->guard), ready, n};
	TAILQ_FOREACH(r, &n->table.records, all)
		baton_miss_look(n, r);
	baton_miss_flush(n, baton_now_ms());
	if (baton_loop_add(&n->loop, &n->guard_source, EPOLLIN)) {
		baton_miss_close(n);
		return;
	}
	baton_log(BATON_LOG_INFO, "miss_ready", "queue=%u esp=%u ike=%u", n->config.miss_queue,
		  baton_guard_known(n->guard, BATON_GUARD_ESP),
		  baton_guard_known(n->guard, BATON_GUARD_IKE));
}

void baton_miss_reopen(struct baton_node *n)
{
	struct baton_record *r;

	if (!n->guard)
		return;
	baton_miss_close(n);
	TAILQ_FOREACH(r, &n->table.records, all) {
		r->guarded = false;
		for (unsigned i = 0; i < r->mark_count; i++)
			r->marks[i].guarded = false;
	}
	baton_miss_open(n);
}

void baton_miss_close(struct baton_node *n)
{
	baton_forward_close(n);
	baton_guard_close(n->guard);
	baton_waiting_free(n->room);
	baton_clients_free(n->clients);
	n->guard = NULL;
	n->room = NULL;
	n->clients = NULL;
}
