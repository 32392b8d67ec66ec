/* SPDX-License-Identifier: BSD-2-Clause */
/* Claiming and merging: docs/protocol.md 5.3.3 and 5.3.4. */
#include "core/watch.h"
#include "one_store.h"

/* ---- 5.3.3: claim -------------------------------------------------------------------------- */

static void a_claim_starts_above_all_that_may_have_been(void **state)
{
	struct baton_mark *m;

	(void)state;
	own_by(&gw_a);
	m = baton_record_mark(record(), SPI_IN);
	m->watched = m->moving = m->heard = true;
	m->seen_ms = 5;
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_true(baton_id_equal(record()->owner, &gw_b));
	assert_int_equal(record()->epoch, 4);
	assert_int_equal(record()->version, 18);
	assert_int_equal(record()->claim_boot, 77);
	assert_int_equal(m->counters.out_seq, 66536);
	assert_int_equal(m->counters.out_lease, 132072);
	assert_int_equal(m->counters.in_seq, 1400);
	assert_int_equal(m->counters.in_limit, 1900); /* as far ahead as it was */
	assert_false(m->watched || m->moving || m->heard ||
		     m->seen_ms); /* the new owner's reports are its own */
}

static void what_is_expected_to_be_accepted_ends_with_64_bits(void **state)
{
	(void)state;
	s.children[0].counters = (struct baton_counters){1, 2, UINT64_MAX - 300, UINT64_MAX - 100};
	own_by(&gw_a);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_true(counters()->in_seq == UINT64_MAX - 100 && counters()->in_limit == UINT64_MAX);
}

static void every_child_is_moved_by_a_claim(void **state)
{
	(void)state;
	s.child_count = 2;
	s.children[1] = s.children[0];
	s.children[1].spi_in++;
	s.children[1].counters = (struct baton_counters){1, 2, 3, 4};
	own_by(&gw_a);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_int_equal(counters()->out_lease, 132072);
	assert_int_equal(record()->marks[1].counters.out_seq, 2);
	assert_int_equal(record()->marks[1].counters.out_lease, 1002);
	assert_int_equal(record()->marks[1].counters.in_seq, 4);
}

static void a_claim_of_ones_own_is_one(void **state)
{
	(void)state;
	own_by(&gw_a);
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(
			baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			BATON_OK);
		assert_int_equal(record()->epoch, 3 + i);
		assert_int_equal(counters()->out_seq, 1000 + i * 65536);
	}
}

/* Other stores may have raised the version of other contents to the same number. */
static void a_put_replaces_what_was_only_claimed(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	s.owner = gw_b;
	s.epoch = 4;
	s.version = 18;
	s.remote.port = 999;
	s.children[0].counters.out_lease = 5;
	assert_int_equal(put(&gw_b), BATON_OK);
	assert_int_equal(record()->remote.port, 999);
	assert_int_equal(counters()->out_lease, 132072);
	s.remote.port = 1;
	assert_int_equal(put(&gw_b), BATON_OK); /* the same once more, as far as the store knows */
	assert_int_equal(record()->remote.port, 999);
}

/* A store knows the claimant as owner in a greater epoch than the others do. */
static void a_claim_may_ask_for_an_epoch(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 9, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_int_equal(record()->epoch, 9);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 5, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_int_equal(record()->epoch, 10);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 12, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_int_equal(record()->epoch, 12);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 13 + BATON_EPOCH_STEP_MAX,
					 (struct baton_grant){1, 1}),
			 BATON_E_LIMIT);
}

static void another_incarnation_claims_anew(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(baton_own_claim(&o, record(), &gw_a, 77, 0, (struct baton_grant){1, 1}),
			 BATON_OK); /* its own, after a restart */
	assert_int_equal(baton_own_claim(&o, record(), &gw_a, 78, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_int_equal(record()->epoch, 5);
	assert_int_equal(counters()->out_seq, 132072);
	assert_int_equal(counters()->out_lease, 197608);
}

static void the_former_owner_is_refused_after_a_claim(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	s.version = 100;
	assert_int_equal(put(&gw_a), BATON_E_STALE_OWNER);
	assert_int_equal(report(&gw_a, 3, 90000), BATON_E_STALE_OWNER);
	assert_int_equal(delete (&gw_a, 3, 100), BATON_E_STALE_OWNER);
	assert_int_equal(counters()->out_seq, 66536);
}

static void a_claim_takes_the_stores_own_session_from_it(void **state)
{
	(void)state;
	own_by(&here);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_int_equal(lost, 1);
	assert_int_equal(lost_epoch, 3);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_int_equal(lost, 1);
}

static void deleted_sessions_cannot_be_claimed(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(delete (&gw_a, 3, 18), BATON_OK);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			 BATON_E_DELETED);
	assert_true(baton_id_equal(record()->owner, &gw_a));
}

static void numbers_used_up_do_not_begin_again(void **state)
{
	(void)state;
	s.children[0].counters.out_lease = UINT64_MAX - 5;
	own_by(&gw_a);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_true(counters()->out_seq == UINT64_MAX - 5 &&
		    counters()->out_lease == UINT64_MAX - 5);
	record()->epoch = UINT32_MAX;
	assert_int_equal(baton_own_claim(&o, record(), &gw_a, 78, 0, (struct baton_grant){1, 1}),
			 BATON_E_LIMIT);
	record()->epoch = 4;
	record()->version = UINT64_MAX;
	assert_int_equal(baton_own_claim(&o, record(), &gw_a, 78, 0, (struct baton_grant){1, 1}),
			 BATON_E_LIMIT);
	assert_true(baton_id_equal(record()->owner, &gw_b));
}

/* Each claim uses up a lease, the first one perhaps the longest there is, and no packet need be
 * sent in between: a worn SA is told by its number at the next claim, long before 2^32. */
static void claims_alone_wear_out_an_sa_without_esn_in_time(void **state)
{
	struct baton_mark *m;
	unsigned claims = 0;

	(void)state;
	o.lease = 1u << 28; /* the most that can be configured */
	s.children[0].counters = (struct baton_counters){.out_seq = 1,
							 .out_lease = BATON_LEASE_MAX};
	own_by(&gw_a);
	m = baton_record_mark(record(), SPI_IN);
	for (; !baton_watch_is_worn(m); claims++)
		assert_int_equal(baton_own_claim(&o, record(), claims % 2 ? &gw_a : &gw_b, 77, 0,
						 (struct baton_grant){1, 1}),
				 BATON_OK);
	assert_int_equal(claims, 12);
	assert_true(m->counters.out_seq >= BATON_SEQ_WORN &&
		    m->counters.out_seq < BATON_SEQ_WORN + BATON_LEASE_MAX);
	m->flags |= BATON_CHILD_ESN;
	assert_false(baton_watch_is_worn(m));
}

static void numbers_beyond_the_lease_count_too(void **state)
{
	(void)state;
	s.children[0].counters = (struct baton_counters){.out_seq = 500, .out_lease = 100};
	own_by(&gw_a);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_int_equal(counters()->out_seq, 500);
	assert_int_equal(counters()->out_lease, 1500);
}

static void read_kernel(void *ctx, struct baton_record *r)
{
	(void)ctx;
	r->marks[0].counters.out_seq = 70000;
	r->marks[0].counters.out_lease = 80000;
}

static void losing_may_still_raise_the_numbers(void **state)
{
	(void)state;
	o.losing = read_kernel; /* a living owner's last numbers are in the answer */
	own_by(&here);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 77, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_int_equal(counters()->out_seq, 80000);
	assert_int_equal(counters()->out_lease, 90000);
}

/* ---- 5.3.4: merging ------------------------------------------------------------------------ */

static void merged(struct baton_counters a, struct baton_counters b, struct baton_counters want)
{
	baton_counters_merge(&a, &b);
	assert_memory_equal(&a, &want, sizeof(want));
	baton_counters_merge(&a, &b); /* again: the same */
	assert_memory_equal(&a, &want, sizeof(want));
}

#define C(...) ((struct baton_counters){__VA_ARGS__})

static void regaining_takes_epoch_and_numbers_but_not_the_state(void **state)
{
	struct baton_session old = s;
	struct baton_counters was;

	(void)state;
	strcpy(s.name, "changed meanwhile");
	s.epoch = 1;
	s.version = 1;
	assert_int_equal(put(&gw_a), BATON_OK);
	was = *counters();
	old.epoch = 5;
	old.version = 20;
	old.children[0].counters.out_seq = was.out_lease + 7;
	old.children[0].counters.out_lease = was.out_lease + 1007;
	assert_int_equal(baton_own_regain(record(), &old), BATON_OK);
	assert_int_equal(record()->epoch, 5);
	assert_int_equal(record()->version, 21);
	assert_int_equal(counters()->out_seq, was.out_lease + 7);
	assert_int_equal(counters()->out_lease, was.out_lease + 1007);
	assert_int_equal(baton_record_decode(record(), NOW_MS, &s), 0);
	assert_string_equal(s.name, "changed meanwhile");
	old.epoch = 4;
	assert_int_equal(baton_own_regain(record(), &old), BATON_E_STALE_OWNER);
	assert_int_equal(record()->epoch, 5);
}

static void counters_never_fall(void **state)
{
	(void)state;
	merged(C(10, 20, 30, 40), C(11, 19, 31, 50), C(11, 20, 31, 50));
	merged(C(10, 20, 30, 40), C(9, 21, 29, 99), C(10, 21, 30, 40));
	merged(C(10, 20, 30, 40), C(0), C(10, 20, 30, 40));
	merged(C(0), C(10, 20, 30, 40), C(10, 20, 30, 40));
}

static void the_newest_report_decides_the_limit(void **state)
{
	(void)state;
	merged(C(0, 0, 30, 90), C(0, 0, 31, 40), C(0, 0, 31, 40)); /* slower now */
	merged(C(0, 0, 30, 90), C(0, 0, 30, 30), C(0, 0, 30, 30)); /* quiet */
	merged(C(0, 0, 30, 30), C(0, 0, 30, 90), C(0, 0, 30, 30)); /* the one before, late */
	merged(C(0, 0, 30, 90), C(0, 0, 29, 29), C(0, 0, 30, 90)); /* an old one, late */
}

static void the_limit_is_never_below_the_number(void **state)
{
	(void)state;
	merged(C(0, 0, 30, 40), C(0, 0, 50, 10), C(0, 0, 50, 50));
	merged(C(0, 0, 30, 40), C(0, 0, 30, 10), C(0, 0, 30, 30));
}

static void merging_does_not_depend_on_the_order(void **state)
{
	struct sample_random r = {9};

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct baton_counters c[3], ab, ba;

		for (unsigned j = 0; j < 3; j++) {
			c[j] = C(sample_below(&r, 5), sample_below(&r, 5), sample_below(&r, 4), 0);
			c[j].in_limit = c[j].in_seq + sample_below(&r, 3);
		}
		ab = ba = c[0];
		baton_counters_merge(&ab, &c[1]);
		baton_counters_merge(&ab, &c[2]);
		baton_counters_merge(&ba, &c[2]);
		baton_counters_merge(&ba, &c[1]);
		assert_memory_equal(&ab, &ba, sizeof(ab));
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_claim_starts_above_all_that_may_have_been),
		CASE(what_is_expected_to_be_accepted_ends_with_64_bits),
		CASE(every_child_is_moved_by_a_claim),
		CASE(a_claim_of_ones_own_is_one),
		CASE(a_put_replaces_what_was_only_claimed),
		CASE(a_claim_may_ask_for_an_epoch),
		CASE(another_incarnation_claims_anew),
		CASE(the_former_owner_is_refused_after_a_claim),
		CASE(a_claim_takes_the_stores_own_session_from_it),
		CASE(deleted_sessions_cannot_be_claimed),
		CASE(numbers_used_up_do_not_begin_again),
		CASE(claims_alone_wear_out_an_sa_without_esn_in_time),
		CASE(numbers_beyond_the_lease_count_too),
		CASE(losing_may_still_raise_the_numbers),
		CASE(regaining_takes_epoch_and_numbers_but_not_the_state),
		CASE(counters_never_fall),
		CASE(the_newest_report_decides_the_limit),
		CASE(the_limit_is_never_below_the_number),
		CASE(merging_does_not_depend_on_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
