/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two gateways and two stores, and a network that loses, doubles, delays and
 * parts them; claims in both directions; gateways and stores that restart, the
 * stores with nothing left. Whatever the schedule,
 *
 *   - no sequence number of an SA is used twice, by anyone;
 *   - a session has one proven owner at most in an epoch;
 *   - of an SA whose claim is not proven no number is used but below the lease
 *     that this very kernel has had all the time;
 *   - what a store holds of a session only rises, while it keeps its memory, and
 *     what it has acknowledged it has;
 *   - in the end, on a good network, one gateway owns everything, and the stores
 *     have the same.
 *
 * What batond, its fence and the IKE daemon do around the core is done here by
 * the same rules (src/daemon/takeover.c, install.c, lease.c, gateway.c): a
 * kernel sends up to what was granted, and goes on when batond is away.
 *
 * In some schedules the gateways are stores of each other too.
 *
 * What a store alone knew is lost with its memory: a claim that it alone has
 * granted, with an owner before who does not know yet; or the epoch of an owner
 * that is restarted at the same time. Against that there is no rule; such
 * restarts are left out (may_forget(), alone_knows_epoch()).
 */
#include "cluster.h"
#include "core/standing.h"
#include "core/watch.h"
#include "prop.h"
#include <string.h>

#define GATEWAYS 2u
#define SESSIONS 2u
#define STEPS 24u
#define HOLD_MS 4000u
#define SAS_MAX 64u
#define SPANS_MAX 64u
#define EPOCHS_MAX 256u

/* An outbound SA in one gateway's kernel. */
struct sa {
	bool installed;
	unsigned number;
	uint64_t used, limit;
};
/* What the IKE daemon has. */
struct ike {
	bool has;
	unsigned number; /* of its CHILD SA; 0: it has none yet */
};
struct takeover {
	bool active, recover, settled, recover_due;
	unsigned subject, asked, ended;
	uint64_t deadline_ms;
};
/* Numbers of an SA that were used. */
struct span {
	unsigned node;
	uint64_t from, to;
};
/* The least that a store must have; of the SA while nobody else has told what there is. */
struct floor {
	uint32_t epoch, msgid_in;
	uint64_t serial;
	struct baton_id owner;
	unsigned number;
	struct baton_counters c;
};

static struct cluster *c;
static const struct baton_watch watch = {.lease = CLUSTER_LEASE, .age_ms = 100};
static struct baton_session session;
static unsigned stores_from, stores_to; /* nodes with a store in this schedule */
static struct sa sas[GATEWAYS][SESSIONS + 1];
static struct ike ikes[GATEWAYS][SESSIONS + 1];
static struct takeover takeovers[GATEWAYS];
static unsigned sa_count[SESSIONS + 1];
static struct span spans[SESSIONS + 1][SAS_MAX][SPANS_MAX];
static unsigned span_count[SESSIONS + 1][SAS_MAX];
static struct floor floors[CLUSTER_NODES][SESSIONS + 1];
static uint64_t proven[SESSIONS + 1][EPOCHS_MAX]; /* boot ID of who has proven it */
static unsigned long long proofs, unproofs, packets;

static struct baton_record *record(unsigned node, unsigned i)
{
	return cluster_record(&c->nodes[node], i);
}

static bool owns(unsigned node, unsigned i)
{
	const struct baton_record *r = record(node, i);

	return r && !r->deleted && cluster_owns(&c->nodes[node], r);
}

static uint32_t spi_of(unsigned i, unsigned number)
{
	return 0xc0000000u + i * 0x10000u + number;
}

static unsigned number_of(const struct baton_record *r)
{
	return r->mark_count ? r->marks[0].spi_in & 0xffffu : 0;
}

/* ---- the kernel ------------------------------------------------------------------------------ */

static void note_used(unsigned node, unsigned i, unsigned number, uint64_t from, uint64_t to)
{
	struct span *all = spans[i][number];
	unsigned *count = &span_count[i][number], n;

	for (n = 0; n < *count; n++)
		PROP(to < all[n].from || from > all[n].to); /* never twice */
	for (n = 0; n < *count; n++)
		if (all[n].node == node && all[n].to + 1 == from) {
			all[n].to = to;
			return;
		}
	PROP(*count < SPANS_MAX);
	all[(*count)++] = (struct span){node, from, to};
}

static void send_packets(unsigned node, unsigned i, uint64_t count)
{
	struct sa *sa = &sas[node][i];
	uint64_t from = sa->used + 1, to = sa->used + count;

	if (!sa->installed || sa->used >= sa->limit || !count)
		return;
	if (to > sa->limit)
		to = sa->limit;
	note_used(node, i, sa->number, from, to);
	TRACE("%llu: %u sends %u.%u %llu..%llu\n", (unsigned long long)c->now_ms, node, i,
	      sa->number, (unsigned long long)from, (unsigned long long)to);
	packets += to - from + 1;
	sa->used = to;
}

static void remove_sa(unsigned node, unsigned i)
{
	sas[node][i].installed = false;
	ikes[node][i] = (struct ike){0};
}

static void check_store(unsigned node, unsigned i)
{
	const struct baton_record *r = record(node, i);
	struct floor *f = &floors[node][i];
	struct baton_counters none = {0};
	const struct baton_counters *k = r && r->mark_count ? &r->marks[0].counters : &none;

	if (!r || node < stores_from || node >= stores_to)
		return;
	PROP(r->epoch >= f->epoch && r->msgid_in >= f->msgid_in);
	if (f->number && f->number == number_of(r) &&
	    (f->serial == r->serial ||
	     (f->epoch == r->epoch && baton_id_equal(&f->owner, r->owner))))
		PROP(k->out_seq >= f->c.out_seq && k->out_lease >= f->c.out_lease &&
		     k->in_seq >= f->c.in_seq);
	*f = (struct floor){r->epoch, r->msgid_in, r->serial, *r->owner, number_of(r), *k};
}

/* A store's record has changed: no change is missed between two looks. */
static void on_changed(void *ctx, struct baton_record *r)
{
	const struct cluster_node *n = ctx;

	TRACE("%llu: at %u: %u is %s's, epoch %u version %u SA %u lease %llu\n",
	      (unsigned long long)c->now_ms, n->index, (unsigned)r->spi_i,
	      (const char *)r->owner->data, r->epoch, (unsigned)r->version, number_of(r),
	      r->mark_count ? (unsigned long long)r->marks[0].counters.out_lease : 0);
	check_store(n->index, (unsigned)r->spi_i);
}

/* ---- batond ---------------------------------------------------------------------------------- */

/* baton_lease_grant() */
static void on_granted(struct cluster_node *n, struct baton_record *r)
{
	struct sa *sa = &sas[n->index][r->spi_i];
	const struct baton_mark *m = r->marks;

	if (!r->mark_count || !sa->installed || sa->number != number_of(r))
		return;
	if (r->held ? !m->usable || m->unproven : !m->usable && !m->told)
		return;
	PROP(!m->unproven);
	sa->limit = m->usable;
	TRACE("%llu: %u may use %u.%u up to %llu\n", (unsigned long long)c->now_ms, n->index,
	      (unsigned)r->spi_i, sa->number, (unsigned long long)sa->limit);
}

static void on_lost(struct cluster_node *n, struct baton_record *r)
{
	TRACE("%llu: %u leaves %u\n", (unsigned long long)c->now_ms, n->index, (unsigned)r->spi_i);
	remove_sa(n->index, (unsigned)r->spi_i);
	r->held = false;
}

/* What the kernel tells: take_out() of gateway.c. */
static void report(unsigned node, unsigned i)
{
	struct baton_record *r = record(node, i);
	const struct sa *sa = &sas[node][i];

	if (!owns(node, i) || !r->held || !r->mark_count || !sa->installed ||
	    sa->number != number_of(r))
		return;
	r->msgid_in++;
	if (baton_watch_out(&watch, r->marks, sa->used, c->now_ms)) {
		r->lease_serial++;
		cluster_use(&c->nodes[node], r);
	}
	cluster_dirty(&c->nodes[node], r, BATON_DIRTY_REPORT);
}

/* The IKE daemon tells what it has: take_session() of gateway.c. */
static void tell(unsigned node, unsigned i, bool greeting)
{
	struct cluster_node *n = &c->nodes[node];
	struct baton_record *r = record(node, i);
	const struct ike *ike = &ikes[node][i];
	int status;

	if (!ike->has)
		return;
	if (!greeting && owns(node, i) && r->unproven && !r->held) {
		remove_sa(node, i); /* it is of before it was lost */
		return;
	}
	session.spi_i = i;
	session.spi_r = 0x100000000u + i;
	session.owner = n->id;
	session.epoch = r ? r->epoch : 1;
	session.version = r ? r->version + 1 : 1;
	session.remote.port = (uint16_t)(session.version + 1);
	session.child_count = ike->number != 0;
	session.children[0].spi_in = spi_of(i, ike->number);
	session.children[0].spi_out = 0x10000000u + spi_of(i, ike->number);
	session.children[0].counters = (struct baton_counters){.out_lease = CLUSTER_LEASE};
	status = baton_own_put(&n->own, &n->id, &session, c->now_ms);
	if (status) {
		PROP(status == BATON_E_STALE_OWNER);
		remove_sa(node, i);
		return;
	}
	check_store(node, i);
	r = record(node, i);
	r->held = true;
	r->stale = false;
	for (unsigned m = 0; greeting && m < r->mark_count; m++)
		r->marks[m].told = true;
	cluster_use(n, r);
	on_granted(n, r);
	if (greeting)
		report(node, i);
	cluster_dirty(n, r, BATON_DIRTY_PUT);
}

/* A new CHILD SA in place of the one there is, or where there is none yet. */
static void rekey(unsigned node, unsigned i)
{
	struct ike *ike = &ikes[node][i];

	if (!ike->has || sa_count[i] + 1 >= SAS_MAX)
		return;
	ike->number = ++sa_count[i];
	sas[node][i] = (struct sa){true, ike->number, 0, UINT64_MAX};
	tell(node, i, false);
}

/* baton_install_arm() */
static void set_numbers(struct cluster_node *n, struct baton_record *r, bool adopt)
{
	struct sa *sa = &sas[n->index][r->spi_i];
	struct baton_mark *m = r->marks;

	PROP(!m->unproven);
	if (!sa->installed || sa->number != number_of(r))
		*sa = (struct sa){true, number_of(r), 0, UINT64_MAX};
	if (adopt && sa->used < m->counters.out_seq) {
		m->counters.out_seq = m->counters.out_lease;
		m->counters.out_lease += watch.lease;
		r->lease_serial++;
	}
	if (sa->used < m->counters.out_seq)
		sa->used = m->counters.out_seq;
	on_granted(n, r);
}

static void install(struct cluster_node *n, struct baton_record *r, bool adopt)
{
	unsigned i = (unsigned)r->spi_i;

	ikes[n->index][i] = (struct ike){true, 0};
	if (r->stale || !r->mark_count) {
		sas[n->index][i].installed = false;
	} else {
		ikes[n->index][i].number = number_of(r);
		set_numbers(n, r, adopt);
	}
	r->held = true;
}

/* use_session() of takeover.c */
static void use_session(struct cluster_node *n, struct baton_record *r)
{
	const struct takeover *t = &takeovers[n->index];

	if (r->held && !r->stale && r->mark_count &&
	    sas[n->index][r->spi_i].number == number_of(r)) {
		set_numbers(n, r, false);
		report(n->index, (unsigned)r->spi_i);
	}
	if (!r->held)
		install(n, r, t->recover);
}

/* take_page() */
static void on_claimed(struct cluster_node *n, struct baton_peer *p, const struct baton_message *m)
{
	struct takeover *t = &takeovers[n->index];

	if (!t->active)
		return;
	for (unsigned j = 0; m && j < m->session_count; j++) {
		struct baton_record *r = cluster_record(n, (unsigned)m->sessions[j].spi_i);
		uint64_t version = r ? r->version : 0;

		PROP(baton_session_decode(&c->session, m->sessions[j].body, m->sessions[j].len,
					  NULL) == 0);
		(void)baton_own_take(&n->own, &c->session, n->boot, t->recover && r && r->held,
				     c->now_ms);
		check_store(n->index, (unsigned)c->session.spi_i);
		r = cluster_record(n, (unsigned)c->session.spi_i);
		if (!r || r->deleted || !cluster_owns(n, r))
			continue;
		TRACE("%llu: %u has %u of %d: epoch %u version %u grant %u/%u stale %d proven %d\n",
		      (unsigned long long)c->now_ms, n->index, (unsigned)r->spi_i,
		      p ? (int)p->index : -1, r->epoch, (unsigned)r->version, c->session.ranks,
		      c->session.stores, c->session.stale, baton_own_is_proven(r));
		cluster_dirty(n, r, BATON_DIRTY_PUT);
		if (r->version != version && !t->recover)
			r->held = false;
		if (baton_own_is_proven(r)) {
			proofs++;
			use_session(n, r);
		}
	}
	if (!p)
		return;
	if (!m || !m->cursor.position ||
	    cluster_claim_on(n, p->index, &c->nodes[t->subject].id, m->cursor.position))
		t->ended++;
}

static void take_over(unsigned node, unsigned subject, bool recover)
{
	struct cluster_node *n = &c->nodes[node];
	struct takeover *t = &takeovers[node];

	if (t->active && !t->recover)
		return;
	t->recover_due |= t->active;
	*t = (struct takeover){.active = true,
			       .recover = recover,
			       .recover_due = t->recover_due && !recover,
			       .subject = subject,
			       .deadline_ms = c->now_ms + BATON_DEADLINE_MS + 500};
	TRACE("%llu: %u claims from %u recover %d\n", (unsigned long long)c->now_ms, node, subject,
	      recover);
	baton_own_begin_claim(&n->own);
	if (!recover && subject != node)
		(void)cluster_claim_here(n, &c->nodes[subject].id);
	for (unsigned i = 0; i < CLUSTER_NODES; i++)
		if (n->peers[i] && cluster_ask_claim(n, i, &c->nodes[subject].id) == 0)
			t->asked++;
}

/* use_unproven() */
static void give_up_proof(struct cluster_node *n)
{
	struct baton_record *r;

	TAILQ_FOREACH(r, &n->table.records, all) {
		if (r->deleted || !cluster_owns(n, r) || r->claim_round != n->own.claim_round ||
		    r->held || baton_own_is_proven(r))
			continue;
		r->stale = true;
		unproofs++;
		use_session(n, r);
	}
}

static void on_behind(struct cluster_node *n)
{
	if (n->index < GATEWAYS)
		takeovers[n->index].recover_due = true;
}

static void tick(void)
{
	for (unsigned g = 0; g < GATEWAYS; g++) {
		struct takeover *t = &takeovers[g];

		if (t->active && (t->ended >= t->asked || c->now_ms >= t->deadline_ms)) {
			t->active = false;
			give_up_proof(&c->nodes[g]);
		}
		if (t->recover_due && !t->active)
			take_over(g, g, true);
	}
}

/* ---- what must hold all the time ------------------------------------------------------------- */

static void check_owner(unsigned node, unsigned i)
{
	const struct cluster_node *n = &c->nodes[node];
	const struct baton_record *r = record(node, i);

	if (!owns(node, i) || !baton_own_is_proven(r))
		return;
	PROP(r->epoch < EPOCHS_MAX);
	PROP(!proven[i][r->epoch] || proven[i][r->epoch] == n->boot);
	proven[i][r->epoch] = n->boot;
}

/* What a store has acknowledged it has. */
static void check_acknowledged(unsigned node, unsigned i, unsigned at)
{
	const struct cluster_node *n = &c->nodes[node];
	const struct baton_record *r = record(node, i), *there = record(at, i);
	const struct baton_peer *p = n->peers[at];

	if (!owns(node, i) || !p || !p->rank || p->synced_boot != c->nodes[at].boot ||
	    p->x.peer_boot != p->synced_boot || !cluster_clean(n, r, at))
		return;
	if (r->unproven && !r->held) /* a claim that is not answered yet is not told */
		return;
	PROP(there && there->epoch >= r->epoch);
	if (there->epoch > r->epoch || !baton_id_equal(there->owner, r->owner))
		return;
	PROP(there->version >= r->version && there->msgid_in >= r->msgid_in);
	if (r->mark_count && number_of(there) == number_of(r))
		PROP(there->marks[0].counters.out_lease >= r->marks[0].counters.out_lease);
}

static void check(void)
{
	for (unsigned i = 1; i <= SESSIONS; i++) {
		for (unsigned s = stores_from; s < stores_to; s++)
			check_store(s, i);
		for (unsigned g = 0; g < GATEWAYS; g++) {
			check_owner(g, i);
			for (unsigned s = stores_from; s < stores_to; s++)
				check_acknowledged(g, i, s);
		}
	}
}

static void pass(uint64_t ms)
{
	for (uint64_t end = c->now_ms + ms; c->now_ms < end;) {
		uint64_t left = end - c->now_ms;

		cluster_run(c, left < 200 ? left : 200);
		tick();
		check();
	}
}

/* ---- schedules ------------------------------------------------------------------------------- */

/* Would something be lost with this node's memory that matters and that nobody else has? */
static bool may_forget(unsigned node)
{
	for (unsigned i = 1; i <= SESSIONS; i++) {
		const struct baton_record *mine = record(node, i);
		bool elsewhere = false;
		uint32_t epoch = 0;

		for (unsigned n = 0; n < CLUSTER_NODES; n++)
			if (record(n, i) && record(n, i)->epoch > epoch)
				epoch = record(n, i)->epoch;
		for (unsigned n = 0; n < CLUSTER_NODES; n++) {
			const struct baton_record *r = record(n, i);

			if (n < GATEWAYS && owns(n, i) && r->epoch < epoch)
				return false;
			if (n != node && r && mine && r->epoch == epoch &&
			    number_of(r) == number_of(mine) &&
			    (!r->mark_count ||
			     r->marks[0].counters.out_lease >= mine->marks[0].counters.out_lease))
				elsewhere = true;
		}
		if (mine && !elsewhere)
			return false;
	}
	return true;
}

/* Have stores lost a claim of the gateway's, and not got it back yet, that are a quorum without the
 * others? */
static bool alone_knows_epoch(unsigned g)
{
	for (unsigned i = 1; i <= SESSIONS; i++) {
		uint8_t ranks = 0, stores = 0;

		for (unsigned n = 0; n < CLUSTER_NODES; n++) {
			const struct baton_peer *p = c->nodes[g].peers[n];

			if (!owns(g, i) || !p || !p->rank)
				continue;
			stores = p->stores;
			if (!record(n, i) || record(n, i)->epoch < record(g, i)->epoch)
				ranks |= (uint8_t)(1u << (p->rank - 1));
		}
		if (owns(g, i) && record(g, i)->epoch > 1 && baton_is_quorum(stores, ranks))
			return true;
	}
	return false;
}

static void forget_floors(unsigned node)
{
	memset(floors[node], 0, sizeof(floors[node]));
}

static void restart_gateway(unsigned g, bool reboot)
{
	if (alone_knows_epoch(g) || (stores_from == 0 && !may_forget(g)))
		return;
	TRACE("%llu: %u restarts reboot %d\n", (unsigned long long)c->now_ms, g, reboot);
	forget_floors(g);
	takeovers[g] = (struct takeover){0};
	cluster_restart(&c->nodes[g]);
	for (unsigned i = 1; i <= SESSIONS; i++) {
		if (reboot)
			remove_sa(g, i);
		else
			tell(g, i, true);
	}
	take_over(g, g, true);
}

static void restart_store(unsigned s)
{
	if (!may_forget(s) || takeovers[0].active || takeovers[1].active)
		return;
	TRACE("%llu: store %u restarts\n", (unsigned long long)c->now_ms, s);
	forget_floors(s);
	cluster_restart(&c->nodes[s]);
}

static void toggle_path(struct sample_random *r)
{
	unsigned a = sample_below(r, CLUSTER_NODES), b = sample_below(r, CLUSTER_NODES);

	c->cut[a][b] = !c->cut[a][b];
	if (sample_below(r, 4))
		c->cut[b][a] = c->cut[a][b];
	TRACE("%llu: path %u %u: %d %d\n", (unsigned long long)c->now_ms, a, b, c->cut[a][b],
	      c->cut[b][a]);
}

static void step(struct sample_random *r)
{
	unsigned g = sample_below(r, GATEWAYS), i = 1 + sample_below(r, SESSIONS);

	switch (sample_below(r, 20)) {
	case 0:
		rekey(g, i);
		break;
	case 1:
		tell(g, i, false);
		break;
	case 2:
	case 3:
		take_over(g, !g, false);
		break;
	case 4:
		take_over(g, g, sample_below(r, 2));
		break;
	case 5:
		restart_gateway(g, sample_below(r, 2));
		break;
	case 6:
		restart_store(2 + sample_below(r, 2));
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		toggle_path(r);
		break;
	default:
		for (unsigned j = 1; j <= SESSIONS; j++)
			if (ikes[g][j].has && !ikes[g][j].number)
				rekey(g, j);
		send_packets(g, i, sample_below(r, 1200));
		report(g, i);
	}
	pass(sample_below(r, 6) ? sample_below(r, 300) : sample_below(r, 6000));
	send_packets(g, i, sample_below(r, 600));
	send_packets(!g, i, sample_below(r, 600));
	if (sample_below(r, 2))
		report(g, i);
}

static void choose_stores(unsigned kind)
{
	stores_from = kind == 0 ? 2 : 0;
	stores_to = kind == 2 ? 2 : 4;
	for (unsigned g = 0; g < GATEWAYS; g++) {
		c->nodes[g].service->stores = kind != 0;
		for (unsigned n = 0; n < CLUSTER_NODES; n++) {
			c->nodes[g].is_store[n] = n >= stores_from && n < stores_to;
			if (c->nodes[g].peers[n])
				c->nodes[g].peers[n]->hold_ms = HOLD_MS;
		}
		cluster_rank(&c->nodes[g]);
	}
}

static void begin(uint64_t seed, struct sample_random *r)
{
	cluster_reset(c, seed);
	c->loss = sample_below(r, 30);
	c->dup = sample_below(r, 30);
	c->delay_ms = 1 + sample_below(r, 300);
	choose_stores(sample_below(r, 4) > 1 ? 0 : sample_below(r, 2) + 1);
	memset(sas, 0, sizeof(sas));
	memset(ikes, 0, sizeof(ikes));
	memset(takeovers, 0, sizeof(takeovers));
	memset(floors, 0, sizeof(floors));
	memset(span_count, 0, sizeof(span_count));
	memset(proven, 0, sizeof(proven));
	for (unsigned i = 1; i <= SESSIONS; i++) {
		unsigned g = sample_below(r, GATEWAYS);

		sa_count[i] = 0;
		ikes[g][i].has = true;
		rekey(g, i);
	}
	pass(sample_below(r, 2) * 3000);
}

static bool known(unsigned i)
{
	for (unsigned n = 0; n < CLUSTER_NODES; n++)
		if (record(n, i) && !record(n, i)->deleted)
			return true;
	return false;
}

/* On a good network gateway 0 takes everything; gateway 1 finds out. */
static void end(void)
{
	c->loss = c->dup = 0;
	c->delay_ms = 5;
	memset(c->cut, 0, sizeof(c->cut));
	pass(BATON_LATE_MS + 4000);
	for (unsigned n = 0; n < 2; n++) {
		take_over(0, 1 - n, false);
		pass(5000);
	}
	for (unsigned i = 1; i <= SESSIONS; i++) {
		report(1, i);
		pass(2000);
		PROP(!owns(1, i));
		if (!known(i))
			continue;
		PROP(owns(0, i) && record(0, i)->held);
		for (unsigned s = stores_from; s < stores_to; s++)
			if (s != 0)
				PROP(cluster_same(&c->nodes[0], &c->nodes[s], i));
		send_packets(0, i, 5000);
		send_packets(1, i, 5000); /* what a restart has left behind: below its lease */
	}
}

static void schedule(uint64_t seed)
{
	struct sample_random r = {seed};

	begin(seed, &r);
	for (unsigned n = 0; n < STEPS; n++)
		step(&r);
	end();
}

int main(void)
{
	int err;

	sample_session(&session);
	session.children[0].policy_count = 0;
	c = cluster_new(SESSIONS);
	for (unsigned a = 0; a < CLUSTER_NODES; a++)
		for (unsigned b = 0; b < CLUSTER_NODES; b++)
			if (a != b && (a < GATEWAYS || b < GATEWAYS)) {
				cluster_join(c, a, b);
				c->nodes[a].is_store[b] = false;
			}
	for (unsigned n = 0; n < CLUSTER_NODES; n++) {
		c->nodes[n].service->changed = on_changed;
		c->nodes[n].service->ctx = &c->nodes[n];
	}
	c->lost = on_lost;
	c->granted = on_granted;
	c->behind = on_behind;
	c->claimed = on_claimed;
	err = prop_run("stores", schedule, 5);
	printf("%llu claims proven, %llu not, %llu numbers used\n", proofs, unproofs, packets);
	c->lost = NULL;
	cluster_free(c);
	baton_session_wipe(&session);
	return err;
}
