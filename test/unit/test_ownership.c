/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of docs/protocol.md 5.3.2 (storing), one by one, in its order. Claiming: test_claim.c.
 */
#include "one_store.h"

/* ---- 5.3.2: put ---------------------------------------------------------------------------- */

static void a_put_of_an_unknown_session_is_stored(void **state)
{
	(void)state;
	assert_int_equal(put(&gw_a), BATON_OK);
	assert_int_equal(record()->epoch, 3);
	assert_int_equal(record()->version, 17);
	assert_true(baton_id_equal(record()->owner, &gw_a));
	assert_int_equal(counters()->out_lease, 66536);
	assert_int_equal(record()->msgid_in, 6);
	assert_int_equal(record()->claim_boot, 0);
}

static void rule_1_nobody_puts_for_another(void **state)
{
	(void)state;
	assert_int_equal(put(&gw_b), BATON_E_STALE_OWNER);
	s.owner.type = 0;
	assert_int_equal(put(&gw_a), BATON_E_STALE_OWNER);
	assert_null(record());
}

static void rule_2_deleted_sessions_do_not_come_back(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(delete (&gw_a, 3, 18), BATON_OK);
	s.version = 1000;
	s.epoch = 1000;
	assert_int_equal(put(&gw_a), BATON_E_DELETED);
	assert_true(record()->deleted);
	s.owner = gw_b;
	assert_int_equal(put(&gw_b), BATON_E_DELETED);
}

static void rule_3_an_older_epoch_is_stale(void **state)
{
	(void)state;
	own_by(&gw_a);
	s.epoch = 2;
	s.version = 1000;
	assert_int_equal(put(&gw_a), BATON_E_STALE_OWNER);
	assert_int_equal(record()->version, 17);
}

static void rule_3_the_second_owner_of_an_epoch_is_refused(void **state)
{
	(void)state;
	own_by(&gw_a);
	s.owner = gw_b;
	s.version = 1000;
	assert_int_equal(put(&gw_b), BATON_E_STALE_OWNER);
	assert_true(baton_id_equal(record()->owner, &gw_a));
}

static void rule_4_an_older_version_is_stale(void **state)
{
	(void)state;
	own_by(&gw_a);
	s.version = 16;
	s.children[0].counters.out_seq = 9999;
	s.msgid_in = 99;
	assert_int_equal(put(&gw_a), BATON_E_STALE_VERSION);
	assert_int_equal(record()->version, 17);
	assert_int_equal(counters()->out_seq, 1000);
	assert_int_equal(record()->msgid_in, 6);
}

static void rule_4_a_newer_epoch_may_have_any_version(void **state)
{
	(void)state;
	own_by(&gw_a);
	s.owner = gw_b;
	s.epoch = 4;
	s.version = 1;
	assert_int_equal(put(&gw_b), BATON_OK);
	assert_true(baton_id_equal(record()->owner, &gw_b));
	assert_int_equal(record()->version, 1);
}

static void rule_5_an_inbound_spi_of_another_owner_collides(void **state)
{
	(void)state;
	own_by(&gw_a);
	s.spi_i++;
	s.owner = gw_b;
	assert_int_equal(put(&gw_b), BATON_E_SPI_COLLISION);
	assert_null(baton_table_find(&t, s.spi_i, s.spi_r));
	assert_ptr_equal(baton_table_find_in(&t, SPI_IN)->record, record());
}

static void rule_5_one_colliding_child_refuses_all(void **state)
{
	(void)state;
	own_by(&gw_a);
	s.spi_i++;
	s.owner = gw_b;
	s.child_count = 2;
	s.children[1] = s.children[0];
	s.children[0].spi_in = 0xc2000001;
	assert_int_equal(put(&gw_b), BATON_E_SPI_COLLISION);
	assert_null(baton_table_find_in(&t, 0xc2000001));
}

static void rule_5_an_inbound_spi_of_another_sa_of_the_same_owner_collides(void **state)
{
	(void)state;
	own_by(&gw_a);
	s.spi_i++;
	s.children[0].spi_out++;
	assert_int_equal(put(&gw_a), BATON_E_SPI_COLLISION);
}

static void rule_5_an_ike_rekey_moves_the_sa(void **state)
{
	struct baton_record *new;

	(void)state;
	own_by(&gw_a);
	counters()->out_seq = 5000;
	s.spi_i++;
	s.epoch = 1;
	s.version = 1;
	assert_int_equal(put(&gw_a), BATON_OK);
	new = baton_table_find(&t, s.spi_i, s.spi_r);
	assert_ptr_equal(baton_table_find_in(&t, SPI_IN)->record, new);
	assert_int_equal(baton_table_find_in(&t, SPI_IN)->counters.out_seq, 5000);
	s.spi_i--;
	assert_int_equal(delete (&gw_a, 3, 18),
			 BATON_OK); /* the old IKE SA: its end leaves the SA alone */
	assert_ptr_equal(baton_table_find_in(&t, SPI_IN)->record, new);
}

static void rule_5_a_delayed_put_of_the_old_ike_sa_does_not_keep_the_sa(void **state)
{
	struct baton_record *new;

	(void)state;
	own_by(&gw_a);
	s.spi_i++;
	own_by(&gw_a);
	new = baton_table_find(&t, s.spi_i, s.spi_r);
	s.spi_i--;
	s.version = 18;
	own_by(&gw_a); /* overtaken by the new one's */
	s.version = 19;
	s.child_count = 0;
	own_by(&gw_a);
	assert_ptr_equal(baton_table_find_in(&t, SPI_IN)->record, new);
}

static void rule_5_a_spi_is_free_again_after_a_delete(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(delete (&gw_a, 3, 18), BATON_OK);
	s.spi_i++;
	own_by(&gw_b);
}

static void rule_6_the_same_version_merges_counters_and_nothing_else(void **state)
{
	(void)state;
	own_by(&gw_a);
	s.children[0].counters = (struct baton_counters){2000, 70000, 950, 1200};
	s.msgid_in = 8;
	s.msgid_out = 1;
	s.remote.port = 1;
	assert_int_equal(put(&gw_a), BATON_OK);
	assert_memory_equal(counters(), &s.children[0].counters, sizeof(struct baton_counters));
	assert_int_equal(record()->remote.port, 31337);
	assert_int_equal(record()->msgid_in, 8);
	assert_int_equal(record()->msgid_out, 2);
}

static void rule_6_a_repeated_put_ends_in_the_same_state(void **state)
{
	struct baton_counters before;

	(void)state;
	own_by(&gw_a);
	assert_int_equal(report(&gw_a, 3, 3000), BATON_OK);
	before = *counters();
	assert_int_equal(put(&gw_a), BATON_OK); /* the same octets, late */
	assert_memory_equal(counters(), &before, sizeof(before));
}

static void rule_7_a_full_store_says_so_and_keeps_what_it_has(void **state)
{
	(void)state;
	s.child_count = 0;
	for (unsigned i = 0; i < MAX; i++, s.spi_i++)
		assert_int_equal(put(&gw_a), BATON_OK);
	assert_int_equal(put(&gw_a), BATON_E_FULL);
	assert_int_equal(t.live, MAX);
	s.spi_i--;
	s.version++;
	assert_int_equal(put(&gw_a), BATON_OK); /* one it has may change */
}

static void rule_7_a_newer_version_replaces_and_merges(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(report(&gw_a, 3, 3000), BATON_OK);
	record()->msgid_out = 9;
	s.version = 18;
	s.remote.port = 1;
	s.msgid_in = 7;
	assert_int_equal(put(&gw_a), BATON_OK);
	assert_int_equal(record()->version, 18);
	assert_int_equal(record()->remote.port, 1);
	assert_int_equal(counters()->out_seq, 3000); /* never falls */
	assert_int_equal(record()->msgid_in, 7);
	assert_int_equal(record()->msgid_out, 9);
}

static void rule_7_what_cannot_be_stored_leaves_no_trace(void **state)
{
	(void)state;
	s.sk_d.len = 0;
	assert_int_equal(put(&gw_a), BATON_E_MISSING);
	assert_null(record());
	assert_int_equal(t.live, 0);
}

static void rule_7_an_owner_shown_a_newer_epoch_stops_first(void **state)
{
	(void)state;
	own_by(&here);
	s.owner = gw_b;
	assert_int_equal(put(&gw_b), BATON_E_STALE_OWNER); /* the same epoch: not yet */
	assert_int_equal(lost, 0);
	s.epoch = 4;
	assert_int_equal(put(&gw_b), BATON_OK);
	assert_int_equal(lost, 1);
	assert_int_equal(lost_epoch, 3);
	s.epoch = 5;
	assert_int_equal(put(&gw_b), BATON_OK); /* no longer ours to lose */
	assert_int_equal(lost, 1);
}

static void a_node_does_not_lose_to_itself(void **state)
{
	(void)state;
	own_by(&here);
	s.epoch = 4;
	assert_int_equal(put(&here), BATON_OK);
	assert_int_equal(baton_own_claim(&o, record(), &here, 1, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	assert_int_equal(lost, 0);
}

static void nobody_need_be_told_of_a_loss(void **state)
{
	(void)state;
	o.losing = NULL;
	own_by(&here);
	s.epoch = 4;
	own_by(&gw_b);
	s.epoch = 5;
	own_by(&here);
	assert_int_equal(baton_own_claim(&o, record(), &gw_b, 1, 0, (struct baton_grant){1, 1}),
			 BATON_OK);
	s.epoch = 7;
	own_by(&here);
	assert_int_equal(delete (&gw_b, 8, 18), BATON_OK);
}

/* ---- 5.3.2: counters ----------------------------------------------------------------------- */

static void a_report_is_merged(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(report(&gw_a, 3, 2000), BATON_OK);
	assert_int_equal(counters()->out_seq, 2000);
	assert_int_equal(counters()->out_lease, 66536);
	assert_int_equal(record()->version, 17);
}

static void a_report_of_message_ids_raises_them(void **state)
{
	struct baton_report rep = {.kind = BATON_REPORT_MSGID,
				   .spi_i = s.spi_i,
				   .spi_r = s.spi_r,
				   .epoch = 3,
				   .msgid_in = 9,
				   .msgid_out = 1};

	(void)state;
	own_by(&gw_a);
	assert_int_equal(baton_own_report(&o, &gw_a, &rep), BATON_OK);
	assert_int_equal(record()->msgid_in, 9);
	assert_int_equal(record()->msgid_out, 2);
}

static void a_report_about_nothing_is_not_found(void **state)
{
	struct baton_report rep = {.kind = BATON_REPORT_CHILD,
				   .spi_i = s.spi_i,
				   .spi_r = s.spi_r,
				   .epoch = 3,
				   .spi_in = SPI_IN + 1};

	(void)state;
	assert_int_equal(report(&gw_a, 3, 1), BATON_E_NOT_FOUND);
	own_by(&gw_a);
	assert_int_equal(baton_own_report(&o, &gw_a, &rep), BATON_E_NOT_FOUND);
}

static void a_report_about_a_deleted_session_says_so(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(delete (&gw_a, 3, 18), BATON_OK);
	assert_int_equal(report(&gw_a, 3, 1), BATON_E_DELETED);
}

static void a_stale_report_is_refused(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(report(&gw_a, 2, 5000), BATON_E_STALE_OWNER);
	assert_int_equal(report(&gw_b, 3, 5000), BATON_E_STALE_OWNER);
	assert_int_equal(counters()->out_seq, 1000);
}

static void a_report_of_an_epoch_not_yet_known_waits_for_its_put(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(report(&gw_b, 4, 5000), BATON_E_NOT_FOUND);
	assert_int_equal(counters()->out_seq, 1000);
	assert_true(baton_id_equal(record()->owner, &gw_a));
}

/* ---- 5.3.2: delete ------------------------------------------------------------------------- */

static void a_delete_leaves_a_tombstone(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(delete (&gw_a, 3, 18), BATON_OK);
	assert_true(record()->deleted);
	assert_null(record()->body);
	assert_int_equal(record()->epoch, 3);
	assert_int_equal(record()->version, 18);
	assert_int_equal(record()->stored_ms, NOW_MS);
	assert_int_equal(t.tombstones, 1);
	assert_int_equal(t.live, 0);
	assert_int_equal(delete (&gw_a, 3, 18), BATON_OK); /* once more: done before */
	assert_int_equal(delete (&gw_b, 1, 1), BATON_OK);
	assert_int_equal(record()->epoch, 3);
}

static void a_stale_delete_is_refused(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(delete (&gw_a, 2, 18), BATON_E_STALE_OWNER);
	assert_int_equal(delete (&gw_b, 3, 18), BATON_E_STALE_OWNER);
	assert_false(record()->deleted);
}

static void a_delete_that_overtakes_its_put_is_remembered(void **state)
{
	(void)state;
	assert_int_equal(delete (&gw_a, 3, 18), BATON_OK);
	assert_true(record()->deleted);
	assert_true(baton_id_equal(record()->owner, &gw_a));
	assert_int_equal(put(&gw_a), BATON_E_DELETED);
}

static void a_delete_for_a_full_store_is_refused(void **state)
{
	(void)state;
	s.child_count = 0;
	for (unsigned i = 0; i < MAX; i++, s.spi_i++)
		assert_int_equal(put(&gw_a), BATON_OK);
	assert_int_equal(delete (&gw_a, 3, 18), BATON_E_FULL);
	assert_int_equal(t.tombstones, 0);
}

static void a_delete_keeps_the_higher_version(void **state)
{
	(void)state;
	own_by(&gw_a);
	assert_int_equal(delete (&gw_a, 3, 4), BATON_OK);
	assert_int_equal(record()->version, 17);
}

static void a_delete_in_a_newer_epoch_makes_the_owner_stop(void **state)
{
	(void)state;
	own_by(&here);
	assert_int_equal(delete (&gw_b, 4, 18), BATON_OK);
	assert_int_equal(lost, 1);
	assert_true(record()->deleted);
	assert_int_equal(record()->epoch, 4);
	assert_true(baton_id_equal(record()->owner, &gw_b));
}

static void a_node_that_deletes_its_own_session_has_not_lost_it(void **state)
{
	(void)state;
	own_by(&here);
	assert_int_equal(delete (&here, 3, 18), BATON_OK);
	assert_int_equal(lost, 0);
}

/* ---- LEASE in the answer ------------------------------------------------------------------- */

static void a_status_shows_what_the_store_has(void **state)
{
	struct baton_status st;

	(void)state;
	own_by(&gw_a);
	baton_own_status(&o, s.spi_i, s.spi_r, BATON_E_STALE_OWNER, &st);
	assert_int_equal(st.status, BATON_E_STALE_OWNER);
	assert_true(st.spi_i == s.spi_i && st.spi_r == s.spi_r);
	assert_int_equal(st.epoch, 3);
	assert_int_equal(st.version, 17);
	assert_true(baton_id_equal(&st.owner, &gw_a));
}

static void a_status_about_nothing_has_no_owner(void **state)
{
	struct baton_status st;

	(void)state;
	baton_own_status(&o, 5, 6, BATON_E_NOT_FOUND, &st);
	assert_int_equal(st.status, BATON_E_NOT_FOUND);
	assert_int_equal(st.epoch + st.version + st.owner.type, 0);
	assert_true(st.spi_i == 5 && st.spi_r == 6);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_put_of_an_unknown_session_is_stored),
		CASE(rule_1_nobody_puts_for_another),
		CASE(rule_2_deleted_sessions_do_not_come_back),
		CASE(rule_3_an_older_epoch_is_stale),
		CASE(rule_3_the_second_owner_of_an_epoch_is_refused),
		CASE(rule_4_an_older_version_is_stale),
		CASE(rule_4_a_newer_epoch_may_have_any_version),
		CASE(rule_5_an_inbound_spi_of_another_owner_collides),
		CASE(rule_5_one_colliding_child_refuses_all),
		CASE(rule_5_an_inbound_spi_of_another_sa_of_the_same_owner_collides),
		CASE(rule_5_an_ike_rekey_moves_the_sa),
		CASE(rule_5_a_delayed_put_of_the_old_ike_sa_does_not_keep_the_sa),
		CASE(rule_5_a_spi_is_free_again_after_a_delete),
		CASE(rule_6_the_same_version_merges_counters_and_nothing_else),
		CASE(rule_6_a_repeated_put_ends_in_the_same_state),
		CASE(rule_7_a_full_store_says_so_and_keeps_what_it_has),
		CASE(rule_7_a_newer_version_replaces_and_merges),
		CASE(rule_7_what_cannot_be_stored_leaves_no_trace),
		CASE(rule_7_an_owner_shown_a_newer_epoch_stops_first),
		CASE(a_node_does_not_lose_to_itself),
		CASE(nobody_need_be_told_of_a_loss),
		CASE(a_report_is_merged),
		CASE(a_report_of_message_ids_raises_them),
		CASE(a_report_about_nothing_is_not_found),
		CASE(a_report_about_a_deleted_session_says_so),
		CASE(a_stale_report_is_refused),
		CASE(a_report_of_an_epoch_not_yet_known_waits_for_its_put),
		CASE(a_delete_leaves_a_tombstone),
		CASE(a_stale_delete_is_refused),
		CASE(a_delete_that_overtakes_its_put_is_remembered),
		CASE(a_delete_for_a_full_store_is_refused),
		CASE(a_delete_keeps_the_higher_version),
		CASE(a_delete_in_a_newer_epoch_makes_the_owner_stop),
		CASE(a_node_that_deletes_its_own_session_has_not_lost_it),
		CASE(a_status_shows_what_the_store_has),
		CASE(a_status_about_nothing_has_no_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
