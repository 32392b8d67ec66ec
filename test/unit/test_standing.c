/* SPDX-License-Identifier: BSD-2-Clause */
/* Which copies are current, which claims proven, which leases usable: docs/protocol.md 5.3.1, 5.3.3
 * and 5.3.8. */
#include "core/replica.h"
#include "core/standing.h"
#include "one_store.h"

static struct baton_standings st;
static struct baton_peer peers[2];
static struct baton_peer *const list[2] = {&peers[0], &peers[1]};

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
	baton_standing_contact(&st, &gw_a, 7,
			       &(struct baton_contact){hold_ms, stores, rank, tick, false}, NOW_MS);
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

static bool member(uint64_t now_ms)
{
	return baton_standing_is_member(baton_standing_find(&st, &gw_a), now_ms);
}

/* Half of the hold: copies of one that is gone are still current. */
static void a_member_is_gone_before_copies_are_out_of_date(void **state)
{
	(void)state;
	assert_false(member(NOW_MS));
	contact(8000, 1, 1, NOW_MS - 1000);
	assert_true(member(NOW_MS + 2999));
	assert_false(member(NOW_MS + 3000));
	assert_true(current(NOW_MS + 3000));
	contact(8000, 1, 1, NOW_MS - 2000); /* an older one */
	assert_true(member(NOW_MS + 2999));
}

static void a_member_that_was_restarted_is_not_gone(void **state)
{
	(void)state;
	contact(8000, 1, 1, NOW_MS - 5000);
	assert_false(member(NOW_MS));
	baton_standing_contact(&st, &gw_a, 8, &(struct baton_contact){0, 2, 1, NOW_MS, false},
			       NOW_MS);
	assert_true(member(NOW_MS + 3999));
	assert_false(member(NOW_MS + 4000));
	assert_false(current(NOW_MS)); /* what this store has is the former incarnation's */
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
	return baton_standing_claim(&st, &gw_b, boot, msgid, NOW_MS);
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
	assert_true(first(9, 5));
	assert_false(first(7, 102)); /* nor of those before */
	assert_false(first(8, 2));
}

static void an_incarnation_that_goes_on_claiming_is_not_over(void **state)
{
	(void)state;
	assert_true(first(8, 10));
	assert_true(first(7, 3)); /* the only claim of the one before, very late */
	assert_false(first(8, 11));
	assert_false(baton_standing_claim(&st, &gw_b, 8, 12, NOW_MS + BATON_LATE_MS - 1));
	assert_true(baton_standing_claim(&st, &gw_b, 8, 12, NOW_MS + BATON_LATE_MS));
	assert_false(baton_standing_claim(&st, &gw_b, 8, 12, NOW_MS + BATON_LATE_MS));
}

static void claims_are_few_enough_for_their_numbers(void **state)
{
	(void)state;
	assert_true(first(7, UINT32_MAX - 1));
	assert_true(first(7, UINT32_MAX));
	assert_false(first(7, UINT32_MAX - 1));
	assert_true(first(7, UINT32_MAX - 64 + 1));
	assert_false(first(7, UINT32_MAX - 64)); /* out of sight */
	assert_false(first(7, 0));		 /* a message ID does not begin again */
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
	assert_true(record()->unproven);
	assert_int_equal(take(3, 4, true), BATON_OK);
	assert_true(baton_own_is_proven(record()));
	assert_false(record()->unproven);
	assert_int_equal(record()->marks[0].usable, counters()->out_lease);
}

/* In Limit is ahead in one of them, and has to be kept or taken back by who has it now. */
static void a_promise_of_the_owner_before_is_ours(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	take(2, 1, false);
	assert_true(record()->marks[0].moving && record()->marks[0].seen_ms == (uint32_t)NOW_MS);
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

/* A store that was cut off has an old copy, which another has claimed in the meantime: its epoch is
 * greater, its numbers are not. */
static void stale_numbers(void)
{
	s.epoch = 9;
	s.version = 40;
	s.children[0].counters = (struct baton_counters){.out_seq = 1000, .out_lease = 2000};
}

static void current_numbers(void)
{
	s.epoch = 4;
	s.version = 20;
	s.children[0].counters = (struct baton_counters){.out_seq = 70000, .out_lease = 80000};
}

static void no_number_is_free_that_any_granting_store_knows(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	stale_numbers();
	assert_int_equal(take(2, 1, true), BATON_OK);
	current_numbers();
	assert_int_equal(take(2, 2, false), BATON_E_STALE_OWNER); /* its content does not count */
	assert_int_equal(record()->epoch, 9);
	assert_in_range(record()->version, 40, 42);
	assert_int_equal(counters()->out_seq, 70000);
	assert_int_equal(counters()->out_lease, 80000);
	assert_false(baton_own_is_proven(record()));
}

static void nor_in_the_other_order(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	current_numbers();
	assert_int_equal(take(2, 2, false), BATON_OK);
	stale_numbers();
	assert_int_equal(take(2, 1, true), BATON_OK);
	assert_int_equal(record()->epoch, 9);
	assert_in_range(record()->version, 40, 42);
	assert_int_equal(counters()->out_seq, 70000);
	assert_false(baton_own_is_proven(record()));
}

/* The owner was restarted, got the session back from the store of rank 1, and has rekeyed the SA,
 * all before the hold time of its former incarnation was over at the other store. */
static void take_both(bool later_first)
{
	baton_own_begin_claim(&o);
	for (int i = 0; i < 2; i++) {
		bool later = (i == 0) == later_first;

		s.epoch = later ? 5 : 4;
		s.version = later ? 21 : 20;
		s.children[0].spi_in = SPI_IN + later;
		take(2, later ? 1 : 2, later);
	}
	assert_false(baton_own_is_proven(record()));
	assert_int_equal(record()->epoch, 5);
	assert_int_equal(record()->marks[0].spi_in, SPI_IN + 1);
}

static void current_for_an_owner_before_the_last_is_not_current(void **state)
{
	(void)state;
	take_both(true);
}

static void nor_is_it_in_the_other_order(void **state)
{
	(void)state;
	take_both(false);
}

/* Neither is current: the greater epoch's content, the numbers of both. */
static void nor_when_no_copy_is_current(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	s.epoch = 9;
	s.children[0].counters = (struct baton_counters){.out_seq = 1000, .out_lease = 2000};
	take(2, 1, true);
	current_numbers();
	assert_int_equal(take(2, 2, true), BATON_E_STALE_OWNER);
	assert_int_equal(record()->epoch, 9);
	assert_int_equal(counters()->out_seq, 70000);
	assert_int_equal(counters()->out_lease, 80000);
}

/* Two claims of ours are under way, for an ESP packet and for an IKE message; each store grants
 * first the one, then the other, and the answers come as they like. */
static int answer_to(uint32_t round, uint32_t epoch, uint8_t ranks)
{
	o.claim_round = round;
	s.epoch = epoch;
	return take(3, ranks, false);
}

static void two_claims_at_once_do_not_spoil_each_other(void **state)
{
	uint32_t first = baton_own_begin_claim(&o), second = baton_own_begin_claim(&o);

	(void)state;
	assert_int_equal(answer_to(first, 4, 1), BATON_OK);
	assert_int_equal(answer_to(second, 5, 1), BATON_OK);
	assert_false(baton_own_is_proven(record()));
	assert_int_equal(answer_to(first, 4, 2), BATON_OK);
	assert_false(baton_own_is_proven(record()));
	assert_int_equal(record()->epoch, 5);
	assert_int_equal(answer_to(second, 5, 2), BATON_OK);
	assert_true(baton_own_is_proven(record()));
	assert_int_equal(record()->epoch, 5);
}

/* At a store that has granted an older epoch another may claim in an epoch between the two, and
 * both would be proven. */
static void grants_of_different_epochs_do_not_add_up(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	take(3, 1, false);
	s.epoch++;
	take(3, 2, false);
	assert_false(baton_own_is_proven(record()));
	take(3, 4, false);
	assert_true(baton_own_is_proven(record()));
	assert_int_equal(record()->ranks, 6);
}

static void what_is_proven_keeps_its_epoch(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	take(1, 1, false);
	s.epoch += 5;
	s.children[0].counters.out_seq = 500000;
	s.children[0].counters.out_lease = 600000;
	assert_int_equal(baton_record_attach(&t, record()), 0);
	record()->peers[0].acked_version = 17;
	record()->peers[0].acked_lease = record()->lease_serial;
	peers[0] = (struct baton_peer){.rank = 1, .stores = 1, .counted = true};
	take(0, 0, true); /* of a node that is none of the stores */
	assert_true(baton_own_is_proven(record()));
	assert_int_equal(record()->epoch, 3);
	assert_int_equal(counters()->out_lease, 600000);
	assert_false(baton_lease_settle(list, 1, record())); /* our store does not know that */
	assert_int_equal(record()->marks[0].usable, 66536);
}

static uint32_t spi_taken(void)
{
	assert_int_equal(record()->mark_count, 1);
	return record()->marks[0].spi_in;
}

/* An SA that was rekeyed away, of which only the old copy knows, has numbers that nobody knows. */
static void the_content_is_that_of_the_current_copy(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	stale_numbers();
	s.epoch = 4;
	take(2, 1, true);
	current_numbers();
	s.children[0].spi_in = SPI_IN + 1;
	take(2, 2, false);
	assert_int_equal(spi_taken(), SPI_IN + 1);
	stale_numbers();
	s.epoch = 4;
	s.children[0].spi_in = SPI_IN;
	take(2, 1, true);
	assert_int_equal(spi_taken(), SPI_IN + 1);
}

static void what_is_proven_goes_up_to_what_all_have_granted(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	s.children[0].counters = (struct baton_counters){.out_seq = 500, .out_lease = 2000};
	take(3, 1, false);
	s.children[0].counters = (struct baton_counters){.out_seq = 400, .out_lease = 900};
	take(3, 2, false);
	assert_true(baton_own_is_proven(record()));
	assert_int_equal(counters()->out_lease, 2000);
	assert_int_equal(record()->marks[0].usable, 900);
	s.children[0].counters = (struct baton_counters){.out_seq = 100, .out_lease = 200};
	take(3, 4, false); /* comes later, takes nothing back */
	assert_int_equal(record()->marks[0].usable, 900);
}

static void a_grant_below_what_was_used_frees_nothing(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	s.children[0].counters = (struct baton_counters){.out_seq = 1500, .out_lease = 2500};
	take(3, 1, false);
	s.children[0].counters = (struct baton_counters){.out_seq = 400, .out_lease = 1400};
	take(3, 2, false);
	assert_true(baton_own_is_proven(record()));
	assert_int_equal(record()->marks[0].usable, 0);
}

static void what_is_held_without_doubt_stays_so(void **state)
{
	(void)state;
	own_by(&here);
	baton_own_begin_claim(&o);
	take(2, 2, true); /* the epoch is ours: this store says nothing new */
	assert_false(record()->unproven);
	assert_false(record()->marks[0].unproven);
	s.epoch++; /* somebody may have had it in between */
	take(2, 2, true);
	assert_true(record()->unproven && record()->marks[0].unproven);
}

static void what_the_ike_daemon_makes_needs_no_proof(void **state)
{
	(void)state;
	baton_own_begin_claim(&o);
	take(2, 2, true);
	s.version++;
	s.stale = false;
	assert_int_equal(put(&here), BATON_OK);
	assert_true(record()->unproven); /* the same CHILD SA */
	s.version++;
	s.children[0].spi_in++;
	assert_int_equal(put(&here), BATON_OK);
	assert_false(record()->unproven);
}

static void a_claim_that_is_refused_proves_nothing(void **state)
{
	struct baton_session other = s;

	(void)state;
	other.spi_i = 99;
	other.owner = gw_a;
	assert_int_equal(baton_own_put(&o, &gw_a, &other, NOW_MS), BATON_OK);
	baton_own_begin_claim(&o);
	assert_int_equal(take(1, 1, false), BATON_E_SPI_COLLISION);
	assert_null(record());
}

/* ---- 5.3.2: what a store remembers of an owner's right --------------------------------------- */

static void a_put_of_an_unproven_owner_is_not_current(void **state)
{
	(void)state;
	s.stale = true;
	s.stores = 2;
	s.ranks = 1;
	own_by(&gw_a);
	assert_true(record()->unproven);
	s.stale = false;
	own_by(&gw_a); /* proven since: the same version */
	assert_false(record()->unproven);
	s.stale = true;
	own_by(&gw_a); /* a late copy of the first */
	assert_false(record()->unproven);
}

static void a_proven_owner_takes_the_place_of_one_that_is_not(void **state)
{
	(void)state;
	s.stale = true;
	s.stores = 2;
	s.ranks = 1; /* a quorum, but none of it was current */
	own_by(&gw_a);
	s.stale = false;
	own_by(&gw_b);
	assert_true(baton_id_equal(record()->owner, &gw_b));
	s.owner = gw_a;
	s.stale = true;
	assert_int_equal(put(&gw_a), BATON_E_STALE_OWNER);
}

static void grants_are_the_same_in_any_order(void **state)
{
	static const uint8_t order[2][3] = {{2, 6, 2}, {6, 2, 6}};

	(void)state;
	s.stores = 3;
	for (unsigned i = 0; i < 2; i++) {
		s.epoch++;
		for (unsigned j = 0; j < 3; j++) {
			s.ranks = order[i][j];
			own_by(&gw_a);
		}
		assert_int_equal(record()->ranks, 6);
	}
}

static void what_is_lost_is_held_by_no_right_of_ours(void **state)
{
	const struct baton_status lost_to = {.owner = gw_b, .epoch = 7, .version = 5};

	(void)state;
	s.stores = 2;
	s.ranks = 3;
	own_by(&here);
	baton_own_yield(&o, record(), &lost_to);
	assert_true(baton_id_equal(record()->owner, &gw_b));
	assert_int_equal(record()->epoch, 7);
	s.epoch = 7;
	s.version = 18;
	s.ranks = 1;
	own_by(&gw_a); /* of the same epoch, and proven */
	assert_true(baton_id_equal(record()->owner, &gw_a));
}

/* It has the name of what the new owner has put elsewhere, and is not that. */
static void what_is_left_of_a_lost_session_is_replaced_by_the_next_put(void **state)
{
	const struct baton_status lost_to = {.owner = gw_b, .epoch = 7, .version = 18};

	(void)state;
	own_by(&here);
	baton_own_yield(&o, record(), &lost_to);
	s.epoch = 7;
	s.version = 18;
	s.children[0].spi_in++;
	own_by(&gw_b);
	assert_int_equal(record()->marks[0].spi_in, SPI_IN + 1);
	assert_int_equal(record()->version, 18);
}

static void the_one_with_the_quorum_is_the_owner(void **state)
{
	(void)state;
	s.stores = 2;
	s.ranks = 2;
	own_by(&gw_a);
	s.ranks = 1;
	own_by(&gw_b); /* the same epoch */
	assert_true(baton_id_equal(record()->owner, &gw_b));
	s.owner = gw_a;
	s.ranks = 2;
	assert_int_equal(put(&gw_a), BATON_E_STALE_OWNER);
	s.ranks = 3; /* two quorums there cannot be: the first stays */
	assert_int_equal(put(&gw_a), BATON_E_STALE_OWNER);
}

/* ---- 5.3.6: usable leases -------------------------------------------------------------------- */

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
	assert_int_equal(baton_record_attach(&t, record()), 0);
	record()->peers[i].acked_version = 17;
	record()->peers[i].acked_lease = serial;
}

static void the_first_of_two_is_enough_and_the_second_is_not(void **state)
{
	(void)state;
	two_stores();
	acknowledged_by(1, 5);
	peers[0].counted = false; /* written off: it may have granted the session to another */
	assert_false(baton_lease_settle(list, 2, record()));
	assert_int_equal(record()->marks[0].usable, 0);
	acknowledged_by(0, 5);
	assert_true(baton_lease_settle(list, 2, record()));
}

static void acknowledgements_do_not_prove_a_claim(void **state)
{
	(void)state;
	two_stores();
	acknowledged_by(0, 5);
	acknowledged_by(1, 5);
	record()->marks[0].unproven = true;
	assert_false(baton_lease_settle(list, 2, record()));
}

static void what_was_acknowledged_before_a_claim_is_not_after_it(void **state)
{
	(void)state;
	two_stores();
	acknowledged_by(0, 5);
	acknowledged_by(1, 5);
	baton_own_begin_claim(&o);
	s.epoch += 2;
	s.children[0].counters.out_lease = 9000;
	take(2, 1, false);
	counters()->out_lease = 20000;
	assert_false(baton_lease_settle(list, 2, record()));
}

static void an_sa_that_no_store_knows_waits_for_none(void **state)
{
	(void)state;
	two_stores();
	record()->marks[0].told = false;
	assert_true(baton_lease_settle(list, 2, record()));
	assert_int_equal(record()->marks[0].usable, 9000);
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
		CASE(a_member_is_gone_before_copies_are_out_of_date),
		CASE(a_member_that_was_restarted_is_not_gone),
		CASE(a_tick_that_is_none_of_ours_counts_for_nothing),
		CASE(an_older_contact_takes_nothing_back),
		CASE(a_hold_of_nothing_makes_nothing_current),
		CASE(a_copy_of_a_claim_is_none),
		CASE(a_claim_of_the_incarnation_before_is_none),
		CASE(an_incarnation_that_goes_on_claiming_is_not_over),
		CASE(claims_are_few_enough_for_their_numbers),
		CASE(grants_of_one_claim_add_up),
		CASE(a_promise_of_the_owner_before_is_ours),
		CASE(grants_of_an_earlier_claim_do_not_count),
		CASE(a_quorum_of_stale_copies_proves_nothing),
		CASE(no_number_is_free_that_any_granting_store_knows),
		CASE(nor_in_the_other_order),
		CASE(current_for_an_owner_before_the_last_is_not_current),
		CASE(nor_is_it_in_the_other_order),
		CASE(nor_when_no_copy_is_current),
		CASE(grants_of_different_epochs_do_not_add_up),
		CASE(two_claims_at_once_do_not_spoil_each_other),
		CASE(what_is_proven_keeps_its_epoch),
		CASE(the_content_is_that_of_the_current_copy),
		CASE(what_is_proven_goes_up_to_what_all_have_granted),
		CASE(a_grant_below_what_was_used_frees_nothing),
		CASE(what_is_held_without_doubt_stays_so),
		CASE(what_the_ike_daemon_makes_needs_no_proof),
		CASE(a_claim_that_is_refused_proves_nothing),
		CASE(a_put_of_an_unproven_owner_is_not_current),
		CASE(a_proven_owner_takes_the_place_of_one_that_is_not),
		CASE(grants_are_the_same_in_any_order),
		CASE(what_is_lost_is_held_by_no_right_of_ours),
		CASE(what_is_left_of_a_lost_session_is_replaced_by_the_next_put),
		CASE(the_one_with_the_quorum_is_the_owner),
		CASE(the_first_of_two_is_enough_and_the_second_is_not),
		CASE(acknowledgements_do_not_prove_a_claim),
		CASE(what_was_acknowledged_before_a_claim_is_not_after_it),
		CASE(an_sa_that_no_store_knows_waits_for_none),
		CASE(a_lease_needs_every_store_that_is_counted_in),
		CASE(a_store_that_is_written_off_is_not_waited_for),
		CASE(without_any_store_nothing_is_raised),
		CASE(a_store_that_never_took_the_session_is_not_waited_for),
		CASE(nobody_is_counted_in_before_all_know_how_many_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
