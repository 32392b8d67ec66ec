/* SPDX-License-Identifier: BSD-2-Clause */
/* The session table: finding, replacing, burying, rendering (src/store/table.h). */
#include "sample.h"
#include "store/table.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define MAX 8u
#define NOW_MS 1000000u

static struct baton_table t;
static struct baton_session s, got;
static uint8_t buf[BATON_MESSAGE_MAX];

static int setup(void **state)
{
	(void)state;
	sample_session(&s);
	return baton_table_init(&t, MAX, 0x5eed);
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

static void what_was_stored_is_found(void **state)
{
	struct baton_record *r = store();

	(void)state;
	assert_ptr_equal(baton_table_find(&t, s.spi_i, s.spi_r), r);
	assert_null(baton_table_find(&t, s.spi_r, s.spi_i));
	assert_null(baton_table_find(&t, s.spi_i, s.spi_r + 1));
	assert_ptr_equal(baton_table_find_in(&t, 0xc1000001)->record, r);
	assert_null(baton_table_find_in(&t, 0xc1000002));
	assert_ptr_equal(baton_record_mark(r, 0xc1000001), baton_table_find_in(&t, 0xc1000001));
	assert_null(baton_record_mark(r, 0xca5ca5ca));
	assert_int_equal(t.live, 1);
	assert_int_equal(t.body_bytes, r->body_len);
}

static void outbound_spi_is_found_by_its_address(void **state)
{
	struct baton_addr other = s.remote;
	struct baton_record *r = store();

	(void)state;
	other.port = 1; /* a NAT may move the port */
	assert_ptr_equal(baton_table_find_out(&t, 0xca5ca5ca, &other)->record, r);
	other.ip[3] ^= 1;
	assert_null(baton_table_find_out(&t, 0xca5ca5ca, &other));
	assert_null(baton_table_find_out(&t, 0xca5ca5cb, &s.remote));
}

static void two_peers_may_choose_the_same_spi(void **state)
{
	struct baton_record *a = store(), *b;
	struct baton_addr remote = s.remote;

	(void)state;
	s.spi_i++;
	s.children[0].spi_in++;
	s.remote.ip[3] ^= 1;
	b = store();
	assert_ptr_equal(baton_table_find_out(&t, 0xca5ca5ca, &remote)->record, a);
	assert_ptr_equal(baton_table_find_out(&t, 0xca5ca5ca, &s.remote)->record, b);
}

static void addresses_of_two_families_are_never_equal(void **state)
{
	struct baton_addr four = {.family = AF_INET}, six = {.family = AF_INET6}, sixteen = six;

	(void)state;
	assert_false(baton_addr_equal(&four, &six));
	sixteen.ip[15] = 1;
	assert_false(baton_addr_equal(&six, &sixteen));
	four.ip[15] = 1; /* not part of an IPv4 address */
	assert_true(baton_addr_equal(&four, &(struct baton_addr){.family = AF_INET, .port = 9}));
}

static void ids_are_compared_octet_by_octet(void **state)
{
	const struct baton_id a = {BATON_ID_FQDN, 4, "gw-a"};

	(void)state;
	assert_true(baton_id_equal(&a, &(struct baton_id){BATON_ID_FQDN, 4, "gw-a?"}));
	assert_false(baton_id_equal(&a, &(struct baton_id){BATON_ID_FQDN, 4, "gw-A"}));
	assert_false(baton_id_equal(&a, &(struct baton_id){BATON_ID_FQDN, 5, "gw-a"}));
	assert_false(baton_id_equal(&a, &(struct baton_id){BATON_ID_IPV4, 4, "gw-a"}));
}

static void a_full_table_takes_no_more(void **state)
{
	struct baton_record *r = NULL;

	(void)state;
	for (unsigned i = 0; i < MAX; i++)
		assert_non_null(r = baton_table_add(&t, 1, i + 1));
	assert_null(baton_table_add(&t, 2, 1));
	baton_table_bury(&t, r, NOW_MS); /* a tombstone takes no live place */
	assert_int_equal(t.live, MAX - 1);
	assert_int_equal(t.tombstones, 1);
	assert_non_null(baton_table_add(&t, 2, 1));
	assert_null(baton_table_add(&t, 2, 2));
}

static void many_records_are_all_found(void **state)
{
	struct baton_table big;

	(void)state;
	assert_int_equal(baton_table_init(&big, 40000, 7), 0);
	assert_true(big.buckets >= 40000 && (big.buckets & (big.buckets - 1)) == 0);
	for (uint64_t i = 1; i <= 40000; i++)
		assert_non_null(baton_table_add(&big, i, i << 32));
	for (uint64_t i = 1; i <= 40000; i += 7)
		assert_int_equal(baton_table_find(&big, i, i << 32)->serial, i);
	for (uint64_t i = 1; i <= 40000; i += 2)
		baton_table_drop(&big, baton_table_find(&big, i, i << 32));
	for (uint64_t i = 1; i <= 40000; i++)
		assert_int_equal(baton_table_find(&big, i, i << 32) != NULL, i % 2 == 0);
	assert_int_equal(big.live, 20000);
	baton_table_free(&big);
}

static void replacing_keeps_counters_and_watch_of_known_sas(void **state)
{
	struct baton_record *r = store();
	struct baton_mark *m = baton_record_mark(r, 0xc1000001);

	(void)state;
	m->counters = (struct baton_counters){5000, 70000, 4000, 4400};
	m->watched = m->moving = true;
	m->seen_ms = 42;
	s.version++;
	s.child_count = 2;
	s.children[1] = s.children[0];
	s.children[1].spi_in = 0xc1000002;
	store();
	assert_int_equal(r->version, 18);
	assert_int_equal(r->mark_count, 2);
	m = baton_record_mark(r, 0xc1000001);
	assert_int_equal(m->counters.out_seq, 5000);
	assert_int_equal(m->counters.in_limit, 4400);
	assert_true(m->watched && m->moving && m->seen_ms == 42);
	m = baton_record_mark(r, 0xc1000002);
	assert_int_equal(m->counters.out_seq, 1000); /* a new one begins with its own */
	assert_false(m->watched || m->moving);
}

static void same_inbound_spi_with_another_outbound_one_is_another_sa(void **state)
{
	struct baton_record *r = store();

	(void)state;
	baton_record_mark(r, 0xc1000001)->counters.out_seq = 5000;
	s.children[0].spi_out++;
	store();
	assert_int_equal(baton_record_mark(r, 0xc1000001)->counters.out_seq, 1000);
	assert_null(baton_table_find_out(&t, 0xca5ca5ca, &s.remote));
	assert_ptr_equal(baton_table_find_out(&t, 0xca5ca5cb, &s.remote)->record, r);
}

static void children_that_are_gone_are_found_no_more(void **state)
{
	struct baton_record *r = store();

	(void)state;
	s.child_count = 0;
	store();
	assert_int_equal(r->mark_count, 0);
	assert_null(baton_table_find_in(&t, 0xc1000001));
	assert_null(baton_table_find_out(&t, 0xca5ca5ca, &s.remote));
}

static void an_sa_moves_to_the_new_ike_sa_with_its_counters(void **state)
{
	struct baton_record *old = store(), *new;

	(void)state;
	baton_record_mark(old, 0xc1000001)->counters.out_seq = 5000;
	s.spi_i++;
	new = store();
	assert_ptr_equal(baton_table_find_in(&t, 0xc1000001)->record, new);
	assert_ptr_equal(baton_table_find_out(&t, 0xca5ca5ca, &s.remote)->record, new);
	assert_int_equal(baton_table_find_in(&t, 0xc1000001)->counters.out_seq, 5000);
	baton_table_bury(&t, old, NOW_MS);
	assert_ptr_equal(baton_table_find_in(&t, 0xc1000001)->record, new);
	baton_table_drop(&t, new);
	assert_null(baton_table_find_in(&t, 0xc1000001));
}

static void what_cannot_be_encoded_changes_nothing(void **state)
{
	struct baton_record *r = store();
	const uint8_t *body = r->body;

	(void)state;
	s.version++;
	s.sk_d.len = 0;
	assert_int_equal(baton_table_replace(&t, r, &s, NOW_MS), -BATON_E_MISSING);
	assert_ptr_equal(r->body, body);
	assert_int_equal(r->version, 17);
	assert_non_null(baton_table_find_in(&t, 0xc1000001));
}

static void a_buried_record_keeps_no_keys(void **state)
{
	struct baton_record *r = store();

	(void)state;
	baton_table_bury(&t, r, NOW_MS);
	assert_true(r->deleted);
	assert_null(r->body);
	assert_int_equal(r->body_len + r->mark_count + t.body_bytes + t.live, 0);
	assert_int_equal(t.tombstones, 1);
	assert_ptr_equal(baton_table_find(&t, s.spi_i, s.spi_r), r);
	assert_null(baton_table_find_in(&t, 0xc1000001));
	assert_true(baton_record_render(r, NOW_MS, &got, buf, sizeof(buf)) < 0);
	baton_table_bury(&t, r, NOW_MS + 5); /* again: nothing */
	assert_int_equal(t.tombstones, 1);
	assert_int_equal(r->stored_ms, NOW_MS);
}

static void tombstones_go_after_an_hour(void **state)
{
	struct baton_record *r = store();

	(void)state;
	assert_int_equal(baton_record_attach(&t, r), 0);
	baton_table_bury(&t, r, NOW_MS);
	baton_table_sweep(&t, NOW_MS + BATON_TOMBSTONE_MS);
	assert_non_null(baton_table_find(&t, s.spi_i, s.spi_r));
	r->peers[3].dirty = 4; /* a peer has not heard of it yet */
	baton_table_sweep(&t, NOW_MS + BATON_TOMBSTONE_MS + 1);
	assert_non_null(baton_table_find(&t, s.spi_i, s.spi_r));
	r->peers[3].dirty = 0;
	r->peers[0].flying = true;
	baton_table_sweep(&t, NOW_MS + BATON_TOMBSTONE_MS + 1);
	assert_non_null(baton_table_find(&t, s.spi_i, s.spi_r));
	r->peers[0].flying = false;
	baton_table_sweep(&t, NOW_MS + BATON_TOMBSTONE_MS + 1);
	assert_null(baton_table_find(&t, s.spi_i, s.spi_r));
	assert_int_equal(t.tombstones, 0);
}

static void a_sweep_leaves_the_living(void **state)
{
	(void)state;
	store();
	baton_table_sweep(&t, NOW_MS + 10u * BATON_TOMBSTONE_MS);
	assert_non_null(baton_table_find(&t, s.spi_i, s.spi_r));
}

static void too_many_tombstones_go_the_oldest_first(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= MAX + 3; i++)
		baton_table_bury(&t, baton_table_add(&t, 9, i), NOW_MS);
	assert_int_equal(t.tombstones, MAX + 3);
	baton_table_sweep(&t, NOW_MS);
	assert_int_equal(t.tombstones, MAX);
	for (unsigned i = 1; i <= MAX + 3; i++)
		assert_int_equal(baton_table_find(&t, 9, i) != NULL, i > 3);
}

static void render_tells_the_state_of_now(void **state)
{
	struct baton_record *r = store();
	int len;

	(void)state;
	assert_int_equal(
		baton_record_set_owner(&t, r, &(struct baton_id){BATON_ID_FQDN, 6, "gw-b-2"}), 0);
	r->epoch = 9;
	r->version = 99;
	r->msgid_in = 77;
	r->msgid_out = 78;
	r->marks[0].counters = (struct baton_counters){1, 2, 3, 4};
	len = baton_record_render(r, NOW_MS, &got, buf, sizeof(buf));
	assert_true(len > 0);
	assert_int_equal(got.sk_d.len, 0); /* the scratch is wiped */
	assert_int_equal(baton_session_decode(&got, buf, (size_t)len, NULL), 0);
	s.owner = *r->owner;
	s.epoch = 9;
	s.version = 99;
	s.msgid_in = 77;
	s.msgid_out = 78;
	s.children[0].counters = r->marks[0].counters;
	assert_memory_equal(&got, &s, sizeof(s));
}

static void lifetimes_go_on_in_the_store(void **state)
{
	struct baton_record *r = store();

	(void)state;
	assert_int_equal(baton_record_decode(r, NOW_MS + 999, &got), 0);
	assert_int_equal(got.life.rekey_s, 13000);
	assert_int_equal(baton_record_decode(r, NOW_MS + 2999000, &got), 0);
	assert_int_equal(got.life.rekey_s, 13000 - 2999);
	assert_int_equal(got.life.reauth_s, 0); /* none is set: none appears */
	assert_int_equal(got.children[0].life.rekey_s, 1);
	assert_int_equal(got.children[0].life.expire_s, 601);
	assert_int_equal(baton_record_decode(r, NOW_MS + 3000000, &got), 0);
	assert_int_equal(got.children[0].life.rekey_s, 1); /* expired is 1, not "none" */
	baton_session_wipe(&got);
}

static void render_needs_room(void **state)
{
	struct baton_record *r = store();

	(void)state;
	assert_int_equal(baton_record_render(r, NOW_MS, &got, buf, 100), -BATON_E_NOSPACE);
	assert_int_equal(got.sk_d.len, 0);
}

/* Rendered by writing over its octets, and by decoding and encoding them. */
static void octets_written_over_are_those_encoded_anew(void **state)
{
	static uint8_t other[BATON_MESSAGE_MAX];
	struct sample_random rnd = {21};

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		const uint64_t now_ms = NOW_MS + sample_next(&rnd) % 100000000u;
		struct baton_id owner = {BATON_ID_FQDN, (uint16_t)(1 + i % 80), ""};
		struct baton_record *r;
		int len;

		sample_random_session(&s, &rnd);
		sample_fill(&rnd, owner.data, owner.len);
		r = store();
		assert_int_equal(baton_record_set_owner(&t, r, &owner), 0);
		r->epoch = (uint32_t)sample_next(&rnd);
		r->version = sample_next(&rnd);
		r->msgid_in = (uint32_t)sample_next(&rnd);
		for (unsigned m = 0; m < r->mark_count; m++)
			sample_fill(&rnd, &r->marks[m].counters, sizeof(r->marks[m].counters));
		assert_int_not_equal(r->at_msgids, 0);
		len = baton_record_render(r, now_ms, &got, buf, sizeof(buf));
		assert_int_equal(len, baton_record_size(r, &owner));
		r->at_msgids = 0;
		assert_int_equal(baton_record_render(r, now_ms, &got, other, sizeof(other)), len);
		assert_memory_equal(buf, other, (size_t)len);
		baton_table_drop(&t, r);
	}
}

static void the_ike_sa_is_found_by_either_spi(void **state)
{
	struct baton_record *r = store(), *second;

	(void)state;
	assert_ptr_equal(baton_table_find_ike(&t, s.spi_i), r);
	assert_ptr_equal(baton_table_find_ike(&t, s.spi_r), r);
	assert_null(baton_table_find_ike(&t, s.spi_r + 1));
	second = baton_table_add(&t, s.spi_r, 77); /* the client's SPI is another's of ours */
	assert_ptr_equal(baton_table_find_ike(&t, s.spi_r), r);
	baton_table_bury(&t, r, NOW_MS);
	assert_ptr_equal(baton_table_find_ike(&t, s.spi_r), second);
	assert_null(baton_table_find_ike(&t, s.spi_i));
	baton_table_drop(&t, second);
	assert_null(baton_table_find_ike(&t, 77));
}

static void a_server_id_is_kept_as_long_as_it_owns_something(void **state)
{
	static const struct baton_id a = {BATON_ID_FQDN, 4, "gw-a"}, b = {BATON_ID_FQDN, 4, "gw-b"};
	struct baton_record *first = store(), *second = baton_table_add(&t, 5, 6);

	(void)state;
	assert_int_equal(second->owner->type, 0);
	assert_int_equal(baton_record_set_owner(&t, second, &a), 0);
	assert_ptr_equal(second->owner, first->owner);
	assert_int_equal(baton_record_set_owner(&t, first, &b), 0);
	assert_true(baton_id_equal(second->owner, &a));
	assert_int_equal(baton_record_set_owner(&t, second, &b), 0);
	assert_ptr_equal(second->owner, first->owner);
	baton_table_drop(&t, first);
	assert_true(baton_id_equal(second->owner, &b));
	baton_table_drop(&t, second);
	assert_null(t.owners);
}

static void any_session_survives_the_table(void **state)
{
	struct sample_random rnd = {20};

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct baton_record *r;

		sample_random_session(&s, &rnd);
		r = store();
		assert_int_equal(baton_record_decode(r, NOW_MS, &got), 0);
		assert_int_equal(got.version, s.version);
		for (unsigned c = 0; c < s.child_count; c++)
			assert_ptr_equal(baton_table_find_in(&t, s.children[c].spi_in)->record, r);
		baton_table_drop(&t, r);
		for (unsigned c = 0; c < s.child_count; c++)
			assert_null(baton_table_find_in(&t, s.children[c].spi_in));
	}
	assert_int_equal(t.live + t.body_bytes, 0);
	baton_session_wipe(&got);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_was_stored_is_found),
		CASE(outbound_spi_is_found_by_its_address),
		CASE(two_peers_may_choose_the_same_spi),
		CASE(addresses_of_two_families_are_never_equal),
		CASE(ids_are_compared_octet_by_octet),
		CASE(a_full_table_takes_no_more),
		CASE(many_records_are_all_found),
		CASE(replacing_keeps_counters_and_watch_of_known_sas),
		CASE(same_inbound_spi_with_another_outbound_one_is_another_sa),
		CASE(children_that_are_gone_are_found_no_more),
		CASE(an_sa_moves_to_the_new_ike_sa_with_its_counters),
		CASE(what_cannot_be_encoded_changes_nothing),
		CASE(a_buried_record_keeps_no_keys),
		CASE(tombstones_go_after_an_hour),
		CASE(a_sweep_leaves_the_living),
		CASE(too_many_tombstones_go_the_oldest_first),
		CASE(render_tells_the_state_of_now),
		CASE(lifetimes_go_on_in_the_store),
		CASE(render_needs_room),
		CASE(octets_written_over_are_those_encoded_anew),
		CASE(the_ike_sa_is_found_by_either_spi),
		CASE(a_server_id_is_kept_as_long_as_it_owns_something),
		CASE(any_session_survives_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
