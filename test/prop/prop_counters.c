/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two gateways and a store, a network that loses, doubles and reorders, claims
 * in both directions and gateways that restart: whatever the schedule,
 *
 *   - no outbound sequence number is used twice, by anyone;
 *   - what the store holds of a session only rises;
 *   - what the store has acknowledged it still has (it keeps its memory here);
 *   - in the end, on a good network, one gateway can have everything, and the
 *     store has the same.
 *
 * The kernel is a model, by the rule that the kernel is to enforce: an SA that
 * is installed sends the next number, up to the lease its store has
 * acknowledged. It goes on when batond restarts, and when another gateway has
 * claimed the session, until this gateway learns of it. Numbers that were set
 * are never lowered (baton_xfrm_raise()).
 *
 * An owner that learns from STALE_OWNER of a newer epoch of its own does not
 * take it over, but claims: others may have owned the session in between, and
 * only the claim's answer says which numbers are free. (Seed 941 found the use
 * of a number twice when it did take it over.)
 */
#include "cluster.h"
#include "prop.h"
#include <string.h>

#define SESSIONS 2u
#define STORE 2u
#define STEPS 40u
#define NUMBERS_MAX (1u << 20)

/* One SA in one gateway's kernel. */
struct sa {
	bool installed;
	uint32_t epoch;	      /* whose numbers it was given */
	uint64_t used, lease; /* the last number, the last it may use */
};
/* The least that the store must have: it was acknowledged, or seen there. */
struct floor {
	uint32_t epoch, msgid_in;
	struct baton_counters c;
};

static struct cluster *c;
static struct sa sas[2][SESSIONS + 1];
static struct floor floors[SESSIONS + 1];
static uint8_t used[SESSIONS + 1][NUMBERS_MAX / 8];
static uint64_t highest[SESSIONS + 1];

static struct baton_record *record(unsigned node, unsigned i)
{
	return cluster_record(&c->nodes[node], i);
}

static bool owns(unsigned node, unsigned i)
{
	const struct baton_record *r = record(node, i);

	return r && !r->deleted && cluster_owns(&c->nodes[node], r);
}

/* ---- the kernel ------------------------------------------------------------------------------ */

static void install(unsigned node, unsigned i, uint32_t epoch, uint64_t out_seq, uint64_t lease)
{
	struct sa *sa = &sas[node][i];

	sa->installed = true;
	sa->epoch = epoch;
	if (out_seq > sa->used)
		sa->used = out_seq;
	if (lease > sa->lease)
		sa->lease = lease;
}

static void send_packets(unsigned node, unsigned i, unsigned count)
{
	struct sa *sa = &sas[node][i];

	for (; sa->installed && sa->used < sa->lease && count; count--) {
		uint64_t n = ++sa->used;

		PROP(n < NUMBERS_MAX);
		PROP(!(used[i][n / 8] & 1u << n % 8)); /* never twice */
		used[i][n / 8] |= (uint8_t)(1u << n % 8);
		if (n > highest[i])
			highest[i] = n;
	}
}

/* The kernel's report of its numbers, and what core/watch.c makes of it. */
static void report(unsigned node, unsigned i, unsigned received)
{
	struct baton_record *r = record(node, i);
	struct baton_counters *k;

	if (!owns(node, i) || !r->mark_count)
		return;
	k = &r->marks[0].counters;
	if (sas[node][i].used > k->out_seq)
		k->out_seq = sas[node][i].used;
	if (k->out_lease < k->out_seq + CLUSTER_LEASE / 2)
		k->out_lease = k->out_seq + CLUSTER_LEASE;
	k->in_seq += received;
	k->in_limit = k->in_seq + (received ? 16 : 0);
	r->msgid_in++;
	cluster_dirty(&c->nodes[node], r, BATON_DIRTY_REPORT);
}

static void on_lost(struct cluster_node *n, struct baton_record *r)
{
	sas[n->index][r->spi_i].installed = false;
}

/* Sessions of a claim's answer that are ours now go into the kernel: the store has acknowledged
 * their leases. */
static void on_answer(struct cluster_node *n, struct baton_peer *p, const struct baton_message *m)
{
	static struct baton_session s;

	(void)p;
	for (unsigned j = 0; j < m->session_count; j++) {
		PROP(baton_session_decode(&s, m->sessions[j].body, m->sessions[j].len, NULL) == 0);
		if (owns(n->index, (unsigned)s.spi_i) &&
		    record(n->index, (unsigned)s.spi_i)->epoch == s.epoch)
			install(n->index, (unsigned)s.spi_i, s.epoch,
				s.children[0].counters.out_seq, s.children[0].counters.out_lease);
	}
}

/* ---- what must hold after every step --------------------------------------------------------- */

static void raise64(uint64_t *to, uint64_t v)
{
	*to = v > *to ? v : *to;
}

static void check_store(unsigned i)
{
	const struct baton_record *r = record(STORE, i);
	struct floor *f = &floors[i];
	const struct baton_counters *k;

	if (!r || r->deleted)
		return;
	k = &r->marks[0].counters;
	PROP(r->mark_count == 1 && r->epoch >= f->epoch && r->msgid_in >= f->msgid_in);
	PROP(k->out_seq >= f->c.out_seq && k->out_lease >= f->c.out_lease &&
	     k->in_seq >= f->c.in_seq);
	PROP(k->in_limit >= k->in_seq);
	*f = (struct floor){r->epoch, r->msgid_in, *k};
}

/* A gateway whose change is acknowledged may use its lease, and the store has what it said. */
static void check_gateway(unsigned node, unsigned i)
{
	const struct baton_record *r = record(node, i), *at = record(STORE, i);
	const struct baton_counters *k;

	if (!owns(node, i) || !cluster_clean(&c->nodes[node], r, STORE) ||
	    !r->peers[STORE].acked_version)
		return;
	k = &r->marks[0].counters;
	PROP(at && (at->deleted || at->epoch > r->epoch || at->version >= r->version));
	PROP(at->epoch >= r->epoch && at->msgid_in >= r->msgid_in);
	if (!at->deleted)
		PROP(at->marks[0].counters.out_lease >= k->out_lease &&
		     at->marks[0].counters.in_seq >= k->in_seq);
	if (sas[node][i].installed)
		raise64(&sas[node][i].lease, k->out_lease);
}

static void check(void)
{
	for (unsigned i = 1; i <= SESSIONS; i++) {
		check_store(i);
		check_gateway(0, i);
		check_gateway(1, i);
	}
}

/* ---- schedules ------------------------------------------------------------------------------- */

static void change(unsigned node, unsigned i)
{
	if (record(node, i) && !owns(node, i))
		return; /* known here, and not ours */
	if (!record(node, i) && record(STORE, i))
		return; /* established once, at one gateway */
	if (!record(node, i) && record(!node, i))
		return;
	PROP(cluster_put(&c->nodes[node], i) == BATON_OK);
	if (!sas[node][i].installed)
		install(node, i, record(node, i)->epoch, 0,
			0); /* nothing may be sent before the first acknowledgement */
}

static void restart(unsigned node, bool reboot)
{
	/* An SA of a session that no store has ever had is lost with it: it must not be set up a
	 * second time under its name. */
	for (unsigned i = 1; i <= SESSIONS; i++)
		if (owns(node, i) && !record(STORE, i))
			return;
	cluster_restart(&c->nodes[node]);
	for (unsigned i = 1; reboot && i <= SESSIONS; i++)
		sas[node][i].installed = false;
}

static void claim(unsigned node, unsigned subject)
{
	baton_own_begin_claim(&c->nodes[node].own);
	(void)cluster_ask_claim(&c->nodes[node], STORE, &c->nodes[subject].id);
}

static void step(struct sample_random *r)
{
	unsigned node = sample_below(r, 2), i = 1 + sample_below(r, SESSIONS);

	switch (sample_below(r, 12)) {
	case 0:
	case 1:
		change(node, i);
		break;
	case 2:
		claim(node, !node);
		break;
	case 3:
		claim(node, node);
		break;
	case 4:
		restart(node, sample_below(r, 2));
		break;
	case 5:
		c->cut[node][STORE] = !c->cut[node][STORE];
		break;
	case 6:
		c->cut[STORE][node] = !c->cut[STORE][node];
		break;
	default:
		send_packets(node, i, sample_below(r, 400));
		report(node, i, sample_below(r, 2) * sample_below(r, 50));
	}
	cluster_run(c, sample_below(r, 8) ? sample_below(r, 150) : sample_below(r, 4000));
	check();
	send_packets(node, i, sample_below(r, 100));
}

static void begin(uint64_t seed, struct sample_random *r)
{
	cluster_reset(c, seed);
	c->loss = sample_below(r, 40);
	c->dup = sample_below(r, 40);
	c->delay_ms = 1 + sample_below(r, 300);
	memset(sas, 0, sizeof(sas));
	memset(floors, 0, sizeof(floors));
	for (unsigned i = 1; i <= SESSIONS; i++) {
		memset(used[i], 0, highest[i] / 8 + 1);
		highest[i] = 0;
	}
	for (unsigned i = 1; i <= SESSIONS; i++)
		change(sample_below(r, 2), i);
}

/* On a good network gateway 0 takes everything; gateway 1 finds out. */
static void end(void)
{
	c->loss = c->dup = 0;
	c->delay_ms = 5;
	memset(c->cut, 0, sizeof(c->cut));
	cluster_run(c, BATON_LATE_MS); /* until the last claim of the schedule has ended */
	PROP(cluster_settle(c, 30000));
	check();
	for (unsigned n = 0; n < 2; n++) {
		claim(0, n);
		PROP(cluster_settle(c, 30000));
		check();
	}
	for (unsigned i = 1; i <= SESSIONS; i++) {
		report(1, i, 0);
		PROP(cluster_settle(c, 30000));
		check();
		PROP(owns(0, i) && !owns(1, i));
		PROP(cluster_same(&c->nodes[0], &c->nodes[STORE], i));
		send_packets(0, i, 10);
		send_packets(1, i, 400); /* an SA left behind by a restart: within its lease */
	}
	PROP(c->nodes[0].refused + c->nodes[1].refused == 0);
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

	c = cluster_new(SESSIONS);
	for (unsigned node = 0; node < 2; node++) {
		cluster_join(c, node, STORE);
		cluster_join(c, STORE, node);
	}
	c->lost = on_lost;
	c->answer = on_answer;
	err = prop_run("counters", schedule, 10);
	c->lost = NULL;
	cluster_free(c);
	return err;
}
