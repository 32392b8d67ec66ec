/* SPDX-License-Identifier: BSD-2-Clause */
/* Two claim a session in the same instant: docs/protocol.md 5.3.3. What becomes of it in a whole
 * cluster is in test/prop/prop_race.c. */
#include "core/service.h"
#include "sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1000000u
#define BOOT 0x77u

static const struct baton_id here = {BATON_ID_FQDN, 2, "st"}, gw_a = {BATON_ID_FQDN, 4, "gw-a"},
			     gw_b = {BATON_ID_FQDN, 4, "gw-b"}, gw_c = {BATON_ID_FQDN, 4, "gw-c"};

static struct baton_table t;
static struct baton_ownership own;
static struct baton_service v;
static struct baton_session s;
static struct baton_message m;
static uint64_t now_ms;

static int setup(void **state)
{
	struct baton_record *r;

	(void)state;
	now_ms = NOW_MS;
	sample_session(&s);
	own = (struct baton_ownership){.table = &t, .self = &here, .lease = 1000};
	v = (struct baton_service){.own = &own, .boot = BOOT, .stores = true};
	if (baton_table_init(&t, 8, 0x5eed))
		return -1;
	r = baton_table_add(&t, s.spi_i, s.spi_r);
	return r ? baton_table_replace(&t, r, &s, now_ms) : -1;
}

static int teardown(void **state)
{
	(void)state;
	baton_table_free(&t);
	return 0;
}

static const struct baton_record *record(void)
{
	return baton_table_find(&t, s.spi_i, s.spi_r);
}

/* By SPI, or by a Server ID. True: it was given. */
static bool claims(const struct baton_id *who, const struct baton_id *from)
{
	static uint8_t req[1024], out[BATON_MESSAGE_MAX];
	static uint32_t msgid;
	struct baton_header h = {.spi_i = who->data[3],
				 .spi_r = BOOT,
				 .exchange = BATON_SA_RETR,
				 .flags = BATON_FLAG_INITIATOR};
	struct baton_builder b;
	int len;

	h.msgid = msgid++;
	baton_build_begin(&b, req, sizeof(req), &h);
	baton_build_id(&b, BATON_PL_IDI, who);
	if (from)
		baton_build_id(&b, BATON_PL_IDR, from);
	baton_build_claim(&b, 0);
	if (!from)
		baton_build_by_spi(&b, BATON_PROTO_ESP, s.children[0].spi_in);
	len = baton_build_end(&b);
	assert_true(len > 0);
	len = baton_service_answer(&v, who, req, (size_t)len, now_ms, out, sizeof(out));
	assert_true(len > 0);
	assert_int_equal(baton_message_decode(&m, out, (size_t)len, NULL), 0);
	if (m.session_count)
		assert_true(baton_id_equal(record()->owner, who));
	return m.session_count == 1;
}

static void the_first_keeps_it_from_a_higher_one(void **state)
{
	(void)state;
	assert_true(claims(&gw_b, NULL));
	now_ms += 1800;
	assert_false(claims(&gw_c, NULL));
	assert_int_equal(m.error, BATON_E_STALE_OWNER);
	assert_true(baton_id_equal(record()->owner, &gw_b));
	assert_true(claims(&gw_b, NULL)); /* its own */
}

static void and_loses_it_to_a_lower_one(void **state)
{
	uint32_t epoch;

	(void)state;
	assert_true(claims(&gw_c, NULL));
	epoch = record()->epoch;
	assert_true(claims(&gw_b, NULL));
	assert_int_equal(record()->epoch, epoch + 1);
	assert_false(claims(&gw_c, NULL));
}

static void after_two_seconds_it_is_no_race(void **state)
{
	(void)state;
	assert_true(claims(&gw_b, NULL));
	now_ms += BATON_RACE_MS + 200;
	assert_true(claims(&gw_c, NULL));
}

static void who_claims_from_the_owner_of_now_does_not_race(void **state)
{
	(void)state;
	assert_true(claims(&gw_b, &gw_a));
	assert_true(claims(&gw_c, &gw_b));
}

static void of_two_takeovers_the_lower_gets_it(void **state)
{
	(void)state;
	assert_true(claims(&gw_c, &gw_a));
	assert_true(claims(&gw_b, &gw_a));
	assert_false(claims(&gw_c, &gw_a));
	assert_true(baton_id_equal(record()->owner, &gw_b));
}

static void what_was_put_by_another_has_changed_hands_too(void **state)
{
	(void)state;
	s.owner = gw_b;
	s.epoch++;
	assert_int_equal(baton_own_put(&own, &gw_b, &s, now_ms), 0);
	assert_false(claims(&gw_c, NULL));
	now_ms += BATON_RACE_MS + 200;
	assert_true(claims(&gw_c, NULL));
}

static void the_lower_one_claims_once_more(void **state)
{
	(void)state;
	own.self = &gw_b; /* in whose table it is another's since a moment ago */
	assert_true(claims(&gw_c, NULL));
	assert_false(baton_own_claims_again(&own, record(), &gw_c, record()->epoch + 1, now_ms));
	assert_false(baton_own_claims_again(&own, record(), &gw_a, record()->epoch, now_ms));
	assert_true(baton_own_claims_again(&own, record(), &gw_c, record()->epoch, now_ms));
	assert_int_equal(own.least_epoch, record()->epoch + 1);
	assert_false(baton_own_claims_again(&own, record(), &gw_c, record()->epoch,
					    now_ms + BATON_RACE_MS + 200));
}

static void ids_are_in_the_order_of_their_octets(void **state)
{
	const struct baton_id shorter = {BATON_ID_FQDN, 3, "gw-"};

	(void)state;
	assert_true(baton_own_is_lower(&gw_a, &gw_b));
	assert_false(baton_own_is_lower(&gw_b, &gw_a));
	assert_false(baton_own_is_lower(&gw_a, &gw_a));
	assert_true(baton_own_is_lower(&shorter, &gw_a));
	assert_false(baton_own_is_lower(&gw_a, &shorter));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_first_keeps_it_from_a_higher_one),
		CASE(and_loses_it_to_a_lower_one),
		CASE(after_two_seconds_it_is_no_race),
		CASE(who_claims_from_the_owner_of_now_does_not_race),
		CASE(of_two_takeovers_the_lower_gets_it),
		CASE(what_was_put_by_another_has_changed_hands_too),
		CASE(the_lower_one_claims_once_more),
		CASE(ids_are_in_the_order_of_their_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
