/* SPDX-License-Identifier: BSD-2-Clause */
/* Which session is given to the IKE daemon next, and what becomes of one that it could not take: a
 * node without network, kernel or IKE daemon. */
#include "daemon/node.h"
#include "sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1000000u
#define MSGID 7u

static struct baton_node n;
static struct baton_session s;

static int setup(void **state)
{
	(void)state;
	memset(&n, 0, sizeof(n));
	n.config.server_id = (struct baton_id){BATON_ID_FQDN, 4, "gw-b"};
	n.own.table = &n.table;
	n.own.self = &n.config.server_id;
	baton_install_init(&n);
	baton_log_set_level((enum baton_log_level)0);
	return baton_table_init(&n.table, 8, 1);
}

static void forget(struct install_queue *q)
{
	struct baton_install *i;

	while ((i = STAILQ_FIRST(q))) {
		STAILQ_REMOVE_HEAD(q, entry);
		free(i);
	}
}

static int teardown(void **state)
{
	(void)state;
	forget(&n.waiting_busy);
	forget(&n.waiting);
	forget(&n.flying);
	baton_table_free(&n.table);
	return 0;
}

/* A session of ours; ahead: so far its In Limit is. */
static struct baton_record *own_session(uint32_t number, uint64_t ahead)
{
	sample_session(&s);
	s.spi_i += number;
	s.children[0].spi_in += number;
	s.owner = n.config.server_id;
	s.children[0].counters.in_limit = s.children[0].counters.in_seq + ahead;
	assert_int_equal(baton_own_put(&n.own, &s.owner, &s, NOW_MS), BATON_OK);
	return baton_table_find(&n.table, s.spi_i, s.spi_r);
}

/* As if it had been sent. */
static void fly(struct install_queue *from)
{
	struct baton_install *i = STAILQ_FIRST(from);

	assert_non_null(i);
	STAILQ_REMOVE_HEAD(from, entry);
	i->msgid = MSGID;
	STAILQ_INSERT_TAIL(&n.flying, i, entry);
	n.flying_count++;
}

static void answer(const struct baton_record *r, uint16_t status)
{
	const struct baton_status item = {.status = status, .spi_i = r->spi_i, .spi_r = r->spi_r};

	baton_install_answer(&n, MSGID, &item);
	assert_int_equal(n.flying_count, 0);
}

static void those_with_traffic_come_first(void **state)
{
	struct baton_record *quiet = own_session(0, 0), *busy = own_session(1, 50);

	(void)state;
	baton_install_queue(&n, quiet, false, false);
	baton_install_queue(&n, busy, false, false);
	assert_int_equal(STAILQ_FIRST(&n.waiting_busy)->spi_i, busy->spi_i);
	assert_int_equal(STAILQ_FIRST(&n.waiting)->spi_i, quiet->spi_i);
	assert_null(STAILQ_NEXT(STAILQ_FIRST(&n.waiting), entry));
}

static void a_session_waits_once(void **state)
{
	struct baton_record *r = own_session(0, 0);

	(void)state;
	baton_install_queue(&n, r, false, false);
	baton_install_queue(&n, r, false, false);
	assert_null(STAILQ_NEXT(STAILQ_FIRST(&n.waiting), entry));
}

/* Its sequence numbers had not come in time. */
static void what_was_too_late_is_offered_three_times(void **state)
{
	struct baton_record *r = own_session(0, 0);

	(void)state;
	baton_install_queue(&n, r, false, false);
	for (unsigned tries = 1; tries < 3; tries++) {
		fly(&n.waiting);
		answer(r, BATON_E_UNREACHABLE);
		assert_false(STAILQ_EMPTY(&n.waiting));
		assert_true(r->installing && !r->held);
	}
	fly(&n.waiting);
	answer(r, BATON_E_UNREACHABLE);
	assert_true(STAILQ_EMPTY(&n.waiting));
	assert_false(r->installing || r->held);
}

static void another_failure_is_not_tried_again(void **state)
{
	struct baton_record *r = own_session(0, 0);

	(void)state;
	baton_install_queue(&n, r, false, false);
	fly(&n.waiting);
	answer(r, BATON_E_CONFIG);
	assert_true(STAILQ_EMPTY(&n.waiting));
	assert_false(r->installing || r->held);
}

static void what_is_held_meanwhile_is_not_offered_again(void **state)
{
	struct baton_record *r = own_session(0, 0);

	(void)state;
	baton_install_queue(&n, r, false, false);
	fly(&n.waiting);
	r->held = true; /* by another entry */
	answer(r, BATON_E_UNREACHABLE);
	assert_true(STAILQ_EMPTY(&n.waiting));
	assert_true(r->held);
}

/* It is kept, or taken back, from when the SA is there. */
static void a_promise_counts_from_the_installation(void **state)
{
	struct baton_record *r = own_session(0, 50);

	(void)state;
	r->marks[0].moving = true;
	r->marks[0].seen_ms = 1;
	baton_install_queue(&n, r, false, false);
	baton_gateway_settle(&n, NOW_MS);
	assert_true(r->marks[0].moving);
	fly(&n.waiting_busy);
	answer(r, BATON_OK);
	assert_true(r->held);
	assert_int_not_equal(r->marks[0].seen_ms, 1);
	n.watch.age_ms = 100;
	baton_gateway_settle(&n, r->marks[0].seen_ms + 200);
	assert_true(r->marks[0].moving);
	baton_gateway_settle(&n, r->marks[0].seen_ms + 201);
	assert_false(r->marks[0].moving);
	assert_int_equal(r->marks[0].counters.in_limit, r->marks[0].counters.in_seq);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(those_with_traffic_come_first),
		CASE(a_session_waits_once),
		CASE(what_was_too_late_is_offered_three_times),
		CASE(another_failure_is_not_tried_again),
		CASE(what_is_held_meanwhile_is_not_offered_again),
		CASE(a_promise_counts_from_the_installation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
