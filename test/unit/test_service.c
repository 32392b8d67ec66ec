/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's answers to SA_Stor and SA_Retr: docs/protocol.md 5.2 and 5.3.3. */
#include "core/service.h"
#include "edit.h"
#include "sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BOOT 0xb0b0u	  /* the store's */
#define PEER_BOOT 0xa0a0u /* the requester's */
#define NOW_MS 1000000u
#define MAX 64u

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
static unsigned changes;
static uint64_t boot, to; /* of the requester, and of whom it asks */

static void changed(void *ctx, struct baton_record *r)
{
	assert_ptr_equal(ctx, &v);
	assert_non_null(r);
	changes++;
}

static int setup(void **state)
{
	(void)state;
	sample_session(&s);
	changes = 0;
	boot = PEER_BOOT;
	to = BOOT;
	o = (struct baton_ownership){.table = &t, .self = &here, .lease = 1000};
	memset(&v, 0, sizeof(v));
	v.own = &o;
	v.boot = BOOT;
	v.stores = true;
	v.changed = changed;
	v.ctx = &v;
	return baton_table_init(&t, MAX, 0x5eed);
}

static int teardown(void **state)
{
	(void)state;
	baton_table_free(&t);
	return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static uint32_t msgid;
static bool again; /* the next request is a copy of the last one */

static void begin(struct baton_builder *b, uint8_t exchange, const struct baton_id *sender)
{
	const struct baton_header h = {.spi_i = boot,
				       .spi_r = to,
				       .exchange = exchange,
				       .flags = BATON_FLAG_INITIATOR,
				       .msgid = again ? msgid : ++msgid};

	baton_build_begin(b, req, sizeof(req), &h);
	baton_build_id(b, BATON_PL_IDI, sender);
}

static void put_session(struct baton_builder *b)
{
	int len = baton_session_encode(&s, body, sizeof(body));

	assert_true(len > 0);
	baton_build_session(b, body, (size_t)len);
}

static int ask_as(struct baton_builder *b, const struct baton_id *peer, size_t size)
{
	int len = baton_build_end(b);

	assert_true(len > 0);
	return baton_service_answer(&v, peer, req, (size_t)len, NOW_MS, out, size);
}

/* Asks, and reads the answer into m. */
static void ask(struct baton_builder *b, const struct baton_id *peer)
{
	int len = ask_as(b, peer, sizeof(out));

	assert_true(len > 0);
	m.statuses = statuses;
	m.status_max = BATON_ITEMS_MAX;
	assert_int_equal(baton_message_decode(&m, out, (size_t)len, NULL), 0);
	assert_true(m.header.spi_i == boot && m.header.spi_r == BOOT);
	assert_int_equal(m.header.msgid, msgid);
	assert_int_equal(m.header.flags, BATON_FLAG_RESPONSE);
	assert_true(baton_id_equal(&m.sender, &here));
}

static void store(const struct baton_id *owner)
{
	struct baton_builder b;

	s.owner = *owner;
	begin(&b, BATON_SA_STOR, owner);
	put_session(&b);
	ask(&b, owner);
	assert_int_equal(m.status_count, 1);
	assert_int_equal(statuses[0].status, BATON_OK);
}

/* n sessions without children, named 1/1 .. n/n. */
static void store_many(const struct baton_id *owner, uint64_t first, uint64_t n)
{
	s.child_count = 0;
	for (uint64_t i = first; i < first + n; i++) {
		s.spi_i = s.spi_r = i;
		store(owner);
	}
}

static void retrieve(const struct baton_id *peer, const struct baton_id *subject, bool claim,
		     uint64_t position, uint32_t max_bytes)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, peer);
	baton_build_id(&b, BATON_PL_IDR, subject);
	if (claim)
		baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_cursor(&b, &(struct baton_cursor){position, max_bytes});
	ask(&b, peer);
	assert_true(m.has_cursor && m.cursor.max_bytes == 0 && m.error == 0);
}

static void by_spi(const struct baton_id *peer, uint8_t protocol, uint64_t spi, bool claim)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, peer);
	if (claim)
		baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_by_spi(&b, protocol, spi);
	ask(&b, peer);
}

static void read_session(unsigned i)
{
	assert_true(i < m.session_count);
	assert_int_equal(baton_session_decode(&got, m.sessions[i].body, m.sessions[i].len, NULL),
			 0);
}

/* ---- SA_Stor --------------------------------------------------------------------------------- */

static void a_put_is_answered_with_what_the_store_has(void **state)
{
	(void)state;
	store(&gw_a);
	assert_true(statuses[0].spi_i == s.spi_i && statuses[0].spi_r == s.spi_r);
	assert_int_equal(statuses[0].epoch, 3);
	assert_int_equal(statuses[0].version, 17);
	assert_true(baton_id_equal(&statuses[0].owner, &gw_a));
	assert_int_equal(v.stored, 1);
	assert_int_equal(changes, 1);
	assert_int_equal(v.session.sk_d.len, 0); /* no key stays in the scratch */
}

/* A late copy must not be the first that a store which has forgotten everything hears of a session.
 */
static void what_was_put_to_an_earlier_incarnation_is_not_stored(void **state)
{
	struct baton_builder b;

	(void)state;
	to = BOOT - 1;
	begin(&b, BATON_SA_STOR, &gw_a);
	s.owner = gw_a;
	put_session(&b);
	ask(&b, &gw_a);
	assert_int_equal(m.error, BATON_E_VALUE);
	assert_int_equal(m.header.spi_r, BOOT); /* from this the requester knows why */
	assert_int_equal(m.status_count, 0);
	assert_null(baton_table_find(&t, s.spi_i, s.spi_r));
	to = 0; /* it has not heard of the store before */
	store(&gw_a);
	to = BOOT - 1; /* to ask is no harm */
	retrieve(&gw_b, &gw_a, false, 0, 0);
	assert_int_equal(m.session_count, 1);
}

static void statuses_come_in_the_order_of_the_items(void **state)
{
	struct baton_report reps[2] = {
		{.kind = BATON_REPORT_MSGID,
		 .protocol = 1,
		 .spi_i = s.spi_i,
		 .spi_r = s.spi_r,
		 .epoch = 3,
		 .msgid_in = 9},
		{.kind = BATON_REPORT_MSGID, .protocol = 1, .spi_i = 1, .spi_r = 2, .epoch = 3},
	};
	struct baton_builder b;

	(void)state;
	begin(&b, BATON_SA_STOR, &gw_a);
	baton_build_delete(
		&b, &(struct baton_delete){5, 6, 1, 1}); /* the order of the payloads is free */
	baton_build_reports(&b, reps, 2);
	put_session(&b);
	ask(&b, &gw_a);
	assert_int_equal(m.status_count, 4);
	assert_true(statuses[0].spi_i == s.spi_i && statuses[0].status == BATON_OK);
	assert_true(statuses[1].spi_i == s.spi_i && statuses[1].status == BATON_OK);
	assert_true(statuses[2].spi_i == 1 && statuses[2].status == BATON_E_NOT_FOUND);
	assert_int_equal(statuses[2].owner.type, 0);
	assert_true(statuses[3].spi_i == 5 && statuses[3].status == BATON_OK);
	assert_int_equal(baton_table_find(&t, s.spi_i, s.spi_r)->msgid_in, 9);
	assert_int_equal(v.refused[BATON_E_NOT_FOUND], 1);
}

static void a_session_that_cannot_be_read_is_refused_alone(void **state)
{
	struct edit e = {body, 0, EDIT_SESSION};
	struct baton_builder b;

	(void)state;
	e.len = (size_t)baton_session_encode(&s, body, sizeof(body));
	edit_add(&e, 250, true, "what", 4);
	begin(&b, BATON_SA_STOR, &gw_a);
	baton_build_session(&b, e.buf, e.len);
	s.spi_i++;
	put_session(&b);
	ask(&b, &gw_a);
	assert_int_equal(m.status_count, 2);
	assert_int_equal(statuses[0].status, BATON_E_CRITICAL);
	assert_int_equal(statuses[0].spi_i, s.spi_i - 1);
	assert_int_equal(statuses[1].status, BATON_OK);
	assert_null(baton_table_find(&t, s.spi_i - 1, s.spi_r));
	assert_int_equal(v.refused[BATON_E_CRITICAL], 1);
}

static void refused_items_change_nothing(void **state)
{
	struct baton_builder b;

	(void)state;
	store(&gw_a);
	changes = 0;
	s.owner = gw_b;
	begin(&b, BATON_SA_STOR, &gw_b);
	put_session(&b);
	ask(&b, &gw_b);
	assert_int_equal(statuses[0].status, BATON_E_STALE_OWNER);
	assert_true(baton_id_equal(&statuses[0].owner,
				   &gw_a)); /* so that the sender learns who it is */
	assert_int_equal(changes, 0);
	assert_int_equal(v.refused[BATON_E_STALE_OWNER], 1);
}

static void hello_and_synced_alone_are_answered_with_nothing(void **state)
{
	struct baton_builder b;

	(void)state;
	store(&gw_a);
	begin(&b, BATON_SA_STOR, &gw_a);
	baton_build_notify(&b, BATON_N_HELLO);
	ask(&b, &gw_a);
	assert_int_equal(m.status_count, 0);
	assert_int_equal(t.live, 1); /* HELLO is not a delete */
	begin(&b, BATON_SA_STOR, &gw_a);
	baton_build_notify(&b, BATON_N_SYNCED);
	ask(&b, &gw_a);
	assert_int_equal(m.status_count, 0);
}

static void a_node_that_is_no_store_takes_nothing_new(void **state)
{
	struct baton_report rep = {.kind = BATON_REPORT_MSGID, .protocol = 1, .epoch = 1};
	struct baton_builder b;

	(void)state;
	store(&gw_a);
	v.stores = false;
	s.spi_i++;
	s.children[0].spi_in++;
	begin(&b, BATON_SA_STOR, &gw_a);
	put_session(&b);
	rep.spi_i = s.spi_i;
	rep.spi_r = s.spi_r;
	baton_build_reports(&b, &rep, 1);
	baton_build_delete(&b, &(struct baton_delete){5, 6, 1, 1});
	ask(&b, &gw_a);
	assert_int_equal(statuses[0].status, BATON_E_EXCHANGE);
	assert_int_equal(statuses[1].status, BATON_E_EXCHANGE); /* NOT_FOUND asks for a put */
	assert_int_equal(statuses[2].status, BATON_OK); /* what it has not it need not remember */
	assert_int_equal(t.live, 1);
	assert_int_equal(t.tombstones, 0);
}

static void a_node_that_is_no_store_learns_what_happens_to_what_it_has(void **state)
{
	struct baton_builder b;

	(void)state;
	store(&here);
	v.stores = false;
	s.owner = gw_b;
	s.epoch++;
	begin(&b, BATON_SA_STOR, &gw_b);
	put_session(&b);
	ask(&b, &gw_b);
	assert_int_equal(statuses[0].status, BATON_OK);
	assert_true(baton_id_equal(baton_table_find(&t, s.spi_i, s.spi_r)->owner, &gw_b));
	begin(&b, BATON_SA_STOR, &gw_b);
	baton_build_delete(&b, &(struct baton_delete){s.spi_i, s.spi_r, s.epoch, 100});
	ask(&b, &gw_b);
	assert_true(baton_table_find(&t, s.spi_i, s.spi_r)->deleted);
}

static void nobody_need_listen_to_changes(void **state)
{
	(void)state;
	v.changed = NULL;
	store(&gw_a);
	retrieve(&gw_b, &gw_a, true, 0, 0);
	assert_int_equal(m.session_count, 1);
}

/* ---- SA_Retr by Server ID -------------------------------------------------------------------- */

static void sessions_of_a_server_are_returned(void **state)
{
	(void)state;
	store(&gw_a);
	retrieve(&gw_b, &gw_a, false, 0, 0);
	assert_int_equal(m.session_count, 1);
	assert_int_equal(m.cursor.position, 0);
	read_session(0);
	s.stale = true; /* gw-a has never counted this store in */
	assert_memory_equal(&got, &s, sizeof(s));
	assert_int_equal(baton_table_find(&t, s.spi_i, s.spi_r)->epoch, 3); /* nothing changes */
	assert_int_equal(v.retrieved, 1);
	assert_int_equal(v.claimed, 0);
	retrieve(&gw_a, &gw_b, false, 0, 0);
	assert_int_equal(m.session_count, 0);
	assert_int_equal(m.cursor.position, 0);
}

static void pages_give_every_session_once(void **state)
{
	uint64_t position = 0, seen = 0;
	unsigned pages = 0;

	(void)state;
	store_many(&gw_a, 1, 20);
	store_many(&gw_b, 100, 3);
	store_many(&gw_a, 21, 20);
	do {
		retrieve(&gw_b, &gw_a, false, position, 3000);
		assert_true(m.session_count >= 1 && m.header.length < 4500);
		for (unsigned i = 0; i < m.session_count; i++)
			assert_int_equal(m.sessions[i].spi_i, ++seen);
		position = m.cursor.position;
		pages++;
	} while (position);
	assert_int_equal(seen, 40);
	assert_true(pages > 5);
}

static void a_page_holds_one_session_at_least(void **state)
{
	(void)state;
	store_many(&gw_a, 1, 2);
	retrieve(&gw_b, &gw_a, false, 0, 1);
	assert_int_equal(m.session_count, 1);
	assert_true(m.cursor.position != 0);
	retrieve(&gw_b, &gw_a, false, m.cursor.position, 1);
	assert_int_equal(m.session_count, 1);
	assert_int_equal(m.sessions[0].spi_i, 2);
	assert_int_equal(m.cursor.position, 0);
}

static void the_store_chooses_a_page_when_not_asked(void **state)
{
	(void)state;
	store_many(&gw_a, 1, 60);
	retrieve(&gw_b, &gw_a, false, 0, 0);
	assert_true(m.session_count > 1 && m.session_count < 60);
	assert_true(m.header.length >= BATON_PAGE_BYTES &&
		    m.header.length < BATON_PAGE_BYTES + 2000);
}

static void sessions_stored_or_deleted_between_pages_disturb_nobody(void **state)
{
	uint64_t position;

	(void)state;
	store_many(&gw_a, 1, 4);
	retrieve(&gw_b, &gw_a, false, 0, 1);
	position = m.cursor.position;
	baton_table_bury(&t, baton_table_find(&t, 1, 1), NOW_MS);
	baton_table_bury(&t, baton_table_find(&t, 2, 2), NOW_MS);
	store_many(&gw_a, 5, 1);
	retrieve(&gw_b, &gw_a, false, position, 0);
	assert_int_equal(m.session_count, 3);
	assert_int_equal(m.sessions[0].spi_i, 3);
	assert_int_equal(m.sessions[2].spi_i, 5);
}

static void a_claim_makes_the_requester_the_owner(void **state)
{
	(void)state;
	store(&gw_a);
	changes = 0;
	retrieve(&gw_b, &gw_a, true, 0, 0);
	read_session(0);
	assert_true(baton_id_equal(&got.owner, &gw_b));
	assert_int_equal(got.epoch, 4);
	assert_int_equal(got.version, 18);
	assert_int_equal(got.children[0].counters.out_seq, 66536);
	assert_int_equal(got.children[0].counters.out_lease, 132072);
	assert_int_equal(got.children[0].counters.in_seq, 1400);
	assert_int_equal(v.claimed, 1);
	assert_int_equal(changes, 1);
	retrieve(&gw_b, &gw_b, false, 0, 0);
	assert_int_equal(m.session_count, 1);
}

static void a_repeated_claim_is_answered_again_with_the_same(void **state)
{
	static uint8_t first[BATON_MESSAGE_MAX];
	uint32_t len;

	(void)state;
	store_many(&gw_a, 1, 10);
	retrieve(&gw_b, &gw_a, true, 0, 0);
	assert_int_equal(m.session_count, 10);
	len = m.header.length;
	memcpy(first, out, len);
	again = true;
	retrieve(&gw_b, &gw_a, true, 0, 0); /* the response was lost */
	again = false;
	assert_int_equal(m.header.length, len);
	assert_memory_equal(first, out, len);
	boot++;
	retrieve(&gw_b, &gw_a, true, 0, 0); /* another incarnation has no part in it */
	assert_int_equal(m.session_count, 0);
	retrieve(&gw_b, &gw_b, true, 0, 0); /* but may claim its own */
	read_session(9);
	assert_int_equal(got.epoch, 5);
}

static void claims_page_like_retrievals(void **state)
{
	uint64_t position = 0, seen = 0;

	(void)state;
	store_many(&gw_a, 1, 20);
	do {
		retrieve(&gw_b, &gw_a, true, position, 2000);
		again = true; /* each page twice */
		retrieve(&gw_b, &gw_a, true, position, 2000);
		again = false;
		for (unsigned i = 0; i < m.session_count; i++) {
			read_session(i);
			assert_int_equal(got.spi_i, ++seen);
			assert_int_equal(got.epoch, 4);
		}
		position = m.cursor.position;
	} while (position);
	assert_int_equal(seen, 20);
}

static void what_does_not_fit_is_not_claimed(void **state)
{
	struct baton_builder b;
	size_t one;

	(void)state;
	store_many(&gw_a, 1, 3);
	retrieve(&gw_b, &gw_a, false, 0, 1);
	one = m.header.length;
	begin(&b, BATON_SA_RETR, &gw_b);
	baton_build_id(&b, BATON_PL_IDR, &gw_a);
	baton_build_notify(&b, BATON_N_CLAIM);
	assert_true(ask_as(&b, &gw_b, 2 * one + one / 2) > 0);
	assert_int_equal(baton_table_find(&t, 1, 1)->epoch, 4);
	assert_int_equal(baton_table_find(&t, 3, 3)->epoch, 3);
}

static void a_longer_name_of_the_claimant_needs_its_room(void **state)
{
	struct baton_id wide = {.type = BATON_ID_FQDN, .len = BATON_ID_MAX};
	struct baton_builder b;
	unsigned answered = 0;
	size_t one;

	(void)state;
	memset(wide.data, 'w', BATON_ID_MAX);
	store_many(&gw_a, 1, 1);
	retrieve(&gw_b, &gw_a, false, 0, 1);
	one = m.header.length;
	for (size_t size = one - 100; size < one + 500; size += 4) {
		uint32_t epoch = baton_table_find(&t, 1, 1)->epoch;
		int len;

		begin(&b, BATON_SA_RETR, &wide);
		baton_build_id(&b, BATON_PL_IDR, &gw_a);
		baton_build_notify(&b, BATON_N_CLAIM);
		len = ask_as(&b, &wide, size);
		assert_true(len >
			    0); /* an answer, with the session claimed in it or with neither */
		m.statuses = NULL;
		assert_int_equal(baton_message_decode(&m, out, (size_t)len, NULL), 0);
		assert_int_equal(baton_table_find(&t, 1, 1)->epoch, epoch + m.session_count);
		answered += m.session_count;
	}
	assert_true(answered > 0);
}

/* ---- SA_Retr by SPI -------------------------------------------------------------------------- */

static void an_inbound_spi_gives_its_session_whole(void **state)
{
	(void)state;
	store(&gw_a);
	by_spi(&gw_b, BATON_PROTO_ESP, 0xc1000001, false);
	assert_int_equal(m.session_count, 1);
	assert_false(m.has_cursor);
	read_session(0);
	s.stale = true;
	assert_memory_equal(&got, &s, sizeof(s));
}

static void either_ike_spi_gives_its_session(void **state)
{
	(void)state;
	store(&gw_a);
	by_spi(&gw_b, 1, s.spi_i, false);
	assert_int_equal(m.session_count, 1);
	by_spi(&gw_b, 1, s.spi_r, false);
	assert_int_equal(m.session_count, 1);
}

static void not_found(uint8_t protocol, uint64_t spi)
{
	by_spi(&gw_b, protocol, spi, true);
	assert_int_equal(m.session_count, 0);
	assert_int_equal(m.error, BATON_E_NOT_FOUND);
}

static void spis_of_nothing_are_not_found(void **state)
{
	(void)state;
	store(&gw_a);
	not_found(BATON_PROTO_ESP, 0xc1000002);
	not_found(BATON_PROTO_ESP, 0xca5ca5ca); /* an outbound one */
	not_found(BATON_PROTO_AH, 0xc1000001);	/* the other protocol */
	not_found(1, 12345);
	assert_int_equal(v.refused[BATON_E_NOT_FOUND], 4);
	baton_table_bury(&t, baton_table_find(&t, s.spi_i, s.spi_r), NOW_MS);
	not_found(BATON_PROTO_ESP, 0xc1000001);
	not_found(1, s.spi_i);
}

static void a_tombstone_does_not_hide_a_session_with_the_same_spi(void **state)
{
	(void)state;
	s.child_count = 0;
	store(&gw_a);
	baton_table_bury(&t, baton_table_find(&t, s.spi_i, s.spi_r), NOW_MS);
	s.spi_r++; /* initiators choose theirs freely */
	store(&gw_a);
	by_spi(&gw_b, 1, s.spi_i, false);
	assert_int_equal(m.session_count, 1);
}

static void a_claim_by_spi_takes_that_session_alone(void **state)
{
	(void)state;
	store(&gw_a);
	s.spi_i = 99;
	s.child_count = 0;
	store(&gw_a);
	for (unsigned i = 0; i < 2; i++) { /* the second time the response was lost */
		again = i;
		by_spi(&gw_b, BATON_PROTO_ESP, 0xc1000001, true);
		again = false;
		read_session(0);
		assert_true(baton_id_equal(&got.owner, &gw_b) && got.epoch == 4);
		assert_true(baton_id_equal(&m.subject, &gw_a) == !i); /* whose it was */
	}
	assert_int_equal(baton_table_find(&t, 99, s.spi_r)->epoch, 3);
}

static void a_session_too_large_for_the_answer_is_said_so(void **state)
{
	struct baton_builder b;
	int len;

	(void)state;
	store(&gw_a);
	begin(&b, BATON_SA_RETR, &gw_b);
	baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_by_spi(&b, BATON_PROTO_ESP, 0xc1000001);
	len = ask_as(&b, &gw_b, 300);
	assert_true(len > 0);
	assert_int_equal(baton_message_decode(&m, out, (size_t)len, NULL), 0);
	assert_int_equal(m.error, BATON_E_NOSPACE);
	assert_int_equal(baton_table_find(&t, s.spi_i, s.spi_r)->epoch, 3); /* and not claimed */
}

/* ---- others ---------------------------------------------------------------------------------- */

static void a_ping_is_answered_with_the_time_and_nothing_more(void **state)
{
	struct baton_builder b;

	(void)state;
	begin(&b, BATON_SA_RETR, &gw_a);
	baton_build_notify(&b, BATON_N_PING);
	ask(&b, &gw_a);
	assert_int_equal(m.error, 0);
	assert_int_equal(m.header.length, BATON_IKE_HEADER_LEN + 12 + 16);
	assert_true(m.has_tick && m.tick == NOW_MS);
}

static void a_request_for_nothing_lacks_something(void **state)
{
	struct baton_builder b;

	(void)state;
	begin(&b, BATON_SA_RETR, &gw_a);
	ask(&b, &gw_a);
	assert_int_equal(m.error, BATON_E_MISSING);
}

static void exchanges_of_the_local_socket_are_not_served(void **state)
{
	struct baton_builder b;

	(void)state;
	for (int exchange = BATON_SA_INSTALL; exchange <= BATON_SA_ARM; exchange++) {
		begin(&b, (uint8_t)exchange, &gw_a);
		ask(&b, &gw_a);
		assert_int_equal(m.error, BATON_E_EXCHANGE);
	}
}

static void one_who_is_not_the_peer_is_not_answered(void **state)
{
	struct baton_builder b;

	(void)state;
	begin(&b, BATON_SA_STOR, &gw_a);
	put_session(&b);
	assert_int_equal(ask_as(&b, &gw_b, sizeof(out)), -BATON_E_NOT_PEER);
	assert_int_equal(v.refused[BATON_E_NOT_PEER], 1);
	assert_int_equal(t.live, 0);
}

static void malformed_requests_are_not_answered(void **state)
{
	struct edit e = {req, 0, EDIT_MESSAGE};
	struct baton_builder b;
	int len;

	(void)state;
	begin(&b, BATON_SA_STOR, &gw_a);
	put_session(&b);
	len = baton_build_end(&b);
	assert_true(len > 0);
	for (size_t cut = 0; cut < (size_t)len; cut += 13)
		assert_true(baton_service_answer(&v, &gw_a, req, cut, NOW_MS, out, sizeof(out)) <
			    0);
	e.len = (size_t)len;
	edit_add(&e, 250, true, "what", 4); /* unknown and critical */
	assert_int_equal(baton_service_answer(&v, &gw_a, req, e.len, NOW_MS, out, sizeof(out)),
			 -BATON_E_CRITICAL);
	assert_int_equal(v.refused[BATON_E_CRITICAL], 1);
	assert_int_equal(t.live, 0);
}

static void an_unknown_payload_is_skipped_when_not_critical(void **state)
{
	struct edit e = {req, 0, EDIT_MESSAGE};
	struct baton_builder b;

	(void)state;
	begin(&b, BATON_SA_STOR, &gw_a);
	put_session(&b);
	e.len = (size_t)baton_build_end(&b);
	edit_add(&e, 250, false, "what", 4);
	assert_true(baton_service_answer(&v, &gw_a, req, e.len, NOW_MS, out, sizeof(out)) > 0);
	assert_int_equal(t.live, 1);
}

static void an_answer_without_room_is_none(void **state)
{
	struct baton_builder b;

	(void)state;
	begin(&b, BATON_SA_RETR, &gw_a);
	baton_build_notify(&b, BATON_N_PING);
	assert_int_equal(ask_as(&b, &gw_a, 30), -BATON_E_NOSPACE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_put_is_answered_with_what_the_store_has),
		CASE(what_was_put_to_an_earlier_incarnation_is_not_stored),
		CASE(statuses_come_in_the_order_of_the_items),
		CASE(a_session_that_cannot_be_read_is_refused_alone),
		CASE(refused_items_change_nothing),
		CASE(hello_and_synced_alone_are_answered_with_nothing),
		CASE(a_node_that_is_no_store_takes_nothing_new),
		CASE(a_node_that_is_no_store_learns_what_happens_to_what_it_has),
		CASE(nobody_need_listen_to_changes),
		CASE(sessions_of_a_server_are_returned),
		CASE(pages_give_every_session_once),
		CASE(a_page_holds_one_session_at_least),
		CASE(the_store_chooses_a_page_when_not_asked),
		CASE(sessions_stored_or_deleted_between_pages_disturb_nobody),
		CASE(a_claim_makes_the_requester_the_owner),
		CASE(a_repeated_claim_is_answered_again_with_the_same),
		CASE(claims_page_like_retrievals),
		CASE(what_does_not_fit_is_not_claimed),
		CASE(a_longer_name_of_the_claimant_needs_its_room),
		CASE(an_inbound_spi_gives_its_session_whole),
		CASE(either_ike_spi_gives_its_session),
		CASE(spis_of_nothing_are_not_found),
		CASE(a_tombstone_does_not_hide_a_session_with_the_same_spi),
		CASE(a_claim_by_spi_takes_that_session_alone),
		CASE(a_session_too_large_for_the_answer_is_said_so),
		CASE(a_ping_is_answered_with_the_time_and_nothing_more),
		CASE(a_request_for_nothing_lacks_something),
		CASE(exchanges_of_the_local_socket_are_not_served),
		CASE(one_who_is_not_the_peer_is_not_answered),
		CASE(malformed_requests_are_not_answered),
		CASE(an_unknown_payload_is_skipped_when_not_critical),
		CASE(an_answer_without_room_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
