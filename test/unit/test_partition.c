/* SPDX-License-Identifier: BSD-2-Clause */
/* Which SPIs a store lets a gateway choose: docs/protocol.md 5.3.7. */
#include "core/service.h"
#include "sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1000000u
#define BOOT 0x77u

static const struct baton_id here = {BATON_ID_FQDN, 2, "st"}, gw_a = {BATON_ID_FQDN, 4, "gw-a"},
			     gw_b = {BATON_ID_FQDN, 4, "gw-b"};
static struct baton_table t;
static struct baton_ownership own;
static struct baton_service v;
static struct baton_session s;
static uint32_t first, last, ike; /* gw-a's */

static bool may_choose(void *ctx, const struct baton_id *peer, bool of_ike, uint32_t spi)
{
	assert_ptr_equal(ctx, &v);
	return !baton_id_equal(peer, &gw_a) || (of_ike ? spi == ike : spi >= first && spi <= last);
}

static int setup(void **state)
{
	(void)state;
	sample_session(&s);
	s.epoch = 1;
	first = s.children[0].spi_in;
	last = first + 9;
	ike = (uint32_t)((s.flags & BATON_IKE_INITIATOR ? s.spi_i : s.spi_r) >> 32);
	own = (struct baton_ownership){.table = &t, .self = &here, .lease = 1000};
	v = (struct baton_service){
		.own = &own, .boot = BOOT, .stores = true, .may_choose = may_choose, .ctx = &v};
	return baton_table_init(&t, 8, 0x5eed);
}

static int teardown(void **state)
{
	(void)state;
	baton_table_free(&t);
	return 0;
}

/* The status that the session is answered with. */
static int put(const struct baton_id *who)
{
	static uint8_t req[BATON_MESSAGE_MAX], out[BATON_MESSAGE_MAX], body[BATON_MESSAGE_MAX];
	static struct baton_status statuses[BATON_ITEMS_MAX];
	static struct baton_message m;
	static uint32_t msgid;
	struct baton_header h = {.spi_i = 5,
				 .spi_r = BOOT,
				 .exchange = BATON_SA_STOR,
				 .flags = BATON_FLAG_INITIATOR};
	struct baton_builder b;
	int len;

	s.owner = *who;
	s.version++;
	len = baton_session_encode(&s, body, sizeof(body));
	assert_true(len > 0);
	h.msgid = msgid++;
	baton_build_begin(&b, req, sizeof(req), &h);
	baton_build_id(&b, BATON_PL_IDI, who);
	baton_build_session(&b, body, (size_t)len);
	len = baton_build_end(&b);
	assert_true(len > 0);
	len = baton_service_answer(&v, who, req, (size_t)len, NOW_MS, out, sizeof(out));
	assert_true(len > 0);
	m.statuses = statuses;
	m.status_max = BATON_ITEMS_MAX;
	assert_int_equal(baton_message_decode(&m, out, (size_t)len, NULL), 0);
	assert_int_equal(m.status_count, 1);
	return statuses[0].status;
}

static void an_spi_of_another_partition_is_refused(void **state)
{
	(void)state;
	s.children[0].spi_in = last + 1;
	assert_int_equal(put(&gw_a), BATON_E_SPI_RANGE);
	assert_null(baton_table_find(&t, s.spi_i, s.spi_r));
	s.children[0].spi_in = last;
	assert_int_equal(put(&gw_a), BATON_OK);
}

/* Of an IKE SA the SPI that the gateway chose counts: of its initiator, or of its responder. */
static void an_ike_spi_of_another_partition_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		s.flags ^= BATON_IKE_INITIATOR;
		ike = (uint32_t)((s.flags & BATON_IKE_INITIATOR ? s.spi_i : s.spi_r) >> 32);
		ike++;
		assert_int_equal(put(&gw_a), BATON_E_SPI_RANGE);
		assert_int_equal(put(&gw_a), BATON_E_SPI_RANGE);
		ike--;
		assert_int_equal(put(&gw_a), BATON_OK);
		/* what was let in stays */
		ike++;
		assert_int_equal(put(&gw_a), BATON_OK);
		baton_table_free(&t);
		assert_int_equal(baton_table_init(&t, 8, 0x5eed), 0);
	}
	s.epoch = 2; /* taken over */
	assert_int_equal(put(&gw_a), BATON_OK);
}

static void who_has_no_partition_chooses_any(void **state)
{
	(void)state;
	s.children[0].spi_in = last + 1;
	assert_int_equal(put(&gw_b), BATON_OK);
}

/* The partition is moved while SAs of the old one live. */
static void what_was_let_in_stays(void **state)
{
	(void)state;
	assert_int_equal(put(&gw_a), BATON_OK);
	first += 100;
	last += 100;
	assert_int_equal(put(&gw_a), BATON_OK);
	s.children[0].spi_in++; /* rekeyed */
	assert_int_equal(put(&gw_a), BATON_E_SPI_RANGE);
	s.children[0].spi_in = first;
	assert_int_equal(put(&gw_a), BATON_OK);
}

/* What was taken over is of the partition of who made it; what is made then is not. */
static void sas_that_were_taken_over_keep_their_spis(void **state)
{
	(void)state;
	s.children[0].spi_in = last + 1;
	s.epoch = 2;
	assert_int_equal(put(&gw_a), BATON_OK);
	s.children[0].spi_in = last + 2;
	assert_int_equal(put(&gw_a), BATON_E_SPI_RANGE);
	s.children[0].spi_in = last;
	assert_int_equal(put(&gw_a), BATON_OK);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_spi_of_another_partition_is_refused),
		CASE(an_ike_spi_of_another_partition_is_refused),
		CASE(who_has_no_partition_chooses_any),
		CASE(what_was_let_in_stays),
		CASE(sas_that_were_taken_over_keep_their_spis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
