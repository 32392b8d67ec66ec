/* SPDX-License-Identifier: BSD-2-Clause */
/* Which stores an owner counts in, and what they may believe of it; what is found by comparing
 * digests. docs/protocol.md 5.3.5, 5.3.6 and 5.3.8. */
#include "cluster.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SESSIONS 20u
#define HOLD_MS 4000u

static struct cluster *c;
static struct cluster_node *a, *b, *d; /* a's stores are b and d */

static void two_stores(void)
{
	for (unsigned i = 1; i <= 2; i++) {
		a->peers[i]->hold_ms = HOLD_MS;
		c->nodes[i].is_store[0] = false;
		cluster_rank(&c->nodes[i]);
	}
	cluster_rank(a);
}

static int setup(void **state)
{
	(void)state;
	c = cluster_new(SESSIONS);
	for (unsigned i = 1; i <= 2; i++) {
		cluster_join(c, 0, i);
		cluster_join(c, i, 0);
	}
	a = &c->nodes[0];
	b = &c->nodes[1];
	d = &c->nodes[2];
	two_stores();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cluster_free(c);
	return 0;
}

static bool current(const struct cluster_node *store)
{
	return baton_standing_is_current(baton_standing_find(&store->service->standings, &a->id),
					 c->now_ms);
}

static void part(unsigned i, bool parted)
{
	c->cut[0][i] = c->cut[i][0] = parted;
}

/* Runs, and looks often: what is current is counted in. */
static void watch(uint64_t ms)
{
	for (uint64_t end = c->now_ms + ms; c->now_ms < end;) {
		cluster_run(c, end - c->now_ms < 7 ? end - c->now_ms : 7);
		for (unsigned i = 1; i <= 2; i++)
			if (current(&c->nodes[i]))
				assert_true(a->peers[i]->counted);
	}
}

/* ---- counting in ----------------------------------------------------------------------------- */

static void both_stores_become_current_and_stay_so(void **state)
{
	(void)state;
	watch(HOLD_MS);
	for (unsigned n = 0; n < 100; n++) {
		watch(100);
		assert_true(current(b) && current(d));
	}
	assert_int_equal(baton_standing_find(&b->service->standings, &a->id)->rank, 1);
	assert_int_equal(baton_standing_find(&d->service->standings, &a->id)->rank, 2);
	assert_int_equal(baton_standing_find(&d->service->standings, &a->id)->stores, 2);
}

static void a_silent_store_is_written_off_when_it_knows(void **state)
{
	uint64_t parted_ms;

	(void)state;
	watch(2 * HOLD_MS);
	part(1, true);
	parted_ms = c->now_ms;
	while (a->peers[1]->counted) {
		assert_true(c->now_ms - parted_ms < 3 * HOLD_MS);
		watch(10);
	}
	assert_true(c->now_ms - a->peers[1]->contact_ms >= HOLD_MS);
	assert_false(current(b));
	assert_true(current(d) && a->peers[2]->counted);
	part(1, false);
	watch(HOLD_MS);
	assert_true(current(b) && a->peers[1]->counted);
}

static void the_last_contact_may_be_under_way_for_long(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct sample_random r = {seed};

		cluster_reset(c, seed);
		two_stores();
		c->delay_ms = 1 + sample_below(&r, 4000);
		c->loss = sample_below(&r, 40);
		c->dup = sample_below(&r, 40);
		watch(5000 + sample_below(&r, 10000));
		for (unsigned n = 0; n < 4; n++) {
			c->cut[0][1 + sample_below(&r, 2)] = sample_below(&r, 2);
			c->cut[1 + sample_below(&r, 2)][0] = sample_below(&r, 2);
			watch(sample_below(&r, 12000));
		}
	}
}

static void a_store_that_was_restarted_is_not_waited_for(void **state)
{
	(void)state;
	watch(2 * HOLD_MS);
	cluster_restart(b);
	assert_false(current(b));
	while (a->peers[1]->synced_boot != b->boot)
		watch(10);
	assert_true(a->peers[1]->state != BATON_PEER_UP || a->peers[1]->counted);
	watch(HOLD_MS);
	assert_true(current(b));
}

static void a_restarted_owner_counts_in_what_its_former_self_may_have(void **state)
{
	(void)state;
	watch(2 * HOLD_MS);
	part(1, true);
	cluster_restart(a);
	assert_true(a->peers[1]->counted && a->peers[2]->counted);
	watch(HOLD_MS - 100);
	assert_true(a->peers[1]->counted);
	watch(HOLD_MS);
	assert_false(a->peers[1]->counted);
	assert_true(a->peers[2]->counted);
}

static void nobody_is_current_before_all_know_how_many_there_are(void **state)
{
	(void)state;
	part(2, true);
	for (unsigned n = 0; n * 50 < HOLD_MS - 100; n++) {
		watch(50);
		assert_false(current(b)); /* d may count with another number */
	}
	watch(2 * HOLD_MS);
	assert_true(current(b)); /* by now d knows that it is not current */
}

/* ---- leases ---------------------------------------------------------------------------------- */

static uint64_t usable(void)
{
	return cluster_record(a, 1)->marks[0].usable;
}

static void raise_lease(uint64_t to)
{
	struct baton_record *r = cluster_record(a, 1);

	r->marks[0].counters.out_lease = to;
	r->lease_serial++;
	cluster_dirty(a, r, BATON_DIRTY_REPORT);
	cluster_use(a, r);
}

static void a_lease_waits_for_a_silent_store_until_that_is_written_off(void **state)
{
	(void)state;
	watch(2 * HOLD_MS);
	assert_int_equal(cluster_put(a, 1), BATON_OK);
	assert_int_equal(usable(), CLUSTER_LEASE);
	watch(1000);
	part(2, true);
	raise_lease(9000);
	while (a->peers[2]->counted) {
		watch(10);
		assert_int_equal(usable(), a->peers[2]->counted ? CLUSTER_LEASE : 9000);
	}
	assert_int_equal(usable(), 9000);
}

static void the_second_of_two_stores_cannot_raise_a_lease_alone(void **state)
{
	(void)state;
	watch(2 * HOLD_MS);
	assert_int_equal(cluster_put(a, 1), BATON_OK);
	watch(1000);
	part(1, true);
	raise_lease(9000);
	watch(5 * HOLD_MS);
	assert_false(a->peers[1]->counted);
	assert_int_equal(usable(), CLUSTER_LEASE);
	part(1, false);
	watch(2 * HOLD_MS);
	assert_int_equal(usable(), 9000);
}

/* ---- digests --------------------------------------------------------------------------------- */

static void all_same(void)
{
	for (unsigned i = 1; i <= SESSIONS; i++)
		assert_true(cluster_same(a, b, i) && cluster_same(a, d, i));
}

static void ten_sessions(void)
{
	for (unsigned i = 1; i <= 10; i++)
		assert_int_equal(cluster_put(a, i), BATON_OK);
	assert_true(cluster_settle(c, 60000));
	cluster_run(c, BATON_DIGEST_MS);
	all_same();
}

static void a_session_that_a_store_has_lost_is_sent_again(void **state)
{
	(void)state;
	ten_sessions();
	baton_table_drop(&b->table, cluster_record(b, 4));
	cluster_run(c, BATON_DIGEST_MS + 1000);
	all_same();
	assert_int_equal(a->peers[1]->repaired, 1);
	assert_int_equal(a->peers[2]->repaired, 0);
}

static void so_is_one_that_was_set_back(void **state)
{
	struct baton_record *r;

	(void)state;
	ten_sessions();
	assert_int_equal(cluster_put(a, 4), BATON_OK);
	assert_true(cluster_settle(c, 60000));
	r = cluster_record(b, 4);
	r->version--;
	r->remote.port--;
	assert_false(cluster_same(a, b, 4));
	cluster_run(c, BATON_DIGEST_MS + 1000);
	all_same();
	assert_int_equal(a->peers[1]->repaired, 1);
}

/* The stores have granted it, and no answer has come. */
static void one_that_its_owner_does_not_know_is_told(void **state)
{
	const struct baton_record *r;

	(void)state;
	ten_sessions();
	assert_int_equal(a->unknown, 0);
	baton_table_drop(&a->table, cluster_record(a, 4));
	cluster_run(c, BATON_DIGEST_MS + 1000);
	assert_true(a->unknown >= 2); /* by each store, until it is known */
	r = cluster_record(b, 4);
	assert_true(r && a->last.spi_i == r->spi_i && a->last.epoch == r->epoch);
}

/* Its copy is one that it stores for the owner before. */
static void so_is_one_that_it_takes_for_anothers(void **state)
{
	struct baton_record *r;

	(void)state;
	ten_sessions();
	r = cluster_record(a, 4);
	assert_int_equal(baton_record_set_owner(&a->table, r, &b->id), 0);
	cluster_run(c, BATON_DIGEST_MS + 1000);
	assert_int_equal(a->unknown, 0); /* in this epoch it may well be */
	r->epoch--;
	cluster_run(c, BATON_DIGEST_MS + 1000);
	assert_int_equal(a->unknown, 2);
}

static void one_that_has_ended_is_deleted_again(void **state)
{
	struct baton_record *r;

	(void)state;
	ten_sessions();
	assert_int_equal(cluster_put(a, 4), BATON_OK);
	assert_int_equal(cluster_delete(a, 4), BATON_OK);
	assert_true(cluster_settle(c, 60000));
	r = cluster_record(b, 4);
	assert_true(r->deleted);
	baton_table_drop(&b->table, r);
	assert_int_equal(cluster_put(a, 11), BATON_OK); /* c->session is gw-a's now */
	c->session.spi_i = 4;
	c->session.spi_r = 0x100000004u;
	c->session.children[0].spi_in = 0xc0000004u;
	assert_int_equal(baton_own_put(&b->own, &a->id, &c->session, c->now_ms), BATON_OK);
	assert_false(cluster_record(b, 4)->deleted);
	cluster_run(c, BATON_DIGEST_MS + 1000);
	assert_true(cluster_record(b, 4)->deleted);
	all_same();
}

static void a_store_that_comes_back_is_compared_at_once(void **state)
{
	(void)state;
	ten_sessions();
	part(1, true);
	cluster_run(c, 6000);
	assert_int_equal(a->peers[1]->state, BATON_PEER_DOWN);
	baton_table_drop(&b->table, cluster_record(b, 4));
	part(1, false);
	cluster_run(c, 4000);
	all_same();
}

static void what_is_equal_is_not_sent(void **state)
{
	uint64_t before;

	(void)state;
	ten_sessions();
	before = b->service->stored;
	cluster_run(c, 3 * BATON_DIGEST_MS);
	assert_int_equal(b->service->stored, before);
	assert_int_equal(a->peers[1]->repaired, 0);
}

/* ---- versions -------------------------------------------------------------------------------- */

static void a_version_above_one_stores_is_told_to_all(void **state)
{
	(void)state;
	ten_sessions();
	cluster_record(d, 4)->version += 7;
	assert_int_equal(cluster_put(a, 4), BATON_OK);
	assert_true(cluster_settle(c, 60000));
	assert_true(cluster_record(a, 4)->version >= 8);
	assert_true(cluster_clean(a, cluster_record(a, 4), 1));
	all_same();
}

static enum baton_stored stored(const struct baton_record *r, enum baton_ack ack)
{
	return baton_stores_have(a->peers, CLUSTER_NODES, r, r->version, ack);
}

static void a_report_acknowledges_no_version(void **state)
{
	struct baton_record *r;

	(void)state;
	ten_sessions();
	r = cluster_record(a, 4);
	a->peers[1]->digest_ms = a->peers[2]->digest_ms = UINT64_MAX; /* which would find it */
	r->version++;						      /* and not put */
	r->msgid_in++;
	cluster_dirty(a, r, BATON_DIRTY_REPORT);
	assert_true(cluster_settle(c, 60000));
	assert_int_equal(cluster_record(b, 4)->msgid_in, r->msgid_in);
	assert_false(cluster_clean(a, r, 1));
	assert_int_equal(stored(r, BATON_ACK_ANY), BATON_STORED_SOON);
}

/* What a response waits for, as one store after the other falls silent. */
static void a_response_waits_for_as_many_stores_as_are_asked_for(void **state)
{
	struct baton_record *r;

	(void)state;
	ten_sessions();
	r = cluster_record(a, 4);
	assert_int_equal(stored(r, BATON_ACK_ALL), BATON_STORED);
	part(2, true);
	assert_int_equal(cluster_put(a, 4), BATON_OK);
	assert_int_equal(stored(r, BATON_ACK_ANY), BATON_STORED_SOON);
	cluster_run(c, 500);
	assert_int_equal(stored(r, BATON_ACK_ANY), BATON_STORED);
	assert_int_equal(stored(r, BATON_ACK_MAJORITY), BATON_STORED_SOON);
	assert_int_equal(stored(r, BATON_ACK_ALL), BATON_STORED_SOON);
	/* Down, and counted in: all wait for it, and there is no majority of two without it. */
	cluster_run(c, BATON_DEADLINE_MS);
	assert_int_equal(a->peers[2]->state, BATON_PEER_DOWN);
	assert_int_equal(stored(r, BATON_ACK_ANY), BATON_STORED);
	assert_int_equal(stored(r, BATON_ACK_MAJORITY), BATON_STORED_NOT);
	assert_true(a->peers[2]->counted);
	assert_int_equal(stored(r, BATON_ACK_ALL), BATON_STORED_SOON);
	cluster_run(c, 2 * HOLD_MS);
	assert_false(a->peers[2]->counted);
	assert_int_equal(stored(r, BATON_ACK_ALL), BATON_STORED);
	/* Alone. */
	part(1, true);
	cluster_run(c, 2 * BATON_DEADLINE_MS);
	assert_int_equal(cluster_put(a, 4), BATON_OK);
	assert_int_equal(stored(r, BATON_ACK_ANY), BATON_STORED_NOT);
	part(1, false);
	part(2, false);
	assert_true(cluster_settle(c, 60000));
	assert_int_equal(stored(r, BATON_ACK_MAJORITY), BATON_STORED);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(both_stores_become_current_and_stay_so),
		CASE(a_silent_store_is_written_off_when_it_knows),
		CASE(the_last_contact_may_be_under_way_for_long),
		CASE(a_store_that_was_restarted_is_not_waited_for),
		CASE(a_restarted_owner_counts_in_what_its_former_self_may_have),
		CASE(nobody_is_current_before_all_know_how_many_there_are),
		CASE(a_lease_waits_for_a_silent_store_until_that_is_written_off),
		CASE(the_second_of_two_stores_cannot_raise_a_lease_alone),
		CASE(a_session_that_a_store_has_lost_is_sent_again),
		CASE(so_is_one_that_was_set_back),
		CASE(one_that_its_owner_does_not_know_is_told),
		CASE(so_is_one_that_it_takes_for_anothers),
		CASE(one_that_has_ended_is_deleted_again),
		CASE(a_store_that_comes_back_is_compared_at_once),
		CASE(what_is_equal_is_not_sent),
		CASE(a_version_above_one_stores_is_told_to_all),
		CASE(a_report_acknowledges_no_version),
		CASE(a_response_waits_for_as_many_stores_as_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
