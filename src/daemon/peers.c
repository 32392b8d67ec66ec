/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peers: their datagrams, what becomes of requests and responses, which of
 * them are our stores; and peers that come and go while we run.
 *
 * Theory of operation. A peer keeps its place in the array for as long as it is
 * configured, for its index is in every record. One that is removed leaves its
 * place empty: it is absent, told and asked nothing more, and what was under way
 * runs out. A later one may have the place when that has happened.
 *
 * A store of ours is not removed: for up to the hold time it would go on to count
 * itself as current (docs/protocol.md 5.3.8).
 */
#include "daemon/node.h"

#include "daemon/datagrams.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static socklen_t to_sockaddr(const struct baton_addr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (a->family == AF_INET) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(a->port);
		memcpy(&v4->sin_addr, a->ip, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(a->port);
	memcpy(&v6->sin6_addr, a->ip, 16);
	return sizeof(*v6);
}

static struct baton_addr from_sockaddr(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;
	struct baton_addr a = {0};

	if (ss->ss_family == AF_INET) {
		a.family = AF_INET;
		a.port = ntohs(v4->sin_port);
		memcpy(a.ip, &v4->sin_addr, 4);
	} else if (ss->ss_family == AF_INET6) {
		a.family = AF_INET6;
		a.port = ntohs(v6->sin6_port);
		memcpy(a.ip, &v6->sin6_addr, 16);
	}
	return a;
}

/* ---- a peer's exchange ------------------------------------------------------------------- */
struct peer_ctx {
	struct baton_node *node;
	struct baton_peer *peer;
	struct sockaddr_storage to;
	socklen_t to_len;
	uint64_t storeless_boot; /* the boot ID with which it said that it has no store role */
};
static struct peer_ctx peer_ctxs[BATON_PEERS_MAX];

static void send_datagram(void *ctx, const void *buf, size_t len)
{
	struct peer_ctx *c = ctx;

	baton_datagrams_send(c->node->datagrams, c->node->udp.fd, buf, len, &c->to, c->to_len);
}

static void take_request(void *ctx, const void *buf, size_t len)
{
	static uint8_t out[BATON_MESSAGE_MAX]; /* single-threaded; wiped below */
	struct peer_ctx *c = ctx;
	struct baton_reader r;
	struct baton_header h;
	int n;

	baton_reader_init(&r, buf, len);
	if (baton_header_decode(&h, &r) == 0 && h.spi_i != c->peer->x.peer_boot)
		c->peer->probe_ms = 0; /* restarted, or new to us: do not wait to find out */
	n = baton_service_answer(c->node->service, &c->peer->id, buf, len, baton_now_ms(), out,
				 sizeof(out));
	if (n > 0) {
		baton_exchange_respond(&c->peer->x, out, (size_t)n);
		baton_wipe(out, (size_t)n);
	}
}

static void take_response(void *ctx, void *tag, const void *buf, size_t len)
{
	struct peer_ctx *c = ctx;

	baton_peer_response(c->peer, tag, buf, len, baton_now_ms());
}

static const struct baton_exchange_ops exchange_ops = {
	.send = send_datagram,
	.request = take_request,
	.response = take_response,
};

/* Our stores, in the order of the configuration: peers that are not known to have no store role. */
static void rank_stores(struct baton_node *n)
{
	bool is_store[BATON_PEERS_MAX] = {false};

	for (unsigned i = 0; i < n->peer_count; i++)
		is_store[i] = n->config.peers[i].store && !n->config.peers[i].absent &&
			      !peer_ctxs[i].storeless_boot;
	baton_stores_rank(n->peer_list, n->peer_count, is_store);
	n->service->own_stores = 0;
	for (unsigned i = 0; i < n->peer_count; i++)
		n->service->own_stores += is_store[i];
	n->ranked_ms = baton_now_ms();
}

static void peer_state(void *ctx, struct baton_peer *p)
{
	struct baton_node *n = ctx;
	struct peer_ctx *c = &peer_ctxs[p->index];

	baton_log(p->state == BATON_PEER_DOWN ? BATON_LOG_WARNING : BATON_LOG_INFO, "peer_state",
		  "peer=%s state=%s", n->config.peers[p->index].name,
		  baton_peer_state_names[p->state]);
	if (c->storeless_boot && c->storeless_boot != p->x.peer_boot) {
		c->storeless_boot = 0; /* it was restarted, perhaps with another role */
		rank_stores(n);
	}
	if (p->state == BATON_PEER_DOWN)
		baton_miss_peer_down(n, p->index);
	if (p->state == BATON_PEER_UP && n->link.connected && !n->recovered)
		n->recover_due = true; /* it may have what we have forgotten */
}

static void peer_refused(void *ctx, struct baton_peer *p, const struct baton_status *s)
{
	struct baton_node *n = ctx;
	struct peer_ctx *c = &peer_ctxs[p->index];

	if (s->status == BATON_E_SPI_COLLISION)
		baton_partition_collided(n, s->spi_i, s->spi_r);
	if (s->status == BATON_E_EXCHANGE) {
		if (!c->storeless_boot)
			baton_log(BATON_LOG_INFO, "peer_stores_nothing", "peer=%s",
				  n->config.peers[p->index].name);
		if (!c->storeless_boot) {
			c->storeless_boot = p->x.peer_boot;
			rank_stores(n);
		}
		return;
	}
	baton_log(BATON_LOG_ERROR, "store_refused",
		  "peer=%s spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " reason=\"%s\"",
		  n->config.peers[p->index].name, s->spi_i, s->spi_r, baton_strerror(s->status));
}

/* Our sequence numbers of that session may be those of an owner before us. */
static void peer_behind(void *ctx, struct baton_record *r)
{
	struct baton_node *n = ctx;

	baton_log(BATON_LOG_WARNING, "session_behind",
		  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " epoch=%u action=claim", r->spi_i,
		  r->spi_r, r->epoch);
	n->recover_due = true;
	n->recovered = false; /* should the claim fail: again, when a peer is back */
}

static void peer_renamed(void *ctx, struct baton_record *r)
{
	baton_node_dirty(ctx, r, BATON_DIRTY_PUT);
}

/* We were granted it, and did not hear of that in time. It may have another owner since. */
static void peer_unknown(void *ctx, struct baton_peer *p, const struct baton_status *s)
{
	struct baton_node *n = ctx;
	const struct baton_wanted w = {.protocol = 1, .ike = {s->spi_i, s->spi_r}};

	if (!n->recovered || n->takeover.active || !n->link.connected)
		return; /* it is claimed with all others, or looked for again */
	baton_log(BATON_LOG_WARNING, "session_unknown",
		  "peer=%s spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " action=fetch",
		  n->config.peers[p->index].name, s->spi_i, s->spi_r);
	(void)baton_fetch_start(n, &w, true, NULL);
}

static void take_fetched(struct baton_node *n, struct baton_peer *p, void *tag, const void *buf,
			 size_t len)
{
	if (!buf)
		p->digest_ms = 0; /* has it granted a claim all the same? */
	baton_fetch_answer(n, tag, p, buf, len);
}

static void peer_answer(void *ctx, struct baton_peer *p, void *tag, const void *buf, size_t len)
{
	struct baton_node *n = ctx;

	if (tag == &n->follows[p->index])
		baton_follow_answer(n, p, buf, len);
	else if (tag == &n->members)
		baton_members_answer(n, p, buf, len);
	else if (tag == &n->givebacks)
		return;
	else if (baton_inquiry_is(n, tag))
		baton_inquiry_answer(n, tag, buf, len);
	else if (tag == &n->drain)
		baton_drain_answer(n, buf, len);
	else if (tag)
		take_fetched(n, p, tag, buf, len);
	else
		baton_takeover_answer(n, p, tag, buf, len);
}

static const struct baton_peer *peer_named(const struct baton_node *n, const struct baton_id *id)
{
	for (unsigned i = 0; i < n->peer_count; i++)
		if (!n->peers[i].absent && baton_id_equal(&n->peers[i].id, id))
			return &n->peers[i];
	return NULL;
}

static void take_offer(void *ctx, const struct baton_id *peer, const struct baton_spis *spis)
{
	const struct baton_wanted w = {.protocol = 1, .ike = *spis};

	if (baton_fetch_start(ctx, &w, false, peer_named(ctx, peer)))
		baton_log(BATON_LOG_WARNING, "offer_refused",
			  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64
			  " reason=\"too many are being fetched\"",
			  spis->spi_i, spis->spi_r);
}

static const struct baton_replica_ops replica_ops = {
	.renamed = peer_renamed,
	.lost = baton_retreat_lost,
	.behind = peer_behind,
	.settled = baton_lease_settled,
	.refused = peer_refused,
	.unknown = peer_unknown,
	.state = peer_state,
	.answer = peer_answer,
};

static struct baton_peer *peer_at(struct baton_node *n, const struct baton_addr *from)
{
	for (unsigned i = 0; i < n->peer_count; i++)
		if (!n->peers[i].absent && baton_addr_equal(&n->peers[i].addr, from) &&
		    n->peers[i].addr.port == from->port)
			return &n->peers[i];
	return NULL;
}

void baton_peers_take(struct baton_node *n, unsigned i)
{
	const struct sockaddr_storage *ss;
	struct baton_addr from;
	struct baton_peer *p;
	size_t len;
	const void *buf = baton_datagrams_get(n->datagrams, i, &len, &ss);

	from = from_sockaddr(ss);
	p = peer_at(n, &from);
	if (p)
		baton_exchange_input(&p->x, buf, len, baton_now_ms());
	else
		n->strangers++;
}

/* ---- who they are ------------------------------------------------------------------------ */
/* In a place that is empty, or was. 0 or -BATON_E_SYSTEM. */
static int add(struct baton_node *n, unsigned i)
{
	struct baton_peer *p = &n->peers[i];
	struct baton_record *r;

	if (p->x.ops)
		baton_exchange_free(&p->x);
	memset(p, 0, sizeof(*p));
	if (baton_exchange_init(&p->x, &exchange_ops, &peer_ctxs[i], n->boot, n->config.mtu))
		return -BATON_E_SYSTEM;
	p->id = n->config.peers[i].id;
	p->addr = n->config.peers[i].addr;
	p->hold_ms = n->config.hold_ms;
	peer_ctxs[i] = (struct peer_ctx){.node = n, .peer = p};
	peer_ctxs[i].to_len = to_sockaddr(&p->addr, &peer_ctxs[i].to);
	baton_peer_init(p, i, &n->own, &replica_ops, n);
	n->peer_list[i] = p;
	TAILQ_FOREACH(r, &n->table.records, all)
		baton_peer_begin(p, r);
	return 0;
}

static void forget_place(struct baton_node *n, unsigned i)
{
	n->follows[i] = (struct baton_follow){0};
	n->members.views[i].at_ms = 0;
	n->members.asking[i] = n->alive[i] = false;
	n->members.absences[i] = (struct baton_absence){0};
}

static void leave(struct baton_node *n, unsigned i)
{
	baton_peer_leave(&n->peers[i]);
	n->peer_list[i] = NULL;
	forget_place(n, i);
	baton_log(BATON_LOG_INFO, "peer_removed", "peer=%s", n->config.peers[i].name);
}

int baton_peers_start(struct baton_node *n)
{
	n->peers = baton_locked_alloc(sizeof(*n->peers) * BATON_PEERS_MAX);
	n->service->offered = n->config.gateway ? take_offer : NULL;
	if (!n->peers)
		return -BATON_E_SYSTEM;
	while (n->peer_count < n->config.peer_count) {
		if (add(n, n->peer_count))
			return -BATON_E_SYSTEM;
		n->peer_count++;
	}
	rank_stores(n);
	return 0;
}

void baton_peers_stop(struct baton_node *n)
{
	for (unsigned i = 0; i < n->peer_count; i++)
		baton_exchange_free(&n->peers[i].x);
	if (n->peers)
		baton_locked_free(n->peers, sizeof(*n->peers) * BATON_PEERS_MAX);
}

/* Where a new peer may go; BATON_PEERS_MAX: nowhere. */
static unsigned free_place(const struct baton_node *n, const struct baton_config *next)
{
	for (unsigned i = 0; i < n->peer_count; i++)
		if (next->peers[i].absent && n->config.peers[i].absent && !n->peers[i].x.in_flight)
			return i;
	return next->peer_count;
}

const char *baton_peers_arrange(const struct baton_node *n, struct baton_config *next)
{
	const struct baton_config *c = &n->config;
	struct baton_config given = *next;
	bool known[BATON_PEERS_MAX] = {false};

	next->peer_count = c->peer_count;
	for (unsigned i = 0; i < c->peer_count; i++) {
		next->peers[i] = c->peers[i];
		next->peers[i].absent = true;
		for (unsigned j = 0; j < given.peer_count; j++) {
			if (c->peers[i].absent ||
			    !baton_id_equal(&c->peers[i].id, &given.peers[j].id))
				continue;
			next->peers[i] = given.peers[j];
			known[j] = true;
		}
		if (next->peers[i].absent && !c->peers[i].absent && c->gateway && c->peers[i].store)
			return "removing a [peer] that is a store";
	}
	for (unsigned j = 0; j < given.peer_count; j++) {
		unsigned at = known[j] ? 0 : free_place(n, next);

		if (known[j])
			continue;
		if (at == BATON_PEERS_MAX)
			return "adding a [peer] so soon after others were removed (reload again in "
			       "some seconds), or that many,";
		next->peers[at] = given.peers[j];
		if (at == next->peer_count)
			next->peer_count++;
	}
	return NULL;
}

void baton_peers_change(struct baton_node *n, const struct baton_config *before)
{
	bool changed = false;

	for (unsigned i = 0; i < n->config.peer_count; i++) {
		bool was = i < before->peer_count && !before->peers[i].absent;
		bool is = !n->config.peers[i].absent;

		if (was == is)
			continue;
		changed = true;
		if (was) {
			leave(n, i);
			continue;
		}
		forget_place(n, i);
		if (i == n->peer_count)
			n->peer_count++;
		if (add(n, i)) {
			n->config.peers[i].absent = true;
			baton_peer_leave(&n->peers[i]);
			baton_log(BATON_LOG_ERROR, "peer_failed",
				  "peer=%s reason=\"out of memory\"", n->config.peers[i].name);
			continue;
		}
		baton_log(BATON_LOG_INFO, "peer_added", "peer=%s", n->config.peers[i].name);
	}
	if (!changed)
		return;
	rank_stores(n);
	baton_miss_reopen(n);
}
