/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions by the addresses that peers have inside the tunnels: src/wire/clients.h,
 * src/store/addresses.h, and SA_Retr by one (docs/protocol.md 5.3.11). */
#include "core/service.h"
#include "sample.h"
#include "wire/clients.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define MANY 3000u
#define NOW_MS 1000000u
#define BOOT 0x77u

static struct baton_table t;
static struct baton_session s;
static const struct baton_addr given = {.family = AF_INET, .ip = {10, 3, 0, 1}};

static int setup(void **state)
{
	(void)state;
	sample_session(&s);
	return baton_table_init(&t, MANY, 0x5eed);
}

static int teardown(void **state)
{
	(void)state;
	baton_table_free(&t);
	return 0;
}

static struct baton_record *store(void)
{
	struct baton_record *r = baton_table_find(&t, s.spi_i, s.spi_r);

	if (!r)
		r = baton_table_add(&t, s.spi_i, s.spi_r);
	assert_non_null(r);
	assert_int_equal(baton_table_replace(&t, r, &s, NOW_MS), 0);
	return r;
}

static struct baton_addr ip4(uint32_t n)
{
	return (struct baton_addr){.family = AF_INET,
				   .ip = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

/* The session's peer has that address, and no other. */
static void give(const struct baton_addr *a)
{
	s.vips[0] = *a;
	for (unsigned i = 0; i < s.child_count; i++) {
		s.children[i].remote_ts_count = 1;
		s.children[i].remote_ts[0].family = a->family;
		memcpy(s.children[i].remote_ts[0].ip_start, a->ip, 16);
		memcpy(s.children[i].remote_ts[0].ip_end, a->ip, 16);
	}
}

/* ---- of one session -------------------------------------------------------------------------- */
static unsigned clients(struct baton_addr *out)
{
	static uint8_t buf[BATON_MESSAGE_MAX];
	int len = baton_session_encode(&s, buf, sizeof(buf));

	assert_true(len > 0);
	return baton_session_clients(buf, (size_t)len, out);
}

static void given_and_selected_addresses_are_found_once(void **state)
{
	struct baton_addr out[BATON_CLIENTS_MAX];

	(void)state;
	assert_int_equal(clients(out), 1); /* the selector is the virtual address */
	assert_true(baton_addr_equal(&out[0], &given));
	s.vip_count = 2;
	s.vips[1] = (struct baton_addr){.family = AF_INET6, .ip = {0x20, 1, [15] = 9}};
	s.children[0].remote_ts_count = 2;
	s.children[0].remote_ts[1] = s.children[0].remote_ts[0];
	s.children[0].remote_ts[1].ip_start[3] = s.children[0].remote_ts[1].ip_end[3] = 7;
	assert_int_equal(clients(out), 3);
	assert_true(baton_addr_equal(&out[1], &s.vips[1]));
	assert_int_equal(out[2].ip[3], 7);
}

static void ranges_are_nobodys_address(void **state)
{
	struct baton_addr out[BATON_CLIENTS_MAX];

	(void)state;
	s.vip_count = 0;
	s.children[0].remote_ts[0].ip_end[3]++;
	assert_int_equal(clients(out), 0);
}

/* What is the peer's is in TSi or TSr, as the exchange was begun by it or by us. */
static void the_peers_side_depends_on_who_began(void **state)
{
	struct baton_addr out[BATON_CLIENTS_MAX];

	(void)state;
	s.vip_count = 0;
	s.children[0].flags |= BATON_CHILD_INITIATOR;
	assert_int_equal(clients(out), 1);
	assert_true(baton_addr_equal(&out[0], &given));
}

static void no_more_than_there_is_room_for(void **state)
{
	struct baton_addr out[BATON_CLIENTS_MAX];

	(void)state;
	s.children[0].remote_ts_count = BATON_TS_MAX;
	for (unsigned i = 0; i < BATON_TS_MAX; i++) {
		s.children[0].remote_ts[i] = s.children[0].remote_ts[0];
		s.children[0].remote_ts[i].ip_start[3] = s.children[0].remote_ts[i].ip_end[3] =
			(uint8_t)(100 + i);
	}
	assert_int_equal(clients(out), BATON_CLIENTS_MAX);
	assert_true(baton_addr_equal(&out[0], &given));
}

/* ---- of the table ---------------------------------------------------------------------------- */
static void a_search_finds_what_came_before_and_after_it(void **state)
{
	struct baton_addr other = ip4(77);
	struct baton_record *a = store(), *b;

	(void)state;
	assert_null(t.addresses); /* costs nothing until it is asked for */
	assert_ptr_equal(baton_table_find_address(&t, &given), a);
	assert_null(baton_table_find_address(&t, &other));
	s.spi_i++;
	s.children[0].spi_in++;
	give(&other);
	b = store();
	assert_ptr_equal(baton_table_find_address(&t, &other), b);
	assert_ptr_equal(baton_table_find_address(&t, &given), a);
}

static void an_address_that_has_changed_is_found_no_more(void **state)
{
	struct baton_addr other = ip4(77);
	struct baton_record *r = store();

	(void)state;
	assert_ptr_equal(baton_table_find_address(&t, &given), r);
	give(&other); /* as many octets: written over in place */
	store();
	assert_null(baton_table_find_address(&t, &given));
	assert_ptr_equal(baton_table_find_address(&t, &other), r);
	s.vip_count = 0; /* fewer octets */
	give(&given);
	store();
	assert_null(baton_table_find_address(&t, &other));
	assert_ptr_equal(baton_table_find_address(&t, &given), r);
	baton_table_bury(&t, r, NOW_MS);
	assert_null(baton_table_find_address(&t, &given));
	baton_table_drop(&t, r);
	assert_null(baton_table_find_address(&t, &given));
}

static void of_several_the_last_that_is_in_use(void **state)
{
	struct baton_record *first = store(), *second;

	(void)state;
	s.spi_i++;
	s.children[0].spi_in++;
	second = store();
	assert_ptr_equal(baton_table_find_address(&t, &given), second);
	s.flags |= BATON_IKE_REKEYED;
	store();
	assert_ptr_equal(baton_table_find_address(&t, &given), first);
}

/* Against what is known otherwise, while sessions come, change and go. */
static void none_is_lost_among_many(void **state)
{
	static uint32_t has[MANY]; /* by session: its address, 0 = none */
	uint32_t base_spi = s.children[0].spi_in;

	(void)state;
	memset(has, 0, sizeof(has));
	srandom(5);
	for (unsigned step = 0; step < 6 * MANY; step++) {
		uint32_t n = (uint32_t)random() % MANY;
		struct baton_record *r;

		s.spi_i = 1 + n;
		s.children[0].spi_in = base_spi + n;
		if (random() % 3) {
			struct baton_addr a;

			has[n] = 0x10000 + n * 8 + (uint32_t)random() % 8;
			a = ip4(has[n]);
			give(&a);
			store();
		} else {
			r = baton_table_find(&t, s.spi_i, s.spi_r);
			if (r)
				baton_table_drop(&t, r);
			has[n] = 0;
		}
		if (step == MANY) /* from here on there is an index */
			assert_null(baton_table_find_address(&t, &given));
	}
	for (uint32_t n = 0; n < MANY; n++)
		for (uint32_t i = 0; i < 8; i++) {
			struct baton_addr a = ip4(0x10000 + n * 8 + i);
			struct baton_record *r = baton_table_find_address(&t, &a);

			if (has[n] == 0x10000 + n * 8 + i)
				assert_true(r && r->spi_i == 1 + n);
			else
				assert_null(r);
		}
}

/* ---- SA_Retr --------------------------------------------------------------------------------- */
static struct baton_service v;
static struct baton_ownership own;
static struct baton_message m;
static const struct baton_id here = {BATON_ID_FQDN, 2, "st"}, gw_b = {BATON_ID_FQDN, 4, "gw-b"};

static void ask(const struct baton_addr *a, bool claim)
{
	static uint8_t req[1024], out[BATON_MESSAGE_MAX];
	static uint32_t msgid;
	struct baton_header h = {.spi_i = 5,
				 .spi_r = BOOT,
				 .exchange = BATON_SA_RETR,
				 .flags = BATON_FLAG_INITIATOR,
				 .msgid = 0};
	struct baton_builder b;
	int len;

	h.msgid = ++msgid;
	baton_build_begin(&b, req, sizeof(req), &h);
	baton_build_id(&b, BATON_PL_IDI, &gw_b);
	if (claim)
		baton_build_claim(&b, 0);
	baton_build_by_address(&b, a);
	len = baton_build_end(&b);
	assert_true(len > 0);
	len = baton_service_answer(&v, &gw_b, req, (size_t)len, NOW_MS, out, sizeof(out));
	assert_true(len > 0);
	assert_int_equal(baton_message_decode(&m, out, (size_t)len, NULL), 0);
}

static void a_session_is_retrieved_by_its_peers_address(void **state)
{
	struct baton_addr other = ip4(77);

	(void)state;
	own = (struct baton_ownership){.table = &t, .self = &here, .lease = 1000};
	v = (struct baton_service){.own = &own, .boot = BOOT, .stores = true};
	store();
	ask(&other, true);
	assert_int_equal(m.error, BATON_E_NOT_FOUND);
	ask(&given, false);
	assert_int_equal(m.session_count, 1);
	assert_true(m.sessions[0].spi_i == s.spi_i);
	assert_true(baton_id_equal(baton_table_find(&t, s.spi_i, s.spi_r)->owner, &s.owner));
	ask(&given, true);
	assert_int_equal(m.session_count, 1);
	assert_true(baton_id_equal(baton_table_find(&t, s.spi_i, s.spi_r)->owner, &gw_b));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(given_and_selected_addresses_are_found_once),
		CASE(ranges_are_nobodys_address),
		CASE(the_peers_side_depends_on_who_began),
		CASE(no_more_than_there_is_room_for),
		CASE(a_search_finds_what_came_before_and_after_it),
		CASE(an_address_that_has_changed_is_found_no_more),
		CASE(of_several_the_last_that_is_in_use),
		CASE(none_is_lost_among_many),
		CASE(a_session_is_retrieved_by_its_peers_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
