/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking over a server's sessions.
 *
 * Theory of operation. Our own copies are claimed first and given to the IKE
 * daemon at once: nothing waits for another node. At the same time every peer
 * is asked for the subject's sessions with a claim, page by page. That serves
 * three ends: a peer that has sessions we lack gives them; the subject itself,
 * if it is alive after all, stops (src/daemon/retreat.c); the other stores
 * learn who the owner is. A claim is safe however late it comes: the numbers
 * we use begin above every lease our copy knows of, and a session we already
 * hold is not installed twice.
 *
 * Recovering is the same with ourselves as subject, after a restart that lost
 * what we had, or when a store knows us as owner in an epoch that we do not
 * know. The IKE daemon's own state is then the newest; but the numbers in the
 * kernel may be those of an owner before another one, so they are raised to
 * what the claim grants.
 */
#include "daemon/node.h"

#include <string.h>

#define DEADLINE_MS                                                                                \
	3000u		/* for a peer's answer; a silent peer learns of the claim when it is back */
#define STUCK_MS 10000u /* without a session installed: the IKE daemon does not get on */
#define PROGRESS_MS 1000u /* between words about it to batonctl */
#define PAGE_TRIES 3u	  /* then a peer counts as silent, though it is heard */
#define LOCAL_PAGE_BYTES 60000u

static int build_claim(struct baton_node *n, struct baton_builder *b, struct baton_header h,
		       uint8_t *buf, size_t size, uint64_t position, uint32_t max_bytes)
{
	struct baton_cursor cursor = {position, max_bytes};

	baton_build_begin(b, buf, size, &h);
	baton_build_id(b, BATON_PL_IDI, &n->config.server_id);
	baton_build_id(b, BATON_PL_IDR, &n->takeover.subject);
	baton_build_claim(b, n->takeover.recover ? n->own.least_epoch : 0);
	if (n->takeover.share.of)
		baton_build_share(b, &n->takeover.share);
	baton_build_cursor(b, &cursor);
	return 0;
}

/* Proven, or given up to be. */
static void use_session(struct baton_node *n, struct baton_record *r)
{
	struct baton_takeover *t = &n->takeover;

	t->sessions += baton_claim_use(n, r, t->recover, true);
}

/*
 * Whoever could prove it has answered, or will not. Of what is left only the IKE SA is used: a copy
 * may be out of date, or another node may have claimed the session at stores that we cannot reach.
 * What the IKE daemon has held all the time stays as it is, below the lease it has.
 */
static void use_unproven(struct baton_node *n)
{
	struct baton_takeover *t = &n->takeover;
	struct baton_record *r;
	unsigned not_current = 0, too_few = 0;

	t->settled = true;
	TAILQ_FOREACH(r, &n->table.records, all) {
		if (r->deleted || !baton_node_owns(n, r) || r->claim_round != t->round || r->held ||
		    r->installing || baton_own_is_proven(r))
			continue;
		r->stale = true;
		t->unproven++;
		not_current += !r->current;
		too_few += !baton_is_quorum(r->stores, r->ranks);
		use_session(n, r);
	}
	if (t->unproven)
		baton_log(BATON_LOG_WARNING, "unproven",
			  "server_id=%s sessions=%u not_current=%u too_few_stores=%u "
			  "action=fresh_child_sas note=\"no store could say that its copy is "
			  "current, or too few stores answered\"",
			  t->name, t->unproven, not_current, too_few);
	baton_install_pump(n);
}

/* The sessions of one page go into our own table and, when nobody else can have them, to the IKE
 * daemon. Returns the next position. */
static uint64_t take_page(struct baton_node *n, const void *buf, size_t len)
{
	struct baton_takeover *t = &n->takeover;
	struct baton_message *m = &n->msg;

	m->statuses = n->statuses;
	m->status_max = BATON_ITEMS_MAX;
	if (baton_message_decode(m, buf, len, NULL))
		return 0;
	if (!t->claimed_us)
		t->claimed_us = baton_now_us();
	for (unsigned i = 0; i < m->session_count; i++) {
		struct baton_record *r = baton_claim_take(n, t->round, &m->sessions[i], t->recover);

		if (r && baton_own_is_proven(r))
			use_session(n, r);
	}
	t->retrieved_us = baton_now_us();
	return m->has_cursor ? m->cursor.position : 0;
}

static void claim_own_copies(struct baton_node *n)
{
	static uint8_t page[BATON_MESSAGE_MAX]; /* single-threaded; wiped below */
	struct baton_header h = {.exchange = BATON_SA_RETR,
				 .flags = BATON_FLAG_INITIATOR,
				 .spi_i = n->boot,
				 .spi_r = n->boot};
	uint64_t position = 0;

	do {
		struct baton_builder b;
		int len;

		build_claim(n, &b, h, n->buf, sizeof(n->buf), position, LOCAL_PAGE_BYTES);
		len = baton_build_end(&b);
		if (len > 0)
			len = baton_service_answer(n->service, &n->config.server_id, n->buf,
						   (size_t)len, baton_now_ms(), page, sizeof(page));
		if (len <= 0)
			break;
		position = take_page(n, page, (size_t)len);
		baton_wipe(page, (size_t)len);
		baton_install_pump(n); /* the IKE daemon works while we read the next page */
	} while (position);
}

static int ask_peer(struct baton_node *n, struct baton_peer *p, uint64_t position)
{
	struct baton_takeover *t = &n->takeover;
	struct baton_header h = baton_exchange_header(&p->x, BATON_SA_RETR);
	struct baton_builder b;
	uint64_t now_ms = baton_now_ms();

	t->retrieving[p->index].position = position;
	t->retrieving[p->index].asked_ms = now_ms;
	t->retrieving[p->index].tries++;
	build_claim(n, &b, h, p->buf, sizeof(p->buf), position,
		    baton_pages_next(&t->retrieving[p->index].pages, &p->x));
	return baton_peer_ask(p, &b, NULL, now_ms, now_ms + DEADLINE_MS);
}

static void ask_peers(struct baton_node *n)
{
	struct baton_takeover *t = &n->takeover;

	for (unsigned i = 0; i < n->peer_count; i++)
		if (ask_peer(n, &n->peers[i], 0) == 0)
			t->asked++;
}

static void begin(struct baton_node *n, const struct baton_id *subject, const char *name,
		  bool recover)
{
	struct baton_takeover *t = &n->takeover;

	*t = (struct baton_takeover){.active = true, .recover = recover, .subject = *subject};
	for (unsigned i = 0; i < BATON_PEERS_MAX; i++)
		baton_pages_begin(&t->retrieving[i].pages);
	t->round = baton_own_begin_claim(&n->own);
	strncpy(t->name, name, sizeof(t->name) - 1);
	t->start_us = baton_now_us();
	t->deadline_ms = baton_now_ms() + DEADLINE_MS + 500;
	t->progress_ms = t->told_ms = baton_now_ms();
	baton_log(BATON_LOG_INFO, recover ? "recover_start" : "takeover_start", "server_id=%s",
		  name);
}

static bool is_known(struct baton_node *n, const struct baton_id *id)
{
	const struct baton_record *r;

	if (baton_id_equal(id, &n->config.server_id))
		return true;
	for (unsigned i = 0; i < n->peer_count; i++)
		if (!n->peers[i].absent && baton_id_equal(id, &n->peers[i].id))
			return true;
	TAILQ_FOREACH(r, &n->table.records, all)
		if (!r->deleted && baton_id_equal(id, r->owner))
			return true;
	return false;
}

int baton_takeover_start(struct baton_node *n, const char *subject, const struct baton_share *share,
			 void *waiter)
{
	struct baton_id id;

	if (baton_id_parse(&id, subject))
		return -BATON_E_VALUE;
	if (!is_known(n, &id))
		return -BATON_E_NOT_PEER;
	if (n->takeover.active && !n->takeover.recover)
		return -BATON_E_BUSY;
	if (n->takeover.active)
		n->recover_due =
			true; /* a takeover goes before; recovering is tried again after it */
	begin(n, &id, subject, false);
	n->takeover.waiter = waiter;
	if (share)
		n->takeover.share = *share;
	if (!baton_id_equal(&id, &n->config.server_id))
		claim_own_copies(n);
	ask_peers(n);
	baton_takeover_tick(n, baton_now_ms());
	return 0;
}

void baton_takeover_recover(struct baton_node *n)
{
	n->recover_due = false;
	if (!n->peer_count)
		return;
	begin(n, &n->config.server_id, n->config.server_name, true);
	ask_peers(n);
}

/* For a peer that has more to give. */
static void wait_on(struct baton_takeover *t)
{
	t->deadline_ms = baton_now_ms() + DEADLINE_MS + 500;
}

void baton_takeover_answer(void *ctx, struct baton_peer *p, void *tag, const void *buf, size_t len)
{
	struct baton_node *n = ctx;
	struct baton_takeover *t = &n->takeover;
	uint64_t position;

	(void)tag;
	if (!t->active)
		return;
	baton_pages_ended(&t->retrieving[p->index].pages, &p->x, buf != NULL);
	if (!buf) {
		/* Alive, only this page did not come through: a smaller one may. */
		if (t->retrieving[p->index].tries >= PAGE_TRIES ||
		    p->x.last_heard_ms < t->retrieving[p->index].asked_ms ||
		    ask_peer(n, p, t->retrieving[p->index].position))
			t->silent++;
		else
			wait_on(t);
		return;
	}
	n->recovered |= t->recover;
	t->retrieving[p->index].tries = 0;
	position = take_page(n, buf, len);
	if (position)
		wait_on(t);
	baton_install_pump(n);
	if (!position || ask_peer(n, p, position))
		t->answered++;
}

void baton_takeover_installed(struct baton_node *n, bool ok)
{
	struct baton_takeover *t = &n->takeover;

	if (!t->active)
		return;
	if (ok)
		t->installed++;
	else
		t->failed++;
	t->installed_us = baton_now_us();
	t->progress_ms = baton_now_ms();
}

static unsigned phase_us(uint64_t from, uint64_t to)
{
	return to > from ? (unsigned)(to - from) : 0;
}

void baton_takeover_tick(struct baton_node *n, uint64_t now_ms)
{
	struct baton_takeover *t = &n->takeover;
	bool all_asked = t->answered + t->silent >= t->asked || now_ms >= t->deadline_ms;
	bool installed;
	bool stuck = now_ms >= t->deadline_ms &&
		     (!n->link.connected || now_ms - t->progress_ms > STUCK_MS);
	unsigned claim_us, retrieve_us, install_us;

	if (!t->active)
		return;
	if (all_asked && !t->settled)
		use_unproven(n);
	installed = t->installed + t->failed >= t->sessions;
	claim_us = phase_us(t->start_us, t->claimed_us);
	retrieve_us = phase_us(t->claimed_us, t->retrieved_us);
	install_us = phase_us(t->retrieved_us, t->installed_us);
	if (installed && t->sessions && !t->reported) {
		t->reported = true;
		baton_log(BATON_LOG_INFO, t->recover ? "recover_done" : "takeover_done",
			  "server_id=%s sessions=%u failed=%u claim_ms=%u.%03u retrieve_ms=%u.%03u "
			  "install_ms=%u.%03u",
			  t->name, t->installed, t->failed, claim_us / 1000, claim_us % 1000,
			  retrieve_us / 1000, retrieve_us % 1000, install_us / 1000,
			  install_us % 1000);
	}
	if (t->waiter && now_ms - t->told_ms >= PROGRESS_MS) {
		t->told_ms = now_ms;
		baton_ctl_takeover_progress(t);
	}
	if (!(installed && all_asked) && !stuck)
		return;
	/* Not all installed (charon away): they stay queued and are given when it is back. */
	if (!t->reported)
		baton_log(installed ? BATON_LOG_INFO : BATON_LOG_ERROR,
			  t->recover ? "recover_done" : "takeover_done",
			  "server_id=%s sessions=%u waiting=%u failed=%u peers_silent=%u", t->name,
			  t->installed, t->sessions - t->installed - t->failed, t->failed,
			  t->silent);
	t->active = false;
	if (!t->recover)
		n->last_takeover = *t;
	if (t->waiter)
		baton_ctl_takeover_done(n, t);
	t->waiter = NULL;
}
