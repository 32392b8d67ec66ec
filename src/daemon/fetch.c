/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One session is wanted here (the draft, 4.1, 4.1.1 and 4.4): a packet came for
 * an SA that this gateway has not, or for a client behind one, or another gateway
 * offers it.
 *
 * Theory of operation. All peers that are heard of are asked at once, by the
 * SPI, with a claim; our own copy, where there is one, is claimed first. As
 * soon as the claim is proven the session goes to the IKE daemon: the slowest
 * store is not waited for, only a quorum. When everybody has answered and it is
 * not proven, the IKE SA alone is used, as in a takeover. Whoever wants a
 * session that is being fetched waits for the same answer.
 *
 * When the session is to stay with its owner, all are asked where it is first,
 * without a claim. Is the owner heard of, then that is the answer; if not, or if
 * the owner is this node, it is claimed as above.
 *
 * A session that is offered is used when its owner has answered: it says which
 * inbound numbers it has accepted, where a store knows only what it may have
 * (retreat.c). No packet that was sent on is refused then. So is one that was
 * another gateway's until now, if that was heard of in the last second; but it is
 * not waited for long, it may have just died. Of two that get copies of the same
 * packets, and claim one after the other, the second accepts none again.
 *
 * A fetch lives until its last answer has come or is given up, for the peers'
 * exchanges know it by its address.
 */
#include "daemon/node.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_MS 1500u /* whoever sent the packet will have sent it again by then */
#define FETCHES_MAX 1024u
#define INSTALL_MS 5000u
#define HEARD_MS 1000u /* a gateway that is alive is heard of so often */
#define FORMER_MS 300u /* and has stopped, and answered, by then */

struct baton_fetch {
	TAILQ_ENTRY(baton_fetch) entry;
	struct baton_wanted wanted;
	uint32_t round;
	unsigned asked, ended; /* peers */
	uint64_t start_us, granted_us;
	struct baton_spis session;  /* what was found; 0 = nothing yet */
	struct baton_id former;	    /* its owner before; type 0: not told */
	bool open[BATON_PEERS_MAX]; /* peers that were asked and have not answered */
	/* whose offer it is, or who owned it, until that has answered, or that time; and what it
	 * has accepted last, in that epoch */
	const struct baton_peer *awaited;
	uint64_t until_ms; /* 0: as long as it takes */
	uint32_t exact_epoch;
	unsigned exact_count;
	struct {
		uint32_t spi_in;
		uint64_t in_seq;
	} exact[BATON_CHILDREN_MAX];
	bool installing, over; /* over: everybody who waits has been told */
	bool looking;	       /* where it is; found: the newest copy so far says that */
	struct {
		uint32_t epoch;
		uint64_t version;
		struct baton_id owner; /* type 0: none yet */
	} found;
};

static bool is_same(const struct baton_wanted *a, const struct baton_wanted *b)
{
	return a->protocol == b->protocol && a->spi == b->spi && a->ike.spi_i == b->ike.spi_i &&
	       a->ike.spi_r == b->ike.spi_r && baton_addr_equal(&a->local, &b->local) &&
	       baton_addr_equal(&a->behind, &b->behind);
}

struct baton_record *baton_fetch_find(struct baton_node *n, const struct baton_wanted *w)
{
	struct baton_record *r = NULL;
	struct baton_mark *m;

	if (!w->protocol) {
		r = baton_table_find_address(&n->table, &w->behind);
	} else if (w->protocol == 1) {
		r = baton_table_find(&n->table, w->ike.spi_i, w->ike.spi_r);
	} else {
		m = baton_table_find_in(&n->table, w->spi);
		r = m && m->protocol == w->protocol ? m->record : NULL;
	}
	if (!r || r->deleted || (w->local.family && !baton_addr_equal(&r->local, &w->local)))
		return NULL;
	return r;
}

/* Tells who waits, once. */
static void end(struct baton_node *n, struct baton_fetch *f, bool ok)
{
	unsigned us = (unsigned)(baton_now_us() - f->start_us);
	unsigned granted_us = f->granted_us ? (unsigned)(f->granted_us - f->start_us) : 0;

	if (f->over)
		return;
	f->over = true;
	if (f->session.spi_i)
		baton_log(ok ? BATON_LOG_INFO : BATON_LOG_WARNING, "fetch_done",
			  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64
			  " installed=%s claim_ms=%u.%03u all_ms=%u.%03u",
			  f->session.spi_i, f->session.spi_r, ok ? "yes" : "no", granted_us / 1000,
			  granted_us % 1000, us / 1000, us % 1000);
	n->fetched += ok;
	n->fetch_failed += !ok;
	baton_miss_ended(n, &f->wanted, ok);
}

/* Those of which nothing is to come go. The IKE daemon may still say that it cannot serve what it
 * was given. */
static void sweep(struct baton_node *n)
{
	struct baton_fetch *f, *next;

	for (f = TAILQ_FIRST(&n->fetches); f; f = next) {
		const struct baton_record *r = baton_table_find(&n->table, f->session.spi_i,
								f->session.spi_r);

		next = TAILQ_NEXT(f, entry);
		if (!f->over || f->ended < f->asked || (f->installing && r && r->installing))
			continue;
		TAILQ_REMOVE(&n->fetches, f, entry);
		n->fetching--;
		free(f);
	}
}

/* Another one is after the same session, and later, or waits for its offerer: it decides, and what
 * it has installed ends both. */
static bool is_overtaken(const struct baton_node *n, const struct baton_fetch *f)
{
	const struct baton_fetch *o;

	TAILQ_FOREACH(o, &n->fetches, entry)
		if (o != f && !o->over && (o->round > f->round || o->awaited) &&
		    o->session.spi_i == f->session.spi_i && o->session.spi_r == f->session.spi_r)
			return true;
	return false;
}

static void note_owner(struct baton_fetch *f, const struct baton_id *owner, uint32_t epoch,
		       uint64_t version)
{
	if (f->found.owner.type &&
	    (epoch < f->found.epoch || (epoch == f->found.epoch && version <= f->found.version)))
		return;
	f->found.owner = *owner;
	f->found.epoch = epoch;
	f->found.version = version;
}

static void look_into(struct baton_node *n, struct baton_fetch *f,
		      const struct baton_session_ref *ref)
{
	struct baton_session *s = &n->session;

	if (!baton_session_decode(s, ref->body, ref->len, NULL))
		note_owner(f, &s->owner, s->epoch, s->version);
	baton_session_wipe(s);
}

/* The peer that owns what was found, if it is heard of; else the number of peers. */
static unsigned find_owner(const struct baton_node *n, const struct baton_fetch *f)
{
	unsigned i;

	for (i = 0; i < n->peer_count; i++)
		if (!n->peers[i].absent && n->peers[i].state != BATON_PEER_DOWN &&
		    baton_id_equal(&n->peers[i].id, &f->found.owner))
			break;
	return i;
}

/* From the owner itself: who else grants has a place among its stores, or none that it knows of. */
static void note_exact(struct baton_node *n, struct baton_fetch *f,
		       const struct baton_session_ref *ref)
{
	struct baton_session *s = &n->session;

	if (!baton_session_decode(s, ref->body, ref->len, NULL) && !s->stale && s->stores &&
	    (!s->ranks || (s->stores == 1 && s->ranks == 1))) {
		f->exact_epoch = s->epoch;
		f->exact_count = s->child_count;
		for (unsigned i = 0; i < s->child_count; i++) {
			f->exact[i].spi_in = s->children[i].spi_in;
			f->exact[i].in_seq = s->children[i].counters.in_seq;
		}
	}
	baton_session_wipe(s);
}

/* An owner that somebody else has claimed from meanwhile grants a lower epoch. */
static void take_exact(const struct baton_fetch *f, struct baton_record *r)
{
	for (unsigned i = 0; f->exact_epoch == r->epoch && i < f->exact_count; i++) {
		struct baton_mark *m = baton_record_mark(r, f->exact[i].spi_in);

		if (m)
			m->counters.in_seq = m->counters.in_limit = f->exact[i].in_seq;
	}
}

/* The owner before, if it is alive. */
static void await_former(struct baton_node *n, struct baton_fetch *f)
{
	uint64_t now_ms = baton_now_ms();

	for (unsigned i = 0; i < n->peer_count && !f->awaited; i++) {
		const struct baton_peer *p = &n->peers[i];

		if (f->open[i] && now_ms < p->x.last_heard_ms + HEARD_MS &&
		    baton_id_equal(&p->id, &f->former)) {
			f->awaited = p;
			f->until_ms = now_ms + FORMER_MS;
		}
	}
}

/* To the IKE daemon, if that has it not. */
static void use(struct baton_node *n, struct baton_fetch *f, struct baton_record *r)
{
	if (f->awaited)
		return;
	if (!f->granted_us)
		f->granted_us = baton_now_us();
	if (!r->held && !r->installing)
		take_exact(f, r);
	if (baton_claim_use(n, r, false, false) || r->installing)
		f->installing = true;
	else if (!f->installing)
		end(n, f, r->held);
}

/* An answer of ours (NULL) or of a peer: one session, or none. */
static void take(struct baton_node *n, struct baton_fetch *f, const struct baton_peer *p,
		 const void *buf, size_t len)
{
	struct baton_message *m = &n->msg;
	struct baton_record *r;

	m->statuses = n->statuses;
	m->status_max = BATON_ITEMS_MAX;
	if (baton_message_decode(m, buf, len, NULL) || m->session_count != 1)
		return;
	if (f->looking) {
		look_into(n, f, &m->sessions[0]);
		return;
	}
	if (p && (p == f->awaited || baton_id_equal(&m->subject, &p->id)))
		note_exact(n, f, &m->sessions[0]);
	r = baton_table_find(&n->table, m->sessions[0].spi_i, m->sessions[0].spi_r);
	/* Ours all the time, under an SPI that we were told of a moment ago: not installed again.
	 */
	r = baton_claim_take(n, f->round, &m->sessions[0],
			     r && !r->deleted && r->held && baton_node_owns(n, r));
	if (!r)
		return;
	f->session = (struct baton_spis){r->spi_i, r->spi_r};
	if (m->subject.type && !f->former.type) {
		f->former = m->subject;
		await_former(n, f);
	}
	if (baton_own_is_proven(r))
		use(n, f, r);
}

/* Everybody has said what there is to say. */
static void settle(struct baton_node *n, struct baton_fetch *f)
{
	struct baton_record *r = baton_table_find(&n->table, f->session.spi_i, f->session.spi_r);

	if (f->looking || f->over || f->installing || f->ended < f->asked)
		return;
	if (!r || r->deleted || !baton_node_owns(n, r)) {
		end(n, f, false);
		return;
	}
	if (!r->held && !r->installing && is_overtaken(n, f)) {
		f->installing = true;
		return;
	}
	if (!r->held && !r->installing && !baton_own_is_proven(r)) {
		r->stale = true;
		baton_log(BATON_LOG_WARNING, "unproven",
			  "spi_i=%016" PRIx64 " spi_r=%016" PRIx64 " action=fresh_child_sas",
			  r->spi_i, r->spi_r);
	}
	use(n, f, r);
}

static void build(struct baton_node *n, struct baton_builder *b, struct baton_header h,
		  uint8_t *buf, size_t size, const struct baton_fetch *f)
{
	const struct baton_wanted *w = &f->wanted;
	bool claim = !f->looking;

	baton_build_begin(b, buf, size, &h);
	baton_build_id(b, BATON_PL_IDI, &n->config.server_id);
	if (claim)
		baton_build_claim(b, 0);
	if (!w->protocol)
		baton_build_by_address(b, &w->behind);
	else if (w->protocol == 1)
		baton_build_by_spis(b, &w->ike);
	else
		baton_build_by_spi(b, w->protocol, w->spi);
	/* Who moves a session gives it another address; an SPI names one SA in all of the cluster.
	 */
	if (w->local.family && claim)
		baton_build_at(b, &w->local);
}

static void claim_own_copy(struct baton_node *n, struct baton_fetch *f)
{
	static uint8_t answer[BATON_MESSAGE_MAX]; /* single-threaded; wiped below */
	struct baton_header h = {.exchange = BATON_SA_RETR,
				 .flags = BATON_FLAG_INITIATOR,
				 .spi_i = n->boot,
				 .spi_r = n->boot};
	struct baton_builder b;
	int len;

	build(n, &b, h, n->buf, sizeof(n->buf), f);
	len = baton_build_end(&b);
	if (len > 0)
		len = baton_service_answer(n->service, &n->config.server_id, n->buf, (size_t)len,
					   baton_now_ms(), answer, sizeof(answer));
	if (len <= 0)
		return;
	take(n, f, NULL, answer, (size_t)len);
	baton_wipe(answer, (size_t)len);
}

/* False: there is one that could not be asked now, and no other was. Half of a peer's window is
 * left to what keeps its copies up to date. */
static bool ask_peers(struct baton_node *n, struct baton_fetch *f)
{
	const struct baton_peer *offerer = f->awaited;
	unsigned busy = 0;
	uint64_t now_ms = baton_now_ms();

	f->awaited = NULL;
	memset(f->open, 0, sizeof(f->open));
	for (unsigned i = 0; i < n->peer_count; i++) {
		struct baton_peer *p = &n->peers[i];
		struct baton_builder b;

		if (p->state == BATON_PEER_DOWN)
			continue;
		busy++;
		if (p->x.in_flight >= BATON_WINDOW / 2)
			continue;
		build(n, &b, baton_exchange_header(&p->x, BATON_SA_RETR), p->buf, sizeof(p->buf),
		      f);
		if (baton_peer_ask(p, &b, f, now_ms, now_ms + DEADLINE_MS))
			continue;
		f->asked++;
		f->open[i] = true;
		if (p == offerer)
			f->awaited = p;
	}
	return f->asked || !busy;
}

/* False: nobody could be asked now. */
static bool claim(struct baton_node *n, struct baton_fetch *f)
{
	struct baton_record *r = baton_fetch_find(n, &f->wanted);

	f->looking = false;
	f->asked = f->ended = 0;
	f->round = baton_own_begin_claim(&n->own);
	if (r && baton_node_owns(n, r)) {
		f->session = (struct baton_spis){r->spi_i, r->spi_r};
		return true;
	}
	if (r)
		claim_own_copy(n, f);
	if (!ask_peers(n, f))
		return f->session.spi_i;
	/* told by our own copy already */
	if (f->former.type && !f->installing)
		await_former(n, f);
	return true;
}

static bool look(struct baton_node *n, struct baton_fetch *f)
{
	struct baton_wanted anywhere = f->wanted;
	const struct baton_record *r;

	anywhere.local = (struct baton_addr){0};
	r = baton_fetch_find(n, &anywhere);
	if (r && baton_node_owns(n, r))
		return claim(n, f);
	f->looking = true;
	if (r)
		note_owner(f, r->owner, r->epoch, r->version);
	return ask_peers(n, f);
}

/* Is there a session of its own that it offers, and has not answered for? */
static bool is_awaited(const struct baton_node *n, const struct baton_peer *p)
{
	const struct baton_fetch *f;

	TAILQ_FOREACH(f, &n->fetches, entry)
		if (f->awaited == p)
			return true;
	return false;
}

/* Everybody has said who has it. */
static void settle_look(struct baton_node *n, struct baton_fetch *f)
{
	unsigned owner;

	if (!f->looking || f->over || f->ended < f->asked)
		return;
	owner = find_owner(n, f);
	if (owner < n->peer_count) {
		f->over = true;
		baton_miss_away(n, &f->wanted, owner);
		if (is_awaited(n, &n->peers[owner]))
			baton_miss_pause(n, owner);
	} else if (!f->found.owner.type || !claim(n, f)) {
		end(n, f, false);
	}
}

int baton_fetch_start(struct baton_node *n, const struct baton_wanted *w, bool to_look,
		      const struct baton_peer *offerer)
{
	struct baton_fetch *f;

	TAILQ_FOREACH(f, &n->fetches, entry)
		if (!f->over && is_same(&f->wanted, w))
			return 0;
	if (n->fetching == FETCHES_MAX)
		return -BATON_E_BUSY;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -BATON_E_SYSTEM;
	f->wanted = *w;
	f->start_us = baton_now_us();
	if (offerer && offerer->state != BATON_PEER_DOWN)
		f->awaited = offerer;
	TAILQ_INSERT_TAIL(&n->fetches, f, entry);
	n->fetching++;
	if (!(to_look ? look(n, f) : claim(n, f))) {
		f->over = true;
		sweep(n);
		return -BATON_E_BUSY;
	}
	if (f->awaited)
		baton_miss_pause(n, f->awaited->index);
	settle_look(n, f);
	settle(n, f);
	sweep(n);
	baton_install_pump(n);
	return 0;
}

/* What was granted before the one came that was waited for. */
static void use_granted(struct baton_node *n, struct baton_fetch *f)
{
	struct baton_record *r = baton_table_find(&n->table, f->session.spi_i, f->session.spi_r);

	if (r && !f->over && !f->installing && !r->deleted && baton_node_owns(n, r) &&
	    baton_own_is_proven(r))
		use(n, f, r);
}

static void await_no_more(struct baton_node *n, struct baton_fetch *f)
{
	const struct baton_peer *p = f->awaited;

	f->awaited = NULL;
	f->until_ms = 0;
	use_granted(n, f);
	if (!is_awaited(n, p))
		baton_miss_resume(n, p->index);
}

void baton_fetch_answer(struct baton_node *n, struct baton_fetch *f, const struct baton_peer *p,
			const void *buf, size_t len)
{
	f->ended++;
	f->open[p->index] = false;
	if (buf)
		take(n, f, p, buf, len);
	if (p == f->awaited)
		await_no_more(n, f);
	settle_look(n, f);
	settle(n, f);
	sweep(n);
	baton_install_pump(n);
}

/* There is no configuration for it here. */
static void give_back(struct baton_node *n, const struct baton_fetch *f)
{
	const struct baton_record *r = baton_table_find(&n->table, f->session.spi_i,
							f->session.spi_r);

	if (r && !r->deleted && !r->held && baton_node_owns(n, r) && f->former.type)
		baton_giveback_begin(n, r, &f->former);
}

void baton_fetch_tick(struct baton_node *n, uint64_t now_ms)
{
	const uint64_t patience_us = (2 * DEADLINE_MS + INSTALL_MS) * UINT64_C(1000);
	struct baton_fetch *f;

	TAILQ_FOREACH(f, &n->fetches, entry) {
		if (f->awaited && f->until_ms && now_ms >= f->until_ms)
			await_no_more(n, f);
		if (!f->over && now_ms * 1000 > f->start_us + patience_us)
			end(n, f, false);
	}
	sweep(n);
	baton_install_pump(n);
}

void baton_fetch_installed(struct baton_node *n, uint64_t spi_i, uint64_t spi_r, int status)
{
	struct baton_fetch *f;

	TAILQ_FOREACH(f, &n->fetches, entry)
		if (f->installing && f->session.spi_i == spi_i && f->session.spi_r == spi_r) {
			end(n, f, status == BATON_OK);
			if (status == BATON_E_CONFIG)
				give_back(n, f);
		}
	sweep(n);
}
