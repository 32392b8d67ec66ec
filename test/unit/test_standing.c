/* SPDX-License-Identifier: BSD-2-Clause */
/* Which copies are current, which claims proven, which leases usable: docs/protocol.md 5.3.1, 5.3.3
 * and 5.3.8. */
#include "core/replica.h"
#include "core/standing.h"
#include "one_store.h"

static struct baton_standings st;

static int setup_standing(void **state)
{
	memset(&st, 0, sizeof(st));
	return setup(state);
}

/* ---- quorums --------------------------------------------------------------------------------- */

static void any_two_quorums_have_a_store_in_common(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= BATON_STORES_MAX; n++) {
		assert_true(baton_is_quorum((uint8_t)n, (uint8_t)((1u << n) - 1)));
		for (unsigned a = 0; a < 1u << n; a++)
			for (unsigned b = 0; b < 1u << n; b++)
				if (baton_is_quorum((uint8_t)n, (uint8_t)a) &&
				    baton_is_quorum((uint8_t)n, (uint8_t)b))
					assert_true(a & b);
	}
	assert_false(baton_is_quorum(0, 0xff));
	assert_false(baton_is_quorum(BATON_STORES_MAX + 1, 0xff));
	assert_true(baton_is_quorum(2, 1));
	assert_false(baton_is_quorum(2, 2));
	assert_false(baton_is_quorum(1, 2)); /* a rank that there is not */
}

/* ---- 5.3.8: contact -------------------------------------------------------------------------- */

static bool current(uint64_t now_ms)
{
	return baton_standing_is_current(baton_standing_find(&st, &gw_a), now_ms);
}

static void contact(uint32_t hold_ms, uint8_t stores, uint8_t rank, uint64_t tick)
{
	baton_standing_contact(&st, &gw_a, &(struct baton_contact){hold_ms, stores, rank, tick},
			       NOW_MS);
}

static void a_store_is_current_for_seven_eighths_of_the_hold(void **state)
{
	(void)state;
	assert_false(current(NOW_MS));
	contact(8000, 1, 1, NOW_MS - 1000); /* a second under way: that much earlier it ends */
	assert_true(current(NOW_MS));
	assert_true(current(NOW_MS + 5999));
	assert_false(current(NOW_MS + 6000));
}

static void a_tick_that_is_none_of_ours_counts_for_nothing(void **state)
{
	(void)state;
	contact(8000, 1, 1, NOW_MS + 1);
	assert_false(current(NOW_MS));
	contact(8000, 1, 1, 0);
	assert_false(current(NOW_MS));
}

static void an_older_contact_takes_nothing_back(void **state)
{
	(void)state;
	contact(8000, 2, 1, NOW_MS - 10);
	contact(8000, 3, 2, NOW_MS - 500);
	assert_int_equal(baton_standing_find(&st, &gw_a)->stores, 2);
	assert_true(current(NOW_MS - 10 + 6999));
	contact(0, 3, 2, NOW_MS); /* says how many there are, and that it still lasts */
	assert_int_equal(baton_standing_find(&st, &gw_a)->stores, 3);
	assert_true(current(NOW_MS - 10 + 6999));
	assert_false(current(NOW_MS - 10 + 7000));
}

static void a_hold_of_nothing_makes_nothing_current(void **state)
{
	(void)state;
	contact(0, 2, 1, NOW_MS);
	assert_false(current(NOW_MS));
	assert_int_equal(baton_standing_find(&st, &gw_a)->rank, 1);
}

/* ---- 5.3.1: a claim is executed once --------------------------------------------------------- */

static bool first(uint64_t boot, uint32_t msgid)
{
	return baton_standing_claim(&st, &gw_b, boot, msgid);
}

static void a_copy_of_a_claim_is_none(void **state)
{
	(void)state;
	assert_true(first(7, 100));
	assert_false(first(7, 100));
	assert_true(first(7, 103));
	assert_true(first(7, 101)); /* overtaken, but not executed yet */
	assert_false(first(7, 101));
	assert_false(first(7, 103));
	assert_true(first(7, 103 + 63));
	assert_false(first(7, 103));
	assert_false(first(7, 102)); /* too old to know */
	assert_true(first(7, 5000));
	assert_false(first(7, 166));
}

static void a_claim_of_the_incarnation_before_is_none(void **state)
{
	(void)state;
	assert_true(first(7, 100));
	assert_true(first(8, 0));
	assert_false(first(7, 101));
	assert_false(first(8, 0));
	assert_true(first(8, 1));
}

/* ---- 5.3.3: proven claims -------------------------------------------------------------------- */

static int take(uint8_t stores, uint8_t ranks, bool stale)
{
	s.owner = here;
	s.stores = stores;
	s.ranks = ranks;
	s.stale = stale;
	return baton_own_take(&o, &s, 77, false, NOW_MS);
}

static void grants_of_one_claim_add_up(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	assert_int_equal(take(3, 2, false), BATON_OK);
	assert_false(baton_own_is_proven(record()));
	assert_int_equal(record()->marks[0].usable, 0);
	s.epoch--; /* a store that lags behind grants all the same */
	assert_int_equal(take(3, 4, true), BATON_E_STALE_OWNER);
	assert_true(baton_own_is_proven(record()));
	assert_int_equal(record()->marks[0].usable, counters()->out_lease);
}

static void grants_of_an_earlier_claim_do_not_count(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	take(3, 2, false);
	baton_own_begin_claim(&o);
	s.epoch++;
	take(3, 4, false);
	assert_false(baton_own_is_proven(record()));
}

static void a_quorum_of_stale_copies_proves_nothing(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	take(2, 1, true);
	take(2, 2, true);
	assert_false(baton_own_is_proven(record()));
}

static void the_one_with_the_quorum_is_the_owner(void **state)
{
	(void)state;
	s.stores = 2;
	s.ranks = 2;
	own_by(&gw_a);
	s.ranks = 1;
	own_by(&gw_b); /* the same epoch */
	assert_true(baton_id_equal(&record()->owner, &gw_b));
	s.owner = gw_a;
	s.ranks = 2;
	assert_int_equal(put(&gw_a), BATON_E_STALE_OWNER);
	s.ranks = 3; /* two quorums there cannot be: the first stays */
	assert_int_equal(put(&gw_a), BATON_E_STALE_OWNER);
}

/* ---- 5.3.6: usable leases -------------------------------------------------------------------- */

static struct baton_peer peers[2];
static struct baton_peer *const list[2] = {&peers[0], &peers[1]};

static void two_stores(void)
{
	for (unsigned i = 0; i < 2; i++)
		peers[i] = (struct baton_peer){
			.index = i, .rank = (uint8_t)(i + 1), .stores = 2, .counted = true};
	own_by(&here);
	record()->lease_serial = 5;
	record()->marks[0].told = true;
	counters()->out_lease = 9000;
}

static void acknowledged_by(unsigned i, uint32_t serial)
{
	record()->peers[i].acked_version = 17;
	record()->peers[i].acked_lease = serial;
}

static void a_lease_needs_every_store_that_is_counted_in(void **state)
{
	(void)state;
	two_stores();
	assert_false(baton_lease_settle(list, 2, record()));
	acknowledged_by(0, 5);
	assert_false(baton_lease_settle(list, 2, record()));
	acknowledged_by(1, 4); /* the one before */
	assert_false(baton_lease_settle(list, 2, record()));
	acknowledged_by(1, 5);
	assert_true(baton_lease_settle(list, 2, record()));
	assert_int_equal(record()->marks[0].usable, 9000);
	assert_false(baton_lease_settle(list, 2, record())); /* nothing new */
}

static void a_store_that_is_written_off_is_not_waited_for(void **state)
{
	(void)state;
	two_stores();
	acknowledged_by(0, 5);
	peers[1].counted = false;
	assert_true(baton_lease_settle(list, 2, record()));
}

static void without_any_store_nothing_is_raised(void **state)
{
	(void)state;
	two_stores();
	peers[0].counted = peers[1].counted = false;
	assert_false(baton_lease_settle(list, 2, record()));
	assert_int_equal(record()->marks[0].usable, 0);
	record()->marks[0].told = false; /* an SA that no store can know */
	assert_true(baton_lease_settle(list, 2, record()));
}

static void a_store_that_never_took_the_session_is_not_waited_for(void **state)
{
	(void)state;
	two_stores();
	acknowledged_by(0, 5);
	record()->peers[1].refused = true;
	assert_true(baton_lease_settle(list, 2, record()));
	two_stores();
	acknowledged_by(1, 4); /* it has an older one, which could be claimed */
	assert_false(baton_lease_settle(list, 2, record()));
}

static void nobody_is_counted_in_before_all_know_how_many_there_are(void **state)
{
	static const bool both[2] = {true, true};

	(void)state;
	two_stores();
	peers[0].hold_ms = peers[1].hold_ms = 8000;
	baton_stores_rank(list, 2, both);
	baton_stores_admit(list, 2, NOW_MS, NOW_MS + 1);
	assert_true(peers[0].held_back && peers[1].held_back);
	peers[0].announced = true;
	baton_stores_admit(list, 2, NOW_MS, NOW_MS + 2);
	assert_true(peers[0].held_back && !peers[1].held_back);
	baton_stores_admit(list, 2, NOW_MS, NOW_MS + 8000);
	assert_false(peers[0].held_back);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup_standing, teardown)
	const struct CMUnitTest tests[] = {
		CASE(any_two_quorums_have_a_store_in_common),
		CASE(a_store_is_current_for_seven_eighths_of_the_hold),
		CASE(a_tick_that_is_none_of_ours_counts_for_nothing),
		CASE(an_older_contact_takes_nothing_back),
		CASE(a_hold_of_nothing_makes_nothing_current),
		CASE(a_copy_of_a_claim_is_none),
		CASE(a_claim_of_the_incarnation_before_is_none),
		CASE(grants_of_one_claim_add_up),
		CASE(grants_of_an_earlier_claim_do_not_count),
		CASE(a_quorum_of_stale_copies_proves_nothing),
		CASE(the_one_with_the_quorum_is_the_owner),
		CASE(a_lease_needs_every_store_that_is_counted_in),
		CASE(a_store_that_is_written_off_is_not_waited_for),
		CASE(without_any_store_nothing_is_raised),
		CASE(a_store_that_never_took_the_session_is_not_waited_for),
		CASE(nobody_is_counted_in_before_all_know_how_many_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
