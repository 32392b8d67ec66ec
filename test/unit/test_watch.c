/* SPDX-License-Identifier: BSD-2-Clause */
/* From the kernel's numbers to bounds: docs/protocol.md 5.3.6. */
#include "core/watch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct baton_watch w = {.lease = 1000, .age_ms = 100};

static void lease_is_raised_when_half_is_used(void **state)
{
	struct baton_mark m = {.counters = {.out_lease = 1000}};

	(void)state;
	assert_false(baton_watch_out(&w, &m, 1, 0));
	assert_false(baton_watch_out(&w, &m, 500, 0));
	assert_int_equal(m.counters.out_lease, 1000);
	assert_int_equal(m.counters.out_seq, 500);
	assert_true(baton_watch_out(&w, &m, 501, 0));
	assert_int_equal(m.counters.out_lease, 1501);
	assert_false(baton_watch_out(&w, &m, 501, 0));
	assert_false(baton_watch_out(&w, &m, 1001, 0));
	assert_true(baton_watch_out(&w, &m, 1002, 0));
	assert_int_equal(m.counters.out_lease, 2002);
}

static void a_report_is_due_once_per_half_lease(void **state)
{
	struct baton_mark m = {.counters = {.out_lease = 1000}};
	unsigned due = 0;

	(void)state;
	for (uint64_t seq = 1; seq <= 100000; seq++) {
		due += baton_watch_out(&w, &m, seq, 0);
		assert_true(m.counters.out_lease >= seq + w.lease / 2);
	}
	assert_in_range(due, 190, 200);
}

static void outbound_number_never_falls(void **state)
{
	struct baton_mark m = {.counters = {.out_seq = 400, .out_lease = 1000}};

	(void)state;
	assert_false(baton_watch_out(&w, &m, 3, 0));
	assert_int_equal(m.counters.out_seq, 400);
}

static void a_number_beyond_the_lease_gets_a_new_one(void **state)
{
	struct baton_mark m = {.counters = {.out_lease = 1000}};

	(void)state;
	assert_true(baton_watch_out(&w, &m, 5000, 0)); /* events were lost */
	assert_int_equal(m.counters.out_lease, 6000);
}

static void without_esn_the_last_quarter_of_the_numbers_is_for_rekeying(void **state)
{
	struct baton_mark m = {.counters = {.out_seq = BATON_SEQ_WORN - 1}};

	(void)state;
	assert_false(baton_watch_is_worn(&m));
	m.counters.out_seq++;
	assert_true(baton_watch_is_worn(&m));
	m.counters.out_seq = UINT64_MAX;
	assert_true(baton_watch_is_worn(&m));
	m.flags = BATON_CHILD_ESN;
	assert_false(baton_watch_is_worn(&m));
}

static void without_esn_no_lease_goes_beyond_32_bits(void **state)
{
	struct baton_mark m = {.counters = {.out_lease = BATON_SEQ_LAST - 1000}};
	struct baton_mark esn = {.flags = BATON_CHILD_ESN, .counters = m.counters};

	(void)state;
	assert_true(baton_watch_out(&w, &m, BATON_SEQ_LAST - 1000, 0));
	assert_int_equal(m.counters.out_lease, BATON_SEQ_LAST);
	assert_true(baton_watch_out(&w, &esn, BATON_SEQ_LAST - 999, 0));
	assert_true(esn.counters.out_lease == BATON_SEQ_LAST + 1);
	assert_false(baton_watch_out(&w, &m, BATON_SEQ_LAST, 0)); /* used up: no more */
	assert_int_equal(m.counters.out_lease, BATON_SEQ_LAST);
}

static void the_first_packets_promise_one_more(void **state)
{
	struct baton_mark m = {0};

	(void)state;
	assert_true(baton_watch_in(&w, &m, 7, 5000));
	assert_int_equal(m.counters.in_seq, 7);
	assert_int_equal(m.counters.in_limit, 8);
	assert_int_equal(m.rate_pps, 0);
	assert_true(m.moving);
}

static void limit_is_twice_what_the_rate_lets_expect(void **state)
{
	struct baton_mark m = {0};

	(void)state;
	baton_watch_in(&w, &m, 10, 5000);
	assert_true(baton_watch_in(&w, &m, 110, 5100));
	assert_int_equal(m.rate_pps, 1000);
	assert_int_equal(m.counters.in_limit, 110 + 1 + 2 * 100);
}

static void reports_read_together_lie_an_age_apart(void **state)
{
	struct baton_mark m = {0};

	(void)state;
	baton_watch_in(&w, &m, 10, 5000);
	assert_true(baton_watch_in(&w, &m, 60, 5003));
	assert_int_equal(m.rate_pps, 500);
}

static void a_rise_is_believed_at_once_and_a_fall_by_a_quarter(void **state)
{
	struct baton_mark m = {0};

	(void)state;
	baton_watch_in(&w, &m, 10, 5000);
	baton_watch_in(&w, &m, 110, 5100);
	assert_true(baton_watch_in(&w, &m, 111, 5300)); /* 5 a second */
	assert_int_equal(m.rate_pps, 750);
	assert_int_equal(m.counters.in_limit, 111 + 1 + 150);
	assert_true(baton_watch_in(&w, &m, 112, 65300)); /* after a silence too */
	assert_int_equal(m.rate_pps, 563);
	assert_true(baton_watch_in(&w, &m, 1112, 65400));
	assert_int_equal(m.rate_pps, 10000);
	for (uint64_t seq = 1113; seq < 1213; seq++)
		baton_watch_in(&w, &m, seq, 65400 + (seq - 1112) * 1000);
	assert_in_range(m.rate_pps, 1, 4); /* a fall ends where the rate is, or nearly */
}

static void reports_of_the_same_millisecond_are_survived(void **state)
{
	struct baton_mark m = {0};

	(void)state;
	baton_watch_in(&w, &m, 10, 5000);
	assert_true(baton_watch_in(&w, &m, 12, 5000));
	assert_int_equal(m.rate_pps, 20);
	assert_true(baton_watch_in(&w, &m, 13, 4000)); /* nor does time that goes back do harm */
	assert_int_equal(m.rate_pps, 15);
	assert_true(baton_watch_in(&w, &m, 12 + BATON_REPLAY_DELTA / 4, 5001));
	assert_in_range(m.rate_pps, 60000000, 70000000);
	assert_true(m.counters.in_limit > m.counters.in_seq);
}

/* RFC 6311: the peer was asked to. */
static void numbers_that_were_skipped_are_no_rate(void **state)
{
	struct baton_mark m = {0};

	(void)state;
	baton_watch_in(&w, &m, 10, 5000);
	baton_watch_in(&w, &m, 12, 5000);
	assert_true(baton_watch_in(&w, &m, 12 + BATON_REPLAY_DELTA, 5001));
	assert_int_equal(m.rate_pps, 15);
	assert_true(m.counters.in_limit > m.counters.in_seq);
}

static void an_old_inbound_number_changes_nothing(void **state)
{
	struct baton_mark m = {0};
	struct baton_mark before;

	(void)state;
	baton_watch_in(&w, &m, 10, 5000);
	before = m;
	assert_false(baton_watch_in(&w, &m, 10, 5100));
	assert_false(baton_watch_in(&w, &m, 9, 5100));
	assert_memory_equal(&m, &before, sizeof(m));
}

static void a_quiet_sa_takes_its_promise_back(void **state)
{
	struct baton_mark m = {0};

	(void)state;
	baton_watch_in(&w, &m, 10, 5000);
	assert_false(baton_watch_settle(&w, &m, 5200)); /* two ages have not quite passed */
	assert_int_equal(m.counters.in_limit, 11);
	assert_true(baton_watch_settle(&w, &m, 5201));
	assert_int_equal(m.counters.in_limit, 10);
	assert_false(m.moving);
	assert_false(baton_watch_settle(&w, &m, 9000)); /* told once */
}

/* Until its first report, and in it: what the one before has seen is the best that is known. */
static void a_new_owner_keeps_the_promise_of_the_one_before(void **state)
{
	struct baton_mark m = {.counters = {.in_seq = 400, .in_limit = 400 + 1 + 2 * 100}};
	struct baton_mark quiet = {.counters = {.in_seq = 400, .in_limit = 400}};

	(void)state;
	assert_true(baton_mark_is_busy(&m));
	assert_false(baton_mark_is_busy(&quiet));
	m.moving = true;
	m.seen_ms = 5000;
	assert_true(baton_watch_in(&w, &m, 410, 5010));
	assert_int_equal(m.rate_pps, 1000);
	assert_int_equal(m.counters.in_limit, 410 + 1 + 2 * 100);
	assert_true(baton_watch_in(&w, &m, 420, 5110));
	assert_int_equal(m.rate_pps, 750); /* from then on its own reports count */
	baton_watch_in(&w, &quiet, 410, 5010);
	assert_int_equal(quiet.counters.in_limit, 411);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lease_is_raised_when_half_is_used),
		cmocka_unit_test(a_report_is_due_once_per_half_lease),
		cmocka_unit_test(outbound_number_never_falls),
		cmocka_unit_test(a_number_beyond_the_lease_gets_a_new_one),
		cmocka_unit_test(without_esn_the_last_quarter_of_the_numbers_is_for_rekeying),
		cmocka_unit_test(without_esn_no_lease_goes_beyond_32_bits),
		cmocka_unit_test(the_first_packets_promise_one_more),
		cmocka_unit_test(limit_is_twice_what_the_rate_lets_expect),
		cmocka_unit_test(reports_read_together_lie_an_age_apart),
		cmocka_unit_test(a_rise_is_believed_at_once_and_a_fall_by_a_quarter),
		cmocka_unit_test(reports_of_the_same_millisecond_are_survived),
		cmocka_unit_test(numbers_that_were_skipped_are_no_rate),
		cmocka_unit_test(an_old_inbound_number_changes_nothing),
		cmocka_unit_test(a_quiet_sa_takes_its_promise_back),
		cmocka_unit_test(a_new_owner_keeps_the_promise_of_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
