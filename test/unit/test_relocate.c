/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions that come to another address: docs/protocol.md 5.4. */
#include "core/relocate.h"
#include "sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static const struct baton_addr from = {.family = AF_INET, .port = 4500, .ip = {192, 0, 2, 1}},
			       to = {.family = AF_INET, .ip = {198, 51, 100, 7}};

static struct baton_session s;

static struct baton_ts host(const struct baton_addr *a)
{
	struct baton_ts ts = {
		.family = a->family, .protocol = 17, .port_start = 5060, .port_end = 5060};

	memcpy(ts.ip_start, a->ip, sizeof(a->ip));
	memcpy(ts.ip_end, a->ip, sizeof(a->ip));
	return ts;
}

static int setup(void **state)
{
	struct baton_child *c = &s.children[0];

	(void)state;
	sample_session(&s);
	s.local = from;
	s.flags = 0;
	c->local_ts_count = 2;
	c->local_ts[0] = c->local_ts[1] = host(&from);
	c->local_ts[1].ip_end[3] = 9; /* a range */
	c->policy_count = 1;
	c->policies[0].local = host(&from);
	c->policies[0].remote = host(&from);
	return 0;
}

static void it_has_the_address_and_the_mark(void **state)
{
	(void)state;
	baton_session_relocate(&s, &to);
	assert_memory_equal(s.local.ip, to.ip, 16);
	assert_int_equal(s.local.port, 4500);
	assert_true(s.flags & BATON_IKE_MOVED);
}

static void selectors_of_a_tunnel_stay(void **state)
{
	struct baton_ts want = host(&from);

	(void)state;
	s.children[0].mode = BATON_MODE_TUNNEL;
	baton_session_relocate(&s, &to);
	assert_memory_equal(&s.children[0].local_ts[0], &want, sizeof(want));
	assert_memory_equal(&s.children[0].policies[0].local, &want, sizeof(want));
}

static void in_transport_mode_they_follow_the_address(void **state)
{
	struct baton_ts want = host(&to), old = host(&from);

	(void)state;
	s.children[0].mode = BATON_MODE_TRANSPORT;
	baton_session_relocate(&s, &to);
	assert_memory_equal(&s.children[0].local_ts[0], &want, sizeof(want));
	assert_memory_equal(&s.children[0].policies[0].local, &want, sizeof(want));
	assert_memory_equal(&s.children[0].policies[0].remote, &old, sizeof(old));
	old.ip_end[3] = 9; /* what is more than the address says nothing of it */
	assert_memory_equal(&s.children[0].local_ts[1], &old, sizeof(old));
}

/* ---- the other family ------------------------------------------------------------------------ */

static const struct baton_addr peer = {.family = AF_INET, .port = 1024, .ip = {203, 0, 113, 5}},
			       six = {.family = AF_INET6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
			       peers_six = {.family = AF_INET6,
					    .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 5}},
			       linked = {.family = AF_INET6, .ip = {0xfe, 0x80, [15] = 5}};

static int setup_six(void **state)
{
	setup(state);
	s.remote = peer;
	s.children[0].mode = BATON_MODE_TUNNEL;
	s.extra_addr_count = 2;
	s.extra_addrs[0] = linked;
	s.extra_addrs[1] = peers_six;
	return 0;
}

static void of_our_addresses_it_gets_one_of_its_family(void **state)
{
	const struct baton_addr ours[] = {six, to, from};

	(void)state;
	assert_ptr_equal(baton_relocate_to(&s, ours, 3), &ours[2]);
	assert_ptr_equal(baton_relocate_to(&s, ours, 2), &ours[1]);
	assert_ptr_equal(baton_relocate_to(&s, ours, 1), &ours[0]);
	assert_null(baton_relocate_to(&s, ours, 0));
}

static void another_family_needs_an_address_of_the_peer_there(void **state)
{
	(void)state;
	s.extra_addr_count = 1;
	assert_null(baton_relocate_to(&s, &six, 1));
}

static void in_transport_mode_the_family_stays(void **state)
{
	(void)state;
	s.children[0].mode = BATON_MODE_TRANSPORT;
	assert_null(baton_relocate_to(&s, &six, 1));
}

static void both_ends_change_family_and_the_way_back_is_kept(void **state)
{
	(void)state;
	baton_session_relocate(&s, &six);
	assert_int_equal(s.local.family, AF_INET6);
	assert_memory_equal(s.local.ip, six.ip, 16);
	assert_int_equal(s.local.port, 4500);
	assert_int_equal(s.remote.family, AF_INET6);
	assert_memory_equal(s.remote.ip, peers_six.ip, 16);
	assert_int_equal(s.remote.port, 4500);
	baton_session_relocate(&s, &from);
	assert_int_equal(s.remote.family, AF_INET);
	assert_memory_equal(s.remote.ip, peer.ip, 16);
	assert_int_equal(s.remote.port, 4500);
	assert_memory_equal(s.extra_addrs[1].ip, peers_six.ip, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_has_the_address_and_the_mark, setup),
		cmocka_unit_test_setup(selectors_of_a_tunnel_stay, setup),
		cmocka_unit_test_setup(in_transport_mode_they_follow_the_address, setup),
		cmocka_unit_test_setup(of_our_addresses_it_gets_one_of_its_family, setup_six),
		cmocka_unit_test_setup(another_family_needs_an_address_of_the_peer_there,
				       setup_six),
		cmocka_unit_test_setup(in_transport_mode_the_family_stays, setup_six),
		cmocka_unit_test_setup(both_ends_change_family_and_the_way_back_is_kept, setup_six),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
