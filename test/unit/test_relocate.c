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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_has_the_address_and_the_mark, setup),
		cmocka_unit_test_setup(selectors_of_a_tunnel_stay, setup),
		cmocka_unit_test_setup(in_transport_mode_they_follow_the_address, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
