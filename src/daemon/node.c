/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/node.h"

#include "daemon/datagrams.h"
#include "daemon/ipsec_socket.h"
#include <errno.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define SWEEP_MS 60000u
#define IDLE_MS 60000u
#define TAKEOVER_MS 100u    /* between looks at a takeover under way */
#define XFRM_GULP_MS 10u    /* between readings of the kernel's events */
#define XFRM_FAST_MS 3u	    /* after the last reading: events come fast */
#define PROTECT_MS 1000u    /* between looks at what is stored */
#define ON_ITS_WAY_MS 3000u /* a change that young is not yet missing at a store */
#define CHARON_MS 10000u    /* after our start the IKE daemon should have come */

bool baton_node_owns(const struct baton_node *n, const struct baton_record *r)
{
	return baton_id_equal(r->owner, &n->config.server_id);
}

void baton_node_dirty(struct baton_node *n, struct baton_record *r, uint8_t what)
{
	for (unsigned i = 0; i < n->peer_count; i++)
		baton_peer_dirty(&n->peers[i], r, what, baton_now_ms());
}

static void udp_ready(struct baton_source *s, uint32_t events)
{
	struct baton_node *n = s->ctx;
	bool more = true;

	(void)events;
	for (unsigned budget = 256 / BATON_DATAGRAMS_IN; budget && more; budget--) {
		unsigned got = baton_datagrams_receive(n->datagrams, s->fd, &more);

		for (unsigned i = 0; i < got; i++)
			baton_peers_take(n, i);
		baton_datagrams_flush(n->datagrams, s->fd);
		baton_datagrams_done(n->datagrams);
	}
}

/*
 * When the kernel's events come fast they are read in gulps: whoever wakes for
 * each of them does little else while hundreds of SAs are made or count. A
 * report that is XFRM_GULP_MS late is early enough.
 */
static void xfrm_ready(struct baton_source *s, uint32_t events)
{
	struct baton_node *n = s->ctx;
	uint64_t now_ms = baton_now_ms();
	bool fast = now_ms - n->xfrm_read_ms < XFRM_FAST_MS;

	(void)events;
	n->xfrm_read_ms = now_ms;
	baton_xfrm_events(n->xfrm, baton_gateway_xfrm_event, n);
	if (fast && !n->xfrm_gulp_ms && baton_loop_change(&n->loop, s, 0) == 0)
		n->xfrm_gulp_ms = now_ms + XFRM_GULP_MS;
}

static void listen_to_xfrm(struct baton_node *n, uint64_t now_ms)
{
	if (!n->xfrm_gulp_ms || now_ms < n->xfrm_gulp_ms)
		return;
	n->xfrm_gulp_ms = 0;
	baton_loop_change(&n->loop, &n->xfrm_source, EPOLLIN);
}

/* ---- protection -------------------------------------------------------------------------- */
/* Has a store this session, or will it in a moment? */
static bool is_safe(const struct baton_node *n, const struct baton_record *r, uint64_t now_ms)
{
	for (unsigned i = 0; i < n->peer_count; i++) {
		const struct baton_replica *rep = &r->peers[i];

		if (n->peers[i].state == BATON_PEER_DOWN)
			continue;
		if (rep->acked_version ||
		    (rep->dirty_since_ms && now_ms - rep->dirty_since_ms < ON_ITS_WAY_MS))
			return true;
	}
	return false;
}

/* How many of our sessions would a failure drop, and since when are there any? */
static void note_protection(struct baton_node *n, uint64_t now_ms)
{
	const struct baton_record *r;
	unsigned alone = 0;

	TAILQ_FOREACH(r, &n->table.records, all)
		if (!r->deleted && baton_node_owns(n, r) && !is_safe(n, r, now_ms))
			alone++;
	n->alone_count = alone;
	if (!alone) {
		if (n->alone_since_ms)
			baton_log(BATON_LOG_INFO, "protected", "after_ms=%" PRIu64,
				  now_ms - n->alone_since_ms);
		n->alone_since_ms = 0;
	} else if (!n->alone_since_ms) {
		n->alone_since_ms = now_ms;
		baton_log(BATON_LOG_WARNING, "unprotected",
			  "sessions=%u reason=\"%s; clients are served, but a failure now would "
			  "drop these\"",
			  alone, n->peer_count ? "no store has them" : "no peer is configured");
	}
}

/*
 * Members' leases: a gateway that counts this store in says so, and until when. One that has let
 * that time pass is gone, or cannot reach us.
 */
static void note_members(struct baton_node *n, uint64_t now_ms)
{
	for (unsigned i = 0; i < n->peer_count; i++) {
		bool alive = !n->peers[i].absent &&
			     baton_standing_is_member(
				     baton_standing_find(&n->service->standings, &n->peers[i].id),
				     now_ms);

		if (alive != n->alive[i])
			baton_log(alive ? BATON_LOG_INFO : BATON_LOG_WARNING,
				  alive ? "member_alive" : "member_gone", "server_id=%s",
				  n->config.peers[i].name);
		n->alive[i] = alive;
	}
}

static void miss_charon(struct baton_node *n, uint64_t now_ms)
{
	if (!n->config.gateway || n->missed_charon || n->link.connected_ms ||
	    now_ms - n->started_ms < CHARON_MS)
		return;
	n->missed_charon = true;
	baton_log(BATON_LOG_WARNING, "charon_missing",
		  "socket=%s note=\"is charon running, and does it load the plugin baton (its log "
		  "says)?\"",
		  n->link.path);
}

static uint64_t turn(void *ctx, uint64_t now_ms)
{
	struct baton_node *n = ctx;
	uint64_t next = now_ms + IDLE_MS, follow, confirm_ms, refresh_ms, drain_ms, members_ms,
		 giveback_ms;

	/* Without that role none of the sessions here is our own. */
	if (n->config.gateway && now_ms >= n->settle_ms) {
		baton_gateway_settle(n, now_ms);
		n->settle_ms = now_ms + n->watch.age_ms;
	}
	if (now_ms >= n->protect_ms) {
		if (n->config.gateway)
			note_protection(n, now_ms);
		note_members(n, now_ms);
		miss_charon(n, now_ms);
		baton_lease_tidy(n);
		n->protect_ms = now_ms + PROTECT_MS;
	}
	if (n->watchdog_ms && now_ms >= n->alive_ms) {
		sd_notify(0, "WATCHDOG=1");
		n->alive_ms = now_ms + n->watchdog_ms;
	}
	if (now_ms >= n->sweep_ms) {
		baton_table_sweep(&n->table, now_ms);
		n->sweep_ms = now_ms + SWEEP_MS;
	}
	if (n->recover_due && !n->takeover.active)
		baton_takeover_recover(n);
	baton_lease_flush(n); /* before sessions are put */
	baton_fetch_tick(n, now_ms);
	baton_miss_flush(n, now_ms); /* before the IKE daemon tells its peer of a new SA */
	baton_stores_admit(n->peer_list, n->peer_count, n->ranked_ms, now_ms);
	for (unsigned i = 0; i < n->peer_count; i++) {
		uint64_t due = baton_exchange_tick(&n->peers[i].x, now_ms);
		uint64_t pump = baton_peer_pump(&n->peers[i], now_ms);

		if (due < next)
			next = due;
		if (pump < next)
			next = pump;
	}
	follow = baton_follow_turn(n, now_ms);
	if (follow < next)
		next = follow;
	confirm_ms = baton_confirm_look(n, now_ms);
	if (confirm_ms < next)
		next = confirm_ms;
	refresh_ms = baton_refresh_tick(n, now_ms);
	if (refresh_ms < next)
		next = refresh_ms;
	drain_ms = baton_drain_tick(n, now_ms);
	if (drain_ms < next)
		next = drain_ms;
	giveback_ms = baton_giveback_tick(n, now_ms);
	if (giveback_ms < next)
		next = giveback_ms;
	members_ms = n->config.gateway ? baton_members_turn(n, now_ms) : next;
	if (members_ms < next)
		next = members_ms;
	listen_to_xfrm(n, now_ms);
	if (n->xfrm_gulp_ms && n->xfrm_gulp_ms < next)
		next = n->xfrm_gulp_ms;
	baton_takeover_tick(n, now_ms);
	if (n->takeover.active && now_ms + TAKEOVER_MS < next)
		next = now_ms + TAKEOVER_MS;
	if (n->protect_ms < next)
		next = n->protect_ms;
	if (n->config.gateway && n->settle_ms < next)
		next = n->settle_ms;
	/* Whatever was sent since the last turn, by this one or a command of batonctl. */
	baton_datagrams_flush(n->datagrams, n->udp.fd);
	return next;
}

/* ---- start and stop ---------------------------------------------------------------------- */
static uint64_t random64(void)
{
	uint64_t v = 0;

	while (v == 0)
		if (RAND_bytes((unsigned char *)&v, sizeof(v)) != 1)
			abort(); /* without random numbers there is no boot ID */
	return v;
}

static void log_owner(void *ctx, const struct baton_record *r)
{
	char owner[BATON_ID_MAX * 4];

	(void)ctx;
	baton_id_print(r->owner, owner, sizeof(owner));
	baton_log(BATON_LOG_DEBUG, "owned",
		  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " server_id=%s epoch=%" PRIu32, r->spi_i,
		  r->spi_r, owner, r->epoch);
}

static void apply(struct baton_node *n)
{
	baton_log_set_level(n->config.log_level);
	n->watch.lease = n->own.lease = n->config.lease;
	n->watch.age_ms = n->config.counter_age_ms;
	if (n->room)
		baton_waiting_limit(n->room, &n->config.miss);
	for (unsigned i = 0; i < n->peer_count; i++)
		n->peers[i].hold_ms = n->config.hold_ms;
	if (n->service) {
		n->service->owned = n->config.log_level >= BATON_LOG_DEBUG ? log_owner : NULL;
		baton_partition_apply(n);
	}
}

static int start_udp(struct baton_node *n, const char **why)
{
	int err;

	if (!n->config.listen.family)
		return 0;
	err = baton_ipsec_socket_open(&n->config.listen, n->config.reqid, n->config.require_ipsec,
				      &n->udp.fd, why);
	if (err)
		return err;
	n->udp.ready = udp_ready;
	n->udp.ctx = n;
	*why = "epoll";
	return baton_loop_add(&n->loop, &n->udp, EPOLLIN);
}

static int start_gateway(struct baton_node *n, const char **why)
{
	char path[128];

	if (!n->config.gateway)
		return 0;
	*why = "cannot open XFRM netlink sockets (CAP_NET_ADMIN? kernel with CONFIG_XFRM_USER?)";
	if (baton_xfrm_open(&n->xfrm))
		return -BATON_E_SYSTEM;
	n->xfrm_source = (struct baton_source){baton_xfrm_fd(n->xfrm), xfrm_ready, n};
	if (baton_loop_add(&n->loop, &n->xfrm_source, EPOLLIN))
		return -BATON_E_SYSTEM;
	if (baton_lease_open(n, why))
		return -BATON_E_SYSTEM;
	snprintf(path, sizeof(path), "%s/charon.sock", n->config.run_dir);
	n->link.opened = baton_gateway_opened;
	n->link.closed = baton_gateway_closed;
	n->link.message = baton_gateway_message;
	n->link.ctx = n;
	*why = "cannot listen at run_dir/charon.sock";
	return baton_charon_link_open(&n->link, &n->loop, path);
}

int baton_node_start(struct baton_node *n, const char **why)
{
	int err;

	*why = "out of memory";
	n->boot = random64();
	n->started_ms = baton_now_ms();
	n->udp.fd = n->inject.fd = -1;
	baton_install_init(n);
	TAILQ_INIT(&n->fetches);
	TAILQ_INIT(&n->confirms);
	n->loop.turn = turn;
	n->loop.ctx = n;
	n->own = (struct baton_ownership){
		.table = &n->table,
		.self = &n->config.server_id,
		.losing = baton_retreat_losing,
		.ctx = n,
	};
	n->service = baton_locked_alloc(sizeof(*n->service));
	n->datagrams = baton_datagrams_new();
	if (!n->service || !n->datagrams ||
	    baton_table_init(&n->table, n->config.max_sessions, random64()) ||
	    baton_loop_init(&n->loop) || baton_peers_start(n))
		return -BATON_E_SYSTEM;
	n->service->own = &n->own;
	n->service->boot = n->boot;
	n->service->stores = n->config.store;
	n->service->ctx = n;
	apply(n);
	/* First: a second batond of the same run_dir ends here, before it touches what the first
	 * one serves. */
	*why = "cannot listen at run_dir/ctl.sock (is another batond running? does run_dir exist?)";
	err = baton_ctl_open(n);
	if (!err)
		err = start_udp(n, why);
	if (!err)
		err = start_gateway(n, why);
	if (!err)
		baton_log(BATON_LOG_INFO, "started", "server_id=%s gateway=%s store=%s peers=%u",
			  n->config.server_name, n->config.gateway ? "yes" : "no",
			  n->config.store ? "yes" : "no", n->peer_count);
	return err;
}

void baton_node_stop(struct baton_node *n)
{
	baton_ctl_close(n);
	baton_charon_link_close(&n->link);
	baton_miss_close(n);
	baton_confirm_drop(n);
	if (n->xfrm)
		baton_xfrm_close(n->xfrm);
	baton_fence_close(n->fence, true); /* as the SAs: they stay */
	if (n->datagrams && n->udp.fd >= 0)
		baton_datagrams_flush(n->datagrams, n->udp.fd);
	if (n->udp.fd >= 0)
		close(n->udp.fd);
	baton_datagrams_free(n->datagrams);
	baton_peers_stop(n);
	if (n->table.by_in)
		baton_table_free(&n->table);
	if (n->service)
		baton_locked_free(n->service, sizeof(*n->service));
	baton_log(BATON_LOG_INFO, "stopped", "note=\"SAs stay as they are\"");
}

int baton_node_reload(struct baton_node *n)
{
	static struct baton_config next, before; /* single-threaded */
	const char *fixed;

	if (baton_config_read(&next, n->config_path, stderr)) {
		baton_log(BATON_LOG_ERROR, "reload_refused", "file=%s note=\"nothing was changed\"",
			  n->config_path);
		return -BATON_E_CONFIG;
	}
	fixed = baton_config_fixed(&n->config, &next);
	if (!fixed)
		fixed = baton_peers_arrange(n, &next);
	if (fixed) {
		baton_log(BATON_LOG_ERROR, "reload_refused",
			  "reason=\"%s needs a restart\" note=\"nothing was changed\"", fixed);
		return -BATON_E_CONFIG;
	}
	before = n->config;
	n->config = next;
	baton_peers_change(n, &before);
	apply(n);
	baton_gateway_rearm(n); /* a shorter lease or age means earlier reports from the kernel */
	baton_log(BATON_LOG_INFO, "reloaded", "file=%s", n->config_path);
	return 0;
}
