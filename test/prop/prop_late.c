/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every request may be executed twice, and after a later one (docs/protocol.md
 * 5.3.1): a store that sees late copies ends in the same state as one that
 * sees each request once, in order.
 *
 * A schedule is what two owners and a store may come to do with three
 * sessions. One table executes it as it is; the other executes copies of
 * earlier requests in between.
 *
 * A copy of a claim carries no epoch to be late by: the store remembers which
 * it has executed (core/standing.h).
 */
#include "core/ownership.h"
#include "core/standing.h"
#include "prop.h"
#include "sample.h"
#include <string.h>

#define SESSIONS 3u
#define STEPS 14u
#define NOW_MS 1000u

enum kind { PUT, REPORT, MSGID, DELETE, CLAIM };
struct op {
	enum kind kind;
	unsigned session, by;
	uint32_t epoch;
	uint64_t version;
	uint32_t msgid, claim; /* the claim's message ID */
	struct baton_counters c;
	unsigned sa; /* rises with each CHILD rekey */
	uint8_t ranks;
	bool stale; /* its owner has not proven its claim */
};

/* The owner's side of a session, as far as a schedule needs it. */
struct owned {
	bool put, gone;
	unsigned by;
	uint32_t epoch, msgid;
	uint64_t version;
	unsigned sa; /* rises with each CHILD rekey */
	struct baton_counters c;
	uint8_t ranks; /* that have granted the last claim */
	bool stale;
};

static const struct baton_id ids[2] = {{BATON_ID_FQDN, 4, "gw-a"}, {BATON_ID_FQDN, 4, "gw-b"}};
static const struct baton_id store = {BATON_ID_FQDN, 4, "gw-c"};
static struct baton_table tables[2];
static struct baton_standings standings[2];
static struct baton_session session;

static uint32_t claims;

static struct op next_op(struct sample_random *r, struct owned *all)
{
	unsigned i = sample_below(r, SESSIONS), what = sample_below(r, 16);
	struct owned *o = &all[i];
	struct op op = {.session = i};

	o->c.out_seq += sample_below(r, 50);
	o->c.out_lease = o->c.out_seq + 100;
	o->c.in_seq += sample_below(r, 3) * 10;
	o->c.in_limit = o->c.in_seq + (sample_below(r, 2) ? 0 : 5);
	o->msgid += sample_below(r, 2);
	if (!o->put || (what < 5 && !o->gone)) {
		op.kind = PUT;
		/* The same once more, when another store has granted the claim. */
		if (o->put && what == 4 && o->stale) {
			o->ranks |= 2;
			o->stale = false;
		} else {
			o->version++;
			o->sa += what == 0;
		}
		o->put = true;
	} else if (what == 5 && !o->gone) {
		op.kind = DELETE;
		o->gone = true;
		o->version++;
	} else if (what < 8 && !o->gone) {
		op.kind = CLAIM;
		o->by = !o->by;
		o->epoch++;
		o->version++;
		o->ranks = 1;
		o->stale = true;
		op.claim = claims++;
	} else {
		op.kind = what & 1 ? MSGID : REPORT;
	}
	op.by = o->by;
	op.epoch = o->epoch;
	op.version = o->version;
	op.msgid = o->msgid;
	op.c = o->c;
	op.sa = o->sa;
	op.ranks = o->ranks;
	op.stale = o->stale;
	return op;
}

static uint32_t spi_in(const struct op *op)
{
	return 0x1000u + op->session * 0x100u + op->sa;
}

static int put(struct baton_ownership *o, const struct op *op)
{
	session.spi_i = session.spi_r = op->session + 1;
	session.owner = ids[op->by];
	session.epoch = op->epoch;
	session.version = op->version;
	session.stores = op->ranks ? 3 : 0;
	session.ranks = op->ranks;
	session.stale = op->stale;
	session.msgid_in = session.msgid_out = op->msgid;
	session.children[0].spi_in = spi_in(op);
	session.children[0].spi_out = 0xd0000000u + spi_in(op);
	session.children[0].counters = op->c;
	return baton_own_put(o, &ids[op->by], &session, NOW_MS);
}

static int execute(unsigned at, const struct op *op)
{
	struct baton_table *t = &tables[at];
	struct baton_ownership o = {.table = t, .self = &store, .lease = 100};
	const uint64_t spi = op->session + 1;
	struct baton_record *r = baton_table_find(t, spi, spi);
	const struct baton_report rep = {
		.kind = op->kind == MSGID ? BATON_REPORT_MSGID : BATON_REPORT_CHILD,
		.spi_in = spi_in(op),
		.spi_i = spi,
		.spi_r = spi,
		.epoch = op->epoch,
		.msgid_in = op->msgid,
		.msgid_out = op->msgid,
		.counters = op->c,
	};

	switch (op->kind) {
	case PUT:
		return put(&o, op);
	case DELETE:
		return baton_own_delete(&o, &ids[op->by],
					&(struct baton_delete){spi, spi, op->epoch, op->version},
					NOW_MS);
	case CLAIM:
		if (!baton_standing_claim(&standings[at], &ids[op->by], op->by + 1, op->claim,
					  NOW_MS))
			return BATON_E_BUSY;
		return r ? baton_own_claim(&o, r, &ids[op->by], op->by + 1, 0,
					   (struct baton_grant){1, 1})
			 : BATON_E_NOT_FOUND;
	default:
		return baton_own_report(&o, &ids[op->by], &rep);
	}
}

static void same(unsigned session_number)
{
	const uint64_t spi = session_number + 1;
	const struct baton_record *x = baton_table_find(&tables[0], spi, spi);
	const struct baton_record *y = baton_table_find(&tables[1], spi, spi);

	PROP(!x == !y);
	if (!x || !y)
		return;
	PROP(x->deleted == y->deleted && x->epoch == y->epoch && x->version == y->version);
	PROP(baton_id_equal(x->owner, y->owner));
	PROP(x->stores == y->stores && x->ranks == y->ranks);
	PROP(x->unproven == y->unproven && x->claimed == y->claimed);
	PROP(x->msgid_in == y->msgid_in && x->msgid_out == y->msgid_out);
	PROP(x->mark_count == y->mark_count && x->body_len == y->body_len);
	if (x->body && y->body)
		PROP(memcmp(x->body, y->body, x->body_len) == 0);
	if (!x->mark_count)
		return;
	PROP(x->marks[0].spi_in == y->marks[0].spi_in);
	PROP(memcmp(&x->marks[0].counters, &y->marks[0].counters, sizeof(x->marks[0].counters)) ==
	     0);
}

static void schedule(uint64_t seed)
{
	struct sample_random r = {seed};
	struct owned all[SESSIONS] = {0};
	struct op ops[STEPS];
	struct baton_record *rec;

	claims = 0;
	memset(standings, 0, sizeof(standings));
	for (unsigned i = 0; i < SESSIONS; i++)
		all[i].epoch = 1;
	for (unsigned i = 0; i < STEPS; i++) {
		ops[i] = next_op(&r, all);
		for (unsigned t = 0; t < 2; t++) {
			int status = execute(t, &ops[i]);

			PROP(status == BATON_OK ||
			     (all[ops[i].session].gone && status == BATON_E_DELETED));
		}
		for (unsigned n = sample_below(&r, 3); n; n--) {
			unsigned old = sample_below(&r, i + 1);

			(void)execute(1, &ops[old]);
		}
	}
	for (unsigned i = 0; i < SESSIONS; i++)
		same(i);
	for (unsigned t = 0; t < 2; t++)
		while ((rec = TAILQ_FIRST(&tables[t].records)))
			baton_table_drop(&tables[t], rec);
}

int main(void)
{
	int err;

	sample_session(&session);
	session.children[0].policy_count = 0;
	for (unsigned t = 0; t < 2; t++)
		if (baton_table_init(&tables[t], SESSIONS, t))
			return 1;
	err = prop_run("late", schedule, 85);
	for (unsigned t = 0; t < 2; t++)
		baton_table_free(&tables[t]);
	baton_session_wipe(&session);
	return err;
}
