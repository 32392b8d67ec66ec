/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeping a peer store up to date through a network that loses, doubles and delays:
 * docs/protocol.md 5.3.1, 5.3.2 and 5.3.5. */
#include "cluster.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SESSIONS 40u

static struct cluster *c;
static struct cluster_node *a, *b;
static struct baton_peer *to_b;

static int setup(void **state)
{
	(void)state;
	c = cluster_new(SESSIONS);
	cluster_join(c, 0, 1);
	cluster_join(c, 1, 0);
	a = &c->nodes[0];
	b = &c->nodes[1];
	to_b = a->peers[1];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cluster_free(c);
	return 0;
}

static void settled(void)
{
	assert_true(cluster_settle(c, 60000));
}

static void all_same(void)
{
	for (unsigned i = 1; i <= SESSIONS; i++)
		assert_true(cluster_same(a, b, i));
}

/* The owner's numbers move on. */
static void count(unsigned i, uint64_t by)
{
	struct baton_record *r = cluster_record(a, i);

	assert_non_null(r);
	r->msgid_in++;
	for (unsigned m = 0; m < r->mark_count; m++) {
		r->marks[m].counters.out_seq += by;
		r->marks[m].counters.out_lease += by;
		r->marks[m].counters.in_seq += by;
		r->marks[m].counters.in_limit = r->marks[m].counters.in_seq + 5;
	}
	cluster_dirty(a, r, BATON_DIRTY_REPORT);
}

static void a_session_is_stored_and_acknowledged(void **state)
{
	struct baton_record *r;

	(void)state;
	assert_int_equal(cluster_put(a, 1), BATON_OK);
	r = cluster_record(a, 1);
	assert_false(cluster_clean(a, r, 1));
	settled();
	assert_true(cluster_clean(a, r, 1));
	assert_int_equal(r->peers[1].acked_version, 1);
	assert_int_equal(to_b->state, BATON_PEER_UP);
	all_same();
	assert_int_equal(b->hellos, 1);
	assert_int_equal(b->synceds, 1);
	assert_int_equal(baton_peer_lag_ms(to_b, c->now_ms), 0);
}

/* A peer that leaves while we run, and one that comes into its place. */
static void a_peer_that_is_removed_is_told_nothing_more(void **state)
{
	const struct baton_header h = baton_exchange_header(&to_b->x, BATON_SA_RETR);
	struct baton_builder b_;
	struct baton_record *r;

	(void)state;
	assert_int_equal(cluster_put(a, 1), BATON_OK);
	settled();
	assert_int_equal(cluster_put(a, 2), BATON_OK); /* not sent yet */
	baton_peer_leave(to_b);
	assert_int_equal(cluster_put(a, 3), BATON_OK);
	cluster_run(c, 10000);
	assert_null(cluster_record(b, 2));
	assert_null(cluster_record(b, 3));
	assert_int_equal(to_b->state, BATON_PEER_DOWN);
	assert_int_equal(to_b->x.in_flight, 0);
	baton_build_begin(&b_, c->buf, sizeof(c->buf), &h);
	assert_int_equal(baton_peer_ask(to_b, &b_, NULL, c->now_ms, c->now_ms + 1000),
			 -BATON_E_UNREACHABLE);
	r = cluster_record(a, 1);
	assert_int_equal(r->peers[1].acked_version, 1);
	baton_peer_begin(to_b, r);
	assert_int_equal(r->peers[1].acked_version, 0);
}

/* A gateway that is told of our sessions, in case it knows one, and is no store. */
static void a_peer_that_stores_nothing_is_told_once(void **state)
{
	unsigned told;

	(void)state;
	b->service->stores = false;
	a->is_store[1] = false;
	cluster_rank(a);
	assert_int_equal(cluster_put(a, 1), BATON_OK);
	cluster_run(c, 2000);
	assert_true(a->refused > 0);
	told = a->refused;
	for (unsigned i = 0; i < 10; i++) {
		count(1, 10);
		assert_int_equal(cluster_put(a, 1), BATON_OK);
		cluster_run(c, 200);
	}
	assert_int_equal(a->refused, told);
	cluster_record(a, 1)->epoch++; /* claimed anew: it may have it */
	assert_int_equal(cluster_put(a, 1), BATON_OK);
	cluster_run(c, 2000);
	assert_true(a->refused > told);
}

/* Puts, reports and deletes at random times. */
static void schedule(uint64_t seed, unsigned steps)
{
	struct sample_random r = {seed};

	for (unsigned n = 0; n < steps; n++) {
		unsigned i = 1 + sample_below(&r, SESSIONS);
		struct baton_record *rec = cluster_record(a, i);
		unsigned what = sample_below(&r, 10);

		if (!rec || (what < 3 && !rec->deleted))
			assert_int_equal(cluster_put(a, i), BATON_OK);
		else if (!rec->deleted && what == 3)
			assert_int_equal(cluster_delete(a, i), BATON_OK);
		else if (!rec->deleted)
			count(i, sample_below(&r, 100));
		cluster_run(c, sample_below(&r, 80));
	}
	settled();
	all_same();
}

static void everything_is_acknowledged_through_a_bad_network(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		cluster_reset(c, seed);
		c->loss = 30;
		c->dup = 20;
		c->delay_ms = 150;
		schedule(seed, 150);
		assert_true(to_b->x.retransmitted > 0);
		assert_int_equal(a->lost + a->refused, 0);
	}
}

static void the_state_is_the_same_as_through_a_good_network(void **state)
{
	static struct baton_record good[SESSIONS + 1];
	struct baton_counters counters[SESSIONS + 1] = {0};

	(void)state;
	schedule(77, 150);
	for (unsigned i = 1; i <= SESSIONS; i++)
		if (cluster_record(b, i)) {
			good[i] = *cluster_record(b, i);
			if (!good[i].deleted)
				counters[i] = good[i].marks[0].counters;
		}
	cluster_reset(c, 5);
	c->loss = 20;
	c->dup = 50;
	c->delay_ms = 300;
	schedule(77, 150);
	for (unsigned i = 1; i <= SESSIONS; i++) {
		const struct baton_record *r = cluster_record(b, i);

		assert_int_equal(r != NULL, good[i].spi_i != 0);
		if (!r)
			continue;
		assert_int_equal(r->deleted, good[i].deleted);
		assert_int_equal(r->version, good[i].version);
		if (r->deleted)
			continue;
		assert_int_equal(r->msgid_in, good[i].msgid_in);
		assert_memory_equal(&r->marks[0].counters, &counters[i], sizeof(counters[i]));
	}
}

static void only_the_latest_state_is_sent(void **state)
{
	uint64_t before;

	(void)state;
	settled();
	b->off = true;
	for (unsigned n = 0; n < 100; n++) {
		cluster_put(a, 1);
		cluster_run(c, 100);
	}
	b->off = false;
	before = b->service->stored;
	settled();
	assert_int_equal(b->service->stored, before + 1);
	assert_int_equal(cluster_record(b, 1)->version, 100);
}

static void changes_during_a_request_wait_for_its_end(void **state)
{
	struct baton_record *r;

	(void)state;
	settled();
	cluster_put(a, 1);
	baton_peer_pump(to_b, c->now_ms);
	r = cluster_record(a, 1);
	assert_true(r->peers[1].flying);
	cluster_put(a, 1);
	count(1, 10);
	baton_peer_pump(to_b, c->now_ms);
	assert_int_equal(to_b->flying, 1); /* one request about one session */
	assert_true(r->peers[1].dirty != 0);
	settled();
	all_same();
	assert_int_equal(r->peers[1].acked_version, 2);
}

static void many_sessions_share_messages(void **state)
{
	uint64_t before;

	(void)state;
	settled();
	before = b->requests;
	for (unsigned i = 1; i <= SESSIONS; i++)
		cluster_put(a, i);
	settled();
	assert_in_range(b->requests - before, 1, SESSIONS / 3);
	all_same();
}

static void a_delete_ends_all_else(void **state)
{
	(void)state;
	cluster_put(a, 1);
	settled();
	count(1, 10);
	cluster_put(a, 1);
	cluster_delete(a, 1);
	settled();
	assert_true(cluster_record(b, 1)->deleted);
	assert_int_equal(cluster_record(b, 1)->version, 3);
	assert_int_equal(baton_peer_lag_ms(to_b, c->now_ms), 0);
}

static void a_delete_is_not_lost_with_the_request_before_it(void **state)
{
	(void)state;
	settled();
	cluster_put(a, 1);
	c->cut[0][1] = true;
	cluster_run(c, 10);
	cluster_delete(a, 1); /* while the put is under way */
	cluster_run(c, 5000);
	c->cut[0][1] = false;
	settled();
	assert_true(cluster_record(b, 1)->deleted);
}

/* ---- states ---------------------------------------------------------------------------------- */

static void a_silent_peer_is_down_and_only_probed(void **state)
{
	uint64_t before;

	(void)state;
	cluster_put(a, 1);
	settled();
	b->off = true;
	count(1, 10);
	cluster_run(c, BATON_DEADLINE_MS - 100);
	assert_int_equal(to_b->state, BATON_PEER_UP);
	cluster_run(c, 200);
	assert_int_equal(to_b->state, BATON_PEER_DOWN);
	assert_true(cluster_record(a, 1)->peers[1].dirty != 0); /* what was under way waits again */
	cluster_run(c, 5000);
	before = c->sent;
	for (unsigned i = 2; i <= SESSIONS; i++)
		cluster_put(a, i);
	cluster_run(c, 10000);
	assert_in_range(c->sent - before, 5, 30); /* pings and their repetitions */
	assert_int_equal(to_b->flying, 0);
	assert_int_equal(to_b->queued, SESSIONS);
	assert_in_range(baton_peer_lag_ms(to_b, c->now_ms), 15000, 19000);
	b->off = false;
	settled();
	assert_int_equal(to_b->state, BATON_PEER_UP);
	assert_int_equal(b->hellos, 1); /* its memory is as it was: no full set */
	all_same();
	assert_int_equal(baton_peer_lag_ms(to_b, c->now_ms), 0);
}

static void a_quiet_peer_is_asked_once_a_second(void **state)
{
	uint64_t before;

	(void)state;
	settled();
	before = a->requests;
	cluster_run(c, 10000);
	assert_in_range(a->requests - before, 8, 11);
	assert_int_equal(a->states, 2); /* syncing, up: and no change since */
}

static void a_restarted_peer_gets_the_full_set(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= SESSIONS; i++)
		cluster_put(a, i);
	settled();
	cluster_delete(a, 3);
	settled();
	count(4, 100);
	settled();
	cluster_restart(b);
	assert_null(cluster_record(b, 1));
	settled();
	cluster_run(c, 2000); /* until a hears of it */
	settled();
	all_same();
	assert_true(cluster_record(b, 3)->deleted); /* tombstones too */
	assert_int_equal(b->hellos, 2);
	assert_int_equal(b->synceds, 2);
}

static void synced_comes_after_all_is_acknowledged(void **state)
{
	(void)state;
	c->loss = 30;
	c->delay_ms = 100;
	for (unsigned i = 1; i <= SESSIONS; i++)
		cluster_put(a, i);
	for (unsigned n = 0; n < 60000 && !b->synceds; n++)
		cluster_run(c, 1);
	assert_int_equal(b->table.live, SESSIONS);
	assert_int_equal(b->synceds, 1);
}

static void a_peer_restarted_under_load_has_everything_in_the_end(void **state)
{
	struct sample_random r = {6};

	(void)state;
	c->loss = 10;
	c->delay_ms = 60;
	for (unsigned n = 0; n < 300; n++) {
		unsigned i = 1 + sample_below(&r, SESSIONS);

		if (cluster_record(a, i) && n % 3)
			count(i, 7);
		else
			cluster_put(a, i);
		if (n % 60 == 59)
			cluster_restart(b);
		cluster_run(c, 20);
	}
	settled();
	cluster_run(c, 3000);
	settled();
	all_same();
}

/* ---- statuses -------------------------------------------------------------------------------- */

static void an_owner_learns_that_its_session_was_claimed(void **state)
{
	(void)state;
	cluster_put(a, 1);
	cluster_put(a, 2);
	settled();
	c->cut[1][0] = true; /* b cannot tell */
	assert_int_equal(cluster_claim_here(b, &a->id), 2);
	assert_int_equal(cluster_record(b, 1)->epoch, 2);
	c->cut[1][0] = false;
	b->peers[0]->state = BATON_PEER_DOWN; /* nor does it, until a asks */
	count(1, 10);
	for (unsigned n = 0; n < 100 && a->lost + a->losing == 0; n++)
		cluster_run(c, 1);
	settled();
	assert_int_equal(a->lost + a->losing, 2);
	assert_true(baton_id_equal(cluster_record(a, 1)->owner, &b->id));
	assert_int_equal(cluster_record(a, 1)->epoch, 2);
	assert_int_equal(a->refused, 0);
	assert_true(cluster_same(a, b, 2));
	assert_int_equal(cluster_record(b, 1)->marks[0].counters.in_seq,
			 0); /* the refused report has changed nothing */
}

static void stale_owner_is_told_with_the_stores_owner(void **state)
{
	(void)state;
	cluster_put(a, 1);
	settled();
	assert_int_equal(baton_own_claim(&b->own, cluster_record(b, 1), &c->nodes[2].id, 5, 0,
					 (struct baton_grant){1, 1}),
			 BATON_OK);
	count(1, 10);
	settled();
	assert_int_equal(a->lost, 1);
	assert_int_equal(a->last.status, BATON_E_STALE_OWNER);
	assert_true(baton_id_equal(&a->last.owner, &c->nodes[2].id));
	assert_int_equal(a->last.epoch, 2);
	assert_int_equal(to_b->queued, 0);
}

static void an_owner_that_forgot_its_version_takes_the_stores(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 5; n++)
		cluster_put(a, 1);
	settled();
	assert_int_equal(cluster_record(b, 1)->version, 5);
	cluster_restart(a);
	cluster_put(a, 1); /* version 1 again */
	settled();
	assert_int_equal(cluster_record(a, 1)->version, 6);
	all_same();
	assert_int_equal(a->lost + a->refused, 0);
}

static void an_owner_that_forgot_its_epoch_claims(void **state)
{
	struct baton_record *r;

	(void)state;
	cluster_put(a, 1);
	settled();
	r = cluster_record(b, 1);
	r->epoch = 7;
	r->version = 70;
	r->marks[0].counters.out_lease = 9000;
	cluster_restart(a);
	cluster_put(a, 1);
	settled();
	assert_int_equal(a->behind, 1);
	assert_int_equal(cluster_record(a, 1)->epoch, 8); /* a claim of its own */
	assert_int_equal(cluster_record(a, 1)->marks[0].counters.out_seq, 9000);
	assert_true(cluster_record(a, 1)->marks[0].counters.out_lease > 9000);
	assert_int_equal(a->lost + a->refused, 0);
	all_same();
}

static void an_owner_that_forgot_deletes_all_the_same(void **state)
{
	(void)state;
	cluster_put(a, 1);
	settled();
	cluster_record(b, 1)->epoch = 7;
	cluster_delete(a, 1);
	settled();
	assert_true(cluster_record(b, 1)->deleted);
}

static void what_a_store_does_not_know_is_put_again(void **state)
{
	(void)state;
	cluster_put(a, 1);
	settled();
	baton_table_drop(&b->table, cluster_record(b, 1));
	count(1, 10);
	settled();
	all_same();
	assert_int_equal(a->refused, 0);
}

static void what_repeating_does_not_mend_is_told_once(void **state)
{
	(void)state;
	settled();
	b->table.max = 2;
	for (unsigned i = 1; i <= 3; i++) {
		cluster_put(a, i);
		settled();
	}
	assert_int_equal(a->refused, 1);
	assert_int_equal(a->last.status, BATON_E_FULL);
	assert_int_equal(a->last.spi_i, 3);
	assert_int_equal(baton_peer_lag_ms(to_b, c->now_ms), 0);
	cluster_run(c, 10000);
	assert_int_equal(a->refused, 1);
}

static void a_deleted_session_that_is_put_is_told(void **state)
{
	(void)state;
	cluster_put(a, 1);
	settled();
	baton_table_bury(&b->table, cluster_record(b, 1), c->now_ms);
	cluster_put(a, 1);
	settled();
	assert_int_equal(a->refused, 1);
	assert_int_equal(a->last.status, BATON_E_DELETED);
}

static void a_collision_is_told(void **state)
{
	struct baton_session *s = &c->session;

	(void)state;
	sample_session(s);
	s->owner = c->nodes[2].id;
	s->children[0].spi_in = 0xc0000001; /* what cluster_put(a, 1) will use */
	assert_int_equal(baton_own_put(&b->own, &s->owner, s, c->now_ms), BATON_OK);
	cluster_put(a, 1);
	settled();
	assert_int_equal(a->refused, 1);
	assert_int_equal(a->last.status, BATON_E_SPI_COLLISION);
	assert_null(cluster_record(b, 1));
}

static void answers_from_before_a_claim_of_ours_do_no_harm(void **state)
{
	struct baton_record *r;

	(void)state;
	cluster_put(a, 1);
	settled();
	r = cluster_record(a, 1);
	/* the store still has the owner before us */
	assert_int_equal(baton_record_set_owner(&b->table, cluster_record(b, 1), &c->nodes[2].id),
			 0);
	r->epoch = 2; /* we have claimed it elsewhere */
	r->version++;
	count(1, 10);
	settled();
	assert_int_equal(a->lost, 0);
	assert_true(cluster_owns(a, r));
	assert_true(cluster_owns(a, cluster_record(b, 1)));
	assert_int_equal(cluster_record(b, 1)->epoch, 2);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void what_is_forgotten_is_not_sent(void **state)
{
	(void)state;
	settled();
	cluster_put(a, 1);
	baton_peer_forget(to_b, cluster_record(a, 1));
	baton_peer_forget(to_b, cluster_record(a, 1));
	assert_int_equal(to_b->queued, 0);
	assert_int_equal(baton_peer_lag_ms(to_b, c->now_ms + 100), 0);
	settled();
	assert_null(cluster_record(b, 1));
}

static void a_question_gets_its_answer_or_silence(void **state)
{
	(void)state;
	cluster_put(a, 1);
	settled();
	assert_int_equal(cluster_ask_claim(b, 0, &a->id), 0);
	settled();
	assert_int_equal(b->answers, 1);
	assert_int_equal(a->losing, 1); /* a was asked itself, and stopped */
	assert_true(cluster_owns(b, cluster_record(b, 1)));
	all_same();
	a->off = true;
	assert_int_equal(cluster_ask_claim(b, 0, &a->id), 0);
	cluster_run(c, BATON_DEADLINE_MS + 100);
	assert_int_equal(b->silences, 1);
	assert_int_equal(b->peers[0]->state, BATON_PEER_DOWN);
}

static void a_full_window_makes_changes_wait(void **state)
{
	(void)state;
	settled();
	for (unsigned n = 0; n < BATON_WINDOW; n++)
		assert_int_equal(cluster_ask_claim(a, 1, &c->nodes[2].id), 0);
	assert_int_equal(cluster_ask_claim(a, 1, &c->nodes[2].id), -BATON_E_BUSY);
	cluster_put(a, 1);
	baton_peer_pump(to_b, c->now_ms);
	assert_int_equal(to_b->queued, 1);
	assert_int_equal(to_b->flying, 0);
	settled();
	assert_int_equal(a->answers, BATON_WINDOW);
	all_same();
}

static void a_response_that_cannot_be_read_acknowledges_nothing(void **state)
{
	struct baton_header h = {.exchange = BATON_SA_STOR, .flags = BATON_FLAG_RESPONSE};
	struct baton_builder builder;
	int len;

	(void)state;
	settled();
	cluster_put(a, 1);
	h.msgid = to_b->x.next_msgid;
	h.spi_i = a->boot;
	h.spi_r = b->boot;
	c->cut[0][1] = true;
	baton_peer_pump(to_b, c->now_ms);
	baton_build_begin(&builder, c->buf, sizeof(c->buf), &h);
	baton_build_open(&builder, BATON_PL_LEASE); /* an empty one */
	baton_build_close(&builder);
	len = baton_build_end(&builder);
	assert_true(len > 0);
	baton_exchange_input(&to_b->x, c->buf, (size_t)len, c->now_ms);
	assert_false(cluster_clean(a, cluster_record(a, 1), 1));
	assert_true(cluster_record(a, 1)->peers[1].dirty != 0);
	c->cut[0][1] = false;
	settled();
	all_same();
}

static void an_answer_without_the_items_status_acknowledges_nothing(void **state)
{
	struct baton_header h = {.exchange = BATON_SA_STOR, .flags = BATON_FLAG_RESPONSE};
	struct baton_builder builder;
	int len;

	(void)state;
	settled();
	cluster_put(a, 1);
	h.msgid = to_b->x.next_msgid;
	h.spi_i = a->boot;
	h.spi_r = b->boot;
	baton_peer_pump(to_b, c->now_ms);
	baton_build_begin(&builder, c->buf, sizeof(c->buf), &h);
	len = baton_build_end(&builder);
	assert_true(len > 0);
	baton_exchange_input(&to_b->x, c->buf, (size_t)len, c->now_ms);
	assert_false(cluster_clean(a, cluster_record(a, 1), 1));
	settled();
	all_same();
}

/* replicate = ike: the CHILD SAs are nobody else's business, and no put is missed for them. */
static void children_may_be_told_to_nobody(void **state)
{
	struct baton_record *r, *stored;

	(void)state;
	assert_int_equal(cluster_put(a, 1), BATON_OK);
	r = cluster_record(a, 1);
	r->ike_only = true;
	settled();
	stored = cluster_record(b, 1);
	assert_non_null(stored);
	assert_int_equal(stored->mark_count, 0);
	assert_true(stored->flags & BATON_IKE_ONLY);
	assert_true(r->mark_count > 0 && !r->marks[0].told);
	count(1, 5000);
	settled();
	assert_int_equal(stored->msgid_in, r->msgid_in);
	assert_int_equal(r->peers[1].acked_version, 1);
	assert_int_equal(a->refused, 0);
	/* Numbers that no store knows of need no store's word. */
	baton_lease_settle(a->peers, CLUSTER_NODES, r);
	assert_int_equal(r->marks[0].usable, r->marks[0].counters.out_lease);
}

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(baton_peer_state_names[BATON_PEER_DOWN], "down");
	assert_string_equal(baton_peer_state_names[BATON_PEER_SYNCING], "syncing");
	assert_string_equal(baton_peer_state_names[BATON_PEER_UP], "up");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_session_is_stored_and_acknowledged),
		CASE(a_peer_that_stores_nothing_is_told_once),
		CASE(a_peer_that_is_removed_is_told_nothing_more),
		CASE(everything_is_acknowledged_through_a_bad_network),
		CASE(the_state_is_the_same_as_through_a_good_network),
		CASE(only_the_latest_state_is_sent),
		CASE(changes_during_a_request_wait_for_its_end),
		CASE(many_sessions_share_messages),
		CASE(a_delete_ends_all_else),
		CASE(a_delete_is_not_lost_with_the_request_before_it),
		CASE(a_silent_peer_is_down_and_only_probed),
		CASE(a_quiet_peer_is_asked_once_a_second),
		CASE(a_restarted_peer_gets_the_full_set),
		CASE(synced_comes_after_all_is_acknowledged),
		CASE(a_peer_restarted_under_load_has_everything_in_the_end),
		CASE(an_owner_learns_that_its_session_was_claimed),
		CASE(stale_owner_is_told_with_the_stores_owner),
		CASE(an_owner_that_forgot_its_version_takes_the_stores),
		CASE(an_owner_that_forgot_its_epoch_claims),
		CASE(an_owner_that_forgot_deletes_all_the_same),
		CASE(what_a_store_does_not_know_is_put_again),
		CASE(what_repeating_does_not_mend_is_told_once),
		CASE(a_deleted_session_that_is_put_is_told),
		CASE(a_collision_is_told),
		CASE(answers_from_before_a_claim_of_ours_do_no_harm),
		CASE(what_is_forgotten_is_not_sent),
		CASE(a_question_gets_its_answer_or_silence),
		CASE(a_full_window_makes_changes_wait),
		CASE(a_response_that_cannot_be_read_acknowledges_nothing),
		CASE(an_answer_without_the_items_status_acknowledges_nothing),
		CASE(children_may_be_told_to_nobody),
		CASE(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
