/* SPDX-License-Identifier: BSD-2-Clause */
/* What a store says when it is asked: whether its copy is current, by what right it grants, shares,
 * what has changed since, digests and lists. docs/protocol.md 5.2, 5.3.1, 5.3.3, 5.3.5 and 5.3.8.
 */
#include "core/service.h"
#include "sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX 200u
#define NOW_MS 1000000u
#define BOOT 0xb0b0u

static const struct baton_id gw_a = {BATON_ID_FQDN, 4, "gw-a"};
static const struct baton_id gw_b = {BATON_ID_FQDN, 4, "gw-b"};
static const struct baton_id here = {BATON_ID_FQDN, 4, "here"};

static struct baton_table t;
static struct baton_ownership o;
static struct baton_service v;
static struct baton_session s, got;
static struct baton_message m;
static struct baton_status statuses[BATON_ITEMS_MAX];
static uint8_t req[BATON_MESSAGE_MAX], out[BATON_MESSAGE_MAX], body[BATON_MESSAGE_MAX];
static struct baton_builder b;
static uint64_t now_ms, boot;
static uint32_t msgid;

static int setup(void **state)
{
	(void)state;
	sample_session(&s);
	now_ms = NOW_MS;
	boot = 0xa0a0;
	o = (struct baton_ownership){.table = &t, .self = &here, .lease = 1000};
	memset(&v, 0, sizeof(v));
	v.own = &o;
	v.boot = BOOT;
	v.stores = true;
	return baton_table_init(&t, MAX, 0x5eed);
}

static int teardown(void **state)
{
	(void)state;
	baton_table_free(&t);
	return 0;
}

static void begin(uint8_t exchange, const struct baton_id *sender)
{
	const struct baton_header h = {.spi_i = boot,
				       .spi_r = BOOT,
				       .exchange = exchange,
				       .flags = BATON_FLAG_INITIATOR,
				       .msgid = msgid};

	baton_build_begin(&b, req, sizeof(req), &h);
	baton_build_id(&b, BATON_PL_IDI, sender);
}

static void answer(const struct baton_id *peer)
{
	int len = baton_build_end(&b);

	assert_true(len > 0);
	len = baton_service_answer(&v, peer, req, (size_t)len, now_ms, out, sizeof(out));
	assert_true(len > 0);
	m.statuses = statuses;
	m.status_max = BATON_ITEMS_MAX;
	assert_int_equal(baton_message_decode(&m, out, (size_t)len, NULL), 0);
}

static void store(const struct baton_id *owner)
{
	int len;

	s.owner = *owner;
	msgid++;
	begin(BATON_SA_STOR, owner);
	len = baton_session_encode(&s, body, sizeof(body));
	assert_true(len > 0);
	baton_build_session(&b, body, (size_t)len);
	answer(owner);
	assert_int_equal(statuses[0].status, BATON_OK);
}

static void store_many(const struct baton_id *owner, uint64_t n)
{
	s.child_count = 0;
	for (uint64_t i = 1; i <= n; i++) {
		s.spi_i = s.spi_r = i;
		store(owner);
	}
}

/* gw-a or gw-b counts this store in, as the one of so many. */
static void contact(const struct baton_id *owner, uint8_t stores, uint8_t rank, uint32_t hold_ms)
{
	msgid++;
	begin(BATON_SA_RETR, owner);
	baton_build_notify(&b, BATON_N_PING);
	baton_build_contact(&b, &(struct baton_contact){hold_ms, stores, rank, now_ms, false});
	answer(owner);
	assert_true(m.has_tick);
}

/* The same message ID as before: a copy. */
static void claim_again(const struct baton_id *peer, const struct baton_id *subject,
			uint64_t position, uint32_t max_bytes)
{
	begin(BATON_SA_RETR, peer);
	baton_build_id(&b, BATON_PL_IDR, subject);
	baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_cursor(&b, &(struct baton_cursor){position, max_bytes});
	answer(peer);
}

static void claim(const struct baton_id *peer, const struct baton_id *subject)
{
	msgid++;
	claim_again(peer, subject, 0, 0);
}

static const struct baton_session *returned(unsigned i)
{
	assert_true(i < m.session_count);
	assert_int_equal(baton_session_decode(&got, m.sessions[i].body, m.sessions[i].len, NULL),
			 0);
	return &got;
}

static struct baton_record *record(void)
{
	return baton_table_find(&t, s.spi_i, s.spi_r);
}

static void grants(uint8_t stores, uint8_t ranks, bool stale)
{
	assert_int_equal(m.session_count, 1);
	assert_int_equal(returned(0)->stores, stores);
	assert_int_equal(got.ranks, ranks);
	assert_int_equal(got.stale, stale);
}

/* ---- what a claim is granted with ------------------------------------------------------------ */

static void a_store_that_was_never_counted_in_grants_nothing(void **state)
{
	(void)state;
	store(&gw_a);
	claim(&gw_b, &gw_a);
	grants(0, 0, true);
}

static void a_store_grants_as_the_owner_has_ranked_it(void **state)
{
	(void)state;
	contact(&gw_a, 3, 2, 8000);
	store(&gw_a);
	claim(&gw_b, &gw_a);
	grants(3, 2, false);
}

static void a_copy_is_stale_when_the_hold_is_over(void **state)
{
	(void)state;
	contact(&gw_a, 3, 2, 8000);
	store(&gw_a);
	now_ms += 7000;
	claim(&gw_b, &gw_a);
	grants(3, 2, true);
}

static void so_it_is_when_it_is_only_read(void **state)
{
	(void)state;
	contact(&gw_a, 1, 1, 8000);
	store(&gw_a);
	for (unsigned i = 0; i < 2; i++) {
		msgid++;
		begin(BATON_SA_RETR, &gw_b);
		baton_build_id(&b, BATON_PL_IDR, &gw_a);
		answer(&gw_b);
		assert_int_equal(returned(0)->stale, i);
		now_ms += 7000;
	}
}

static void a_contact_with_an_earlier_incarnation_counts_for_nothing(void **state)
{
	(void)state;
	v.boot++;
	contact(&gw_a, 1, 1, 8000);
	v.boot--;
	store(&gw_a);
	claim(&gw_b, &gw_a);
	grants(0, 0, true);
}

static void the_copy_of_a_claim_is_answered_as_the_claim_was(void **state)
{
	(void)state;
	contact(&gw_a, 2, 1, 8000);
	store(&gw_a);
	claim(&gw_b, &gw_a);
	grants(2, 1, false);
	now_ms += 60000;
	claim_again(&gw_b, &gw_a, 0, 0);
	grants(2, 1, false);
	assert_int_equal(got.epoch, s.epoch + 1);
	claim(&gw_b,
	      &gw_a); /* another one: its answer may have been lost, or gw-b may have lost it */
	grants(0, 0, true);
	assert_int_equal(got.epoch, s.epoch + 2);
	s = got;
	store(&gw_b);
	claim(&gw_b, &gw_a); /* gw-b has it */
	assert_int_equal(m.session_count, 0);
}

/* The claimant may have lost it in between, and its numbers with it. */
static void what_is_claimed_once_more_is_granted_above_all_that_was(void **state)
{
	uint64_t lease;

	(void)state;
	store(&gw_a);
	claim(&gw_b, &gw_a);
	lease = returned(0)->children[0].counters.out_lease;
	claim(&gw_b, &gw_b);
	assert_int_equal(returned(0)->children[0].counters.out_seq, lease);
	claim(&gw_b, &here);
	assert_int_equal(m.session_count, 0); /* it was not had from that one */
}

static void what_an_unproven_owner_has_is_stale(void **state)
{
	(void)state;
	store(&gw_a); /* never counted in: stale */
	claim(&gw_b, &gw_a);
	grants(0, 0, true);
	contact(&gw_b, 1, 1, 8000);
	s = got;
	s.stores = s.ranks = 1;
	store(&gw_b); /* it has not proven it, and says so */
	assert_true(record()->unproven);
	boot++;
	claim(&gw_b, &gw_b);
	grants(1, 1, true);
	s = got;
	s.version++;
	s.stale = false;
	contact(&gw_b, 1, 1, 8000);
	store(&gw_b); /* other CHILD SAs */
	boot++;
	claim(&gw_b, &gw_b);
	grants(1, 1, false);
}

/* It may have done more when it had written this store off; the one that is in contact does not
 * know. */
static void what_an_earlier_incarnation_put_is_not_current(void **state)
{
	(void)state;
	contact(&gw_a, 1, 1, 8000);
	store(&gw_a);
	boot++;
	contact(&gw_a, 1, 1, 8000);
	claim(&gw_b, &gw_a);
	grants(1, 1, true);
}

static void what_the_present_one_put_again_is(void **state)
{
	(void)state;
	contact(&gw_a, 1, 1, 8000);
	store(&gw_a);
	boot++;
	contact(&gw_a, 1, 1, 8000);
	store(&gw_a); /* nothing has changed */
	claim(&gw_b, &gw_a);
	grants(1, 1, false);
}

static void an_owner_with_stores_is_none_of_them(void **state)
{
	(void)state;
	s.owner = here;
	assert_int_equal(baton_own_put(&o, &here, &s, now_ms), BATON_OK);
	v.own_stores = 2;
	claim(&gw_b, &here);
	grants(2, 0, false);
}

static void an_owner_without_stores_has_nobody_to_ask(void **state)
{
	(void)state;
	s.owner = here;
	assert_int_equal(baton_own_put(&o, &here, &s, now_ms), BATON_OK);
	claim(&gw_b, &here);
	grants(1, 1, false);
}

/* Both have come to the same epoch, at different stores. */
static void another_incarnation_than_the_claimants_puts_nothing(void **state)
{
	(void)state;
	store(&gw_a);
	claim(&gw_b, &gw_a);
	s = *returned(0);
	boot++;
	s.owner = gw_b;
	s.version++;
	msgid++;
	begin(BATON_SA_STOR, &gw_b);
	baton_build_session(&b, body, (size_t)baton_session_encode(&s, body, sizeof(body)));
	answer(&gw_b);
	assert_int_equal(statuses[0].status, BATON_E_STALE_OWNER);
	assert_true(baton_id_equal(&statuses[0].owner, &gw_b));
	s.epoch++;
	store(&gw_b); /* a newer epoch is another matter */
	boot--;
	s.version++;
	store(&gw_b);
}

/* ---- copies of claims ------------------------------------------------------------------------ */

static void a_late_copy_takes_nothing_from_the_next_owner(void **state)
{
	uint32_t first;

	(void)state;
	store(&gw_a);
	claim(&gw_b, &gw_a);
	first = msgid;
	claim(&gw_a, &gw_b);
	assert_true(baton_id_equal(record()->owner, &gw_a));
	msgid = first;
	claim_again(&gw_b, &gw_a, 0, 0);
	assert_int_equal(m.session_count, 0);
	assert_true(baton_id_equal(record()->owner, &gw_a));
}

/* The page before was put by its new owner in the meantime, which other stores had granted it too.
 */
static void a_copy_of_a_page_leaves_the_others_to_be_claimed(void **state)
{
	unsigned claimed, all = 0;

	(void)state;
	store_many(&gw_a, 40);
	msgid++;
	claim_again(&gw_b, &gw_a, 0, 8000);
	claimed = m.session_count;
	assert_in_range(claimed, 1, 39);
	s.epoch++;
	s.version++;
	for (s.spi_i = 1; s.spi_i <= claimed; s.spi_i++) {
		uint32_t before = msgid;

		s.spi_r = s.spi_i;
		s.version++;
		store(&gw_b);
		msgid = before;
	}
	claim_again(&gw_b, &gw_a, 0, 8000);
	assert_int_not_equal(m.cursor.position, 0);
	while (m.cursor.position) {
		msgid++;
		claim_again(&gw_b, &gw_a, m.cursor.position, 8000);
	}
	for (uint64_t i = 1; i <= 40; i++)
		all += baton_id_equal(baton_table_find(&t, i, i)->owner, &gw_b);
	assert_int_equal(all, 40);
}

static void a_late_copy_by_spi_is_told_that_it_is_one(void **state)
{
	(void)state;
	store(&gw_a);
	for (unsigned i = 0; i < 3; i++) {
		msgid += i == 0;
		begin(BATON_SA_RETR, &gw_b);
		baton_build_notify(&b, BATON_N_CLAIM);
		baton_build_by_spi(&b, 1, s.spi_i);
		answer(&gw_b);
		assert_int_equal(m.session_count, i < 2);
		assert_int_equal(m.error, i < 2 ? 0 : BATON_E_BUSY);
		if (i == 1)
			assert_int_equal(baton_own_claim(&o, record(), &gw_a, 5, 0,
							 (struct baton_grant){1, 1}),
					 BATON_OK);
	}
}

static void a_session_that_cannot_be_claimed_is_told_by_spi(void **state)
{
	(void)state;
	s.epoch = UINT32_MAX;
	store(&gw_a);
	msgid++;
	begin(BATON_SA_RETR, &gw_b);
	baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_by_spi(&b, 1, s.spi_i);
	answer(&gw_b);
	assert_int_equal(m.error, BATON_E_LIMIT);
}

/* As src/daemon/takeover.c does with its own copies, before any other node is asked. */
static void an_own_copy_that_proves_its_claim_may_be_used(void **state)
{
	(void)state;
	store(&gw_a);
	contact(&gw_a, 1, 1, 10000);
	boot = BOOT;
	baton_own_begin_claim(&o);
	claim(&here, &gw_a);
	assert_int_equal(m.session_count, 1);
	(void)returned(0);
	assert_int_equal(baton_own_take(&o, &got, BOOT, false, now_ms), BATON_OK);
	assert_true(baton_own_is_proven(record()));
	assert_int_equal(record()->marks[0].counters.out_lease, got.children[0].counters.out_lease);
	assert_int_equal(record()->marks[0].usable, got.children[0].counters.out_lease);
}

static void an_own_copy_that_does_not_may_not(void **state)
{
	(void)state;
	store(&gw_a);
	contact(&gw_a, 2, 2, 10000);
	boot = BOOT;
	baton_own_begin_claim(&o);
	claim(&here, &gw_a);
	(void)returned(0);
	assert_int_equal(baton_own_take(&o, &got, BOOT, false, now_ms), BATON_OK);
	assert_false(baton_own_is_proven(record()));
	assert_int_equal(record()->marks[0].usable, 0);
}

/* Without a claim, too: whoever has asked may know it from now on. */
static void an_own_session_that_was_returned_needs_leases(void **state)
{
	(void)state;
	store(&here);
	assert_false(record()->marks[0].told);
	msgid++;
	begin(BATON_SA_RETR, &gw_b);
	baton_build_id(&b, BATON_PL_IDR, &here);
	baton_build_notify(&b, BATON_N_FOLLOW);
	answer(&gw_b);
	assert_int_equal(m.session_count, 1);
	assert_true(record()->marks[0].told);
}

static void who_follows_gets_message_ids_and_no_other_counters(void **state)
{
	struct baton_report rep = {
		.kind = BATON_REPORT_CHILD, .spi_i = s.spi_i, .spi_r = s.spi_r, .epoch = s.epoch};
	uint64_t serial;

	(void)state;
	store(&gw_a);
	serial = record()->serial;
	rep.spi_in = s.children[0].spi_in;
	rep.counters = s.children[0].counters;
	rep.counters.out_seq++;
	assert_int_equal(baton_own_report(&o, &gw_a, &rep), BATON_OK);
	assert_int_equal(record()->serial, serial);
	rep = (struct baton_report){.kind = BATON_REPORT_MSGID,
				    .spi_i = s.spi_i,
				    .spi_r = s.spi_r,
				    .epoch = s.epoch,
				    .msgid_in = record()->msgid_in + 1};
	assert_int_equal(baton_own_report(&o, &gw_a, &rep), BATON_OK);
	assert_true(record()->serial > serial);
	serial = record()->serial;
	assert_int_equal(baton_own_report(&o, &gw_a, &rep), BATON_OK); /* nothing new */
	assert_int_equal(record()->serial, serial);
}

/* ---- SHARE ----------------------------------------------------------------------------------- */

static void shares_are_disjoint_and_complete(void **state)
{
	static const uint16_t parts[] = {1, 2, 3, 7, 64};
	static uint8_t seen[MAX + 1];

	(void)state;
	store_many(&gw_a, MAX);
	for (unsigned k = 0; k < sizeof(parts) / sizeof(*parts); k++) {
		memset(seen, 0, sizeof(seen));
		for (uint16_t i = 0; i < parts[k]; i++) {
			uint64_t position = 0;

			do {
				begin(BATON_SA_RETR, &gw_b);
				baton_build_id(&b, BATON_PL_IDR, &gw_a);
				baton_build_share(&b, &(struct baton_share){i, parts[k], 1});
				baton_build_cursor(&b, &(struct baton_cursor){position, 4000});
				answer(&gw_b);
				for (unsigned j = 0; j < m.session_count; j++)
					seen[m.sessions[j].spi_i]++;
				position = m.cursor.position;
			} while (position);
		}
		for (unsigned i = 1; i <= MAX; i++)
			assert_int_equal(seen[i], 1);
	}
}

static void a_claim_of_a_share_takes_no_other(void **state)
{
	unsigned claimed = 0;

	(void)state;
	store_many(&gw_a, 50);
	msgid++;
	begin(BATON_SA_RETR, &gw_b);
	baton_build_id(&b, BATON_PL_IDR, &gw_a);
	baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_share(&b, &(struct baton_share){1, 3, 1});
	baton_build_cursor(&b, &(struct baton_cursor){0, 60000});
	answer(&gw_b);
	for (uint64_t i = 1; i <= 50; i++) {
		bool in = baton_spi_hash(i, i) % 3 == 1;

		claimed += in;
		assert_true(baton_id_equal(baton_table_find(&t, i, i)->owner, in ? &gw_b : &gw_a));
	}
	assert_int_equal(m.session_count, claimed);
}

/* ---- FOLLOW ---------------------------------------------------------------------------------- */

static uint64_t follow(uint64_t position)
{
	begin(BATON_SA_RETR, &gw_b);
	baton_build_id(&b, BATON_PL_IDR, &gw_a);
	baton_build_notify(&b, BATON_N_FOLLOW);
	baton_build_cursor(&b, &(struct baton_cursor){position, 60000});
	answer(&gw_b);
	assert_true(m.has_cursor);
	return m.cursor.position;
}

static void remove_session(uint64_t i)
{
	assert_int_equal(
		baton_own_delete(&o, &gw_a, &(struct baton_delete){i, i, s.epoch, 100}, now_ms),
		BATON_OK);
}

static void following_tells_each_change_and_delete_once(void **state)
{
	uint64_t at;

	(void)state;
	store_many(&gw_a, 5);
	at = follow(0);
	assert_int_equal(m.session_count, 5);
	assert_int_equal(m.delete_count, 0);
	assert_int_not_equal(at, 0);
	assert_int_equal(follow(at), at);
	assert_int_equal(m.session_count + m.delete_count, 0);
	s.spi_i = s.spi_r = 3;
	s.version++;
	store(&gw_a);
	remove_session(2);
	at = follow(at);
	assert_int_equal(m.session_count, 1);
	assert_int_equal(m.sessions[0].spi_i, 3);
	assert_int_equal(m.delete_count, 1);
	assert_int_equal(m.deletes[0].spi_i, 2);
	assert_int_equal(follow(at), at);
	assert_int_equal(m.session_count + m.delete_count, 0);
}

static void without_follow_deletes_are_not_told(void **state)
{
	(void)state;
	store_many(&gw_a, 3);
	remove_session(2);
	begin(BATON_SA_RETR, &gw_b);
	baton_build_id(&b, BATON_PL_IDR, &gw_a);
	answer(&gw_b);
	assert_int_equal(m.session_count, 2);
	assert_int_equal(m.delete_count, 0);
	assert_int_equal(m.cursor.position, 0);
}

/* ---- DIGEST and LIST ------------------------------------------------------------------------- */

static void digest(void)
{
	begin(BATON_SA_RETR, &gw_a);
	baton_build_id(&b, BATON_PL_IDR, &gw_a);
	baton_build_notify(&b, BATON_N_DIGEST);
	answer(&gw_a);
	assert_true(m.has_digests);
	assert_int_equal(m.session_count, 0);
}

static void a_digest_is_of_what_the_subject_owns(void **state)
{
	uint64_t want[BATON_BUCKETS] = {0};

	(void)state;
	store_many(&gw_a, 30);
	s.spi_i = s.spi_r = 77;
	store(&gw_b);
	remove_session(4);
	for (uint64_t i = 1; i <= 30; i++)
		if (i != 4)
			want[baton_spi_hash(i, i) % BATON_BUCKETS] ^= baton_state_hash(
				i, i, s.epoch, s.version);
	digest();
	assert_memory_equal(m.digests, want, sizeof(want));
}

static void a_list_is_of_its_bucket(void **state)
{
	unsigned total = 0;

	(void)state;
	store_many(&gw_a, 30);
	remove_session(4);
	for (unsigned bucket = 0; bucket < BATON_BUCKETS; bucket++) {
		begin(BATON_SA_RETR, &gw_a);
		baton_build_id(&b, BATON_PL_IDR, &gw_a);
		baton_build_list(&b, (uint8_t)bucket);
		answer(&gw_a);
		for (unsigned i = 0; i < m.status_count; i++) {
			assert_int_equal(baton_spi_hash(statuses[i].spi_i, statuses[i].spi_r) %
						 BATON_BUCKETS,
					 bucket);
			assert_int_not_equal(statuses[i].spi_i, 4);
			assert_int_equal(statuses[i].epoch, s.epoch);
			assert_int_equal(statuses[i].version, s.version);
		}
		total += m.status_count;
	}
	assert_int_equal(total, 29);
}

static void by_spi_at(const char *ip)
{
	struct baton_addr at = {.family = s.local.family};

	memcpy(at.ip, ip, 4);
	msgid++;
	begin(BATON_SA_RETR, &gw_b);
	baton_build_claim(&b, 0);
	baton_build_by_spi(&b, BATON_PROTO_ESP, s.children[0].spi_in);
	baton_build_at(&b, &at);
	answer(&gw_b);
}

static void an_sa_is_named_by_its_address_too(void **state)
{
	char here_ip[4];

	(void)state;
	store(&gw_a);
	by_spi_at("\x01\x02\x03\x04");
	assert_int_equal(m.error, BATON_E_NOT_FOUND);
	assert_true(baton_id_equal(baton_table_find(&t, s.spi_i, s.spi_r)->owner, &gw_a));
	memcpy(here_ip, s.local.ip, 4);
	by_spi_at(here_ip);
	assert_int_equal(m.session_count, 1);
	assert_true(baton_id_equal(baton_table_find(&t, s.spi_i, s.spi_r)->owner, &gw_b));
}

static void both_spis_name_one_session(void **state)
{
	struct baton_spis spis;

	(void)state;
	store(&gw_a);
	for (unsigned i = 0; i < 3; i++) {
		spis = (struct baton_spis){s.spi_i + (i == 1), s.spi_r + (i == 2)};
		begin(BATON_SA_RETR, &gw_b);
		baton_build_by_spis(&b, &spis);
		answer(&gw_b);
		assert_int_equal(m.session_count, i == 0);
		assert_int_equal(m.error, i ? BATON_E_NOT_FOUND : 0);
	}
}

static struct baton_spis offered_last;
static unsigned offered_count;

static void offered(void *ctx, const struct baton_id *peer, const struct baton_spis *spis)
{
	(void)ctx;
	assert_true(baton_id_equal(peer, &gw_b));
	offered_last = *spis;
	offered_count++;
	v.msg.offer_count = 0; /* as after another request */
}

static void an_offer_is_for_a_gateway(void **state)
{
	const struct baton_spis spis[2] = {{1, 2}, {3, 4}};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		v.offered = i ? offered : NULL;
		begin(BATON_SA_STOR, &gw_b);
		baton_build_offer(&b, spis, 2);
		answer(&gw_b);
		assert_int_equal(m.error, i ? 0 : BATON_E_EXCHANGE);
	}
	assert_true(offered_count == 2 && offered_last.spi_i == 3 && offered_last.spi_r == 4);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_sa_is_named_by_its_address_too),
		CASE(both_spis_name_one_session),
		CASE(an_offer_is_for_a_gateway),
		CASE(a_store_that_was_never_counted_in_grants_nothing),
		CASE(a_store_grants_as_the_owner_has_ranked_it),
		CASE(a_copy_is_stale_when_the_hold_is_over),
		CASE(so_it_is_when_it_is_only_read),
		CASE(a_contact_with_an_earlier_incarnation_counts_for_nothing),
		CASE(the_copy_of_a_claim_is_answered_as_the_claim_was),
		CASE(what_is_claimed_once_more_is_granted_above_all_that_was),
		CASE(what_an_unproven_owner_has_is_stale),
		CASE(what_an_earlier_incarnation_put_is_not_current),
		CASE(what_the_present_one_put_again_is),
		CASE(an_owner_with_stores_is_none_of_them),
		CASE(an_owner_without_stores_has_nobody_to_ask),
		CASE(another_incarnation_than_the_claimants_puts_nothing),
		CASE(a_late_copy_takes_nothing_from_the_next_owner),
		CASE(a_copy_of_a_page_leaves_the_others_to_be_claimed),
		CASE(a_late_copy_by_spi_is_told_that_it_is_one),
		CASE(a_session_that_cannot_be_claimed_is_told_by_spi),
		CASE(an_own_copy_that_proves_its_claim_may_be_used),
		CASE(an_own_copy_that_does_not_may_not),
		CASE(an_own_session_that_was_returned_needs_leases),
		CASE(who_follows_gets_message_ids_and_no_other_counters),
		CASE(shares_are_disjoint_and_complete),
		CASE(a_claim_of_a_share_takes_no_other),
		CASE(following_tells_each_change_and_delete_once),
		CASE(without_follow_deletes_are_not_told),
		CASE(a_digest_is_of_what_the_subject_owns),
		CASE(a_list_is_of_its_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
