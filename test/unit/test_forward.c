/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets that are sent on, N(FORWARD): docs/protocol.md 5.3.11. */
#include "core/service.h"
#include "sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BOOT 0xb0b0u
#define NOW_MS 1000000u

static const struct baton_id here = {BATON_ID_FQDN, 4, "here"}, gw_a = {BATON_ID_FQDN, 4, "gw-a"};
static const uint8_t packet[64] = {0x45};

static struct baton_table t;
static struct baton_ownership o;
static struct baton_service v;
static struct baton_message m;
static uint8_t req[1024], out[1024];
static size_t taken;

static int setup(void **state)
{
	(void)state;
	o = (struct baton_ownership){.table = &t, .self = &here};
	memset(&v, 0, sizeof(v));
	v.own = &o;
	v.boot = BOOT;
	taken = 0;
	return baton_table_init(&t, 16, 0x5eed);
}

static int teardown(void **state)
{
	(void)state;
	baton_table_free(&t);
	return 0;
}

static size_t build(uint64_t receiver, size_t len)
{
	const struct baton_header h = {.spi_i = 0xa0a0,
				       .spi_r = receiver,
				       .exchange = BATON_SA_STOR,
				       .flags = BATON_FLAG_INITIATOR};
	struct baton_builder b;
	int size;

	baton_build_begin(&b, req, sizeof(req), &h);
	baton_build_id(&b, BATON_PL_IDI, &gw_a);
	baton_build_forward(&b, packet, len);
	size = baton_build_end(&b);
	assert_true(size > 0);
	return (size_t)size;
}

static void take(void *ctx, const void *buf, size_t len)
{
	(void)ctx;
	assert_memory_equal(buf, packet, len);
	taken += len;
}

static int send_on(uint64_t receiver)
{
	return baton_service_answer(&v, &gw_a, req, build(receiver, 40), NOW_MS, out, sizeof(out));
}

static void it_has_an_ip_header(void **state)
{
	(void)state;
	assert_int_equal(baton_message_decode(&m, req, build(BOOT, 0), NULL), -BATON_E_LENGTH);
	assert_int_equal(baton_message_decode(&m, req, build(BOOT, 19), NULL), -BATON_E_LENGTH);
	assert_null(m.packet);
	assert_int_equal(baton_message_decode(&m, req, build(BOOT, 20), NULL), 0);
	assert_int_equal(m.packet_len, 20);
	assert_memory_equal(m.packet, packet, 20);
}

static void it_is_handed_over_and_not_answered(void **state)
{
	(void)state;
	v.forwarded = take;
	assert_int_equal(send_on(BOOT), 0);
	assert_int_equal(taken, 40);
}

static void a_node_that_has_no_use_for_it_drops_it(void **state)
{
	(void)state;
	assert_int_equal(send_on(BOOT), 0);
	assert_int_equal(v.refused[BATON_E_EXCHANGE], 1);
}

static void what_was_for_an_earlier_incarnation_is_dropped(void **state)
{
	(void)state;
	v.forwarded = take;
	assert_int_equal(send_on(BOOT + 1), 0);
	assert_int_equal(taken, 0);
	assert_int_equal(v.refused[BATON_E_EXCHANGE], 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_has_an_ip_header),
		CASE(it_is_handed_over_and_not_answered),
		CASE(a_node_that_has_no_use_for_it_drops_it),
		CASE(what_was_for_an_earlier_incarnation_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
